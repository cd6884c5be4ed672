#include "format/json/time_parse.h"

#include <array>
#include <charconv>
#include <system_error>

namespace firn::format::json {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kSecondsPerDay = 86'400;

// Reads `count` digits at text[at]; -1 if there are not that many.
int32_t Digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int32_t value = 0;
  for (size_t i = at; i < at + count; ++i) {
    const auto digit = static_cast<uint8_t>(text[i] - '0');
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

bool IsDateValid(int32_t year, int32_t month, int32_t day) {
  constexpr std::array<int32_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

// Reads ".123" at text[at] and moves behind it; -1 if it is broken or not exact in microseconds.
int64_t FractionMicros(std::string_view text, size_t& at) {
  if (at >= text.size() || text[at] != '.') return 0;
  int64_t micros = 0;
  int64_t unit = kMicrosPerSecond / 10;
  const size_t begin = ++at;
  for (; at < text.size() && static_cast<uint8_t>(text[at] - '0') <= 9; ++at) {
    const int digit = text[at] - '0';
    if (unit == 0 && digit != 0) return -1;
    micros += digit * unit;
    unit /= 10;
  }
  return at == begin ? -1 : micros;
}

// Reads "12:30:00.5" at text[at] and moves behind it; -1 if it is none.
int64_t MicrosOfDay(std::string_view text, size_t& at) {
  if (at + 8 > text.size() || text[at + 2] != ':' || text[at + 5] != ':') return -1;
  const int32_t hour = Digits(text, at, 2);
  const int32_t minute = Digits(text, at + 3, 2);
  const int32_t second = Digits(text, at + 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
  at += 8;
  const int64_t fraction = FractionMicros(text, at);
  if (fraction < 0) return -1;
  return ((hour * 60LL + minute) * 60 + second) * kMicrosPerSecond + fraction;
}

struct Parts {
  int32_t year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int64_t micros = 0;
  std::optional<int32_t> offset_minutes;
};

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool ReadNumber(std::string_view text, size_t& at, size_t count, int32_t& value) {
  value = Digits(text, at, count);
  at += count;
  return value >= 0;
}

bool ReadMonthName(std::string_view text, size_t& at, int32_t& month) {
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (text.substr(at, 3) != kMonths[i]) continue;
    month = static_cast<int32_t>(i) + 1;
    at += 3;
    return true;
  }
  return false;
}

bool ReadOffset(std::string_view text, size_t& at, std::optional<int32_t>& offset) {
  size_t size = text.substr(at, 1) == "Z" ? 1 : text.size() > at + 3 && text[at + 3] == ':' ? 6 : 5;
  offset = ParseOffset(text.substr(at, size));
  at += size;
  return offset.has_value();
}

bool ReadMicros(std::string_view text, size_t& at, int64_t& micros) {
  int64_t unit = kMicrosPerSecond / 10;
  const size_t begin = at;
  for (micros = 0; at < text.size() && static_cast<uint8_t>(text[at] - '0') <= 9; ++at, unit /= 10) {
    if (unit == 0 && text[at] != '0') return false;
    micros += (text[at] - '0') * unit;
  }
  return at > begin;
}

bool ReadPart(char directive, std::string_view text, size_t& at, Parts& parts) {
  switch (directive) {
    case 'Y':
      return ReadNumber(text, at, 4, parts.year);
    case 'm':
      return ReadNumber(text, at, 2, parts.month);
    case 'd':
      return ReadNumber(text, at, 2, parts.day);
    case 'H':
      return ReadNumber(text, at, 2, parts.hour);
    case 'M':
      return ReadNumber(text, at, 2, parts.minute);
    case 'S':
      return ReadNumber(text, at, 2, parts.second);
    case 'b':
      return ReadMonthName(text, at, parts.month);
    case 'z':
      return ReadOffset(text, at, parts.offset_minutes);
    case 'f':
      return ReadMicros(text, at, parts.micros);
    case '%':
      return at < text.size() && text[at++] == '%';
    default:
      return false;
  }
}

bool ReadPattern(std::string_view text, size_t& at, std::string_view pattern, Parts& parts) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      if (at >= text.size() || text[at++] != pattern[i]) return false;
      continue;
    }
    const char directive = pattern[++i];
    if (directive == 'F' || directive == 'T') {
      if (!ReadPattern(text, at, directive == 'F' ? "%Y-%m-%d" : "%H:%M:%S", parts)) return false;
    } else if (!ReadPart(directive, text, at, parts)) {
      return false;
    }
  }
  return true;
}

}  // namespace

// The days since 1970-01-01 by counting 400-year eras of 146,097 days that begin on 1 March.
int64_t DaysFromCivil(int32_t year, int32_t month, int32_t day) {
  const int32_t y = month <= 2 ? year - 1 : year;
  const int32_t era = (y >= 0 ? y : y - 399) / 400;
  const int32_t year_of_era = y - era * 400;
  const int32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return int64_t{era} * 146'097 + day_of_era - 719'468;
}

std::optional<int32_t> ParseDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int32_t year = Digits(text, 0, 4);
  const int32_t month = Digits(text, 5, 2);
  const int32_t day = Digits(text, 8, 2);
  if (!IsDateValid(year, month, day)) return std::nullopt;
  return static_cast<int32_t>(DaysFromCivil(year, month, day));
}

std::optional<ParsedTimestamp> ParseTimestampText(std::string_view text) {
  if (text.size() < 19 || (text[10] != 'T' && text[10] != ' ')) return std::nullopt;
  const std::optional<int32_t> days = ParseDate(text.substr(0, 10));
  if (!days) return std::nullopt;
  size_t at = 11;
  const int64_t of_day = MicrosOfDay(text, at);
  if (of_day < 0) return std::nullopt;
  ParsedTimestamp parsed{.micros = *days * kSecondsPerDay * kMicrosPerSecond + of_day};
  if (at == text.size()) return parsed;
  const std::optional<int32_t> offset = ParseOffset(text.substr(at));
  if (!offset || text.substr(at) == "UTC") return std::nullopt;
  parsed.micros -= *offset * 60 * kMicrosPerSecond;
  parsed.has_offset = true;
  // 0001-01-01 and 10000-01-01: the offset must not leave the years that readers know.
  constexpr int64_t kMin = -719'162 * kSecondsPerDay * kMicrosPerSecond;
  constexpr int64_t kEnd = 2'932'897 * kSecondsPerDay * kMicrosPerSecond;
  if (parsed.micros < kMin || parsed.micros >= kEnd) return std::nullopt;
  return parsed;
}

std::optional<ParsedNanos> ParseTimestampNanos(std::string_view text) {
  const size_t dot = text.find('.');
  size_t end = dot == std::string_view::npos ? text.size() : dot + 1;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  std::string micros_text(text);
  int64_t rest = 0;
  if (dot != std::string_view::npos && end > dot + 7) {
    for (size_t i = dot + 7; i < end; ++i) {
      if (i >= dot + 10 && text[i] != '0') return std::nullopt;
      if (i < dot + 10) rest = rest * 10 + (text[i] - '0');
    }
    for (size_t i = end; i < dot + 10; ++i) rest *= 10;
    micros_text.erase(dot + 7, end - dot - 7);
  }
  const auto parsed = ParseTimestampText(micros_text);
  int64_t nanos = 0;
  if (!parsed || __builtin_mul_overflow(parsed->micros, int64_t{1000}, &nanos) ||
      __builtin_add_overflow(nanos, rest, &nanos)) {
    return std::nullopt;
  }
  return ParsedNanos{.nanos = nanos, .has_offset = parsed->has_offset};
}

std::optional<int64_t> ParseTimeOfDay(std::string_view text) {
  size_t at = 0;
  const int64_t micros = MicrosOfDay(text, at);
  if (micros < 0 || at != text.size()) return std::nullopt;
  return micros;
}

std::optional<int32_t> ParseOffset(std::string_view text) {
  if (text == "Z" || text == "UTC") return 0;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const bool colon = text.size() == 6 && text[3] == ':';
  if (!colon && text.size() != 5) return std::nullopt;
  const int32_t hours = Digits(text, 1, 2);
  const int32_t minutes = Digits(text, colon ? 4 : 3, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

std::optional<ParsedTimestamp> ParseWithPattern(std::string_view text, std::string_view pattern) {
  Parts parts;
  size_t at = 0;
  if (!ReadPattern(text, at, pattern, parts) || at != text.size()) return std::nullopt;
  if (!IsDateValid(parts.year, parts.month, parts.day)) return std::nullopt;
  if (parts.hour > 23 || parts.minute > 59 || parts.second > 59) return std::nullopt;
  const int64_t seconds = DaysFromCivil(parts.year, parts.month, parts.day) * kSecondsPerDay + parts.hour * 3600 +
                          (parts.minute - parts.offset_minutes.value_or(0)) * 60 + parts.second;
  return ParsedTimestamp{.micros = seconds * kMicrosPerSecond + parts.micros,
                         .has_offset = parts.offset_minutes.has_value()};
}

std::optional<int64_t> ParseDotnetTime(std::string_view text) {
  constexpr int64_t kMillisMin = -62'135'596'800'000;  // years 0001 to 9999
  constexpr int64_t kMillisMax = 253'402'300'799'999;
  if (text.starts_with('\\')) text.remove_prefix(1);
  if (!text.starts_with("/Date(") || !text.ends_with('/')) return std::nullopt;
  text = text.substr(6, text.size() - 7);
  if (text.ends_with('\\')) text.remove_suffix(1);
  if (!text.ends_with(')')) return std::nullopt;
  text.remove_suffix(1);
  int64_t millis = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), millis);
  if (error != std::errc() || millis < kMillisMin || millis > kMillisMax) return std::nullopt;
  const std::string_view offset = text.substr(static_cast<size_t>(end - text.data()));
  if (!offset.empty() && (offset.size() != 5 || !ParseOffset(offset))) return std::nullopt;
  return millis * 1'000;
}

}  // namespace firn::format::json
