#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/jinja/object.h"
#include "expression/jinja/program.h"
#include "expression/jinja/template.h"

/// Runs a program. Private to this folder.
namespace firn::expression::jinja {

/// The Python exceptions that change what an interpolation gives; all others are errors.
enum class Raised : uint8_t { kNothing, kType, kUndefined, kOther };

/// Arguments bound to the parameters of a signature.
struct Arguments {
  std::array<Value, 5> items;
  uint32_t given = 0;
  std::vector<Value> rest;                           // of variadic functions: all positional ones
  std::vector<std::pair<std::string, Value>> named;  // of variadic functions
};

class Evaluator;
struct Signature;

/// One call of a filter, test, function or method.
struct Call {
  Evaluator& run;
  const Node& node;
  const Value& self;
  Arguments& arguments;

  bool Has(size_t i) const { return (arguments.given >> i & 1) != 0; }
  const Value& At(size_t i) const { return arguments.items[i]; }
  Status TypeError(std::string message) const;
  Status ValueError(std::string message) const;
  /// An error of a helper that does not know this evaluation: Python would raise neither TypeError nor UndefinedError.
  Status Failed(const Status& status) const { return ValueError(status.message()); }
  /// An int argument, or `otherwise` when absent. Errors: TypeError.
  Result<int64_t> Integer(size_t i, int64_t otherwise) const;
  /// A str argument, or `otherwise`. Errors: TypeError.
  Result<std::string_view> Text(size_t i, std::string_view otherwise) const;
  bool True(size_t i) const { return Has(i) && Truthy(At(i)); }
};

class Evaluator {
 public:
  Evaluator(const Program& program, const Scope& scope)
      : program_(program), scope_(scope), fuel_(program.limits.fuel) {}

  /// Finds the outer names. Errors: kConfig for those that are missing.
  Status Begin();
  /// Appends the rendered text.
  Status Render(std::string* out);
  /// The value of one expression node.
  Result<Value> Eval(NodeIndex index);
  /// The value of what stands between {{ and }}.
  Result<Value> EvalOutput(NodeIndex index);
  /// As Eval, without a copy where the value lies somewhere: `*storage` keeps it otherwise.
  Result<const Value*> Peek(NodeIndex index, Value* storage);

  Raised raised() const { return raised_; }
  bool secret() const { return secret_; }
  const Scope& scope() const { return scope_; }
  Status Raise(Raised raised, Range range, std::string message);
  Status UndefinedError(const Value& undefined, Range range);
  /// Takes fuel for `bytes` of output. Errors: kConfig when it is used up or one result is too long.
  Status Spend(const Node& node, size_t bytes);

  /// `object.name` and `object[key]` by the sandbox's rules.
  Result<Value> GetAttribute(const Value& object, std::string_view name, const Node& node);
  Result<Value> GetItem(const Value& object, const Value& key, const Node& node);
  Result<Value> CallValue(const Value& callee, const Node& node, Arguments arguments);

  /// Runs `body` for each item; it returns false to stop. Errors: TypeError for what cannot be iterated.
  Status ForEach(const Value& value, const Node& node, const std::function<Result<bool>(const Value&)>& body);
  Result<List> ToList(const Value& value, const Node& node);
  Result<std::optional<Value>> First(const Value& value, const Node& node);
  /// An undefined value that remembers where it was made.
  Value MakeUndefined(const Node& node) const;

  Result<Value> Binary(Op op, const Value& a, const Value& b, const Node& node);
  Result<Value> Unary(bool negate, const Value& value, const Node& node);
  Result<bool> CompareValues(Op op, const Value& a, const Value& b, const Node& node);
  Result<bool> Contains(const Value& container, const Value& item, const Node& node);
  Result<Value> Slice(const Value& object, const Value& lower, const Value& upper, const Value& step, const Node& node);

 private:
  struct Local {
    std::string_view name;
    Value value;
  };

  Result<Value> EvalNode(NodeIndex index);
  const Value* PeekName(const Node& node, Value* storage, Status* failed);
  Result<Value> EvalCompare(const Node& node);
  Result<Value> EvalConcat(const Node& node);
  Result<Value> EvalMap(const Node& node);
  Result<List> EvalAll(std::span<const NodeIndex> nodes);
  Result<Value> EvalCall(const Node& node);
  Result<Value> EvalFilter(const Node& node, const Value& self);
  Result<Value> EvalTest(const Node& node);
  Result<Value> EvalItem(const Node& node);
  Status Bind(const Node& node, const Signature& signature, Arguments* arguments);

  Status RunBody(const std::vector<NodeIndex>& body, std::string* out);
  Status RunStatement(const Node& node, std::string* out);
  Status RunFor(const Node& node, std::string* out);
  Status RunWith(const Node& node, std::string* out);
  Status RunSetBlock(const Node& node, std::string* out);
  Status Assign(NodeIndex target, const Value& value);
  void SetLocal(std::string_view name, Value value);

  const Program& program_;
  const Scope& scope_;
  int64_t fuel_;
  Raised raised_ = Raised::kNothing;
  bool secret_ = false;
  bool folding_ = false;  // within an output made of literals only
  std::array<uint16_t, kExternalsMax> places_{};
  std::vector<Local> locals_;
  size_t frame_ = 0;                 // where the innermost scope's locals begin
  const Value* filtered_ = nullptr;  // the text of a filter block
};

/// Binds already evaluated arguments of map() and select(). Errors: TypeError.
Status BindValues(Evaluator& run, const Node& node, const Signature& signature, std::string_view name,
                  std::vector<Value> positional, std::vector<std::pair<std::string, Value>> named, Arguments* out);

}  // namespace firn::expression::jinja
