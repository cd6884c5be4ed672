#include "table/scan/value_range.h"

#include <cmath>

namespace firn::table {
namespace {

using Op = Predicate::Op;

double AsDouble(const Literal& value) {
  const auto* single = std::get_if<float>(&value.value);
  return single != nullptr ? *single : std::get<double>(value.value);
}

/// -1, 0, 1 as a query sees it: -0.0 equals 0.0 (bounds order them, rows do not).
int CompareAsQuery(const Literal& a, const Literal& b) {
  if (IsFloating(*a.type)) return AsDouble(a) < AsDouble(b) ? -1 : (AsDouble(a) > AsDouble(b) ? 1 : 0);
  const auto order = Compare(a, b);
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

/// Of a bound to the value; `otherwise` if there is none that bounds.
int CompareBound(const std::optional<Literal>& bound, const Literal& value, int otherwise) {
  if (!bound || bound->is_null() || IsNan(*bound)) return otherwise;
  return CompareAsQuery(*bound, value);
}

}  // namespace

bool IsFloating(const schema::Type& type) {
  return type.id == schema::TypeId::kFloat || type.id == schema::TypeId::kDouble;
}

bool IsNan(const Literal& value) {
  return !value.is_null() && IsFloating(*value.type) && std::isnan(AsDouble(value));
}

bool RangeMayMatch(const ValueRange& range, Op op, const Literal& value) {
  if (op == Op::kIsNull) return range.may_have_null;
  if (!range.may_have_value) return false;
  if (op == Op::kIsNotNull) return true;
  if (value.is_null() || IsNan(value)) return true;
  const bool nan = range.may_have_nan && IsFloating(*value.type);
  const int lower = CompareBound(range.lower, value, -1);
  const int upper = nan ? 1 : CompareBound(range.upper, value, 1);
  const bool below = upper < 0;     // all values < value
  const bool at_most = upper <= 0;  // all values <= value
  const bool above = lower > 0;
  const bool at_least = lower >= 0;
  switch (op) {
    case Op::kEqual:
      return !below && !above;
    case Op::kLess:
      return !at_least;
    case Op::kLessOrEqual:
      return !above;
    case Op::kGreater:
      return !at_most;
    case Op::kGreaterOrEqual:
      return !below;
    default:
      return true;
  }
}

}  // namespace firn::table
