#include "schema/arrow_mapping.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <charconv>
#include <string>
#include <utility>

namespace firn::schema {
namespace {

constexpr const char* kTypeKey = "firn:type";

std::shared_ptr<arrow::DataType> NestedToArrow(const Type& type) {
  if (type.id == TypeId::kList) return arrow::list(ToArrowField(type.children[0]));
  if (type.id == TypeId::kMap) {
    return std::make_shared<arrow::MapType>(ToArrowField(type.children[0]), ToArrowField(type.children[1]));
  }
  arrow::FieldVector fields;
  for (const Field& child : type.children) fields.push_back(ToArrowField(child));
  return arrow::struct_(std::move(fields));
}

int32_t FieldIdOf(const arrow::Field& field) {
  if (!field.metadata()) return 0;
  const auto found = field.metadata()->Get(kFieldIdKey);
  int32_t id = 0;
  if (found.ok()) std::from_chars(found->data(), found->data() + found->size(), id);
  return id;
}

bool IsUuid(const arrow::Field& field) {
  return field.metadata() && field.metadata()->Get(kTypeKey).ValueOr("") == "uuid";
}

Result<TypePtr> ListFromArrow(const arrow::Field& element) {
  ARROW_ASSIGN_OR_RAISE(Field converted, FromArrowField(element));
  return List(std::move(converted));
}

Result<TypePtr> StructFromArrow(const arrow::DataType& type) {
  std::vector<Field> fields;
  for (const auto& child : type.fields()) {
    ARROW_ASSIGN_OR_RAISE(Field field, FromArrowField(*child));
    fields.push_back(std::move(field));
  }
  return Struct(std::move(fields));
}

Result<TypePtr> MapFromArrow(const arrow::MapType& map) {
  ARROW_ASSIGN_OR_RAISE(Field key, FromArrowField(*map.key_field()));
  ARROW_ASSIGN_OR_RAISE(Field item, FromArrowField(*map.item_field()));
  return Map(std::move(key), std::move(item));
}

Result<TypePtr> TimestampFromArrow(const arrow::TimestampType& type) {
  if (type.unit() == arrow::TimeUnit::NANO) return type.timezone().empty() ? TimestampNs() : TimestampTzNs();
  return type.timezone().empty() ? Timestamp() : TimestampTz();
}

}  // namespace

std::shared_ptr<arrow::DataType> ToArrowType(const Type& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return arrow::boolean();
    case TypeId::kInt:
      return arrow::int32();
    case TypeId::kLong:
      return arrow::int64();
    case TypeId::kFloat:
      return arrow::float32();
    case TypeId::kDouble:
      return arrow::float64();
    case TypeId::kDecimal:
      return arrow::decimal128(type.precision, type.scale);
    case TypeId::kDate:
      return arrow::date32();
    case TypeId::kTime:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeId::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeId::kTimestampTz:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeId::kTimestampNs:
      return arrow::timestamp(arrow::TimeUnit::NANO);
    case TypeId::kTimestampTzNs:
      return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
    case TypeId::kString:
      return arrow::utf8();
    case TypeId::kUuid:
      return arrow::fixed_size_binary(16);
    case TypeId::kFixed:
      return arrow::fixed_size_binary(type.length);
    case TypeId::kBinary:
      return arrow::binary();
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap:
      return NestedToArrow(type);
    case TypeId::kUnknown:
    case TypeId::kVariant:
      return arrow::null();
  }
  return arrow::null();
}

std::shared_ptr<arrow::Field> ToArrowField(const Field& field) {
  std::vector<std::string> keys, values;
  if (field.id != 0) {
    keys.emplace_back(kFieldIdKey);
    values.push_back(std::to_string(field.id));
  }
  if (field.type->id == TypeId::kUuid) {
    keys.emplace_back(kTypeKey);
    values.emplace_back("uuid");
  }
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;
  if (!keys.empty()) metadata = arrow::key_value_metadata(std::move(keys), std::move(values));
  return arrow::field(field.name, ToArrowType(*field.type), !field.required, std::move(metadata));
}

std::shared_ptr<arrow::Schema> ToArrowSchema(const Schema& schema) {
  arrow::FieldVector fields;
  for (const Field& field : schema.fields) fields.push_back(ToArrowField(field));
  return arrow::schema(std::move(fields));
}

Result<TypePtr> FromArrowType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return Boolean();
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
    case arrow::Type::INT32:
      return Int();
    case arrow::Type::UINT32:
    case arrow::Type::INT64:
      return Long();
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return Float();
    case arrow::Type::DOUBLE:
      return Double();
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      if (decimal.scale() < 0 || decimal.scale() > decimal.precision()) break;
      return Decimal(decimal.precision(), decimal.scale());
    }
    case arrow::Type::DATE32:
      return Date();
    case arrow::Type::TIME32:
      return Time();
    case arrow::Type::TIME64:
      if (static_cast<const arrow::Time64Type&>(type).unit() != arrow::TimeUnit::MICRO) break;
      return Time();
    case arrow::Type::TIMESTAMP:
      return TimestampFromArrow(static_cast<const arrow::TimestampType&>(type));
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return String();
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
      return Binary();
    case arrow::Type::FIXED_SIZE_BINARY:
      return Fixed(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
      return ListFromArrow(*type.field(0));
    case arrow::Type::MAP:
      return MapFromArrow(static_cast<const arrow::MapType&>(type));
    case arrow::Type::STRUCT:
      return StructFromArrow(type);
    case arrow::Type::DICTIONARY:
      return FromArrowType(*static_cast<const arrow::DictionaryType&>(type).value_type());
    default:
      break;
  }
  return MakeError(Fault::kBadData, "no table type holds the Arrow type exactly: " + type.ToString());
}

Result<Field> FromArrowField(const arrow::Field& field) {
  Field converted{.id = FieldIdOf(field), .name = field.name(), .required = !field.nullable()};
  if (IsUuid(field)) {
    converted.type = Uuid();
    return converted;
  }
  Result<TypePtr> type = FromArrowType(*field.type());
  if (!type.ok()) return Within("field " + field.name(), type.status());
  converted.type = *std::move(type);
  return converted;
}

Result<Schema> FromArrowSchema(const arrow::Schema& schema) {
  Schema converted;
  for (const auto& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(Field next, FromArrowField(*field));
    converted.fields.push_back(std::move(next));
  }
  return converted;
}

}  // namespace firn::schema
