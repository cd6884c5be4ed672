// datetime.strptime: a format is matched like the regular expression that Python makes of it.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expression/jinja/number.h"
#include "expression/jinja/times.h"

namespace firn::expression::jinja {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
constexpr size_t kFormatBytesMax = 512;
constexpr int kStepsMax = 20'000;

bool Digit(char c) {
  return c >= '0' && c <= '9';
}

// What one text says. Everything is optional; -1 is "not said".
struct Fields {
  int year = -1, month = -1, day = -1, hour = 0, minute = 0, second = 0, micros = 0;
  int hour12 = -1, pm = -1, day_of_year = -1, weekday = -1, iso_year = -1, iso_week = -1, week = -1;
  int week_first = 0;  // the weekday %U or %W begins a week with
  std::optional<int32_t> offset_seconds;
};

class Matcher {
 public:
  Matcher(std::string_view text, std::string_view format) : text_(text), format_(format) {}

  Result<Fields> Match() {
    ARROW_RETURN_NOT_OK(CheckFormat());
    if (!From(0, 0))
      return MakeError(Fault::kBadData, "the time does not match the format '" + std::string(format_) + "'");
    if (end_ != text_.size()) return MakeError(Fault::kBadData, "unconverted text remains after the time");
    return fields_;
  }

 private:
  Status CheckFormat() const {
    if (format_.size() > kFormatBytesMax) return MakeError(Fault::kBadData, "the format is longer than 512 bytes");
    std::string seen;
    for (size_t i = 0; i < format_.size(); ++i) {
      if (format_[i] != '%') continue;
      if (++i == format_.size()) return MakeError(Fault::kBadData, "stray % in the format");
      const char letter = format_[i];
      constexpr std::string_view kKnown = "YmdHIMSfpzZjyaAbBGuVwUWcxX%";
      if (kKnown.find(letter) == std::string_view::npos || seen.find(letter) != std::string::npos) {
        return MakeError(Fault::kBadData, std::string("bad or repeated directive %") + letter + " in the format");
      }
      if (letter != '%') seen.push_back(letter);
    }
    return Status::OK();
  }

  // Matches the format from `f` on at `t`, the longest or first alternative of each directive first.
  bool From(size_t f, size_t t) {
    if (++steps_ > kStepsMax) return false;
    if (f == format_.size()) {
      end_ = t;
      return true;
    }
    const char c = format_[f];
    if (base_space(c)) {
      while (f < format_.size() && base_space(format_[f])) ++f;
      size_t stop = t;
      while (stop < text_.size() && base_space(text_[stop])) ++stop;
      for (; stop > t; --stop) {
        if (From(f, stop)) return true;
      }
      return false;
    }
    if (c != '%') {
      if (t >= text_.size() || ToLowerAscii(text_[t]) != ToLowerAscii(c)) return false;
      return From(f + 1, t + 1);
    }
    return Directive(format_[f + 1], f + 2, t);
  }

  static bool base_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  static char ToLowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

  std::optional<int> NumberAt(size_t t, size_t width) const {
    if (t + width > text_.size()) return std::nullopt;
    int number = 0;
    for (size_t i = t; i < t + width; ++i) {
      if (!Digit(text_[i])) return std::nullopt;
      number = number * 10 + (text_[i] - '0');
    }
    return number;
  }

  // Tries widths from `most` down to `least` with values in [low, high].
  bool Number(size_t most, size_t least, int low, int high, int* field, size_t f, size_t t) {
    for (size_t width = most; width >= least && width > 0; --width) {
      const auto number = NumberAt(t, width);
      if (!number || *number < low || *number > high) continue;
      *field = *number;
      if (From(f, t + width)) return true;
    }
    return false;
  }

  template <size_t kSize>
  bool Name(const std::array<std::string_view, kSize>& names, size_t letters, int* field, int first, size_t f,
            size_t t) {
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string_view name = letters == 0 ? names[i] : names[i].substr(0, letters);
      if (!Word(name, t)) continue;
      *field = static_cast<int>(i) + first;
      if (From(f, t + name.size())) return true;
    }
    return false;
  }

  bool Word(std::string_view lower, size_t t) const {
    if (t + lower.size() > text_.size()) return false;
    for (size_t i = 0; i < lower.size(); ++i) {
      if (ToLowerAscii(text_[t + i]) != lower[i]) return false;
    }
    return true;
  }

  bool Micros(size_t f, size_t t) {
    for (size_t width = 6; width > 0; --width) {
      const auto number = NumberAt(t, width);
      if (!number) continue;
      fields_.micros = *number;
      for (size_t i = width; i < 6; ++i) fields_.micros *= 10;
      if (From(f, t + width)) return true;
    }
    return false;
  }

  // [+-]HH:?MM(:?SS(.ffffff)?)? or Z; colons must agree.
  bool Offset(size_t f, size_t t) {
    if (t < text_.size() && text_[t] == 'Z') {
      fields_.offset_seconds = 0;
      return From(f, t + 1);
    }
    if (t >= text_.size() || (text_[t] != '+' && text_[t] != '-')) return false;
    const int sign = text_[t] == '-' ? -1 : 1;
    const auto hours = NumberAt(t + 1, 2);
    const bool colon = t + 3 < text_.size() && text_[t + 3] == ':';
    const size_t at = t + (colon ? 4 : 3);
    const auto minutes = NumberAt(at, 2);
    if (!hours || !minutes || *minutes > 59) return false;
    const bool second_colon = at + 2 < text_.size() && text_[at + 2] == ':';
    const size_t seconds_at = at + (second_colon ? 3 : 2);
    const auto seconds = NumberAt(seconds_at, 2);
    if (seconds && *seconds <= 59 && second_colon == colon) {
      fields_.offset_seconds = sign * (*hours * 3600 + *minutes * 60 + *seconds);
      if (From(f, seconds_at + 2)) return true;
    }
    fields_.offset_seconds = sign * (*hours * 3600 + *minutes * 60);
    return From(f, at + 2);
  }

  bool Expanded(std::string_view inner, size_t f, size_t t) {
    Matcher nested(text_.substr(t), inner);
    if (!nested.From(0, 0)) return false;
    // Only what these fixed forms can say.
    if (nested.fields_.year >= 0) fields_.year = nested.fields_.year;
    if (nested.fields_.month >= 0) fields_.month = nested.fields_.month;
    if (nested.fields_.day >= 0) fields_.day = nested.fields_.day;
    fields_.hour = nested.fields_.hour;
    fields_.minute = nested.fields_.minute;
    fields_.second = nested.fields_.second;
    return From(f, t + nested.end_);
  }

  bool Directive(char letter, size_t f, size_t t) {
    switch (letter) {
      case 'Y':
        return Number(4, 4, 0, 9999, &fields_.year, f, t);
      case 'y': {
        int year = 0;
        const auto number = NumberAt(t, 2);
        if (!number) return false;
        year = *number;
        fields_.year = year <= 68 ? 2000 + year : 1900 + year;
        return From(f, t + 2);
      }
      case 'm':
        return Number(2, 1, 1, 12, &fields_.month, f, t);
      case 'd':
        if (Number(2, 1, 1, 31, &fields_.day, f, t)) return true;
        return t < text_.size() && text_[t] == ' ' && Number(1, 1, 1, 9, &fields_.day, f, t + 1);
      case 'H':
        return Number(2, 1, 0, 23, &fields_.hour, f, t);
      case 'I':
        return Number(2, 1, 1, 12, &fields_.hour12, f, t);
      case 'M':
        return Number(2, 1, 0, 59, &fields_.minute, f, t);
      case 'S':
        return Number(2, 1, 0, 61, &fields_.second, f, t);
      case 'f':
        return Micros(f, t);
      case 'j':
        return Number(3, 1, 1, 366, &fields_.day_of_year, f, t);
      case 'z':
        return Offset(f, t);
      case '%':
        return t < text_.size() && text_[t] == '%' && From(f, t + 1);
      case 'c':
        return Expanded("%a %b %d %H:%M:%S %Y", f, t);
      case 'x':
        return Expanded("%m/%d/%y", f, t);
      case 'X':
        return Expanded("%H:%M:%S", f, t);
      default:
        return DirectiveOfNames(letter, f, t);
    }
  }

  bool DirectiveOfNames(char letter, size_t f, size_t t) {
    switch (letter) {
      case 'a':
        return Name(kDays, 3, &fields_.weekday, 0, f, t);
      case 'A':
        return Name(kDays, 0, &fields_.weekday, 0, f, t);
      case 'b':
        return Name(kMonths, 3, &fields_.month, 1, f, t);
      case 'B':
        return Name(kMonths, 0, &fields_.month, 1, f, t);
      case 'p':
        if (!Word("am", t) && !Word("pm", t)) return false;
        fields_.pm = Word("pm", t) ? 1 : 0;
        return From(f, t + 2);
      case 'Z':
        return (Word("utc", t) || Word("gmt", t)) && From(f, t + 3);
      case 'G':
        return Number(4, 4, 0, 9999, &fields_.iso_year, f, t);
      case 'V':
        return Number(2, 1, 0, 53, &fields_.iso_week, f, t);
      case 'U':
      case 'W':
        fields_.week_first = letter == 'U' ? 6 : 0;
        return Number(2, 1, 0, 53, &fields_.week, f, t);
      case 'u':
      case 'w': {
        const auto number = NumberAt(t, 1);
        if (!number || (letter == 'u' ? *number < 1 || *number > 7 : *number > 6)) return false;
        fields_.weekday = (*number + 6) % 7;
        return From(f, t + 1);
      }
      default:
        return false;
    }
  }

  std::string_view text_;
  std::string_view format_;
  Fields fields_;
  size_t end_ = 0;
  int steps_ = 0;
};

Status Impossible() {
  return MakeError(Fault::kBadData, "the time does not exist");
}

Timestamp Midnight(int year, int month, int day) {
  return *WallOf({.year = year, .month = month, .day = day});
}

// The day that a week number and a weekday name, as a wall time at midnight.
Result<std::optional<Timestamp>> DayOfWeek(const Fields& fields) {
  if (fields.iso_week >= 0 || fields.iso_year >= 0) {
    if (fields.iso_week < 1 || fields.iso_year < 1 || fields.weekday < 0) return Impossible();
    const Timestamp fourth = Midnight(fields.iso_year, 1, 4);
    const int64_t monday = fourth.micros - WeekdayOf(fourth) * kMicrosPerDay;
    return Timestamp{.micros = monday + ((fields.iso_week - 1) * 7 + fields.weekday) * kMicrosPerDay};
  }
  if (fields.week < 0 || fields.weekday < 0 || fields.year < 1) return std::optional<Timestamp>();
  const Timestamp first = Midnight(fields.year, 1, 1);
  const int first_weekday = (WeekdayOf(first) - fields.week_first + 7) % 7;
  const int weekday = (fields.weekday - fields.week_first + 7) % 7;
  const int length = (7 - first_weekday) % 7;
  const int day = fields.week == 0 ? weekday - first_weekday : length + 7 * (fields.week - 1) + weekday;
  return Timestamp{.micros = first.micros + day * kMicrosPerDay};
}

Status PlaceDate(Fields* fields) {
  if (fields->hour12 >= 0) fields->hour = fields->hour12;
  if (fields->hour12 >= 0 && fields->pm >= 0) fields->hour = fields->hour12 % 12 + 12 * fields->pm;
  ARROW_ASSIGN_OR_RAISE(std::optional<Timestamp> day, DayOfWeek(*fields));
  if (fields->day_of_year >= 0 && (fields->year != -1 || fields->month < 0)) {
    const int year = fields->year < 0 ? 1900 : fields->year;
    if (year < 1) return Impossible();
    day = Timestamp{.micros = Midnight(year, 1, 1).micros + (fields->day_of_year - 1) * kMicrosPerDay};
  }
  if (day) {
    if (!InRange(*day)) return Impossible();
    const CivilTime civil = CivilOf(*day);
    fields->year = civil.year;
    fields->month = civil.month;
    fields->day = civil.day;
  }
  if (fields->year < 0) fields->year = 1900;
  if (fields->month < 0) fields->month = 1;
  if (fields->day < 0) fields->day = 1;
  return Status::OK();
}

// int() of a text: spaces around, a sign, digits.
Result<int64_t> WholeNumber(std::string_view text) {
  const Result<Value> parsed = ReadInteger(text);
  if (!parsed.ok()) return parsed.status();
  if (parsed->kind() != Value::Kind::kInt) return MakeError(Fault::kBadData, "the number is too large for a time");
  return parsed->as_int();
}

Result<ZonedTime> Instant(double micros) {
  if (!(std::fabs(micros) < 3e17)) return MakeError(Fault::kBadData, "year is out of range");
  const Timestamp wall{.micros = static_cast<int64_t>(micros)};
  if (!InRange(wall)) return MakeError(Fault::kBadData, "year is out of range");
  return ZonedTime{.wall = wall, .offset_seconds = 0};
}

Result<ZonedTime> OfEpoch(std::string_view text, int64_t scale) {
  ARROW_ASSIGN_OR_RAISE(const int64_t number, WholeNumber(text));
  if (number > INT64_MAX / scale || number < INT64_MIN / scale) {
    return MakeError(Fault::kBadData, "year is out of range");
  }
  const Timestamp wall{.micros = number * scale};
  if (!InRange(wall)) return MakeError(Fault::kBadData, "year is out of range");
  return ZonedTime{.wall = wall, .offset_seconds = 0};
}

}  // namespace

Result<ZonedTime> ParseTime(std::string_view text, std::string_view format) {
  ARROW_ASSIGN_OR_RAISE(Fields fields, Matcher(text, format).Match());
  ARROW_RETURN_NOT_OK(PlaceDate(&fields));
  const auto wall = WallOf({.year = fields.year,
                            .month = fields.month,
                            .day = fields.day,
                            .hour = fields.hour,
                            .minute = fields.minute,
                            .second = fields.second,
                            .micros = fields.micros});
  if (!wall) return Impossible();
  if (fields.offset_seconds && std::abs(*fields.offset_seconds) >= 86'400) return Impossible();
  return ZonedTime{.wall = *wall, .offset_seconds = fields.offset_seconds};
}

Result<ZonedTime> ParseDatetime(std::string_view text, std::string_view format) {
  if (format == "%s") return OfEpoch(text, kMicrosPerSecond);
  if (format == "%ms") return OfEpoch(text, 1000);
  if (format == "%epoch_microseconds") return OfEpoch(text, 1);
  if (format == "%s_as_float") {
    ARROW_ASSIGN_OR_RAISE(const double seconds, ReadFloat(text));
    // fromtimestamp rounds half to even.
    return Instant(std::nearbyint(seconds * 1e6));
  }
  std::string with_micros(format);
  for (size_t at = with_micros.find("%_ms"); at != std::string::npos; at = with_micros.find("%_ms", at)) {
    with_micros.replace(at, 4, "%f");
  }
  ARROW_ASSIGN_OR_RAISE(ZonedTime time, ParseTime(text, with_micros));
  if (!time.offset_seconds) time.offset_seconds = 0;
  return time;
}

}  // namespace firn::expression::jinja
