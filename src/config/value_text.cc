#include "config/value_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <span>
#include <vector>

#include "base/ascii.h"

namespace firn::config {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr std::array<Unit, 9> kSizeUnits = {{{"b", 1},
                                             {"kb", 1'000},
                                             {"mb", 1'000'000},
                                             {"gb", 1'000'000'000},
                                             {"tb", 1'000'000'000'000},
                                             {"kib", int64_t{1} << 10},
                                             {"mib", int64_t{1} << 20},
                                             {"gib", int64_t{1} << 30},
                                             {"tib", int64_t{1} << 40}}};
constexpr std::array<Unit, 6> kDurationUnits = {
    {{"w", 604'800'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes "12" or "1.5" off the front of `text`, times `factor`, which it must divide into exactly.
struct Number {
  int64_t whole = 0;
  int64_t fraction = 0;  // over `scale`
  int64_t scale = 1;
};

std::optional<Number> TakeNumber(std::string_view* text) {
  Number number;
  const size_t digits = std::min(text->find_first_not_of("0123456789"), text->size());
  if (digits == 0 || digits > 18) return std::nullopt;
  std::from_chars(text->data(), text->data() + digits, number.whole);
  text->remove_prefix(digits);
  if (!text->starts_with('.')) return number;
  text->remove_prefix(1);
  const size_t decimals = std::min(text->find_first_not_of("0123456789"), text->size());
  if (decimals == 0 || decimals > 6) return std::nullopt;
  std::from_chars(text->data(), text->data() + decimals, number.fraction);
  for (size_t i = 0; i < decimals; ++i) number.scale *= 10;
  text->remove_prefix(decimals);
  return number;
}

std::optional<int64_t> Times(const Number& number, int64_t factor) {
  if (number.whole > kMax / factor) return std::nullopt;
  const __int128 part = static_cast<__int128>(number.fraction) * factor;
  if (part % number.scale != 0) return std::nullopt;
  const __int128 total = static_cast<__int128>(number.whole) * factor + part / number.scale;
  if (total > kMax) return std::nullopt;
  return static_cast<int64_t>(total);
}

std::optional<int64_t> FactorOf(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Sums "<number><unit>…" whose units shrink from left to right.
std::optional<int64_t> SumUnits(std::string_view text, std::span<const Unit> units) {
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  int64_t last_factor = kMax;
  while (!text.empty()) {
    const auto number = TakeNumber(&text);
    if (!number) return std::nullopt;
    size_t letters = 0;
    while (letters < text.size() && std::isalpha(static_cast<unsigned char>(text[letters])) != 0) ++letters;
    const auto factor = FactorOf(units, text.substr(0, letters));
    if (!factor || *factor >= last_factor) return std::nullopt;
    text.remove_prefix(letters);
    const auto part = Times(*number, *factor);
    if (!part || *part > kMax - total) return std::nullopt;
    total += *part;
    last_factor = *factor;
  }
  return total;
}

// Format: ISO 8601-1:2019, 5.5.2 (durations), without years and months.
std::optional<int64_t> ParseIsoDuration(std::string_view text) {
  constexpr std::array<Unit, 2> kDays = {{{"w", 604'800'000}, {"d", 86'400'000}}};
  constexpr std::array<Unit, 3> kTimes = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}}};
  text.remove_prefix(1);
  const size_t mark = text.find('t');
  const std::string_view days = text.substr(0, mark);
  const auto day_ms = days.empty() ? std::optional<int64_t>(0) : SumUnits(days, kDays);
  if (mark == std::string_view::npos) return days.empty() ? std::nullopt : day_ms;
  const auto time_ms = SumUnits(text.substr(mark + 1), kTimes);
  if (!day_ms || !time_ms || *time_ms > kMax - *day_ms) return std::nullopt;
  return *day_ms + *time_ms;
}

struct CronField {
  int min, max;
  std::string_view names;  // three letters each, from `min` on
};
constexpr std::array<CronField, 5> kCronFields = {{{0, 59, ""},
                                                   {0, 23, ""},
                                                   {1, 31, ""},
                                                   {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                                                   {0, 7, "sunmontuewedthufrisat"}}};

std::optional<int> CronNumber(std::string_view text, const CronField& field) {
  if (text.size() == 3 && !IsDigit(text[0])) {
    const size_t at = field.names.find(text);
    if (at == std::string_view::npos || at % 3 != 0) return std::nullopt;
    return field.min + static_cast<int>(at / 3);
  }
  if (text.empty() || text.size() > 2 || !std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (value < field.min || value > field.max) return std::nullopt;
  return value;
}

bool IsCronItem(std::string_view item, const CronField& field) {
  const size_t slash = item.find('/');
  if (slash != std::string_view::npos) {
    const auto step = CronNumber(item.substr(slash + 1), {1, field.max, ""});
    if (!step) return false;
    item = item.substr(0, slash);
  }
  if (item == "*") return true;
  const size_t dash = item.find('-');
  const auto first = CronNumber(item.substr(0, dash), field);
  if (dash == std::string_view::npos) return first.has_value();
  const auto last = CronNumber(item.substr(dash + 1), field);
  return first && last && *first <= *last;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

std::optional<int64_t> ParseSizeBytes(std::string_view text) {
  const std::string lower = AsciiLower(Trimmed(text));
  std::string_view rest = lower;
  const auto number = TakeNumber(&rest);
  if (!number) return std::nullopt;
  rest = Trimmed(rest);
  const auto factor = rest.empty() ? std::optional<int64_t>(1) : FactorOf(kSizeUnits, rest);
  return factor ? Times(*number, *factor) : std::nullopt;
}

std::optional<int64_t> ParseDurationMs(std::string_view text) {
  const std::string lower = AsciiLower(Trimmed(text));
  if (lower == "0") return 0;
  if (lower.starts_with('p')) return ParseIsoDuration(lower);
  return SumUnits(lower, kDurationUnits);
}

std::optional<int64_t> ParseInt(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool between = i > 0 && i + 1 < text.size() && IsDigit(text[i - 1]) && IsDigit(text[i + 1]);
    if (text[i] == '_' && between) continue;
    digits += text[i];
  }
  const int base = digits.starts_with("0x") ? 16 : digits.starts_with("0o") ? 8 : 10;
  if (base != 10) {
    digits.erase(0, 2);
    if (digits.starts_with('-')) return std::nullopt;
  } else if (digits.starts_with('+')) {
    digits.erase(0, 1);
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  return value;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

std::string FormatSize(int64_t bytes) {
  constexpr std::array<Unit, 4> kUnits = {
      {{"TiB", int64_t{1} << 40}, {"GiB", int64_t{1} << 30}, {"MiB", int64_t{1} << 20}, {"KiB", int64_t{1} << 10}}};
  for (const Unit& unit : kUnits) {
    if (bytes != 0 && bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string(unit.name);
  }
  return std::to_string(bytes) + "B";
}

std::string FormatDuration(int64_t ms) {
  if (ms <= 0) return "0s";
  std::string out;
  for (const Unit& unit : kDurationUnits) {
    if (unit.name == "w" || ms < unit.factor) continue;
    out += std::to_string(ms / unit.factor) + std::string(unit.name);
    ms %= unit.factor;
  }
  return out;
}

bool IsCron(std::string_view text) {
  if (text == "@hourly" || text == "@daily" || text == "@weekly" || text == "@monthly") return true;
  const std::string lower = AsciiLower(text);
  const auto fields = Split(lower, ' ');
  if (fields.size() != kCronFields.size()) return false;
  for (size_t i = 0; i < fields.size(); ++i) {
    for (const std::string_view item : Split(fields[i], ',')) {
      if (!IsCronItem(item, kCronFields[i])) return false;
    }
  }
  return true;
}

bool IsZoneName(std::string_view text) {
  const bool offset = text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
  if (offset)
    return (std::string(text.substr(1, 2)) + std::string(text.substr(4))).find_first_not_of("0123456789") ==
           std::string::npos;
  if (text.empty() || text.size() > 64 || std::isupper(static_cast<unsigned char>(text[0])) == 0) return false;
  const auto fine = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return std::all_of(text.begin(), text.end(), fine);
}

bool IsHttpUrl(std::string_view text) {
  const std::string lower = AsciiLower(text.substr(0, 8));
  const size_t scheme = lower.starts_with("https://") ? 8 : lower.starts_with("http://") ? 7 : 0;
  if (scheme == 0) return false;
  const std::string_view rest = text.substr(scheme);
  const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  if (host.empty() || host.find('@') != std::string_view::npos || host.starts_with(':')) return false;
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == '#' || c == '\\'; });
}

bool IsTemplate(std::string_view text) {
  return text.find("{{") != std::string_view::npos;
}

bool HasClosedTemplates(std::string_view text) {
  size_t at = text.find("{{");
  while (at != std::string_view::npos) {
    at += 2;
    char quote = 0;
    for (;; ++at) {
      if (at >= text.size()) return false;
      const char c = text[at];
      if (quote != 0) {
        if (c == '\\')
          ++at;
        else if (c == quote)
          quote = 0;
        continue;
      }
      if (c == '"' || c == '\'') quote = c;
      if (text.compare(at, 2, "{{") == 0) return false;
      if (text.compare(at, 2, "}}") == 0) break;
    }
    at = text.find("{{", at + 2);
  }
  return true;
}

}  // namespace firn::config
