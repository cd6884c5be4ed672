#include "table/metadata/requirement.h"

#include <strings.h>

#include <utility>

#include "table/metadata/json_reader.h"
#include "table/metadata/json_writer.h"

namespace firn::table {
namespace {

using namespace requirement;

Status Failed(const std::string& what) {
  return MakeError(Fault::kConflict, "Requirement failed: " + what);
}

template <typename T>
Status CheckEqual(const char* what, T expected, T found) {
  if (expected == found) return Status::OK();
  return Failed(std::string(what) + " changed: expected id " + std::to_string(expected) +
                " != " + std::to_string(found));
}

// The messages are those of the Java reference implementation; clients and the REST compatibility kit look for them.
struct Checker {
  const TableMetadata& metadata;

  Status operator()(const AssertCreate&) const { return Failed("table already exists"); }

  Status operator()(const AssertTableUuid& r) const {
    if (strcasecmp(r.uuid.c_str(), metadata.table_uuid.c_str()) == 0) return Status::OK();
    return Failed("UUID does not match: expected " + metadata.table_uuid + " != " + r.uuid);
  }

  Status operator()(const AssertRefSnapshotId& r) const {
    const auto found = metadata.refs.find(r.ref);
    if (found == metadata.refs.end()) {
      if (!r.snapshot_id) return Status::OK();
      return Failed("branch or tag " + r.ref + " is missing, expected " + std::to_string(r.snapshot_id->value));
    }
    const SnapshotRef& ref = found->second;
    const std::string name = (ref.type == SnapshotRef::Type::kBranch ? "branch " : "tag ") + r.ref;
    if (!r.snapshot_id) return Failed(name + " was created concurrently");
    if (*r.snapshot_id == ref.snapshot_id) return Status::OK();
    return Failed(name + " has changed: expected id " + std::to_string(r.snapshot_id->value) +
                  " != " + std::to_string(ref.snapshot_id.value));
  }

  Status operator()(const AssertLastAssignedFieldId& r) const {
    return CheckEqual("last assigned field id", r.last_assigned_field_id, metadata.last_column_id);
  }
  Status operator()(const AssertCurrentSchemaId& r) const {
    return CheckEqual("current schema", r.current_schema_id, metadata.current_schema_id);
  }
  Status operator()(const AssertLastAssignedPartitionId& r) const {
    return CheckEqual("last assigned partition id", r.last_assigned_partition_id, metadata.last_partition_id);
  }
  Status operator()(const AssertDefaultSpecId& r) const {
    return CheckEqual("default partition spec", r.default_spec_id, metadata.default_spec_id);
  }
  Status operator()(const AssertDefaultSortOrderId& r) const {
    return CheckEqual("default sort order", r.default_sort_order_id, metadata.default_sort_order_id);
  }
};

bool HoldsForMissingTable(const TableRequirement& requirement) {
  if (std::holds_alternative<AssertCreate>(requirement)) return true;
  const auto* ref = std::get_if<AssertRefSnapshotId>(&requirement);
  return ref != nullptr && !ref->snapshot_id;
}

JsonWriter& Begin(JsonWriter& out, const char* type) {
  return out.BeginObject().Key("type").String(type);
}

struct Writer {
  JsonWriter& out;

  void operator()(const AssertCreate&) const { Begin(out, "assert-create"); }
  void operator()(const AssertTableUuid& r) const { Begin(out, "assert-table-uuid").Key("uuid").String(r.uuid); }
  void operator()(const AssertRefSnapshotId& r) const {
    Begin(out, "assert-ref-snapshot-id").Key("ref").String(r.ref).Key("snapshot-id");
    if (r.snapshot_id) {
      out.Int(r.snapshot_id->value);
    } else {
      out.Null();
    }
  }
  void operator()(const AssertLastAssignedFieldId& r) const {
    Begin(out, "assert-last-assigned-field-id").Key("last-assigned-field-id").Int(r.last_assigned_field_id);
  }
  void operator()(const AssertCurrentSchemaId& r) const {
    Begin(out, "assert-current-schema-id").Key("current-schema-id").Int(r.current_schema_id);
  }
  void operator()(const AssertLastAssignedPartitionId& r) const {
    Begin(out, "assert-last-assigned-partition-id").Key("last-assigned-partition-id").Int(r.last_assigned_partition_id);
  }
  void operator()(const AssertDefaultSpecId& r) const {
    Begin(out, "assert-default-spec-id").Key("default-spec-id").Int(r.default_spec_id);
  }
  void operator()(const AssertDefaultSortOrderId& r) const {
    Begin(out, "assert-default-sort-order-id").Key("default-sort-order-id").Int(r.default_sort_order_id);
  }
};

// Reads the one int that most requirements consist of.
template <typename T>
Result<TableRequirement> WithInt(const JsonObject& object, const char* key, int32_t T::* member) {
  T requirement;
  ARROW_ASSIGN_OR_RAISE(requirement.*member, object.Int(key));
  return requirement;
}

}  // namespace

Status CheckRequirements(const TableMetadata* metadata, std::span<const TableRequirement> requirements) {
  for (const TableRequirement& requirement : requirements) {
    if (metadata != nullptr) {
      ARROW_RETURN_NOT_OK(std::visit(Checker{*metadata}, requirement));
    } else if (!HoldsForMissingTable(requirement)) {
      return Failed("table does not exist");
    }
  }
  return Status::OK();
}

std::string WriteRequirement(const TableRequirement& requirement) {
  JsonWriter out;
  std::visit(Writer{out}, requirement);
  out.EndObject();
  return out.Take();
}

Result<TableRequirement> ParseRequirement(std::string_view json) {
  ARROW_ASSIGN_OR_RAISE(const Json tree, ParseJson(json, "requirement"));
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Of(tree, "requirement"));
  ARROW_ASSIGN_OR_RAISE(const std::string type, object.String("type"));
  if (type == "assert-create") return AssertCreate{};
  if (type == "assert-table-uuid") {
    ARROW_ASSIGN_OR_RAISE(std::string uuid, object.String("uuid"));
    return AssertTableUuid{std::move(uuid)};
  }
  if (type == "assert-ref-snapshot-id") {
    AssertRefSnapshotId requirement;
    ARROW_ASSIGN_OR_RAISE(requirement.ref, object.String("ref"));
    ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalLong("snapshot-id"));
    if (id) requirement.snapshot_id = SnapshotId{*id};
    return requirement;
  }
  if (type == "assert-last-assigned-field-id") {
    return WithInt(object, "last-assigned-field-id", &AssertLastAssignedFieldId::last_assigned_field_id);
  }
  if (type == "assert-current-schema-id") {
    return WithInt(object, "current-schema-id", &AssertCurrentSchemaId::current_schema_id);
  }
  if (type == "assert-last-assigned-partition-id") {
    return WithInt(object, "last-assigned-partition-id", &AssertLastAssignedPartitionId::last_assigned_partition_id);
  }
  if (type == "assert-default-spec-id") {
    return WithInt(object, "default-spec-id", &AssertDefaultSpecId::default_spec_id);
  }
  if (type == "assert-default-sort-order-id") {
    return WithInt(object, "default-sort-order-id", &AssertDefaultSortOrderId::default_sort_order_id);
  }
  return MakeError(Fault::kBadData, "requirement.type: unknown requirement");
}

}  // namespace firn::table
