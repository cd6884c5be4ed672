// Jinja's tests: `value is name(…)`.
#include <algorithm>

#include "expression/jinja/builtins.h"
#include "expression/jinja/number.h"
#include "expression/jinja/text_tools.h"

namespace firn::expression::jinja {
namespace {

Result<Value> Remainder(const Call& call, const Value& by) {
  return call.run.Binary(Op::kModulo, call.self, by, call.node);
}

Result<bool> Odd(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value rest, Remainder(call, Value::Int(2)));
  return Equals(rest, Value::Int(1));
}
Result<bool> Even(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value rest, Remainder(call, Value::Int(2)));
  return Equals(rest, Value::Int(0));
}
Result<bool> Divisibleby(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value rest, Remainder(call, call.At(0)));
  return Equals(rest, Value::Int(0));
}
Result<bool> Defined(const Call& call) {
  return !call.self.is_undefined();
}
Result<bool> NotDefined(const Call& call) {
  return call.self.is_undefined();
}
Result<bool> NameOf(const Call& call, bool filter) {
  if (!Hashable(call.self)) return call.TypeError("unhashable type");
  if (!call.self.is_string()) return false;
  return filter ? FindFilter(call.self.as_string()) != nullptr : FindTest(call.self.as_string()) != nullptr;
}
Result<bool> IsFilterName(const Call& call) {
  return NameOf(call, true);
}
Result<bool> IsTestName(const Call& call) {
  return NameOf(call, false);
}
Result<bool> None(const Call& call) {
  return call.self.is_null();
}
Result<bool> Boolean(const Call& call) {
  return call.self.kind() == Value::Kind::kBool;
}
Result<bool> False(const Call& call) {
  return call.self.kind() == Value::Kind::kBool && !call.self.as_bool();
}
Result<bool> True(const Call& call) {
  return call.self.kind() == Value::Kind::kBool && call.self.as_bool();
}
Result<bool> Integer(const Call& call) {
  return call.self.kind() == Value::Kind::kInt || call.self.kind() == Value::Kind::kBigInt;
}
Result<bool> Float(const Call& call) {
  return call.self.kind() == Value::Kind::kFloat;
}
Result<bool> Lower(const Call& call) {
  return IsLowerText(ToText(call.self));
}
Result<bool> Upper(const Call& call) {
  return IsUpperText(ToText(call.self));
}
Result<bool> String(const Call& call) {
  return call.self.is_string();
}
Result<bool> Mapping(const Call& call) {
  return call.self.is_map();
}
Result<bool> Number(const Call& call) {
  return IsNumeric(call.self);
}
Result<bool> Sequence(const Call& call) {
  return call.self.is_string() || call.self.kind() == Value::Kind::kBytes || IsSequence(call.self) ||
         call.self.is_map() || call.self.is_undefined();
}
Result<bool> Iterable(const Call& call) {
  return call.self.is_string() || call.self.kind() == Value::Kind::kBytes || IsSequence(call.self) ||
         call.self.is_map() || call.self.kind() == Value::Kind::kSet || call.self.is_undefined() ||
         IsInternal(call.self, InternalObject::Type::kGenerator) || IsInternal(call.self, InternalObject::Type::kView);
}
Result<bool> Callable(const Call& call) {
  return IsInternal(call.self, InternalObject::Type::kMethod) ||
         IsInternal(call.self, InternalObject::Type::kFunction) || call.self.is_undefined();
}
Result<bool> Escaped(const Call& call) {
  return IsMarkup(call.self);
}

// One object: small values are, others only when they are the same part of memory.
Result<bool> Sameas(const Call& call) {
  const Value& a = call.self;
  const Value& b = call.At(0);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kNull:
    case Value::Kind::kBool:
    case Value::Kind::kEllipsis:
      return Equals(a, b);
    case Value::Kind::kInt:
      return a.as_int() == b.as_int() && a.as_int() >= -5 && a.as_int() <= 256;
    case Value::Kind::kString:
    case Value::Kind::kList:
    case Value::Kind::kMap:
      return ValueAccess::ObjectOf(a) == ValueAccess::ObjectOf(b);
    default:
      return false;
  }
}

Result<bool> In(const Call& call) {
  return call.run.Contains(call.At(0), call.self, call.node);
}

template <Op kOp>
Result<bool> Compares(const Call& call) {
  return call.run.CompareValues(kOp, call.self, call.At(0), call.node);
}

constexpr Test kTests[] = {
    {"!=", TakesPositional(1, 1), Compares<Op::kNotEqual>},
    {"<", TakesPositional(1, 1), Compares<Op::kLess>},
    {"<=", TakesPositional(1, 1), Compares<Op::kLessEqual>},
    {"==", TakesPositional(1, 1), Compares<Op::kEqual>},
    {">", TakesPositional(1, 1), Compares<Op::kGreater>},
    {">=", TakesPositional(1, 1), Compares<Op::kGreaterEqual>},
    {"boolean", Takes(), Boolean},
    {"callable", Takes(), Callable},
    {"defined", Takes(), Defined},
    {"divisibleby", Takes("num", 1), Divisibleby},
    {"eq", TakesPositional(1, 1), Compares<Op::kEqual>},
    {"equalto", TakesPositional(1, 1), Compares<Op::kEqual>},
    {"escaped", Takes(), Escaped},
    {"even", Takes(), Even},
    {"false", Takes(), False},
    {"filter", Takes(), IsFilterName},
    {"float", Takes(), Float},
    {"ge", TakesPositional(1, 1), Compares<Op::kGreaterEqual>},
    {"greaterthan", TakesPositional(1, 1), Compares<Op::kGreater>},
    {"gt", TakesPositional(1, 1), Compares<Op::kGreater>},
    {"in", Takes("seq", 1), In},
    {"integer", Takes(), Integer},
    {"iterable", Takes(), Iterable},
    {"le", TakesPositional(1, 1), Compares<Op::kLessEqual>},
    {"lessthan", TakesPositional(1, 1), Compares<Op::kLess>},
    {"lower", Takes(), Lower},
    {"lt", TakesPositional(1, 1), Compares<Op::kLess>},
    {"mapping", Takes(), Mapping},
    {"ne", TakesPositional(1, 1), Compares<Op::kNotEqual>},
    {"none", Takes(), None},
    {"number", Takes(), Number},
    {"odd", Takes(), Odd},
    {"sameas", Takes("other", 1), Sameas},
    {"sequence", Takes(), Sequence},
    {"string", Takes(), String},
    {"test", Takes(), IsTestName},
    {"true", Takes(), True},
    {"undefined", Takes(), NotDefined},
    {"upper", Takes(), Upper},
};

}  // namespace

const Test* FindTest(std::string_view name) {
  return FindSorted(kTests, name);
}

}  // namespace firn::expression::jinja
