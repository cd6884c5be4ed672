#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"
#include "schema/type.h"

namespace firn::table {

/// An unscaled decimal of up to 38 digits.
using Int128 = __int128;

/// A value of a primitive type, or null. Held as:
///   boolean bool; int, date int32_t; long, time, timestamp(tz) int64_t; float float; double double; decimal Int128
///   (unscaled); string UTF-8, uuid 16 bytes (big-endian), fixed and binary raw: std::string; null: monostate.
struct Literal {
  using Value = std::variant<std::monostate, bool, int32_t, int64_t, float, double, Int128, std::string>;
  schema::TypePtr type;
  Value value;

  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  static Literal Null(schema::TypePtr type) { return {.type = std::move(type), .value = {}}; }
  /// Same type and same value; NaN equals NaN, -0.0 differs from 0.0 (bit-equal tuples are the same partition).
  friend bool operator==(const Literal& a, const Literal& b);
};

/// Errors: kBug if the alternative does not belong to the type, a fixed has another length, a decimal too many digits.
Status Validate(const Literal& literal);

/// Encodes one value in binary (Iceberg spec, Appendix D "Binary single-value serialization"): int/date 4 B LE; long,
/// time, timestamps 8 B LE; float, double LE; string UTF-8; uuid 16 B BE; decimal minimal BE two's complement; boolean
/// 00/01; fixed, binary raw. `literal` must be valid and not null.
std::string ToSingleValue(const Literal& literal);
/// Decodes; also takes the 4-byte form of a column since promoted from int to long or from float to double.
/// Errors: kBadData for a wrong length.
Result<Literal> FromSingleValue(const schema::TypePtr& type, std::string_view bytes);

/// Orders two non-null literals of one type: numbers by value with -0.0 < +0.0 and NaN last, text and bytes by unsigned
/// byte (for UTF-8 that is code point order).
std::strong_ordering Compare(const Literal& a, const Literal& b);

/// For messages, paths and tests: 2026-11-21, 12.50, 0a1b (hex), "null". Not for storage.
std::string ToString(const Literal& literal);

}  // namespace firn::table
