#include "format/json/column_plan.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/ascii.h"

namespace firn::format::json {
namespace {

constexpr std::string_view kNotePrefix = "firn:";
struct Place {
  const MaskTree* masks;
  const HintTree* hints;
  Place Child(std::string_view key) const {
    return {masks ? masks->Child(key) : nullptr, hints ? hints->Child(key) : nullptr};
  }
};

std::unique_ptr<Column> ColumnFromField(const schema::Field& field, const FieldNote& note, const Place& place);

bool IsNested(const Column& column) {
  return column.kind == Kind::kStruct || column.kind == Kind::kList || column.kind == Kind::kMap;
}

void NoteName(Column& structure, const std::string& lower, bool nested) {
  structure.names.insert(lower);
  if (nested) structure.nested_names.insert(lower);
  if (lower.find('.') != std::string::npos) structure.dotted_names.insert(lower);
}

// Engines find a column by its path with dots, which must therefore be one column's alone.
bool IsFree(const Column& structure, const std::string& lower, bool nested) {
  if (structure.names.contains(lower)) return false;
  for (size_t dot = lower.find('.'); dot != std::string::npos; dot = lower.find('.', dot + 1)) {
    if (structure.nested_names.contains(lower.substr(0, dot))) return false;
  }
  if (!nested) return true;
  return std::none_of(structure.dotted_names.begin(), structure.dotted_names.end(),
                      [&](const std::string& other) { return other.starts_with(lower + "."); });
}

void FillStruct(Column& column, const std::vector<schema::Field>& fields, const Place& place, bool top) {
  std::vector<std::pair<const schema::Field*, int32_t>> siblings;
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
    NoteName(column, AsciiLower(field.name), field.type->is_nested());
    if (top && IsReservedName(field.name)) continue;
    if (!top && field.name == "_empty" && field.type->id == schema::TypeId::kBoolean) {
      column.empty_leaf = ColumnFromField(field, {}, {});
      column.empty_leaf->position = position;
      continue;
    }
    const FieldNote note = ParseNote(field.doc);
    if (note.sibling) {
      siblings.push_back({&field, position});  // after the columns of their keys
    } else {
      add(field, note, note.key.value_or(field.name), position);
    }
  }
  for (const auto& [field, position] : siblings) {
    const FieldNote note = ParseNote(field->doc);
    add(*field, note, note.key.value_or(field->name.substr(0, field->name.rfind("__"))), position);
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

namespace {

// A note is one line: of a key with a line break, or with a backslash in front, they are written as two characters.
std::string Escaped(const std::string& key) {
  if (key.find('\n') == std::string::npos && !key.starts_with('\\')) return key;
  std::string text = "\\";
  for (const char c : key) text += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
  return text;
}

std::string Unescaped(std::string_view text) {
  if (!text.starts_with('\\')) return std::string(text);
  std::string key;
  for (size_t i = 1; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    key += !escape ? text[i] : text[++i] == 'n' ? '\n' : text[i];
  }
  return key;
}

}  // namespace

FieldNote ParseNote(std::string_view doc) {
  FieldNote note;
  if (!doc.starts_with(kNotePrefix)) {
    note.text = std::string(doc);
    return note;
  }
  doc.remove_prefix(kNotePrefix.size());
  if (const size_t end = doc.find('\n'); end != std::string_view::npos) {
    note.text = std::string(doc.substr(end + 1));
    doc = doc.substr(0, end);
  }
  while (!doc.empty()) {
    if (doc.starts_with("key=")) {
      note.key = Unescaped(doc.substr(4));
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
  if (note.key) add("key=" + Escaped(*note.key));
  if (note.text.empty()) return text;
  return text.empty() ? note.text : text + "\n" + note.text;
}

std::unique_ptr<Column> PlanFromSchema(const schema::Schema& schema, const TypingContext& context) {
  auto root = NewColumn(Kind::kStruct, "");
  FillStruct(*root, schema.fields, {context.masks.get(), &context.hints}, true);
  return root;
}

Status CheckMasksHold(const Column& column, const std::string& path) {
  if (column.masks != nullptr && column.masks->masks_value() && column.kind != Kind::kMasked) {
    return MakeError(Fault::kConfig,
                     "column " + path + " is " + ToString(*TypeOf(column)) +
                         " in the table: mask_on_write gives text, which it cannot hold",
                     {.code = "E0873",
                      .state = "nothing was read or written; rows loaded before are not masked",
                      .next = "firn table alter TABLE drop-column " + path + ", firn table alter TABLE add-column " +
                              path + " string, then firn run"});
  }
  for (const auto& field : column.fields) {
    for (const auto& child : field->columns) {
      ARROW_RETURN_NOT_OK(CheckMasksHold(*child, path.empty() ? child->name : path + "." + child->name));
    }
  }
  return Status::OK();
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
    case Kind::kTimestampNs:
      return schema::TimestampNs();
    case Kind::kTimestampTzNs:
      return schema::TimestampTzNs();
    case Kind::kBinary:
      return schema::Binary();
    case Kind::kFixed:
      return schema::Fixed(column.fixed_length);
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
  copy->deferred = column.deferred;
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

bool SamePlan(const Column& a, const Column& b) {
  const auto same_or_none = [](const std::unique_ptr<Column>& x, const std::unique_ptr<Column>& y) {
    return x && y ? SamePlan(*x, *y) : !x && !y;
  };
  const auto same_field = [](const std::unique_ptr<KeyField>& x, const std::unique_ptr<KeyField>& y) {
    return x->key == y->key && std::equal(x->columns.begin(), x->columns.end(), y->columns.begin(), y->columns.end(),
                                          [](const auto& c, const auto& d) { return SamePlan(*c, *d); });
  };
  return a.kind == b.kind && a.name == b.name && a.doc == b.doc && a.precision == b.precision && a.scale == b.scale &&
         a.position == b.position && a.hint == b.hint && a.masks == b.masks &&
         same_or_none(a.empty_leaf, b.empty_leaf) && same_or_none(a.map_keys, b.map_keys) &&
         std::equal(a.fields.begin(), a.fields.end(), b.fields.begin(), b.fields.end(), same_field);
}

bool SameDeferred(const Column& a, const Column& b) {
  if (a.deferred != b.deferred) return false;
  for (size_t i = 0; i < a.fields.size(); ++i) {
    for (size_t k = 0; k < a.fields[i]->columns.size(); ++k) {
      if (!SameDeferred(*a.fields[i]->columns[k], *b.fields[i]->columns[k])) return false;
    }
  }
  return true;
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
    case schema::TypeId::kTimestampNs:
      return Kind::kTimestampNs;
    case schema::TypeId::kTimestampTzNs:
      return Kind::kTimestampTzNs;
    case schema::TypeId::kFixed:
      return Kind::kFixed;
    case schema::TypeId::kBinary:
      return Kind::kBinary;
    case schema::TypeId::kUnknown:
    case schema::TypeId::kVariant:
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

std::string TakeName(Column& structure, const std::string& wanted, bool nested, bool top) {
  if (structure.names.empty()) {
    for (const Column* column : OrderedColumns(structure))
      NoteName(structure, AsciiLower(column->name), IsNested(*column));
  }
  std::string base = wanted;
  std::replace(base.begin(), base.end(), '\0', '_');
  const std::string lower = AsciiLower(base);
  const bool reserved = base.empty() || base != wanted || (top ? IsReservedName(lower) : lower == "_empty");
  if (!reserved && IsFree(structure, lower, nested)) {
    NoteName(structure, lower, nested);
    return base;
  }
  for (int n = 2;; ++n) {
    std::string name = base + "__" + std::to_string(n);
    if (structure.names.contains(AsciiLower(name))) continue;
    NoteName(structure, AsciiLower(name), nested);
    return name;
  }
}

void ReleaseName(Column& structure, const std::string& name) {
  const std::string lower = AsciiLower(name);
  structure.names.erase(lower);
  structure.nested_names.erase(lower);
  structure.dotted_names.erase(lower);
}

}  // namespace firn::format::json
