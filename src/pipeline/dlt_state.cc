#include "pipeline/dlt_state.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "format/json/bytes_parse.h"
#include "io/body_buffer.h"
#include "io/body_decoder.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kEngineVersionMax = 4;
constexpr int64_t kStateBytesMax = int64_t{256} << 20;
constexpr int64_t kRatioMax = 1000;

Status NoState(const std::string& what, Fault fault = Fault::kBadData) {
  return MakeError(fault, "the file is no state of dlt that can be read: " + what,
                   {.code = "E0954",
                    .state = "nothing was changed",
                    .next = "give state.json of the pipeline's folder, or the newest `state` of _dlt_pipeline_state"});
}

Result<std::string> Unpacked(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  if (text.starts_with('{')) return std::string(text);
  const auto bytes = format::json::ParseBase64(text);
  if (!bytes) return NoState("it is neither JSON nor base64");
  ARROW_ASSIGN_OR_RAISE(const auto decoder, io::BodyDecoder::Open("deflate"));
  io::BodyBuffer body(kStateBytesMax, arrow::default_memory_pool());
  const Status fed = decoder->Feed(*bytes, kRatioMax, &body);
  const Status ended = fed.ok() ? decoder->Finish() : fed;
  if (!ended.ok()) return NoState(ended.message());
  ARROW_ASSIGN_OR_RAISE(const auto whole, body.Finish());
  return whole->ToString();
}

// dlt marks texts that stand for other types by one character of the private use area, U+F026 and following.
Result<std::string> Unmarked(const std::string& text) {
  if (!text.starts_with("\xEF\x80") || text.size() < 3) return text;
  const auto kind = static_cast<unsigned char>(text[2]);
  if (kind >= 0xA6 && kind <= 0xA8) return text.substr(3);  // decimal, datetime, date
  return MakeError(Fault::kConfig, "a value of another type");
}

void Take(const Json& value, DltCursor* cursor) {
  if (!value.is_object() || !value.contains("last_value") || value["last_value"].is_null()) {
    cursor->why_not = "it has no last_value: nothing was loaded";
    return;
  }
  const Json& last = value["last_value"];
  if (last.is_number()) {
    cursor->last = last.dump();
  } else if (last.is_string()) {
    auto text = Unmarked(last.get<std::string>());
    if (text.ok()) {
      cursor->last = *std::move(text);
    } else {
      cursor->why_not = "its last_value is neither text, number nor time";
    }
  } else {
    cursor->why_not = "its last_value is neither text, number nor time";
  }
}

const Json& At(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  return object.is_object() && object.contains(key) && object[key].is_object() ? object[key] : kNone;
}

}  // namespace

Result<std::vector<DltCursor>> ReadDltState(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const std::string unpacked, Unpacked(text));
  const Json state = Json::parse(unpacked, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object() || !state.contains("_state_engine_version") ||
      !state["_state_engine_version"].is_number_integer()) {
    return NoState("it has no _state_engine_version");
  }
  if (const int version = state["_state_engine_version"].get<int>(); version > kEngineVersionMax) {
    return NoState("its _state_engine_version is " + std::to_string(version) + ", and this firn knows up to " +
                       std::to_string(kEngineVersionMax),
                   Fault::kConfig);
  }
  std::vector<DltCursor> cursors;
  for (const auto& [source, of_source] : At(state, "sources").items()) {
    for (const auto& [resource, of_resource] : At(of_source, "resources").items()) {
      for (const auto& [path, value] : At(of_resource, "incremental").items()) {
        cursors.push_back({.source = source, .resource = resource, .path = path});
        Take(value, &cursors.back());
      }
    }
  }
  return cursors;
}

}  // namespace firn::pipeline
