#include "pipeline/stream_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace firn::pipeline {
namespace {
using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;
constexpr size_t kSplitsShown = 3;
constexpr size_t kShownWhole = 40;

// The cursor is the one part of a source's position that says something to people; beside it are hashes of rows.
std::string ShortPosition(const source::Position& position) {
  const Json parsed = Json::parse(position.json, nullptr, /*allow_exceptions=*/false);
  for (const char* name : {"cursor", "resume"}) {
    if (!parsed.is_object() || !parsed.contains(name) || !parsed[name].is_primitive() || parsed[name].is_null())
      continue;
    return "cursor " + (parsed[name].is_string() ? parsed[name].get<std::string>() : parsed[name].dump());
  }
  if (!parsed.is_structured() && !parsed.is_discarded() && !parsed.is_null()) {
    std::string text = parsed.is_string() ? parsed.get<std::string>() : parsed.dump();
    return text.size() <= kShownWhole ? text : "known";  // longer ones are for machines
  }
  return "a position without cursor";
}
}  // namespace

void StreamDocument::Set(const std::string& split, source::Position position) {
  const auto at = std::lower_bound(splits.begin(), splits.end(), split,
                                   [](const auto& entry, const std::string& id) { return entry.first < id; });
  const bool known = at != splits.end() && at->first == split;
  if (position.json.empty()) {
    if (known) splits.erase(at);
  } else if (known) {
    at->second = std::move(position);
  } else {
    splits.emplace(at, split, std::move(position));
  }
}

const source::Position* StreamDocument::Find(const std::string& split) const {
  const auto at = std::lower_bound(splits.begin(), splits.end(), split,
                                   [](const auto& entry, const std::string& id) { return entry.first < id; });
  return at == splits.end() || at->first != split ? nullptr : &at->second;
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
  out += "}";
  if (document.reconciled) out += ",\"reconciled\":" + Json(FormatTimestamp(*document.reconciled)).dump();
  return out + "}";
}

Result<StreamDocument> ParseStreamDocument(const std::string& json) {
  StreamDocument document;
  if (json.empty()) return document;
  // Not the ordered kind, which looks for each key among all before it: there may be 100,000.
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
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
  if (parsed.contains("reconciled") && parsed["reconciled"].is_string()) {
    ARROW_ASSIGN_OR_RAISE(document.reconciled, ParseTimestamp(parsed["reconciled"].get<std::string>()));
  }
  for (const auto& [id, position] : parsed["splits"].items()) {
    document.Set(id, {.json = position.is_string() ? position.get<std::string>() : position.dump()});
  }
  return document;
}

std::string ShortPosition(const StreamDocument& document) {
  std::string text;
  for (size_t i = 0; i < document.splits.size(); ++i) {
    const auto& [id, position] = document.splits[i];
    if (i > 0) text += ", ";
    if (i == kSplitsShown && document.splits.size() > kSplitsShown + 1) {
      return text + std::to_string(document.splits.size() - i) + " more";
    }
    text += (id.empty() ? "" : id + ": ") + ShortPosition(position);
  }
  return text;
}

std::string Brief(const StreamDocument& document) {
  if (document.splits.empty()) return "";
  std::string text = document.splits.front().second.json;
  constexpr size_t kShown = 200;
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  return text;
}

}  // namespace firn::pipeline
