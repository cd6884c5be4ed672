#include "table/commit/schema_update.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace firn::table {
namespace {

using schema::Field;
using schema::Type;
using schema::TypeId;
using schema::TypePtr;

// The children's types are replaced by what `change` makes of them.
TypePtr WithChildren(const Type& type, std::vector<Field> children) {
  if (type.id == TypeId::kList) return schema::List(std::move(children[0]));
  if (type.id == TypeId::kMap) return schema::Map(std::move(children[0]), std::move(children[1]));
  return schema::Struct(std::move(children));
}

// Numbers the fields of one level, then what is nested in them.
void AssignIds(std::vector<Field>& fields, int32_t& last_id, std::map<int32_t, int32_t>* renumbered) {
  for (Field& field : fields) {
    const int32_t before = field.id;
    field.id = ++last_id;
    if (renumbered != nullptr && before != 0) renumbered->emplace(before, field.id);
  }
  for (Field& field : fields) {
    if (!field.type->is_nested()) continue;
    std::vector<Field> children = field.type->children;
    AssignIds(children, last_id, renumbered);
    field.type = WithChildren(*field.type, std::move(children));
  }
}

// True if the name stands for another field in some spec of the table.
bool NameIsTaken(const TableMetadata& base, const PartitionField& wanted) {
  return std::ranges::any_of(base.partition_specs, [&](const PartitionSpec& spec) {
    return std::ranges::any_of(spec.fields, [&](const PartitionField& field) {
      return field.name == wanted.name && !(field.source_id == wanted.source_id && field.transform == wanted.transform);
    });
  });
}

// The name that the same field has in some spec of the table.
const std::string* KnownName(const TableMetadata& base, const PartitionField& wanted) {
  for (const PartitionSpec& spec : base.partition_specs) {
    for (const PartitionField& field : spec.fields) {
      if (field.source_id == wanted.source_id && field.transform == wanted.transform) return &field.name;
    }
  }
  return nullptr;
}

class Evolver {
 public:
  explicit Evolver(const TableMetadata& base)
      : last_id_(base.last_column_id), format_version_(base.format_version), base_(base.schema()) {}

  Result<std::vector<Field>> MergeFields(const std::vector<Field>& table, const std::vector<Field>& wanted,
                                         const std::string& prefix);
  bool changed() const { return changed_; }

 private:
  Result<TypePtr> MergeType(const TypePtr& table, const TypePtr& wanted, const std::string& path);
  Result<TypePtr> MergeNested(const TypePtr& table, const TypePtr& wanted, const std::string& path);
  Result<Field> MergeField(Field field, const Field* wanted, const std::string& path);
  Field NewField(const Field& wanted);
  Status Refuse(const std::string& path, const std::string& why) const {
    return MakeError(Fault::kContract, "column " + path + ": " + why,
                     {.state = "the table was not changed",
                      .next = "declare the column's type in the configuration, or write into a new table"});
  }

  int32_t last_id_;
  const int32_t format_version_;
  const schema::Schema& base_;
  bool changed_ = false;
};

// v2 has no default values: a column that old files lack must be optional.
Field Evolver::NewField(const Field& wanted) {
  std::vector<Field> fields = {wanted};
  fields[0].required = false;
  AssignIds(fields, last_id_, nullptr);
  changed_ = true;
  return std::move(fields[0]);
}

Result<TypePtr> Evolver::MergeType(const TypePtr& table, const TypePtr& wanted, const std::string& path) {
  const bool alike = table->id == wanted->id;
  if (alike && table->is_nested()) return MergeNested(table, wanted, path);
  if (!table->is_nested() && !wanted->is_nested()) {
    if (schema::Equals(*table, *wanted) || schema::CanPromote(*wanted, *table)) return table;
    if (schema::CanPromote(*table, *wanted, format_version_)) {
      changed_ = true;
      return wanted;
    }
  }
  return Refuse(path, "type cannot become another: " + schema::ToString(*table) + " to " + schema::ToString(*wanted));
}

Result<TypePtr> Evolver::MergeNested(const TypePtr& table, const TypePtr& wanted, const std::string& path) {
  if (table->id == TypeId::kStruct) {
    ARROW_ASSIGN_OR_RAISE(auto fields, MergeFields(table->children, wanted->children, path + "."));
    return schema::Struct(std::move(fields));
  }
  std::vector<Field> children;
  for (size_t i = 0; i < table->children.size(); ++i) {
    const bool before = std::exchange(changed_, false);
    const std::string child_path = path + "." + table->children[i].name;
    ARROW_ASSIGN_OR_RAISE(Field child, MergeField(table->children[i], &wanted->children[i], child_path));
    // Equality of maps would change with their keys (spec, "Schema Evolution": map keys cannot evolve).
    if (changed_ && table->id == TypeId::kMap && i == 0) return Refuse(child_path, "keys of a map cannot change");
    changed_ = changed_ || before;
    children.push_back(std::move(child));
  }
  return WithChildren(*table, std::move(children));
}

Result<Field> Evolver::MergeField(Field field, const Field* wanted, const std::string& path) {
  if (field.required && (wanted == nullptr || !wanted->required)) {
    if (std::ranges::find(base_.identifier_field_ids, field.id) != base_.identifier_field_ids.end()) {
      return Refuse(path, "part of the table's key cannot become optional");
    }
    field.required = false;
    changed_ = true;
  }
  if (wanted != nullptr) {
    ARROW_ASSIGN_OR_RAISE(field.type, MergeType(field.type, wanted->type, path));
  }
  return field;
}

Result<std::vector<Field>> Evolver::MergeFields(const std::vector<Field>& table, const std::vector<Field>& wanted,
                                                const std::string& prefix) {
  std::map<std::string_view, const Field*> by_name;
  for (const Field& field : wanted) {
    if (!by_name.emplace(field.name, &field).second) return Refuse(prefix + field.name, "named twice");
  }
  std::vector<Field> merged;
  for (const Field& field : table) {
    const auto found = by_name.find(field.name);
    const Field* match = found == by_name.end() ? nullptr : found->second;
    ARROW_ASSIGN_OR_RAISE(Field next, MergeField(field, match, prefix + field.name));
    merged.push_back(std::move(next));
    if (match != nullptr) by_name.erase(found);
  }
  for (const Field& field : wanted) {
    if (by_name.contains(field.name)) merged.push_back(NewField(field));
  }
  return merged;
}

}  // namespace

void AssignIds(std::vector<Field>& fields, int32_t& last_id) {
  AssignIds(fields, last_id, nullptr);
}

Result<SpecEvolution> EvolveSpec(const TableMetadata& base, const SchemaPtr& schema, PartitionSpec wanted) {
  for (PartitionField& field : wanted.fields) {
    field.field_id = 0;
    if (const std::string* known = KnownName(base, field)) {
      field.name = *known;
    } else if (NameIsTaken(base, field)) {
      field.name += "_" + std::to_string(field.transform.parameter);
      while (NameIsTaken(base, field)) field.name += "_";
    }
  }
  if (Equivalent(base.default_spec(), wanted)) return SpecEvolution{.spec = base.default_spec()};
  const std::vector<TableUpdate> updates = {update::AddSchema{.schema = schema}, update::SetCurrentSchema{},
                                            update::AddSpec{.spec = std::move(wanted)}, update::SetDefaultSpec{}};
  ARROW_ASSIGN_OR_RAISE(const TableMetadata after, ApplyUpdates(&base, updates, {}));
  return SpecEvolution{.spec = after.default_spec(), .changed = true};
}

schema::Schema AssignFreshIds(const schema::Schema& schema) {
  schema::Schema fresh = schema;
  int32_t last_id = 0;
  std::map<int32_t, int32_t> renumbered;
  AssignIds(fresh.fields, last_id, &renumbered);
  for (int32_t& id : fresh.identifier_field_ids) {
    if (const auto found = renumbered.find(id); found != renumbered.end()) id = found->second;
  }
  return fresh;
}

Result<SchemaEvolution> EvolveSchema(const TableMetadata& base, const schema::Schema& wanted) {
  Evolver evolver(base);
  ARROW_ASSIGN_OR_RAISE(auto fields, evolver.MergeFields(base.schema().fields, wanted.fields, ""));
  SchemaEvolution evolution{.schema = base.schema_ptr()};
  if (!evolver.changed()) return evolution;
  auto next = std::make_shared<schema::Schema>(base.schema());
  next->fields = std::move(fields);
  evolution.schema = std::move(next);
  evolution.changed = true;
  evolution.updates = {update::AddSchema{.schema = evolution.schema}, update::SetCurrentSchema{}};
  return evolution;
}

}  // namespace firn::table
