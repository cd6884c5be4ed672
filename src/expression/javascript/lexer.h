#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "expression/expression.h"
#include "expression/javascript/value.h"

/// JavaScript's tokens. Private to this folder.
namespace firn::expression::javascript {

struct Token {
  enum class Kind {
    kEnd,
    kName,
    kNumber,    // value
    kString,    // value
    kTemplate,  // a piece of a template string: value; `open`: a ${ follows
    kRegex,     // value (the pattern), text (the flags)
    kOperator,  // text
  };
  Kind kind = Kind::kEnd;
  Range range;
  std::string_view text;
  Value value;
  bool open = false;
  size_t match = 0;      // of "(", "[", "{" and "${": the index of the token that closes it
  bool newline = false;  // a line ends before it
};

/// Views of the tokens point into `source`. Brackets are matched. Errors: E0620, E0621 with the range.
Result<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace firn::expression::javascript
