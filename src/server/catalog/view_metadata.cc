#include "server/catalog/view_metadata.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "server/catalog/rest_error.h"
#include "table/metadata/metadata_json.h"
#include "table/metadata/schema_json.h"

namespace firn::server {
namespace {

constexpr char kHistoryEntries[] = "version.history.num-entries";
constexpr char kDropDialect[] = "replace.drop-dialect.allowed";
constexpr int64_t kHistoryEntriesDefault = 10;

Result<int32_t> Int32In(const Json& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const int64_t value, RequiredInteger(object, key));
  if (value < INT32_MIN || value > INT32_MAX) return BadRequest(std::string("Invalid request: ") + key);
  return static_cast<int32_t>(value);
}

Result<Json> ParseRepresentations(const Json& json) {
  ARROW_ASSIGN_OR_RAISE(const Json* list, ArrayIn(json, "representations"));
  if (list == nullptr) return BadRequest("Invalid view version: representations is missing");
  std::set<std::string> dialects;
  for (const Json& representation : *list) {
    ARROW_ASSIGN_OR_RAISE(const std::string type, RequiredText(representation, "type"));
    if (type != "sql") continue;  // other kinds are kept as they are
    ARROW_RETURN_NOT_OK(RequiredText(representation, "sql").status());
    ARROW_ASSIGN_OR_RAISE(std::string dialect, RequiredText(representation, "dialect"));
    for (char& c : dialect) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!dialects.insert(dialect).second) {
      return RestError(400, "IllegalArgumentException",  // the type that Java's client expects here
                       "Invalid view version: Cannot add multiple queries for dialect " + dialect);
    }
  }
  return *list;
}

Json VersionJson(const ViewVersion& version) {
  Json json = {{"version-id", version.version_id},
               {"timestamp-ms", version.timestamp_ms},
               {"schema-id", version.schema_id},
               {"summary", version.summary},
               {"representations", version.representations},
               {"default-namespace", version.default_namespace}};
  if (version.default_catalog) json["default-catalog"] = *version.default_catalog;
  return json;
}

// Whatever their id and time.
bool SameVersion(const ViewVersion& a, const ViewVersion& b) {
  return a.schema_id == b.schema_id && a.summary == b.summary && a.representations == b.representations &&
         a.default_catalog == b.default_catalog && a.default_namespace == b.default_namespace;
}

std::set<std::string> Dialects(const ViewVersion& version) {
  std::set<std::string> dialects;
  for (const Json& representation : version.representations) {
    if (representation.value("type", "") != "sql") continue;
    std::string dialect = representation.value("dialect", "");
    for (char& c : dialect) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    dialects.insert(std::move(dialect));
  }
  return dialects;
}

std::string SchemaText(schema::Schema schema) {
  schema.schema_id = 0;
  return table::WriteSchema(schema);
}

Result<schema::Schema> SchemaIn(const Json& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const Json* json, Required(object, key));
  return table::ParseSchema(Dump(*json));
}

std::string Listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return "[" + text + "]";
}

}  // namespace

const ViewVersion* ViewMetadata::FindVersion(int32_t version_id) const {
  for (const ViewVersion& version : versions) {
    if (version.version_id == version_id) return &version;
  }
  return nullptr;
}

Result<ViewVersion> ParseViewVersion(const Json& json) {
  if (!json.is_object()) return BadRequest("Invalid view version: must be an object");
  ViewVersion version;
  ARROW_ASSIGN_OR_RAISE(version.version_id, Int32In(json, "version-id"));
  ARROW_ASSIGN_OR_RAISE(version.timestamp_ms, RequiredInteger(json, "timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(version.schema_id, Int32In(json, "schema-id"));
  ARROW_ASSIGN_OR_RAISE(version.summary, TextMap(json, "summary"));
  ARROW_ASSIGN_OR_RAISE(version.representations, ParseRepresentations(json));
  ARROW_ASSIGN_OR_RAISE(version.default_catalog, OptionalText(json, "default-catalog"));
  ARROW_RETURN_NOT_OK(Required(json, "default-namespace").status());
  ARROW_ASSIGN_OR_RAISE(version.default_namespace, TextList(json, "default-namespace"));
  return version;
}

Result<ViewMetadata> ParseViewMetadata(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(text));
  ViewMetadata metadata;
  ARROW_ASSIGN_OR_RAISE(metadata.uuid, RequiredText(json, "view-uuid"));
  ARROW_ASSIGN_OR_RAISE(metadata.format_version, Int32In(json, "format-version"));
  if (metadata.format_version != 1) return BadRequest("Unsupported format version of a view");
  ARROW_ASSIGN_OR_RAISE(metadata.location, RequiredText(json, "location"));
  ARROW_ASSIGN_OR_RAISE(metadata.properties, TextMap(json, "properties"));
  ARROW_ASSIGN_OR_RAISE(metadata.current_version_id, Int32In(json, "current-version-id"));
  ARROW_ASSIGN_OR_RAISE(const Json* schemas, ArrayIn(json, "schemas"));
  for (const Json& schema : schemas == nullptr ? Json::array() : *schemas) {
    ARROW_ASSIGN_OR_RAISE(auto parsed, table::ParseSchema(Dump(schema)));
    metadata.schemas.push_back(std::move(parsed));
  }
  ARROW_ASSIGN_OR_RAISE(const Json* versions, ArrayIn(json, "versions"));
  for (const Json& version : versions == nullptr ? Json::array() : *versions) {
    ARROW_ASSIGN_OR_RAISE(auto parsed, ParseViewVersion(version));
    metadata.versions.push_back(std::move(parsed));
  }
  ARROW_ASSIGN_OR_RAISE(const Json* log, ArrayIn(json, "version-log"));
  for (const Json& entry : log == nullptr ? Json::array() : *log) {
    ViewLogEntry parsed;
    ARROW_ASSIGN_OR_RAISE(parsed.timestamp_ms, RequiredInteger(entry, "timestamp-ms"));
    ARROW_ASSIGN_OR_RAISE(parsed.version_id, Int32In(entry, "version-id"));
    metadata.log.push_back(parsed);
  }
  if (metadata.FindVersion(metadata.current_version_id) == nullptr) return BadRequest("View has no current version");
  return metadata;
}

std::string WriteViewMetadata(const ViewMetadata& metadata) {
  Json versions = Json::array();
  for (const ViewVersion& version : metadata.versions) versions.push_back(VersionJson(version));
  Json log = Json::array();
  for (const ViewLogEntry& entry : metadata.log) {
    log.push_back({{"timestamp-ms", entry.timestamp_ms}, {"version-id", entry.version_id}});
  }
  Json schemas = Json::array();
  for (const schema::Schema& schema : metadata.schemas) {
    schemas.push_back(Json::parse(table::WriteSchema(schema), nullptr, /*allow_exceptions=*/false));
  }
  return Dump({{"view-uuid", metadata.uuid},
               {"format-version", metadata.format_version},
               {"location", metadata.location},
               {"properties", metadata.properties},
               {"schemas", schemas},
               {"current-version-id", metadata.current_version_id},
               {"versions", versions},
               {"version-log", log}});
}

ViewBuilder::ViewBuilder(ViewMetadata base, int64_t now_ms)
    : metadata_(std::move(base)),
      previous_([&]() -> std::optional<ViewVersion> {
        const ViewVersion* current = metadata_.FindVersion(metadata_.current_version_id);
        return current == nullptr ? std::nullopt : std::optional(*current);
      }()),
      now_ms_(now_ms) {}

Status ViewBuilder::Apply(const Json& update) {
  if (!update.is_object()) return BadRequest("Invalid view update: must be an object");
  ARROW_ASSIGN_OR_RAISE(const std::string action, RequiredText(update, "action"));
  if (action == "assign-uuid") {
    ARROW_ASSIGN_OR_RAISE(const std::string uuid, RequiredText(update, "uuid"));
    if (!metadata_.uuid.empty() && metadata_.uuid != uuid) return BadRequest("Cannot reassign uuid");
    metadata_.uuid = uuid;
  } else if (action == "upgrade-format-version") {
    ARROW_ASSIGN_OR_RAISE(const int32_t version, Int32In(update, "format-version"));
    if (version != 1)
      return BadRequest("Cannot upgrade view to unsupported format version: v" + std::to_string(version));
  } else if (action == "add-schema") {
    ARROW_ASSIGN_OR_RAISE(auto schema, SchemaIn(update, "schema"));
    AddSchema(std::move(schema));
  } else if (action == "set-location") {
    ARROW_ASSIGN_OR_RAISE(metadata_.location, RequiredText(update, "location"));
  } else if (action == "set-properties") {
    ARROW_ASSIGN_OR_RAISE(const auto properties, TextMap(update, "updates"));
    for (const auto& [key, value] : properties) metadata_.properties[key] = value;
  } else if (action == "remove-properties") {
    ARROW_ASSIGN_OR_RAISE(const auto keys, TextList(update, "removals"));
    for (const std::string& key : keys) metadata_.properties.erase(key);
  } else if (action == "add-view-version") {
    ARROW_ASSIGN_OR_RAISE(const Json* json, Required(update, "view-version"));
    ARROW_ASSIGN_OR_RAISE(auto version, ParseViewVersion(*json));
    return AddVersion(std::move(version));
  } else if (action == "set-current-view-version") {
    ARROW_ASSIGN_OR_RAISE(const int32_t version_id, Int32In(update, "view-version-id"));
    return SetCurrentVersion(version_id);
  } else {
    return BadRequest("Cannot convert view update: unknown action " + action);
  }
  return Status::OK();
}

void ViewBuilder::AddSchema(schema::Schema schema) {
  int32_t next_id = 0;
  for (const schema::Schema& known : metadata_.schemas) {
    if (SchemaText(known) == SchemaText(schema)) {
      last_schema_id_ = known.schema_id;
      return;
    }
    next_id = std::max(next_id, known.schema_id + 1);
  }
  schema.schema_id = next_id;
  last_schema_id_ = next_id;
  metadata_.schemas.push_back(std::move(schema));
}

Status ViewBuilder::AddVersion(ViewVersion version) {
  if (version.schema_id == -1) {
    if (!last_schema_id_) return BadRequest("Cannot set last added schema: no schema has been added");
    version.schema_id = *last_schema_id_;
  }
  const bool known_schema = std::any_of(metadata_.schemas.begin(), metadata_.schemas.end(),
                                        [&](const schema::Schema& s) { return s.schema_id == version.schema_id; });
  if (!known_schema) return BadRequest("Cannot add version with unknown schema: " + std::to_string(version.schema_id));
  int32_t next_id = std::max(version.version_id, 1);
  for (const ViewVersion& known : metadata_.versions) {
    if (SameVersion(known, version)) {
      last_version_id_ = known.version_id;
      return Status::OK();
    }
    next_id = std::max(next_id, known.version_id + 1);
  }
  version.version_id = next_id;
  last_version_id_ = next_id;
  metadata_.versions.push_back(std::move(version));
  ++num_added_;
  return Status::OK();
}

Status ViewBuilder::SetCurrentVersion(int32_t version_id) {
  if (version_id == -1) {
    if (!last_version_id_) return BadRequest("Cannot set last version id: no version has been set");
    version_id = *last_version_id_;
  }
  const ViewVersion* version = metadata_.FindVersion(version_id);
  if (version == nullptr) {
    return BadRequest("Cannot set current version to unknown version: " + std::to_string(version_id));
  }
  if (metadata_.current_version_id == version_id) return Status::OK();
  metadata_.current_version_id = version_id;
  const bool added = last_version_id_ == version_id && num_added_ > 0;
  metadata_.log.push_back({.timestamp_ms = added ? version->timestamp_ms : now_ms_, .version_id = version_id});
  return Status::OK();
}

Result<ViewMetadata> ViewBuilder::Finish() {
  const ViewVersion* current = metadata_.FindVersion(metadata_.current_version_id);
  if (metadata_.location.empty()) return BadRequest("Invalid location: null");
  if (current == nullptr) return BadRequest("Invalid view: no versions were added");
  const auto allowed = metadata_.properties.find(kDropDialect);
  if (previous_ && (allowed == metadata_.properties.end() || allowed->second != "true")) {
    const auto before = Dialects(*previous_);
    const auto after = Dialects(*current);
    if (!std::includes(after.begin(), after.end(), before.begin(), before.end())) {
      return BadRequest(std::string("Cannot replace view due to loss of view dialects (") + kDropDialect +
                        "=false):\nPrevious dialects: " + Listed(before) + "\nNew dialects: " + Listed(after));
    }
  }
  Expire();
  return std::move(metadata_);
}

// Keeps the current version and the newest others; the log begins after the last entry of a dropped one.
void ViewBuilder::Expire() {
  int64_t entries = kHistoryEntriesDefault;
  if (const auto text = metadata_.properties.find(kHistoryEntries); text != metadata_.properties.end()) {
    std::from_chars(text->second.data(), text->second.data() + text->second.size(), entries);
  }
  const size_t keep = std::max({static_cast<size_t>(std::max<int64_t>(entries, 1)), num_added_, size_t{1}});
  if (metadata_.versions.size() <= keep) return;
  std::vector<int32_t> newest;
  for (const ViewVersion& version : metadata_.versions) newest.push_back(version.version_id);
  std::sort(newest.rbegin(), newest.rend());
  std::set<int32_t> kept = {metadata_.current_version_id};
  for (const int32_t version_id : newest) {
    if (kept.size() >= keep) break;
    kept.insert(version_id);
  }
  std::erase_if(metadata_.versions, [&](const ViewVersion& version) { return !kept.contains(version.version_id); });
  std::vector<ViewLogEntry> log;
  for (const ViewLogEntry& entry : metadata_.log) {
    if (kept.contains(entry.version_id)) {
      log.push_back(entry);
    } else {
      log.clear();
    }
  }
  metadata_.log = std::move(log);
}

}  // namespace firn::server
