#include "schema/type.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <utility>

namespace firn::schema {
namespace {

TypePtr Make(TypeId id) {
  return std::make_shared<const Type>(Type{.id = id});
}

constexpr std::pair<TypeId, std::string_view> kPlainNames[] = {
    {TypeId::kBoolean, "boolean"},
    {TypeId::kInt, "int"},
    {TypeId::kLong, "long"},
    {TypeId::kFloat, "float"},
    {TypeId::kDouble, "double"},
    {TypeId::kDate, "date"},
    {TypeId::kTime, "time"},
    {TypeId::kTimestamp, "timestamp"},
    {TypeId::kTimestampTz, "timestamptz"},
    {TypeId::kTimestampNs, "timestamp_ns"},
    {TypeId::kTimestampTzNs, "timestamptz_ns"},
    {TypeId::kString, "string"},
    {TypeId::kUuid, "uuid"},
    {TypeId::kBinary, "binary"},
    {TypeId::kStruct, "struct"},
    {TypeId::kList, "list"},
    {TypeId::kMap, "map"},
    {TypeId::kUnknown, "unknown"},
    {TypeId::kVariant, "variant"},
};

const Field* FindIn(const std::vector<Field>& fields, int32_t id) {
  for (const Field& field : fields) {
    if (field.id == id) return &field;
    if (const Field* found = FindIn(field.type->children, id)) return found;
  }
  return nullptr;
}

int32_t MaxIn(const std::vector<Field>& fields) {
  int32_t largest = 0;
  for (const Field& field : fields) largest = std::max({largest, field.id, MaxIn(field.type->children)});
  return largest;
}

bool SameFields(const std::vector<Field>& a, const std::vector<Field>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Field& x, const Field& y) {
    return x.id == y.id && x.name == y.name && x.required == y.required && Equals(*x.type, *y.type);
  });
}

// Reads "name(a, b)" or "name[a]" into up to two numbers.
std::optional<std::vector<int32_t>> Arguments(std::string_view text, std::string_view name, char open, char close) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  if (text.size() < 2 || text.front() != open || text.back() != close) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<int32_t> numbers;
  while (!text.empty()) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    int32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    numbers.push_back(number);
    if (text.empty()) break;
    if (text.front() != ',') return std::nullopt;
    text.remove_prefix(1);
  }
  return numbers;
}

}  // namespace

const Field* Schema::Find(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

const Field* Schema::FindById(int32_t id) const {
  return FindIn(fields, id);
}

int32_t Schema::MaxFieldId() const {
  return MaxIn(fields);
}

TypePtr Boolean() {
  return Make(TypeId::kBoolean);
}
TypePtr Int() {
  return Make(TypeId::kInt);
}
TypePtr Long() {
  return Make(TypeId::kLong);
}
TypePtr Float() {
  return Make(TypeId::kFloat);
}
TypePtr Double() {
  return Make(TypeId::kDouble);
}
TypePtr Date() {
  return Make(TypeId::kDate);
}
TypePtr Time() {
  return Make(TypeId::kTime);
}
TypePtr Timestamp() {
  return Make(TypeId::kTimestamp);
}
TypePtr TimestampTz() {
  return Make(TypeId::kTimestampTz);
}
TypePtr TimestampNs() {
  return Make(TypeId::kTimestampNs);
}
TypePtr TimestampTzNs() {
  return Make(TypeId::kTimestampTzNs);
}
TypePtr String() {
  return Make(TypeId::kString);
}
TypePtr Uuid() {
  return Make(TypeId::kUuid);
}
TypePtr Binary() {
  return Make(TypeId::kBinary);
}

TypePtr Unknown() {
  return Make(TypeId::kUnknown);
}
TypePtr Variant() {
  return Make(TypeId::kVariant);
}

TypePtr Decimal(int32_t precision, int32_t scale) {
  FIRN_CHECK(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision);
  return std::make_shared<const Type>(Type{.id = TypeId::kDecimal, .precision = precision, .scale = scale});
}

TypePtr Fixed(int32_t length) {
  FIRN_CHECK(length > 0);
  return std::make_shared<const Type>(Type{.id = TypeId::kFixed, .length = length});
}

TypePtr Struct(std::vector<Field> fields) {
  return std::make_shared<const Type>(Type{.id = TypeId::kStruct, .children = std::move(fields)});
}

TypePtr List(Field element) {
  element.name = "element";
  return std::make_shared<const Type>(Type{.id = TypeId::kList, .children = {std::move(element)}});
}

TypePtr Map(Field key, Field value) {
  key.name = "key";
  key.required = true;
  value.name = "value";
  return std::make_shared<const Type>(Type{.id = TypeId::kMap, .children = {std::move(key), std::move(value)}});
}

namespace {

std::vector<Field> StoredFields(std::vector<Field> fields) {
  std::erase_if(fields, [](const Field& field) { return !field.type->is_stored(); });
  for (Field& field : fields) {
    if (field.type->id == TypeId::kStruct) field.type = Struct(StoredFields(field.type->children));
  }
  return fields;
}

}  // namespace

Schema StoredColumns(const Schema& schema) {
  Schema stored = schema;
  stored.fields = StoredFields(std::move(stored.fields));
  return stored;
}

bool Equals(const Type& a, const Type& b) {
  return a.id == b.id && a.precision == b.precision && a.scale == b.scale && a.length == b.length &&
         SameFields(a.children, b.children);
}

bool Equals(const Schema& a, const Schema& b) {
  return SameFields(a.fields, b.fields) && a.identifier_field_ids == b.identifier_field_ids;
}

std::string ToString(const Type& type) {
  if (type.id == TypeId::kDecimal) {
    return "decimal(" + std::to_string(type.precision) + ", " + std::to_string(type.scale) + ")";
  }
  if (type.id == TypeId::kFixed) return "fixed[" + std::to_string(type.length) + "]";
  for (const auto& [id, name] : kPlainNames) {
    if (id == type.id) return std::string(name);
  }
  return "unknown";
}

Result<TypePtr> ParsePrimitive(std::string_view text) {
  for (const auto& [id, name] : kPlainNames) {
    if (name == text && !Type{.id = id}.is_nested()) return Make(id);
  }
  if (const auto numbers = Arguments(text, "decimal", '(', ')'); numbers && numbers->size() == 2) {
    const int32_t precision = (*numbers)[0], scale = (*numbers)[1];
    if (precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision) return Decimal(precision, scale);
  }
  if (const auto numbers = Arguments(text, "fixed", '[', ']'); numbers && numbers->size() == 1 && (*numbers)[0] > 0) {
    return Fixed((*numbers)[0]);
  }
  return MakeError(Fault::kBadData, "not a primitive type: " + std::string(text));
}

bool CanPromote(const Type& from, const Type& to) {
  if (from.id == TypeId::kInt && to.id == TypeId::kLong) return true;
  if (from.id == TypeId::kFloat && to.id == TypeId::kDouble) return true;
  return from.id == TypeId::kDecimal && to.id == TypeId::kDecimal && from.scale == to.scale &&
         to.precision > from.precision;
}

bool CanPromote(const Type& from, const Type& to, int32_t format_version) {
  if (CanPromote(from, to)) return true;
  if (format_version < 3) return false;
  if (from.id == TypeId::kUnknown) return to.id != TypeId::kUnknown;
  return from.id == TypeId::kDate && (to.id == TypeId::kTimestamp || to.id == TypeId::kTimestampNs);
}

int32_t FormatVersionOf(const Type& type) {
  constexpr TypeId kSince3[] = {TypeId::kTimestampNs, TypeId::kTimestampTzNs, TypeId::kUnknown, TypeId::kVariant};
  if (std::find(std::begin(kSince3), std::end(kSince3), type.id) != std::end(kSince3)) return 3;
  int32_t version = 2;
  for (const Field& child : type.children) version = std::max(version, FormatVersionOf(*child.type));
  return version;
}

}  // namespace firn::schema
