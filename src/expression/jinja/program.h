#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/expression.h"
#include "expression/jinja/value.h"

/// What a template compiles to: an array of nodes that refer to each other by index. Only this folder makes and runs
/// them; connector/foreign reads them, to say templates in another language.
namespace firn::expression::jinja {

using NodeIndex = int32_t;
inline constexpr NodeIndex kNone = -1;

struct Filter;
struct Test;

enum class Op : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct Node {
  enum class Kind : uint8_t {
    // Expressions.
    kLiteral,      // literal
    kName,         // name; slot
    kAttribute,    // children[0].name
    kItem,         // children[0][children[1]]
    kSlice,        // [lower:upper:step]; children may be kNone
    kCall,         // children[0](children[1…], named…)
    kFilter,       // children[0] | name(children[1…], named…)
    kTest,         // children[0] is name(children[1…], named…)
    kNot,          // children[0]
    kAnd,          // children[0], children[1]
    kOr,           // children[0], children[1]
    kNegate,       // children[0]
    kPlus,         // children[0]
    kBinary,       // children[0] op children[1]
    kCompare,      // children[0] ops[0] children[1] ops[1] children[2]…
    kConcat,       // all children
    kConditional,  // children: test, then, else (may be kNone)
    kList,         // all children
    kTuple,        // all children; also a target
    kMap,          // key, value, key, value…
    kMember,       // name.attribute as a target: name in `name`, attribute in `literal`
    // Statements.
    kText,         // literal
    kOutput,       // children[0]
    kIf,           // children[0] is the test; body, otherwise
    kFor,          // children: target, iterable, condition (may be kNone); body, otherwise
    kSet,          // children: target, value
    kSetBlock,     // children: target, filter (may be kNone); body
    kWith,         // children: target, value, target, value…; body
    kFilterBlock,  // children[0] is the filter; body
  };
  Kind kind = Kind::kLiteral;
  Op op = Op::kAdd;
  bool recursive = false;  // kAttribute: the name of a method of maps, or an internal one; kIf: has `elif`
  bool constant = false;   // nothing but literals below
  int16_t depth = 1;       // of the tree below
  int32_t slot = kNone;    // kName: of the program's names
  Range range;
  const Filter* filter = nullptr;
  const Test* test = nullptr;
  std::string name;
  Value literal;
  std::vector<NodeIndex> children;
  std::vector<std::pair<std::string, NodeIndex>> named;
  std::vector<Op> ops;
  std::vector<NodeIndex> body;
  std::vector<NodeIndex> otherwise;
};

/// A name that the template reads and does not set itself.
struct External {
  std::string name;
  bool global = false;  // also a function: the scope need not have it
};

struct Program {
  std::string source;    // with line ends normalized; ranges refer to it
  std::string original;  // as given
  Limits limits;
  std::vector<Node> nodes;
  std::vector<NodeIndex> body;
  std::vector<External> externals;
  std::vector<std::string> undeclared;  // names the scope must have; sorted
  bool sets_names = false;              // `set`, `for` or `with` occurs: names are looked for in frames first
  bool literal = false;                 // no Jinja in it
  bool forbidden = false;               // contains "stream_state"
  Value plain;                          // of a literal: its text

  const Node& At(NodeIndex index) const { return nodes[static_cast<size_t>(index)]; }
};

/// Most distinct outer names of one template.
inline constexpr size_t kExternalsMax = 48;

/// Parses a template. Errors: kConfig with the range.
Result<Program> ParseProgram(std::string_view source, const Limits& limits);

/// Fills `externals`, `undeclared` and the slots of name nodes, by Jinja's rules of scopes.
void ResolveNames(Program* program);

/// True for the functions and objects that every template sees (now_utc, max, namespace…).
bool IsGlobal(std::string_view name);

}  // namespace firn::expression::jinja
