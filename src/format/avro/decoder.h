#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "base/status.h"
#include "format/avro/schema.h"
#include "format/avro/value.h"

namespace firn::format::avro {

/// Reads Avro binary encoding out of foreign bytes. Never reads past the end, never allocates more than the bytes left
/// justify. Errors: kBadData with the offset.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

  Result<bool> Bool();
  Result<int64_t> Long();
  Result<int32_t> Int();
  Result<float> Float();
  Result<double> Double();
  /// Borrowed from the input.
  Result<std::string_view> Bytes();
  Result<std::string_view> Fixed(int64_t size);

  int64_t remaining() const { return static_cast<int64_t>(bytes_.size() - offset_); }
  int64_t offset() const { return static_cast<int64_t>(offset_); }
  Status Bad(std::string_view problem) const;

 private:
  std::string_view bytes_;
  size_t offset_ = 0;
};

struct DecodeOptions {
  /// Record fields with these Iceberg ids are skipped and read as null.
  const std::set<int32_t>* skip_field_ids = nullptr;
};

/// Decodes one datum. `values_left`: how many values may still be made, counted down; items of no width make it more
/// than the number of bytes.
Result<Value> DecodeValue(const Node& schema, Decoder& decoder, const DecodeOptions& options, int64_t& values_left);

}  // namespace firn::format::avro
