#include "table/commit/schema_change.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "format/json/column_plan.h"
#include "table/commit/name_mapping.h"
#include "table/commit/stream_token.h"
#include "table/metadata/default_value.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

using format::json::FieldNote;
using format::json::FormatNote;
using format::json::ParseNote;
using schema::Field;
using schema::Type;
using schema::TypeId;
using schema::TypePtr;
using Kind = SchemaChange::Kind;
using Json = nlohmann::json;

Status Refused(std::string what, std::string why, std::string next) {
  return MakeError(
      Fault::kConfig, std::move(what),
      {.code = "E0931", .why = std::move(why), .state = "the table was not changed", .next = std::move(next)});
}

// Indexes from the top to the field at `path`. Names may have dots: the first that leads to the end is taken.
bool Locate(const std::vector<Field>& fields, std::string_view path, std::vector<size_t>* way) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& name = fields[i].name;
    if (!path.starts_with(name)) continue;
    way->push_back(i);
    if (path.size() == name.size()) return true;
    if (path[name.size()] == '.' && Locate(fields[i].type->children, path.substr(name.size() + 1), way)) return true;
    way->pop_back();
  }
  return false;
}

TypePtr Rebuilt(const Type& type, std::vector<Field> children) {
  auto made = std::make_shared<Type>(type);
  made->children = std::move(children);
  return made;
}

// One level of the schema that holds the changed field.
struct Level {
  std::vector<Field>& fields;
  size_t index;
  const Type* parent;  // null: the row
};
using Edit = std::function<Status(const Level&)>;

Status EditAt(std::vector<Field>& fields, std::span<const size_t> way, const Type* parent, const Edit& edit) {
  if (way.size() == 1) return edit({fields, way[0], parent});
  Field& field = fields[way[0]];
  std::vector<Field> children = field.type->children;
  const TypePtr type = field.type;
  ARROW_RETURN_NOT_OK(EditAt(children, way.subspan(1), type.get(), edit));
  field.type = Rebuilt(*type, std::move(children));
  return Status::OK();
}

void CollectIds(const Field& field, std::set<int32_t>* ids) {
  ids->insert(field.id);
  for (const Field& child : field.type->children) CollectIds(child, ids);
}

std::string Allowed(const Type& from) {
  switch (from.id) {
    case TypeId::kInt:
      return "an int can become long";
    case TypeId::kFloat:
      return "a float can become double";
    case TypeId::kDecimal:
      return "a decimal can get more digits before the point: decimal(p, " + std::to_string(from.scale) + ")";
    case TypeId::kDate:
      return "a date can become timestamp in format version 3";
    default:
      return "Iceberg changes int to long, float to double and decimals to more digits; nothing else";
  }
}

class Changer {
 public:
  Changer(const TableMetadata& base, const std::map<std::string, std::string>& in_use)
      : base_(base),
        in_use_(in_use),
        schema_(base.schema()),
        last_id_(std::max(base.last_column_id, base.schema().MaxFieldId())),
        dropped_(DroppedColumns(base)),
        mapping_(base.Property(kNameMappingProperty)) {
    is_loaded_ = std::ranges::any_of(base.properties,
                                     [](const auto& property) { return property.first.starts_with(kStreamKeyPrefix); });
  }

  Status Apply(const SchemaChange& change);
  SchemaEvolution Finish();

 private:
  Status Add(const SchemaChange& change);
  Status Rename(const SchemaChange& change, const Level& level);
  Status Drop(const SchemaChange& change, const Level& level);
  Status Move(const SchemaChange& change, const Level& level);
  Status MakeOptional(const SchemaChange& change, Field& field);
  Status SetType(const SchemaChange& change, Field& field);
  Status SetDoc(const SchemaChange& change, Field& field);
  Status SetDefault(const SchemaChange& change, Field& field);
  Status SetIdentifier(const SchemaChange& change);
  Status CheckDroppable(const std::string& path, const Field& field) const;
  Status CheckType(const std::string& path, const Type& type) const;
  Status CheckDefault(const std::string& path, const TypePtr& type, const std::string& json) const;
  Status CheckFree(const std::vector<Field>& fields, const std::string& name, const std::string& path) const;
  Result<std::vector<size_t>> WayTo(const std::string& path) const;
  bool IsIdentifier(int32_t id) const {
    return std::ranges::find(schema_.identifier_field_ids, id) != schema_.identifier_field_ids.end();
  }

  const TableMetadata& base_;
  const std::map<std::string, std::string>& in_use_;
  schema::Schema schema_;
  int32_t last_id_;
  std::vector<std::string> dropped_;
  std::string mapping_;
  bool is_loaded_ = false;
};

Result<std::vector<size_t>> Changer::WayTo(const std::string& path) const {
  std::vector<size_t> way;
  if (Locate(schema_.fields, path, &way)) return way;
  std::string names;
  for (const Field& field : schema_.fields) names += (names.empty() ? "" : ", ") + field.name;
  return MakeError(Fault::kConfig, "the table has no column " + path,
                   {.code = "E0930",
                    .why = "its columns are " + names,
                    .state = "the table was not changed",
                    .next = "firn sql \"DESCRIBE TABLE\" shows them; a field of a list is LIST.element.FIELD"});
}

Status Changer::Apply(const SchemaChange& change) {
  if (change.kind == Kind::kAddColumn) return Add(change);
  if (change.kind == Kind::kSetIdentifier) return SetIdentifier(change);
  const bool own = is_loaded_ && change.column.starts_with("_firn_");
  if (own && (change.kind == Kind::kRenameColumn || change.kind == Kind::kDropColumn)) {
    return Refused("column " + change.column + " belongs to firn",
                   "each load writes it: it says which run brought a row, and when", "leave it out of a view instead");
  }
  ARROW_ASSIGN_OR_RAISE(const std::vector<size_t> way, WayTo(change.column));
  return EditAt(schema_.fields, way, nullptr, [&](const Level& level) {
    Field& field = level.fields[level.index];
    switch (change.kind) {
      case Kind::kRenameColumn:
        return Rename(change, level);
      case Kind::kDropColumn:
        return Drop(change, level);
      case Kind::kMoveColumn:
        return Move(change, level);
      case Kind::kMakeOptional:
        return MakeOptional(change, field);
      case Kind::kSetType:
        return SetType(change, field);
      case Kind::kSetDoc:
        return SetDoc(change, field);
      default:
        return SetDefault(change, field);
    }
  });
}

Status Changer::CheckFree(const std::vector<Field>& fields, const std::string& name, const std::string& path) const {
  if (name.empty()) return Refused("a column needs a name", "", "give one");
  for (const Field& field : fields) {
    if (field.name == name) {
      return Refused("there is a column " + path + " already", "a name belongs to one column", "choose another name");
    }
  }
  return Status::OK();
}

Status Changer::CheckType(const std::string& path, const Type& type) const {
  if (type.id == TypeId::kVariant) {
    return Refused("column " + path + ": this build does not write the type variant", "loads would refuse the table",
                   "keep JSON text: a string column, or `type: json` in the configuration");
  }
  const int32_t version = schema::FormatVersionOf(type);
  if (version <= base_.format_version) return Status::OK();
  return Refused("column " + path + ": type " + schema::ToString(type) + " needs format version 3",
                 "the table has version " + std::to_string(base_.format_version),
                 "`format_version: 3` in the table's configuration, then firn run");
}

Status Changer::CheckDefault(const std::string& path, const TypePtr& type, const std::string& json) const {
  if (json.empty()) return Status::OK();
  if (base_.format_version < 3) {
    return Refused("column " + path + ": default values need format version 3",
                   "the table has version " + std::to_string(base_.format_version),
                   "`format_version: 3` in the table's configuration, then firn run");
  }
  if (const auto value = ParseDefault(type, json); !value.ok()) {
    return Refused("column " + path + ": the default is no value of its type " + schema::ToString(*type), json,
                   "write a value of that type as JSON: 12, \"text\", \"2024-01-31\", \"12.50\" of a decimal");
  }
  return Status::OK();
}

Status Changer::Add(const SchemaChange& change) {
  // Of "a.b.c" the longest path that there is must be a struct.
  std::vector<size_t> way;
  std::string parent, name = change.column;
  for (size_t dot = change.column.rfind('.'); dot != std::string::npos && dot > 0;
       dot = change.column.rfind('.', dot - 1)) {
    way.clear();
    if (!Locate(schema_.fields, std::string_view(change.column).substr(0, dot), &way)) continue;
    parent = change.column.substr(0, dot);
    name = change.column.substr(dot + 1);
    break;
  }
  Field field{.name = name, .type = change.type, .doc = change.doc};
  ARROW_RETURN_NOT_OK(CheckType(change.column, *change.type));
  ARROW_RETURN_NOT_OK(CheckDefault(change.column, change.type, change.default_json));
  if (!change.default_json.empty()) field.initial_default = field.write_default = change.default_json;
  std::vector<Field> added = {std::move(field)};
  AssignIds(added, last_id_);
  std::erase(dropped_, change.column);
  if (parent.empty()) {
    ARROW_RETURN_NOT_OK(CheckFree(schema_.fields, name, change.column));
    mapping_ = NameMappingWithColumn(mapping_, 0, added[0]);
    schema_.fields.push_back(std::move(added[0]));
    return Status::OK();
  }
  return EditAt(schema_.fields, way, nullptr, [&](const Level& level) -> Status {
    Field& owner = level.fields[level.index];
    if (owner.type->id != TypeId::kStruct) {
      return Refused("column " + parent + " is a " + schema::ToString(*owner.type) + ", not a struct",
                     "only a struct has fields", "name the struct in it: LIST.element.FIELD, MAP.value.FIELD");
    }
    std::vector<Field> children = owner.type->children;
    ARROW_RETURN_NOT_OK(CheckFree(children, name, change.column));
    if (!change.default_json.empty()) {
      return Refused("column " + change.column + " lies in a struct and cannot have a default here",
                     "new rows of this build would have null there", "add it without a default");
    }
    mapping_ = NameMappingWithColumn(mapping_, owner.id, added[0]);
    children.push_back(std::move(added[0]));
    owner.type = schema::Struct(std::move(children));
    return Status::OK();
  });
}

Status Changer::Rename(const SchemaChange& change, const Level& level) {
  if (level.parent != nullptr && level.parent->id != TypeId::kStruct) {
    return Refused("column " + change.column + " is part of a " + schema::ToString(*level.parent) + " and has no name",
                   "element, key and value are fixed names", "rename the column around it");
  }
  Field& field = level.fields[level.index];
  if (field.name == change.name) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckFree(level.fields, change.name, change.name));
  if (is_loaded_) {
    FieldNote note = ParseNote(field.doc);
    if (!note.key) note.key = field.name;
    if (!change.source_key.empty()) note.key = change.source_key;
    if (*note.key == change.name && !note.sibling) note.key.reset();
    field.doc = FormatNote(note);
  }
  field.name = change.name;
  mapping_ = NameMappingWithName(mapping_, field.id, field.name);
  return Status::OK();
}

Status Changer::CheckDroppable(const std::string& path, const Field& field) const {
  const auto refuse = [&](const std::string& why, const std::string& next) {
    return Refused("column " + path + " is not dropped: " + why, "rows could not be told apart or found without it",
                   next);
  };
  std::set<int32_t> ids;
  CollectIds(field, &ids);
  for (const auto& [used, why] : in_use_) {
    if (used == path || used.starts_with(path + ".")) return refuse(why, "take it out of the configuration first");
  }
  for (const int32_t id : schema_.identifier_field_ids) {
    if (ids.contains(id)) return refuse("it is an identifier column", "firn table alter TABLE set-identifier (others)");
  }
  for (const PartitionSpec& spec : base_.partition_specs) {
    for (const PartitionField& partition : spec.fields) {
      if (!ids.contains(partition.source_id) || partition.transform.kind == Transform::Kind::kVoid) continue;
      const bool current = spec.spec_id == base_.default_spec_id;
      return refuse(
          (current ? "the table is partitioned by it: " : "older files are partitioned by it: ") + partition.name,
          current ? "change partition_by first"
                  : "firn table maintain TABLE --repartition, then --expire --retain 1: it removes partitionings that "
                    "no file has");
    }
  }
  for (const SortOrder& order : base_.sort_orders) {
    for (const SortField& sort : order.fields) {
      if (ids.contains(sort.source_id)) return refuse("a sort order of the table has it", "keep the column");
    }
  }
  return Status::OK();
}

Status Changer::Drop(const SchemaChange& change, const Level& level) {
  if (level.parent != nullptr && level.parent->id != TypeId::kStruct) {
    return Refused("column " + change.column + " is part of a " + schema::ToString(*level.parent),
                   "a list has an element, a map keys and values", "drop the column around it");
  }
  const Field& field = level.fields[level.index];
  ARROW_RETURN_NOT_OK(CheckDroppable(change.column, field));
  if (level.fields.size() == 1) {
    return Refused("column " + change.column + " is the only one" + (level.parent == nullptr ? "" : " of its struct"),
                   "Parquet stores no rows without columns",
                   level.parent == nullptr ? "drop the table" : "drop the struct");
  }
  const std::string source = FindColumn(schema_, change.column).source_path;
  // A column for the second type of a key goes alone: the key has another, whose values must not stay away.
  const bool is_key = !ParseNote(field.doc).sibling;
  if (is_loaded_ && !change.forget && is_key && std::ranges::find(dropped_, source) == dropped_.end()) {
    dropped_.push_back(source);
  }
  level.fields.erase(level.fields.begin() + static_cast<std::ptrdiff_t>(level.index));
  return Status::OK();
}

Status Changer::Move(const SchemaChange& change, const Level& level) {
  if (level.parent != nullptr && level.parent->id != TypeId::kStruct) {
    return Refused("column " + change.column + " is part of a " + schema::ToString(*level.parent),
                   "only the fields of a struct have an order to choose", "move the column around it");
  }
  Field field = level.fields[level.index];
  const auto beside = [&](const Field& other) { return other.name == change.name; };
  if (change.place != SchemaChange::Place::kFirst &&
      (field.name == change.name || std::ranges::none_of(level.fields, beside))) {
    return MakeError(Fault::kConfig, "there is no other column " + change.name + " beside " + change.column,
                     {.code = "E0930",
                      .why = "a column moves among those of its own struct",
                      .state = "the table was not changed",
                      .next = "name one of them: " + change.column + " after NAME"});
  }
  level.fields.erase(level.fields.begin() + static_cast<std::ptrdiff_t>(level.index));
  auto at = level.fields.begin();
  if (change.place != SchemaChange::Place::kFirst) at = std::ranges::find_if(level.fields, beside);
  if (change.place == SchemaChange::Place::kAfter) ++at;
  level.fields.insert(at, std::move(field));
  return Status::OK();
}

Status Changer::MakeOptional(const SchemaChange& change, Field& field) {
  if (IsIdentifier(field.id)) {
    return Refused("column " + change.column + " is an identifier column and stays required",
                   "Iceberg wants identifiers without nulls", "firn table alter TABLE set-identifier (others)");
  }
  field.required = false;
  return Status::OK();
}

Status Changer::SetType(const SchemaChange& change, Field& field) {
  if (schema::Equals(*field.type, *change.type)) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckType(change.column, *change.type));
  const std::string from = schema::ToString(*field.type), to = schema::ToString(*change.type);
  if (!schema::CanPromote(*field.type, *change.type, base_.format_version)) {
    return Refused("column " + change.column + " of type " + from + " cannot become " + to, Allowed(*field.type),
                   "firn table alter TABLE add-column NAME " + to + ", or load into a new table");
  }
  for (const PartitionSpec& spec : base_.partition_specs) {
    for (const PartitionField& partition : spec.fields) {
      if (partition.source_id == field.id && field.type->id == TypeId::kDate) {
        return Refused("column " + change.column + " of type " + from + " cannot become " + to,
                       "the partition " + partition.name + " is made of it and would have other values",
                       "change partition_by first");
      }
    }
  }
  field.type = change.type;
  return Status::OK();
}

Status Changer::SetDoc(const SchemaChange& change, Field& field) {
  if (change.doc.starts_with("firn:")) {
    return Refused("a doc cannot begin with \"firn:\"", "firn keeps notes of its own there", "begin with another word");
  }
  FieldNote note = ParseNote(field.doc);
  note.text = change.doc;
  field.doc = FormatNote(note);
  return Status::OK();
}

Status Changer::SetDefault(const SchemaChange& change, Field& field) {
  ARROW_RETURN_NOT_OK(CheckDefault(change.column, field.type, change.default_json));
  if (change.column != field.name && !change.default_json.empty()) {
    return Refused("column " + change.column + " lies in a struct and cannot have a default here",
                   "new rows of this build would have null there", "choose a column of the row");
  }
  field.write_default = change.default_json;
  return Status::OK();
}

Status Changer::SetIdentifier(const SchemaChange& change) {
  std::vector<int32_t> ids;
  for (const std::string& path : change.columns) {
    ARROW_ASSIGN_OR_RAISE(const std::vector<size_t> way, WayTo(path));
    const std::vector<Field>* fields = &schema_.fields;
    const Field* field = nullptr;
    for (const size_t index : way) {
      field = &(*fields)[index];
      if (!field->required) {
        return Refused("column " + path + " cannot be an identifier: " + field->name + " is optional",
                       "identifiers have a value in every row, and Iceberg makes no optional column required",
                       "load into a new table: a merge makes its primary_key the identifier");
      }
      fields = &field->type->children;
    }
    const TypeId id = field->type->id;
    if (!field->type->is_primitive() || id == TypeId::kFloat || id == TypeId::kDouble) {
      return Refused("column " + path + " of type " + schema::ToString(*field->type) + " cannot be an identifier",
                     "identifiers are plain values that compare exactly", "choose another column");
    }
    ids.push_back(field->id);
  }
  schema_.identifier_field_ids = std::move(ids);
  return Status::OK();
}

SchemaEvolution Changer::Finish() {
  SchemaEvolution evolution{.schema = base_.schema_ptr()};
  const std::string list = Json(dropped_).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (dropped_ != DroppedColumns(base_)) evolution.properties[kDroppedColumnsProperty] = list;
  if (mapping_ != base_.Property(kNameMappingProperty)) evolution.properties[kNameMappingProperty] = mapping_;
  if (WriteSchema(schema_) != WriteSchema(base_.schema())) {
    evolution.changed = true;
    evolution.schema = std::make_shared<const schema::Schema>(std::move(schema_));
    evolution.updates = {update::AddSchema{.schema = evolution.schema}, update::SetCurrentSchema{}};
  }
  if (!evolution.properties.empty()) {
    evolution.updates.push_back(update::SetProperties{.updates = evolution.properties});
  }
  return evolution;
}

std::string PlaceText(const SchemaChange& change) {
  if (change.place == SchemaChange::Place::kFirst) return "first";
  return (change.place == SchemaChange::Place::kAfter ? "after " : "before ") + change.name;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

// The way that `source_path` takes through the fields' keys, in names of the table.
std::optional<std::string> NamedPath(const std::vector<Field>& fields, std::string_view source_path) {
  for (const Field& field : fields) {
    const FieldNote note = ParseNote(field.doc);
    const std::string key = note.key.value_or(field.name);
    if (note.sibling || !source_path.starts_with(key)) continue;
    if (source_path.size() == key.size()) return field.name;
    if (source_path[key.size()] != '.') continue;
    std::string name = field.name;
    const Type* type = field.type.get();
    while (type->id == TypeId::kList || type->id == TypeId::kMap) {
      name += "." + type->children.back().name;
      type = type->children.back().type.get();
    }
    const auto below = NamedPath(type->children, source_path.substr(key.size() + 1));
    if (below) return name + "." + *below;
  }
  return std::nullopt;
}

// As NamedPath, of every column with values of that path.
void AddPaths(const std::vector<Field>& fields, std::string_view source_path, const std::string& before,
              std::vector<std::string>* paths) {
  for (const Field& field : fields) {
    const std::string key = ParseNote(field.doc).key.value_or(field.name);
    if (!source_path.starts_with(key)) continue;
    std::string path = before + field.name;
    if (source_path.size() == key.size()) paths->push_back(path);
    if (source_path.size() <= key.size() || source_path[key.size()] != '.') continue;
    const Type* type = field.type.get();
    while (type->id == TypeId::kList || type->id == TypeId::kMap) {
      path += "." + type->children.back().name;
      type = type->children.back().type.get();
    }
    AddPaths(type->children, source_path.substr(key.size() + 1), path + ".", paths);
  }
}

}  // namespace

std::string ToString(const SchemaChange& change) {
  const std::string column = "column " + change.column;
  switch (change.kind) {
    case Kind::kAddColumn:
      return "+ " + column + " " + schema::ToString(*change.type) +
             (change.default_json.empty() ? "" : " default " + change.default_json);
    case Kind::kRenameColumn:
      return "~ " + column + " renamed to " + change.name;
    case Kind::kDropColumn:
      return "- " + column;
    case Kind::kMoveColumn:
      return "~ " + column + " moved " + PlaceText(change);
    case Kind::kMakeOptional:
      return "~ " + column + " optional";
    case Kind::kSetType:
      return "~ " + column + " -> " + schema::ToString(*change.type);
    case Kind::kSetDoc:
      return "~ " + column + " doc";
    case Kind::kSetDefault:
      return "~ " + column + " default " + (change.default_json.empty() ? "none" : change.default_json);
    case Kind::kSetIdentifier:
      return "~ identifier " + Joined(change.columns);
  }
  return "";
}

Result<SchemaEvolution> ChangeSchema(const TableMetadata& base, std::span<const SchemaChange> changes,
                                     const std::map<std::string, std::string>& in_use) {
  Changer changer(base, in_use);
  for (const SchemaChange& change : changes) ARROW_RETURN_NOT_OK(changer.Apply(change));
  return changer.Finish();
}

std::vector<std::string> DroppedColumns(const TableMetadata& metadata) {
  const std::string text = metadata.Property(kDroppedColumnsProperty);
  const Json tree = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> paths;
  if (!tree.is_array()) return paths;
  for (const Json& path : tree) {
    if (path.is_string()) paths.push_back(path.get<std::string>());
  }
  return paths;
}

std::string PathOfSource(const schema::Schema& schema, std::string_view source_path) {
  return NamedPath(schema.fields, source_path).value_or("");
}

std::vector<std::string> PathsOfSource(const schema::Schema& schema, std::string_view source_path) {
  std::vector<std::string> paths;
  AddPaths(schema.fields, source_path, "", &paths);
  return paths;
}

FoundColumn FindColumn(const schema::Schema& schema, std::string_view path) {
  std::vector<size_t> way;
  if (!Locate(schema.fields, path, &way)) return {};
  FoundColumn found;
  const std::vector<Field>* fields = &schema.fields;
  const Type* parent = nullptr;
  for (const size_t index : way) {
    found.field = &(*fields)[index];
    if (parent == nullptr || parent->id == TypeId::kStruct) {
      const FieldNote note = ParseNote(found.field->doc);
      found.source_path += (found.source_path.empty() ? "" : ".") + note.key.value_or(found.field->name);
    }
    parent = found.field->type.get();
    fields = &parent->children;
  }
  return found;
}

}  // namespace firn::table
