#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "format/avro/schema.h"
#include "format/avro/value.h"

namespace firn::format::avro {

/// Appends data in Avro binary encoding (specification, "Binary Encoding"). Knows no schema: the caller writes the
/// fields in schema order.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  void Bool(bool value) { out_ += value ? '\1' : '\0'; }
  /// int and long alike: zigzag, then seven bits a byte, low first.
  void Long(int64_t value);
  void Float(float value);
  void Double(double value);
  /// bytes and string: length, then the bytes.
  void Bytes(std::string_view value);
  /// fixed: the bytes alone.
  void Fixed(std::string_view value) { out_ += value; }
  /// Index of the branch of a union; for ["null", T]: false is null.
  void Branch(bool present) { out_ += present ? '\2' : '\0'; }
  /// Opens an array or map of `count` items; nothing follows if it is 0. Close it with EndBlock after the items if
  /// `count` is not 0.
  void BeginBlock(int64_t count) { Long(count); }
  void EndBlock() { out_ += '\0'; }

 private:
  std::string& out_;
};

/// Appends any value by its schema; of a union the first branch that fits. Errors: kBug if the value does not fit.
Status EncodeValue(const Node& schema, const Value& value, std::string& out);

}  // namespace firn::format::avro
