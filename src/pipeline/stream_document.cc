#include "pipeline/stream_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace firn::pipeline {
namespace {
using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;
}  // namespace

void StreamDocument::Set(const std::string& split, source::Position position) {
  const auto at = std::lower_bound(splits.begin(), splits.end(), split,
                                   [](const auto& entry, const std::string& id) { return entry.first < id; });
  if (at != splits.end() && at->first == split) {
    at->second = std::move(position);
  } else {
    splits.emplace(at, split, std::move(position));
  }
}

// Positions are put in as text, so that the source's own spelling of numbers survives.
std::string WriteStreamDocument(const StreamDocument& document) {
  std::string out = "{\"version\":" + std::to_string(kVersion) +
                    ",\"fingerprint\":" + Json(document.fingerprint).dump() + ",\"splits\":{";
  bool first = true;
  for (const auto& [id, position] : document.splits) {
    if (!first) out += ",";
    first = false;
    out += Json(id).dump() + ":" + Json(position.json).dump();
  }
  return out + "}}";
}

Result<StreamDocument> ParseStreamDocument(const std::string& json) {
  StreamDocument document;
  if (json.empty()) return document;
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  const bool shaped = parsed.is_object() && parsed.contains("version") && parsed["version"].is_number_integer() &&
                      parsed.contains("splits") && parsed["splits"].is_object();
  if (!shaped) {
    return MakeError(Fault::kConfig, "the stream's state is no state of firn",
                     {.code = "E0810", .state = "nothing was changed", .next = "firn state get"});
  }
  if (parsed["version"].get<int>() > kVersion) {
    return MakeError(Fault::kConfig, "the stream's state was written by a newer firn",
                     {.code = "E0811", .state = "nothing was changed", .next = "use that version of firn"});
  }
  if (parsed.contains("fingerprint") && parsed["fingerprint"].is_string()) {
    document.fingerprint = parsed["fingerprint"].get<std::string>();
  }
  for (const auto& [id, position] : parsed["splits"].items()) {
    document.Set(id, {.json = position.is_string() ? position.get<std::string>() : position.dump()});
  }
  return document;
}

}  // namespace firn::pipeline
