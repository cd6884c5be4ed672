#include <utility>

#include "table/metadata/json_reader.h"
#include "table/metadata/json_writer.h"
#include "table/metadata/schema_json.h"
#include "table/metadata/update.h"

namespace firn::table {
namespace {

using namespace update;

JsonWriter& Begin(JsonWriter& out, const char* action) {
  return out.BeginObject().Key("action").String(action);
}

template <typename Numbers>
void WriteInts(JsonWriter& out, const char* key, const Numbers& numbers) {
  out.Key(key).BeginArray();
  for (const int32_t number : numbers) out.Int(number);
  out.EndArray();
}

// Field names: rest-catalog-open-api.yaml, schemas "BaseUpdate" and below.
struct Writer {
  JsonWriter& out;

  void operator()(const AssignUuid& u) const { Begin(out, "assign-uuid").Key("uuid").String(u.uuid); }
  void operator()(const UpgradeFormatVersion& u) const {
    Begin(out, "upgrade-format-version").Key("format-version").Int(u.format_version);
  }
  void operator()(const AddSchema& u) const {
    Begin(out, "add-schema").Key("schema").Raw(WriteSchema(*u.schema));
    out.Key("last-column-id").Int(u.schema->MaxFieldId());  // deprecated, but older servers demand it
  }
  void operator()(const SetCurrentSchema& u) const {
    Begin(out, "set-current-schema").Key("schema-id").Int(u.schema_id);
  }
  void operator()(const AddSpec& u) const { Begin(out, "add-spec").Key("spec").Raw(WritePartitionSpec(u.spec)); }
  void operator()(const SetDefaultSpec& u) const { Begin(out, "set-default-spec").Key("spec-id").Int(u.spec_id); }
  void operator()(const AddSortOrder& u) const {
    Begin(out, "add-sort-order").Key("sort-order").Raw(WriteSortOrder(u.order));
  }
  void operator()(const SetDefaultSortOrder& u) const {
    Begin(out, "set-default-sort-order").Key("sort-order-id").Int(u.order_id);
  }
  void operator()(const AddSnapshot& u) const {
    Begin(out, "add-snapshot").Key("snapshot").Raw(WriteSnapshot(u.snapshot));
  }
  void operator()(const SetSnapshotRef& u) const {
    Begin(out, "set-snapshot-ref").Key("ref-name").String(u.name);
    out.Key("snapshot-id").Int(u.ref.snapshot_id.value);
    out.Key("type").String(u.ref.type == SnapshotRef::Type::kBranch ? "branch" : "tag");
    if (u.ref.min_snapshots_to_keep) out.Key("min-snapshots-to-keep").Int(*u.ref.min_snapshots_to_keep);
    if (u.ref.max_snapshot_age_ms) out.Key("max-snapshot-age-ms").Int(*u.ref.max_snapshot_age_ms);
    if (u.ref.max_ref_age_ms) out.Key("max-ref-age-ms").Int(*u.ref.max_ref_age_ms);
  }
  void operator()(const RemoveSnapshots& u) const {
    Begin(out, "remove-snapshots").Key("snapshot-ids").BeginArray();
    for (const SnapshotId id : u.snapshot_ids) out.Int(id.value);
    out.EndArray();
  }
  void operator()(const RemoveSnapshotRef& u) const {
    Begin(out, "remove-snapshot-ref").Key("ref-name").String(u.name);
  }
  void operator()(const SetLocation& u) const { Begin(out, "set-location").Key("location").String(u.location); }
  void operator()(const SetProperties& u) const {
    Begin(out, "set-properties").Key("updates").BeginObject();
    for (const auto& [key, value] : u.updates) out.Key(key).String(value);
    out.EndObject();
  }
  void operator()(const RemoveProperties& u) const {
    Begin(out, "remove-properties").Key("removals").BeginArray();
    for (const std::string& key : u.removals) out.String(key);
    out.EndArray();
  }
  void operator()(const SetStatistics& u) const {
    Begin(out, "set-statistics").Key("snapshot-id").Int(u.statistics.snapshot_id.value);
    out.Key("statistics").Raw(u.statistics.json);
  }
  void operator()(const RemoveStatistics& u) const {
    Begin(out, "remove-statistics").Key("snapshot-id").Int(u.snapshot_id.value);
  }
  void operator()(const SetPartitionStatistics& u) const {
    Begin(out, "set-partition-statistics").Key("partition-statistics").Raw(u.statistics.json);
  }
  void operator()(const RemovePartitionStatistics& u) const {
    Begin(out, "remove-partition-statistics").Key("snapshot-id").Int(u.snapshot_id.value);
  }
  void operator()(const RemovePartitionSpecs& u) const {
    WriteInts(Begin(out, "remove-partition-specs"), "spec-ids", u.spec_ids);
  }
  void operator()(const RemoveSchemas& u) const { WriteInts(Begin(out, "remove-schemas"), "schema-ids", u.schema_ids); }
};

Result<TableUpdate> ParseAddSchema(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const Json* json, object.Get("schema"));
  ARROW_ASSIGN_OR_RAISE(schema::Schema schema, SchemaFromJson(*json, object.Place("schema")));
  return AddSchema{std::make_shared<const schema::Schema>(std::move(schema))};
}

Result<TableUpdate> ParseAddSpec(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const Json* json, object.Get("spec"));
  ARROW_ASSIGN_OR_RAISE(auto spec, SpecFromJson(*json, 0, MissingFieldIds::kLeaveOpen, object.Place("spec")));
  return AddSpec{std::move(spec)};
}

Result<TableUpdate> ParseAddSortOrder(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const Json* json, object.Get("sort-order"));
  ARROW_ASSIGN_OR_RAISE(auto order, SortOrderFromJson(*json, object.Place("sort-order")));
  return AddSortOrder{std::move(order)};
}

Result<TableUpdate> ParseAddSnapshot(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const Json* json, object.Get("snapshot"));
  ARROW_ASSIGN_OR_RAISE(auto snapshot, SnapshotFromJson(*json, object.Place("snapshot")));
  return AddSnapshot{std::move(snapshot)};
}

Result<TableUpdate> ParseSetSnapshotRef(const JsonObject& object, const Json& json) {
  SetSnapshotRef update;
  ARROW_ASSIGN_OR_RAISE(update.name, object.String("ref-name"));
  ARROW_ASSIGN_OR_RAISE(update.ref, RefFromJson(json, object.place()));
  return update;
}

Result<TableUpdate> ParseRemoveSnapshots(const JsonObject& object) {
  RemoveSnapshots update;
  ARROW_RETURN_NOT_OK(object.Array("snapshot-ids", /*required=*/true).status());
  ARROW_ASSIGN_OR_RAISE(const auto ids, object.Longs("snapshot-ids"));
  for (const int64_t id : ids) update.snapshot_ids.push_back({id});
  return update;
}

// "updated" and "removed" are the names of early servers and clients.
Result<TableUpdate> ParseSetProperties(const JsonObject& object) {
  const char* key = object.Find("updates") != nullptr ? "updates" : "updated";
  ARROW_RETURN_NOT_OK(object.Get(key).status());
  ARROW_ASSIGN_OR_RAISE(auto updates, object.StringMap(key));
  return SetProperties{std::move(updates)};
}

Result<TableUpdate> ParseRemoveProperties(const JsonObject& object) {
  const char* key = object.Find("removals") != nullptr ? "removals" : "removed";
  ARROW_RETURN_NOT_OK(object.Array(key, /*required=*/true).status());
  ARROW_ASSIGN_OR_RAISE(auto removals, object.Strings(key));
  return RemoveProperties{std::move(removals)};
}

template <typename Update>
Result<TableUpdate> ParseStatistics(const JsonObject& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const Json* json, object.Get(key));
  ARROW_ASSIGN_OR_RAISE(auto statistics, StatisticsFromJson(*json, object.Place(key)));
  return Update{std::move(statistics)};
}

template <typename Update, typename T>
Result<TableUpdate> WithString(const JsonObject& object, const char* key, T Update::* member) {
  Update update;
  ARROW_ASSIGN_OR_RAISE(update.*member, object.String(key));
  return update;
}

template <typename Update>
Result<TableUpdate> WithInt(const JsonObject& object, const char* key, int32_t Update::* member) {
  Update update;
  ARROW_ASSIGN_OR_RAISE(update.*member, object.Int(key));
  return update;
}

template <typename Update>
Result<TableUpdate> WithSnapshot(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const int64_t id, object.Long("snapshot-id"));
  return Update{SnapshotId{id}};
}

template <typename Update>
Result<TableUpdate> WithInts(const JsonObject& object, const char* key, std::vector<int32_t> Update::* member) {
  Update update;
  ARROW_RETURN_NOT_OK(object.Array(key, /*required=*/true).status());
  ARROW_ASSIGN_OR_RAISE(update.*member, object.Ints(key));
  return update;
}

// A dispatch table: one line per action.
Result<TableUpdate> ParseAction(const std::string& action, const JsonObject& object, const Json& json) {
  if (action == "assign-uuid") return WithString(object, "uuid", &AssignUuid::uuid);
  if (action == "upgrade-format-version") {
    return WithInt(object, "format-version", &UpgradeFormatVersion::format_version);
  }
  if (action == "add-schema") return ParseAddSchema(object);
  if (action == "set-current-schema") return WithInt(object, "schema-id", &SetCurrentSchema::schema_id);
  if (action == "add-spec") return ParseAddSpec(object);
  if (action == "set-default-spec") return WithInt(object, "spec-id", &SetDefaultSpec::spec_id);
  if (action == "add-sort-order") return ParseAddSortOrder(object);
  if (action == "set-default-sort-order") return WithInt(object, "sort-order-id", &SetDefaultSortOrder::order_id);
  if (action == "add-snapshot") return ParseAddSnapshot(object);
  if (action == "set-snapshot-ref") return ParseSetSnapshotRef(object, json);
  if (action == "remove-snapshots") return ParseRemoveSnapshots(object);
  if (action == "remove-snapshot-ref") return WithString(object, "ref-name", &RemoveSnapshotRef::name);
  if (action == "set-location") return WithString(object, "location", &SetLocation::location);
  if (action == "set-properties") return ParseSetProperties(object);
  if (action == "remove-properties") return ParseRemoveProperties(object);
  if (action == "set-statistics") return ParseStatistics<SetStatistics>(object, "statistics");
  if (action == "remove-statistics") return WithSnapshot<RemoveStatistics>(object);
  if (action == "set-partition-statistics") {
    return ParseStatistics<SetPartitionStatistics>(object, "partition-statistics");
  }
  if (action == "remove-partition-statistics") return WithSnapshot<RemovePartitionStatistics>(object);
  if (action == "remove-partition-specs") return WithInts(object, "spec-ids", &RemovePartitionSpecs::spec_ids);
  if (action == "remove-schemas") return WithInts(object, "schema-ids", &RemoveSchemas::schema_ids);
  return MakeError(Fault::kBadData, "update.action: unknown update");
}

}  // namespace

std::string WriteUpdate(const TableUpdate& update) {
  JsonWriter out;
  std::visit(Writer{out}, update);
  out.EndObject();
  return out.Take();
}

Result<TableUpdate> ParseUpdate(std::string_view json) {
  ARROW_ASSIGN_OR_RAISE(const Json tree, ParseJson(json, "update"));
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(tree, "update"));
  ARROW_ASSIGN_OR_RAISE(const std::string action, object.String("action"));
  return ParseAction(action, object, tree);
}

}  // namespace firn::table
