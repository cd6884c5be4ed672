#include "source/airbyte/run_context.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <arrow/buffer.h>

namespace firn::source::airbyte {

Result<io::HttpResponse> RunContext::Send(io::HttpRequest request) const {
  auto answer = http->Send(std::move(request), stop);
  if (counters == nullptr) return answer;
  ++counters->num_requests;
  if (!answer.ok()) return answer;
  counters->body_bytes += answer->body->size();
  const bool throttled = answer->status == 429 || (answer->status == 503 && answer->headers.Has("retry-after"));
  counters->num_throttled += throttled ? 1 : 0;
  return answer;
}

Status RunContext::Wait(double seconds) const {
  if (seconds <= 0) return Status::OK();
  if (counters != nullptr) counters->waited_ms += std::llrint(seconds * 1000);
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
