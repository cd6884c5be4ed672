#include "source/airbyte/row_messages.h"

#include <numeric>
#include <utility>

#include "base/log.h"
#include "base/redactor.h"
#include "format/json/page.h"

namespace firn::source::airbyte {
namespace {

constexpr size_t kPageBytes = size_t{1} << 20;

}  // namespace

Status RowMessages::Record(std::string_view, std::string_view data_json) {
  lines_ += data_json;
  lines_ += '\n';
  return lines_.size() < kPageBytes ? Status::OK() : Push(std::nullopt);
}

Status RowMessages::State(std::string_view, const std::string& state_json) {
  return options_.keeps_states ? Push(Position{state_json}) : Status::OK();
}

Status RowMessages::Log(std::string_view level, std::string_view message) {
  log::Info(
      "connector says",
      {{"stream", options_.stream}, {"level", std::string(level)}, {"message", ProcessRedactor().Redact(message)}});
  return Status::OK();
}

Status RowMessages::TraceError(std::string_view, const firn::Status& error) {
  log::Warn("stream failed", {{"stream", options_.stream}, {"error", ProcessRedactor().Redact(error.message())}});
  return Status::OK();
}

Status RowMessages::Control(const std::string& config_json) {
  return options_.kept->Set(config_json, options_.stop);
}

Status RowMessages::Push(std::optional<Position> position) {
  if (lines_.empty()) {
    if (!position) return Status::OK();
    const auto size = static_cast<int64_t>(position->json.size());
    return events_.Push(Event(Progress{*std::move(position)}), size, options_.stop);
  }
  const auto size = static_cast<int64_t>(lines_.size());
  JsonRows rows;
  ARROW_ASSIGN_OR_RAISE(rows.page, format::json::Page::Parse(
                                       lines_, {.layout = format::json::PageLayout::kLines, .pool = options_.pool}));
  rows.rows.resize(rows.page->num_records());
  std::iota(rows.rows.begin(), rows.rows.end(), 0U);
  lines_.clear();
  return events_.Push(Event(Batch{.rows = std::move(rows), .position = std::move(position), .num_bytes = size}), size,
                      options_.stop);
}

}  // namespace firn::source::airbyte
