#include "source/rest/cursor_value.h"

#include <algorithm>

#include "expression/datetime.h"
#include "expression/decimal.h"
#include "expression/value.h"
#include "format/json/time_parse.h"
#include "source/rest/errors.h"

namespace firn::source::rest {
namespace {

using connector::CursorFormat;
using connector::IncrementalPlan;
using expression::Value;
constexpr int64_t kMicrosPerSecond = 1'000'000;

Status CursorError(const IncrementalPlan& plan, std::string message, Fault fault = Fault::kBadData) {
  return NamedError({.fault = fault,
                     .code = "E0437",
                     .message = "cursor " + plan.cursor + ": " + std::move(message),
                     .where = plan.where,
                     .next =
                         "choose a cursor whose values are all numbers, all times, or text of one fixed form; single "
                         "values of another kind: on_error: quarantine"});
}

bool IsEpoch(const IncrementalPlan& plan) {
  return plan.format == CursorFormat::kEpochSeconds || plan.format == CursorFormat::kEpochMillis;
}

void SetInstant(Timestamp time, std::string_view fraction, CursorValue* value) {
  value->kind = CursorValue::Kind::kInstant;
  value->seconds = time.micros / kMicrosPerSecond - static_cast<int64_t>(time.micros % kMicrosPerSecond < 0);
  if (fraction.empty()) {
    std::string micros = std::to_string(time.micros - value->seconds * kMicrosPerSecond);
    value->fraction = std::string(6 - micros.size(), '0') + micros;
  } else {
    value->fraction = fraction;
  }
  value->fraction.erase(value->fraction.find_last_not_of('0') + 1);
}

// The digits after the seconds, which a microsecond value would cut.
std::string_view FractionDigits(std::string_view text) {
  const size_t point = text.find('.');
  if (point == std::string_view::npos) return {};
  const size_t end = std::min(text.find_first_not_of("0123456789", point + 1), text.size());
  return text.substr(point + 1, end - point - 1);
}

// A whole number written as a string: "9", "+9", "-10", "0010".
bool IsDigits(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The same as a JSON number, which has neither a plus nor leading zeros. Borrows from both.
std::string_view NumberOf(const CursorValue& value, std::string* storage) {
  if (value.json.empty() || value.json.front() != '"' || !IsDigits(value.text)) return value.text;
  std::string_view digits = value.text;
  const bool negative = digits[0] == '-';
  digits.remove_prefix(std::min(digits.find_first_of("0123456789"), digits.size()));
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  *storage = (negative ? "-" : "") + std::string(digits);
  return *storage;
}

Status ReadText(const IncrementalPlan& plan, CursorValue* value) {
  if (const auto micros = format::json::ParseDotnetTime(value->text)) {
    SetInstant({.micros = *micros}, "", value);
    value->text = FormatTimestamp({.micros = *micros});  // no API takes a bound as it writes values here
    return Status::OK();
  }
  if (plan.format != CursorFormat::kPattern &&
      (IsDigits(value->text) || (IsEpoch(plan) && expression::IsJsonNumber(value->text)))) {
    value->kind = CursorValue::Kind::kNumber;
    return Status::OK();
  }
  if (plan.format == CursorFormat::kPattern) {
    const auto time = expression::ParseByPattern(value->text, plan.pattern, plan.timezone);
    if (time.ok()) {
      SetInstant(*time, "", value);
      return Status::OK();
    }
  }
  const auto time = expression::ParseIso(value->text, plan.timezone);
  if (time.ok()) {
    SetInstant(*time, FractionDigits(value->text), value);
  } else if (plan.format != CursorFormat::kIso) {
    return CursorError(plan, "a value that is not in the declared format");
  }
  return Status::OK();
}

int Sign(int order) {
  return order < 0 ? -1 : static_cast<int>(order > 0);
}

char Folded(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool IsLetterOrDigit(char c) {
  return (c >= '0' && c <= '9') || (Folded(c) >= 'A' && Folded(c) <= 'Z');
}

// Texts have an order that every API shares (bytewise, by a collation, with or without case) only if they have one
// form: one length, marks at the same places, and letters whose case does not decide. "inv-10" comes before or after
// "inv-9" as the API likes; ULIDs, UUIDs, KSUIDs and zero-padded numbers have one order.
std::optional<int> OrderOfTexts(std::string_view a, std::string_view b) {
  constexpr size_t kKsuidSize = 27;  // base 62, made to be compared bytewise
  if (a == b) return 0;
  if (a.size() != b.size()) return std::nullopt;
  int folded = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool plain = IsLetterOrDigit(a[i]) && IsLetterOrDigit(b[i]);
    if (!plain && (a[i] != b[i] || static_cast<unsigned char>(a[i]) >= 0x80)) return std::nullopt;
    if (folded == 0) folded = Sign(Folded(a[i]) - Folded(b[i]));
  }
  const int bytewise = Sign(a.compare(b));
  return bytewise == folded || a.size() == kKsuidSize ? std::optional(bytewise) : std::nullopt;
}

}  // namespace

Result<std::optional<CursorValue>> ReadCursor(std::string_view json, const IncrementalPlan& plan) {
  // The usual case, without a detour through a value: a number, or a string without escapes.
  if (expression::IsJsonNumber(json)) {
    return CursorValue{.json = std::string(json), .kind = CursorValue::Kind::kNumber, .text = std::string(json)};
  }
  const bool plain = json.size() >= 2 && json.front() == '"' && json.find_first_of("\\\"", 1) == json.size() - 1;
  if (plain) {
    CursorValue value{.json = std::string(json), .text = std::string(json.substr(1, json.size() - 2))};
    ARROW_RETURN_NOT_OK(ReadText(plan, &value));
    return value;
  }
  auto parsed = expression::ParseJson(json);
  if (!parsed.ok() || parsed->is_null()) return std::nullopt;
  CursorValue value{.json = std::string(json), .text = expression::ToText(*parsed)};
  if (!parsed->is_string()) {
    return CursorError(plan, "a value of kind " + std::string(expression::KindName(parsed->kind())));
  }
  ARROW_RETURN_NOT_OK(ReadText(plan, &value));
  return value;
}

Result<int> CompareCursors(const CursorValue& a, const CursorValue& b, const IncrementalPlan& plan) {
  if (a.kind == CursorValue::Kind::kNumber && b.kind == CursorValue::Kind::kNumber) {
    std::string left, right;
    return expression::CompareDecimals(NumberOf(a, &left), NumberOf(b, &right));
  }
  if (a.kind == CursorValue::Kind::kInstant && b.kind == CursorValue::Kind::kInstant) {
    if (a.seconds != b.seconds) return a.seconds < b.seconds ? -1 : 1;
    return Sign(a.fraction.compare(b.fraction));
  }
  if (a.kind == CursorValue::Kind::kText && b.kind == CursorValue::Kind::kText) {
    if (const auto order = OrderOfTexts(a.text, b.text)) return *order;
    return CursorError(plan,
                       "texts of different forms (length, marks or letter case), whose order at the API is not known");
  }
  // An instant against an epoch number: a declared start is a date, the values are numbers.
  const auto left = InstantOf(a, plan);
  const auto right = InstantOf(b, plan);
  if (left && right) return *left < *right ? -1 : static_cast<int>(*right < *left);
  return CursorError(plan, "values of different kinds cannot be ordered");
}

std::optional<Timestamp> InstantOf(const CursorValue& value, const IncrementalPlan& plan) {
  if (value.kind == CursorValue::Kind::kInstant) {
    const std::string digits =
        value.fraction.substr(0, 6) + std::string(6 - std::min<size_t>(value.fraction.size(), 6), '0');
    return Timestamp{.micros = value.seconds * kMicrosPerSecond + std::stoll(digits)};
  }
  if (value.kind != CursorValue::Kind::kNumber || !IsEpoch(plan)) return std::nullopt;
  const char* factor = plan.format == CursorFormat::kEpochSeconds ? "1000000" : "1000";
  std::string storage;
  const auto micros = expression::ComputeDecimals(expression::DecimalOp::kMultiply, NumberOf(value, &storage), factor);
  if (!micros.ok()) return std::nullopt;
  const Value whole = Value::NumberText(micros->substr(0, micros->find('.')));
  if (whole.kind() != Value::Kind::kInt) return std::nullopt;
  return Timestamp{.micros = whole.as_int()};
}

Result<CursorValue> ReadBound(const std::string& text, const IncrementalPlan& plan) {
  if (expression::IsJsonNumber(text)) {
    return CursorValue{.json = text, .kind = CursorValue::Kind::kNumber, .text = text};
  }
  CursorValue value{.json = expression::ToJson(Value::String(text)), .text = text};
  if (!ReadText(plan, &value).ok()) {
    return CursorError(plan, "a bound that is neither a time nor a number in the declared format", Fault::kConfig);
  }
  return value;
}

Result<std::string> FormatInstant(Timestamp time, const IncrementalPlan& plan) {
  switch (plan.format) {
    case CursorFormat::kIso: {
      if (plan.timezone.empty() || plan.timezone == "UTC") return FormatTimestamp(time);
      ARROW_ASSIGN_OR_RAISE(std::string text,
                            expression::FormatByPattern(time, "%Y-%m-%dT%H:%M:%S.%f%z", plan.timezone));
      return text.insert(text.size() - 2, ":");  // RFC 3339 wants +02:00
    }
    case CursorFormat::kEpochSeconds:
      return expression::FormatByPattern(time, "%s", "UTC");
    case CursorFormat::kEpochMillis:
      return expression::FormatByPattern(time, "%ms", "UTC");
    case CursorFormat::kPattern:
      return expression::FormatByPattern(time, plan.pattern, plan.timezone);
  }
  return FormatTimestamp(time);
}

Result<std::string> FormatBound(const CursorValue& value, int64_t lookback_micros, const IncrementalPlan& plan) {
  const bool in_form = value.kind == CursorValue::Kind::kNumber ? plan.format != CursorFormat::kPattern
                                                                : plan.format == CursorFormat::kIso;
  if (lookback_micros == 0 && (in_form || value.kind == CursorValue::Kind::kText)) return value.text;
  const auto time = InstantOf(value, plan);
  if (!time) {
    return CursorError(
        plan, "a lookback or format needs a cursor that is a time; for numbers declare format: epoch_s or epoch_ms",
        Fault::kConfig);
  }
  return FormatInstant({.micros = time->micros - lookback_micros}, plan);
}

}  // namespace firn::source::rest
