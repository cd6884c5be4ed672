#pragma once

#include <string_view>

#include "expression/javascript/value.h"

namespace firn::expression::javascript {

/// A regular expression value. `flags`: of g, i, m, s, u and y, each once. Errors: kBadData.
Result<Value> MakeRegex(std::u16string_view pattern, std::string_view flags);

}  // namespace firn::expression::javascript
