#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

/// Exact arithmetic on numbers given as JSON number text. Never a double, except for division.
namespace firn::expression {

/// Orders two numbers of any length: -1, 0 or 1. Both must be valid JSON numbers.
int CompareDecimals(std::string_view a, std::string_view b);

enum class DecimalOp { kAdd, kSubtract, kMultiply };

/// Computes exactly. Errors: kBadData when the result needs more than 37 digits.
Result<std::string> ComputeDecimals(DecimalOp op, std::string_view a, std::string_view b);

/// Divides as doubles and returns the shortest text that reads back as the same double.
/// Errors: kBadData for division by zero or a result that is not finite.
Result<std::string> DivideNumbers(std::string_view a, std::string_view b);

/// True for text that is a JSON number (RFC 8259, section 6).
bool IsJsonNumber(std::string_view text);

}  // namespace firn::expression
