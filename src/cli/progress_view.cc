#include "cli/progress_view.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/byte_size.h"
#include "cli/app.h"

namespace firn::cli {
namespace {

using pipeline::TablePhase;
using pipeline::TableProgress;

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kHeartbeat{30};
constexpr std::chrono::seconds kWaitEvery{5};  // lines about waiting, of one table

const char* PhaseName(TablePhase phase) {
  switch (phase) {
    case TablePhase::kWaiting:
      return "waiting";
    case TablePhase::kReading:
      return "reading";
    case TablePhase::kWriting:
      return "writing";
    case TablePhase::kCommitting:
      return "committing";
    case TablePhase::kDone:
      return "done";
    case TablePhase::kFailed:
      return "failed";
  }
  return "";
}

std::string Line(const TableProgress& table) {
  return table.identifier + "  " + PhaseName(table.phase.load()) + "  " + std::to_string(table.rows.load()) +
         " rows  " + FormatByteSize(table.bytes.load()) + "  " + std::to_string(table.requests.load()) + " requests";
}

}  // namespace

ProgressView::ProgressView(App& app, const pipeline::RunProgress& progress, const std::string& run_id, bool json_stream)
    : app_(app), progress_(progress), terminal_(app.stderr_is_terminal() && !app.quiet()), json_stream_(json_stream) {
  if (json_stream_) {
    const auto status = app_.Print(
        "{\"type\":\"version\",\"format\":\"1.0\",\"firn\":\"" FIRN_VERSION "\",\"run_id\":\"" + run_id + "\"}\n");
    if (!status.ok()) app_.Say("stdout was closed\n");
  }
  thread_ = std::jthread([this](std::stop_token stop) { Loop(stop); });
}

ProgressView::~ProgressView() {
  Finish();
}

void ProgressView::Finish() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  if (terminal_ && lines_drawn_ > 0) app_.Say("\x1b[" + std::to_string(lines_drawn_) + "F\x1b[J");
  lines_drawn_ = 0;
  SayChanges();
  SayWaits();
}

void ProgressView::Loop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  auto last = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kRedraw, [] { return false; });
    if (stop.stop_requested()) return;
    if (terminal_) DrawTable();
    SayChanges();
    SayWaits();
    if (!terminal_ && !app_.quiet() && std::chrono::steady_clock::now() - last >= kHeartbeat) {
      last = std::chrono::steady_clock::now();
      for (const TableProgress* table : progress_.tables()) app_.Say("  " + Line(*table) + "\n");
    }
  }
}

void ProgressView::DrawTable() {
  std::string text;
  if (lines_drawn_ > 0) text = "\x1b[" + std::to_string(lines_drawn_) + "F\x1b[J";
  const auto tables = progress_.tables();
  rows_before_.resize(tables.size());
  for (size_t i = 0; i < tables.size(); ++i) {
    const int64_t rows = tables[i]->rows.load();
    const int64_t rate = (rows - rows_before_[i]) * (1000 / kRedraw.count());
    rows_before_[i] = rows;
    text += "  " + Line(*tables[i]) + (rate > 0 ? "  " + std::to_string(rate) + " rows/s" : "");
    const pipeline::WaitNote wait = tables[i]->wait();
    if (wait.number > 0 && wait.until > std::chrono::steady_clock::now()) text += "  " + WaitText(wait);
    text += "\n";
  }
  lines_drawn_ = tables.size();
  app_.Say(text);
}

// Off a terminal: one line per change of phase. In the JSON stream: the same as objects.
void ProgressView::SayChanges() {
  if (terminal_ && !json_stream_) return;
  const auto tables = progress_.tables();
  said_.resize(tables.size(), TablePhase::kWaiting);
  for (size_t i = 0; i < tables.size(); ++i) {
    const TablePhase phase = tables[i]->phase.load();
    if (phase == said_[i]) continue;
    said_[i] = phase;
    if (json_stream_) {
      const nlohmann::ordered_json line = {{"type", "table"},
                                           {"table", tables[i]->identifier},
                                           {"phase", PhaseName(phase)},
                                           {"rows", tables[i]->rows.load()},
                                           {"bytes", tables[i]->bytes.load()}};
      if (!app_.Print(line.dump() + "\n").ok()) return;
    } else if (!app_.quiet() && (phase == TablePhase::kReading || phase == TablePhase::kCommitting)) {
      app_.Say("  " + Line(*tables[i]) + "\n");
    }
  }
}

// A wait that is over by now is told too: what was waited for explains where the time went.
void ProgressView::SayWaits() {
  if ((terminal_ && !json_stream_) || (app_.quiet() && !json_stream_)) return;
  const auto tables = progress_.tables();
  const auto now = std::chrono::steady_clock::now();
  said_waits_.resize(tables.size());
  for (size_t i = 0; i < tables.size(); ++i) {
    const pipeline::WaitNote wait = tables[i]->wait();
    SaidWait& said = said_waits_[i];
    if (wait.number == said.number || (said.number > 0 && now - said.at < kWaitEvery)) continue;
    said = {.number = wait.number, .at = now};
    if (json_stream_) {
      const nlohmann::ordered_json line = {
          {"type", "wait"},
          {"table", tables[i]->identifier},
          {"seconds", static_cast<double>(wait.delay_ms) / 1000},
          {"attempt", wait.attempt},
          {"reason", wait.why},
          {"gives_up_in_seconds", static_cast<double>(wait.delay_ms + wait.gives_up_ms) / 1000}};
      if (!app_.Print(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n").ok()) return;
    } else {
      app_.Say("  " + tables[i]->identifier + ": " + WaitText(wait) + "\n");
    }
  }
}

}  // namespace firn::cli
