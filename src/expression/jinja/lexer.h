#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "expression/expression.h"
#include "expression/jinja/value.h"

/// Jinja's tokens. Private to this folder.
namespace firn::expression::jinja {

struct Token {
  enum class Kind {
    kText,           // value: the text between tags
    kVariableBegin,  // {{
    kVariableEnd,
    kBlockBegin,  // {%
    kBlockEnd,
    kName,
    kString,   // value
    kInteger,  // value
    kFloat,    // value
    kOperator,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  Range range;
  std::string_view text;  // of names and operators
  Value value;
};

/// `source`: line ends must be "\n". Views of the tokens point into it. Errors: kConfig with the range.
Result<std::vector<Token>> Tokenize(std::string_view source);

/// Line ends become "\n" and one at the end goes, as Jinja does.
std::string NormalizeSource(std::string_view source);

}  // namespace firn::expression::jinja
