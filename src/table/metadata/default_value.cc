#include "table/metadata/default_value.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "format/json/bytes_parse.h"
#include "format/json/number_parse.h"
#include "format/json/time_parse.h"

namespace firn::table {
namespace {

using Json = nlohmann::json;
using schema::TypeId;
namespace json = format::json;

constexpr int64_t kNanosPerMicro = 1000;
constexpr int64_t kMicrosPerDay = 86'400'000'000;

Status NoValue(const schema::Type& type) {
  return MakeError(Fault::kBadData, "no value of type " + schema::ToString(type));
}

std::optional<std::string> UuidBytes(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) digits += text[i];
  }
  return digits.size() == 32 ? json::ParseHex(digits) : std::nullopt;
}

// A date alone is its midnight.
Result<Literal::Value> TimestampValue(const schema::Type& type, const std::string& text) {
  const bool with_zone = type.id == TypeId::kTimestampTz || type.id == TypeId::kTimestampTzNs;
  const bool nanos = type.id == TypeId::kTimestampNs || type.id == TypeId::kTimestampTzNs;
  if (const auto date = json::ParseDate(text)) {
    const int64_t micros = *date * kMicrosPerDay;
    int64_t value = micros;
    if (nanos && __builtin_mul_overflow(micros, kNanosPerMicro, &value)) return NoValue(type);
    return value;
  }
  if (nanos) {
    const auto parsed = json::ParseTimestampNanos(text);
    return parsed && parsed->has_offset == with_zone ? Result<Literal::Value>(parsed->nanos) : NoValue(type);
  }
  const auto parsed = json::ParseTimestampText(text);
  return parsed && parsed->has_offset == with_zone ? Result<Literal::Value>(parsed->micros) : NoValue(type);
}

Result<Literal::Value> NumberValue(const schema::Type& type, const std::string& text) {
  json::Number number;
  if (!json::ParseNumber(text, number)) return NoValue(type);
  if (type.id == TypeId::kInt || type.id == TypeId::kLong) {
    const auto value = json::ToInt64(number);
    if (!value || (type.id == TypeId::kInt && (*value < INT32_MIN || *value > INT32_MAX))) return NoValue(type);
    return type.id == TypeId::kInt ? Literal::Value(static_cast<int32_t>(*value)) : Literal::Value(*value);
  }
  if (type.id == TypeId::kFloat) {
    const auto value = json::ToExactFloat(number);
    return value ? Result<Literal::Value>(*value) : NoValue(type);
  }
  if (type.id == TypeId::kDouble) {
    const auto value = json::ToExactDouble(number);
    return value ? Result<Literal::Value>(*value) : NoValue(type);
  }
  int32_t precision = 0;
  const auto value = json::ToDecimal(number, type.scale, precision);
  if (!value || precision > type.precision) return NoValue(type);
  return Int128{*value};
}

Result<Literal::Value> TextValue(const schema::Type& type, const std::string& text) {
  const auto take = [&](auto&& value) -> Result<Literal::Value> {
    if (!value) return NoValue(type);
    return Literal::Value(*std::forward<decltype(value)>(value));
  };
  switch (type.id) {
    case TypeId::kString:
      return Literal::Value(text);
    case TypeId::kDate:
      return take(json::ParseDate(text));
    case TypeId::kTime:
      return take(json::ParseTimeOfDay(text));
    case TypeId::kUuid:
      return take(UuidBytes(text));
    case TypeId::kBinary:
      return take(json::ParseHex(text));
    case TypeId::kFixed: {
      auto bytes = json::ParseHex(text);
      if (bytes && bytes->size() != static_cast<size_t>(type.length)) bytes.reset();
      return take(std::move(bytes));
    }
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return TimestampValue(type, text);
    default:
      return NoValue(type);
  }
}

bool IsNumeric(const schema::Type& type) {
  return type.id == TypeId::kInt || type.id == TypeId::kLong || type.id == TypeId::kFloat ||
         type.id == TypeId::kDouble || type.id == TypeId::kDecimal;
}

std::string NumberJson(double value) {
  return Json(value).dump();
}

}  // namespace

Result<Literal> ParseDefault(const schema::TypePtr& type, std::string_view text) {
  if (text.empty() || text == "null") return Literal::Null(type);
  if (!type->is_primitive()) return NoValue(*type);
  const Json tree = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (tree.is_discarded() || tree.is_structured()) return NoValue(*type);
  Result<Literal::Value> value = NoValue(*type);
  if (type->id == TypeId::kBoolean) {
    if (tree.is_boolean()) value = Literal::Value(tree.get<bool>());
  } else if (IsNumeric(*type)) {
    // Of numbers the text counts; decimals are written as text.
    const bool as_text = tree.is_string() && type->id == TypeId::kDecimal;
    if (tree.is_number() || as_text) value = NumberValue(*type, as_text ? tree.get<std::string>() : std::string(text));
  } else if (tree.is_string()) {
    value = TextValue(*type, tree.get<std::string>());
  }
  ARROW_RETURN_NOT_OK(value.status());
  return Literal{.type = type, .value = *std::move(value)};
}

std::string WriteDefault(const Literal& value) {
  if (value.is_null()) return "null";
  switch (value.type->id) {
    case TypeId::kBoolean:
    case TypeId::kInt:
    case TypeId::kLong:
      return ToString(value);
    case TypeId::kFloat:
      return NumberJson(double{std::get<float>(value.value)});
    case TypeId::kDouble:
      return NumberJson(std::get<double>(value.value));
    case TypeId::kTimestampTz:
    case TypeId::kTimestampTzNs: {
      std::string text = ToString(value);
      text.replace(text.size() - 1, 1, "+00:00");
      return Json(text).dump();
    }
    default:
      return Json(ToString(value)).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

Result<std::string> DefaultFromText(const schema::TypePtr& type, std::string_view text) {
  auto value = ParseDefault(type, text);
  if (!value.ok() || text.empty()) {
    value = ParseDefault(type, Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  if (value.ok()) return WriteDefault(*value);
  return MakeError(Fault::kConfig, "the default is no value of type " + schema::ToString(*type),
                   {.code = "E0931",
                    .why = std::string(text),
                    .state = "nothing was changed",
                    .next = "write a value of that type: 12, EUR, 2024-01-31, 2024-01-31T12:00:00Z"});
}

bool HasDefaults(const schema::Schema& schema) {
  const auto has = [](const auto& self, const std::vector<schema::Field>& fields) -> bool {
    return std::ranges::any_of(fields, [&](const schema::Field& field) {
      return !field.initial_default.empty() || !field.write_default.empty() || self(self, field.type->children);
    });
  };
  return has(has, schema.fields);
}

namespace {

Status CheckFields(const std::vector<schema::Field>& fields, const std::string& prefix) {
  for (const schema::Field& field : fields) {
    const std::string path = prefix + field.name;
    for (const std::string& text : {field.initial_default, field.write_default}) {
      if (const auto value = ParseDefault(field.type, text); !value.ok()) {
        return MakeError(Fault::kConfig,
                         "the default of column " + path + " cannot be applied: " + value.status().message());
      }
    }
    if (!prefix.empty() && !field.write_default.empty() && field.write_default != "null") {
      return MakeError(Fault::kConfig,
                       "column " + path + " lies in a struct and has a default, which new rows would lack");
    }
    ARROW_RETURN_NOT_OK(CheckFields(field.type->children, path + "."));
  }
  return Status::OK();
}

}  // namespace

Status CheckDefaults(const schema::Schema& schema) {
  return CheckFields(schema.fields, "");
}

}  // namespace firn::table
