// Python's operators on this dialect's values.
#include <algorithm>
#include <cmath>

#include "expression/jinja/builtins.h"
#include "expression/jinja/evaluator.h"
#include "expression/jinja/number.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

using ValueKind = Value::Kind;

std::string_view OpText(Op op) {
  switch (op) {
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kFloorDivide:
      return "//";
    case Op::kModulo:
      return "%";
    case Op::kPower:
      return "**";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    default:
      return "in";
  }
}

Arithmetic ArithmeticOf(Op op) {
  return static_cast<Arithmetic>(static_cast<uint8_t>(op));
}

bool IsTime(const Value& value) {
  return value.kind() == ValueKind::kDatetime || value.kind() == ValueKind::kDate;
}
bool IsSpan(const Value& value) {
  return value.kind() == ValueKind::kTimedelta || value.kind() == ValueKind::kDuration;
}

Timestamp WallOfTime(const Value& value) {
  return {.micros = value.kind() == ValueKind::kDate ? value.as_days() * kMicrosPerDay : value.as_wall().micros};
}

// The same kind of time at another wall time.
Value Moved(const Value& time, Timestamp wall) {
  if (time.kind() == ValueKind::kDate) {
    return Value::Date(static_cast<int32_t>(PartsOf(wall.micros).days));
  }
  return MakeDatetime(wall, time.offset_seconds(), ValueAccess::Has(time, ValueAccess::kZoneNameBit));
}

Result<Value> CheckedTimedelta(__int128 micros) {
  // Python allows 999,999,999 days; 64 bits of microseconds hold 106,751,991, and no connector more.
  if (micros > INT64_MAX / 2 || micros < INT64_MIN / 2) return MakeError(Fault::kBadData, "the duration is too long");
  return Value::Timedelta(static_cast<int64_t>(micros));
}

Result<Value> AddSpan(const Value& time, const Value& span, bool subtract) {
  CalendarDuration duration;
  if (span.kind() == ValueKind::kDuration) {
    duration = span.as_duration();
  } else {
    duration.micros = span.as_micros();
  }
  // A date moves by the whole days of the span only.
  if (time.kind() == ValueKind::kDate) {
    const int64_t days = PartsOf(duration.micros).days;
    duration.micros = days * kMicrosPerDay;
  }
  ARROW_ASSIGN_OR_RAISE(const Timestamp wall, AddDuration(WallOfTime(time), duration, subtract));
  return Moved(time, wall);
}

CalendarDuration DurationOf(const Value& span) {
  if (span.kind() == ValueKind::kDuration) return span.as_duration();
  return {.micros = span.as_micros()};
}

Result<Value> CombineSpans(Op op, const Value& a, const Value& b) {
  const int sign = op == Op::kSubtract ? -1 : 1;
  if (a.kind() == ValueKind::kTimedelta && b.kind() == ValueKind::kTimedelta) {
    return CheckedTimedelta(static_cast<__int128>(a.as_micros()) + static_cast<__int128>(sign) * b.as_micros());
  }
  const CalendarDuration left = DurationOf(a);
  const CalendarDuration right = DurationOf(b);
  return Value::Duration({.years = left.years + sign * right.years,
                          .months = left.months + sign * right.months,
                          .micros = left.micros + sign * right.micros});
}

// nullopt: Python has no such operation.
Result<std::optional<Value>> TimeArithmetic(Op op, const Value& a, const Value& b) {
  const bool sum = op == Op::kAdd || op == Op::kSubtract;
  std::optional<Value> result;
  if (sum && IsTime(a) && IsSpan(b)) {
    ARROW_ASSIGN_OR_RAISE(result, AddSpan(a, b, op == Op::kSubtract));
  } else if (op == Op::kAdd && IsSpan(a) && IsTime(b)) {
    ARROW_ASSIGN_OR_RAISE(result, AddSpan(b, a, false));
  } else if (sum && IsSpan(a) && IsSpan(b)) {
    ARROW_ASSIGN_OR_RAISE(result, CombineSpans(op, a, b));
  } else if (op == Op::kMultiply && (a.kind() == ValueKind::kDuration || b.kind() == ValueKind::kDuration)) {
    const CalendarDuration duration = DurationOf(a.kind() == ValueKind::kDuration ? a : b);
    const Value& times = a.kind() == ValueKind::kDuration ? b : a;
    if (!IsIntegral(times)) return result;
    const bool small =
        times.kind() != ValueKind::kBigInt && times.as_int() <= 1'000'000 && times.as_int() >= -1'000'000;
    if (!small || std::abs(duration.micros) > INT64_MAX / 2'000'000)
      return MakeError(Fault::kBadData, "the duration is too long");
    result = Value::Duration({.years = duration.years * times.as_int(),
                              .months = duration.months * times.as_int(),
                              .micros = duration.micros * times.as_int()});
  } else if (op == Op::kSubtract && IsTime(a) && a.kind() == b.kind()) {
    if (a.kind() == ValueKind::kDatetime && a.offset_seconds().has_value() != b.offset_seconds().has_value())
      return result;
    const auto instant = [](const Value& value) {
      const int64_t offset = value.kind() == ValueKind::kDatetime ? value.offset_seconds().value_or(0) : 0;
      return WallOfTime(value).micros - offset * kMicrosPerSecond;
    };
    result = Value::Timedelta(instant(a) - instant(b));
  }
  return result;
}

Result<std::optional<Value>> ScaleTimedelta(Op op, const Value& a, const Value& b) {
  std::optional<Value> result;
  const Value& span = a.kind() == ValueKind::kTimedelta ? a : b;
  const Value& other = &span == &a ? b : a;
  if (span.kind() == ValueKind::kDuration || other.kind() == ValueKind::kDuration) return result;
  const auto micros = static_cast<long double>(span.as_micros());
  if (op == Op::kMultiply && IsNumeric(other)) {
    if (other.kind() == ValueKind::kFloat) {
      ARROW_ASSIGN_OR_RAISE(
          result,
          CheckedTimedelta(static_cast<__int128>(std::nearbyint(micros * static_cast<long double>(other.as_float())))));
    } else if (other.kind() != ValueKind::kBigInt) {
      ARROW_ASSIGN_OR_RAISE(result, CheckedTimedelta(static_cast<__int128>(span.as_micros()) * other.as_int()));
    }
    return result;
  }
  if (&span != &a) return result;
  const bool number = IsNumeric(other) && other.kind() != ValueKind::kBigInt;
  const bool both = other.kind() == ValueKind::kTimedelta;
  if (!number && !both) return result;
  if (number && op != Op::kDivide && (op != Op::kFloorDivide || other.kind() == ValueKind::kFloat)) return result;
  if (!Truthy(other)) return MakeError(Fault::kBadData, "division by zero");
  if (both) {
    const Value left = Value::Int(span.as_micros());
    const Value right = Value::Int(other.as_micros());
    if (op != Op::kDivide && op != Op::kFloorDivide && op != Op::kModulo) return result;
    ARROW_ASSIGN_OR_RAISE(const Value computed, Compute(ArithmeticOf(op), left, right));
    result = op == Op::kModulo ? Value::Timedelta(computed.as_int()) : computed;
    return result;
  }
  if (op == Op::kDivide) {
    ARROW_ASSIGN_OR_RAISE(const double by, ToDouble(other));
    result = Value::Timedelta(static_cast<int64_t>(std::nearbyint(micros / static_cast<long double>(by))));
  } else if (op == Op::kFloorDivide && other.kind() != ValueKind::kFloat) {
    ARROW_ASSIGN_OR_RAISE(const Value computed, Compute(Arithmetic::kFloorDivide, Value::Int(span.as_micros()), other));
    result = Value::Timedelta(computed.as_int());
  }
  return result;
}

// Text in Markup's arithmetic is escaped.
std::string Escaped(const Value& value) {
  std::string out;
  for (const char c : value.as_string()) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

Value JoinText(const Value& a, const Value& b) {
  if (!IsMarkup(a) && !IsMarkup(b)) {
    std::string text;
    text.reserve(a.as_string().size() + b.as_string().size());
    text += a.as_string();
    text += b.as_string();
    return MakeString(std::move(text));
  }
  return MakeMarkup((IsMarkup(a) ? std::string(a.as_string()) : Escaped(a)) +
                    (IsMarkup(b) ? std::string(b.as_string()) : Escaped(b)));
}

}  // namespace

Result<Value> Evaluator::Unary(bool negate, const Value& value, const Node& node) {
  if (value.is_undefined()) return UndefinedError(value, node.range);
  if (IsNumeric(value)) {
    if (negate) return Negate(value);
    return value.kind() == ValueKind::kBool ? Value::Int(value.as_int()) : value;
  }
  if (value.kind() == ValueKind::kTimedelta) return negate ? Value::Timedelta(-value.as_micros()) : value;
  if (value.kind() == ValueKind::kDuration && negate) {
    const CalendarDuration duration = value.as_duration();
    return Value::Duration({.years = -duration.years, .months = -duration.months, .micros = -duration.micros});
  }
  return Raise(Raised::kType, node.range, "bad operand type: '" + std::string(TypeName(value)) + "'");
}

Result<Value> Evaluator::Binary(Op op, const Value& a, const Value& b, const Node& node) {
  if (op == Op::kModulo && a.is_string()) return FormatPercent(*this, node, a, b);
  if (a.is_undefined()) return UndefinedError(a, node.range);
  if (b.is_undefined()) return UndefinedError(b, node.range);
  if (IsNumeric(a) && IsNumeric(b)) {
    auto result = Compute(ArithmeticOf(op), a, b);
    if (!result.ok()) return Raise(Raised::kOther, node.range, result.status().message());
    return result;
  }
  if (op == Op::kAdd && a.is_string() && b.is_string()) {
    ARROW_RETURN_NOT_OK(Spend(node, a.as_string().size() + b.as_string().size()));
    return JoinText(a, b);
  }
  if (op == Op::kAdd && IsSequence(a) && a.kind() == b.kind()) {
    List items = a.as_list();
    ARROW_RETURN_NOT_OK(Spend(node, 16 * (items.size() + b.as_list().size())));
    items.insert(items.end(), b.as_list().begin(), b.as_list().end());
    return a.is_list() ? NewList(std::move(items)) : Value::OfTuple(std::move(items));
  }
  if (op == Op::kMultiply && (IsIntegral(a) || IsIntegral(b))) {
    const Value& sequence = IsIntegral(a) ? b : a;
    const Value& count = IsIntegral(a) ? a : b;
    if (sequence.is_string() || IsSequence(sequence)) {
      if (count.kind() == ValueKind::kBigInt) return Raise(Raised::kOther, node.range, "the number is too large");
      const int64_t times = std::max<int64_t>(0, count.as_int());
      const size_t size = sequence.is_string() ? sequence.as_string().size() : 16 * sequence.as_list().size();
      if (size > 0 && times > program_.limits.output_bytes / static_cast<int64_t>(size)) {
        return Raise(Raised::kOther, node.range, "the result is too long");
      }
      ARROW_RETURN_NOT_OK(Spend(node, size * static_cast<size_t>(times)));
      std::string text;
      List items;
      for (int64_t i = 0; i < times && size > 0; ++i) {
        if (sequence.is_string()) {
          text += sequence.as_string();
        } else {
          items.insert(items.end(), sequence.as_list().begin(), sequence.as_list().end());
        }
      }
      if (sequence.is_string()) return IsMarkup(sequence) ? MakeMarkup(std::move(text)) : MakeString(std::move(text));
      return sequence.is_list() ? NewList(std::move(items)) : Value::OfTuple(std::move(items));
    }
  }
  if (IsTime(a) || IsTime(b) || IsSpan(a) || IsSpan(b)) {
    auto result = TimeArithmetic(op, a, b);
    if (result.ok() && !result->has_value() &&
        (a.kind() == ValueKind::kTimedelta || b.kind() == ValueKind::kTimedelta)) {
      result = ScaleTimedelta(op, a, b);
    }
    if (!result.ok()) return Raise(Raised::kOther, node.range, result.status().message());
    if (result->has_value()) return **std::move(result);
  }
  return Raise(Raised::kType, node.range,
               "unsupported operand types for " + std::string(OpText(op)) + ": '" + std::string(TypeName(a)) +
                   "' and '" + std::string(TypeName(b)) + "'");
}

Result<bool> Evaluator::CompareValues(Op op, const Value& a, const Value& b, const Node& node) {
  switch (op) {
    case Op::kEqual:
      return Equals(a, b);
    case Op::kNotEqual:
      return !Equals(a, b);
    case Op::kIn:
      return Contains(b, a, node);
    case Op::kNotIn: {
      ARROW_ASSIGN_OR_RAISE(const bool in, Contains(b, a, node));
      return !in;
    }
    default:
      break;
  }
  if (a.is_undefined()) return UndefinedError(a, node.range);
  if (b.is_undefined()) return UndefinedError(b, node.range);
  const auto order = Order(a, b);
  if (!order.ok()) {
    const bool undefined = FaultOf(order.status()) == Fault::kConfig;
    return Raise(undefined ? Raised::kUndefined : Raised::kType, node.range, order.status().message());
  }
  switch (op) {
    case Op::kLess:
      return *order == -1;
    case Op::kLessEqual:
      return *order == -1 || *order == 0;
    case Op::kGreater:
      return *order == 1;
    default:
      return *order == 1 || *order == 0;
  }
}

Result<bool> Evaluator::Contains(const Value& container, const Value& item, const Node& node) {
  switch (container.kind()) {
    case ValueKind::kString:
      if (!item.is_string()) {
        return Raise(Raised::kType, node.range, "'in <string>' requires string, not " + std::string(TypeName(item)));
      }
      return container.as_string().find(item.as_string()) != std::string_view::npos;
    case ValueKind::kMap: {
      if (!Hashable(item))
        return Raise(Raised::kType, node.range, "unhashable type: '" + std::string(TypeName(item)) + "'");
      if (item.is_string()) return container.Find(item.as_string()).has_value();
      return FindEntry(container.as_map(), item) != nullptr;
    }
    default:
      break;
  }
  bool found = false;
  ARROW_RETURN_NOT_OK(ForEach(container, node, [&](const Value& other) -> Result<bool> {
    found = Equals(other, item);
    return !found;
  }));
  return found;
}

Status Evaluator::ForEach(const Value& value, const Node& node, const std::function<Result<bool>(const Value&)>& body) {
  switch (value.kind()) {
    case ValueKind::kUndefined:
      return Status::OK();
    case ValueKind::kString:
      for (const char32_t code : Decode(value.as_string())) {
        std::string character;
        AppendCodePoint(code, &character);
        ARROW_ASSIGN_OR_RAISE(const bool more, body(MakeString(std::move(character))));
        if (!more) return Status::OK();
      }
      return Status::OK();
    case ValueKind::kBytes:
      for (const char c : value.as_string()) {
        ARROW_ASSIGN_OR_RAISE(const bool more, body(Value::Int(static_cast<unsigned char>(c))));
        if (!more) return Status::OK();
      }
      return Status::OK();
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kSet:
      // By index: the body may append.
      for (size_t i = 0; i < value.as_list().size(); ++i) {
        ARROW_RETURN_NOT_OK(Spend(node, 0));
        const Value item = value.as_list()[i];
        ARROW_ASSIGN_OR_RAISE(const bool more, body(item));
        if (!more) return Status::OK();
      }
      return Status::OK();
    case ValueKind::kMap: {
      const size_t size = value.as_map().size();
      for (size_t i = 0; i < size; ++i) {
        if (value.as_map().size() != size) {
          return Raise(Raised::kOther, node.range, "dictionary changed size during iteration");
        }
        const Value key = value.as_map()[i].first;
        ARROW_ASSIGN_OR_RAISE(const bool more, body(key));
        if (!more) return Status::OK();
      }
      return Status::OK();
    }
    default:
      break;
  }
  if (IsInternal(value, InternalObject::Type::kView)) {
    for (const Value& item : ValueAccess::InternalOf(value).items) {
      ARROW_ASSIGN_OR_RAISE(const bool more, body(item));
      if (!more) return Status::OK();
    }
    return Status::OK();
  }
  if (IsInternal(value, InternalObject::Type::kGenerator)) {
    InternalObject& generator = ValueAccess::InternalOf(value);
    while (!generator.done) {
      ARROW_RETURN_NOT_OK(Spend(node, 0));
      ARROW_ASSIGN_OR_RAISE(std::optional<Value> item, generator.advance());
      if (!item) {
        generator.done = true;
        break;
      }
      ARROW_ASSIGN_OR_RAISE(const bool more, body(*item));
      if (!more) return Status::OK();
    }
    return Status::OK();
  }
  return Raise(Raised::kType, node.range, "'" + std::string(TypeName(value)) + "' object is not iterable");
}

Result<List> Evaluator::ToList(const Value& value, const Node& node) {
  List items;
  ARROW_RETURN_NOT_OK(ForEach(value, node, [&](const Value& item) -> Result<bool> {
    items.push_back(item);
    return true;
  }));
  return items;
}

Result<std::optional<Value>> Evaluator::First(const Value& value, const Node& node) {
  std::optional<Value> first;
  ARROW_RETURN_NOT_OK(ForEach(value, node, [&](const Value& item) -> Result<bool> {
    first = item;
    return false;
  }));
  return first;
}

namespace {

struct SliceBounds {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
};

// What Python's slice.indices computes.
SliceBounds Indices(std::optional<int64_t> lower, std::optional<int64_t> upper, int64_t step, int64_t size) {
  const int64_t first = step < 0 ? -1 : 0;
  const int64_t last = step < 0 ? size - 1 : size;
  const auto clip = [&](int64_t bound) { return bound < 0 ? std::max(bound + size, first) : std::min(bound, last); };
  return {.start = lower ? clip(*lower) : (step < 0 ? last : first),
          .stop = upper ? clip(*upper) : (step < 0 ? first : last),
          .step = step};
}

}  // namespace

Result<Value> Evaluator::Slice(const Value& object, const Value& lower, const Value& upper, const Value& step,
                               const Node& node) {
  if (object.is_undefined()) return UndefinedError(object, node.range);
  if (!object.is_string() && !IsSequence(object)) {
    // What Jinja computes when it compiles follows the rules of items.
    if (folding_) return MakeUndefined(node);
    return Raise(Raised::kType, node.range, "'" + std::string(TypeName(object)) + "' object cannot be sliced");
  }
  std::optional<int64_t> bounds[3];
  const Value* given[3] = {&lower, &upper, &step};
  for (size_t i = 0; i < 3; ++i) {
    if (given[i]->is_null()) continue;
    if (given[i]->kind() == ValueKind::kBigInt) {
      bounds[i] = given[i]->as_string()[0] == '-' ? INT64_MIN / 4 : INT64_MAX / 4;
    } else if (IsIntegral(*given[i])) {
      bounds[i] = std::clamp(given[i]->as_int(), INT64_MIN / 4, INT64_MAX / 4);
    } else {
      return Raise(Raised::kType, node.range, "slice indices must be integers or None");
    }
  }
  if (bounds[2] == 0) return Raise(Raised::kOther, node.range, "slice step cannot be zero");
  const std::u32string codes = object.is_string() ? Decode(object.as_string()) : std::u32string();
  const auto size = static_cast<int64_t>(object.is_string() ? codes.size() : object.as_list().size());
  const SliceBounds slice = Indices(bounds[0], bounds[1], bounds[2].value_or(1), size);
  std::string text;
  List items;
  for (int64_t i = slice.start; slice.step > 0 ? i < slice.stop : i > slice.stop; i += slice.step) {
    if (object.is_string()) {
      AppendCodePoint(codes[static_cast<size_t>(i)], &text);
    } else {
      items.push_back(object.as_list()[static_cast<size_t>(i)]);
    }
  }
  ARROW_RETURN_NOT_OK(Spend(node, text.size() + 16 * items.size()));
  if (object.is_string()) return IsMarkup(object) ? MakeMarkup(std::move(text)) : MakeString(std::move(text));
  return object.is_list() ? NewList(std::move(items)) : Value::OfTuple(std::move(items));
}

}  // namespace firn::expression::jinja
