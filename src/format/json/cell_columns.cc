#include "format/json/cell_columns.h"

#include <emmintrin.h>

#include <array>
#include <cstring>
#include <string>

#include "format/json/cell_text.h"
#include "format/json/structural_walker.h"

namespace firn::format::json {
namespace {

constexpr size_t kLongDigits = 18;         // any number of so many digits is in an int64
constexpr size_t kDoubleDigits = 15;       // and of so many is exact in a double
constexpr int32_t kDaysToEpoch = 719'468;  // from 0000-03-01 to 1970-01-01
constexpr std::array<uint64_t, 16> kIntegerPowers = [] {
  std::array<uint64_t, 16> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

constexpr uint64_t kAll = 0x0101010101010101;  // times a byte: in every place
constexpr size_t kWord = 8;

uint64_t Word(const uint8_t* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof word);  // the page's padding makes this readable
  return word;
}

// Reads `size` digits, 1 to 8, of a word's first bytes; false if they are not. By pairs, then fours, then all at once.
[[gnu::always_inline]] inline bool ReadDigits(uint64_t word, size_t size, uint64_t& value) {
  word = (word ^ kAll * '0') << (8 * (kWord - size));  // leading zeros take the place of what is missing
  if (((word | (word + kAll * 0x76)) & kAll * 0x80) != 0) return false;
  word = word * 10 + (word >> 8);
  word =
      ((word & 0x000000FF000000FF) * 0x000F424000000064 + (word >> 16 & 0x000000FF000000FF) * 0x0000271000000001) >> 32;
  value = word;
  return true;
}

// Up to 18 digits.
inline bool ReadDigits(const uint8_t* text, size_t size, uint64_t& value) {
  if (size <= kWord) return ReadDigits(Word(text), size, value);
  value = 0;
  for (size_t i = 0; i < size; ++i) {
    if (!IsDigit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  return true;
}

// The first point of a word's `size` bytes, or null.
const uint8_t* FindPoint(const uint8_t* text, size_t size) {
  const uint64_t word = Word(text) ^ kAll * '.';
  const uint64_t zeros = (word - kAll) & ~word & kAll * 0x80;  // its lowest bit is right
  const size_t at = zeros == 0 ? kWord : static_cast<size_t>(__builtin_ctzll(zeros)) / 8;
  return at < size ? text + at : nullptr;
}

// What one cell of the plain kind is; false: look closer.
bool ReadPlain(const uint8_t* text, size_t size, int64_t& value) {
  const bool negative = *text == '-';
  text += negative;
  size -= negative;
  if (size == 0 || size > kLongDigits || (*text == '0' && size > 1)) return false;
  uint64_t digits = 0;
  if (!ReadDigits(text, size, digits) || (negative && digits == 0)) return false;
  value = negative ? -static_cast<int64_t>(digits) : static_cast<int64_t>(digits);
  return true;
}

// Digits with one point among them, which is taken out: then it is an integer and a power of ten.
bool ReadPlain(const uint8_t* text, size_t size, double& value) {
  const bool negative = *text == '-';
  text += negative;
  size -= negative;
  if (size == 0 || size > kDoubleDigits + 1) return false;
  const void* found = size <= kWord ? FindPoint(text, size) : std::memchr(text, '.', size);
  uint64_t digits = 0;
  size_t num_decimals = 0;
  if (found == nullptr) {
    if (!ReadDigits(text, size, digits)) return false;
  } else {
    const auto before = static_cast<size_t>(static_cast<const uint8_t*>(found) - text);
    num_decimals = size - before - 1;
    if (before == 0 || num_decimals == 0 || before > kWord || num_decimals > kWord) return false;
    uint64_t decimals = 0;
    if (!ReadDigits(Word(text), before, digits) || !ReadDigits(Word(text + before + 1), num_decimals, decimals))
      return false;
    digits = digits * kIntegerPowers[num_decimals] + decimals;
  }
  const size_t before = size - num_decimals - (num_decimals > 0);
  if ((*text == '0' && before > 1) || digits >= kIntegerPowers[kDoubleDigits]) return false;
  value = static_cast<double>(digits) / static_cast<double>(kIntegerPowers[num_decimals]);
  if (negative) value = -value;
  return true;
}

// YYYY-MM-DD; false for any other writing, and for the 29th and later of a month: how long that is says ParseDate.
bool ReadPlain(const uint8_t* text, size_t size, int32_t& days) {
  if (size != 10 || text[4] != '-' || text[7] != '-') return false;
  uint64_t year = 0, month = 0, day = 0;
  if (!ReadDigits(Word(text), 4, year) || !ReadDigits(Word(text + 5), 2, month) ||
      !ReadDigits(Word(text + 8), 2, day)) {
    return false;
  }
  if (year == 0 || month - 1 > 11 || day - 1 > 27) return false;
  // Years that begin in March: the day that some have more is their last.
  const uint64_t from_march = month >= 3 ? month - 3 : month + 9;
  const uint64_t march_year = year - (month < 3);
  const uint64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
  const uint64_t number = march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year;
  days = static_cast<int32_t>(number) - kDaysToEpoch;
  return true;
}

template <typename T>
bool FillFixed(Column& column, const CellPage& page, size_t c, std::span<const uint32_t> rows, int64_t first_row) {
  const auto* body = reinterpret_cast<const uint8_t*>(page.body.data());
  std::string scratch;
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t* at = page.record(rows[i]) + c;
    const size_t size = at[1] - 1 - at[0];
    if (size == 0) continue;
    const int64_t row = first_row + static_cast<int64_t>(i);
    if (T value; ReadPlain(body + at[0], size, value)) [[likely]] {
      if (!column.AppendFixed<T>(row, value)) return false;
    } else if (CellInto(column, row, CellAt(page, rows[i], c, scratch)) != Fit::kYes) {
      return false;
    }
  }
  return true;
}

// Reads and writes up to 15 bytes more.
inline void CopyText(const uint8_t* from, size_t size, uint8_t* to) {
  for (size_t i = 0; i < size; i += 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
}

bool FillText(Column& column, const CellPage& page, size_t c, std::span<const uint32_t> rows, int64_t first_row) {
  const auto* body = reinterpret_cast<const uint8_t*>(page.body.data());
  const bool all_plain = page.null_texts == nullptr;
  std::string scratch;
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t* at = page.record(rows[i]) + c;
    const size_t size = at[1] - 1 - at[0];
    if (size == 0) continue;
    const int64_t row = first_row + static_cast<int64_t>(i);
    const bool quoted = page.has_quotes && static_cast<char>(body[at[0]]) == page.quote && page.quote != 0;
    if (all_plain && !quoted) [[likely]] {
      uint8_t* to = column.PrepareText(row, size);
      if (to == nullptr) return false;
      CopyText(body + at[0], size, to);
      if (!column.CommitText(row, size)) return false;
    } else if (CellInto(column, row, CellAt(page, rows[i], c, scratch)) != Fit::kYes) {
      return false;
    }
  }
  return true;
}

bool FillAny(Column& column, const CellPage& page, size_t c, std::span<const uint32_t> rows, int64_t first_row) {
  std::string scratch;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Cell cell = CellAt(page, rows[i], c, scratch);
    if (CellInto(column, first_row + static_cast<int64_t>(i), cell) != Fit::kYes) return false;
  }
  return true;
}

}  // namespace

bool FillColumn(Column& column, const CellPage& page, size_t c, std::span<const uint32_t> rows, int64_t first_row) {
  const bool has_null_values = page.null_texts != nullptr;  // "-1" may be one
  if (column.kind == Kind::kString) return FillText(column, page, c, rows, first_row);
  if (column.kind == Kind::kLong && !has_null_values) return FillFixed<int64_t>(column, page, c, rows, first_row);
  if (column.kind == Kind::kDouble && !has_null_values) return FillFixed<double>(column, page, c, rows, first_row);
  if (column.kind == Kind::kDate && !has_null_values && !column.hint)
    return FillFixed<int32_t>(column, page, c, rows, first_row);
  return FillAny(column, page, c, rows, first_row);
}

}  // namespace firn::format::json
