// The fixed table of functions, filters and methods. No host access: time comes from the scope's clock.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "expression/datetime.h"
#include "expression/decimal.h"
#include "expression/node.h"

namespace firn::expression {
namespace {

using Kind = Value::Kind;
using Arguments = std::vector<Value>;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

enum Use : unsigned { kFunction = 1, kFilter = 2, kMethod = 4 };

struct Entry {
  std::string_view name;
  unsigned uses;
  size_t arguments_min;  // with the filter's or method's input
  size_t arguments_max;
  Result<Value> (*run)(const Call& call);
};

Status Wrong(std::string message) {
  return MakeError(Fault::kConfig, std::move(message));
}

Result<std::string> TextArgument(const Call& call, size_t i) {
  const Value& value = call.arguments[i];
  if (value.kind() == Kind::kNull || value.kind() == Kind::kList || value.kind() == Kind::kMap) {
    return Wrong("'" + call.node->name + "' needs text, not " + std::string(KindName(value.kind())));
  }
  return ToText(value);
}

Result<int64_t> IntArgument(const Call& call, size_t i) {
  if (call.arguments[i].kind() != Kind::kInt) {
    return Wrong("'" + call.node->name + "' needs an integer, not " + std::string(KindName(call.arguments[i].kind())));
  }
  return call.arguments[i].as_int();
}

Result<Timestamp> Now(const Call& call) {
  if (call.scope->clock == nullptr) return Wrong("'" + call.node->name + "' is not available here");
  return call.scope->clock->LogicalNow();
}

Timestamp FloorToDay(Timestamp time) {
  int64_t rest = time.micros % kMicrosPerDay;
  if (rest < 0) rest += kMicrosPerDay;
  return {.micros = time.micros - rest};
}

// A datetime, ISO text, or seconds since 1970.
Result<Timestamp> TimeArgument(const Call& call, size_t i) {
  const Value& value = call.arguments[i];
  if (value.kind() == Kind::kDatetime) return value.as_datetime();
  if (value.is_string()) return ParseIso(value.as_string(), "UTC");
  int64_t micros = 0;
  if (value.kind() == Kind::kInt && !__builtin_mul_overflow(value.as_int(), kMicrosPerSecond, &micros)) {
    return Timestamp{.micros = micros};
  }
  if (value.kind() == Kind::kNumber) {
    ARROW_ASSIGN_OR_RAISE(const std::string text, ComputeDecimals(DecimalOp::kMultiply, value.as_number(), "1000000"));
    const Value exact = Value::NumberText(text.substr(0, text.find('.')));
    if (exact.kind() == Kind::kInt) return Timestamp{.micros = exact.as_int()};
  }
  return Wrong("'" + call.node->name + "' needs a time, not " + std::string(KindName(value.kind())));
}

Result<Value> NowUtc(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp now, Now(call));
  return Value::Datetime(now);
}

Result<Value> TodayUtc(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp now, Now(call));
  return Value::Datetime(FloorToDay(now));
}

// day_delta(days[, pattern]): now plus so many days, as text.
Result<Value> DayDelta(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp now, Now(call));
  ARROW_ASSIGN_OR_RAISE(const int64_t days, IntArgument(call, 0));
  if (std::abs(days) > 400'000) return Wrong("'day_delta' takes at most 400,000 days");
  std::string pattern = "%Y-%m-%dT%H:%M:%S.%f%z";
  if (call.arguments.size() > 1) {
    ARROW_ASSIGN_OR_RAISE(pattern, TextArgument(call, 1));
  }
  ARROW_ASSIGN_OR_RAISE(std::string text,
                        FormatByPattern({.micros = now.micros + days * kMicrosPerDay}, pattern, "UTC"));
  return Value::String(std::move(text));
}

// format_datetime(time, pattern[, zone])
Result<Value> FormatDatetime(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp time, TimeArgument(call, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string pattern, TextArgument(call, 1));
  std::string zone = "UTC";
  if (call.arguments.size() > 2) {
    ARROW_ASSIGN_OR_RAISE(zone, TextArgument(call, 2));
  }
  ARROW_ASSIGN_OR_RAISE(std::string text, FormatByPattern(time, pattern, zone));
  return Value::String(std::move(text));
}

// datetime(text[, pattern[, zone]])
Result<Value> ParseDatetime(const Call& call) {
  if (call.arguments.size() == 1) {
    ARROW_ASSIGN_OR_RAISE(const Timestamp time, TimeArgument(call, 0));
    return Value::Datetime(time);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string pattern, TextArgument(call, 1));
  std::string zone = "UTC";
  if (call.arguments.size() > 2) {
    ARROW_ASSIGN_OR_RAISE(zone, TextArgument(call, 2));
  }
  ARROW_ASSIGN_OR_RAISE(const Timestamp time, ParseByPattern(text, pattern, zone));
  return Value::Datetime(time);
}

Result<Value> ToTimestamp(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp time, TimeArgument(call, 0));
  const int64_t seconds = time.micros / kMicrosPerSecond - static_cast<int64_t>(time.micros % kMicrosPerSecond < 0);
  return Value::Int(seconds);
}

Result<Value> ToDuration(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  ARROW_ASSIGN_OR_RAISE(const int64_t micros, ParseDurationMicros(text));
  return Value::OfDuration({.micros = micros});
}

Result<Value> Default(const Call& call) {
  const Value& value = call.arguments[0];
  const bool falsy_too = call.arguments.size() > 2 && Truthy(call.arguments[2]);
  const bool missing = falsy_too ? !Truthy(value) : value.is_null();
  if (!missing) return value;
  return call.arguments.size() > 1 ? call.arguments[1] : Value::String("");
}

template <int (*kChange)(int)>
Result<Value> ChangeCase(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(std::string text, TextArgument(call, 0));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x80) c = static_cast<char>(kChange(c));
  }
  return Value::String(std::move(text));
}

Result<Value> ToInt(const Call& call) {
  const Value& value = call.arguments[0];
  if (value.kind() == Kind::kBool) return Value::Int(value.as_bool() ? 1 : 0);
  std::string text = value.is_null() ? "" : ToText(value);
  if (value.is_number() || IsJsonNumber(text)) {
    const Value exact = Value::NumberText(text);
    if (exact.kind() == Kind::kInt) return exact;
    if (text.find_first_of("eE") == std::string::npos) {
      const Value whole = Value::NumberText(text.substr(0, text.find('.')));  // towards zero, as Python's int()
      if (whole.kind() == Kind::kInt) return whole;
    }
  }
  if (call.arguments.size() > 1) return call.arguments[1];
  return Wrong("no integer that fits 64 bits");
}

Result<Value> ToNumber(const Call& call) {
  const Value& value = call.arguments[0];
  const std::string text = value.is_null() ? "" : ToText(value);
  if (value.kind() != Kind::kBool && IsJsonNumber(text)) return Value::NumberText(text);
  if (call.arguments.size() > 1) return call.arguments[1];
  return Wrong("no number");
}

Result<Value> ToStringValue(const Call& call) {
  return Value::String(ToText(call.arguments[0]));
}

Result<Value> ToBool(const Call& call) {
  const Value& value = call.arguments[0];
  if (!value.is_string()) return Value::Bool(Truthy(value));
  if (value.as_string() == "true" || value.as_string() == "True") return Value::Bool(true);
  if (value.as_string() == "false" || value.as_string() == "False") return Value::Bool(false);
  return Wrong("no boolean; write true or false");
}

Result<Value> Length(const Call& call) {
  const Value& value = call.arguments[0];
  if (value.kind() == Kind::kList) return Value::Int(static_cast<int64_t>(value.as_list().size()));
  if (value.kind() == Kind::kMap) return Value::Int(static_cast<int64_t>(value.as_map().size()));
  if (!value.is_string()) return Wrong("a " + std::string(KindName(value.kind())) + " has no length");
  const std::string& text = value.as_string();  // in code points
  return Value::Int(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Result<Value> Join(const Call& call) {
  if (call.arguments[0].kind() != Kind::kList) return Wrong("'join' needs a list");
  std::string separator;
  if (call.arguments.size() > 1) {
    ARROW_ASSIGN_OR_RAISE(separator, TextArgument(call, 1));
  }
  std::string out;
  bool first = true;
  for (const Value& item : call.arguments[0].as_list()) {
    if (!first) out += separator;
    first = false;
    out += ToText(item);
    if (static_cast<int64_t>(out.size()) > call.budget->limits->output_bytes) return Wrong("the result is too long");
  }
  return Value::String(std::move(out));
}

Result<Value> Replace(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string from, TextArgument(call, 1));
  ARROW_ASSIGN_OR_RAISE(const std::string to, TextArgument(call, 2));
  if (from.empty()) return Wrong("'replace' needs a text to look for");
  std::string out;
  size_t at = 0;
  for (size_t found = text.find(from); found != std::string::npos; found = text.find(from, at)) {
    out.append(text, at, found - at).append(to);
    at = found + from.size();
    if (static_cast<int64_t>(out.size()) > call.budget->limits->output_bytes) return Wrong("the result is too long");
  }
  return Value::String(out.append(text, at));
}

Result<Value> Split(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string separator, TextArgument(call, 1));
  if (separator.empty()) return Wrong("'split' needs a separator");
  List items;
  size_t at = 0;
  for (size_t found = text.find(separator); found != std::string::npos; found = text.find(separator, at)) {
    items.push_back(Value::String(text.substr(at, found - at)));
    at = found + separator.size();
  }
  items.push_back(Value::String(text.substr(at)));
  ARROW_RETURN_NOT_OK(call.budget->Spend(call.node->range, static_cast<int64_t>(items.size() * 16)));
  return Value::OfList(std::move(items));
}

Result<Value> Trim(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return Value::String("");
  return Value::String(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

Result<Value> StartsWith(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string part, TextArgument(call, 1));
  return Value::Bool(text.compare(0, part.size(), part) == 0);
}

Result<Value> EndsWith(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string part, TextArgument(call, 1));
  return Value::Bool(text.size() >= part.size() && text.compare(text.size() - part.size(), part.size(), part) == 0);
}

Result<Value> First(const Call& call) {
  if (call.arguments[0].kind() != Kind::kList) return Wrong("'first' needs a list");
  const List& items = call.arguments[0].as_list();
  return items.empty() ? Value::Null() : items.front();
}

Result<Value> Last(const Call& call) {
  if (call.arguments[0].kind() != Kind::kList) return Wrong("'last' needs a list");
  const List& items = call.arguments[0].as_list();
  return items.empty() ? Value::Null() : items.back();
}

Result<Value> Get(const Call& call) {
  if (call.arguments[0].is_null()) return call.arguments.size() > 2 ? call.arguments[2] : Value::Null();
  ARROW_ASSIGN_OR_RAISE(const std::string key, TextArgument(call, 1));
  if (call.arguments[0].kind() != Kind::kMap) return Wrong("'get' needs a map");
  if (const Value* found = call.arguments[0].Find(key)) return *found;
  return call.arguments.size() > 2 ? call.arguments[2] : Value::Null();
}

Result<Value> Extreme(const Call& call, int sign) {
  const Arguments& arguments = call.arguments;
  const bool of_list = arguments.size() == 1 && arguments[0].kind() == Kind::kList;
  const List& items = of_list ? arguments[0].as_list() : arguments;
  if (items.empty()) return Value::Null();
  Value best = items[0];
  for (const Value& item : items) {
    ARROW_ASSIGN_OR_RAISE(const int order, Compare(item, best));
    if (order * sign > 0) best = item;
  }
  return best;
}

Result<Value> Max(const Call& call) {
  return Extreme(call, 1);
}
Result<Value> Min(const Call& call) {
  return Extreme(call, -1);
}

Result<Value> Abs(const Call& call) {
  if (!call.arguments[0].is_number()) return Wrong("'abs' needs a number");
  const std::string text = ToText(call.arguments[0]);
  return Value::NumberText(text[0] == '-' ? text.substr(1) : text);
}

Result<Value> JsonText(const Call& call) {
  return Value::String(ToJson(call.arguments[0]));
}

Result<Value> FromJson(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  ARROW_RETURN_NOT_OK(call.budget->Spend(call.node->range, static_cast<int64_t>(text.size())));
  return ParseJson(text);
}

Result<Value> UrlEncode(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~');
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return Value::String(std::move(out));
}

Result<Value> Base64Encode(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  return Value::String(std::move(out));
}

Result<Value> Base64Decode(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, TextArgument(call, 0));
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0 || text.size() % 4 != 0) return Wrong("no base64 text");
  const auto padding = static_cast<size_t>(text.empty() ? 0 : std::count(text.end() - 2, text.end(), '='));
  out.resize(static_cast<size_t>(size) - padding);
  return Value::String(std::move(out));
}

constexpr std::array kEntries = {
    Entry{"abs", kFunction | kFilter, 1, 1, Abs},
    Entry{"base64decode", kFunction | kFilter, 1, 1, Base64Decode},
    Entry{"base64encode", kFunction | kFilter, 1, 1, Base64Encode},
    Entry{"bool", kFunction | kFilter, 1, 1, ToBool},
    Entry{"d", kFilter, 1, 3, Default},
    Entry{"datetime", kFunction | kFilter, 1, 3, ParseDatetime},
    Entry{"day_delta", kFunction, 1, 2, DayDelta},
    Entry{"default", kFunction | kFilter, 1, 3, Default},
    Entry{"duration", kFunction | kFilter, 1, 1, ToDuration},
    Entry{"endswith", kMethod, 2, 2, EndsWith},
    Entry{"first", kFilter, 1, 1, First},
    Entry{"format_datetime", kFunction | kFilter, 2, 3, FormatDatetime},
    Entry{"fromjson", kFunction | kFilter, 1, 1, FromJson},
    Entry{"get", kMethod, 2, 3, Get},
    Entry{"int", kFunction | kFilter, 1, 2, ToInt},
    Entry{"join", kFunction | kFilter, 1, 2, Join},
    Entry{"last", kFilter, 1, 1, Last},
    Entry{"length", kFunction | kFilter, 1, 1, Length},
    Entry{"lower", kFunction | kFilter | kMethod, 1, 1, ChangeCase<std::tolower>},
    Entry{"max", kFunction | kFilter, 1, 16, Max},
    Entry{"min", kFunction | kFilter, 1, 16, Min},
    Entry{"now_utc", kFunction, 0, 0, NowUtc},
    Entry{"number", kFunction | kFilter, 1, 2, ToNumber},
    Entry{"replace", kFunction | kFilter | kMethod, 3, 3, Replace},
    Entry{"split", kFunction | kFilter | kMethod, 2, 2, Split},
    Entry{"startswith", kMethod, 2, 2, StartsWith},
    Entry{"strftime", kFunction | kFilter | kMethod, 2, 3, FormatDatetime},
    Entry{"string", kFunction | kFilter, 1, 1, ToStringValue},
    Entry{"strip", kMethod, 1, 1, Trim},
    Entry{"timestamp", kFunction | kFilter | kMethod, 1, 1, ToTimestamp},
    Entry{"today_utc", kFunction, 0, 0, TodayUtc},
    Entry{"tojson", kFunction | kFilter, 1, 1, JsonText},
    Entry{"trim", kFilter, 1, 1, Trim},
    Entry{"upper", kFunction | kFilter | kMethod, 1, 1, ChangeCase<std::toupper>},
    Entry{"urlencode", kFunction | kFilter, 1, 1, UrlEncode},
};

const Entry* FindEntry(std::string_view name, unsigned use) {
  const auto found =
      std::find_if(kEntries.begin(), kEntries.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == kEntries.end() || (found->uses & use) == 0 ? nullptr : found;
}

}  // namespace

bool IsFunction(std::string_view name) {
  return FindEntry(name, kFunction) != nullptr;
}
bool IsFilter(std::string_view name) {
  return FindEntry(name, kFilter) != nullptr;
}
bool IsMethod(std::string_view name) {
  return FindEntry(name, kMethod) != nullptr;
}

bool IsTest(std::string_view name) {
  constexpr std::array<std::string_view, 9> kTests = {"defined", "undefined", "none",    "string",  "number",
                                                      "integer", "boolean",   "mapping", "sequence"};
  return std::find(kTests.begin(), kTests.end(), name) != kTests.end();
}

Result<Value> RunCall(const Call& call) {
  const unsigned use = call.node->kind == Node::Kind::kCall     ? kFunction
                       : call.node->kind == Node::Kind::kFilter ? kFilter
                                                                : kMethod;
  const Entry* entry = FindEntry(call.node->name, use);
  if (entry == nullptr) return Wrong("unknown function '" + call.node->name + "'");
  if (call.arguments.size() < entry->arguments_min || call.arguments.size() > entry->arguments_max) {
    return Wrong("'" + call.node->name + "' takes " + std::to_string(entry->arguments_min) +
                 (entry->arguments_max > entry->arguments_min ? " to " + std::to_string(entry->arguments_max) : "") +
                 " arguments, not " + std::to_string(call.arguments.size()));
  }
  return entry->run(call);
}

}  // namespace firn::expression
