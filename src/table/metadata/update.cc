#include "table/metadata/update.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "table/metadata/default_value.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

using namespace update;

constexpr int32_t kFormatVersionMax = 3;
constexpr int64_t kPreviousVersionsDefault = 100;
constexpr char kPreviousVersionsMax[] = "write.metadata.previous-versions-max";

// Commands in the shape of properties; never stored (Iceberg Java, TableProperties.RESERVED_PROPERTIES).
constexpr std::string_view kReservedProperties[] = {"format-version",
                                                    "uuid",
                                                    "snapshot-count",
                                                    "current-snapshot-summary",
                                                    "current-snapshot-id",
                                                    "current-schema",
                                                    "default-partition-spec",
                                                    "default-sort-order",
                                                    "current-snapshot-timestamp-ms"};

Status Bad(const std::string& problem) {
  return MakeError(Fault::kBadData, problem);
}

template <typename Items, typename IdOf>
int32_t NextId(const Items& items, int32_t first, IdOf id_of) {
  int32_t next = first;
  for (const auto& item : items) next = std::max(next, id_of(item) + 1);
  return next;
}

// Schema text without its id: equal text is an equal schema, docs included.
std::string ShapeOf(schema::Schema schema) {
  schema.schema_id = 0;
  return WriteSchema(schema);
}

Status CheckNames(const std::vector<schema::Field>& fields) {
  std::set<std::string_view> names;
  for (const schema::Field& field : fields) {
    if (field.id <= 0) return Bad("column without a field id: " + field.name);
    if (!names.insert(field.name).second) return Bad("two columns of one name: " + field.name);
    ARROW_RETURN_NOT_OK(CheckNames(field.type->children));
  }
  return Status::OK();
}

// Iceberg spec, "Identifier Field IDs": required primitives, not float or double, inside required structs only.
bool IsIdentifier(const std::vector<schema::Field>& fields, int32_t id) {
  for (const schema::Field& field : fields) {
    if (field.id == id) {
      const auto type = field.type->id;
      return field.required && !field.type->is_nested() && type != schema::TypeId::kFloat &&
             type != schema::TypeId::kDouble;
    }
    if (field.required && field.type->id == schema::TypeId::kStruct && IsIdentifier(field.type->children, id)) {
      return true;
    }
  }
  return false;
}

// Applies one update after another to `out_`.
class Builder {
 public:
  Builder(const TableMetadata* base, const ApplyOptions& options)
      : is_new_(base == nullptr), options_(options), out_(base == nullptr ? TableMetadata() : *base) {
    out_.last_updated_ms = std::max(options.now_ms, out_.last_updated_ms);
    if (base != nullptr) old_log_size_ = base->snapshot_log.size();
  }

  Status operator()(const AssignUuid& u);
  Status operator()(const UpgradeFormatVersion& u);
  Status operator()(const AddSchema& u);
  Status operator()(const SetCurrentSchema& u);
  Status operator()(const AddSpec& u);
  Status operator()(const SetDefaultSpec& u);
  Status operator()(const AddSortOrder& u);
  Status operator()(const SetDefaultSortOrder& u);
  Status operator()(const AddSnapshot& u);
  Status operator()(const SetSnapshotRef& u);
  Status operator()(const RemoveSnapshots& u);
  Status operator()(const RemoveSnapshotRef& u);
  Status operator()(const SetLocation& u);
  Status operator()(const SetProperties& u);
  Status operator()(const RemoveProperties& u);
  Status operator()(const SetStatistics& u) { return PutStatistics(out_.statistics, u.statistics); }
  Status operator()(const RemoveStatistics& u) { return DropStatistics(out_.statistics, u.snapshot_id); }
  Status operator()(const SetPartitionStatistics& u) { return PutStatistics(out_.partition_statistics, u.statistics); }
  Status operator()(const RemovePartitionStatistics& u) {
    return DropStatistics(out_.partition_statistics, u.snapshot_id);
  }
  Status operator()(const RemovePartitionSpecs& u);
  Status operator()(const RemoveSchemas& u);

  Result<TableMetadata> Finish(const TableMetadata* base);

 private:
  Status AssignPartitionFieldIds(PartitionSpec& spec);
  Status CheckSpec(const PartitionSpec& spec) const;
  Status CheckRowIds(const Snapshot& snapshot);
  Status PutStatistics(std::vector<StatisticsFile>& files, const StatisticsFile& file);
  Status DropStatistics(std::vector<StatisticsFile>& files, SnapshotId id);
  void SetCurrent(SnapshotId id);
  void TrimSnapshotLog();
  void AppendMetadataLog(const TableMetadata& base);
  Status FinishNewTable();

  const bool is_new_;
  const ApplyOptions& options_;
  TableMetadata out_;
  size_t old_log_size_ = 0;
  bool removed_snapshots_ = false;
  std::set<SnapshotId> added_snapshots_;
  std::optional<int32_t> last_schema_id_, last_spec_id_, last_order_id_;
};

Status Builder::operator()(const AssignUuid& u) {
  if (u.uuid.empty()) return Bad("assign-uuid: empty");
  if (!is_new_ && !out_.table_uuid.empty() && out_.table_uuid != u.uuid) {
    return Bad("assign-uuid: the table has another UUID already");
  }
  out_.table_uuid = u.uuid;
  return Status::OK();
}

Status Builder::operator()(const UpgradeFormatVersion& u) {
  if (u.format_version > kFormatVersionMax) {
    return Bad("Cannot upgrade table to unsupported format version: v" + std::to_string(u.format_version) +
               " (supported: v" + std::to_string(kFormatVersionMax) + ")");
  }
  // A new table starts at 2 here and may still be asked to be 1.
  if (!is_new_ && u.format_version < out_.format_version) {
    return Bad("Cannot downgrade v" + std::to_string(out_.format_version) + " table to v" +
               std::to_string(u.format_version));
  }
  if (u.format_version >= 3 && !out_.next_row_id) out_.next_row_id = 0;
  if (out_.table_uuid.empty() && !is_new_) out_.table_uuid = NewUuid();
  out_.format_version = u.format_version;
  return Status::OK();
}

Status Builder::operator()(const AddSchema& u) {
  ARROW_RETURN_NOT_OK(Within("add-schema", CheckNames(u.schema->fields)));
  for (const int32_t id : u.schema->identifier_field_ids) {
    if (!IsIdentifier(u.schema->fields, id)) {
      return Bad("add-schema: field " + std::to_string(id) +
                 " cannot be an identifier: it must be a required primitive, no float or double, in required structs");
    }
  }
  if (out_.format_version < 3 && HasDefaults(*u.schema)) {
    return Bad("add-schema: Invalid initial default: column defaults are not supported until v3");
  }
  for (const schema::Field& field : u.schema->fields) {
    const int32_t version = schema::FormatVersionOf(*field.type);  // 2 or more; what 2 has, 1 has too
    if (version > 2 && version > out_.format_version) {
      return Bad("add-schema: Invalid type for column " + field.name + ": not supported until v" +
                 std::to_string(version));
    }
  }
  out_.last_column_id = std::max(out_.last_column_id, u.schema->MaxFieldId());
  const std::string shape = ShapeOf(*u.schema);
  for (const SchemaPtr& schema : out_.schemas) {
    if (ShapeOf(*schema) == shape) {
      last_schema_id_ = schema->schema_id;
      return Status::OK();
    }
  }
  schema::Schema schema = *u.schema;
  schema.schema_id = NextId(out_.schemas, 0, [](const SchemaPtr& s) { return s->schema_id; });
  last_schema_id_ = schema.schema_id;
  out_.schemas.push_back(std::make_shared<const schema::Schema>(std::move(schema)));
  return Status::OK();
}

Status Builder::operator()(const SetCurrentSchema& u) {
  if (u.schema_id == kLastAdded && !last_schema_id_)
    return Bad("Cannot set last added schema: no schema has been added");
  const int32_t id = u.schema_id == kLastAdded ? *last_schema_id_ : u.schema_id;
  if (out_.FindSchema(id) == nullptr) return Bad("Cannot set current schema to unknown schema: " + std::to_string(id));
  out_.current_schema_id = id;
  return Status::OK();
}

Status Builder::CheckSpec(const PartitionSpec& spec) const {
  const SchemaPtr schema = out_.FindSchema(out_.current_schema_id);
  if (schema == nullptr) return spec.unpartitioned() ? Status::OK() : Bad("add-spec: the table has no current schema");
  ARROW_RETURN_NOT_OK(Within("add-spec", PartitionFields(spec, *schema).status()));
  std::set<std::string> names;
  for (const PartitionField& field : spec.fields) {
    if (field.transform.kind == Transform::Kind::kUnknown) return Bad("add-spec: unknown transform");
    if (field.name.empty() || !names.insert(field.name).second) {
      return Bad("add-spec: partition field name is empty or used twice: " + field.name);
    }
    const schema::Field* column = schema->Find(field.name);
    const bool same = field.transform.kind == Transform::Kind::kIdentity && column && column->id == field.source_id;
    if (column != nullptr && !same && field.transform.kind != Transform::Kind::kVoid) {
      return Bad("Cannot create partition from name that exists in schema: " + field.name);
    }
  }
  return Status::OK();
}

Status Builder::AssignPartitionFieldIds(PartitionSpec& spec) {
  for (PartitionField& field : spec.fields) {
    for (const PartitionSpec& other : out_.partition_specs) {
      for (const PartitionField& old : other.fields) {
        const bool same = old.source_id == field.source_id && old.transform == field.transform;
        if (field.field_id == 0 && same) field.field_id = old.field_id;
        // Ids are unique over all specs: one id for two meanings makes manifests of the older spec unreadable.
        if (field.field_id == old.field_id && !same) {
          return Bad("add-spec: partition field id is taken: " + std::to_string(field.field_id));
        }
      }
    }
    if (field.field_id == 0) field.field_id = out_.last_partition_id + 1;
    out_.last_partition_id = std::max(out_.last_partition_id, field.field_id);
  }
  std::set<int32_t> ids;
  for (const PartitionField& field : spec.fields) {
    if (field.field_id <= kPartitionFieldIdBase || !ids.insert(field.field_id).second) {
      return Bad("add-spec: partition field id is below 1000 or used twice: " + std::to_string(field.field_id));
    }
  }
  return Status::OK();
}

Status Builder::operator()(const AddSpec& u) {
  ARROW_RETURN_NOT_OK(CheckSpec(u.spec));
  for (const PartitionSpec& spec : out_.partition_specs) {
    if (Equivalent(spec, u.spec)) {
      last_spec_id_ = spec.spec_id;
      return Status::OK();
    }
  }
  PartitionSpec spec = u.spec;
  ARROW_RETURN_NOT_OK(AssignPartitionFieldIds(spec));
  spec.spec_id = NextId(out_.partition_specs, 0, [](const PartitionSpec& s) { return s.spec_id; });
  last_spec_id_ = spec.spec_id;
  out_.partition_specs.push_back(std::move(spec));
  return Status::OK();
}

Status Builder::operator()(const SetDefaultSpec& u) {
  if (u.spec_id == kLastAdded && !last_spec_id_) return Bad("Cannot set last added spec: no spec has been added");
  const int32_t id = u.spec_id == kLastAdded ? *last_spec_id_ : u.spec_id;
  if (out_.FindSpec(id) == nullptr)
    return Bad("Cannot set default partition spec to unknown spec: " + std::to_string(id));
  out_.default_spec_id = id;
  return Status::OK();
}

Status Builder::operator()(const AddSortOrder& u) {
  const SchemaPtr schema = out_.FindSchema(out_.current_schema_id);
  for (const SortField& field : u.order.fields) {
    const schema::Field* source = schema == nullptr ? nullptr : schema->FindById(field.source_id);
    if (source == nullptr) return Bad("add-sort-order: unknown column " + std::to_string(field.source_id));
    ARROW_RETURN_NOT_OK(Within("add-sort-order", ResultType(field.transform, source->type).status()));
  }
  for (const SortOrder& order : out_.sort_orders) {
    if (order.fields == u.order.fields) {
      last_order_id_ = order.order_id;
      return Status::OK();
    }
  }
  SortOrder order = u.order;
  // 0 means unsorted, whatever the request says.
  order.order_id =
      order.fields.empty() ? 0 : NextId(out_.sort_orders, 1, [](const SortOrder& o) { return o.order_id; });
  last_order_id_ = order.order_id;
  out_.sort_orders.push_back(std::move(order));
  return Status::OK();
}

Status Builder::operator()(const SetDefaultSortOrder& u) {
  if (u.order_id == kLastAdded && !last_order_id_) {
    return Bad("Cannot set last added sort order: no sort order has been added");
  }
  const int32_t id = u.order_id == kLastAdded ? *last_order_id_ : u.order_id;
  const bool known = std::any_of(out_.sort_orders.begin(), out_.sort_orders.end(),
                                 [&](const SortOrder& order) { return order.order_id == id; });
  if (!known) return Bad("Cannot set default sort order to unknown sort order: " + std::to_string(id));
  out_.default_sort_order_id = id;
  return Status::OK();
}

// v3: the snapshot takes row ids from the table's counter, which another commit may have moved on.
Status Builder::CheckRowIds(const Snapshot& snapshot) {
  if (out_.format_version < 3) return Status::OK();
  if (!snapshot.first_row_id || !snapshot.added_rows || *snapshot.added_rows < 0) {
    return Bad("add-snapshot: first-row-id and added-rows are required in format version 3");
  }
  const int64_t next_row_id = out_.next_row_id.value_or(0);
  if (*snapshot.first_row_id < next_row_id) {
    return MakeError(Fault::kConflict, "Cannot add a snapshot, first-row-id is behind table next-row-id: " +
                                           std::to_string(*snapshot.first_row_id) + " < " +
                                           std::to_string(next_row_id));
  }
  // Unsigned sum: both numbers may come from a foreign request.
  const uint64_t next = static_cast<uint64_t>(*snapshot.first_row_id) + static_cast<uint64_t>(*snapshot.added_rows);
  if (next > uint64_t{INT64_MAX}) return Bad("add-snapshot: row ids are used up");
  out_.next_row_id = static_cast<int64_t>(next);
  return Status::OK();
}

Status Builder::operator()(const AddSnapshot& u) {
  const Snapshot& snapshot = u.snapshot;
  const std::string id = std::to_string(snapshot.snapshot_id.value);
  // Ids like 0 and -1 mean "none" to several readers (iceberg#10919).
  if (snapshot.snapshot_id.value <= 0) return Bad("add-snapshot: snapshot id is not positive: " + id);
  if (out_.FindSnapshot(snapshot.snapshot_id) != nullptr) return Bad("Snapshot already exists for id " + id);
  if (snapshot.manifest_list.empty()) return Bad("add-snapshot: no manifest-list");
  if (!snapshot.summary.contains("operation")) return Bad("add-snapshot: the summary has no operation");
  if (snapshot.schema_id && out_.FindSchema(*snapshot.schema_id) == nullptr) {
    return Bad("add-snapshot: unknown schema-id " + std::to_string(*snapshot.schema_id));
  }
  if (out_.format_version == 1 && snapshot.sequence_number > 0) {  // firn's own: it writes the files of version 2
    return Bad("Cannot add snapshot with sequence number " + std::to_string(snapshot.sequence_number) +
               " to a v1 table: upgrade it to format version 2 first");
  }
  if (out_.format_version > 1 && snapshot.sequence_number <= out_.last_sequence_number &&
      (snapshot.parent_snapshot_id || snapshot.sequence_number < 0)) {
    return MakeError(Fault::kConflict,
                     "Cannot add snapshot with sequence number " + std::to_string(snapshot.sequence_number) +
                         " older than last sequence number " + std::to_string(out_.last_sequence_number));
  }
  ARROW_RETURN_NOT_OK(CheckRowIds(snapshot));
  out_.last_sequence_number = std::max(out_.last_sequence_number, snapshot.sequence_number);
  out_.last_updated_ms = std::max(out_.last_updated_ms, snapshot.timestamp_ms);
  added_snapshots_.insert(snapshot.snapshot_id);
  out_.snapshots.push_back(snapshot);
  return Status::OK();
}

void Builder::SetCurrent(SnapshotId id) {
  if (out_.current_snapshot_id == id) return;
  out_.current_snapshot_id = id;
  int64_t time_ms = added_snapshots_.contains(id) ? out_.FindSnapshot(id)->timestamp_ms : out_.last_updated_ms;
  // Readers refuse a log that goes back in time.
  if (!out_.snapshot_log.empty()) time_ms = std::max(time_ms, out_.snapshot_log.back().timestamp_ms);
  out_.snapshot_log.push_back({.timestamp_ms = time_ms, .snapshot_id = id});
}

Status Builder::operator()(const SetSnapshotRef& u) {
  if (u.name.empty()) return Bad("set-snapshot-ref: empty name");
  if (out_.FindSnapshot(u.ref.snapshot_id) == nullptr) {
    return Bad("Cannot set " + u.name + " to unknown snapshot: " + std::to_string(u.ref.snapshot_id.value));
  }
  const bool is_branch = u.ref.type == SnapshotRef::Type::kBranch;
  if (!is_branch && (u.ref.min_snapshots_to_keep || u.ref.max_snapshot_age_ms)) {
    return Bad("Tags do not support setting minSnapshotsToKeep or maxSnapshotAgeMs: " + u.name);
  }
  if (u.name == kMainBranch) {
    if (!is_branch) return Bad("set-snapshot-ref: main must be a branch");
    SetCurrent(u.ref.snapshot_id);
  }
  out_.refs[u.name] = u.ref;
  return Status::OK();
}

Status Builder::operator()(const RemoveSnapshots& u) {
  const std::set<SnapshotId> gone(u.snapshot_ids.begin(), u.snapshot_ids.end());
  removed_snapshots_ |= out_.snapshots.EraseIf([&](const Snapshot& s) { return gone.contains(s.snapshot_id); }) > 0;
  std::erase_if(out_.refs, [&](const auto& entry) { return gone.contains(entry.second.snapshot_id); });
  if (out_.current_snapshot_id && gone.contains(*out_.current_snapshot_id)) out_.current_snapshot_id.reset();
  std::erase_if(out_.statistics, [&](const auto& file) { return gone.contains(file.snapshot_id); });
  std::erase_if(out_.partition_statistics, [&](const auto& file) { return gone.contains(file.snapshot_id); });
  return Status::OK();
}

Status Builder::operator()(const RemoveSnapshotRef& u) {
  // The log stays: what was current was current (a replaced table keeps its history, as in Java).
  if (u.name == kMainBranch) out_.current_snapshot_id.reset();
  out_.refs.erase(u.name);
  return Status::OK();
}

Status Builder::operator()(const SetLocation& u) {
  out_.location = u.location;
  while (out_.location.size() > 1 && out_.location.ends_with('/')) out_.location.pop_back();
  return out_.location.empty() ? Bad("set-location: empty") : Status::OK();
}

Status Builder::operator()(const SetProperties& u) {
  for (const auto& [key, value] : u.updates) {
    if (key == "format-version") {
      int32_t version = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), version);
      if (error != std::errc() || end != value.data() + value.size()) return Bad("property format-version is no int");
      ARROW_RETURN_NOT_OK((*this)(UpgradeFormatVersion{version}));
    } else if (std::find(std::begin(kReservedProperties), std::end(kReservedProperties), key) ==
               std::end(kReservedProperties)) {
      out_.properties[key] = value;
    }
  }
  return Status::OK();
}

Status Builder::operator()(const RemoveProperties& u) {
  for (const std::string& key : u.removals) out_.properties.erase(key);
  return Status::OK();
}

Status Builder::operator()(const RemovePartitionSpecs& u) {
  const std::set<int32_t> gone(u.spec_ids.begin(), u.spec_ids.end());
  if (gone.contains(out_.default_spec_id)) return Bad("Cannot remove the default partition spec");
  std::erase_if(out_.partition_specs, [&](const PartitionSpec& spec) { return gone.contains(spec.spec_id); });
  return Status::OK();
}

Status Builder::operator()(const RemoveSchemas& u) {
  const std::set<int32_t> gone(u.schema_ids.begin(), u.schema_ids.end());
  if (gone.contains(out_.current_schema_id)) return Bad("Cannot remove the current schema");
  std::erase_if(out_.schemas, [&](const SchemaPtr& schema) { return gone.contains(schema->schema_id); });
  return Status::OK();
}

Status Builder::PutStatistics(std::vector<StatisticsFile>& files, const StatisticsFile& file) {
  ARROW_RETURN_NOT_OK(DropStatistics(files, file.snapshot_id));  // at most one per snapshot
  files.push_back(file);
  return Status::OK();
}

Status Builder::DropStatistics(std::vector<StatisticsFile>& files, SnapshotId id) {
  std::erase_if(files, [&](const StatisticsFile& file) { return file.snapshot_id == id; });
  return Status::OK();
}

// An entry whose snapshot is gone ends the history before it: what came earlier would have a gap. Snapshots that were
// current only between two updates of this request never were current for anybody.
void Builder::TrimSnapshotLog() {
  std::vector<SnapshotLogEntry> kept;
  for (size_t i = 0; i < out_.snapshot_log.size(); ++i) {
    const SnapshotLogEntry& entry = out_.snapshot_log[i];
    const bool intermediate = i >= old_log_size_ && added_snapshots_.contains(entry.snapshot_id) &&
                              out_.current_snapshot_id != entry.snapshot_id;
    if (intermediate) continue;
    if (removed_snapshots_ && out_.FindSnapshot(entry.snapshot_id) == nullptr) {
      kept.clear();
    } else {
      kept.push_back(entry);
    }
  }
  out_.snapshot_log = std::move(kept);
}

void Builder::AppendMetadataLog(const TableMetadata& base) {
  out_.metadata_log.push_back({base.last_updated_ms, options_.base_metadata_location});
  const std::string text = out_.Property(kPreviousVersionsMax);
  int64_t limit = kPreviousVersionsDefault;
  std::from_chars(text.data(), text.data() + text.size(), limit);  // keeps the default if it is no number
  const size_t keep = static_cast<size_t>(std::max<int64_t>(limit, 1));
  if (out_.metadata_log.size() > keep) {
    out_.metadata_log.erase(out_.metadata_log.begin(), out_.metadata_log.end() - static_cast<ptrdiff_t>(keep));
  }
}

Status Builder::FinishNewTable() {
  if (out_.location.empty()) return Bad("a new table needs set-location");
  if (out_.FindSchema(out_.current_schema_id) == nullptr) return Bad("a new table needs a current schema");
  if (out_.FindSpec(out_.default_spec_id) == nullptr) return Bad("a new table needs a default partition spec");
  if (out_.sort_orders.empty()) out_.sort_orders.push_back({});
  const bool has_default = std::any_of(out_.sort_orders.begin(), out_.sort_orders.end(), [&](const SortOrder& order) {
    return order.order_id == out_.default_sort_order_id;
  });
  if (!has_default) return Bad("a new table needs a default sort order");
  if (out_.table_uuid.empty()) out_.table_uuid = NewUuid();
  return Status::OK();
}

Result<TableMetadata> Builder::Finish(const TableMetadata* base) {
  if (is_new_) ARROW_RETURN_NOT_OK(FinishNewTable());
  TrimSnapshotLog();
  if (base != nullptr && !options_.base_metadata_location.empty()) AppendMetadataLog(*base);
  return std::move(out_);
}

}  // namespace

Result<TableMetadata> ApplyUpdates(const TableMetadata* base, std::span<const TableUpdate> updates,
                                   const ApplyOptions& options) {
  if (base != nullptr && updates.empty()) return *base;
  Builder builder(base, options);
  for (const TableUpdate& update : updates) ARROW_RETURN_NOT_OK(std::visit(builder, update));
  return builder.Finish(base);
}

std::vector<std::string> RetiredMetadataFiles(const TableMetadata& before, const TableMetadata& after) {
  std::set<std::string_view> kept;
  for (const MetadataLogEntry& entry : after.metadata_log) kept.insert(entry.metadata_file);
  std::vector<std::string> retired;
  for (const MetadataLogEntry& entry : before.metadata_log) {
    if (!kept.contains(entry.metadata_file)) retired.push_back(entry.metadata_file);
  }
  return retired;
}

}  // namespace firn::table
