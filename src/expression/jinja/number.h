#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "expression/jinja/value.h"

/// Python's arithmetic on int (of any size) and float. All of it fails with kBadData where Python raises an error other
/// than TypeError.
namespace firn::expression::jinja {

enum class Arithmetic : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };

/// `a` and `b`: numbers (bool, int, float).
Result<Value> Compute(Arithmetic op, const Value& a, const Value& b);
Value Negate(const Value& number);

/// `int(text)` in base 10, and with `base` 2 to 36 or 0. Errors: kBadData.
Result<Value> ReadInteger(std::string_view text, int base = 10);
/// `float(text)`. Errors: kBadData.
Result<double> ReadFloat(std::string_view text);
/// `float(number)`. Errors: kBadData when an int is too large.
Result<double> ToDouble(const Value& number);
/// `int(number)`: towards zero. Errors: kBadData for infinities and NaN.
Result<Value> Truncate(const Value& number);
/// `round(number, digits)`: half to even, decimally exact.
Result<Value> Round(const Value& number, int64_t digits);

}  // namespace firn::expression::jinja
