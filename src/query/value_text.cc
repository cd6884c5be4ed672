#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "query/result_format.h"

/// One value as text: the only place that knows how each Arrow type is printed.
namespace firn::query {
namespace {

template <typename ArrayType>
const ArrayType& As(const arrow::Array& array) {
  return static_cast<const ArrayType&>(array);
}

template <typename Number>
void AppendInteger(Number value, std::string& out) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

// The fewest digits that read back to the same number; ".0" keeps it a fraction for readers that look at the text.
template <typename Number>
void AppendFloat(Number value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "Infinity" : "-Infinity";
  } else {
    std::array<char, 64> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

// All digits, never an exponent.
void AppendDecimal(std::string digits, int32_t scale, std::string& out) {
  if (digits.starts_with('-')) {
    out += '-';
    digits.erase(0, 1);
  }
  const auto fraction = static_cast<size_t>(std::max(scale, 0));
  if (digits.size() <= fraction) digits.insert(0, fraction + 1 - digits.size(), '0');
  out.append(digits, 0, digits.size() - fraction);
  if (fraction > 0) out.append(".").append(digits, digits.size() - fraction);
  if (scale < 0 && digits != "0") out.append(static_cast<size_t>(-scale), '0');
}

void AppendHex(std::string_view bytes, std::string& out) {
  out += HexOf(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void AppendUuid(std::string_view bytes, std::string& out) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    AppendHex(bytes.substr(i, 1), out);
  }
}

void AppendPadded(int64_t value, size_t width, std::string& out) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

// DuckDB keeps its infinities in the largest values.
template <typename Number>
bool AppendInfinity(Number value, std::string& out) {
  if (value == std::numeric_limits<Number>::max()) {
    out += "infinity";
    return true;
  }
  if (value != -std::numeric_limits<Number>::max()) return false;
  out += "-infinity";
  return true;
}

void AppendDate(int64_t days, std::string& out) {
  // Howard Hinnant's civil calendar arithmetic, by std::chrono, in eras of 400 years for years beyond its range.
  constexpr int64_t kEraDays = 146'097;
  const int64_t era = days >= 0 ? days / kEraDays : -((-days + kEraDays - 1) / kEraDays);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days - era * kEraDays))};
  const int64_t year = int{date.year()} + 400 * era;
  if (year < 0) out += '-';
  AppendPadded(std::abs(year), 4, out);
  out += '-';
  AppendPadded(static_cast<int64_t>(unsigned{date.month()}), 2, out);
  out += '-';
  AppendPadded(static_cast<int64_t>(unsigned{date.day()}), 2, out);
}

int64_t PerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    case arrow::TimeUnit::NANO:
      return 1'000'000'000;
  }
  return 1;
}

// `value`: units since midnight. Fraction digits as many as the unit has, none if they are all zero.
void AppendTime(int64_t value, arrow::TimeUnit::type unit, std::string& out) {
  const int64_t per_second = PerSecond(unit);
  const int64_t seconds = value / per_second;
  AppendPadded(seconds / 3600, 2, out);
  out += ':';
  AppendPadded(seconds / 60 % 60, 2, out);
  out += ':';
  AppendPadded(seconds % 60, 2, out);
  if (const int64_t fraction = value % per_second; fraction != 0) {
    out += '.';
    AppendPadded(fraction, std::to_string(per_second).size() - 1, out);
  }
}

void AppendTimestamp(int64_t value, const arrow::TimestampType& type, std::string& out) {
  if (AppendInfinity(value, out)) return;
  const int64_t per_day = 86'400 * PerSecond(type.unit());
  int64_t days = value / per_day;
  if (value % per_day < 0) --days;
  AppendDate(days, out);
  out += 'T';
  AppendTime(value - days * per_day, type.unit(), out);
  if (!type.timezone().empty()) out += 'Z';
}

enum class Style { kJson, kText };

Status Append(const arrow::Array& array, int64_t row, Style style, std::string& out);

void AppendString(std::string_view text, Style style, std::string& out) {
  if (style == Style::kJson) return AppendJsonText(text, out);
  out += text;
}

// Numbers stand bare; what JSON has no number for, and everything else, is quoted.
template <typename Print>
void AppendQuoted(Style style, std::string& out, Print print) {
  if (style == Style::kJson) out += '"';
  print();
  if (style == Style::kJson) out += '"';
}

template <typename Number>
void AppendFloatIn(Style style, Number value, std::string& out) {
  if (std::isfinite(value)) return AppendFloat(value, out);
  AppendQuoted(style, out, [&] { AppendFloat(value, out); });
}

Status AppendItems(const arrow::Array& values, int64_t begin, int64_t end, std::string& out) {
  out += '[';
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) out += ',';
    ARROW_RETURN_NOT_OK(Append(values, i, Style::kJson, out));
  }
  out += ']';
  return Status::OK();
}

Status AppendStruct(const arrow::StructArray& array, int64_t row, std::string& out) {
  out += '{';
  for (int i = 0; i < array.num_fields(); ++i) {
    if (i > 0) out += ',';
    AppendJsonText(array.struct_type()->field(i)->name(), out);
    out += ':';
    ARROW_RETURN_NOT_OK(Append(*array.field(i), row, Style::kJson, out));
  }
  out += '}';
  return Status::OK();
}

Status AppendMap(const arrow::MapArray& array, int64_t row, std::string& out) {
  out += '[';
  for (int64_t i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
    if (i > array.value_offset(row)) out += ',';
    out += "{\"key\":";
    ARROW_RETURN_NOT_OK(Append(*array.keys(), i, Style::kJson, out));
    out += ",\"value\":";
    ARROW_RETURN_NOT_OK(Append(*array.items(), i, Style::kJson, out));
    out += '}';
  }
  out += ']';
  return Status::OK();
}

Status AppendNested(const arrow::Array& array, int64_t row, std::string& out) {
  switch (array.type_id()) {
    case arrow::Type::STRUCT:
      return AppendStruct(As<arrow::StructArray>(array), row, out);
    case arrow::Type::MAP:
      return AppendMap(As<arrow::MapArray>(array), row, out);
    case arrow::Type::LIST: {
      const auto& list = As<arrow::ListArray>(array);
      return AppendItems(*list.values(), list.value_offset(row), list.value_offset(row + 1), out);
    }
    case arrow::Type::LARGE_LIST: {
      const auto& list = As<arrow::LargeListArray>(array);
      return AppendItems(*list.values(), list.value_offset(row), list.value_offset(row + 1), out);
    }
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& list = As<arrow::FixedSizeListArray>(array);
      return AppendItems(*list.values(), list.value_offset(row), list.value_offset(row + 1), out);
    }
    default:
      return MakeError(Fault::kBug, "no text form for values of type " + array.type()->ToString());
  }
}

// Returns false if the type is not one of time.
bool AppendTemporal(const arrow::Array& array, int64_t row, Style style, std::string& out) {
  switch (array.type_id()) {
    case arrow::Type::DATE32:
      AppendQuoted(style, out, [&] {
        const int32_t days = As<arrow::Date32Array>(array).Value(row);
        if (!AppendInfinity(days, out)) AppendDate(days, out);
      });
      return true;
    case arrow::Type::TIME32:
      AppendQuoted(style, out, [&] {
        AppendTime(As<arrow::Time32Array>(array).Value(row),
                   static_cast<const arrow::Time32Type&>(*array.type()).unit(), out);
      });
      return true;
    case arrow::Type::TIME64:
      AppendQuoted(style, out, [&] {
        AppendTime(As<arrow::Time64Array>(array).Value(row),
                   static_cast<const arrow::Time64Type&>(*array.type()).unit(), out);
      });
      return true;
    case arrow::Type::TIMESTAMP:
      AppendQuoted(style, out, [&] {
        AppendTimestamp(As<arrow::TimestampArray>(array).Value(row),
                        static_cast<const arrow::TimestampType&>(*array.type()), out);
      });
      return true;
    default:
      return false;
  }
}

// Returns false if the type is no number.
bool AppendNumber(const arrow::Array& array, int64_t row, Style style, std::string& out) {
  switch (array.type_id()) {
    case arrow::Type::INT8:
      AppendInteger(As<arrow::Int8Array>(array).Value(row), out);
      return true;
    case arrow::Type::INT16:
      AppendInteger(As<arrow::Int16Array>(array).Value(row), out);
      return true;
    case arrow::Type::INT32:
      AppendInteger(As<arrow::Int32Array>(array).Value(row), out);
      return true;
    case arrow::Type::INT64:
      AppendInteger(As<arrow::Int64Array>(array).Value(row), out);
      return true;
    case arrow::Type::UINT8:
      AppendInteger(As<arrow::UInt8Array>(array).Value(row), out);
      return true;
    case arrow::Type::UINT16:
      AppendInteger(As<arrow::UInt16Array>(array).Value(row), out);
      return true;
    case arrow::Type::UINT32:
      AppendInteger(As<arrow::UInt32Array>(array).Value(row), out);
      return true;
    case arrow::Type::UINT64:
      AppendInteger(As<arrow::UInt64Array>(array).Value(row), out);
      return true;
    case arrow::Type::FLOAT:
      AppendFloatIn(style, As<arrow::FloatArray>(array).Value(row), out);
      return true;
    case arrow::Type::DOUBLE:
      AppendFloatIn(style, As<arrow::DoubleArray>(array).Value(row), out);
      return true;
    case arrow::Type::DECIMAL128: {
      const arrow::Decimal128 value(As<arrow::Decimal128Array>(array).GetValue(row));
      AppendDecimal(value.ToIntegerString(), static_cast<const arrow::DecimalType&>(*array.type()).scale(), out);
      return true;
    }
    default:
      return false;
  }
}

Status Append(const arrow::Array& array, int64_t row, Style style, std::string& out) {
  if (array.IsNull(row)) {
    if (style == Style::kJson) out += "null";
    return Status::OK();
  }
  if (AppendNumber(array, row, style, out) || AppendTemporal(array, row, style, out)) return Status::OK();
  switch (array.type_id()) {
    case arrow::Type::NA:
      out += "null";
      return Status::OK();
    case arrow::Type::BOOL:
      out += As<arrow::BooleanArray>(array).Value(row) ? "true" : "false";
      return Status::OK();
    case arrow::Type::STRING:
      AppendString(As<arrow::StringArray>(array).GetView(row), style, out);
      return Status::OK();
    case arrow::Type::LARGE_STRING:
      AppendString(As<arrow::LargeStringArray>(array).GetView(row), style, out);
      return Status::OK();
    case arrow::Type::STRING_VIEW:
      AppendString(As<arrow::StringViewArray>(array).GetView(row), style, out);
      return Status::OK();
    case arrow::Type::BINARY:
      AppendQuoted(style, out, [&] { AppendHex(As<arrow::BinaryArray>(array).GetView(row), out); });
      return Status::OK();
    case arrow::Type::LARGE_BINARY:
      AppendQuoted(style, out, [&] { AppendHex(As<arrow::LargeBinaryArray>(array).GetView(row), out); });
      return Status::OK();
    case arrow::Type::FIXED_SIZE_BINARY:
      AppendQuoted(style, out, [&] { AppendHex(As<arrow::FixedSizeBinaryArray>(array).GetView(row), out); });
      return Status::OK();
    case arrow::Type::EXTENSION: {
      const arrow::Array& storage = *As<arrow::ExtensionArray>(array).storage();
      const auto& type = static_cast<const arrow::ExtensionType&>(*array.type());
      if (type.extension_name() != "arrow.uuid") return Append(storage, row, style, out);
      AppendQuoted(style, out, [&] { AppendUuid(As<arrow::FixedSizeBinaryArray>(storage).GetView(row), out); });
      return Status::OK();
    }
    default:
      return AppendNested(array, row, out);
  }
}

}  // namespace

void AppendJsonText(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

Status AppendJsonValue(const arrow::Array& array, int64_t row, std::string& out) {
  return Append(array, row, Style::kJson, out);
}

Status AppendTextValue(const arrow::Array& array, int64_t row, std::string& out) {
  return Append(array, row, Style::kText, out);
}

}  // namespace firn::query
