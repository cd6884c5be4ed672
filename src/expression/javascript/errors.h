#pragma once

#include <string>

#include "expression/expression.h"

/// The errors of this folder; each carries its range for RangeOf. Private to this folder.
namespace firn::expression::javascript {

/// Not JavaScript, or cut off. kConfig.
Status SyntaxError(Range range, std::string message);
/// JavaScript that is left out on purpose: assignments, statements, methods that change values. kConfig.
Status Refused(Range range, std::string message);
/// What JavaScript throws: TypeError, RangeError, SyntaxError of JSON.parse. kBadData.
Status Thrown(Range range, std::string message);
/// A name that is nowhere. kConfig.
Status UnknownName(Range range, std::string message);
/// Steps, depth or size are used up. kBadData.
Status LimitReached(Range range, std::string message);
/// Arithmetic that would round a number of the data. kBadData.
Status ExactNumber(Range range, std::string message);

}  // namespace firn::expression::javascript
