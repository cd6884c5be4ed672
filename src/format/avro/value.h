#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace firn::format::avro {

/// A datum of any type. null: monostate; boolean bool; int int32_t (enum: index); long int64_t; bytes, string, fixed:
/// std::string; record: its fields in order; array: its items; map: records of key and value; a union: the datum of
/// the branch taken.
struct Value {
  std::variant<std::monostate, bool, int32_t, int64_t, float, double, std::string, std::vector<Value>> data;

  bool is_null() const { return std::holds_alternative<std::monostate>(data); }
  friend bool operator==(const Value&, const Value&) = default;
};

}  // namespace firn::format::avro
