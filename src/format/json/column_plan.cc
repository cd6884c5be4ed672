#include "format/json/column_plan.h"

#include <algorithm>
#include <array>

namespace firn::format::json {
namespace {

constexpr std::string_view kNotePrefix = "firn:";
constexpr std::array<std::string_view, 9> kSiblingSuffixes = {"bool",   "long", "decimal", "double", "string",
                                                              "struct", "list", "json",    "map"};

std::string Lower(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// The key that a column without a note is a sibling of, by its name; empty if it is none.
std::string_view SiblingBase(std::string_view name) {
  const size_t at = name.rfind("__");
  if (at == std::string_view::npos || at == 0) return {};
  const std::string_view suffix = name.substr(at + 2);
  const bool known = std::find(kSiblingSuffixes.begin(), kSiblingSuffixes.end(), suffix) != kSiblingSuffixes.end();
  return known ? name.substr(0, at) : std::string_view();
}

struct Place {
  const MaskTree* masks;
  const HintTree* hints;
  Place Child(std::string_view key) const {
    return {masks ? masks->Child(key) : nullptr, hints ? hints->Child(key) : nullptr};
  }
};

std::unique_ptr<Column> ColumnFromField(const schema::Field& field, const FieldNote& note, const Place& place);

void FillStruct(Column& column, const std::vector<schema::Field>& fields, const Place& place, bool top) {
  struct Later {
    const schema::Field* field;
    FieldNote note;
    std::string base;
    int32_t position;
  };
  std::vector<Later> siblings;
  const auto add = [&](const schema::Field& field, const FieldNote& note, const std::string& key, int32_t position) {
    auto made = ColumnFromField(field, note, place.Child(key));
    made->position = position;
    made->sibling = note.sibling;
    const int64_t found = column.FindKey(key);
    if (found >= 0) {
      column.fields[static_cast<size_t>(found)]->columns.push_back(std::move(made));
      return;
    }
    auto key_field = std::make_unique<KeyField>(key);
    key_field->columns.push_back(std::move(made));
    column.AddField(std::move(key_field));
  };
  for (const schema::Field& field : fields) {
    const int32_t position = column.next_position++;
    column.names.insert(Lower(field.name));
    if (top && IsReservedName(field.name)) continue;
    if (!top && field.name == "_empty" && field.type->id == schema::TypeId::kBoolean) {
      column.empty_leaf = ColumnFromField(field, {}, {});
      column.empty_leaf->position = position;
      continue;
    }
    FieldNote note = ParseNote(field.doc);
    const std::string_view base = note.key ? std::string_view() : SiblingBase(field.name);
    if (note.sibling || !base.empty()) {
      siblings.push_back({&field, note, note.key.value_or(std::string(base)), position});
    } else {
      add(field, note, note.key.value_or(field.name), position);
    }
  }
  for (Later& later : siblings) {
    const bool by_name = !later.note.sibling;
    if (by_name && column.FindKey(later.base) < 0) {  // a key that only looks like a sibling
      add(*later.field, later.note, later.field->name, later.position);
      continue;
    }
    later.note.sibling = true;
    later.note.json = later.note.json || (by_name && later.field->name.ends_with("__json"));
    add(*later.field, later.note, later.base, later.position);
  }
}

void FillContainer(Column& column, const schema::Type& type, const FieldNote& note, const Place& place) {
  const schema::Field& value = type.children.back();
  auto field = std::make_unique<KeyField>(std::string());
  field->columns.push_back(ColumnFromField(value, {.json = note.json_elements}, place));
  column.value_id = value.id;
  column.fields.push_back(std::move(field));
  if (column.kind != Kind::kMap) return;
  column.key_id = type.children[0].id;
  column.map_keys = NewColumn(Kind::kString, "key");
}

std::unique_ptr<Column> ColumnFromField(const schema::Field& field, const FieldNote& note, const Place& place) {
  auto column = ColumnOfType(*field.type);
  column->name = field.name;
  column->id = field.id;
  column->required = field.required;
  column->doc = field.doc;
  column->masks = place.masks;
  column->hint = place.hints ? place.hints->hint() : nullptr;
  if (column->kind == Kind::kString) {
    if (note.json || (column->hint && column->hint->as_json)) column->kind = Kind::kJson;
    if (place.masks && place.masks->masks_value()) column->kind = Kind::kMasked;
  }
  if (column->kind == Kind::kMap && field.type->children[0].type->id != schema::TypeId::kString) {
    column->kind = Kind::kOther;
    column->other = field.type;
  }
  if (column->kind == Kind::kStruct) FillStruct(*column, field.type->children, place, false);
  if (column->kind == Kind::kList || column->kind == Kind::kMap) FillContainer(*column, *field.type, note, place);
  return column;
}

schema::Field FieldOf(const Column& column) {
  return {.id = column.id, .name = column.name, .type = TypeOf(column), .required = column.required, .doc = column.doc};
}

}  // namespace

FieldNote ParseNote(std::string_view doc) {
  FieldNote note;
  if (!doc.starts_with(kNotePrefix)) return note;
  doc.remove_prefix(kNotePrefix.size());
  while (!doc.empty()) {
    if (doc.starts_with("key=")) {
      note.key = std::string(doc.substr(4));
      break;
    }
    const size_t space = doc.find(' ');
    const std::string_view word = doc.substr(0, space);
    doc = space == std::string_view::npos ? std::string_view() : doc.substr(space + 1);
    note.sibling = note.sibling || word == "sibling";
    note.json = note.json || word == "json";
    note.json_elements = note.json_elements || word == "json-elements";
  }
  return note;
}

std::string FormatNote(const FieldNote& note) {
  std::string text;
  const auto add = [&](const std::string& word) { text += (text.empty() ? "firn:" : " ") + word; };
  if (note.sibling) add("sibling");
  if (note.json) add("json");
  if (note.json_elements) add("json-elements");
  if (note.key) add("key=" + *note.key);
  return text;
}

std::unique_ptr<Column> PlanFromSchema(const schema::Schema& schema, const TypingContext& context) {
  auto root = NewColumn(Kind::kStruct, "");
  FillStruct(*root, schema.fields, {context.masks.get(), &context.hints}, true);
  return root;
}

schema::Schema SchemaOf(const Column& root) {
  schema::Schema schema;
  for (const Column* column : OrderedColumns(root)) schema.fields.push_back(FieldOf(*column));
  return schema;
}

schema::TypePtr TypeOf(const Column& column) {
  switch (column.kind) {
    case Kind::kBool:
      return schema::Boolean();
    case Kind::kInt:
      return schema::Int();
    case Kind::kLong:
      return schema::Long();
    case Kind::kFloat:
      return schema::Float();
    case Kind::kDouble:
      return schema::Double();
    case Kind::kDecimal:
      return schema::Decimal(column.precision, column.scale);
    case Kind::kDate:
      return schema::Date();
    case Kind::kTime:
      return schema::Time();
    case Kind::kTimestamp:
      return schema::Timestamp();
    case Kind::kTimestampTz:
      return schema::TimestampTz();
    case Kind::kString:
    case Kind::kMasked:
    case Kind::kJson:
      return schema::String();
    case Kind::kUuid:
      return schema::Uuid();
    case Kind::kOther:
      return column.other;
    case Kind::kStruct: {
      std::vector<schema::Field> fields;
      for (const Column* child : OrderedColumns(column)) fields.push_back(FieldOf(*child));
      return schema::Struct(std::move(fields));
    }
    case Kind::kList: {
      schema::Field element = FieldOf(*column.element());
      element.id = column.value_id;
      element.doc.clear();
      return schema::List(std::move(element));
    }
    case Kind::kMap: {
      schema::Field value = FieldOf(*column.element());
      value.id = column.value_id;
      value.doc.clear();
      return schema::Map({.id = column.key_id, .name = "key", .type = schema::String(), .required = true},
                         std::move(value));
    }
  }
  return nullptr;
}

std::unique_ptr<Column> ClonePlan(const Column& column, ColumnArena* arena) {
  auto copy = NewColumn(column.kind, column.name);
  copy->id = column.id;
  copy->precision = column.precision;
  copy->scale = column.scale;
  copy->fixed_length = column.fixed_length;
  copy->required = column.required;
  copy->sibling = column.sibling;
  copy->doc = column.doc;
  copy->position = column.position;
  copy->other = column.other;
  copy->masks = column.masks;
  copy->hint = column.hint;
  copy->key_id = column.key_id;
  copy->value_id = column.value_id;
  copy->next_position = column.next_position;
  copy->added_keys = column.added_keys;
  for (const auto& field : column.fields) {
    auto field_copy = std::make_unique<KeyField>(field->key);
    for (const auto& child : field->columns) field_copy->columns.push_back(ClonePlan(*child, arena));
    if (column.kind == Kind::kStruct)
      copy->AddField(std::move(field_copy));
    else
      copy->fields.push_back(std::move(field_copy));
  }
  if (column.empty_leaf) copy->empty_leaf = ClonePlan(*column.empty_leaf, arena);
  if (column.map_keys) copy->map_keys = ClonePlan(*column.map_keys, arena);
  copy->values.SetArena(arena);
  copy->offsets.SetArena(arena);
  copy->validity.SetArena(arena);
  return copy;
}

void SetArena(Column& column, ColumnArena* arena) {
  column.values.SetArena(arena);
  column.offsets.SetArena(arena);
  column.validity.SetArena(arena);
  for (auto& field : column.fields) {
    for (auto& child : field->columns) SetArena(*child, arena);
  }
  if (column.empty_leaf) SetArena(*column.empty_leaf, arena);
  if (column.map_keys) SetArena(*column.map_keys, arena);
}

int64_t LeafCount(const Column& column) {
  if (column.fields.empty() && !column.empty_leaf) return 1;
  int64_t count = (column.empty_leaf ? 1 : 0) + (column.map_keys ? 1 : 0);
  for (const auto& field : column.fields) {
    for (const auto& child : field->columns) count += LeafCount(*child);
  }
  return count;
}

Kind KindOf(const schema::Type& type) {
  switch (type.id) {
    case schema::TypeId::kBoolean:
      return Kind::kBool;
    case schema::TypeId::kInt:
      return Kind::kInt;
    case schema::TypeId::kLong:
      return Kind::kLong;
    case schema::TypeId::kFloat:
      return Kind::kFloat;
    case schema::TypeId::kDouble:
      return Kind::kDouble;
    case schema::TypeId::kDecimal:
      return Kind::kDecimal;
    case schema::TypeId::kDate:
      return Kind::kDate;
    case schema::TypeId::kTime:
      return Kind::kTime;
    case schema::TypeId::kTimestamp:
      return Kind::kTimestamp;
    case schema::TypeId::kTimestampTz:
      return Kind::kTimestampTz;
    case schema::TypeId::kString:
      return Kind::kString;
    case schema::TypeId::kUuid:
      return Kind::kUuid;
    case schema::TypeId::kStruct:
      return Kind::kStruct;
    case schema::TypeId::kList:
      return Kind::kList;
    case schema::TypeId::kMap:
      return Kind::kMap;
    case schema::TypeId::kFixed:
    case schema::TypeId::kBinary:
      return Kind::kOther;
  }
  return Kind::kOther;
}

std::unique_ptr<Column> ColumnOfType(const schema::Type& type) {
  auto column = NewColumn(KindOf(type), "");
  column->precision = type.precision;
  column->scale = type.scale;
  column->fixed_length = type.length;
  if (column->kind == Kind::kOther) column->other = std::make_shared<const schema::Type>(type);
  return column;
}

std::unique_ptr<Column> NewColumn(Kind kind, std::string name) {
  auto column = std::make_unique<Column>();
  column->kind = kind;
  column->name = std::move(name);
  return column;
}

std::string TakeName(Column& structure, const std::string& wanted, bool top) {
  if (structure.names.empty()) {
    for (const Column* column : OrderedColumns(structure)) structure.names.insert(Lower(column->name));
  }
  const std::string lower = Lower(wanted);
  const bool reserved = wanted.empty() || (top ? IsReservedName(lower) : lower == "_empty");
  if (!reserved && structure.names.insert(lower).second) return wanted;
  for (int n = 2;; ++n) {
    std::string name = wanted + "__" + std::to_string(n);
    if (structure.names.insert(Lower(name)).second) return name;
  }
}

}  // namespace firn::format::json
