#include "source/airbyte/row_messages.h"

#include <utility>

#include "base/log.h"
#include "base/redactor.h"

namespace firn::source::airbyte {

Status RowMessages::Record(std::string_view, std::string_view data_json) {
  ARROW_RETURN_NOT_OK(rows_.Add(data_json));
  return rows_.full() ? Push(std::nullopt) : Status::OK();
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
  if (rows_.empty()) {
    if (!position) return Status::OK();
    const auto size = static_cast<int64_t>(position->json.size());
    return events_.Push(Event(Progress{*std::move(position)}), size, options_.stop);
  }
  ARROW_ASSIGN_OR_RAISE(Batch batch, rows_.Take(std::move(position)));
  const int64_t size = batch.num_bytes;
  return events_.Push(Event(std::move(batch)), size, options_.stop);
}

}  // namespace firn::source::airbyte
