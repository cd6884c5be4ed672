#include "source/poll_wait.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/backoff.h"
#include "base/redactor.h"
#include "config/value_text.h"

namespace firn::source {
namespace {

constexpr size_t kQuotedBytesMax = 300;

}  // namespace

PollWait::PollWait(const config::PollTimes& times, const Clock& clock)
    : times_(times), clock_(clock), sleep_scale_(SleepScale()), start_(clock.Steady()), next_ms_(times.every_ms) {}

Status PollWait::Wait(const io::HttpHeaders& answer, std::stop_token stop) {
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting for a job");
  int64_t delay_ms = std::exchange(next_ms_, std::min(next_ms_ + next_ms_ / 2, times_.every_max_ms));
  if (const auto text = answer.Get("retry-after")) {
    if (const auto wanted = io::ParseRetryAfter(*text, clock_.Now())) delay_ms = std::max(delay_ms, wanted->count());
  }
  const auto real = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Steady() - start_).count();
  const int64_t used_ms = waited_ms_ + std::max<int64_t>(0, real - slept_ms_);
  if (delay_ms > times_.timeout_ms - used_ms) {
    return MakeError(Fault::kUnreachable, "the job did not end within " + config::FormatDuration(times_.timeout_ms),
                     {.code = "E0543",
                      .why = "the API still says that it is under way, and there it goes on",
                      .state = "nothing of it was read",
                      .next = "raise `timeout` of the poll, or run again when the API has less to do"});
  }
  waited_ms_ += delay_ms;
  const auto slept = std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(delay_ms) * sleep_scale_));
  slept_ms_ += slept.count();
  return clock_.Sleep(slept, std::move(stop));
}

Status JobFailed(const io::HttpResponse& answer) {
  std::string quoted = ProcessRedactor().Redact(std::string(answer.text()));
  if (quoted.size() > kQuotedBytesMax) {
    size_t end = kQuotedBytesMax;
    while (end > 0 && (static_cast<unsigned char>(quoted[end]) & 0xC0) == 0x80) --end;  // whole characters of UTF-8
    quoted = quoted.substr(0, end) + "…";
  }
  for (char& c : quoted) c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return MakeError(Fault::kBadData, "the job failed, says the API",
                   {.code = "E0542",
                    .why = std::move(quoted),
                    .state = "nothing of it was read",
                    .next = "correct what the job is asked for, or run again: the next run begins a new one"});
}

}  // namespace firn::source
