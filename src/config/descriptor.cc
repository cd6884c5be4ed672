#include "config/descriptor.h"

#include <algorithm>
#include <utility>

namespace firn::config {
namespace {

Field Make(std::string name, FieldType type) {
  Field field;
  field.name = std::move(name);
  field.type = type;
  return field;
}

const Field* FindIn(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace

Field Field::Doc(std::string text) && {
  doc = std::move(text);
  return std::move(*this);
}

Field Field::Default(std::string text) && {
  default_text = std::move(text);
  return std::move(*this);
}

Field Field::Example(std::string text) && {
  examples.push_back(std::move(text));
  return std::move(*this);
}

Field Field::Required() && {
  required = true;
  return std::move(*this);
}

Field Field::Secret() && {
  secret = true;
  return std::move(*this);
}

Field Field::Unbuilt() && {
  unbuilt = true;
  return std::move(*this);
}

Field Field::OnlyFor(std::string source_type) && {
  only_for.push_back(std::move(source_type));
  return std::move(*this);
}

bool Field::IsFor(std::string_view source_type) const {
  return only_for.empty() || std::ranges::find(only_for, source_type) != only_for.end();
}

std::string Field::SourceTypesText() const {
  std::string text;
  for (const std::string& source : only_for) text += (text.empty() ? "`type: " : " or `type: ") + source + "`";
  return text;
}

Field Field::InterpolatedIsSecret() && {
  interpolated_is_secret = true;
  return std::move(*this);
}

Field Field::Range(int64_t low, int64_t high) && {
  min = low;
  max = high;
  return std::move(*this);
}

Field Field::AtLeast(int64_t low) && {
  min = low;
  return std::move(*this);
}

Field Field::Foreign(std::vector<ForeignWord> words) && {
  foreign = std::move(words);
  return std::move(*this);
}

Field Text(std::string name) {
  return Make(std::move(name), FieldType::kText);
}
Field Int(std::string name) {
  return Make(std::move(name), FieldType::kInt);
}
Field Bool(std::string name) {
  return Make(std::move(name), FieldType::kBool);
}
Field Size(std::string name) {
  return Make(std::move(name), FieldType::kSize);
}
Field Duration(std::string name) {
  return Make(std::move(name), FieldType::kDuration);
}
Field Timezone(std::string name) {
  return Make(std::move(name), FieldType::kTimezone);
}
Field Url(std::string name) {
  return Make(std::move(name), FieldType::kUrl);
}
Field Expression(std::string name) {
  return Make(std::move(name), FieldType::kExpression);
}
Field Json(std::string name) {
  return Make(std::move(name), FieldType::kJson);
}

Field Enum(std::string name, std::vector<EnumValue> values) {
  Field field = Make(std::move(name), FieldType::kEnum);
  field.values = std::move(values);
  return field;
}

Field List(std::string name, Field element) {
  Field field = Make(std::move(name), FieldType::kList);
  field.elements.push_back(std::move(element));
  return field;
}

Field Map(std::string name, Field element) {
  Field field = Make(std::move(name), FieldType::kMap);
  field.elements.push_back(std::move(element));
  return field;
}

Field Object(std::string name, ObjectTypePtr type) {
  Field field = Make(std::move(name), FieldType::kObject);
  field.object = std::move(type);
  return field;
}

Field OneOf(std::string name, std::vector<Field> alternatives) {
  Field field = Make(std::move(name), FieldType::kOneOf);
  field.elements = std::move(alternatives);
  return field;
}

const Variant* ObjectType::FindVariant(std::string_view tag_value) const {
  for (const Variant& variant : variants) {
    if (variant.tag_value == tag_value) return &variant;
  }
  return nullptr;
}

const Field* ObjectType::FindField(std::string_view field, std::string_view variant) const {
  if (const Field* common = FindIn(fields, field)) return common;
  const Variant* chosen = FindVariant(variant);
  return chosen == nullptr ? nullptr : FindIn(chosen->fields, field);
}

const Field* AlternativeFor(const Field& field, const Node& node) {
  if (field.type != FieldType::kOneOf) return &field;
  for (const Field& alternative : field.elements) {
    const bool sequence = alternative.type == FieldType::kList;
    const bool mapping = alternative.type == FieldType::kMap || alternative.type == FieldType::kObject;
    const NodeKind kind = sequence ? NodeKind::kSequence : mapping ? NodeKind::kMapping : NodeKind::kScalar;
    if (kind == node.kind) return &alternative;
  }
  return nullptr;
}

}  // namespace firn::config
