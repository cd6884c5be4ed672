#include "source/airbyte/moment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/ascii.h"

namespace firn::source::airbyte {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr std::array<const char*, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                 "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<const char*, 7> kWeekdays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                  "Friday", "Saturday", "Sunday"};

bool IsBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

struct Fields {
  int64_t year = 1900;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int64_t micro = 0;
  int hour12 = -1;
  bool pm = false;
  int day_of_year = 0;
  int32_t offset_seconds = 0;
};

int64_t DaysOf(int64_t year, int month, int day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(static_cast<int>(year)) / std::chrono::month(static_cast<unsigned>(month)) /
                  std::chrono::day(static_cast<unsigned>(day)))
      .time_since_epoch()
      .count();
}

Fields Split(const Moment& moment) {
  using namespace std::chrono;
  const int64_t wall = moment.micros + moment.offset_seconds * kSecond;
  const int64_t days = wall >= 0 ? wall / kDay : (wall - kDay + 1) / kDay;
  const int64_t rest = wall - days * kDay;
  const year_month_day date{sys_days(std::chrono::days(days))};
  Fields out;
  out.year = int{date.year()};
  out.month = static_cast<int>(unsigned{date.month()});
  out.day = static_cast<int>(unsigned{date.day()});
  out.hour = static_cast<int>(rest / (3600 * kSecond));
  out.minute = static_cast<int>(rest / (60 * kSecond) % 60);
  out.second = static_cast<int>(rest / kSecond % 60);
  out.micro = rest % kSecond;
  out.offset_seconds = moment.offset_seconds;
  return out;
}

int DaysInMonth(int64_t year, int month) {
  const int64_t next = month == 12 ? DaysOf(year + 1, 1, 1) : DaysOf(year, month + 1, 1);
  return static_cast<int>(next - DaysOf(year, month, 1));
}

std::optional<Moment> Join(const Fields& fields) {
  if (fields.year < 1 || fields.year > 9999 || fields.month < 1 || fields.month > 12 || fields.day < 1 ||
      fields.day > DaysInMonth(fields.year, fields.month)) {
    return std::nullopt;
  }
  if (fields.hour > 23 || fields.minute > 59 || fields.second > 61) return std::nullopt;
  int64_t wall = DaysOf(fields.year, fields.month, fields.day) * kDay;
  wall += (fields.hour * int64_t{3600} + fields.minute * 60 + fields.second) * kSecond + fields.micro;
  return Moment{.micros = wall - fields.offset_seconds * kSecond, .offset_seconds = fields.offset_seconds};
}

/// Reads a text by strptime directives.
class Reader {
 public:
  Reader(std::string_view text, std::string_view format) : text_(text), format_(format) {}

  std::optional<Moment> Read() {
    for (size_t i = 0; i < format_.size(); ++i) {
      const char c = format_[i];
      if (c == '%' && i + 1 < format_.size()) {
        if (!Directive(format_[++i])) return std::nullopt;
      } else if (IsBlank(c)) {
        if (!ReadSpace()) return std::nullopt;
      } else if (!Literal(c)) {
        return std::nullopt;
      }
    }
    if (at_ != text_.size()) return std::nullopt;
    if (fields_.hour12 >= 0) fields_.hour = fields_.hour12 % 12 + (fields_.pm ? 12 : 0);
    if (fields_.day_of_year > 0) ApplyDayOfYear();
    return Join(fields_);
  }

 private:
  bool Literal(char c) {
    if (at_ >= text_.size() || AsciiLower(text_[at_]) != AsciiLower(c)) return false;
    ++at_;
    return true;
  }
  bool ReadSpace() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
    return at_ > begin;
  }
  template <typename T>
  bool Number(int digits_min, int digits_max, T* out) {
    int64_t value = 0;
    int digits = 0;
    while (digits < digits_max && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + (text_[at_++] - '0');
      ++digits;
    }
    *out = static_cast<T>(value);
    return digits >= digits_min;
  }
  template <size_t N>
  bool Name(const std::array<const char*, N>& names, size_t length, int* out) {
    for (size_t i = 0; i < N; ++i) {
      std::string_view name = names[i];
      if (length > 0) name = name.substr(0, length);
      if (!EqualsHere(name)) continue;
      at_ += name.size();
      *out = static_cast<int>(i);
      return true;
    }
    return false;
  }
  bool EqualsHere(std::string_view word) const {
    if (text_.size() - at_ < word.size()) return false;
    return std::equal(word.begin(), word.end(), text_.begin() + static_cast<ptrdiff_t>(at_),
                      [](char a, char b) { return AsciiLower(a) == AsciiLower(b); });
  }
  bool Fraction() {
    const size_t begin = at_;
    int64_t value = 0;
    if (!Number(1, 6, &value)) return false;
    for (size_t digits = at_ - begin; digits < 6; ++digits) value *= 10;
    fields_.micro = value;
    return true;
  }
  bool Offset() {
    if (at_ < text_.size() && (text_[at_] == 'Z')) {
      ++at_;
      fields_.offset_seconds = 0;
      return true;
    }
    if (at_ >= text_.size() || (text_[at_] != '+' && text_[at_] != '-')) return false;
    const int sign = text_[at_++] == '-' ? -1 : 1;
    int hours = 0, minutes = 0, seconds = 0;
    if (!Number(2, 2, &hours)) return false;
    const bool colon = at_ < text_.size() && text_[at_] == ':';
    if (colon) ++at_;
    if (!Number(2, 2, &minutes)) return false;
    if (at_ + (colon ? 1 : 0) < text_.size() && (!colon || text_[at_] == ':') && (colon || IsDigit(text_[at_]))) {
      if (colon) ++at_;
      if (!Number(2, 2, &seconds)) return false;
    }
    fields_.offset_seconds = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
  }
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }
  bool Zone() {
    for (const std::string_view name : {"UTC", "GMT"}) {
      if (!EqualsHere(name)) continue;
      at_ += name.size();
      return true;
    }
    return false;
  }
  bool Directive(char directive) {
    int index = 0;
    switch (directive) {
      case 'Y':
        return Number(4, 4, &fields_.year);
      case 'y':
        if (!Number(2, 2, &fields_.year)) return false;
        fields_.year += fields_.year < 69 ? 2000 : 1900;
        return true;
      case 'm':
        return Number(1, 2, &fields_.month);
      case 'd':
        return Number(1, 2, &fields_.day);
      case 'H':
        return Number(1, 2, &fields_.hour);
      case 'I':
        return Number(1, 2, &fields_.hour12);
      case 'M':
        return Number(1, 2, &fields_.minute);
      case 'S':
        return Number(1, 2, &fields_.second);
      case 'j':
        return Number(1, 3, &fields_.day_of_year);
      case 'f':
        return Fraction();
      case 'z':
        return Offset();
      case 'Z':
        return Zone();
      case 'p':
        if (!EqualsHere("AM") && !EqualsHere("PM")) return false;
        fields_.pm = EqualsHere("PM");
        at_ += 2;
        return true;
      case 'B':
        if (!Name(kMonths, 0, &index)) return false;
        fields_.month = index + 1;
        return true;
      case 'b':
      case 'h':
        if (!Name(kMonths, 3, &index)) return false;
        fields_.month = index + 1;
        return true;
      case 'A':
        return Name(kWeekdays, 0, &index);
      case 'a':
        return Name(kWeekdays, 3, &index);
      case '%':
        return Literal('%');
      default:
        return false;
    }
  }
  void ApplyDayOfYear() {
    const Moment first{.micros = DaysOf(fields_.year, 1, 1) * kDay + (fields_.day_of_year - 1) * kDay};
    const Fields date = Split(first);
    fields_.month = date.month;
    fields_.day = date.day;
  }

  const std::string_view text_, format_;
  size_t at_ = 0;
  Fields fields_;
};

std::string Padded(int64_t value, int width) {
  std::string digits = std::to_string(value);
  return digits.size() >= static_cast<size_t>(width) ? digits : std::string(width - digits.size(), '0') + digits;
}

std::string OffsetText(int32_t seconds) {
  const int32_t all = std::abs(seconds);
  std::string out = (seconds < 0 ? "-" : "+") + Padded(all / 3600, 2) + Padded(all / 60 % 60, 2);
  return all % 60 == 0 ? out : out + Padded(all % 60, 2);
}

std::string ZoneText(int32_t seconds) {
  if (seconds == 0) return "UTC";
  const int32_t all = std::abs(seconds);
  return std::string("UTC") + (seconds < 0 ? "-" : "+") + Padded(all / 3600, 2) + ":" + Padded(all / 60 % 60, 2);
}

size_t WeekdayOf(const Fields& fields) {
  const int64_t days = DaysOf(fields.year, fields.month, fields.day);
  return static_cast<size_t>(((days + 3) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
}

std::string DirectiveText(const Fields& fields, char directive) {
  switch (directive) {
    case 'Y':
      return Padded(fields.year, 4);
    case 'y':
      return Padded(fields.year % 100, 2);
    case 'm':
      return Padded(fields.month, 2);
    case 'd':
      return Padded(fields.day, 2);
    case 'H':
      return Padded(fields.hour, 2);
    case 'I':
      return Padded(fields.hour % 12 == 0 ? 12 : fields.hour % 12, 2);
    case 'M':
      return Padded(fields.minute, 2);
    case 'S':
      return Padded(fields.second, 2);
    case 'f':
      return Padded(fields.micro, 6);
    case 'z':
      return OffsetText(fields.offset_seconds);
    case 'Z':
      return ZoneText(fields.offset_seconds);
    case 'p':
      return fields.hour < 12 ? "AM" : "PM";
    case 'j':
      return Padded(DaysOf(fields.year, fields.month, fields.day) - DaysOf(fields.year, 1, 1) + 1, 3);
    case 'B':
      return kMonths[static_cast<size_t>(fields.month - 1)];
    case 'b':
    case 'h':
      return std::string(kMonths[static_cast<size_t>(fields.month - 1)]).substr(0, 3);
    case 'A':
      return kWeekdays[WeekdayOf(fields)];
    case 'a':
      return std::string(kWeekdays[WeekdayOf(fields)]).substr(0, 3);
    case 'F':
      return Padded(fields.year, 4) + "-" + Padded(fields.month, 2) + "-" + Padded(fields.day, 2);
    case 'T':
      return Padded(fields.hour, 2) + ":" + Padded(fields.minute, 2) + ":" + Padded(fields.second, 2);
    case '%':
      return "%";
    default:
      return std::string("%") + directive;
  }
}

std::string ByDirectives(const Moment& moment, std::string_view format) {
  const Fields fields = Split(moment);
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
    } else {
      out += DirectiveText(fields, format[++i]);
    }
  }
  return out;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::optional<int64_t> WholeNumber(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Status NoMatch(std::string_view format) {
  return MakeError(Fault::kBadData, "a time does not match the format " + std::string(format));
}

}  // namespace

Result<Moment> ParseMoment(std::string_view text, std::string_view format) {
  const int64_t scale = format == "%s" ? kSecond : format == "%ms" ? 1000 : format == "%epoch_microseconds" ? 1 : 0;
  if (scale != 0) {
    const auto number = WholeNumber(text);
    if (!number || std::abs(*number) > int64_t{253'402'300'800} * kSecond / scale) return NoMatch(format);
    return Moment{.micros = *number * scale};
  }
  if (format == "%s_as_float") {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || std::abs(seconds) > 253'402'300'800.0) {
      return NoMatch(format);
    }
    return Moment{.micros = std::llrint(seconds * 1e6)};
  }
  const std::string plain = Replaced(std::string(format), "%_ms", "%f");
  const auto moment = Reader(text, plain).Read();
  if (!moment) return NoMatch(format);
  return *moment;
}

std::string FormatMoment(const Moment& moment, std::string_view format) {
  // As Python: the seconds as a float, then cut toward zero.
  const double seconds = static_cast<double>(moment.micros) / 1e6;
  if (format == "%s") return std::to_string(static_cast<int64_t>(seconds));
  if (format == "%ms") return std::to_string(static_cast<int64_t>(seconds * 1000));
  if (format == "%epoch_microseconds") return std::to_string(static_cast<int64_t>(seconds * 1'000'000));
  if (format == "%s_as_float") {
    std::array<char, 40> buffer;
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), seconds, std::chars_format::fixed);
    std::string out(buffer.data(), error == std::errc() ? end : buffer.data());
    return out.find('.') == std::string::npos ? out + ".0" : out;
  }
  if (format.find("%_ms") == std::string_view::npos) return ByDirectives(moment, format);
  const int64_t micro = Split(moment).micro;
  const std::string text = ByDirectives(moment, Replaced(std::string(format), "%_ms", "%f"));
  return Replaced(text, Padded(micro, 6), Padded(micro / 1000, 3));
}

Result<Moment> ParseAnyMoment(std::string_view text) {
  if (const auto number = WholeNumber(text)) {
    return Moment{.micros = std::abs(*number) > 10'000'000'000 ? *number * 1000 : *number * kSecond};
  }
  for (const char* format : {"%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f",
                             "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S",
                             "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    if (const auto moment = Reader(text, format).Read()) return *moment;
  }
  return MakeError(Fault::kBadData, "a time in no known form");
}

Result<Gap> ParseGap(std::string_view text) {
  const auto error = [&] { return MakeError(Fault::kConfig, "no ISO 8601 duration: " + std::string(text)); };
  std::string_view rest = text;
  const int sign = rest.starts_with('-') ? -1 : 1;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (!rest.starts_with('P') || rest.size() < 2) return error();
  rest.remove_prefix(1);
  Gap gap;
  bool in_time = false;
  while (!rest.empty()) {
    if (rest[0] == 'T' && !in_time) {
      in_time = true;
      rest.remove_prefix(1);
      continue;
    }
    const std::string number = Replaced(std::string(rest.substr(0, rest.find_first_not_of("0123456789.,"))), ",", ".");
    if (number.empty() || number.size() >= rest.size()) return error();
    double value = 0;
    if (std::from_chars(number.data(), number.data() + number.size(), value).ec != std::errc()) return error();
    const char unit = rest[number.size()];
    rest.remove_prefix(number.size() + 1);
    const auto micros = [&](double seconds) { gap.micros += sign * std::llrint(value * seconds * 1e6); };
    if (unit == 'Y' && !in_time) {
      gap.months += sign * std::llrint(value * 12);
    } else if (unit == 'M') {
      if (in_time) {
        micros(60);
      } else {
        gap.months += sign * std::llrint(value);
      }
    } else if (unit == 'W' && !in_time) {
      micros(7 * 86400.0);
    } else if (unit == 'D' && !in_time) {
      micros(86400);
    } else if (unit == 'H' && in_time) {
      micros(3600);
    } else if (unit == 'S' && in_time) {
      micros(1);
    } else {
      return error();
    }
  }
  return gap;
}

std::optional<Moment> Shift(const Moment& moment, const Gap& gap, int sign) {
  Moment out = moment;
  if (gap.months != 0) {
    Fields fields = Split(moment);
    const int64_t months = fields.year * 12 + (fields.month - 1) + sign * gap.months;
    fields.year = months >= 0 ? months / 12 : (months - 11) / 12;
    fields.month = static_cast<int>(months - fields.year * 12) + 1;
    if (fields.year < 1 || fields.year > 9999) return std::nullopt;
    fields.day = std::min(fields.day, DaysInMonth(fields.year, fields.month));
    const auto joined = Join(fields);
    if (!joined) return std::nullopt;
    out = *joined;
  }
  if (__builtin_add_overflow(out.micros, sign * gap.micros, &out.micros)) return std::nullopt;
  constexpr int64_t kFirst = -62'135'596'800 * kSecond;
  constexpr int64_t kLast = int64_t{253'402'300'800} * kSecond - 1;
  if (out.micros < kFirst || out.micros > kLast) return std::nullopt;
  return out;
}

}  // namespace firn::source::airbyte
