#include "table/metadata/metadata_json.h"

#include <arrow/util/utf8.h>

#include <algorithm>
#include <set>
#include <utility>

#include "table/metadata/gzip.h"
#include "table/metadata/json_reader.h"
#include "table/metadata/json_writer.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

constexpr int kFormatVersionMax = 3;

Status Bad(std::string problem) {
  return MakeError(Fault::kBadData, "metadata: " + std::move(problem));
}

// Parses each element of an array with `parse(json, place)`.
template <typename T, typename Parse>
Status ParseEach(const JsonObject& object, const char* key, bool required, std::vector<T>& out, Parse parse) {
  ARROW_ASSIGN_OR_RAISE(const Json* array, object.Array(key, required));
  if (array == nullptr) return Status::OK();
  out.reserve(array->size());
  for (const Json& json : *array) {
    ARROW_ASSIGN_OR_RAISE(T value, parse(json, object.Place(key) + "[" + std::to_string(out.size()) + "]"));
    out.push_back(std::move(value));
  }
  return Status::OK();
}

Result<SchemaPtr> SharedSchema(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(schema::Schema schema, SchemaFromJson(json, place));
  return std::make_shared<const schema::Schema>(std::move(schema));
}

Status ParseSchemas(const JsonObject& object, TableMetadata& out) {
  ARROW_RETURN_NOT_OK(ParseEach(object, "schemas", out.format_version > 1, out.schemas, SharedSchema));
  if (!out.schemas.empty()) {
    ARROW_ASSIGN_OR_RAISE(out.current_schema_id, object.Int("current-schema-id"));
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const Json* schema, object.Get("schema"));  // v1
  ARROW_ASSIGN_OR_RAISE(SchemaPtr parsed, SharedSchema(*schema, object.Place("schema")));
  out.current_schema_id = parsed->schema_id;
  out.schemas.push_back(std::move(parsed));
  return Status::OK();
}

Status ParseSpecs(const JsonObject& object, TableMetadata& out) {
  const bool required = out.format_version > 1;
  const auto parse = [](const Json& json, const std::string& place) {
    return SpecFromJson(json, 0, MissingFieldIds::kNumber, place);
  };
  ARROW_RETURN_NOT_OK(ParseEach(object, "partition-specs", required, out.partition_specs, parse));
  if (!out.partition_specs.empty()) {
    ARROW_ASSIGN_OR_RAISE(out.default_spec_id, object.Int("default-spec-id"));
  } else {
    ARROW_ASSIGN_OR_RAISE(const Json* fields, object.Get("partition-spec"));  // v1
    ARROW_ASSIGN_OR_RAISE(PartitionSpec spec, parse(*fields, object.Place("partition-spec")));
    out.default_spec_id = spec.spec_id;
    out.partition_specs.push_back(std::move(spec));
  }
  ARROW_ASSIGN_OR_RAISE(const auto last, object.OptionalInt("last-partition-id"));
  if (!last && required) return object.Bad("last-partition-id", "required, but missing");
  out.last_partition_id = last.value_or(kPartitionFieldIdBase);
  for (const PartitionSpec& spec : out.partition_specs) {
    for (const PartitionField& field : spec.fields) {
      out.last_partition_id = std::max(out.last_partition_id, field.field_id);
    }
  }
  return Status::OK();
}

Status ParseSortOrders(const JsonObject& object, TableMetadata& out) {
  const bool required = out.format_version > 1;
  ARROW_RETURN_NOT_OK(ParseEach(object, "sort-orders", required, out.sort_orders, SortOrderFromJson));
  ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalInt("default-sort-order-id"));
  if (!id && required) return object.Bad("default-sort-order-id", "required, but missing");
  out.default_sort_order_id = id.value_or(0);
  const bool has_unsorted = std::any_of(out.sort_orders.begin(), out.sort_orders.end(),
                                        [](const SortOrder& order) { return order.order_id == 0; });
  if (!has_unsorted && out.default_sort_order_id == 0) out.sort_orders.push_back({});
  return Status::OK();
}

Result<SnapshotLogEntry> SnapshotLogFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  SnapshotLogEntry entry;
  ARROW_ASSIGN_OR_RAISE(entry.timestamp_ms, object.Long("timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(entry.snapshot_id.value, object.Long("snapshot-id"));
  return entry;
}

Result<MetadataLogEntry> MetadataLogFromJson(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(json, place));
  MetadataLogEntry entry;
  ARROW_ASSIGN_OR_RAISE(entry.timestamp_ms, object.Long("timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(entry.metadata_file, object.String("metadata-file"));
  return entry;
}

Status ParseRefs(const JsonObject& object, TableMetadata& out) {
  if (const Json* refs = object.Find("refs")) {
    ARROW_RETURN_NOT_OK(JsonObject::Of(*refs, object.Place("refs")).status());
    for (const auto& [name, json] : refs->items()) {
      ARROW_ASSIGN_OR_RAISE(out.refs[name], RefFromJson(json, object.Place("refs") + "." + name));
    }
  }
  const auto main = out.refs.find(kMainBranch);
  if (main == out.refs.end()) {
    if (out.current_snapshot_id) out.refs[kMainBranch] = {.snapshot_id = *out.current_snapshot_id};
    return Status::OK();
  }
  if (!out.current_snapshot_id) out.current_snapshot_id = main->second.snapshot_id;
  return Status::OK();
}

Status ParseSnapshots(const JsonObject& object, TableMetadata& out) {
  std::vector<Snapshot> snapshots;
  ARROW_RETURN_NOT_OK(ParseEach(object, "snapshots", false, snapshots, SnapshotFromJson));
  out.snapshots = SnapshotList(std::move(snapshots));
  ARROW_ASSIGN_OR_RAISE(const auto current, object.OptionalLong("current-snapshot-id"));
  // -1, null and absence alike: Java writes -1 in v1 and v2, null in v3 (pyiceberg#134).
  if (current && *current != -1) out.current_snapshot_id = SnapshotId{*current};
  ARROW_RETURN_NOT_OK(ParseRefs(object, out));
  ARROW_RETURN_NOT_OK(ParseEach(object, "snapshot-log", false, out.snapshot_log, SnapshotLogFromJson));
  ARROW_RETURN_NOT_OK(ParseEach(object, "metadata-log", false, out.metadata_log, MetadataLogFromJson));
  ARROW_RETURN_NOT_OK(ParseEach(object, "statistics", false, out.statistics, StatisticsFromJson));
  return ParseEach(object, "partition-statistics", false, out.partition_statistics, StatisticsFromJson);
}

Status ParseHead(const JsonObject& object, TableMetadata& out) {
  const bool v2 = out.format_version > 1;
  ARROW_ASSIGN_OR_RAISE(const auto uuid, object.OptionalString("table-uuid"));
  if (!uuid && v2) return object.Bad("table-uuid", "required, but missing");
  out.table_uuid = uuid.value_or("");
  ARROW_ASSIGN_OR_RAISE(out.location, object.String("location"));
  while (out.location.size() > 1 && out.location.ends_with('/')) out.location.pop_back();
  ARROW_ASSIGN_OR_RAISE(const auto sequence_number, object.OptionalLong("last-sequence-number"));
  if (!sequence_number && v2) return object.Bad("last-sequence-number", "required, but missing");
  out.last_sequence_number = sequence_number.value_or(0);
  ARROW_ASSIGN_OR_RAISE(out.last_updated_ms, object.Long("last-updated-ms"));
  ARROW_ASSIGN_OR_RAISE(out.last_column_id, object.Int("last-column-id"));
  ARROW_ASSIGN_OR_RAISE(out.properties, object.StringMap("properties"));
  ARROW_ASSIGN_OR_RAISE(out.next_row_id, object.OptionalLong("next-row-id"));
  if (!out.next_row_id && out.format_version >= 3) return object.Bad("next-row-id", "required, but missing");
  return Status::OK();
}

template <typename Items, typename IdOf>
Status CheckUnique(const Items& items, const char* what, IdOf id_of) {
  std::set<int64_t> seen;
  for (const auto& item : items) {
    if (!seen.insert(id_of(item)).second) return Bad(std::string(what) + " twice: " + std::to_string(id_of(item)));
  }
  return Status::OK();
}

Status CheckSnapshots(const TableMetadata& metadata) {
  if (metadata.current_snapshot_id) {
    if (metadata.CurrentSnapshot() == nullptr) return Bad("current-snapshot-id is not among the snapshots");
    const auto main = metadata.refs.find(kMainBranch);
    if (main == metadata.refs.end() || main->second.snapshot_id != *metadata.current_snapshot_id ||
        main->second.type != SnapshotRef::Type::kBranch) {
      return Bad("refs.main is not a branch at current-snapshot-id");
    }
  }
  for (const auto& [name, ref] : metadata.refs) {
    if (metadata.FindSnapshot(ref.snapshot_id) == nullptr) return Bad("refs." + name + " points at no snapshot");
  }
  return Status::OK();
}

// What accessors of TableMetadata rely on.
Status CheckIds(const TableMetadata& metadata) {
  ARROW_RETURN_NOT_OK(CheckUnique(metadata.schemas, "schema id", [](const SchemaPtr& s) { return s->schema_id; }));
  ARROW_RETURN_NOT_OK(
      CheckUnique(metadata.partition_specs, "partition spec id", [](const PartitionSpec& s) { return s.spec_id; }));
  ARROW_RETURN_NOT_OK(
      CheckUnique(metadata.sort_orders, "sort order id", [](const SortOrder& o) { return o.order_id; }));
  ARROW_RETURN_NOT_OK(
      CheckUnique(metadata.snapshots, "snapshot id", [](const Snapshot& s) { return s.snapshot_id.value; }));
  if (metadata.FindSchema(metadata.current_schema_id) == nullptr) return Bad("no schema with id current-schema-id");
  if (metadata.FindSpec(metadata.default_spec_id) == nullptr) return Bad("no partition spec with id default-spec-id");
  const auto is_default = [&](const SortOrder& order) { return order.order_id == metadata.default_sort_order_id; };
  if (std::none_of(metadata.sort_orders.begin(), metadata.sort_orders.end(), is_default)) {
    return Bad("no sort order with id default-sort-order-id");
  }
  return CheckSnapshots(metadata);
}

void WriteHead(const TableMetadata& metadata, JsonWriter& out) {
  out.Key("format-version").Int(metadata.format_version);
  if (!metadata.table_uuid.empty()) out.Key("table-uuid").String(metadata.table_uuid);  // old v1 tables have none
  out.Key("location").String(metadata.location);
  if (metadata.format_version > 1) out.Key("last-sequence-number").Int(metadata.last_sequence_number);
  out.Key("last-updated-ms").Int(metadata.last_updated_ms);
  out.Key("last-column-id").Int(metadata.last_column_id);
}

void WriteShapes(const TableMetadata& metadata, JsonWriter& out) {
  if (metadata.format_version == 1) {  // what readers of version 1 look at
    out.Key("schema").Raw(WriteSchema(metadata.schema()));
    out.Key("partition-spec").Raw(WritePartitionFields(metadata.default_spec()));
  }
  out.Key("current-schema-id").Int(metadata.current_schema_id).Key("schemas").BeginArray();
  for (const SchemaPtr& schema : metadata.schemas) out.Raw(WriteSchema(*schema));
  out.EndArray().Key("default-spec-id").Int(metadata.default_spec_id).Key("partition-specs").BeginArray();
  for (const PartitionSpec& spec : metadata.partition_specs) out.Raw(WritePartitionSpec(spec));
  out.EndArray().Key("last-partition-id").Int(metadata.last_partition_id);
  out.Key("default-sort-order-id").Int(metadata.default_sort_order_id).Key("sort-orders").BeginArray();
  for (const SortOrder& order : metadata.sort_orders) out.Raw(WriteSortOrder(order));
  out.EndArray();
}

void WriteRef(const SnapshotRef& ref, JsonWriter& out) {
  out.BeginObject().Key("snapshot-id").Int(ref.snapshot_id.value);
  out.Key("type").String(ref.type == SnapshotRef::Type::kBranch ? "branch" : "tag");
  if (ref.min_snapshots_to_keep) out.Key("min-snapshots-to-keep").Int(*ref.min_snapshots_to_keep);
  if (ref.max_snapshot_age_ms) out.Key("max-snapshot-age-ms").Int(*ref.max_snapshot_age_ms);
  if (ref.max_ref_age_ms) out.Key("max-ref-age-ms").Int(*ref.max_ref_age_ms);
  out.EndObject();
}

void WriteSnapshots(const TableMetadata& metadata, JsonWriter& out) {
  out.Key("current-snapshot-id");
  if (metadata.current_snapshot_id) {
    out.Int(metadata.current_snapshot_id->value);
  } else if (metadata.format_version >= 3) {
    out.Null();
  } else {
    out.Int(-1);
  }
  if (metadata.next_row_id) out.Key("next-row-id").Int(*metadata.next_row_id);
  // Always written: ClickHouse crashed on metadata without refs (ClickHouse#106896).
  out.Key("refs").BeginObject();
  for (const auto& [name, ref] : metadata.refs) {
    out.Key(name);
    WriteRef(ref, out);
  }
  out.EndObject().Key("snapshots").BeginArray();
  for (size_t i = 0; i < metadata.snapshots.size(); ++i) out.Raw(metadata.snapshots.Json(i));
  out.EndArray();
}

void WriteStatistics(const char* key, const std::vector<StatisticsFile>& files, JsonWriter& out) {
  out.Key(key).BeginArray();
  for (const StatisticsFile& file : files) out.Raw(file.json);
  out.EndArray();
}

void WriteLogs(const TableMetadata& metadata, JsonWriter& out) {
  out.Key("snapshot-log").BeginArray();
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    out.BeginObject().Key("timestamp-ms").Int(entry.timestamp_ms);
    out.Key("snapshot-id").Int(entry.snapshot_id.value).EndObject();
  }
  out.EndArray().Key("metadata-log").BeginArray();
  for (const MetadataLogEntry& entry : metadata.metadata_log) {
    out.BeginObject().Key("timestamp-ms").Int(entry.timestamp_ms);
    out.Key("metadata-file").String(entry.metadata_file).EndObject();
  }
  out.EndArray();
}

}  // namespace

Result<TableMetadata> ParseMetadata(std::string_view bytes) {
  std::string plain;
  if (IsGzip(bytes)) {
    ARROW_ASSIGN_OR_RAISE(plain, Gunzip(bytes, kMetadataBytesMax));
    bytes = plain;
  }
  ARROW_ASSIGN_OR_RAISE(const Json tree, ParseJson(bytes, "metadata"));
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(tree, "metadata"));
  TableMetadata out;
  ARROW_ASSIGN_OR_RAISE(out.format_version, object.Int("format-version"));
  if (out.format_version < 1 || out.format_version > kFormatVersionMax) {
    return MakeError(Fault::kConfig, "metadata: Iceberg format version " + std::to_string(out.format_version) +
                                         " is not supported; this build reads 1 to 3");
  }
  ARROW_RETURN_NOT_OK(ParseHead(object, out));
  ARROW_RETURN_NOT_OK(ParseSchemas(object, out));
  ARROW_RETURN_NOT_OK(ParseSpecs(object, out));
  ARROW_RETURN_NOT_OK(ParseSortOrders(object, out));
  ARROW_RETURN_NOT_OK(ParseSnapshots(object, out));
  out.other = object.Others({"format-version",
                             "table-uuid",
                             "location",
                             "last-sequence-number",
                             "last-updated-ms",
                             "last-column-id",
                             "schema",
                             "schemas",
                             "current-schema-id",
                             "partition-spec",
                             "partition-specs",
                             "default-spec-id",
                             "last-partition-id",
                             "sort-orders",
                             "default-sort-order-id",
                             "properties",
                             "current-snapshot-id",
                             "snapshots",
                             "snapshot-log",
                             "metadata-log",
                             "refs",
                             "statistics",
                             "partition-statistics",
                             "next-row-id"});
  ARROW_RETURN_NOT_OK(CheckIds(out));
  return out;
}

Result<std::string> WriteMetadata(const TableMetadata& metadata) {
  if (const Status status = CheckIds(metadata); !status.ok()) {
    return MakeError(Fault::kBug, "metadata to be written does not hold together: " + status.message());
  }
  JsonWriter out;
  out.BeginObject();
  WriteHead(metadata, out);
  WriteShapes(metadata, out);
  out.Key("properties").BeginObject();
  for (const auto& [key, value] : metadata.properties) out.Key(key).String(value);
  out.EndObject();
  WriteSnapshots(metadata, out);
  WriteStatistics("statistics", metadata.statistics, out);
  WriteStatistics("partition-statistics", metadata.partition_statistics, out);
  WriteLogs(metadata, out);
  for (const auto& [key, json] : metadata.other) out.Key(key).Raw(json);
  out.EndObject();
  std::string text = out.Take();
  arrow::util::InitializeUTF8();
  if (!arrow::util::ValidateUTF8(text)) return MakeError(Fault::kBadData, "metadata holds text that is not UTF-8");
  return text;
}

Result<std::string> GzipMetadata(std::string_view json) {
  return Gzip(json);
}

}  // namespace firn::table
