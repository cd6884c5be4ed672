#include "expression/javascript/date.h"

#include <cmath>
#include <limits>
#include <optional>

#include "base/clock.h"
#include "expression/datetime.h"
#include "expression/javascript/builtins.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (H. Hinnant, chrono-compatible date algorithms).
double DaysOf(double year, int month, double day) {
  year -= month <= 1 ? 1 : 0;
  const double era = std::floor(year / 400);
  const double of_era = year - era * 400;
  const double of_year = std::floor((153 * ((month + 10) % 12) + 2) / 5.0);
  return era * 146097 + of_era * 365 + std::floor(of_era / 4) - std::floor(of_era / 100) + of_year - 719468 + day - 1;
}

std::string Pad(double number, size_t width) {
  std::string digits = std::to_string(static_cast<int64_t>(std::abs(number)));
  return digits.size() >= width ? digits : std::string(width - digits.size(), '0') + digits;
}

// Reads a text of a date word by word.
class DateReader {
 public:
  explicit DateReader(std::u16string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  char16_t Peek() const { return done() ? u'\0' : text_[at_]; }
  bool Take(char16_t unit) {
    if (Peek() != unit) return false;
    ++at_;
    return true;
  }
  // Exactly (or at most) this many digits.
  std::optional<double> Digits(size_t least, size_t most) {
    double value = 0;
    size_t count = 0;
    for (; count < most && Peek() >= '0' && Peek() <= '9'; ++count) value = value * 10 + (text_[at_++] - '0');
    if (count < least) return std::nullopt;
    return value;
  }
  std::string Word() {  // of letters, in small letters
    std::string word;
    while ((Peek() | 0x20) >= 'a' && (Peek() | 0x20) <= 'z') word += static_cast<char>(text_[at_++] | 0x20);
    return word;
  }
  void SkipSpace() {
    while (Peek() == ' ' || Peek() == ',') ++at_;
  }
  void SkipParenthesis() {
    if (!Take(u'(')) return;
    while (!done() && !Take(u')')) ++at_;
  }
  // ".123": milliseconds of a fraction.
  std::optional<double> Fraction() {
    if (!Take(u'.')) return 0;
    double value = 0;
    double scale = 100;
    size_t count = 0;
    for (; Peek() >= '0' && Peek() <= '9'; ++count, scale /= 10) value += std::floor(scale) * (text_[at_++] - '0');
    if (count == 0) return std::nullopt;
    return value;
  }
  // "10:20", "10:20:30.5". False when there is none or it is wrong.
  bool Time(DateFields* fields, size_t hour_digits) {
    const auto hour = Digits(hour_digits, 2);
    if (!hour || !Take(u':')) return false;
    const auto minute = Digits(2, 2);
    std::optional<double> second = 0;
    std::optional<double> ms = 0;
    if (Take(u':')) {
      second = Digits(2, 2);
      ms = Fraction();
    }
    if (!minute || !second || !ms || *minute > 59 || *second > 59) return false;
    if (*hour > 24 || (*hour == 24 && *minute + *second + *ms > 0)) return false;
    fields->values[3] = *hour;
    fields->values[4] = *minute;
    fields->values[5] = *second;
    fields->values[6] = *ms;
    return true;
  }
  // "+01:00", "-0700": minutes.
  std::optional<double> Offset() {
    const double sign = Peek() == '-' ? -1 : 1;
    ++at_;
    const auto hours = Digits(2, 2);
    Take(u':');
    const auto minutes = Digits(2, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return sign * (*hours * 60 + *minutes);
  }

 private:
  std::u16string_view text_;
  size_t at_ = 0;
};

struct ReadDate {
  DateFields fields;
  std::optional<double> offset_minutes;  // nullopt: a local time
};

// ECMAScript 2023 §21.4.1.32: a date alone is UTC, a time without an offset is local.
std::optional<ReadDate> ReadIso(DateReader reader) {
  ReadDate date;
  auto& values = date.fields.values;
  const bool negative = reader.Peek() == '-';
  if (negative || reader.Peek() == '+') {
    reader.Take(reader.Peek());
    const auto year = reader.Digits(6, 6);
    if (!year || (negative && *year == 0)) return std::nullopt;
    values[0] = negative ? -*year : *year;
  } else {
    const auto year = reader.Digits(4, 4);
    if (!year) return std::nullopt;
    values[0] = *year;
  }
  for (size_t i = 1; i < 3 && reader.Take(u'-'); ++i) {
    const auto number = reader.Digits(2, 2);
    if (!number) return std::nullopt;
    values[i] = *number - (i == 1 ? 1 : 0);
  }
  // V8 takes days up to 31 in every month; they carry over.
  if (values[1] < 0 || values[1] > 11 || values[2] < 1 || values[2] > 31) return std::nullopt;
  date.offset_minutes = 0;
  if (reader.done()) return date;
  if (!reader.Take(u'T') && !reader.Take(u't') && !reader.Take(u' ')) return std::nullopt;
  if (!reader.Time(&date.fields, 2)) return std::nullopt;
  reader.SkipSpace();
  if (reader.done()) {
    date.offset_minutes = std::nullopt;
  } else if (!reader.Take(u'Z') && !reader.Take(u'z')) {
    if (reader.Peek() != '+' && reader.Peek() != '-') return std::nullopt;
    date.offset_minutes = reader.Offset();
    if (!date.offset_minutes) return std::nullopt;
  }
  return reader.done() ? std::optional(date) : std::nullopt;
}

std::optional<double> MonthOf(const std::string& word) {
  if (word.size() < 3) return std::nullopt;
  const size_t place = kMonths.find(word.substr(0, 3));
  if (place == std::string_view::npos || place % 3 != 0) return std::nullopt;
  return static_cast<double>(place / 3);
}

double FullYear(double year) {
  return year < 50 ? year + 2000 : year < 100 ? year + 1900 : year;
}

// The zones of RFC 2822, section 4.3, in minutes.
std::optional<double> NamedOffset(std::string_view zone) {
  if (zone == "z" || zone == "gmt" || zone == "utc" || zone == "ut") return 0;
  if (zone.size() != 3 || zone[2] != 't') return std::nullopt;
  const size_t place = std::string_view("ecmp").find(zone[0]);
  const bool summer = zone[1] == 'd';
  if (place == std::string_view::npos || (!summer && zone[1] != 's')) return std::nullopt;
  return -60.0 * (5 + static_cast<double>(place) - (summer ? 1 : 0));
}

// "Tue, 30 Jan 2024 10:00:00 +0100", "Tue Jan 30 2024 10:00:00 GMT+0100 (…)", "January 30, 2024", "1/30/2024",
// "2024/01/30".
std::optional<ReadDate> ReadWords(DateReader reader) {
  ReadDate date;
  auto& values = date.fields.values;
  std::string word = reader.Word();
  reader.SkipSpace();
  if (!word.empty() && !MonthOf(word)) {  // a weekday
    if (word.size() < 3) return std::nullopt;
    word = reader.Word();
    reader.SkipSpace();
  }
  const auto number = reader.Digits(1, 4);
  if (!number) return std::nullopt;
  const char16_t separator = reader.Peek();
  DateReader ahead = reader;
  const bool numeric = ahead.Take(separator) && ahead.Peek() >= '0' && ahead.Peek() <= '9';
  if (word.empty() && numeric && (separator == '/' || separator == '-')) {
    reader = ahead;
    const auto second = reader.Digits(1, 2);
    if (!second || !reader.Take(separator)) return std::nullopt;
    const auto third = reader.Digits(1, 4);
    if (!third) return std::nullopt;
    const bool year_first = *number > 31;
    values = {FullYear(year_first ? *number : *third),
              (year_first ? *second : *number) - 1,
              year_first ? *third : *second,
              0,
              0,
              0,
              0};
  } else {
    reader.SkipSpace();
    reader.Take(u'-');
    if (word.empty()) word = reader.Word();
    reader.Take(u'-');
    reader.SkipSpace();
    const auto month = MonthOf(word);
    const auto year = reader.Digits(1, 4);
    if (!month || !year) return std::nullopt;
    values = {FullYear(*year), *month, *number, 0, 0, 0, 0};
  }
  if (values[1] < 0 || values[1] > 11 || values[2] < 1 || values[2] > 31) return std::nullopt;
  reader.SkipSpace();
  if (reader.Peek() >= '0' && reader.Peek() <= '9') {
    if (!reader.Time(&date.fields, 1)) return std::nullopt;
    reader.SkipSpace();
    std::string zone = reader.Word();
    if (zone == "am" || zone == "pm") {
      if (values[3] > 12 || values[3] == 0) return std::nullopt;
      values[3] = std::fmod(values[3], 12) + (zone == "pm" ? 12 : 0);
      reader.SkipSpace();
      zone = reader.Word();
    }
    if (!zone.empty()) {
      date.offset_minutes = NamedOffset(zone);
      if (!date.offset_minutes) return std::nullopt;
    }
    if (reader.Peek() == '+' || reader.Peek() == '-') {
      date.offset_minutes = reader.Offset();
      if (!date.offset_minutes) return std::nullopt;
    }
    reader.SkipSpace();
    reader.SkipParenthesis();
  }
  return reader.done() ? std::optional(date) : std::nullopt;
}

Result<double> OffsetMs(double ms, std::string_view zone) {
  if (zone == "UTC") return 0;
  const Timestamp time{.micros = static_cast<int64_t>(ms) * 1000};
  ARROW_ASSIGN_OR_RAISE(const std::string text, FormatByPattern(time, "%z", zone));  // "+0130"
  const double minutes = std::stoi(text.substr(1, 2)) * 60 + std::stoi(text.substr(3, 2));
  return (text[0] == '-' ? -minutes : minutes) * 60'000;
}

}  // namespace

DateFields FieldsOf(double ms) {
  const double days = std::floor(ms / kMsPerDay);
  double rest = ms - days * kMsPerDay;
  DateFields fields;
  fields.weekday = static_cast<int>(std::fmod(std::fmod(days + 4, 7) + 7, 7));
  const double shifted = days + 719468;
  const double era = std::floor(shifted / 146097);
  const double of_era = shifted - era * 146097;
  const double year_of_era =
      std::floor((of_era - std::floor(of_era / 1460) + std::floor(of_era / 36524) - std::floor(of_era / 146096)) / 365);
  const double of_year = of_era - (365 * year_of_era + std::floor(year_of_era / 4) - std::floor(year_of_era / 100));
  const double month = std::floor((5 * of_year + 2) / 153);
  fields.values[2] = of_year - std::floor((153 * month + 2) / 5) + 1;
  fields.values[1] = month < 10 ? month + 2 : month - 10;
  fields.values[0] = year_of_era + era * 400 + (fields.values[1] <= 1 ? 1 : 0);
  const double sizes[] = {3'600'000, 60'000, 1000, 1};
  for (size_t i = 0; i < 4; ++i) {
    fields.values[3 + i] = std::floor(rest / sizes[i]);
    rest -= fields.values[3 + i] * sizes[i];
  }
  return fields;
}

double MsOf(const DateFields& fields) {
  std::array<double, 7> values = fields.values;
  for (double& value : values) {
    if (!std::isfinite(value)) return kNan;
    value = std::trunc(value);
  }
  const double year = values[0] + std::floor(values[1] / 12);
  if (std::abs(year) > 400'000) return kNan;
  const auto month = static_cast<int>(values[1] - std::floor(values[1] / 12) * 12);
  const double days = DaysOf(year, month, 1) + values[2] - 1;
  return days * kMsPerDay + values[3] * 3'600'000 + values[4] * 60'000 + values[5] * 1000 + values[6];
}

double ClipDate(double ms) {
  return std::isfinite(ms) && std::abs(ms) <= kDateMax ? std::trunc(ms) + 0.0 : kNan;
}

Result<double> ToZone(double ms, std::string_view zone) {
  ARROW_ASSIGN_OR_RAISE(const double offset, OffsetMs(ms, zone));
  return ms + offset;
}

Result<double> FromZone(double local_ms, std::string_view zone) {
  if (zone == "UTC" || !std::isfinite(local_ms) || std::abs(local_ms) > kDateMax) return local_ms;
  const auto instant = InstantOfLocal({.micros = static_cast<int64_t>(local_ms) * 1000}, zone);
  if (instant.ok()) return static_cast<double>(instant->micros / 1000);
  if (FaultOf(instant.status()) != Fault::kBadData) return instant.status();
  ARROW_ASSIGN_OR_RAISE(const double before, OffsetMs(local_ms - kMsPerDay, zone));
  return local_ms - before;
}

Result<double> ParseDate(std::u16string_view text, std::string_view zone) {
  text = TrimSpace(text, true, true);
  auto date = ReadIso(DateReader(text));
  if (!date) date = ReadWords(DateReader(text));
  if (!date) return kNan;
  const double ms = MsOf(date->fields);
  if (date->offset_minutes) return ClipDate(ms - *date->offset_minutes * 60'000);
  ARROW_ASSIGN_OR_RAISE(const double instant, FromZone(ms, zone));
  return ClipDate(instant);
}

std::u16string DateIso(double ms) {
  const auto& [year, month, day, hour, minute, second, fraction] = FieldsOf(ms).values;
  const std::string sign = year < 0 ? "-" : "+";
  const std::string years = year < 0 || year > 9999 ? sign + Pad(year, 6) : Pad(year, 4);
  return Widen(years + "-" + Pad(month + 1, 2) + "-" + Pad(day, 2) + "T" + Pad(hour, 2) + ":" + Pad(minute, 2) + ":" +
               Pad(second, 2) + "." + Pad(fraction, 3) + "Z");
}

}  // namespace firn::expression::javascript
