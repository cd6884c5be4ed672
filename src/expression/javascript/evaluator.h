#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/javascript/errors.h"
#include "expression/javascript/expression.h"
#include "expression/javascript/function.h"
#include "expression/javascript/program.h"

/// Runs a program. Private to this folder.
namespace firn::expression::javascript {

/// The names of one call or block.
struct Frame {
  Frame* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>> names;
  bool captured = false;  // a function sees it, so it lives until the end of the evaluation
};

class Evaluator {
 public:
  Evaluator(const Scope& scope, const Limits& limits) : scope_(scope), limits_(limits), fuel_(limits.fuel) {}

  /// Evaluates a whole program. Errors as Expression::Evaluate has them.
  Result<Value> Run(const Node& root);

  const Scope& scope() const { return scope_; }
  /// Calls a function value. Errors: E0623 for what is none.
  Result<Value> CallFunction(const Value& function, std::span<const Value> arguments, Range range);

  /// Takes fuel for `bytes` that are about to be made. Errors: E0624.
  Status Spend(Range range, size_t bytes);
  /// What is left of the fuel; regular expressions take their steps from it.
  int64_t* fuel() { return &fuel_; }

  /// Values that an evaluation makes: within the limits of size and depth.
  Result<Value> NewString(std::u16string text, Range range);
  Result<Value> NewArray(List items, Range range);
  Result<Value> NewObject(Object object, Range range);
  Result<Value> Checked(Value container, Range range);

  // members.cc
  /// `object[key]`. Errors: E0623 for null and undefined, E0621 for names that reach behind a value.
  Result<Value> GetMember(const Value& object, std::u16string_view key, Range range);
  Result<Value> GetIndex(const Value& object, const Value& key, Range range);

  // conversion.cc
  /// ToNumber; ToNumeric of an exact number is E0625.
  Result<double> ToNumber(const Value& value, Range range);
  /// ToString, as a string value.
  Result<Value> ToText(const Value& value, Range range);
  Result<std::u16string> ToKey(const Value& value, Range range);
  /// The items that `...value` gives. Errors: E0623 for what is not iterable.
  Result<List> ToList(const Value& value, Range range);

  // operators.cc
  Result<Value> Binary(Operator operation, const Value& a, const Value& b, Range range);
  Result<Value> Unary(Operator operation, const Value& value, Range range);
  Result<bool> LooseEquals(const Value& a, const Value& b, Range range);

 private:
  struct Member {
    Value value;
    const Builtin* method = nullptr;  // instead of the value
  };

  Result<Value> Eval(const Node& node);
  Result<Value> EvalNode(const Node& node);
  Result<Value> EvalReceiver(const Node& node);
  Result<Value> EvalName(const Node& node);
  Result<Value> EvalTemplate(const Node& node);
  Result<Value> EvalArray(const Node& node);
  Result<Value> EvalObject(const Node& node);
  Result<Value> EvalMember(const Node& node);
  Result<Value> EvalCall(const Node& node);
  Result<Value> EvalNew(const Node& node);
  Result<Value> EvalChain(const Node& node);
  Result<Value> EvalUnary(const Node& node);
  Result<Value> EvalBinary(const Node& node);
  Result<Value> EvalLogical(const Node& node);
  Result<Value> EvalArrow(const Node& node);
  Result<List> EvalItems(std::span<const Node* const> nodes);
  Result<std::u16string> EvalKey(const Node& property);
  Status UnknownNameAt(const Node& node) const;

  Result<Member> FindMember(const Value& object, std::u16string_view key, Range range);
  Result<Value> RunBuiltin(const Builtin& builtin, const Value& self, std::span<const Value> arguments, Range range);
  Result<Value> RunArrow(const Function& function, std::span<const Value> arguments);
  Status NotAFunction(const Node& callee, const Value& receiver) const;

  // binding.cc
  Status Bind(const Node& pattern, const Value& value);
  Status BindArray(const Node& pattern, const Value& value);
  Status BindObject(const Node& pattern, const Value& value);
  /// nullopt when no return was reached.
  Result<std::optional<Value>> RunBlock(const Node& block);
  Result<std::optional<Value>> RunStatement(const Node& statement);
  Frame* PushFrame(Frame* parent);
  void PopFrame(Frame* frame, Frame* back_to);

  const Scope& scope_;
  const Limits& limits_;
  int64_t fuel_;
  int32_t depth_ = 0;
  bool ended_early_ = false;  // an optional chain met null or undefined
  bool secret_ = false;
  std::vector<std::unique_ptr<Frame>> frames_;
  size_t num_frames_ = 0;
  Frame* frame_ = nullptr;
  std::shared_ptr<const int> evaluation_ = std::make_shared<const int>(0);  // functions of others are refused by it
};

}  // namespace firn::expression::javascript
