#include "source/airbyte/run_context.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace firn::source::airbyte {

Status RunContext::Wait(double seconds) const {
  if (seconds <= 0) return Status::OK();
  double scaled = seconds * sleep_scale;
  if (sleep_scale < 1) scaled = std::min(scaled, 0.2);
  return clock->Sleep(std::chrono::milliseconds(std::llrint(scaled * 1000)), stop);
}

std::optional<Value> RunContext::SelectedOf(const std::string& stream) const {
  const auto configured = catalog.Find("streams");
  if (!configured || !configured->is_list()) return std::nullopt;
  for (const Value& item : configured->as_list()) {
    const auto described = item.Find("stream");
    const auto name = described ? described->Find("name") : std::nullopt;
    if (!name || jinja::ToText(*name) != stream) continue;
    const auto schema = described->Find("json_schema");
    const auto properties = schema ? schema->Find("properties") : std::nullopt;
    return properties && properties->is_map() ? *properties : EmptyMap();
  }
  return std::nullopt;
}

}  // namespace firn::source::airbyte
