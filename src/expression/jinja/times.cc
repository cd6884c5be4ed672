#include "expression/jinja/times.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "expression/jinja/object.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::array<std::string_view, 7> kDays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                   "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};

int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

template <typename... Arguments>
std::string Printed(const char* format, Arguments... arguments) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, arguments...);
  return text.data();
}

std::string OffsetText(int32_t offset, std::string_view colon) {
  const int32_t size = std::abs(offset);
  std::string out = Printed("%c%02d", offset < 0 ? '-' : '+', size / 3600);
  out += std::string(colon) + Printed("%02d", size / 60 % 60);
  if (size % 60 != 0) out += std::string(colon) + Printed("%02d", size % 60);
  return out;
}

}  // namespace

CivilTime CivilOf(Timestamp wall) {
  const int64_t day = FloorDivide(wall.micros, kMicrosPerDay);
  const int64_t rest = wall.micros - day * kMicrosPerDay;
  const std::chrono::year_month_day date{sys_days(days(day))};
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .hour = static_cast<int>(rest / (3600 * kMicrosPerSecond)),
          .minute = static_cast<int>(rest / (60 * kMicrosPerSecond) % 60),
          .second = static_cast<int>(rest / kMicrosPerSecond % 60),
          .micros = static_cast<int>(rest % kMicrosPerSecond)};
}

std::optional<Timestamp> WallOf(const CivilTime& civil) {
  if (civil.year < 1 || civil.year > 9999 || civil.month < 1 || civil.month > 12 || civil.day < 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(civil.year),
                                         std::chrono::month(static_cast<unsigned>(civil.month)),
                                         std::chrono::day(static_cast<unsigned>(civil.day))};
  if (!date.ok() || civil.hour < 0 || civil.hour > 23 || civil.minute < 0 || civil.minute > 59 || civil.second < 0 ||
      civil.second > 59 || civil.micros < 0 || civil.micros > 999'999) {
    return std::nullopt;
  }
  const int64_t day = sys_days(date).time_since_epoch().count();
  return Timestamp{.micros = ((day * 24 + civil.hour) * 60 + civil.minute) * 60 * kMicrosPerSecond +
                             civil.second * kMicrosPerSecond + civil.micros};
}

bool InRange(Timestamp wall) {
  constexpr int64_t kFirst = -719'162 * kMicrosPerDay;       // 0001-01-01
  constexpr int64_t kEnd = (2'932'896 + 1) * kMicrosPerDay;  // after 9999-12-31
  return wall.micros >= kFirst && wall.micros < kEnd;
}

int WeekdayOf(Timestamp wall) {
  const int64_t day = FloorDivide(wall.micros, kMicrosPerDay);
  return static_cast<int>(((day + 3) % 7 + 7) % 7);
}

int DayOfYear(Timestamp wall) {
  const CivilTime civil = CivilOf(wall);
  const auto first = sys_days(std::chrono::year(civil.year) / 1 / 1).time_since_epoch().count();
  return static_cast<int>(FloorDivide(wall.micros, kMicrosPerDay) - first) + 1;
}

TimedeltaParts PartsOf(int64_t micros) {
  TimedeltaParts parts;
  parts.days = FloorDivide(micros, kMicrosPerDay);
  const int64_t rest = micros - parts.days * kMicrosPerDay;
  parts.seconds = rest / kMicrosPerSecond;
  parts.micros = rest % kMicrosPerSecond;
  return parts;
}

std::string IsoText(Timestamp wall, std::optional<int32_t> offset_seconds, char separator, std::string_view timespec) {
  const CivilTime civil = CivilOf(wall);
  std::string out = Printed("%04d-%02d-%02d%c%02d", civil.year, civil.month, civil.day, separator, civil.hour);
  if (timespec != "hours") out += Printed(":%02d", civil.minute);
  const bool fraction = timespec == "microseconds" || (timespec == "auto" && civil.micros != 0);
  if (timespec != "hours" && timespec != "minutes") out += Printed(":%02d", civil.second);
  if (timespec == "milliseconds") out += Printed(".%03d", civil.micros / 1000);
  if (fraction) out += Printed(".%06d", civil.micros);
  if (offset_seconds) out += OffsetText(*offset_seconds, ":");
  return out;
}

std::string IsoDateText(int32_t days_since_epoch) {
  const CivilTime civil = CivilOf({.micros = days_since_epoch * kMicrosPerDay});
  return Printed("%04d-%02d-%02d", civil.year, civil.month, civil.day);
}

std::string TimedeltaText(int64_t micros) {
  const TimedeltaParts parts = PartsOf(micros);
  std::string out;
  if (parts.days != 0) {
    out = std::to_string(parts.days) + (std::abs(parts.days) == 1 ? " day, " : " days, ");
  }
  out += Printed("%d:%02d:%02d", static_cast<int>(parts.seconds / 3600), static_cast<int>(parts.seconds / 60 % 60),
                 static_cast<int>(parts.seconds % 60));
  if (parts.micros != 0) out += Printed(".%06d", static_cast<int>(parts.micros));
  return out;
}

std::string DurationText(CalendarDuration duration) {
  std::string out;
  if (duration.years != 0) out += std::to_string(duration.years) + " years, ";
  if (duration.months != 0) out += std::to_string(duration.months) + (duration.months <= 1 ? " month, " : " months, ");
  return out + TimedeltaText(duration.micros);
}

namespace {

// One %-directive of glibc's strftime, with its flags.
struct Directive {
  char flag = 0;       // '-', '_', '0'
  bool upper = false;  // '^'
  bool swap = false;   // '#'
  int width = -1;
  char letter = 0;
};

class Formatter {
 public:
  Formatter(Timestamp wall, std::optional<int32_t> offset_seconds)
      : wall_(wall), civil_(CivilOf(wall)), offset_seconds_(offset_seconds) {}

  std::string Format(std::string_view format) const {
    std::string out;
    out.reserve(format.size() + 16);
    for (size_t i = 0; i < format.size();) {
      if (format[i] != '%' || i + 1 == format.size()) {
        out.push_back(format[i++]);
        continue;
      }
      const size_t begin = i++;
      Directive directive;
      i = ReadFlags(format, i, &directive);
      if (i >= format.size()) {
        out += format.substr(begin);
        break;
      }
      directive.letter = format[i++];
      if (!Append(directive, &out)) out += format.substr(begin, i - begin);
    }
    return out;
  }

 private:
  static size_t ReadFlags(std::string_view format, size_t i, Directive* directive) {
    for (; i < format.size(); ++i) {
      const char c = format[i];
      if (c == '-' || c == '_' || c == '0') {
        directive->flag = c;
      } else if (c == '^') {
        directive->upper = true;
      } else if (c == '#') {
        directive->swap = true;
      } else {
        break;
      }
    }
    while (i < format.size() && format[i] >= '0' && format[i] <= '9') {
      directive->width = std::min(1000, std::max(directive->width, 0) * 10 + (format[i++] - '0'));
    }
    if (i + 1 < format.size() && (format[i] == 'E' || format[i] == 'O')) ++i;
    return i;
  }

  static void Number(const Directive& directive, int64_t number, int width, char pad, std::string* out) {
    if (directive.flag == '-') width = 0;
    if (directive.flag == '_') pad = ' ';
    if (directive.flag == '0') pad = '0';
    if (directive.width >= 0 && directive.flag != '-') width = directive.width;
    std::string digits = std::to_string(std::abs(number));
    const auto length = static_cast<int>(digits.size()) + (number < 0 ? 1 : 0);
    if (length < width) digits.insert(0, static_cast<size_t>(width - length), pad);
    if (number < 0) digits.insert(0, "-");
    *out += digits;
  }

  static void Text(const Directive& directive, std::string_view text, std::string* out) {
    std::string shown(text);
    if (directive.upper) shown = ToUpper(text);
    if (directive.swap) shown = text == ToUpper(text) ? ToLower(text) : ToUpper(text);
    const auto length = static_cast<int>(shown.size());
    if (directive.width > length) {
      shown.insert(0, static_cast<size_t>(directive.width - length), directive.flag == '0' ? '0' : ' ');
    }
    *out += shown;
  }

  int WeekOfYear(int first_weekday) const {
    const int weekday = (WeekdayOf(wall_) - first_weekday + 7) % 7;
    return (DayOfYear(wall_) + 6 - weekday) / 7;
  }

  // ISO 8601 week and its year.
  std::pair<int, int> IsoWeek() const {
    const Timestamp thursday{.micros = wall_.micros + (3 - WeekdayOf(wall_)) * kMicrosPerDay};
    return {CivilOf(thursday).year, (DayOfYear(thursday) - 1) / 7 + 1};
  }

  int Hour12() const { return civil_.hour % 12 == 0 ? 12 : civil_.hour % 12; }

  bool AppendDate(const Directive& directive, std::string* out) const {
    switch (directive.letter) {
      case 'Y':
        Number(directive, civil_.year, 1, '0', out);
        return true;
      case 'C':
        Number(directive, civil_.year / 100, 2, '0', out);
        return true;
      case 'y':
        Number(directive, civil_.year % 100, 2, '0', out);
        return true;
      case 'm':
        Number(directive, civil_.month, 2, '0', out);
        return true;
      case 'd':
        Number(directive, civil_.day, 2, '0', out);
        return true;
      case 'e':
        Number(directive, civil_.day, 2, ' ', out);
        return true;
      case 'j':
        Number(directive, DayOfYear(wall_), 3, '0', out);
        return true;
      case 'U':
        Number(directive, WeekOfYear(6), 2, '0', out);
        return true;
      case 'W':
        Number(directive, WeekOfYear(0), 2, '0', out);
        return true;
      case 'V':
        Number(directive, IsoWeek().second, 2, '0', out);
        return true;
      case 'G':
        Number(directive, IsoWeek().first, 1, '0', out);
        return true;
      case 'g':
        Number(directive, IsoWeek().first % 100, 2, '0', out);
        return true;
      case 'u':
        Number(directive, WeekdayOf(wall_) + 1, 1, '0', out);
        return true;
      case 'w':
        Number(directive, (WeekdayOf(wall_) + 1) % 7, 1, '0', out);
        return true;
      case 'a':
        Text(directive, kDays[static_cast<size_t>(WeekdayOf(wall_))].substr(0, 3), out);
        return true;
      case 'A':
        Text(directive, kDays[static_cast<size_t>(WeekdayOf(wall_))], out);
        return true;
      case 'b':
      case 'h':
        Text(directive, kMonths[static_cast<size_t>(civil_.month - 1)].substr(0, 3), out);
        return true;
      case 'B':
        Text(directive, kMonths[static_cast<size_t>(civil_.month - 1)], out);
        return true;
      default:
        return false;
    }
  }

  bool AppendTime(const Directive& directive, std::string* out) const {
    switch (directive.letter) {
      case 'H':
        Number(directive, civil_.hour, 2, '0', out);
        return true;
      case 'k':
        Number(directive, civil_.hour, 2, ' ', out);
        return true;
      case 'I':
        Number(directive, Hour12(), 2, '0', out);
        return true;
      case 'l':
        Number(directive, Hour12(), 2, ' ', out);
        return true;
      case 'M':
        Number(directive, civil_.minute, 2, '0', out);
        return true;
      case 'S':
        Number(directive, civil_.second, 2, '0', out);
        return true;
      case 'p':
        Text(directive, civil_.hour < 12 ? "AM" : "PM", out);
        return true;
      case 'P':
        Text(directive, civil_.hour < 12 ? "am" : "pm", out);
        return true;
      case 's':
        Number(directive, FloorDivide(wall_.micros, kMicrosPerSecond), 1, '0', out);
        return true;
      default:
        return false;
    }
  }

  // Directives that stand for others. Those Python replaces itself (%f %z %Z) take no flags.
  bool AppendCompound(const Directive& directive, std::string* out) const {
    const char* other = nullptr;
    switch (directive.letter) {
      case 'c':
        other = "%a %b %e %H:%M:%S %Y";
        break;
      case 'D':
      case 'x':
        other = "%m/%d/%y";
        break;
      case 'F':
        other = "%Y-%m-%d";
        break;
      case 'T':
      case 'X':
        other = "%H:%M:%S";
        break;
      case 'R':
        other = "%H:%M";
        break;
      case 'r':
        other = "%I:%M:%S %p";
        break;
      default:
        return false;
    }
    Text(directive, Format(other), out);
    return true;
  }

  bool Append(const Directive& directive, std::string* out) const {
    switch (directive.letter) {
      case '%':
      case 'n':
      case 't':
        Text(directive, directive.letter == '%' ? "%" : (directive.letter == 'n' ? "\n" : "\t"), out);
        return true;
      case 'f':
        if (directive.flag != 0 || directive.width >= 0) return false;
        *out += Printed("%06d", civil_.micros);
        return true;
      case 'z':
        if (offset_seconds_) *out += OffsetText(*offset_seconds_, "");
        return true;
      case 'Z':
        if (directive.flag != 0 || directive.swap || directive.upper || directive.width >= 0) return true;
        if (offset_seconds_) *out += *offset_seconds_ == 0 ? "UTC" : "UTC" + OffsetText(*offset_seconds_, ":");
        return true;
      default:
        return AppendDate(directive, out) || AppendTime(directive, out) || AppendCompound(directive, out);
    }
  }

  Timestamp wall_;
  CivilTime civil_;
  std::optional<int32_t> offset_seconds_;
};

// "%Y-%m-%dT%H:%M:%SZ" and its like, which nearly all connectors use, without the machinery.
bool FormatPlain(const CivilTime& civil, std::string_view format, std::string* out) {
  const auto put = [&](int number, int width) {
    const size_t begin = out->size();
    out->resize(begin + static_cast<size_t>(width), '0');
    for (size_t at = out->size(); number > 0 && at > begin; number /= 10) {
      (*out)[--at] = static_cast<char>('0' + number % 10);
    }
  };
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out->push_back(format[i]);
      continue;
    }
    switch (++i < format.size() ? format[i] : '\0') {
      case 'Y':
        if (civil.year < 1000) return false;
        put(civil.year, 4);
        break;
      case 'm':
        put(civil.month, 2);
        break;
      case 'd':
        put(civil.day, 2);
        break;
      case 'H':
        put(civil.hour, 2);
        break;
      case 'M':
        put(civil.minute, 2);
        break;
      case 'S':
        put(civil.second, 2);
        break;
      case 'f':
        put(civil.micros, 6);
        break;
      default:
        return false;
    }
  }
  return true;
}

// Python's int(float): `time.timestamp()` is a double, and so is its product.
std::string ScaledEpoch(const ZonedTime& time, double scale) {
  const double seconds = static_cast<double>(time.Instant().micros) / 1e6;
  return std::to_string(static_cast<int64_t>(std::trunc(seconds * scale)));
}

}  // namespace

std::string FormatTime(Timestamp wall, std::optional<int32_t> offset_seconds, std::string_view format) {
  std::string out;
  if (FormatPlain(CivilOf(wall), format, &out)) return out;
  return Formatter(wall, offset_seconds).Format(format);
}

std::string FormatDatetime(const ZonedTime& time, std::string_view format) {
  if (format == "%s") return ScaledEpoch(time, 1);
  if (format == "%s_as_float") return FloatRepr(static_cast<double>(time.Instant().micros) / 1e6);
  if (format == "%epoch_microseconds") return ScaledEpoch(time, 1e6);
  if (format == "%ms") return ScaledEpoch(time, 1e3);
  if (format.find("%_ms") == std::string_view::npos) return FormatTime(time.wall, time.offset_seconds, format);
  // The runtime formats microseconds and then replaces every such run of digits by milliseconds.
  std::string with_micros;
  for (size_t i = 0; i < format.size();) {
    const bool hit = format.substr(i, 4) == "%_ms";
    with_micros += hit ? "%f" : std::string(1, format[i]);
    i += hit ? 4 : 1;
  }
  std::string out = FormatTime(time.wall, time.offset_seconds, with_micros);
  const int micros = CivilOf(time.wall).micros;
  const std::string from = Printed("%06d", micros);
  const std::string to = Printed("%03d", micros / 1000);
  for (size_t at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size())) {
    out.replace(at, from.size(), to);
  }
  return out;
}

}  // namespace firn::expression::jinja
