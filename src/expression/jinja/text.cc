// str(), repr() and json.dumps() as Python prints them.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "expression/jinja/object.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

// Python's shortest digits in "%r" form: exponents from 1e16 on and below 1e-4.
std::string ArrangeDigits(std::string_view scientific) {
  const size_t e = scientific.find('e');
  const bool negative = scientific[0] == '-';
  std::string digits;
  for (const char c : scientific.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  int exponent = std::atoi(std::string(scientific.substr(e + 1)).c_str());
  std::string out = negative ? "-" : "";
  const auto num_digits = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits.substr(0, 1);
    if (num_digits > 1) out += "." + digits.substr(1);
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "e%+03d", exponent);
    return out + text.data();
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (num_digits <= exponent + 1)
    return out + digits + std::string(static_cast<size_t>(exponent + 1 - num_digits), '0') + ".0";
  return out + digits.substr(0, static_cast<size_t>(exponent) + 1) + "." +
         digits.substr(static_cast<size_t>(exponent) + 1);
}

void AppendReprString(std::string_view text, std::string* out) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  out->push_back(quote);
  for (const char32_t code : Decode(text)) {
    std::array<char, 16> escape{};
    if (code == static_cast<unsigned char>(quote) || code == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(code));
    } else if (code == '\n' || code == '\r' || code == '\t') {
      *out += code == '\n' ? "\\n" : (code == '\r' ? "\\r" : "\\t");
    } else if (IsPrintable(code)) {
      AppendCodePoint(code, out);
    } else {
      std::snprintf(escape.data(), escape.size(), code < 0x100 ? "\\x%02x" : (code < 0x10000 ? "\\u%04x" : "\\U%08x"),
                    static_cast<unsigned>(code));
      *out += escape.data();
    }
  }
  out->push_back(quote);
}

void AppendReprBytes(std::string_view bytes, std::string* out) {
  const char quote =
      bytes.find('\'') != std::string_view::npos && bytes.find('"') == std::string_view::npos ? '"' : '\'';
  *out += 'b';
  out->push_back(quote);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    std::array<char, 8> escape{};
    if (c == quote || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      *out += c == '\n' ? "\\n" : (c == '\r' ? "\\r" : "\\t");
    } else if (byte >= 0x20 && byte < 0x7F) {
      out->push_back(c);
    } else {
      std::snprintf(escape.data(), escape.size(), "\\x%02x", byte);
      *out += escape.data();
    }
  }
  out->push_back(quote);
}

void AppendRepr(const Value& value, std::string* out);

void AppendItems(const List& items, std::string* out) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) *out += ", ";
    first = false;
    AppendRepr(item, out);
  }
}

void AppendMap(const Entries& entries, std::string* out) {
  *out += '{';
  bool first = true;
  for (const auto& [key, value] : entries) {
    if (!first) *out += ", ";
    first = false;
    AppendRepr(key, out);
    *out += ": ";
    AppendRepr(value, out);
  }
  *out += '}';
}

std::string ReprTimedelta(int64_t micros) {
  const TimedeltaParts parts = PartsOf(micros);
  std::string inside;
  const auto add = [&](const char* name, int64_t number) {
    if (number == 0) return;
    if (!inside.empty()) inside += ", ";
    inside += std::string(name) + "=" + std::to_string(number);
  };
  add("days", parts.days);
  add("seconds", parts.seconds);
  add("microseconds", parts.micros);
  return "datetime.timedelta(" + (inside.empty() ? "0" : inside) + ")";
}

std::string ReprDatetime(const Value& value) {
  const CivilTime civil = CivilOf(value.as_wall());
  std::string out = "datetime.datetime(" + std::to_string(civil.year) + ", " + std::to_string(civil.month) + ", " +
                    std::to_string(civil.day) + ", " + std::to_string(civil.hour) + ", " + std::to_string(civil.minute);
  if (civil.second != 0 || civil.micros != 0) out += ", " + std::to_string(civil.second);
  if (civil.micros != 0) out += ", " + std::to_string(civil.micros);
  if (const auto offset = value.offset_seconds()) {
    const bool pytz = ValueAccess::Has(value, ValueAccess::kZoneNameBit);
    out += ", tzinfo=";
    if (*offset == 0) {
      out += pytz ? "<UTC>" : "datetime.timezone.utc";
    } else {
      out += "datetime.timezone(" + ReprTimedelta(*offset * int64_t{1'000'000}) + ")";
    }
  }
  return out + ")";
}

std::string InternalText(const Value& value) {
  const InternalObject& object = ValueAccess::InternalOf(value);
  switch (object.type) {
    case InternalObject::Type::kMethod:
      return "<built-in method " + object.name + " of " + std::string(TypeName(object.receiver)) + " object>";
    case InternalObject::Type::kFunction:
      return "<function " + object.name + ">";
    case InternalObject::Type::kGenerator:
      return "<generator object " + object.name + ">";
    case InternalObject::Type::kView: {
      std::string out = object.name + "([";
      AppendItems(object.items, &out);
      return out + "])";
    }
    case InternalObject::Type::kNamespace:
      return "<Namespace>";
    case InternalObject::Type::kLoop:
      return "<LoopContext>";
    case InternalObject::Type::kTemplate:
      return "<TemplateReference None>";
  }
  return "";
}

void AppendRepr(const Value& value, std::string* out) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      *out += "Undefined";
      return;
    case Value::Kind::kString:
      if (IsMarkup(value)) *out += "Markup(";
      AppendReprString(value.as_string(), out);
      if (IsMarkup(value)) *out += ')';
      return;
    case Value::Kind::kDatetime:
      *out += ReprDatetime(value);
      return;
    case Value::Kind::kDate: {
      const CivilTime civil = CivilOf({.micros = value.as_days() * kMicrosPerDay});
      *out += "datetime.date(" + std::to_string(civil.year) + ", " + std::to_string(civil.month) + ", " +
              std::to_string(civil.day) + ")";
      return;
    }
    case Value::Kind::kTimedelta:
      *out += ReprTimedelta(value.as_micros());
      return;
    case Value::Kind::kDuration: {
      const CalendarDuration duration = value.as_duration();
      const TimedeltaParts parts = PartsOf(duration.micros);
      *out += "isodate.duration.Duration(" + std::to_string(parts.days) + ", " + std::to_string(parts.seconds) + ", " +
              std::to_string(parts.micros) + ", years=" + std::to_string(duration.years) +
              ", months=" + std::to_string(duration.months) + ")";
      return;
    }
    case Value::Kind::kBytes:
      AppendReprBytes(value.as_string(), out);
      return;
    case Value::Kind::kList:
      *out += '[';
      AppendItems(value.as_list(), out);
      *out += ']';
      return;
    case Value::Kind::kTuple:
      *out += '(';
      AppendItems(value.as_list(), out);
      *out += value.as_list().size() == 1 ? ",)" : ")";
      return;
    case Value::Kind::kSet:
      if (value.as_list().empty()) {
        *out += "set()";
        return;
      }
      *out += '{';
      AppendItems(value.as_list(), out);
      *out += '}';
      return;
    case Value::Kind::kMap:
      AppendMap(value.as_map(), out);
      return;
    default:
      *out += ToText(value);
  }
}

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific).ptr;
  return ArrangeDigits(std::string_view(text.data(), static_cast<size_t>(end - text.data())));
}

std::string ToText(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return "";
    case Value::Kind::kNull:
      return "None";
    case Value::Kind::kBool:
      return value.as_bool() ? "True" : "False";
    case Value::Kind::kInt:
      return std::to_string(value.as_int());
    case Value::Kind::kFloat:
      return FloatRepr(value.as_float());
    case Value::Kind::kString:
    case Value::Kind::kBigInt:
      return std::string(value.as_string());
    case Value::Kind::kDatetime:
      return IsoText(value.as_wall(), value.offset_seconds(), ' ', "auto");
    case Value::Kind::kDate:
      return IsoDateText(value.as_days());
    case Value::Kind::kTimedelta:
      return TimedeltaText(value.as_micros());
    case Value::Kind::kDuration:
      return DurationText(value.as_duration());
    case Value::Kind::kEllipsis:
      return "Ellipsis";
    case Value::Kind::kInternal:
      return InternalText(value);
    default:
      return ToRepr(value);
  }
}

std::string ToRepr(const Value& value) {
  std::string out;
  AppendRepr(value, &out);
  return out;
}

namespace {

struct JsonStyle {
  bool ascii = false;
  bool strict = false;  // as json.dumps: what JSON cannot say is an error
  bool sort_keys = false;
  int indent = -1;
  std::string_view comma = ",";
  std::string_view colon = ":";
};

void AppendJsonString(std::string_view text, bool ascii, std::string* out) {
  out->push_back('"');
  std::array<char, 16> escape{};
  const auto unit = [&](unsigned code) {
    std::snprintf(escape.data(), escape.size(), "\\u%04x", code);
    *out += escape.data();
  };
  const bool plain = !ascii || IsAscii(text);
  const auto one = [&](char32_t code) {
    constexpr std::string_view kFrom = "\"\\\n\r\t\b\f";
    constexpr std::string_view kTo = "\"\\nrtbf";
    if (const size_t known = code < 0x80 ? kFrom.find(static_cast<char>(code)) : std::string_view::npos;
        known != std::string_view::npos) {
      out->push_back('\\');
      out->push_back(kTo[known]);
    } else if (code < 0x20) {
      unit(code);
    } else if (code < 0x80 || !ascii) {
      AppendCodePoint(code, out);
    } else if (code < 0x10000) {
      unit(code);
    } else {
      unit(static_cast<unsigned>(0xD800 + ((code - 0x10000) >> 10)));
      unit(static_cast<unsigned>(0xDC00 + ((code - 0x10000) & 0x3FF)));
    }
  };
  if (plain) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x80) {
        out->push_back(c);
      } else {
        one(byte);
      }
    }
  } else {
    for (const char32_t code : Decode(text)) one(code);
  }
  out->push_back('"');
}

Status NotJson(const Value& value) {
  return MakeError(Fault::kBadData, "Object of type " + std::string(TypeName(value)) + " is not JSON serializable");
}

Result<std::string> KeyText(const Value& key, const JsonStyle& style) {
  switch (key.kind()) {
    case Value::Kind::kString:
      return std::string(key.as_string());
    case Value::Kind::kNull:
      return std::string("null");
    case Value::Kind::kBool:
      return std::string(key.as_bool() ? "true" : "false");
    case Value::Kind::kInt:
    case Value::Kind::kBigInt:
    case Value::Kind::kFloat:
      return ToText(key);
    default:
      if (style.strict) return MakeError(Fault::kBadData, "keys must be str, int, float, bool or None");
      return ToText(key);
  }
}

Status AppendJson(const Value& value, const JsonStyle& style, int depth, std::string* out);

void NewLine(const JsonStyle& style, int depth, std::string* out) {
  if (style.indent >= 0) *out += "\n" + std::string(static_cast<size_t>(style.indent * depth), ' ');
}

Status AppendJsonList(const List& items, const JsonStyle& style, int depth, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) *out += style.comma;
    NewLine(style, depth + 1, out);
    ARROW_RETURN_NOT_OK(AppendJson(items[i], style, depth + 1, out));
  }
  if (!items.empty()) NewLine(style, depth, out);
  out->push_back(']');
  return Status::OK();
}

Status AppendJsonMap(const Value& map, const JsonStyle& style, int depth, std::string* out) {
  if (style.strict && ValueAccess::MapOf(map).attributes.is_map()) return NotJson(map);
  std::vector<const std::pair<Value, Value>*> entries;
  for (const auto& entry : map.as_map()) entries.push_back(&entry);
  if (style.sort_keys) {
    Status failed;
    std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
      const auto order = Order(a->first, b->first);
      if (!order.ok()) failed = order.status();
      return order.ok() && *order == -1;
    });
    ARROW_RETURN_NOT_OK(failed);
  }
  out->push_back('{');
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) *out += style.comma;
    NewLine(style, depth + 1, out);
    ARROW_ASSIGN_OR_RAISE(const std::string key, KeyText(entries[i]->first, style));
    AppendJsonString(key, style.ascii, out);
    *out += style.colon;
    ARROW_RETURN_NOT_OK(AppendJson(entries[i]->second, style, depth + 1, out));
  }
  if (!entries.empty()) NewLine(style, depth, out);
  out->push_back('}');
  return Status::OK();
}

std::string JsonFloat(double value, bool strict) {
  if (std::isfinite(value)) return FloatRepr(value);
  if (!strict) return "null";
  return std::isnan(value) ? "NaN" : (value < 0 ? "-Infinity" : "Infinity");
}

Status AppendJson(const Value& value, const JsonStyle& style, int depth, std::string* out) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      *out += "null";
      return Status::OK();
    case Value::Kind::kBool:
      *out += value.as_bool() ? "true" : "false";
      return Status::OK();
    case Value::Kind::kInt:
    case Value::Kind::kBigInt:
      *out += ToText(value);
      return Status::OK();
    case Value::Kind::kFloat:
      *out += JsonFloat(value.as_float(), style.strict);
      return Status::OK();
    case Value::Kind::kString:
      AppendJsonString(value.as_string(), style.ascii, out);
      return Status::OK();
    case Value::Kind::kSet:
      if (style.strict) return NotJson(value);
      return AppendJsonList(value.as_list(), style, depth, out);
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return AppendJsonList(value.as_list(), style, depth, out);
    case Value::Kind::kMap:
      if (const LazyMap* lazy = value.lazy_map(); lazy != nullptr && !style.strict && lazy->AppendJson(out)) {
        return Status::OK();
      }
      return AppendJsonMap(value, style, depth, out);
    default:
      if (style.strict) return NotJson(value);
      if (value.is_undefined()) {
        *out += "null";
      } else {
        AppendJsonString(value.kind() == Value::Kind::kBytes ? value.as_string() : ToText(value), style.ascii, out);
      }
      return Status::OK();
  }
}

}  // namespace

Result<std::string> JsonDumps(const Value& value, bool sort_keys, int indent) {
  std::string out;
  const JsonStyle style{.ascii = true,
                        .strict = true,
                        .sort_keys = sort_keys,
                        .indent = indent,
                        .comma = indent < 0 ? ", " : ",",
                        .colon = ": "};
  ARROW_RETURN_NOT_OK(AppendJson(value, style, 0, &out));
  return out;
}

std::string ToJson(const Value& value) {
  std::string out;
  const Status appended = AppendJson(value, {}, 0, &out);
  return appended.ok() ? out : "null";
}

}  // namespace firn::expression::jinja
