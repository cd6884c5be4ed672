#include "query/prune.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "query/sql_tokens.h"

namespace firn::query {
namespace {

using schema::TypeId;
using Value = table::Literal::Value;

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

const schema::Field* FindIgnoringCase(const schema::Schema& schema, const std::string& name) {
  const schema::Field* found = nullptr;
  for (const auto& field : schema.fields) {
    if (LowerName(field.name) != LowerName(name)) continue;
    if (found != nullptr) return nullptr;  // case twins: not certain which one is meant
    found = &field;
  }
  return found;
}

// "2026-11-21", "2026-11-21 10:00:00", with "T" and "Z" as well; nothing else, and no other offset.
std::optional<int64_t> Micros(std::string text, bool zoned) {
  if (text.size() == 10) text += "T00:00:00Z";
  if (text.size() < 19) return std::nullopt;
  if (text[10] == ' ') text[10] = 'T';
  const bool utc = text.back() == 'Z';
  if (utc && !zoned && text.size() != 20) return std::nullopt;
  if (!utc) {
    if (text.find_first_of("+-", 11) != std::string::npos) return std::nullopt;
    text += 'Z';
  }
  const auto parsed = ParseTimestamp(text);
  if (!parsed.ok()) return std::nullopt;
  return parsed->micros;
}

// The column values next to a constant: both the constant itself where the column can hold it, else those around it, so
// that nothing that compares like the constant lies outside.
struct Around {
  Value low, high;
  bool exact = false;
};

std::optional<Around> Exactly(Value value) {
  return Around{.low = value, .high = value, .exact = true};
}

std::optional<Around> AroundText(const schema::Type& type, const std::string& text) {
  switch (type.id) {
    case TypeId::kString:
      return Exactly(text);
    case TypeId::kDate: {
      const auto micros = text.size() == 10 ? Micros(text, false) : std::nullopt;
      if (!micros) return std::nullopt;
      const int64_t days = *micros >= 0 ? *micros / kDayMicros : -((-*micros + kDayMicros - 1) / kDayMicros);
      return Exactly(static_cast<int32_t>(days));
    }
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: {
      const auto micros = Micros(text, type.id == TypeId::kTimestampTz);
      if (!micros) return std::nullopt;
      return Exactly(*micros);
    }
    default:
      return std::nullopt;
  }
}

using table::Int128;
constexpr int kDigitsMax = 38;

struct Decimal {
  Int128 unscaled = 0;
  int scale = 0;
  int digits = 0;
};

// "-12.50"; nullopt beyond 38 digits.
std::optional<Decimal> ReadDecimal(std::string_view text) {
  Decimal decimal;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  bool fraction = false;
  for (const char c : text) {
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9' || ++decimal.digits > kDigitsMax) return std::nullopt;
    decimal.unscaled = decimal.unscaled * 10 + (c - '0');
    decimal.scale += fraction;
  }
  if (decimal.digits == 0) return std::nullopt;
  if (negative) decimal.unscaled = -decimal.unscaled;
  return decimal;
}

// The multiples of 10^-scale at or next to the number; nullopt if they might not fit 38 digits. DuckDB compares what
// has more digits as doubles, so those are left alone too.
std::optional<std::pair<Int128, Int128>> AtScale(const Decimal& decimal, int scale) {
  if (decimal.digits - decimal.scale + std::max(scale, decimal.scale) > kDigitsMax) return std::nullopt;
  Int128 low = decimal.unscaled;
  for (int at = decimal.scale; at < scale; ++at) low *= 10;
  bool rest = false;
  for (int at = decimal.scale; at > scale; --at) {
    const Int128 digit = ((low % 10) + 10) % 10;
    rest = rest || digit != 0;
    low = (low - digit) / 10;
  }
  return std::pair(low, rest ? low + 1 : low);
}

template <typename T>
std::optional<Around> AroundInteger(const Decimal& decimal) {
  const auto around = AtScale(decimal, 0);
  if (!around || around->first < std::numeric_limits<T>::min() || around->second > std::numeric_limits<T>::max()) {
    return std::nullopt;
  }
  return Around{.low = static_cast<T>(around->first),
                .high = static_cast<T>(around->second),
                .exact = around->first == around->second};
}

// A constant is rounded on its way to the column's type, and not everywhere alike: the range is a little wider.
template <typename T>
std::optional<Around> AroundFloating(const std::string& text) {
  constexpr double kSlack = sizeof(T) == 4 ? 1e-5 : 1e-12;
  const double value = std::strtod(text.c_str(), nullptr);
  if (!std::isfinite(value) || std::abs(value) > static_cast<double>(std::numeric_limits<T>::max()) / 2) {
    return std::nullopt;
  }
  const double slack = std::abs(value) * kSlack + static_cast<double>(std::numeric_limits<T>::min());
  return Around{.low = static_cast<T>(value - slack), .high = static_cast<T>(value + slack), .exact = false};
}

std::optional<Around> AroundNumber(const schema::Type& type, const Condition& condition) {
  if (type.id == TypeId::kFloat) return AroundFloating<float>(condition.value);
  if (type.id == TypeId::kDouble) return AroundFloating<double>(condition.value);
  const auto decimal =
      condition.kind == Condition::Kind::kNumber ? ReadDecimal(condition.value) : std::optional<Decimal>();
  if (!decimal) return std::nullopt;
  if (type.id == TypeId::kInt) return AroundInteger<int32_t>(*decimal);
  if (type.id == TypeId::kLong) return AroundInteger<int64_t>(*decimal);
  if (type.id != TypeId::kDecimal || decimal->digits - decimal->scale > type.precision - type.scale)
    return std::nullopt;
  const auto around = AtScale(*decimal, type.scale);
  if (!around) return std::nullopt;
  return Around{.low = around->first, .high = around->second, .exact = around->first == around->second};
}

std::optional<Around> AroundOf(const schema::Type& type, const Condition& condition) {
  return condition.kind == Condition::Kind::kText ? AroundText(type, condition.value) : AroundNumber(type, condition);
}

// From the smallest to the largest of a list; nullopt if one of it cannot be placed.
std::optional<Around> AroundAll(const schema::TypePtr& type, const std::vector<Condition>& any_of) {
  std::optional<Around> all;
  const auto less = [&](const Value& a, const Value& b) {
    return table::Compare({.type = type, .value = a}, {.type = type, .value = b}) < 0;
  };
  for (const Condition& condition : any_of) {
    const auto one = AroundOf(*type, condition);
    if (!one) return std::nullopt;
    if (!all) {
      all = one;
      continue;
    }
    all->exact = all->exact && one->exact && !less(all->low, one->low) && !less(one->low, all->low);
    if (less(one->low, all->low)) all->low = one->low;
    if (less(all->high, one->high)) all->high = one->high;
  }
  return all;
}

void AddPredicates(Condition::Op op, const Around& around, const schema::Field& column,
                   std::vector<table::Predicate>* out) {
  using Op = table::Predicate::Op;
  const auto add = [&](Op with, const Value& value) {
    out->push_back({.field_id = column.id, .op = with, .value = {.type = column.type, .value = value}});
  };
  switch (op) {
    case Condition::Op::kEqual:
    case Condition::Op::kIn:
      if (around.exact) return add(Op::kEqual, around.low);
      add(Op::kGreaterOrEqual, around.low);
      return add(Op::kLessOrEqual, around.high);
    case Condition::Op::kLess:
      return add(around.exact ? Op::kLess : Op::kLessOrEqual, around.high);
    case Condition::Op::kLessOrEqual:
      return add(Op::kLessOrEqual, around.high);
    case Condition::Op::kGreater:
      return add(around.exact ? Op::kGreater : Op::kGreaterOrEqual, around.low);
    case Condition::Op::kGreaterOrEqual:
      return add(Op::kGreaterOrEqual, around.low);
    case Condition::Op::kIsNull:
    case Condition::Op::kIsNotNull:
      return;
  }
}

}  // namespace

std::vector<table::Predicate> MakePredicates(const std::vector<Condition>& conditions, const schema::Schema& read,
                                             const table::TableMetadata& metadata) {
  std::vector<table::Predicate> predicates;
  for (const Condition& condition : conditions) {
    const schema::Field* field = FindIgnoringCase(read, condition.column);
    const schema::Field* current = field == nullptr ? nullptr : metadata.schema().FindById(field->id);
    if (current == nullptr || current->type->is_nested()) continue;
    using Op = Condition::Op;
    if (condition.op == Op::kIsNull || condition.op == Op::kIsNotNull) {
      const auto test = condition.op == Op::kIsNull ? table::Predicate::Op::kIsNull : table::Predicate::Op::kIsNotNull;
      predicates.push_back({.field_id = field->id, .op = test, .value = table::Literal::Null(current->type)});
      continue;
    }
    const auto around =
        condition.op == Op::kIn ? AroundAll(current->type, condition.any_of) : AroundOf(*current->type, condition);
    if (around) AddPredicates(condition.op, *around, *current, &predicates);
  }
  return predicates;
}

}  // namespace firn::query
