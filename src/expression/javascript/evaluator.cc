#include "expression/javascript/evaluator.h"

#include <algorithm>

#include "base/edit_distance.h"
#include "expression/javascript/builtins.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Node::Kind;

constexpr int32_t kEvalDepthMax = 500;  // nodes within nodes, calls within calls

}  // namespace

Result<Value> Evaluator::Run(const Node& root) {
  frame_ = PushFrame(nullptr);
  ARROW_ASSIGN_OR_RAISE(const Value value, Eval(root));
  if (value.is_function()) return Thrown(root.range, "the result is a function; call it");
  if (value.weight() >= kWeightMax) return LimitReached(root.range, "the result is too large");
  return value.WithSecret(secret_);
}

Status Evaluator::Spend(Range range, size_t bytes) {
  if (static_cast<int64_t>(bytes) / 2 > limits_.output_bytes) return LimitReached(range, "a value becomes too large");
  fuel_ -= static_cast<int64_t>(bytes / 16) + 1;
  return fuel_ < 0 ? LimitReached(range, "the expression takes too many steps") : Status::OK();
}

Result<Value> Evaluator::NewString(std::u16string text, Range range) {
  ARROW_RETURN_NOT_OK(Spend(range, text.size() * 2));
  return Value::String(std::move(text));
}
Result<Value> Evaluator::NewArray(List items, Range range) {
  ARROW_RETURN_NOT_OK(Spend(range, items.size() * sizeof(Value)));
  return Checked(Value::OfArray(std::move(items)), range);
}
Result<Value> Evaluator::NewObject(Object object, Range range) {
  ARROW_RETURN_NOT_OK(Spend(range, object.entries().size() * sizeof(Object::Entry)));
  return Checked(Value::OfObject(std::move(object)), range);
}
Result<Value> Evaluator::Checked(Value container, Range range) {
  if (container.depth() > kValueDepthMax) return LimitReached(range, "a value becomes too deep");
  return container;
}

Result<Value> Evaluator::Eval(const Node& node) {
  if (--fuel_ < 0) return LimitReached(node.range, "the expression takes too many steps");
  if (depth_ >= kEvalDepthMax) return LimitReached(node.range, "the evaluation is nested too deeply");
  ++depth_;
  Result<Value> value = EvalNode(node);
  --depth_;
  return value;
}

Result<Value> Evaluator::EvalNode(const Node& node) {
  switch (node.kind) {
    case Kind::kLiteral:
    case Kind::kRegex:
      return node.value;
    case Kind::kName: {
      ARROW_ASSIGN_OR_RAISE(Value value, EvalName(node));
      secret_ = secret_ || value.secret();
      return value;
    }
    case Kind::kTemplate:
      return EvalTemplate(node);
    case Kind::kArray: {
      ARROW_ASSIGN_OR_RAISE(List items, EvalItems(node.children));
      return NewArray(std::move(items), node.range);
    }
    case Kind::kObject:
      return EvalObject(node);
    case Kind::kMember:
    case Kind::kIndex: {
      ARROW_ASSIGN_OR_RAISE(Value value, EvalMember(node));
      secret_ = secret_ || value.secret();
      return value;
    }
    case Kind::kCall:
      return EvalCall(node);
    case Kind::kNew:
      return EvalNew(node);
    case Kind::kChain:
      return EvalChain(node);
    case Kind::kUnary:
      return EvalUnary(node);
    case Kind::kBinary:
      return EvalBinary(node);
    case Kind::kLogical:
      return EvalLogical(node);
    case Kind::kConditional: {
      ARROW_ASSIGN_OR_RAISE(const Value condition, Eval(*node.children[0]));
      return Eval(*node.children[Truthy(condition) ? 1 : 2]);
    }
    case Kind::kArrow:
      return EvalArrow(node);
    default:
      return SyntaxError(node.range, "no value stands here");  // patterns and statements are never evaluated
  }
}

Result<Value> Evaluator::EvalName(const Node& node) {
  for (const Frame* frame = frame_; frame != nullptr; frame = frame->parent) {
    for (auto name = frame->names.rbegin(); name != frame->names.rend(); ++name) {
      if (name->first == node.name) return name->second;
    }
  }
  for (const auto& [name, value] : scope_.names) {
    if (name == node.name) return value;
  }
  if (node.name == "undefined") return Value();
  if (const auto value = GlobalValue(node.name)) return *value;
  return UnknownNameAt(node);
}

Status Evaluator::UnknownNameAt(const Node& node) const {
  std::vector<std::string> candidates = GlobalNames();
  for (const auto& [name, value] : scope_.names) candidates.emplace_back(name);
  for (const Frame* frame = frame_; frame != nullptr; frame = frame->parent) {
    for (const auto& [name, value] : frame->names) candidates.emplace_back(name);
  }
  const auto nearest = Nearest(node.name, candidates);
  return UnknownName(node.range,
                     "'" + node.name + "' is not defined" + (nearest ? "; did you mean '" + *nearest + "'?" : ""));
}

Result<Value> Evaluator::EvalTemplate(const Node& node) {
  std::u16string text;
  for (const Node* child : node.children) {
    ARROW_ASSIGN_OR_RAISE(const Value value, Eval(*child));
    ARROW_ASSIGN_OR_RAISE(const Value piece, ToText(value, child->range));
    ARROW_RETURN_NOT_OK(Spend(node.range, piece.as_string().size() * 2));
    text += piece.as_string();
  }
  return NewString(std::move(text), node.range);
}

Result<List> Evaluator::EvalItems(std::span<const Node* const> nodes) {
  List items;
  items.reserve(nodes.size());
  for (const Node* node : nodes) {
    if (node->kind != Kind::kSpread) {
      ARROW_ASSIGN_OR_RAISE(Value item, Eval(*node));
      items.push_back(std::move(item));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const Value value, Eval(*node->children[0]));
    ARROW_ASSIGN_OR_RAISE(List more, ToList(value, node->range));
    items.insert(items.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return items;
}

Result<std::u16string> Evaluator::EvalKey(const Node& property) {
  if (property.children.size() < 2) return property.key;
  ARROW_ASSIGN_OR_RAISE(const Value key, Eval(*property.children[0]));
  return ToKey(key, property.children[0]->range);
}

Result<Value> Evaluator::EvalObject(const Node& node) {
  Object object;
  for (const Node* child : node.children) {
    if (child->kind == Kind::kProperty) {
      ARROW_ASSIGN_OR_RAISE(std::u16string key, EvalKey(*child));
      ARROW_ASSIGN_OR_RAISE(Value value, Eval(*child->children.back()));
      object.Put(std::move(key), std::move(value));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const Value value, Eval(*child->children[0]));
    for (auto& [key, item] : OwnEntries(value)) {
      ARROW_RETURN_NOT_OK(Spend(child->range, sizeof(Object::Entry)));
      object.Put(std::move(key), std::move(item));
    }
  }
  return NewObject(std::move(object), node.range);
}

// What a member is read from: reading one part of a value that holds a secret elsewhere tells nothing of the secret.
Result<Value> Evaluator::EvalReceiver(const Node& node) {
  if (node.kind == Kind::kName) return EvalName(node);
  if (node.kind != Kind::kMember && node.kind != Kind::kIndex) return Eval(node);
  if (depth_ >= kEvalDepthMax) return LimitReached(node.range, "the evaluation is nested too deeply");
  ++depth_;
  Result<Value> value = EvalMember(node);
  --depth_;
  return value;
}

Result<Value> Evaluator::EvalMember(const Node& node) {
  ARROW_ASSIGN_OR_RAISE(const Value object, EvalReceiver(*node.children[0]));
  if (ended_early_) return Value();
  secret_ = secret_ || (object.secret() && object.kind() < Value::Kind::kArray);  // part of a text that is secret
  if (node.optional && object.is_nullish()) {
    ended_early_ = true;
    return Value();
  }
  if (node.kind == Kind::kMember) return GetMember(object, node.key, node.range);
  ARROW_ASSIGN_OR_RAISE(const Value key, Eval(*node.children[1]));
  return GetIndex(object, key, node.range);
}

Result<Value> Evaluator::EvalChain(const Node& node) {
  const bool outer = std::exchange(ended_early_, false);
  Result<Value> value = Eval(*node.children[0]);
  ended_early_ = outer;
  return value;
}

Result<Value> Evaluator::EvalCall(const Node& node) {
  const Node& callee = *node.children[0];
  Value receiver;
  Member member;
  if (callee.kind == Kind::kMember || callee.kind == Kind::kIndex) {
    ARROW_ASSIGN_OR_RAISE(receiver, Eval(*callee.children[0]));
    if (!ended_early_ && callee.optional && receiver.is_nullish()) ended_early_ = true;
    if (ended_early_) return Value();
    std::u16string key = callee.key;
    if (callee.kind == Kind::kIndex) {
      ARROW_ASSIGN_OR_RAISE(const Value index, Eval(*callee.children[1]));
      ARROW_ASSIGN_OR_RAISE(key, ToKey(index, callee.range));
    }
    ARROW_ASSIGN_OR_RAISE(member, FindMember(receiver, key, callee.range));
  } else {
    ARROW_ASSIGN_OR_RAISE(member.value, Eval(callee));
    if (ended_early_) return Value();
  }
  if (node.optional && member.method == nullptr && member.value.is_nullish()) {
    ended_early_ = true;
    return Value();
  }
  ARROW_ASSIGN_OR_RAISE(const List arguments, EvalItems(std::span(node.children).subspan(1)));
  if (member.method != nullptr) return RunBuiltin(*member.method, receiver, arguments, node.range);
  if (!member.value.is_function()) return NotAFunction(callee, receiver);
  return CallFunction(member.value, arguments, node.range);
}

Status Evaluator::NotAFunction(const Node& callee, const Value& receiver) const {
  std::string message = "what is called here is not a function";
  if (callee.kind == Kind::kMember) {
    const std::string name = ToUtf8(callee.key);
    message = "'" + name + "' is not a function of this " + std::string(KindName(receiver));
    const auto nearest = Nearest(name, MethodNames(receiver));
    if (nearest) message += "; did you mean '" + *nearest + "'?";
  } else if (callee.kind == Kind::kName) {
    message = "'" + callee.name + "' is not a function";
  }
  return Thrown(callee.range, message);
}

Result<Value> Evaluator::EvalNew(const Node& node) {
  ARROW_ASSIGN_OR_RAISE(const List arguments, EvalItems(node.children));
  return Construct({.run = *this, .range = node.range, .self = Value(), .arguments = arguments}, node.name);
}

Result<Value> Evaluator::EvalUnary(const Node& node) {
  const Node& operand = *node.children[0];
  if (node.operation == Operator::kTypeof && operand.kind == Kind::kName) {  // of an unknown name it is "undefined"
    const auto value = EvalName(operand);
    if (!value.ok()) return Value::String(u"undefined");
  }
  ARROW_ASSIGN_OR_RAISE(const Value value, Eval(operand));
  return Unary(node.operation, value, node.range);
}

// a + b + c + …: a chain to the left is as deep as it is long, so it runs in a loop.
Result<Value> Evaluator::EvalBinary(const Node& node) {
  std::vector<const Node*> chain{&node};
  while (chain.back()->children[0]->kind == Kind::kBinary) chain.push_back(chain.back()->children[0]);
  ARROW_ASSIGN_OR_RAISE(Value left, Eval(*chain.back()->children[0]));
  for (auto one = chain.rbegin(); one != chain.rend(); ++one) {
    ARROW_ASSIGN_OR_RAISE(const Value right, Eval(*(*one)->children[1]));
    ARROW_ASSIGN_OR_RAISE(left, Binary((*one)->operation, left, right, (*one)->range));
  }
  return left;
}

Result<Value> Evaluator::EvalLogical(const Node& node) {
  std::vector<const Node*> chain{&node};
  while (chain.back()->children[0]->kind == Kind::kLogical) chain.push_back(chain.back()->children[0]);
  ARROW_ASSIGN_OR_RAISE(Value left, Eval(*chain.back()->children[0]));
  for (auto one = chain.rbegin(); one != chain.rend(); ++one) {
    const Operator operation = (*one)->operation;
    const bool keeps =
        operation == Operator::kCoalesce ? !left.is_nullish() : Truthy(left) == (operation == Operator::kOr);
    if (keeps) continue;
    ARROW_ASSIGN_OR_RAISE(left, Eval(*(*one)->children[1]));
  }
  return left;
}

Result<Value> Evaluator::EvalArrow(const Node& node) {
  for (Frame* frame = frame_; frame != nullptr && !frame->captured; frame = frame->parent) frame->captured = true;
  Function function;
  function.arrow = &node;
  function.frame = frame_;
  function.evaluation = evaluation_;
  ARROW_RETURN_NOT_OK(Spend(node.range, sizeof(Function)));
  return Value::OfFunction(std::move(function));
}

Result<Value> Evaluator::CallFunction(const Value& function, std::span<const Value> arguments, Range range) {
  if (!function.is_function()) {
    return Thrown(range, "a function is wanted, not " + std::string(KindName(function)));
  }
  const Function& callee = function.as_function();
  if (callee.builtin != nullptr) return RunBuiltin(*callee.builtin, callee.receiver, arguments, range);
  if (callee.evaluation.lock() != evaluation_) return Thrown(range, "a function of an evaluation that has ended");
  if (depth_ >= kEvalDepthMax) return LimitReached(range, "functions call each other too deeply");
  depth_ += 2;
  Result<Value> value = RunArrow(callee, arguments);
  depth_ -= 2;
  return value;
}

Result<Value> Evaluator::RunBuiltin(const Builtin& builtin, const Value& self, std::span<const Value> arguments,
                                    Range range) {
  if (builtin.run == nullptr) {
    const std::string name(builtin.name);
    return builtin.advice.empty() ? Thrown(range, "'" + name + "' is not a function")
                                  : Refused(range, name + " is not supported: " + std::string(builtin.advice));
  }
  return builtin.run({.run = *this, .range = range, .self = self, .arguments = arguments});
}

Result<Value> Evaluator::RunArrow(const Function& function, std::span<const Value> arguments) {
  const Node& arrow = *function.arrow;
  const bool ended_early = std::exchange(ended_early_, false);
  Frame* caller = std::exchange(frame_, PushFrame(function.frame));
  const auto run = [&]() -> Result<Value> {
    for (size_t i = 0; i + 1 < arrow.children.size(); ++i) {
      const Node& parameter = *arrow.children[i];
      if (parameter.kind != Kind::kRest) {
        ARROW_RETURN_NOT_OK(Bind(parameter, i < arguments.size() ? arguments[i] : Value()));
        continue;
      }
      List rest(arguments.begin() + static_cast<std::ptrdiff_t>(std::min(i, arguments.size())), arguments.end());
      ARROW_ASSIGN_OR_RAISE(const Value value, NewArray(std::move(rest), parameter.range));
      ARROW_RETURN_NOT_OK(Bind(*parameter.children[0], value));
    }
    if (arrow.children.back()->kind != Kind::kBlock) return Eval(*arrow.children.back());
    ARROW_ASSIGN_OR_RAISE(const std::optional<Value> value, RunBlock(*arrow.children.back()));
    return value.value_or(Value());
  };
  Result<Value> value = run();
  PopFrame(frame_, caller);
  ended_early_ = ended_early;
  return value;
}

}  // namespace firn::expression::javascript
