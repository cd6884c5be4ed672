#pragma once

#include <memory>
#include <string>
#include <vector>

#include "expression/expression.h"

/// The syntax tree that the parser makes and the evaluator walks. Private to this folder.
namespace firn::expression {

using NodePtr = std::shared_ptr<const Node>;

struct Node {
  enum class Kind {
    kLiteral,      // literal
    kName,         // name
    kAttribute,    // children[0].name
    kIndex,        // children[0][children[1]]
    kSlice,        // children[0][children[1]:children[2]]; absent bounds are literal nulls
    kUnary,        // name: "-" "+" "not"
    kBinary,       // name: + - * / // % ~ == != < <= > >= in "not in" and or
    kConditional,  // children: condition, then, else
    kTest,         // children[0] is name; negated when literal is true
    kCall,         // name(children)
    kFilter,       // children[0] | name(children[1…])
    kMethod,       // children[0].name(children[1…])
    kList,
    kMap,  // key, value, key, value…
  };
  Kind kind = Kind::kLiteral;
  Range range;
  std::string name;
  Value literal;
  std::vector<NodePtr> children;
};

/// Parses one expression of `source` within `range`. Errors: kConfig with the range.
Result<NodePtr> ParseNode(std::string_view source, Range range, const Limits& limits);

/// True if a function, filter, method or test of that name exists.
bool IsFunction(std::string_view name);
bool IsFilter(std::string_view name);
bool IsMethod(std::string_view name);
bool IsTest(std::string_view name);

/// Makes an error that RangeOf understands.
Status ErrorAt(Range range, std::string message);

/// Carries what one evaluation may still spend.
struct Budget {
  const Limits* limits;
  int64_t fuel;
  int32_t depth = 0;
  /// Takes fuel for producing `bytes` of output. Errors: kConfig when it is used up.
  Status Spend(Range range, int64_t bytes);
};

struct Call {
  const Node* node;  // kCall, kFilter, kMethod
  std::vector<Value> arguments;
  const Scope* scope;
  Budget* budget;
};

/// Runs a function, filter or method by the node's kind and name.
Result<Value> RunCall(const Call& call);

Result<Value> EvaluateNode(const Node& node, const Scope& scope, Budget* budget);

}  // namespace firn::expression
