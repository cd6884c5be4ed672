#include "format/json/cell_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "format/json/bytes_parse.h"
#include "format/json/scalar_text.h"
#include "format/json/string_parse.h"
#include "format/json/time_parse.h"

namespace firn::format::json {
namespace {

constexpr int64_t kTooManyDigits = 1000;  // no decimal holds them
constexpr int64_t kMicrosPerDay = 86'400'000'000;

Fit FitOf(bool had_memory) {
  return had_memory ? Fit::kYes : Fit::kNoMemory;
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::optional<bool> ParseDeclaredBool(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const char* yes : {"true", "yes", "t", "y", "1"}) {
    if (lower == yes) return true;
  }
  for (const char* no : {"false", "no", "f", "n", "0"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

// The number as JSON writes it, without "+" and leading zeros.
std::string PlainNumber(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  while (text.size() > 1 && text[0] == '0' && is_digit(text[1])) text.remove_prefix(1);
  return (negative ? "-" : "") + std::string(text);
}

Fit TimeInto(Column& column, int64_t row, std::string_view text) {
  const bool with_zone = column.kind == Kind::kTimestampTz;
  if (column.hint) {
    Number number;
    auto micros = TextMicros(text, *column.hint, with_zone);
    if (!micros && ParseNumber(text, number)) micros = NumberMicros(number, column.hint->format);
    if (!micros || (column.kind == Kind::kDate && *micros % kMicrosPerDay != 0)) return Fit::kNo;
    if (column.kind != Kind::kDate) return FitOf(column.AppendFixed<int64_t>(row, *micros));
    return FitOf(column.AppendFixed<int32_t>(row, static_cast<int32_t>(*micros / kMicrosPerDay)));
  }
  if (column.kind == Kind::kDate) {
    const auto days = ParseDate(text);
    return days ? FitOf(column.AppendFixed<int32_t>(row, *days)) : Fit::kNo;
  }
  const auto parsed = ParseTimestampText(text);
  if (!parsed || parsed->has_offset != with_zone) return Fit::kNo;
  return FitOf(column.AppendFixed<int64_t>(row, parsed->micros));
}

Fit NanosInto(Column& column, int64_t row, std::string_view text) {
  const bool with_zone = column.kind == Kind::kTimestampTzNs;
  const bool iso = !column.hint || column.hint->format.empty() || column.hint->format == "iso";
  const auto parsed = iso ? ParseTimestampNanos(text) : std::nullopt;
  if (parsed && parsed->has_offset == with_zone) return FitOf(column.AppendFixed<int64_t>(row, parsed->nanos));
  std::optional<int64_t> micros;
  Number number;
  if (column.hint) micros = TextMicros(text, *column.hint, with_zone);
  if (column.hint && !micros && ParseNumber(text, number)) micros = NumberMicros(number, column.hint->format);
  int64_t nanos = 0;
  if (!micros || __builtin_mul_overflow(*micros, int64_t{1000}, &nanos)) return Fit::kNo;
  return FitOf(column.AppendFixed<int64_t>(row, nanos));
}

Fit BytesInto(Column& column, int64_t row, std::string_view text) {
  const bool hex = column.hint && column.hint->format == "hex";
  const auto bytes = hex ? ParseHex(text) : ParseBase64(text);
  if (!bytes) return Fit::kNo;
  if (column.kind == Kind::kBinary) return FitOf(column.AppendText(row, *bytes));
  if (static_cast<int64_t>(bytes->size()) != column.fixed_length) return Fit::kNo;
  return FitOf(column.AppendRaw(row, *bytes));
}

// A cell that is JSON stays what it is; any other becomes a JSON string.
Fit JsonInto(Column& column, int64_t row, std::string_view text) {
  std::string json(text);
  if (!nlohmann::json::accept(text)) {
    json.clear();
    AppendJsonString(text, json);
  }
  if (!column.masks) return FitOf(column.AppendText(row, json));
  const Result<std::string> masked = MaskedText(json, column.masks);
  return masked.ok() ? FitOf(column.AppendText(row, *masked)) : Fit::kNo;
}

Fit MaskedInto(Column& column, int64_t row, std::string_view text) {
  const std::optional<std::string> masked = column.masks->Apply(text);
  return masked ? FitOf(column.AppendText(row, *masked)) : Fit::kYes;
}

Fit NumberInto(Column& column, int64_t row, std::string_view text) {
  Number number;
  std::string plain;
  if (column.hint && !ParseNumber(plain = PlainNumber(text), number)) return Fit::kNo;
  if (!column.hint && !ParseCellNumber(text, number)) return Fit::kNo;
  bool ok = false;
  return AppendNumber(column, row, number, ok) ? FitOf(ok) : Fit::kNo;
}

// A value that is neither text nor made of text.
Fit ValueInto(Column& column, int64_t row, std::string_view text) {
  switch (column.kind) {
    case Kind::kBool: {
      const auto value = column.hint ? ParseDeclaredBool(text) : ParseCellBool(text);
      return value ? FitOf(column.AppendFixed<uint8_t>(row, *value)) : Fit::kNo;
    }
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kFloat:
    case Kind::kDouble:
    case Kind::kDecimal:
      return NumberInto(column, row, text);
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      return TimeInto(column, row, text);
    case Kind::kTimestampNs:
    case Kind::kTimestampTzNs:
      return NanosInto(column, row, text);
    case Kind::kTime: {
      const auto micros = ParseTimeOfDay(text);
      return micros ? FitOf(column.AppendFixed<int64_t>(row, *micros)) : Fit::kNo;
    }
    case Kind::kUuid: {
      const auto uuid = ParseUuid(text);
      return uuid ? FitOf(column.AppendFixed(row, *uuid)) : Fit::kNo;
    }
    case Kind::kBinary:
    case Kind::kFixed:
      return BytesInto(column, row, text);
    default:
      return Fit::kNo;
  }
}

}  // namespace

bool ParseCellNumber(std::string_view text, Number& number) {
  if (text.empty() || (text.front() != '-' && (text.front() < '0' || text.front() > '9'))) return false;
  if (!ParseNumber(text, number)) return false;
  if (text == "-0") number.is_integer = false;  // no integer gives it back
  const size_t exponent = text.find_first_of("eE");
  if (exponent == std::string_view::npos) return true;
  const char next = text[exponent + 1];
  return next == '+' || next == '-' || text.substr(0, exponent).find('.') != std::string_view::npos;
}

std::optional<bool> ParseCellBool(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

void AddCell(Shape& shape, const Cell& cell, OrderKey at) {
  shape.of_cells = true;
  Number number;
  if (cell.is_null) return;
  if (cell.text.empty()) {
    shape.empty_texts.Note(at);
  } else if (ParseCellNumber(cell.text, number)) {
    AddNumber(shape, number, at);
    const DecimalDigits digits = ToDigits(number);
    shape.cell_integer_digits =
        std::max(shape.cell_integer_digits, digits.fits ? digits.integer_digits() : kTooManyDigits);
    shape.cell_fraction_digits = std::max(shape.cell_fraction_digits, digits.fraction_digits());
  } else if (ParseCellBool(cell.text)) {
    shape.bools.Note(at);
  } else {
    AddString(shape, cell.text, at);
  }
}

bool AddCells(Shape& root, const CellPage& page, uint32_t record, uint64_t ordinal, const TypingContext& context) {
  if (std::ranges::binary_search(page.bad, record, {}, &CellPage::Bad::record)) return false;
  root.present.Note({ordinal, 0});
  std::string scratch;
  for (uint32_t c = 0; c < page.num_columns(); ++c) {
    const std::string& name = (*page.columns)[c];
    const OrderKey here{ordinal, c};
    const bool expected = c < root.keys.size() && root.keys[c].first == name;
    Shape& shape = expected ? *root.keys[c].second : root.Key(name);
    shape.present.Note(here);
    const Cell cell = CellAt(page, record, c, scratch);
    const MaskTree* masks = context.masks ? context.masks->Child(name) : nullptr;
    const HintTree* hints = context.hints.Child(name);
    if (masks && masks->masks_value()) {
      if (!masks->is_null_mask() && !cell.is_null) shape.strings.Note(here);
    } else if (!hints || !hints->hint() || (!hints->hint()->type && !hints->hint()->as_json)) {
      AddCell(shape, cell, here);
    }
  }
  return true;
}

Fit CellInto(Column& column, int64_t row, const Cell& cell) {
  if (cell.is_null) return Fit::kYes;
  if (column.kind == Kind::kString) return FitOf(column.AppendText(row, cell.text));
  if (column.kind == Kind::kMasked) return MaskedInto(column, row, cell.text);
  if (cell.text.empty()) return Fit::kYes;  // "" is null where it is no text
  if (column.kind == Kind::kJson) return JsonInto(column, row, cell.text);
  const std::string_view text = column.hint ? Trimmed(cell.text) : cell.text;
  return text.empty() ? Fit::kNo : ValueInto(column, row, text);
}

void AppendCells(const CellPage& page, uint32_t record, std::string& out) {
  std::string scratch;
  char next = '{';
  for (size_t c = 0; c < page.num_columns(); ++c) {
    const Cell cell = CellAt(page, record, c, scratch);
    out.push_back(std::exchange(next, ','));
    AppendJsonString((*page.columns)[c], out);
    out.push_back(':');
    if (cell.is_null) {
      out += "null";
    } else {
      AppendJsonString(cell.text, out);
    }
  }
  out += next == '{' ? "{}" : "}";
}

}  // namespace firn::format::json
