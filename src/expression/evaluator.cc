// Walks the syntax tree. Every node costs fuel; every string that is made costs fuel by its length.
#include <algorithm>

#include "expression/decimal.h"
#include "expression/node.h"

namespace firn::expression {
namespace {

using Kind = Value::Kind;

std::string Kinds(const Value& a, const Value& b) {
  return std::string(KindName(a.kind())) + " and " + std::string(KindName(b.kind()));
}

std::string NumberOf(const Value& value) {
  return ToText(value);
}

// Attaches the range to errors made without one.
Status Located(Range range, const Status& status) {
  return ContextOf(status) != nullptr && !ContextOf(status)->where.empty() ? status : ErrorAt(range, status.message());
}

Result<Value> ArithmeticOnIntegers(const Node& node, int64_t a, int64_t b) {
  int64_t out = 0;
  const std::string& op = node.name;
  bool overflow = false;
  if (op == "+") overflow = __builtin_add_overflow(a, b, &out);
  if (op == "-") overflow = __builtin_sub_overflow(a, b, &out);
  if (op == "*") overflow = __builtin_mul_overflow(a, b, &out);
  if (op == "//" || op == "%") {
    if (b == 0) return ErrorAt(node.range, "division by zero");
    if (a == INT64_MIN && b == -1) {
      overflow = true;
    } else {  // rounds towards minus infinity, as Python does
      const int64_t remainder = a % b;
      const bool adjust = remainder != 0 && (remainder < 0) != (b < 0);
      out = op == "%" ? remainder + (adjust ? b : 0) : a / b - static_cast<int64_t>(adjust);
    }
  }
  if (overflow) return ErrorAt(node.range, "the integer result does not fit 64 bits");
  return Value::Int(out);
}

Result<Value> ArithmeticOnNumbers(const Node& node, const Value& a, const Value& b) {
  const std::string& op = node.name;
  if (op == "/") {
    auto quotient = DivideNumbers(NumberOf(a), NumberOf(b));
    if (!quotient.ok()) return Located(node.range, quotient.status());
    return Value::NumberText(*quotient);
  }
  if (a.kind() == Kind::kInt && b.kind() == Kind::kInt) return ArithmeticOnIntegers(node, a.as_int(), b.as_int());
  if (op == "//" || op == "%") return ErrorAt(node.range, "'" + op + "' needs two integers");
  const DecimalOp decimal = op == "+" ? DecimalOp::kAdd : op == "-" ? DecimalOp::kSubtract : DecimalOp::kMultiply;
  auto result = ComputeDecimals(decimal, NumberOf(a), NumberOf(b));
  if (!result.ok()) return Located(node.range, result.status());
  return Value::NumberText(*result);
}

Result<Value> ArithmeticOnTimes(const Node& node, const Value& a, const Value& b) {
  int64_t out = 0;
  const bool minus = node.name == "-";
  const auto combine = [&](int64_t left, int64_t right) {
    return minus ? __builtin_sub_overflow(left, right, &out) : __builtin_add_overflow(left, right, &out);
  };
  bool overflow = false;
  Value result;
  if (a.kind() == Kind::kDatetime && b.kind() == Kind::kDuration) {
    overflow = combine(a.as_datetime().micros, b.as_duration().micros);
    result = Value::Datetime({.micros = out});
  } else if (a.kind() == Kind::kDuration && b.kind() == Kind::kDuration) {
    overflow = combine(a.as_duration().micros, b.as_duration().micros);
    result = Value::OfDuration({.micros = out});
  } else if (a.kind() == Kind::kDatetime && b.kind() == Kind::kDatetime && minus) {
    overflow = combine(a.as_datetime().micros, b.as_datetime().micros);
    result = Value::OfDuration({.micros = out});
  } else if (a.kind() == Kind::kDuration && b.kind() == Kind::kDatetime && !minus) {
    overflow = combine(a.as_duration().micros, b.as_datetime().micros);
    result = Value::Datetime({.micros = out});
  } else {
    return ErrorAt(node.range, "'" + node.name + "' does not take " + Kinds(a, b));
  }
  if (overflow) return ErrorAt(node.range, "the time is out of range");
  return result;
}

bool IsTime(const Value& value) {
  return value.kind() == Kind::kDatetime || value.kind() == Kind::kDuration;
}

Result<Value> Add(const Node& node, const Value& a, const Value& b, Budget* budget) {
  if (a.is_string() && b.is_string()) {
    ARROW_RETURN_NOT_OK(budget->Spend(node.range, static_cast<int64_t>(a.as_string().size() + b.as_string().size())));
    return Value::String(a.as_string() + b.as_string());
  }
  if (a.kind() == Kind::kList && b.kind() == Kind::kList) {
    List items = a.as_list();
    ARROW_RETURN_NOT_OK(budget->Spend(node.range, static_cast<int64_t>((items.size() + b.as_list().size()) * 16)));
    items.insert(items.end(), b.as_list().begin(), b.as_list().end());
    return Value::OfList(std::move(items));
  }
  return ErrorAt(node.range,
                 "'+' does not take " + Kinds(a, b) + (a.is_string() || b.is_string() ? "; use '~' to join text" : ""));
}

Result<Value> Contains(const Node& node, const Value& item, const Value& container) {
  if (container.is_string() && item.is_string()) {
    return Value::Bool(container.as_string().find(item.as_string()) != std::string::npos);
  }
  if (container.kind() == Kind::kList) {
    const List& list = container.as_list();
    return Value::Bool(std::any_of(list.begin(), list.end(), [&](const Value& each) { return Equals(each, item); }));
  }
  if (container.kind() == Kind::kMap && item.is_string()) {
    return Value::Bool(container.Find(item.as_string()) != nullptr);
  }
  return ErrorAt(node.range, "'in' does not take " + Kinds(item, container));
}

Result<Value> ApplyOperator(const Node& node, const Value& a, const Value& b, Budget* budget) {
  const std::string& op = node.name;
  if (op == "==") return Value::Bool(Equals(a, b));
  if (op == "!=") return Value::Bool(!Equals(a, b));
  if (op == "in") return Contains(node, a, b);
  if (op == "not in") {
    ARROW_ASSIGN_OR_RAISE(Value inside, Contains(node, a, b));
    return Value::Bool(!inside.as_bool());
  }
  if (op == "~") {
    std::string text = ToText(a) + ToText(b);
    ARROW_RETURN_NOT_OK(budget->Spend(node.range, static_cast<int64_t>(text.size())));
    return Value::String(std::move(text));
  }
  if (op[0] == '<' || op[0] == '>') {
    auto order = Compare(a, b);
    if (!order.ok()) return Located(node.range, order.status());
    const bool or_equal = op.size() == 2;
    return Value::Bool((op[0] == '<' ? *order < 0 : *order > 0) || (or_equal && *order == 0));
  }
  if (a.is_number() && b.is_number()) return ArithmeticOnNumbers(node, a, b);
  if ((op == "+" || op == "-") && IsTime(a) && IsTime(b)) return ArithmeticOnTimes(node, a, b);
  if (op == "+") return Add(node, a, b, budget);
  return ErrorAt(node.range, "'" + op + "' does not take " + Kinds(a, b));
}

Result<Value> EvaluateBinary(const Node& node, const Scope& scope, Budget* budget) {
  ARROW_ASSIGN_OR_RAISE(Value a, EvaluateNode(*node.children[0], scope, budget));
  if (node.name == "and" && !Truthy(a)) return a;
  if (node.name == "or" && Truthy(a)) return a;
  ARROW_ASSIGN_OR_RAISE(Value b, EvaluateNode(*node.children[1], scope, budget));
  const bool secret = a.secret() || b.secret();
  if (node.name == "and" || node.name == "or") return b.WithSecret(secret);
  ARROW_ASSIGN_OR_RAISE(Value result, ApplyOperator(node, a, b, budget));
  return result.WithSecret(secret);
}

Result<Value> EvaluateUnary(const Node& node, const Scope& scope, Budget* budget) {
  ARROW_ASSIGN_OR_RAISE(Value a, EvaluateNode(*node.children[0], scope, budget));
  if (node.name == "not") return Value::Bool(!Truthy(a)).WithSecret(a.secret());
  if (node.name == "-" && a.kind() == Kind::kDuration) return Value::OfDuration({.micros = -a.as_duration().micros});
  if (!a.is_number())
    return ErrorAt(node.range, "'" + node.name + "' does not take " + std::string(KindName(a.kind())));
  if (node.name == "+") return a;
  auto result = ComputeDecimals(DecimalOp::kSubtract, "0", NumberOf(a));
  if (!result.ok()) return Located(node.range, result.status());
  return Value::NumberText(*result).WithSecret(a.secret());
}

// A missing key of a map is null, because records do not all have the same keys; an attribute of what is no map is not.
Result<Value> Member(const Node& node, const Value& object, std::string_view key) {
  if (object.is_null()) return Value::Null().WithSecret(object.secret());
  if (object.kind() != Kind::kMap) {
    return ErrorAt(node.range,
                   "a " + std::string(KindName(object.kind())) + " has no member '" + std::string(key) + "'");
  }
  const Value* found = object.Find(key);
  return (found == nullptr ? Value::Null() : *found).WithSecret(object.secret());
}

Result<Value> EvaluateIndex(const Node& node, const Scope& scope, Budget* budget) {
  ARROW_ASSIGN_OR_RAISE(Value object, EvaluateNode(*node.children[0], scope, budget));
  ARROW_ASSIGN_OR_RAISE(Value key, EvaluateNode(*node.children[1], scope, budget));
  if (key.is_string()) return Member(node, object, key.as_string());
  if (object.is_null()) return object;
  if (key.kind() != Kind::kInt || (object.kind() != Kind::kList && !object.is_string())) {
    return ErrorAt(node.range, "cannot index " + Kinds(object, key));
  }
  const auto size = static_cast<int64_t>(object.is_string() ? object.as_string().size() : object.as_list().size());
  const int64_t at = key.as_int() < 0 ? key.as_int() + size : key.as_int();
  if (at < 0 || at >= size) return Value::Null().WithSecret(object.secret());
  const auto place = static_cast<size_t>(at);
  Value item = object.is_string() ? Value::String(object.as_string().substr(place, 1)) : object.as_list()[place];
  return item.WithSecret(object.secret());
}

Result<Value> EvaluateSlice(const Node& node, const Scope& scope, Budget* budget) {
  ARROW_ASSIGN_OR_RAISE(Value object, EvaluateNode(*node.children[0], scope, budget));
  if (object.kind() != Kind::kList && !object.is_string()) {
    return ErrorAt(node.range, "cannot slice a " + std::string(KindName(object.kind())));
  }
  const auto size = static_cast<int64_t>(object.is_string() ? object.as_string().size() : object.as_list().size());
  std::vector<int64_t> bounds = {0, size};
  for (size_t i = 0; i < 2; ++i) {
    ARROW_ASSIGN_OR_RAISE(Value bound, EvaluateNode(*node.children[i + 1], scope, budget));
    if (bound.is_null()) continue;
    if (bound.kind() != Kind::kInt) return ErrorAt(node.range, "the bounds of a slice are integers");
    const int64_t at = bound.as_int() < 0 ? std::max<int64_t>(bound.as_int(), -size) + size : bound.as_int();
    bounds[i] = std::clamp<int64_t>(at, 0, size);
  }
  const int64_t begin = bounds[0];
  const int64_t end = std::max(begin, bounds[1]);
  ARROW_RETURN_NOT_OK(budget->Spend(node.range, end - begin));
  if (object.is_string()) {
    const auto text = object.as_string().substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
    return Value::String(text).WithSecret(object.secret());
  }
  const List& items = object.as_list();
  return Value::OfList(List(items.begin() + begin, items.begin() + end)).WithSecret(object.secret());
}

// `x is defined` and `x | default(…)` may ask about a name that does not exist; nothing else may.
Result<Value> EvaluateOptional(const Node& node, const Scope& scope, Budget* budget) {
  if (node.kind == Node::Kind::kName && scope.Find(node.name) == nullptr) return Value::Null();
  return EvaluateNode(node, scope, budget);
}

Result<Value> EvaluateTest(const Node& node, const Scope& scope, Budget* budget) {
  ARROW_ASSIGN_OR_RAISE(Value value, EvaluateOptional(*node.children[0], scope, budget));
  const Kind kind = value.kind();
  const std::string& test = node.name;
  bool holds = false;
  if (test == "defined") holds = kind != Kind::kNull;
  if (test == "none" || test == "undefined") holds = kind == Kind::kNull;
  if (test == "string") holds = kind == Kind::kString;
  if (test == "number") holds = value.is_number();
  if (test == "integer") holds = kind == Kind::kInt;
  if (test == "boolean") holds = kind == Kind::kBool;
  if (test == "mapping") holds = kind == Kind::kMap;
  if (test == "sequence") holds = kind == Kind::kList || kind == Kind::kString;
  return Value::Bool(holds != node.literal.as_bool()).WithSecret(value.secret());
}

Result<Value> EvaluateCall(const Node& node, const Scope& scope, Budget* budget) {
  Call call{.node = &node, .scope = &scope, .budget = budget};
  bool secret = false;
  for (const NodePtr& child : node.children) {
    const bool optional =
        node.kind == Node::Kind::kFilter && call.arguments.empty() && (node.name == "default" || node.name == "d");
    ARROW_ASSIGN_OR_RAISE(Value argument,
                          optional ? EvaluateOptional(*child, scope, budget) : EvaluateNode(*child, scope, budget));
    secret = secret || argument.secret();
    call.arguments.push_back(std::move(argument));
  }
  auto result = RunCall(call);
  if (!result.ok()) return Located(node.range, result.status());
  if (result->is_string())
    ARROW_RETURN_NOT_OK(budget->Spend(node.range, static_cast<int64_t>(result->as_string().size())));
  return result->WithSecret(secret);
}

Result<Value> EvaluateList(const Node& node, const Scope& scope, Budget* budget) {
  List items;
  for (const NodePtr& child : node.children) {
    ARROW_ASSIGN_OR_RAISE(Value item, EvaluateNode(*child, scope, budget));
    items.push_back(std::move(item));
  }
  const bool secret = std::any_of(items.begin(), items.end(), [](const Value& item) { return item.secret(); });
  return Value::OfList(std::move(items)).WithSecret(secret);
}

Result<Value> EvaluateMap(const Node& node, const Scope& scope, Budget* budget) {
  Map entries;
  bool secret = false;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    ARROW_ASSIGN_OR_RAISE(Value key, EvaluateNode(*node.children[i], scope, budget));
    if (!key.is_string()) return ErrorAt(node.children[i]->range, "the keys of a map are strings");
    ARROW_ASSIGN_OR_RAISE(Value value, EvaluateNode(*node.children[i + 1], scope, budget));
    secret = secret || key.secret() || value.secret();
    entries.emplace_back(key.as_string(), std::move(value));
  }
  return Value::OfMap(std::move(entries)).WithSecret(secret);
}

Result<Value> EvaluateName(const Node& node, const Scope& scope) {
  if (const Value* found = scope.Find(node.name)) return *found;
  std::string known;
  for (const auto& [name, value] : scope.names) known += (known.empty() ? "" : ", ") + std::string(name);
  return ErrorAt(node.range, "unknown name '" + node.name + "'" + (known.empty() ? "" : "; known here: " + known));
}

Result<Value> Dispatch(const Node& node, const Scope& scope, Budget* budget) {
  switch (node.kind) {
    case Node::Kind::kLiteral:
      return node.literal;
    case Node::Kind::kName:
      return EvaluateName(node, scope);
    case Node::Kind::kAttribute: {
      ARROW_ASSIGN_OR_RAISE(Value object, EvaluateNode(*node.children[0], scope, budget));
      return Member(node, object, node.name);
    }
    case Node::Kind::kIndex:
      return EvaluateIndex(node, scope, budget);
    case Node::Kind::kSlice:
      return EvaluateSlice(node, scope, budget);
    case Node::Kind::kUnary:
      return EvaluateUnary(node, scope, budget);
    case Node::Kind::kBinary:
      return EvaluateBinary(node, scope, budget);
    case Node::Kind::kConditional: {
      ARROW_ASSIGN_OR_RAISE(Value condition, EvaluateNode(*node.children[0], scope, budget));
      return EvaluateNode(*node.children[Truthy(condition) ? 1 : 2], scope, budget);
    }
    case Node::Kind::kTest:
      return EvaluateTest(node, scope, budget);
    case Node::Kind::kCall:
    case Node::Kind::kFilter:
    case Node::Kind::kMethod:
      return EvaluateCall(node, scope, budget);
    case Node::Kind::kList:
      return EvaluateList(node, scope, budget);
    case Node::Kind::kMap:
      return EvaluateMap(node, scope, budget);
  }
  return ErrorAt(node.range, "unknown expression");
}

}  // namespace

Status Budget::Spend(Range range, int64_t bytes) {
  if (bytes > limits->output_bytes) return ErrorAt(range, "the result is too long");
  fuel -= 1 + bytes / 16;
  return fuel >= 0 ? Status::OK() : ErrorAt(range, "the expression takes too many steps");
}

Result<Value> EvaluateNode(const Node& node, const Scope& scope, Budget* budget) {
  ARROW_RETURN_NOT_OK(budget->Spend(node.range, 0));
  // Chains (a + b + …) nest the tree deeper than the text; 16 links a level are allowed.
  if (budget->depth > budget->limits->depth * 16) return ErrorAt(node.range, "nested too deeply");
  ++budget->depth;
  auto result = Dispatch(node, scope, budget);
  --budget->depth;
  return result;
}

}  // namespace firn::expression
