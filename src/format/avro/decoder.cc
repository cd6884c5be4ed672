#include "format/avro/decoder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace firn::format::avro {
namespace {

using Items = std::vector<Value>;

Result<Value> DecodeRecord(const Node& schema, Decoder& decoder, const DecodeOptions& options, int64_t& values_left) {
  static const DecodeOptions kKeepAll;
  Items fields;
  fields.reserve(schema.fields.size());
  for (const RecordField& field : schema.fields) {
    const bool skip =
        options.skip_field_ids != nullptr && field.field_id && options.skip_field_ids->contains(*field.field_id);
    ARROW_ASSIGN_OR_RAISE(Value value, DecodeValue(*field.type, decoder, skip ? kKeepAll : options, values_left));
    fields.push_back(skip ? Value{} : std::move(value));
  }
  return Value{std::move(fields)};
}

Result<Value> DecodeEntry(const Node& schema, Decoder& decoder, const DecodeOptions& options, int64_t& values_left) {
  if (schema.kind == Kind::kArray) return DecodeValue(*schema.branches[0], decoder, options, values_left);
  Items entry(2);
  ARROW_ASSIGN_OR_RAISE(const std::string_view key, decoder.Bytes());
  entry[0].data = std::string(key);
  ARROW_ASSIGN_OR_RAISE(entry[1], DecodeValue(*schema.branches[0], decoder, options, values_left));
  return Value{std::move(entry)};
}

// Blocks: long count, then the items; a negative count is followed by the block's bytes; 0 ends.
Result<Value> DecodeItems(const Node& schema, Decoder& decoder, const DecodeOptions& options, int64_t& values_left) {
  Items items;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(int64_t count, decoder.Long());
    if (count == 0) return Value{std::move(items)};
    if (count < 0) {
      if (count == std::numeric_limits<int64_t>::min()) return decoder.Bad("item count out of range");
      count = -count;
      ARROW_RETURN_NOT_OK(decoder.Long().status());
    }
    if (count > values_left) return decoder.Bad("more items than the limit allows");
    items.reserve(items.size() + static_cast<size_t>(std::min(count, decoder.remaining())));
    for (int64_t i = 0; i < count; ++i) {
      ARROW_ASSIGN_OR_RAISE(Value item, DecodeEntry(schema, decoder, options, values_left));
      items.push_back(std::move(item));
    }
  }
}

Result<Value> DecodeUnion(const Node& schema, Decoder& decoder, const DecodeOptions& options, int64_t& values_left) {
  ARROW_ASSIGN_OR_RAISE(const int64_t branch, decoder.Long());
  if (branch < 0 || branch >= static_cast<int64_t>(schema.branches.size())) return decoder.Bad("no such union branch");
  return DecodeValue(*schema.branches[static_cast<size_t>(branch)], decoder, options, values_left);
}

template <typename T>
Result<Value> Wrap(Result<T> result) {
  if (!result.ok()) return result.status();
  return Value{*result};
}

Result<Value> Text(Result<std::string_view> result) {
  if (!result.ok()) return result.status();
  return Value{std::string(*result)};
}

Result<Value> DecodeEnum(const Node& schema, Decoder& decoder) {
  ARROW_ASSIGN_OR_RAISE(const int32_t index, decoder.Int());
  if (index < 0 || index >= static_cast<int64_t>(schema.symbols.size())) return decoder.Bad("no such enum symbol");
  return Value{index};
}

}  // namespace

Status Decoder::Bad(std::string_view problem) const {
  return MakeError(Fault::kBadData, "avro: " + std::string(problem) + ", offset " + std::to_string(offset_));
}

Result<int64_t> Decoder::Long() {
  uint64_t bits = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (offset_ >= bytes_.size()) return Bad("data is cut short");
    const uint64_t byte = static_cast<unsigned char>(bytes_[offset_++]);
    if (shift == 63 && byte > 1) break;
    bits |= (byte & 0x7F) << shift;
    if (byte < 0x80) return static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
  }
  return Bad("integer is longer than 64 bits");
}

Result<int32_t> Decoder::Int() {
  ARROW_ASSIGN_OR_RAISE(const int64_t value, Long());
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return Bad("int out of range");
  }
  return static_cast<int32_t>(value);
}

Result<bool> Decoder::Bool() {
  ARROW_ASSIGN_OR_RAISE(const std::string_view byte, Fixed(1));
  if (static_cast<unsigned char>(byte[0]) > 1) return Bad("boolean is neither 0 nor 1");
  return byte[0] == 1;
}

Result<float> Decoder::Float() {
  ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, Fixed(sizeof(float)));
  float value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

Result<double> Decoder::Double() {
  ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, Fixed(sizeof(double)));
  double value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

Result<std::string_view> Decoder::Bytes() {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, Long());
  return Fixed(size);
}

Result<std::string_view> Decoder::Fixed(int64_t size) {
  if (size < 0 || size > remaining()) return Bad("length runs past the end");
  const std::string_view bytes = bytes_.substr(offset_, static_cast<size_t>(size));
  offset_ += static_cast<size_t>(size);
  return bytes;
}

Result<Value> DecodeValue(const Node& schema, Decoder& decoder, const DecodeOptions& options, int64_t& values_left) {
  if (--values_left < 0) return decoder.Bad("more values than the limit allows");
  switch (schema.kind) {
    case Kind::kNull:
      return Value{};
    case Kind::kBoolean:
      return Wrap(decoder.Bool());
    case Kind::kInt:
      return Wrap(decoder.Int());
    case Kind::kLong:
      return Wrap(decoder.Long());
    case Kind::kFloat:
      return Wrap(decoder.Float());
    case Kind::kDouble:
      return Wrap(decoder.Double());
    case Kind::kBytes:
    case Kind::kString:
      return Text(decoder.Bytes());
    case Kind::kFixed:
      return Text(decoder.Fixed(schema.size));
    case Kind::kEnum:
      return DecodeEnum(schema, decoder);
    case Kind::kRecord:
      return DecodeRecord(schema, decoder, options, values_left);
    case Kind::kArray:
    case Kind::kMap:
      return DecodeItems(schema, decoder, options, values_left);
    case Kind::kUnion:
      return DecodeUnion(schema, decoder, options, values_left);
  }
  return decoder.Bad("unknown type");
}

}  // namespace firn::format::avro
