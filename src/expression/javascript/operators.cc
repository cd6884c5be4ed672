#include <cmath>
#include <limits>

#include "expression/decimal.h"
#include "expression/javascript/builtins.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Value::Kind;

double Power(double base, double exponent) {
  if (std::isnan(exponent)) return exponent;  // C has pow(1, NaN) == 1
  if (std::abs(base) == 1 && std::isinf(exponent)) return std::numeric_limits<double>::quiet_NaN();
  return std::pow(base, exponent);
}

double Compute(Operator operation, double a, double b) {
  const uint32_t shift = ToUint32(b) & 31;
  switch (operation) {
    case Operator::kAdd:
      return a + b;
    case Operator::kSubtract:
      return a - b;
    case Operator::kMultiply:
      return a * b;
    case Operator::kDivide:
      return a / b;
    case Operator::kRemainder:
      return std::fmod(a, b);
    case Operator::kPower:
      return Power(a, b);
    case Operator::kBitAnd:
      return ToInt32(a) & ToInt32(b);
    case Operator::kBitOr:
      return ToInt32(a) | ToInt32(b);
    case Operator::kBitXor:
      return ToInt32(a) ^ ToInt32(b);
    case Operator::kShiftLeft:
      return static_cast<int32_t>(ToUint32(a) << shift);
    case Operator::kShiftRight:
      return ToInt32(a) >> shift;
    default:
      return ToUint32(a) >> shift;
  }
}

// An object counts as its text, a date as its time unless text is wanted.
Result<Value> ToPrimitive(Evaluator* run, const Value& value, bool number, Range range) {
  if (value.kind() < Kind::kArray) return value;
  if (value.kind() == Kind::kDate && number) return Value::Number(value.as_date());
  return run->ToText(value, range);
}

// The JSON text of a number value; nullopt for NaN and infinities.
std::optional<std::string> DecimalText(const Value& value) {
  if (value.kind() == Kind::kExact) return value.as_exact();
  if (!std::isfinite(value.as_number())) return std::nullopt;
  return ToUtf8(NumberToText(value.as_number()));
}

// -1, 0, 1; 2 when one is NaN. Exact numbers compare with numbers without rounding.
int OrderNumbers(const Value& a, const Value& b) {
  if (a.kind() == Kind::kNumber && b.kind() == Kind::kNumber) {
    const double x = a.as_number();
    const double y = b.as_number();
    return std::isnan(x) || std::isnan(y) ? 2 : x < y ? -1 : x > y ? 1 : 0;
  }
  const auto x = DecimalText(a);
  const auto y = DecimalText(b);
  if (x && y) return CompareDecimals(*x, *y);
  const double special = x ? b.as_number() : a.as_number();
  if (std::isnan(special)) return 2;
  return (special > 0) == !x ? 1 : -1;
}

Result<int> Order(Evaluator* run, const Value& left, const Value& right, Range range) {
  ARROW_ASSIGN_OR_RAISE(const Value a, ToPrimitive(run, left, true, range));
  ARROW_ASSIGN_OR_RAISE(const Value b, ToPrimitive(run, right, true, range));
  if (a.is_string() && b.is_string()) {
    const int order = a.as_string().compare(b.as_string());
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  const auto number = [&](const Value& value) -> Result<Value> {
    if (value.kind() == Kind::kExact) return value;
    ARROW_ASSIGN_OR_RAISE(const double as_number, run->ToNumber(value, range));
    return Value::Number(as_number);
  };
  ARROW_ASSIGN_OR_RAISE(const Value x, number(a));
  ARROW_ASSIGN_OR_RAISE(const Value y, number(b));
  return OrderNumbers(x, y);
}

bool IsInstance(const Value& value, std::string_view name) {
  switch (value.kind()) {
    case Kind::kArray:
      return name == "Array" || name == "Object";
    case Kind::kDate:
      return name == "Date" || name == "Object";
    case Kind::kRegex:
      return name == "RegExp" || name == "Object";
    case Kind::kMap:
      return name == "Map" || name == "Object";
    case Kind::kSet:
      return name == "Set" || name == "Object";
    case Kind::kObject:
    case Kind::kFunction:
      return name == "Object";
    default:
      return false;
  }
}

Result<Value> HasKey(Evaluator* run, const Value& key, const Value& object, Range range) {
  if (object.kind() < Kind::kArray) {
    return Thrown(range, "'in' wants an object, not " + std::string(KindName(object)));
  }
  ARROW_ASSIGN_OR_RAISE(const std::u16string name, run->ToKey(key, range));
  if (object.is_object() && object.as_object().Find(name) != nullptr) return Value::Bool(true);
  if (object.is_array()) {
    const int64_t index = ArrayIndex(name);
    if (index >= 0) return Value::Bool(index < static_cast<int64_t>(object.items().size()));
  }
  const auto member = run->GetMember(object, name, range);
  return Value::Bool(!member.ok() || !member->is_undefined());  // refused names are there, too
}

}  // namespace

Result<bool> Evaluator::LooseEquals(const Value& a, const Value& b, Range range) {
  if (a.is_nullish() || b.is_nullish()) return a.is_nullish() && b.is_nullish();
  const bool a_object = a.kind() >= Kind::kArray;
  const bool b_object = b.kind() >= Kind::kArray;
  if (a.kind() == b.kind() || (a_object && b_object)) return StrictEquals(a, b);
  ARROW_ASSIGN_OR_RAISE(const Value left, ToPrimitive(this, a, false, range));
  ARROW_ASSIGN_OR_RAISE(const Value right, ToPrimitive(this, b, false, range));
  if (left.is_string() && right.is_string()) return left.as_string() == right.as_string();
  ARROW_ASSIGN_OR_RAISE(const int order, Order(this, left, right, range));
  return order == 0;
}

Result<Value> Evaluator::Binary(Operator operation, const Value& a, const Value& b, Range range) {
  switch (operation) {
    case Operator::kStrictEquals:
      return Value::Bool(StrictEquals(a, b));
    case Operator::kStrictNotEquals:
      return Value::Bool(!StrictEquals(a, b));
    case Operator::kEquals:
    case Operator::kNotEquals: {
      ARROW_ASSIGN_OR_RAISE(const bool equal, LooseEquals(a, b, range));
      return Value::Bool(equal == (operation == Operator::kEquals));
    }
    case Operator::kLess:
    case Operator::kLessEqual:
    case Operator::kGreater:
    case Operator::kGreaterEqual: {
      ARROW_ASSIGN_OR_RAISE(const int order, Order(this, a, b, range));
      if (operation == Operator::kLess) return Value::Bool(order == -1);
      if (operation == Operator::kLessEqual) return Value::Bool(order == -1 || order == 0);
      return Value::Bool(order == 1 || (order == 0 && operation == Operator::kGreaterEqual));
    }
    case Operator::kIn:
      return HasKey(this, a, b, range);
    case Operator::kInstanceof:
      if (!b.is_function() || b.as_function().builtin == nullptr) {
        return Thrown(range, "instanceof wants Array, Date, RegExp, Map, Set or Object on the right");
      }
      return Value::Bool(IsInstance(a, b.as_function().builtin->name));
    default:
      break;
  }
  if (operation == Operator::kAdd && !(a.is_number() && b.is_number())) {
    ARROW_ASSIGN_OR_RAISE(const Value left, ToPrimitive(this, a, false, range));
    ARROW_ASSIGN_OR_RAISE(const Value right, ToPrimitive(this, b, false, range));
    if (left.is_string() || right.is_string()) {
      ARROW_ASSIGN_OR_RAISE(const Value x, ToText(left, range));
      ARROW_ASSIGN_OR_RAISE(const Value y, ToText(right, range));
      return NewString(x.as_string() + y.as_string(), range);
    }
  }
  ARROW_ASSIGN_OR_RAISE(const double x, ToNumber(a, range));
  ARROW_ASSIGN_OR_RAISE(const double y, ToNumber(b, range));
  return Value::Number(Compute(operation, x, y));
}

Result<Value> Evaluator::Unary(Operator operation, const Value& value, Range range) {
  switch (operation) {
    case Operator::kNot:
      return Value::Bool(!Truthy(value));
    case Operator::kTypeof:
      return Value::Utf8(TypeOf(value));
    case Operator::kVoid:
      return Value();
    case Operator::kMinus:
      if (value.kind() == Kind::kExact) {  // -9007199254740993n: no arithmetic, only the sign
        const std::string& text = value.as_exact();
        return Value::NumberText(text[0] == '-' ? text.substr(1) : "-" + text);
      }
      break;
    default:
      break;
  }
  ARROW_ASSIGN_OR_RAISE(const double number, ToNumber(value, range));
  if (operation == Operator::kMinus) return Value::Number(-number);
  return Value::Number(operation == Operator::kBitNot ? ~ToInt32(number) : number);
}

}  // namespace firn::expression::javascript
