#include "table/manifest/datum.h"

#include <limits>
#include <utility>

#include "table/manifest/avro_shape.h"

namespace firn::table {
namespace {

using format::avro::Node;
using format::avro::Value;
using schema::TypeId;

Status Bad(int32_t field_id, const std::string& problem) {
  return MakeError(Fault::kBadData, "manifest field " + std::to_string(field_id) + ": " + problem);
}

Status WrongType() {
  return MakeError(Fault::kBadData, "value has another type than its field");
}

Result<int32_t> IntOf(const Value& value) {
  ARROW_ASSIGN_OR_RAISE(const int64_t number, LongOf(value));
  if (number < std::numeric_limits<int32_t>::min() || number > std::numeric_limits<int32_t>::max()) {
    return MakeError(Fault::kBadData, "int out of range");
  }
  return static_cast<int32_t>(number);
}

// A fixed may be wider than what 16 bytes hold: leading sign bytes are dropped.
Result<Literal> DecimalOf(const schema::TypePtr& type, std::string_view bytes) {
  while (bytes.size() > 1 && (bytes[0] == '\0' || bytes[0] == '\xFF') && ((bytes[0] ^ bytes[1]) & 0x80) == 0) {
    bytes.remove_prefix(1);
  }
  return FromSingleValue(type, bytes);
}

struct LiteralEncoder {
  const schema::Type& type;
  format::avro::Encoder& out;

  void operator()(std::monostate) const {}
  void operator()(bool value) const { out.Bool(value); }
  void operator()(float value) const { out.Float(value); }
  void operator()(double value) const { out.Double(value); }
  void operator()(int32_t value) const { out.Long(value); }
  void operator()(int64_t value) const { out.Long(value); }
  void operator()(Int128 value) const {
    // fixed, not bytes (pyiceberg#241): big-endian two's complement, padded with the sign.
    const int32_t size = DecimalFixedBytes(type.precision);
    std::string bytes;
    for (int32_t i = size - 1; i >= 0; --i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
    out.Fixed(bytes);
  }
  void operator()(const std::string& value) const {
    if (type.id == TypeId::kUuid || type.id == TypeId::kFixed) {
      out.Fixed(value);
    } else {
      out.Bytes(value);
    }
  }
};

}  // namespace

const Value* RecordView::Find(int32_t field_id) const {
  if (fields_ == nullptr) return nullptr;
  const auto found = indexes_.find(field_id);
  if (found == indexes_.end() || static_cast<size_t>(found->second) >= fields_->size()) return nullptr;
  const Value& value = (*fields_)[static_cast<size_t>(found->second)];
  return value.is_null() ? nullptr : &value;
}

Result<std::optional<int64_t>> RecordView::OptionalLong(int32_t field_id) const {
  const Value* value = Find(field_id);
  if (value == nullptr) return std::nullopt;
  const auto number = LongOf(*value);
  if (!number.ok()) return Bad(field_id, number.status().message());
  return *number;
}

Result<std::optional<int32_t>> RecordView::OptionalInt(int32_t field_id) const {
  const Value* value = Find(field_id);
  if (value == nullptr) return std::nullopt;
  const auto number = IntOf(*value);
  if (!number.ok()) return Bad(field_id, number.status().message());
  return *number;
}

Result<std::optional<bool>> RecordView::OptionalBool(int32_t field_id) const {
  const Value* value = Find(field_id);
  if (value == nullptr) return std::nullopt;
  if (const bool* flag = std::get_if<bool>(&value->data)) return *flag;
  return Bad(field_id, "not a boolean");
}

Result<std::optional<std::string>> RecordView::OptionalBytes(int32_t field_id) const {
  const Value* value = Find(field_id);
  if (value == nullptr) return std::nullopt;
  if (const auto* bytes = std::get_if<std::string>(&value->data)) return *bytes;
  return Bad(field_id, "neither text nor bytes");
}

Result<int64_t> RecordView::Long(int32_t field_id) const {
  ARROW_ASSIGN_OR_RAISE(const auto value, OptionalLong(field_id));
  if (!value) return Bad(field_id, "required, but missing");
  return *value;
}

Result<int32_t> RecordView::Int(int32_t field_id) const {
  ARROW_ASSIGN_OR_RAISE(const auto value, OptionalInt(field_id));
  if (!value) return Bad(field_id, "required, but missing");
  return *value;
}

Result<std::string> RecordView::Bytes(int32_t field_id) const {
  ARROW_ASSIGN_OR_RAISE(auto value, OptionalBytes(field_id));
  if (!value) return Bad(field_id, "required, but missing");
  return *std::move(value);
}

std::map<int32_t, int> FieldIndexes(const Node& record, const std::vector<schema::Field>& fields) {
  std::map<int32_t, int> indexes;
  const Node& node = format::avro::WithoutNull(record);
  for (const schema::Field& field : fields) {
    const int index = node.FindField(field.id, field.name);
    if (index >= 0) indexes[field.id] = index;
  }
  return indexes;
}

Result<int64_t> LongOf(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value.data)) return *number;
  if (const auto* number = std::get_if<int32_t>(&value.data)) return *number;
  return MakeError(Fault::kBadData, "not an integer");
}

Result<std::string> BytesOf(const Value& value) {
  if (const auto* bytes = std::get_if<std::string>(&value.data)) return *bytes;
  return MakeError(Fault::kBadData, "neither text nor bytes");
}

Result<const std::vector<Value>*> ItemsOf(const Value& value) {
  if (const auto* items = std::get_if<std::vector<Value>>(&value.data)) return items;
  return MakeError(Fault::kBadData, "neither record nor array");
}

Result<Literal> LiteralOf(const schema::TypePtr& type, const Value& value) {
  if (value.is_null()) return Literal::Null(type);
  const auto make = [&](Literal::Value held) { return Literal{.type = type, .value = std::move(held)}; };
  switch (type->id) {
    case TypeId::kBoolean: {
      const bool* flag = std::get_if<bool>(&value.data);
      return flag != nullptr ? Result<Literal>(make(*flag)) : WrongType();
    }
    case TypeId::kInt:
    case TypeId::kDate: {
      ARROW_ASSIGN_OR_RAISE(const int32_t number, IntOf(value));
      return make(number);
    }
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs: {
      ARROW_ASSIGN_OR_RAISE(const int64_t number, LongOf(value));
      return make(number);
    }
    case TypeId::kFloat: {
      const float* number = std::get_if<float>(&value.data);
      return number != nullptr ? Result<Literal>(make(*number)) : WrongType();
    }
    case TypeId::kDouble: {
      if (const float* number = std::get_if<float>(&value.data)) return make(double{*number});
      const double* number = std::get_if<double>(&value.data);
      return number != nullptr ? Result<Literal>(make(*number)) : WrongType();
    }
    default:
      break;
  }
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, BytesOf(value));
  return type->id == TypeId::kDecimal ? DecimalOf(type, bytes) : FromSingleValue(type, bytes);
}

void EncodeLiteral(const Literal& literal, format::avro::Encoder& out) {
  out.Branch(!literal.is_null());
  std::visit(LiteralEncoder{*literal.type, out}, literal.value);
}

}  // namespace firn::table
