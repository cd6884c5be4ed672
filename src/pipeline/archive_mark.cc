#include "pipeline/archive_mark.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/raw_cipher.h"

namespace firn::pipeline {

using Json = nlohmann::ordered_json;

namespace {

constexpr int64_t kVersionWithLoads = 4;

// As the version of the mark writes it: its code is over that text.
Json JsonOf(const ArchiveMark& mark) {
  Json json{{"version", mark.version},
            {"run", mark.run},
            {"table_uuid", mark.table_uuid},
            {"from", mark.from},
            {"to", mark.to},
            {"complete", mark.complete},
            {"anew", mark.anew},
            {"backfill", mark.backfill},
            {"entries", mark.entries}};
  if (mark.version < kVersionWithLoads) return json;
  json["loaded_at"] = mark.loaded_at;
  json["listed"] = mark.listed;
  json["pass"] = mark.pass;
  json["window_ms"] = mark.window_ms;
  return json;
}

}  // namespace

std::string WriteArchiveMark(const ArchiveMark& mark, const io::RawKey* key) {
  Json json = JsonOf(mark);
  if (key != nullptr) {
    const std::string code = io::AuthenticateRaw(*key, json.dump());
    json["key_id"] = key->id;
    json["code"] = code;
  }
  return json.dump() + "\n";
}

Status CheckArchiveMark(const ArchiveMark& mark, const std::string& run, const io::RawKeys& keys) {
  const io::RawKey* key = keys.Find(mark.key_id);
  if (key == nullptr && !mark.key_id.empty()) return io::RawKeyMissing(mark.key_id, keys);
  if (key != nullptr && mark.run == run && mark.code == io::AuthenticateRaw(*key, JsonOf(mark).dump())) {
    return Status::OK();
  }
  return MakeError(Fault::kBadData, "raw archive is damaged: the mark of run " + run + " is not what was written");
}

Result<ArchiveMark> ParseArchiveMark(const std::string& json) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || !parsed.contains("version") || !parsed["version"].is_number_integer()) {
    return MakeError(Fault::kBadData, "the mark of an archived run cannot be read");
  }
  if (parsed["version"].get<int64_t>() > ArchiveMark::kVersion) {
    return MakeError(Fault::kConfig, "an archived run was written by a newer firn", {.next = "use that version"});
  }
  const auto text = [&](const char* name) {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto flag = [&](const char* name) {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_boolean() && found->get<bool>();
  };
  const auto number = [&](const char* name, int64_t otherwise) {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
  };
  return ArchiveMark{.version = number("version", 1),
                     .run = text("run"),
                     .table_uuid = text("table_uuid"),
                     .from = text("from"),
                     .to = text("to"),
                     .complete = flag("complete"),
                     .backfill = flag("backfill"),
                     .anew = flag("anew"),
                     .loaded_at = text("loaded_at"),
                     .listed = flag("listed"),
                     .pass = flag("pass"),
                     .window_ms = number("window_ms", -1),
                     .entries = std::max(int64_t{0}, number("entries", 0)),
                     .key_id = text("key_id"),
                     .code = text("code")};
}

}  // namespace firn::pipeline
