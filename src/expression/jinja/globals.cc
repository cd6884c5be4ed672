// The functions every template sees: the runtime's macros, `dict` and `namespace`.
#include <algorithm>
#include <cmath>

#include "base/uuid.h"
#include "expression/datetime.h"
#include "expression/jinja/builtins.h"
#include "expression/jinja/number.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"
#include "expression/jinja/url.h"

namespace firn::expression::jinja {
namespace {

Result<Timestamp> Now(const Call& call) {
  if (call.run.scope().clock() == nullptr) return call.ValueError("there is no clock here");
  return call.run.scope().clock()->LogicalNow();
}

Value Aware(const ZonedTime& time) {
  return MakeDatetime(time.Instant(), 0, /*pytz=*/true);
}

Result<ZonedTime> IsoArgument(const Call& call, const Value& value) {
  if (value.is_undefined()) return call.run.UndefinedError(value, call.node.range);
  if (!value.is_string()) return call.TypeError("a time as text is wanted, not '" + std::string(TypeName(value)) + "'");
  const auto time = ParseIsoTime(value.as_string());
  if (!time.ok()) return call.Failed(time.status());
  return time;
}

Result<Value> NowUtc(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp now, Now(call));
  return Value::Datetime(now, 0);
}

Result<Value> TodayUtc(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp now, Now(call));
  return Value::Date(static_cast<int32_t>(PartsOf(now.micros).days));
}

Result<Value> TodayWithTimezone(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp now, Now(call));
  ARROW_ASSIGN_OR_RAISE(const std::string_view zone, call.Text(0, ""));
  const auto text = FormatByPattern(now, "%Y-%m-%d", zone);
  if (!text.ok()) return call.Failed(text.status());
  const auto day = ParseIsoTime(*text);
  if (!day.ok()) return call.Failed(day.status());
  return Value::Date(static_cast<int32_t>(PartsOf(day->wall.micros).days));
}

Result<Value> ToTimestamp(const Call& call) {
  if (IsNumeric(call.At(0))) {
    auto whole = Truncate(call.At(0));
    return whole.ok() ? whole : call.Failed(whole.status());
  }
  ARROW_ASSIGN_OR_RAISE(const ZonedTime time, IsoArgument(call, call.At(0)));
  return Value::Float(static_cast<double>(time.Instant().micros) / 1e6);
}

Result<Value> StrToDatetime(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const ZonedTime time, IsoArgument(call, call.At(0)));
  if (!InRange(time.Instant())) return call.ValueError("date value out of range");
  return Aware(time);
}

Result<Value> Extreme(const Call& call, int wanted) {
  const List& given = call.arguments.rest;
  if (!call.arguments.named.empty()) return call.TypeError("unexpected named argument");
  if (given.empty()) return call.TypeError("at least one argument is wanted");
  List items;
  if (given.size() == 1) {
    ARROW_ASSIGN_OR_RAISE(items, call.run.ToList(given[0], call.node));
  } else {
    items = given;
  }
  if (items.empty()) return call.ValueError("there is no item");
  Value best = items[0];
  for (size_t i = 1; i < items.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const bool better,
                          call.run.CompareValues(wanted > 0 ? Op::kGreater : Op::kLess, items[i], best, call.node));
    if (better) best = items[i];
  }
  return best;
}

Result<Value> Max(const Call& call) {
  return Extreme(call, 1);
}
Result<Value> Min(const Call& call) {
  return Extreme(call, -1);
}

Result<Value> DayDelta(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp now, Now(call));
  if (call.At(0).is_undefined()) return call.TypeError("a number of days is wanted");
  if (!IsNumeric(call.At(0))) return call.TypeError("a number of days is wanted");
  const auto days = ToDouble(call.At(0));
  if (!days.ok() || !(std::fabs(*days) < 4e6)) return call.ValueError("date value out of range");
  const Timestamp moved{.micros = now.micros +
                                  static_cast<int64_t>(std::nearbyint(*days * static_cast<double>(kMicrosPerDay)))};
  if (!InRange(moved)) return call.ValueError("date value out of range");
  ARROW_ASSIGN_OR_RAISE(const std::string_view format, call.Text(1, "%Y-%m-%dT%H:%M:%S.%f%z"));
  return MakeString(FormatTime(moved, 0, format));
}

Result<Value> MakeDuration(const Call& call) {
  if (call.At(0).is_undefined()) return call.TypeError("a duration as text is wanted");
  ARROW_ASSIGN_OR_RAISE(const std::string_view text, call.Text(0, ""));
  auto duration = ParseIsoDuration(text);
  return duration.ok() ? duration : call.Failed(duration.status());
}

Result<Value> FormatDatetimeMacro(const Call& call) {
  const Value& given = call.At(0);
  ARROW_ASSIGN_OR_RAISE(const std::string_view format, call.Text(1, ""));
  if (given.kind() == Value::Kind::kDatetime)
    return MakeString(FormatTime(given.as_wall(), given.offset_seconds(), format));
  const bool has_input = call.Has(2) && Truthy(call.At(2));
  std::string_view input_format;
  if (has_input) {
    ARROW_ASSIGN_OR_RAISE(input_format, call.Text(2, ""));
  }
  Result<ZonedTime> time = ZonedTime{};
  if (IsIntegral(given)) {
    time = ParseDatetime(given.kind() == Value::Kind::kBool && (!has_input || input_format[0] == '%')
                             ? std::to_string(given.as_int())
                             : ToText(given),
                         has_input ? input_format : "%s");
  } else if (has_input) {
    if (given.is_undefined()) return call.TypeError("a time as text is wanted");
    ARROW_ASSIGN_OR_RAISE(const std::string_view text, call.Text(0, ""));
    time = ParseTime(text, input_format);
  } else {
    ARROW_ASSIGN_OR_RAISE(const ZonedTime parsed, IsoArgument(call, given));
    time = ZonedTime{.wall = parsed.Instant(), .offset_seconds = 0};
  }
  if (!time.ok()) return call.Failed(time.status());
  if (!time->offset_seconds) time->offset_seconds = 0;
  return MakeString(FormatDatetime(*time, format));
}

Result<Value> SanitizeUrl(const Call& call) {
  if (call.At(0).is_undefined()) return call.TypeError("text is wanted");
  ARROW_ASSIGN_OR_RAISE(const std::string_view text, call.Text(0, ""));
  return MakeString(QuoteUrl(text, "", /*plus=*/true));
}

Result<Value> CamelToSnake(const Call& call) {
  if (call.At(0).is_undefined()) return call.TypeError("text is wanted");
  ARROW_ASSIGN_OR_RAISE(const std::string_view text, call.Text(0, ""));
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && text[i] >= 'A' && text[i] <= 'Z') out.push_back('_');
    out.push_back(text[i]);
  }
  return MakeString(ToLower(out));
}

Result<Value> GenerateUuid(const Call& call) {
  static_cast<void>(call);
  return MakeString(MakeUuid4().ToString());
}

Result<Entries> NamedEntries(const Call& call) {
  Entries entries;
  if (call.arguments.rest.size() > 1) return call.TypeError("at most one positional argument is wanted");
  if (!call.arguments.rest.empty()) {
    const Value& first = call.arguments.rest[0];
    if (first.is_map()) {
      entries = first.as_map();
    } else {
      ARROW_ASSIGN_OR_RAISE(const List pairs, call.run.ToList(first, call.node));
      for (const Value& pair : pairs) {
        ARROW_ASSIGN_OR_RAISE(List both, call.run.ToList(pair, call.node));
        if (both.size() != 2) return call.ValueError("pairs are wanted");
        if (!Hashable(both[0])) return call.TypeError("unhashable key");
        entries.emplace_back(std::move(both[0]), std::move(both[1]));
      }
    }
  }
  for (const auto& [name, value] : call.arguments.named) entries.emplace_back(Value::String(name), value);
  return entries;
}

Result<Value> Dict(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(Entries entries, NamedEntries(call));
  return NewMap(std::move(entries));
}

Result<Value> Namespace(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(Entries entries, NamedEntries(call));
  Value result = NewInternal(InternalObject::Type::kNamespace, "namespace");
  ValueAccess::InternalOf(result).receiver = NewMap(std::move(entries));
  return result;
}

constexpr Method kGlobals[] = {
    {"camel_case_to_snake_case", Takes("value", 1), CamelToSnake},
    {"cycler", TakesAny(), nullptr},
    {"day_delta", Takes("num_days format", 1), DayDelta},
    {"dict", TakesAny(), Dict},
    {"duration", Takes("datestring", 1), MakeDuration},
    {"format_datetime", Takes("dt format input_format", 2), FormatDatetimeMacro},
    {"generate_uuid", Takes(), GenerateUuid},
    {"joiner", TakesAny(), nullptr},
    {"lipsum", TakesAny(), nullptr},
    {"max", TakesAny(), Max},
    {"min", TakesAny(), Min},
    {"namespace", TakesAny(), Namespace},
    {"now_utc", Takes(), NowUtc},
    {"sanitize_url", Takes("value", 1), SanitizeUrl},
    {"str_to_datetime", Takes("s", 1), StrToDatetime},
    {"timestamp", Takes("dt", 1), ToTimestamp},
    {"today_utc", Takes(), TodayUtc},
    {"today_with_timezone", Takes("timezone", 1), TodayWithTimezone},
};

}  // namespace

const Method* FindGlobal(std::string_view name) {
  return FindSorted(kGlobals, name);
}

bool IsGlobal(std::string_view name) {
  return FindGlobal(name) != nullptr;
}

}  // namespace firn::expression::jinja
