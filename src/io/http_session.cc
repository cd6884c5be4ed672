#include "io/http_session.h"

#include <arrow/buffer.h>

#include <utility>

#include "io/body_file.h"
#include "io/url.h"

namespace firn::io {

// What one exchange came to: an end (result), or another try after at least `delay`.
struct HttpSession::Outcome {
  std::optional<Result<HttpResponse>> result;
  Status error;           // of the try, if another follows
  milliseconds delay{0};  // the server's wish
  bool at_once = false;   // after renewed credentials: no back-off
  bool asked = false;     // the classifier says that the server asks to wait: no fault that uses up attempts
};

namespace {

bool IsRepeatable(const HttpRequest& request) {
  return request.repeatable.value_or(request.method != "POST" && request.method != "PATCH");
}

// Some APIs say "too many requests" with a 403.
bool IsDisguisedThrottle(const HttpResponse& response, const RateLimitState& limits) {
  return response.status == 403 && (response.headers.Has("retry-after") || limits.remaining == 0);
}

std::optional<milliseconds> ServerDelay(const HttpResponse& response, const RateLimitState& limits, Timestamp now) {
  if (const auto text = response.headers.Get("retry-after")) {
    if (const auto delay = ParseRetryAfter(*text, now)) return delay;
  }
  const bool throttled = response.status == 429 || response.status == 403;
  return throttled && limits.remaining.value_or(0) == 0 ? limits.reset : std::nullopt;
}

Status GaveUp(const HttpRequest& request, const Status& why, const Status& last) {
  const ErrorContext* context = ContextOf(last);
  return MakeError(
      Fault::kUnreachable,
      why.message() + ": " + request.method + " " + RedactUrl(request.url) + "; last error: " + last.message(),
      {.code = context != nullptr ? context->code : "",
       .why = context != nullptr ? context->why : "",
       .state = context != nullptr ? context->state : "",
       .next = "run again later; what was committed stays"});
}

HttpSessionOptions Scaled(HttpSessionOptions options) {
  options.backoff.sleep_scale = options.sleep_scale;
  return options;
}

}  // namespace

bool IsThrottled(const HttpResponse& response, Timestamp now) {
  return response.status == 429 || IsDisguisedThrottle(response, ParseRateLimit(response.headers, now));
}

HttpSession::HttpSession(HttpClient& client, const Clock& clock, HttpSessionOptions options)
    : client_(client), clock_(clock), options_(Scaled(std::move(options))) {}

Result<HttpResponse> HttpSession::Send(const HttpRequest& request, std::stop_token stop) {
  std::optional<Backoff> faults(std::in_place, options_.backoff, clock_);
  Backoff asked({.total_ms = options_.throttled_total.count(), .sleep_scale = options_.sleep_scale}, clock_);
  bool renewed = false;
  for (;;) {
    Outcome outcome = Exchange(request, stop, &renewed);
    if (outcome.result) return *std::move(outcome.result);
    if (outcome.at_once) continue;
    if (outcome.delay > options_.server_delay_max) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(outcome.delay).count();
      return GaveUp(request,
                    MakeError(Fault::kUnreachable, "the server asks to come back in " + std::to_string(seconds) + " s"),
                    outcome.error);
    }
    Backoff& backoff = outcome.asked ? asked : *faults;
    const int64_t before = backoff.waited_ms();
    const auto tell = [&](const BackoffWait& wait) { options_.on_wait({.wait = wait, .error = outcome.error}); };
    const Status waited =
        options_.on_wait ? backoff.Wait(stop, outcome.delay, tell) : backoff.Wait(stop, outcome.delay);
    counters_.waited_ms += backoff.waited_ms() - before;
    if (!waited.ok()) {
      return FaultOf(waited) == Fault::kUnreachable ? GaveUp(request, waited, outcome.error) : waited;
    }
    ++counters_.num_retries;
    if (outcome.asked) faults.emplace(options_.backoff, clock_);  // the time that was waited is not theirs
  }
}

HttpSession::Outcome HttpSession::Exchange(const HttpRequest& request, std::stop_token stop, bool* renewed) {
  RateBudget::Permit permit;
  if (options_.rate_budget != nullptr) {
    int64_t waited_ms = 0;
    auto granted = options_.rate_budget->Acquire(options_.claimant, stop, options_.server_delay_max, &waited_ms);
    counters_.waited_ms += waited_ms;
    if (!granted.ok()) return {.result = granted.status()};
    permit = *std::move(granted);
  }
  HttpRequest authorized = request;
  if (options_.authorizer != nullptr) {
    if (Status status = options_.authorizer->Authorize(authorized, stop); !status.ok()) return {.result = status};
  }
  ++counters_.num_requests;
  auto answer = client_.Send(authorized, stop);
  permit.Release();
  if (!answer.ok()) return JudgeError(request, answer.status());
  counters_.body_bytes += answer->body->size() + (request.body_file == nullptr ? 0 : request.body_file->size());
  counters_.wire_bytes += answer->wire_bytes;
  if (answer->status == 401 && options_.authorizer != nullptr && !std::exchange(*renewed, true)) {
    auto again = options_.authorizer->Renew(authorized, stop);
    if (!again.ok()) return {.result = again.status()};
    if (*again) return {.error = HttpStatusError(*answer), .at_once = true};
  }
  return JudgeResponse(request, *std::move(answer));
}

HttpSession::Outcome HttpSession::Again(const HttpRequest& request, Status error, std::optional<milliseconds> delay,
                                        bool not_applied) const {
  if (!IsRepeatable(request) && !not_applied) {
    return {.result = MakeError(Fault::kOutcomeUnknown, "the request may have been applied: " + error.message())};
  }
  return {.error = std::move(error), .delay = delay.value_or(milliseconds(0))};
}

HttpSession::Outcome HttpSession::JudgeError(const HttpRequest& request, const Status& error) const {
  if (FaultOf(error) != Fault::kTransient) return {.result = error};
  return Again(request, error, std::nullopt, WasNotSent(error));
}

HttpSession::Outcome HttpSession::JudgeResponse(const HttpRequest& request, HttpResponse response) {
  const auto verdict = options_.classify ? options_.classify(response) : std::nullopt;
  if (!verdict) return JudgeStatus(request, std::move(response));
  const std::string place = "HTTP status " + std::to_string(response.status) + ", " +
                            (verdict->reason.empty() ? "by rule" : verdict->reason) + ": " +
                            RedactUrl(response.effective_url);
  switch (verdict->action) {
    case HttpVerdict::Action::kAccept:
      return {.result = std::move(response)};
    case HttpVerdict::Action::kFail:
      return {.result = MakeError(verdict->fault, place, verdict->context)};
    case HttpVerdict::Action::kThrottled:
      ++counters_.num_throttled;
      if (options_.rate_budget != nullptr && verdict->delay) options_.rate_budget->Pause(*verdict->delay);
      return {.error = MakeError(Fault::kThrottled, place, verdict->context),
              .delay = verdict->delay.value_or(milliseconds(0)),
              .asked = true};
    case HttpVerdict::Action::kRetry:
      return Again(request, MakeError(Fault::kTransient, place, verdict->context), verdict->delay,
                   /*not_applied=*/false);
  }
  return {.result = MakeError(Fault::kBug, "unknown verdict")};
}

HttpSession::Outcome HttpSession::JudgeStatus(const HttpRequest& request, HttpResponse response) {
  const Timestamp now = clock_.Now();
  const RateLimitState limits = ParseRateLimit(response.headers, now);
  Status error = HttpStatusError(response);
  if (error.ok()) {
    if (options_.rate_budget != nullptr) options_.rate_budget->Observe(limits);
    return {.result = std::move(response)};
  }
  const Fault fault = FaultOf(error);
  const bool throttled = fault == Fault::kThrottled || IsDisguisedThrottle(response, limits);
  if (!throttled && fault != Fault::kTransient) return {.result = std::move(error)};
  const auto delay = ServerDelay(response, limits, now);
  if (throttled) {
    ++counters_.num_throttled;
    if (options_.rate_budget != nullptr && delay) options_.rate_budget->Pause(*delay);
  }
  return Again(request, std::move(error), delay, throttled);
}

}  // namespace firn::io
