#pragma once

#include <string>
#include <string_view>

#include "expression/javascript/value.h"

/// JSON as JSON.parse and JSON.stringify have it. Private to this folder.
namespace firn::expression::javascript {

/// Parses one JSON text (depth at most 300). Integers beyond 2^53 - 1 stay exact. Errors: kBadData with the place.
Result<Value> ReadJson(std::u16string_view text);

struct JsonStyle {
  std::u16string indent;        // empty: one line
  const List* keys = nullptr;   // only these properties, in this order; borrowed
  size_t units_max = SIZE_MAX;  // errors beyond
};
/// Appends the text; nothing for what JSON has no word for (undefined, functions). Errors: kBadData when it is too
/// long.
Status WriteJson(const Value& value, const JsonStyle& style, std::u16string* out);

}  // namespace firn::expression::javascript
