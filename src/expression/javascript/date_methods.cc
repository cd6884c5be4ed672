#include <cmath>
#include <limits>

#include "expression/javascript/builtins.h"
#include "expression/javascript/date.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

enum Field : size_t { kYear, kMonth, kDay, kHour, kMinute, kSecond, kMs, kWeekday };

std::string Two(double number) {
  const auto whole = static_cast<int>(number);
  return (whole < 10 ? "0" : "") + std::to_string(whole);
}

std::string YearText(double year) {
  const std::string digits = std::to_string(static_cast<int>(std::abs(year)));
  return (year < 0 ? "-" : "") + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

Result<DateFields> Local(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double local, ToZone(call.self.as_date(), call.run.scope().zone));
  return FieldsOf(local);
}

Value Part(const DateFields& fields, Field field) {
  return Value::Number(field == kWeekday ? fields.weekday : fields.values[field]);
}

template <Field field>
Result<Value> Get(const Call& call) {
  if (std::isnan(call.self.as_date())) return Value::Number(kNan);
  ARROW_ASSIGN_OR_RAISE(const DateFields fields, Local(call));
  return Part(fields, field);
}

template <Field field>
Result<Value> GetUtc(const Call& call) {
  if (std::isnan(call.self.as_date())) return Value::Number(kNan);
  return Part(FieldsOf(call.self.as_date()), field);
}

Result<Value> GetTime(const Call& call) {
  return Value::Number(call.self.as_date());
}

Result<Value> GetTimezoneOffset(const Call& call) {
  if (std::isnan(call.self.as_date())) return Value::Number(kNan);
  ARROW_ASSIGN_OR_RAISE(const double local, ToZone(call.self.as_date(), call.run.scope().zone));
  return Value::Number((call.self.as_date() - local) / 60'000 + 0.0);
}

Result<Value> ToIsoString(const Call& call) {
  if (std::isnan(call.self.as_date())) return call.TypeError("an invalid date has no text");
  return call.String(DateIso(call.self.as_date()));
}

Result<Value> ToJsonValue(const Call& call) {
  return std::isnan(call.self.as_date()) ? Value::Null() : call.String(DateIso(call.self.as_date()));
}

Result<Value> ToText(const Call& call) {
  return call.run.ToText(call.self, call.range);
}

std::string DayText(const DateFields& fields) {
  return std::string(kDays[fields.weekday]) + " " + std::string(kMonths[static_cast<size_t>(fields.values[kMonth])]) +
         " " + Two(fields.values[kDay]) + " " + YearText(fields.values[kYear]);
}

std::string TimeText(const DateFields& fields) {
  return Two(fields.values[kHour]) + ":" + Two(fields.values[kMinute]) + ":" + Two(fields.values[kSecond]);
}

Result<Value> ToDateString(const Call& call) {
  if (std::isnan(call.self.as_date())) return call.String(u"Invalid Date");
  ARROW_ASSIGN_OR_RAISE(const DateFields fields, Local(call));
  return call.String(Widen(DayText(fields)));
}

Result<Value> ToUtcString(const Call& call) {
  if (std::isnan(call.self.as_date())) return call.String(u"Invalid Date");
  const DateFields fields = FieldsOf(call.self.as_date());
  return call.String(Widen(std::string(kDays[fields.weekday]) + ", " + Two(fields.values[kDay]) + " " +
                           std::string(kMonths[static_cast<size_t>(fields.values[kMonth])]) + " " +
                           YearText(fields.values[kYear]) + " " + TimeText(fields) + " GMT"));
}

constexpr std::string_view kSetter =
    "it changes the date; write new Date(date.getTime() + ms) or new Date(year, month, …)";
constexpr std::string_view kLocale = "it depends on the machine; write toISOString().slice(0, 10) and the like";

constexpr Builtin kMethods[] = {
    {"getDate", Get<kDay>},
    {"getDay", Get<kWeekday>},
    {"getFullYear", Get<kYear>},
    {"getHours", Get<kHour>},
    {"getMilliseconds", Get<kMs>},
    {"getMinutes", Get<kMinute>},
    {"getMonth", Get<kMonth>},
    {"getSeconds", Get<kSecond>},
    {"getTime", GetTime},
    {"getTimezoneOffset", GetTimezoneOffset},
    {"getUTCDate", GetUtc<kDay>},
    {"getUTCDay", GetUtc<kWeekday>},
    {"getUTCFullYear", GetUtc<kYear>},
    {"getUTCHours", GetUtc<kHour>},
    {"getUTCMilliseconds", GetUtc<kMs>},
    {"getUTCMinutes", GetUtc<kMinute>},
    {"getUTCMonth", GetUtc<kMonth>},
    {"getUTCSeconds", GetUtc<kSecond>},
    {"setDate", nullptr, kSetter},
    {"setFullYear", nullptr, kSetter},
    {"setHours", nullptr, kSetter},
    {"setMilliseconds", nullptr, kSetter},
    {"setMinutes", nullptr, kSetter},
    {"setMonth", nullptr, kSetter},
    {"setSeconds", nullptr, kSetter},
    {"setTime", nullptr, kSetter},
    {"setUTCDate", nullptr, kSetter},
    {"setUTCFullYear", nullptr, kSetter},
    {"setUTCHours", nullptr, kSetter},
    {"setUTCMonth", nullptr, kSetter},
    {"toDateString", ToDateString},
    {"toISOString", ToIsoString},
    {"toJSON", ToJsonValue},
    {"toLocaleDateString", nullptr, kLocale},
    {"toLocaleString", nullptr, kLocale},
    {"toLocaleTimeString", nullptr, kLocale},
    {"toString", ToText},
    {"toUTCString", ToUtcString},
    {"valueOf", GetTime},
};

Result<double> Now(const Call& call) {
  const Clock* clock = call.run.scope().clock;
  if (clock == nullptr) return Refused(call.range, "there is no clock here");
  return std::floor(static_cast<double>(clock->LogicalNow().micros) / 1000);
}

Result<Value> NowValue(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double now, Now(call));
  return Value::Number(now);
}

Result<Value> Parse(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(0));
  ARROW_ASSIGN_OR_RAISE(const double ms, ParseDate(text.as_string(), call.run.scope().zone));
  return Value::Number(ms);
}

// Year, month… as numbers; years 0 to 99 are of the twentieth century.
Result<double> FromFields(const Call& call) {
  DateFields fields;
  for (size_t i = 0; i < std::min<size_t>(call.count(), 7); ++i) {
    ARROW_ASSIGN_OR_RAISE(fields.values[i], call.Number(i));
  }
  const double year = std::trunc(fields.values[0]);
  if (year >= 0 && year <= 99) fields.values[0] = 1900 + year;
  return MsOf(fields);
}

Result<Value> Utc(const Call& call) {
  if (call.count() == 0) return Value::Number(kNan);
  ARROW_ASSIGN_OR_RAISE(const double ms, FromFields(call));
  return Value::Number(ClipDate(ms));
}

constexpr Builtin kFunctions[] = {{"UTC", Utc}, {"now", NowValue}, {"parse", Parse}};

}  // namespace

Builtins DateMethods() {
  return kMethods;
}
Builtins DateFunctions() {
  return kFunctions;
}

Result<Value> ConstructDate(const Call& call) {
  if (call.count() == 0) {
    ARROW_ASSIGN_OR_RAISE(const double now, Now(call));
    return Value::Date(now);
  }
  if (call.count() > 1) {
    ARROW_ASSIGN_OR_RAISE(const double local, FromFields(call));
    ARROW_ASSIGN_OR_RAISE(const double ms, FromZone(local, call.run.scope().zone));
    return Value::Date(ClipDate(ms));
  }
  const Value& argument = call.At(0);
  const bool as_text = argument.is_string() || argument.kind() >= Value::Kind::kArray;
  if (as_text && argument.kind() != Value::Kind::kDate) {
    ARROW_ASSIGN_OR_RAISE(const Value ms, Parse(call));
    return Value::Date(ms.as_number());
  }
  ARROW_ASSIGN_OR_RAISE(const double ms, call.Number(0));
  return Value::Date(ClipDate(ms));
}

Result<Value> CallDate(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double now, Now(call));
  return call.run.ToText(Value::Date(now), call.range);
}

Result<std::u16string> DateText(double ms, std::string_view zone) {
  if (std::isnan(ms)) return u"Invalid Date";
  ARROW_ASSIGN_OR_RAISE(const double local, ToZone(ms, zone));
  const DateFields fields = FieldsOf(local);
  const double minutes = std::abs(local - ms) / 60'000;
  const std::string sign = local < ms ? "-" : "+";
  const std::string name = zone == "UTC" ? "Coordinated Universal Time" : std::string(zone);
  return Widen(DayText(fields) + " " + TimeText(fields) + " GMT" + sign + Two(std::floor(minutes / 60)) +
               Two(std::fmod(minutes, 60)) + " (" + name + ")");
}

}  // namespace firn::expression::javascript
