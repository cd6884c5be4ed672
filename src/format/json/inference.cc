#include "format/json/inference.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace firn::format::json {

using NoteKind = InferenceNote::Kind;

/// One column that a path needs.
struct Inference::Spec {
  Kind kind;
  const char* suffix;
  OrderKey first;  // none for columns that only take what another column cannot
  int32_t precision = 0;
  int32_t scale = 0;
};

namespace {

OrderKey Least(const Seen& a, const Seen& b) {
  return std::min(a.first, b.first);
}

Inference::Place ChildPlace(const Inference::Place& place, const std::string& key) {
  return {place.masks ? place.masks->Child(key) : nullptr, place.hints ? place.hints->Child(key) : nullptr,
          place.depth + 1, place.path.empty() ? key : place.path + "." + key};
}

// The place of a list's elements: path, masks and declarations pass through.
Inference::Place ElementPlace(const Inference::Place& place) {
  Inference::Place element = place;
  element.depth += 1;
  return element;
}

void MarkSibling(Column& column, const std::string& key) {
  FieldNote note = ParseNote(column.doc);
  column.sibling = true;
  note.sibling = true;
  note.key = key;
  column.doc = FormatNote(note);
}

bool HasKind(const KeyField& field, Kind kind) {
  return std::any_of(field.columns.begin(), field.columns.end(), [&](const auto& c) { return c->kind == kind; });
}

}  // namespace

const char* NoteName(NoteKind kind) {
  switch (kind) {
    case NoteKind::kSibling:
      return "sibling";
    case NoteKind::kRenamed:
      return "renamed";
    case NoteKind::kDeferred:
      return "deferred";
    case NoteKind::kJsonOverflow:
      return "json-overflow";
    case NoteKind::kJsonMap:
      return "json-map";
    case NoteKind::kJsonMixed:
      return "json-mixed";
    case NoteKind::kJsonDeep:
      return "json-deep";
    case NoteKind::kEmptyObject:
      return "empty-object";
    case NoteKind::kTimeFromString:
      return "time-from-string";
    case NoteKind::kDecimal:
      return "decimal";
  }
  return "note";
}

void Inference::Note(NoteKind kind, const Place& place, std::string column, std::string detail) {
  if (report_) report_->notes.push_back({kind, place.path, std::move(column), std::move(detail)});
}

std::unique_ptr<Column> Inference::ResolveRow(const Shape& root) {
  auto row = NewColumn(Kind::kStruct, "");
  FillStruct(*row, root, {.masks = context_.masks.get(), .hints = &context_.hints});
  AddUnseenDeclared(*row);
  FitLeaves(*row);
  return row;
}

namespace {

// A column of such values, or its sibling, may have columns below it.
bool MayNest(const Shape& shape) {
  return shape.objects.count > 0 || shape.arrays.count > 0;
}

}  // namespace

// Keys keep the order in which they were first seen. Their names are taken before those of siblings, so that a key
// "total__string" keeps its name whatever "total" needs.
void Inference::FillStruct(Column& structure, const Shape& shape, const Place& place) {
  std::vector<const std::pair<std::string, std::unique_ptr<Shape>>*> keys;
  for (const auto& key : shape.keys) keys.push_back(&key);
  std::sort(keys.begin(), keys.end(), [](auto* a, auto* b) {
    return std::tie(a->second->present.first, a->first) < std::tie(b->second->present.first, b->first);
  });
  std::vector<std::string> names(keys.size());
  for (const bool dotted : {false, true}) {  // "a.b" gives way to the "b" of "a", whichever was seen first
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto& [key, child] = *keys[i];
      if ((key.find('.') != std::string::npos) != dotted) continue;
      names[i] = TakeName(structure, key, MayNest(*child), place.depth == 0);
    }
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    auto field =
        FieldWithName(structure, keys[i]->first, names[i], *keys[i]->second, ChildPlace(place, keys[i]->first));
    if (field) {
      structure.AddField(std::move(field));
    } else {
      structure.deferred.insert(keys[i]->first);
      ReleaseName(structure, names[i]);  // for its first value
    }
  }
}

void Inference::AddUnseenDeclared(Column& root) {
  for (const auto& [key, hints] : context_.hints.children()) {
    const bool declared = hints->hint() && !hints->hint()->as_map;
    if ((!declared && !hints->expected()) || root.FindKey(key) >= 0) continue;
    const Place place = ChildPlace({.masks = context_.masks.get(), .hints = &context_.hints}, key);
    if (auto field = FieldWithName(root, key, TakeName(root, key, false, true), Shape(), place))
      root.AddField(std::move(field));
  }
}

std::unique_ptr<KeyField> Inference::ResolveField(Column& owner, const std::string& key, const Shape& shape,
                                                  const Place& place) {
  const auto before = std::tuple(owner.names, owner.nested_names, owner.dotted_names);
  auto field = FieldWithName(owner, key, TakeName(owner, key, MayNest(shape), place.depth == 1), shape, place);
  if (!field) std::tie(owner.names, owner.nested_names, owner.dotted_names) = before;
  return field;
}

std::unique_ptr<KeyField> Inference::FieldWithName(Column& owner, const std::string& key, std::string name,
                                                   const Shape& shape, const Place& place) {
  auto field = std::make_unique<KeyField>(key);
  const auto place_column = [&](std::unique_ptr<Column> column, std::string column_name) {
    column->name = std::move(column_name);
    column->position = owner.next_position++;
    field->columns.push_back(std::move(column));
  };
  if (auto declared = Declared(place)) {
    place_column(std::move(declared), name);
  } else {
    for (const Spec& spec : Specs(shape, place)) {
      auto column = Make(spec, shape, place);
      if (!column) continue;
      if (field->columns.empty()) {
        place_column(std::move(column), name);
        continue;
      }
      MarkSibling(*column, key);
      place_column(std::move(column), TakeName(owner, name + "__" + spec.suffix, MayNest(shape), place.depth == 1));
      Note(NoteKind::kSibling, place, field->columns.back()->name);
    }
  }
  if (field->columns.empty()) {
    Note(NoteKind::kDeferred, place, "", "no type seen yet");
    return nullptr;
  }
  if (name != key) {
    FieldNote note = ParseNote(field->columns[0]->doc);
    note.key = key;
    field->columns[0]->doc = FormatNote(note);
    Note(NoteKind::kRenamed, place, name);
  }
  return field;
}

std::unique_ptr<Column> Inference::ResolveSibling(Column& owner, const KeyField& field, const Shape& shape,
                                                  const Place& place) {
  const std::vector<Spec> specs = Specs(shape, place);
  if (specs.empty()) return nullptr;
  Spec spec = specs.back();  // a single value needs one column; the last is the one that takes it
  const bool nested = spec.kind == Kind::kStruct || spec.kind == Kind::kList || spec.kind == Kind::kMap;
  if (spec.kind == Kind::kDate || spec.kind == Kind::kTimestamp || spec.kind == Kind::kTimestampTz)
    spec.kind = Kind::kString;
  if (spec.kind == Kind::kString) spec.suffix = "string";
  if (nested && (HasKind(field, spec.kind) || HasKind(field, Kind::kJson))) spec = {Kind::kJson, "json", spec.first};
  auto column = Make(spec, shape, place);
  if (!column) return nullptr;
  return PlaceSibling(std::move(column), spec.suffix, owner, field, place);
}

std::unique_ptr<Column> Inference::TextSibling(Column& owner, const KeyField& field, const Place& place) {
  return PlaceSibling(NewColumn(Kind::kString, ""), "string", owner, field, place);
}

std::unique_ptr<Column> Inference::PlaceSibling(std::unique_ptr<Column> column, const char* suffix, Column& owner,
                                                const KeyField& field, const Place& place) {
  const std::string base = field.columns[0]->sibling ? field.key : field.columns[0]->name;
  const bool nested = column->kind == Kind::kStruct || column->kind == Kind::kList || column->kind == Kind::kMap;
  column->name = TakeName(owner, base + "__" + suffix, nested, place.depth == 1);
  column->position = owner.next_position++;
  MarkSibling(*column, field.key);
  Note(NoteKind::kSibling, place, column->name);
  return column;
}

std::vector<Inference::Spec> Inference::Specs(const Shape& shape, const Place& place) const {
  std::vector<Spec> specs;
  if (place.masks && place.masks->masks_value()) {
    if (shape.strings.count > 0) specs.push_back({Kind::kMasked, "string", shape.strings.first});
    return specs;
  }
  if (shape.of_cells) return CellSpecs(shape);
  if (shape.deep.count > 0) return {{Kind::kJson, "json", shape.deep.first}};
  const bool as_map = place.hints && place.hints->hint() && place.hints->hint()->as_map;
  if (shape.bools.count > 0) specs.push_back({Kind::kBool, "bool", shape.bools.first});
  if (shape.strings.count > 0) specs.push_back(StringSpec(shape));
  if (shape.objects.count > 0) {
    specs.push_back(as_map ? Spec{Kind::kMap, "map", shape.objects.first}
                           : Spec{Kind::kStruct, "struct", shape.objects.first});
  }
  if (shape.arrays.count > 0) specs.push_back({Kind::kList, "list", shape.arrays.first});
  AddNumberSpecs(shape, specs);
  const auto earlier = [](const Spec& a, const Spec& b) { return a.first < b.first; };
  for (auto spec = specs.begin(); spec != specs.end(); ++spec) {  // a handful: sorted by insertion, equals keep order
    std::rotate(std::upper_bound(specs.begin(), spec, *spec, earlier), spec, spec + 1);
  }
  if (place.hints && place.hints->expected()) Expect(*place.hints->expected(), shape, specs);
  for (size_t i = 1; i < specs.size(); ++i) {  // a second type of text is plain text
    if (std::string_view(specs[i].suffix) == "string") specs[i].kind = Kind::kString;
  }
  return specs;
}

// What the source's schema says, where the values do not say otherwise.
void Inference::Expect(const ColumnHint& expected, const Shape& shape, std::vector<Spec>& specs) {
  const Kind kind = ColumnOfType(*expected.type)->kind;
  if (specs.empty() && shape.arrays.count == 0) specs.push_back({kind, "", {}});
  if (specs.size() != 1) return;
  Spec& only = specs.front();
  const bool is_time = only.kind == Kind::kDate || only.kind == Kind::kTimestamp || only.kind == Kind::kTimestampTz;
  if (kind == Kind::kDouble && only.kind == Kind::kLong && shape.integers_in_double) {
    only = {Kind::kDouble, "double", only.first};
  }
  if (kind == Kind::kString && is_time) only.kind = Kind::kString;
}

Inference::Spec Inference::StringSpec(const Shape& shape) const {
  Kind kind = Kind::kString;
  if (shape.all_dates && context_.infer_dates) kind = Kind::kDate;
  if (shape.all_timestamps && context_.infer_timestamps) kind = Kind::kTimestamp;
  if (shape.all_timestamps_tz && context_.infer_timestamps) kind = Kind::kTimestampTz;
  return {kind, "string", shape.strings.first};
}

// One type or none.
std::vector<Inference::Spec> Inference::CellSpecs(const Shape& shape) const {
  const bool has_numbers = shape.integers.count + shape.fractions.count > 0;
  const OrderKey first = std::min(
      {shape.bools.first, shape.integers.first, shape.fractions.first, shape.strings.first, shape.empty_texts.first});
  const int num_kinds = (shape.bools.count > 0) + (shape.strings.count > 0) + has_numbers;
  if (num_kinds == 0 && shape.empty_texts.count == 0) return {};
  if (num_kinds != 1) return {{Kind::kString, "string", first}};
  if (shape.bools.count > 0) return {{Kind::kBool, "bool", first}};
  if (shape.strings.count > 0) return {StringSpec(shape)};
  if (shape.fractions.count == 0 && shape.integers_in_long) return {{Kind::kLong, "long", first}};
  const bool is_double = shape.fractions.count > 0 && shape.other_fractions == 0 && shape.integers_in_double;
  if (is_double) return {{Kind::kDouble, "double", first}};
  const int64_t digits = shape.cell_integer_digits + shape.cell_fraction_digits;
  if (digits > 38) return {{Kind::kString, "string", first}};
  return {{Kind::kDecimal, "decimal", first, static_cast<int32_t>(digits),
           static_cast<int32_t>(shape.cell_fraction_digits)}};
}

void Inference::AddNumberSpecs(const Shape& shape, std::vector<Spec>& specs) const {
  const bool as_double = shape.fractions.count > 0 && shape.integers_in_double;
  if (as_double) {
    specs.push_back({Kind::kDouble, "double", Least(shape.integers, shape.fractions)});
  } else {
    if (shape.fractions.count > 0) specs.push_back({Kind::kDouble, "double", shape.fractions.first});
    if (shape.integers.count > 0 && shape.integers_in_long)
      specs.push_back({Kind::kLong, "long", shape.integers.first});
    if (shape.integers.count > 0 && !shape.integers_in_long) {
      specs.push_back({Kind::kDecimal, "decimal", shape.integers.first, std::max(shape.integer_digits, 19)});
    }
  }
  const int64_t digits = shape.fraction_integer_digits + shape.fraction_digits;
  bool needs_text = shape.huge_integers > 0;
  if (shape.other_fractions > 0 && digits <= 38) {
    specs.push_back({Kind::kDecimal,
                     "decimal",
                     {},
                     static_cast<int32_t>(std::max<int64_t>(digits, 1)),
                     static_cast<int32_t>(shape.fraction_digits)});
  } else if (shape.other_fractions > 0) {
    needs_text = true;
  }
  const bool has_text = std::any_of(specs.begin(), specs.end(), [](const Spec& s) { return s.kind == Kind::kString; });
  if (needs_text && !has_text) specs.push_back({Kind::kString, "string", {}});
}

std::unique_ptr<Column> Inference::Declared(const Place& place) {
  const ColumnHint* hint = place.hints ? place.hints->hint() : nullptr;
  if (!hint || (place.masks && place.masks->masks_value())) return nullptr;
  std::unique_ptr<Column> column;
  if (hint->type) column = ColumnOfType(*hint->type);
  if (hint->as_json) {
    column = NewColumn(Kind::kJson, "");
    column->doc = FormatNote({.json = true});
  }
  if (!column) return nullptr;
  column->hint = hint;
  column->masks = place.masks;
  return column;
}

std::unique_ptr<Column> Inference::Make(const Spec& spec, const Shape& shape, const Place& place) {
  std::unique_ptr<Column> column;
  switch (spec.kind) {
    case Kind::kStruct:
      column = MakeStruct(shape, place);
      break;
    case Kind::kList:
    case Kind::kMap:
      column = MakeContainer(spec.kind, shape, place);
      break;
    default:
      column = NewColumn(spec.kind, "");
      break;
  }
  if (!column) return nullptr;
  column->precision = spec.precision;
  column->scale = spec.scale;
  column->masks = place.masks;
  if (column->kind == Kind::kJson) column->doc = FormatNote({.json = true});
  if (shape.deep.count > 0) Note(NoteKind::kJsonDeep, place, "");
  if (spec.kind == Kind::kDecimal) {
    Note(NoteKind::kDecimal, place, "", std::to_string(spec.precision) + "," + std::to_string(spec.scale));
  }
  if (spec.kind == Kind::kDate || spec.kind == Kind::kTimestamp || spec.kind == Kind::kTimestampTz) {
    Note(NoteKind::kTimeFromString, place, "", schema::ToString(*TypeOf(*column)));
  }
  return column;
}

std::unique_ptr<Column> Inference::MakeStruct(const Shape& shape, const Place& place) {
  const auto once = std::count_if(shape.keys.begin(), shape.keys.end(),
                                  [](const auto& key) { return key.second->present.count == 1; });
  if (once > kMapKeysMin) {
    Note(NoteKind::kJsonMap, place, "", std::to_string(shape.keys.size()) + " keys");
    return NewColumn(Kind::kJson, "");
  }
  auto column = NewColumn(Kind::kStruct, "");
  FillStruct(*column, shape, place);
  if (column->fields.empty()) {
    column->empty_leaf = NewColumn(Kind::kBool, "_empty");
    column->empty_leaf->position = column->next_position++;
    Note(NoteKind::kEmptyObject, place, "_empty");
  }
  return column;
}

std::unique_ptr<Column> Inference::MakeContainer(Kind kind, const Shape& shape, const Place& place) {
  const std::unique_ptr<Shape>& inner = kind == Kind::kList ? shape.element : shape.map_value;
  if (!inner) return nullptr;
  Place element_place = ElementPlace(place);
  if (kind == Kind::kMap) element_place.hints = nullptr;
  auto field = std::make_unique<KeyField>(std::string());
  FieldNote note;
  if (auto declared = kind == Kind::kList ? Declared(element_place) : nullptr) {
    field->columns.push_back(std::move(declared));
  } else {
    const std::vector<Spec> specs = Specs(*inner, element_place);
    if (specs.empty()) return nullptr;
    const bool mixed = specs.size() > 1;
    auto element = Make(mixed ? Spec{Kind::kJson, "json", {}} : specs[0], *inner, element_place);
    if (!element) return nullptr;
    note.json_elements = element->kind == Kind::kJson;
    if (mixed) Note(NoteKind::kJsonMixed, place, "");
    field->columns.push_back(std::move(element));
  }
  field->columns[0]->name = kind == Kind::kList ? "element" : "value";
  auto column = NewColumn(kind, "");
  column->fields.push_back(std::move(field));
  column->doc = FormatNote(note);
  if (kind == Kind::kMap) column->map_keys = NewColumn(Kind::kString, "key");
  return column;
}

// The subtree with most leaves below the top level always hangs directly off the row, because it holds its own parts.
void Inference::FitLeaves(Column& root) {
  for (int64_t leaves = LeafCount(root); leaves > context_.max_leaves;) {
    KeyField* largest_field = nullptr;
    size_t largest = 0;
    int64_t most = 1;
    for (auto& field : root.fields) {
      for (size_t i = 0; i < field->columns.size(); ++i) {
        const int64_t count = LeafCount(*field->columns[i]);
        if (count < most || count == 1) continue;
        if (count == most && largest_field && largest_field->columns[largest]->name <= field->columns[i]->name)
          continue;
        most = count;
        largest_field = field.get();
        largest = i;
      }
    }
    if (!largest_field) return;  // the row itself is never given up
    Column& old = *largest_field->columns[largest];
    auto text = NewColumn(Kind::kJson, old.name);
    FieldNote note = ParseNote(old.doc);
    note.json = true;
    note.json_elements = false;
    text->doc = FormatNote(note);
    text->position = old.position;
    text->masks = old.masks;
    text->sibling = old.sibling;
    if (report_) {
      report_->notes.push_back(
          {NoteKind::kJsonOverflow, largest_field->key, old.name, std::to_string(most) + " leaves"});
    }
    largest_field->columns[largest] = std::move(text);
    leaves -= most - 1;
  }
}

}  // namespace firn::format::json
