#include <utility>

#include "table/metadata/json_reader.h"
#include "table/metadata/json_writer.h"
#include "table/metadata/schema_json.h"

namespace firn::table {

std::string WriteSnapshot(const Snapshot& snapshot) {
  JsonWriter out;
  out.BeginObject();
  if (snapshot.sequence_number > 0) out.Key("sequence-number").Int(snapshot.sequence_number);
  out.Key("snapshot-id").Int(snapshot.snapshot_id.value);
  if (snapshot.parent_snapshot_id) out.Key("parent-snapshot-id").Int(snapshot.parent_snapshot_id->value);
  out.Key("timestamp-ms").Int(snapshot.timestamp_ms);
  if (!snapshot.summary.empty()) {
    out.Key("summary").BeginObject();
    for (const auto& [key, value] : snapshot.summary) out.Key(key).String(value);
    out.EndObject();
  }
  if (!snapshot.manifest_list.empty()) out.Key("manifest-list").String(snapshot.manifest_list);
  if (snapshot.schema_id) out.Key("schema-id").Int(*snapshot.schema_id);
  if (snapshot.first_row_id) out.Key("first-row-id").Int(*snapshot.first_row_id);
  if (snapshot.added_rows) out.Key("added-rows").Int(*snapshot.added_rows);
  for (const auto& [key, json] : snapshot.other) out.Key(key).Raw(json);
  out.EndObject();
  return out.Take();
}

Result<Snapshot> SnapshotFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  Snapshot snapshot;
  ARROW_ASSIGN_OR_RAISE(snapshot.snapshot_id.value, object.Long("snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(const auto parent, object.OptionalLong("parent-snapshot-id"));
  // Some writers put -1 for "no parent".
  if (parent && *parent != -1) snapshot.parent_snapshot_id = SnapshotId{*parent};
  ARROW_ASSIGN_OR_RAISE(const auto sequence_number, object.OptionalLong("sequence-number"));
  snapshot.sequence_number = sequence_number.value_or(0);
  ARROW_ASSIGN_OR_RAISE(snapshot.timestamp_ms, object.Long("timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(snapshot.summary, object.StringMap("summary"));
  ARROW_ASSIGN_OR_RAISE(const auto manifest_list, object.OptionalString("manifest-list"));
  snapshot.manifest_list = manifest_list.value_or("");
  ARROW_ASSIGN_OR_RAISE(snapshot.schema_id, object.OptionalInt("schema-id"));
  ARROW_ASSIGN_OR_RAISE(snapshot.first_row_id, object.OptionalLong("first-row-id"));
  ARROW_ASSIGN_OR_RAISE(snapshot.added_rows, object.OptionalLong("added-rows"));
  snapshot.other = object.Others({"snapshot-id", "parent-snapshot-id", "sequence-number", "timestamp-ms", "summary",
                                  "manifest-list", "schema-id", "first-row-id", "added-rows"});
  return snapshot;
}

Result<Snapshot> ParseSnapshot(std::string_view json) {
  ARROW_ASSIGN_OR_RAISE(const Json tree, ParseJson(json, "snapshot"));
  return SnapshotFromJson(tree, "snapshot");
}

Result<SnapshotRef> RefFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  SnapshotRef ref;
  ARROW_ASSIGN_OR_RAISE(ref.snapshot_id.value, object.Long("snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(const std::string type, object.String("type"));
  if (type != "branch" && type != "tag") return object.Bad("type", "neither branch nor tag");
  ref.type = type == "branch" ? SnapshotRef::Type::kBranch : SnapshotRef::Type::kTag;
  ARROW_ASSIGN_OR_RAISE(ref.min_snapshots_to_keep, object.OptionalInt("min-snapshots-to-keep"));
  ARROW_ASSIGN_OR_RAISE(ref.max_snapshot_age_ms, object.OptionalLong("max-snapshot-age-ms"));
  ARROW_ASSIGN_OR_RAISE(ref.max_ref_age_ms, object.OptionalLong("max-ref-age-ms"));
  return ref;
}

Result<StatisticsFile> StatisticsFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  StatisticsFile file;
  ARROW_ASSIGN_OR_RAISE(file.snapshot_id.value, object.Long("snapshot-id"));
  file.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return file;
}

}  // namespace firn::table
