#include "format/avro/encoder.h"

#include <cstring>

namespace firn::format::avro {
namespace {

Status DoesNotFit() {
  return MakeError(Fault::kBug, "avro: a value does not fit its schema");
}

template <typename T>
const T* As(const Value& value) {
  return std::get_if<T>(&value.data);
}

// Whether a value could be of a union's branch, by its alternative alone.
bool Fits(const Node& schema, const Value& value) {
  switch (schema.kind) {
    case Kind::kNull:
      return value.is_null();
    case Kind::kBoolean:
      return As<bool>(value) != nullptr;
    case Kind::kInt:
    case Kind::kEnum:
      return As<int32_t>(value) != nullptr;
    case Kind::kLong:
      return As<int64_t>(value) != nullptr;
    case Kind::kFloat:
      return As<float>(value) != nullptr;
    case Kind::kDouble:
      return As<double>(value) != nullptr;
    case Kind::kFixed: {
      const auto* bytes = As<std::string>(value);
      return bytes != nullptr && bytes->size() == static_cast<size_t>(schema.size);
    }
    case Kind::kBytes:
    case Kind::kString:
      return As<std::string>(value) != nullptr;
    case Kind::kRecord: {
      const auto* fields = As<std::vector<Value>>(value);
      return fields != nullptr && fields->size() == schema.fields.size();
    }
    case Kind::kArray:
    case Kind::kMap:
      return As<std::vector<Value>>(value) != nullptr;
    case Kind::kUnion:
      return true;
  }
  return false;
}

Status EncodeItems(const Node& schema, const std::vector<Value>& items, std::string& out) {
  Encoder encoder(out);
  encoder.BeginBlock(static_cast<int64_t>(items.size()));
  for (const Value& item : items) {
    if (schema.kind == Kind::kArray) {
      ARROW_RETURN_NOT_OK(EncodeValue(*schema.branches[0], item, out));
      continue;
    }
    const auto* entry = As<std::vector<Value>>(item);
    if (entry == nullptr || entry->size() != 2 || As<std::string>((*entry)[0]) == nullptr) return DoesNotFit();
    encoder.Bytes(*As<std::string>((*entry)[0]));
    ARROW_RETURN_NOT_OK(EncodeValue(*schema.branches[0], (*entry)[1], out));
  }
  if (!items.empty()) encoder.EndBlock();
  return Status::OK();
}

Status EncodeUnion(const Node& schema, const Value& value, std::string& out) {
  for (size_t i = 0; i < schema.branches.size(); ++i) {
    if (!Fits(*schema.branches[i], value)) continue;
    Encoder(out).Long(static_cast<int64_t>(i));
    return EncodeValue(*schema.branches[i], value, out);
  }
  return DoesNotFit();
}

}  // namespace

void Encoder::Long(int64_t value) {
  uint64_t bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (bits >= 0x80) {
    out_ += static_cast<char>((bits & 0x7F) | 0x80);
    bits >>= 7;
  }
  out_ += static_cast<char>(bits);
}

void Encoder::Float(float value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out_.append(bytes, sizeof(bytes));
}

void Encoder::Double(double value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out_.append(bytes, sizeof(bytes));
}

void Encoder::Bytes(std::string_view value) {
  Long(static_cast<int64_t>(value.size()));
  out_ += value;
}

Status EncodeValue(const Node& schema, const Value& value, std::string& out) {
  if (!Fits(schema, value)) return DoesNotFit();
  Encoder encoder(out);
  switch (schema.kind) {
    case Kind::kNull:
      break;
    case Kind::kBoolean:
      encoder.Bool(*As<bool>(value));
      break;
    case Kind::kInt:
    case Kind::kEnum:
      encoder.Long(*As<int32_t>(value));
      break;
    case Kind::kLong:
      encoder.Long(*As<int64_t>(value));
      break;
    case Kind::kFloat:
      encoder.Float(*As<float>(value));
      break;
    case Kind::kDouble:
      encoder.Double(*As<double>(value));
      break;
    case Kind::kBytes:
    case Kind::kString:
      encoder.Bytes(*As<std::string>(value));
      break;
    case Kind::kFixed:
      encoder.Fixed(*As<std::string>(value));
      break;
    case Kind::kRecord: {
      const auto& fields = *As<std::vector<Value>>(value);
      for (size_t i = 0; i < fields.size(); ++i)
        ARROW_RETURN_NOT_OK(EncodeValue(*schema.fields[i].type, fields[i], out));
      break;
    }
    case Kind::kArray:
    case Kind::kMap:
      return EncodeItems(schema, *As<std::vector<Value>>(value), out);
    case Kind::kUnion:
      return EncodeUnion(schema, value, out);
  }
  return Status::OK();
}

}  // namespace firn::format::avro
