#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::connector::foreign {

struct PythonToken {
  enum class Kind { kName, kNumber, kString, kFormatted, kBytes, kOperator, kNewline, kEnd };
  Kind kind = Kind::kEnd;
  uint32_t line = 0;
  std::string text;  // of strings the value; of kFormatted the text between the quotes, escapes resolved
};

/// Takes a Python file apart. Indentation is passed over; line ends inside of brackets, too. Errors: kConfig E0560 with
/// the line: a string without an end, an escape that is none of Python's.
/// Format: The Python Language Reference 3.13, "Lexical analysis".
Result<std::vector<PythonToken>> PythonTokens(std::string_view text, int64_t tokens_max);

/// kConfig E0560: "line 3: …".
Status PythonError(uint32_t line, const std::string& what);

}  // namespace firn::connector::foreign
