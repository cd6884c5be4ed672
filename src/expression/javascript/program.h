#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "expression/expression.h"
#include "expression/javascript/value.h"

/// The syntax tree. Private to this folder.
namespace firn::expression::javascript {

enum class Operator : uint8_t {
  kNone,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kPower,
  kBitAnd,
  kBitOr,
  kBitXor,
  kShiftLeft,
  kShiftRight,
  kShiftRightUnsigned,
  kEquals,
  kNotEquals,
  kStrictEquals,
  kStrictNotEquals,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kInstanceof,
  kAnd,
  kOr,
  kCoalesce,
  kNot,
  kMinus,
  kPlus,
  kBitNot,
  kTypeof,
  kVoid,
};

struct Node {
  enum class Kind : uint8_t {
    kLiteral,      // value
    kRegex,        // value
    kName,         // name
    kTemplate,     // children: literals (strings) and expressions in turn
    kArray,        // children; kSpread among them
    kObject,       // children: kProperty, kSpread
    kProperty,     // key, or [computed key]; last child: the value
    kSpread,       // child
    kMember,       // child[0].key; optional: ?.
    kIndex,        // child[0][child[1]]
    kCall,         // child[0](child[1]…)
    kNew,          // new name(children…)
    kChain,        // child; where an optional chain ends early
    kUnary,        // operation, child
    kBinary,       // operation, two children
    kLogical,      // && || ??
    kConditional,  // three children
    kArrow,        // children: the parameters' patterns, then the body
    // Patterns.
    kBindName,    // name
    kBindArray,   // children; null for a hole
    kBindObject,  // children: kProperty, whose value is a pattern, and kRest
    kRest,        // child
    kDefault,     // child[0] pattern, child[1] expression
    // Bodies of functions.
    kBlock,    // children
    kDeclare,  // child[0] pattern, child[1] value
    kIf,       // two or three children
    kReturn,   // child, or none
  };
  Kind kind = Kind::kLiteral;
  Operator operation = Operator::kNone;
  bool optional = false;
  Range range;
  std::string name;
  std::u16string key;
  Value value;
  std::vector<const Node*> children;
};

/// A parsed expression; owns its nodes and never changes.
struct Program {
  std::string source;
  std::deque<Node> nodes;
  const Node* root = nullptr;
};

}  // namespace firn::expression::javascript
