#include "query/prune.h"

#include <charconv>
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

std::optional<int64_t> Integer(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
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

std::optional<Value> TextValue(const schema::Type& type, const std::string& text) {
  switch (type.id) {
    case TypeId::kString:
      return Value(text);
    case TypeId::kDate: {
      const auto micros = text.size() == 10 ? Micros(text, false) : std::nullopt;
      if (!micros) return std::nullopt;
      const int64_t days = *micros >= 0 ? *micros / kDayMicros : -((-*micros + kDayMicros - 1) / kDayMicros);
      return Value(static_cast<int32_t>(days));
    }
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: {
      const auto micros = Micros(text, type.id == TypeId::kTimestampTz);
      if (!micros) return std::nullopt;
      return Value(*micros);
    }
    default:
      return std::nullopt;
  }
}

std::optional<Value> NumberValue(const schema::Type& type, const std::string& text) {
  const auto value = Integer(text);
  if (!value) return std::nullopt;
  if (type.id == TypeId::kLong) return Value(*value);
  const bool fits = *value >= INT32_MIN && *value <= INT32_MAX;
  if (type.id == TypeId::kInt && fits) return Value(static_cast<int32_t>(*value));
  return std::nullopt;
}

table::Predicate::Op OpOf(Condition::Op op) {
  switch (op) {
    case Condition::Op::kEqual:
      return table::Predicate::Op::kEqual;
    case Condition::Op::kLess:
      return table::Predicate::Op::kLess;
    case Condition::Op::kLessOrEqual:
      return table::Predicate::Op::kLessOrEqual;
    case Condition::Op::kGreater:
      return table::Predicate::Op::kGreater;
    case Condition::Op::kGreaterOrEqual:
      return table::Predicate::Op::kGreaterOrEqual;
    case Condition::Op::kIsNull:
      return table::Predicate::Op::kIsNull;
    case Condition::Op::kIsNotNull:
      break;
  }
  return table::Predicate::Op::kIsNotNull;
}

}  // namespace

std::vector<table::Predicate> MakePredicates(const std::vector<Condition>& conditions, const schema::Schema& read,
                                             const table::TableMetadata& metadata) {
  std::vector<table::Predicate> predicates;
  for (const Condition& condition : conditions) {
    const schema::Field* field = FindIgnoringCase(read, condition.column);
    const schema::Field* current = field == nullptr ? nullptr : metadata.schema().FindById(field->id);
    if (current == nullptr || current->type->is_nested()) continue;
    table::Predicate predicate{.field_id = field->id, .op = OpOf(condition.op), .value = {}};
    const bool null_test = condition.op == Condition::Op::kIsNull || condition.op == Condition::Op::kIsNotNull;
    if (null_test) {
      predicate.value = table::Literal::Null(current->type);
    } else {
      auto value =
          condition.is_text ? TextValue(*current->type, condition.value) : NumberValue(*current->type, condition.value);
      if (!value) continue;
      predicate.value = {.type = current->type, .value = *std::move(value)};
    }
    predicates.push_back(std::move(predicate));
  }
  return predicates;
}

}  // namespace firn::query
