#include "expression/datetime.h"

#include <date/tz.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>

namespace firn::expression {
namespace {

using std::chrono::microseconds;
using SysTime = std::chrono::time_point<std::chrono::system_clock, microseconds>;

constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr int64_t kMicrosPerSecond = 1'000'000;

bool IsUtc(std::string_view zone) {
  return zone.empty() || zone == "UTC" || zone == "Z" || zone == "Etc/UTC";
}

// "+02:00", "-0530": seconds east of UTC.
std::optional<int64_t> FixedOffset(std::string_view zone) {
  const bool colon = zone.size() == 6 && zone[3] == ':';
  if ((!colon && zone.size() != 5) || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const std::string digits = std::string(zone.substr(1, 2)) + std::string(zone.substr(colon ? 4 : 3, 2));
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const int64_t hours = std::stoi(digits.substr(0, 2));
  const int64_t minutes = std::stoi(digits.substr(2));
  if (hours > 18 || minutes > 59) return std::nullopt;
  return (zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

Result<const date::time_zone*> Locate(std::string_view zone) {
  try {
    return date::locate_zone(std::string(zone));
  } catch (const std::exception&) {
    return MakeError(Fault::kConfig, "unknown time zone '" + std::string(zone) + "'");
  }
}

struct Local {
  Timestamp wall;  // as if the wall clock showed UTC
  int64_t offset_seconds = 0;
  std::string name = "UTC";
};

Result<Local> ToLocal(Timestamp time, std::string_view zone) {
  if (IsUtc(zone)) return Local{.wall = time};
  if (const auto offset = FixedOffset(zone)) {
    return Local{.wall = {.micros = time.micros + *offset * kMicrosPerSecond},
                 .offset_seconds = *offset,
                 .name = std::string(zone)};
  }
  ARROW_ASSIGN_OR_RAISE(const auto* located, Locate(zone));
  try {
    const auto info = located->get_info(SysTime(microseconds(time.micros)));
    return Local{.wall = {.micros = time.micros + info.offset.count() * kMicrosPerSecond},
                 .offset_seconds = info.offset.count(),
                 .name = info.abbrev};
  } catch (const std::exception&) {
    return MakeError(Fault::kConfig, "time zone '" + std::string(zone) + "' has no rule for this time");
  }
}

Result<Timestamp> FromLocal(int64_t wall_micros, std::string_view zone) {
  if (IsUtc(zone)) return Timestamp{.micros = wall_micros};
  if (const auto offset = FixedOffset(zone)) return Timestamp{.micros = wall_micros - *offset * kMicrosPerSecond};
  ARROW_ASSIGN_OR_RAISE(const auto* located, Locate(zone));
  try {
    const date::local_time<microseconds> local{microseconds(wall_micros)};
    if (located->get_info(local).result == date::local_info::nonexistent) {
      return MakeError(Fault::kBadData, "a local time that time zone '" + std::string(zone) + "' skips");
    }
    return Timestamp{.micros = located->to_sys(local, date::choose::earliest).time_since_epoch().count()};
  } catch (const std::exception&) {
    return MakeError(Fault::kConfig, "time zone '" + std::string(zone) + "' has no rule for this time");
  }
}

struct Civil {
  int year = 1970;
  unsigned month = 1, day = 1;
  int hour = 0, minute = 0, second = 0, micros = 0;
  int weekday = 0, day_of_year = 1;
};

Civil ToCivil(int64_t wall_micros) {
  using std::chrono::days;
  const SysTime time{microseconds(wall_micros)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const int64_t of_day = (time - day).count();
  const std::chrono::sys_days new_year{
      std::chrono::year_month_day{date.year(), std::chrono::January, std::chrono::day(1)}};
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = static_cast<int>(of_day / (3600 * kMicrosPerSecond)),
          .minute = static_cast<int>(of_day / (60 * kMicrosPerSecond) % 60),
          .second = static_cast<int>(of_day / kMicrosPerSecond % 60),
          .micros = static_cast<int>(of_day % kMicrosPerSecond),
          .weekday = static_cast<int>(std::chrono::weekday(day).c_encoding()),
          .day_of_year = static_cast<int>((day - new_year).count()) + 1};
}

std::optional<int64_t> ToMicros(const Civil& civil) {
  const std::chrono::year_month_day date{std::chrono::year(civil.year), std::chrono::month(civil.month),
                                         std::chrono::day(civil.day)};
  if (!date.ok() || civil.hour > 23 || civil.minute > 59 || civil.second > 59) return std::nullopt;
  const int64_t day = std::chrono::sys_days(date).time_since_epoch().count();
  return ((day * 24 + civil.hour) * 60 + civil.minute) * 60 * kMicrosPerSecond + civil.second * kMicrosPerSecond +
         civil.micros;
}

// Takes the next directive of a pattern after its '%'; empty if there is none such.
std::string_view TakeDirective(std::string_view* pattern) {
  for (const std::string_view known : {"s_as_float", "ms"}) {
    if (pattern->substr(0, known.size()) != known) continue;
    pattern->remove_prefix(known.size());
    return known;
  }
  constexpr std::string_view kKnown = "YmdHIMSfpzZjybBaAs%";
  if (pattern->empty() || kKnown.find(pattern->front()) == std::string_view::npos) return {};
  const std::string_view directive = pattern->substr(0, 1);
  pattern->remove_prefix(1);
  return directive;
}

Status UnknownDirective(std::string_view rest) {
  return MakeError(Fault::kConfig, "unknown directive '%" + std::string(rest.substr(0, 1)) + "' in a time pattern");
}

std::string Padded(int64_t value, int width) {
  std::array<char, 24> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%0*lld", width, static_cast<long long>(value));
  return buffer.data();
}

std::string Offset(int64_t seconds) {
  const int64_t minutes = std::abs(seconds) / 60;
  return (seconds < 0 ? "-" : "+") + Padded(minutes / 60, 2) + Padded(minutes % 60, 2);
}

int64_t FloorDiv(int64_t value, int64_t by) {
  return value / by - static_cast<int64_t>(value % by < 0);
}

std::string FormatDirective(std::string_view directive, Timestamp time, const Local& local, const Civil& civil) {
  if (directive == "ms") return std::to_string(FloorDiv(time.micros, 1000));
  if (directive == "s_as_float") {
    const int64_t seconds = FloorDiv(time.micros, kMicrosPerSecond);
    return std::to_string(seconds) + "." + Padded(time.micros - seconds * kMicrosPerSecond, 6);
  }
  switch (directive[0]) {
    case 'Y':
      return Padded(civil.year, 4);
    case 'y':
      return Padded(civil.year % 100, 2);
    case 'm':
      return Padded(civil.month, 2);
    case 'd':
      return Padded(civil.day, 2);
    case 'H':
      return Padded(civil.hour, 2);
    case 'I':
      return Padded((civil.hour + 11) % 12 + 1, 2);
    case 'M':
      return Padded(civil.minute, 2);
    case 'S':
      return Padded(civil.second, 2);
    case 'f':
      return Padded(civil.micros, 6);
    case 'p':
      return civil.hour < 12 ? "AM" : "PM";
    case 'z':
      return Offset(local.offset_seconds);
    case 'Z':
      return local.name;
    case 'j':
      return Padded(civil.day_of_year, 3);
    case 'b':
      return std::string(kMonths[civil.month - 1].substr(0, 3));
    case 'B':
      return std::string(kMonths[civil.month - 1]);
    case 'a':
      return std::string(kDays[static_cast<size_t>(civil.weekday)].substr(0, 3));
    case 'A':
      return std::string(kDays[static_cast<size_t>(civil.weekday)]);
    case 's':
      return std::to_string(FloorDiv(time.micros, kMicrosPerSecond));
    default:
      return "%";
  }
}

// Reads a text from left to right; each step says whether it matched.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool AtEnd() const { return text_.empty(); }
  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<int64_t> Number(size_t width_min, size_t width_max) {
    size_t width = 0;
    int64_t value = 0;
    for (; width < width_max && width < text_.size() && text_[width] >= '0' && text_[width] <= '9'; ++width) {
      value = value * 10 + (text_[width] - '0');
    }
    if (width < width_min) return std::nullopt;
    text_.remove_prefix(width);
    return value;
  }
  // Takes 1 or more digits as a fraction of a second; those past microseconds are dropped.
  std::optional<int> Fraction(size_t digits_max) {
    int micros = 0;
    size_t width = 0;
    for (; width < digits_max && width < text_.size() && text_[width] >= '0' && text_[width] <= '9'; ++width) {
      if (width < 6) micros = micros * 10 + (text_[width] - '0');
    }
    if (width == 0) return std::nullopt;
    for (size_t i = width; i < 6; ++i) micros *= 10;
    text_.remove_prefix(width);
    return micros;
  }
  // Z, +hh, +hhmm, +hh:mm
  std::optional<int64_t> OffsetSeconds() {
    if (Take('Z') || Take('z')) return 0;
    const bool negative = !text_.empty() && text_[0] == '-';
    if (!Take('-') && !Take('+')) return std::nullopt;
    const auto hours = Number(2, 2);
    if (!hours || *hours > 23) return std::nullopt;
    const bool colon = Take(':');
    const auto minutes = Number(2, 2);
    if ((colon && !minutes) || minutes.value_or(0) > 59) return std::nullopt;
    const int64_t seconds = *hours * 3600 + minutes.value_or(0) * 60;
    return negative ? -seconds : seconds;
  }
  template <typename Names>
  std::optional<unsigned> Name(const Names& names, size_t width) {
    for (unsigned i = 0; i < names.size(); ++i) {
      const std::string_view name = width == 0 ? names[i] : names[i].substr(0, width);
      if (text_.substr(0, name.size()) != name) continue;
      text_.remove_prefix(name.size());
      return i;
    }
    return std::nullopt;
  }
  char front() const { return text_.empty() ? '\0' : text_[0]; }

 private:
  std::string_view text_;
};

struct Parsed {
  Civil civil;
  std::optional<bool> afternoon;
  std::optional<int64_t> offset_seconds;
  std::optional<int64_t> epoch_micros;
  std::optional<int64_t> day_of_year;
};

template <typename T, typename N>
bool Store(std::optional<N> value, T* target) {
  if (value) *target = static_cast<T>(*value);
  return value.has_value();
}

bool ParseEpoch(std::string_view directive, Reader* reader, Parsed* out) {
  const bool negative = reader->Take('-');
  const auto number = reader->Number(1, 15);
  if (!number) return false;
  int64_t micros = directive == "ms" ? *number * 1000 : (*number < 9'000'000'000'000 ? *number * kMicrosPerSecond : -1);
  if (micros < 0) return false;
  if (directive == "s_as_float" && reader->Take('.')) {
    const auto fraction = reader->Fraction(18);
    if (!fraction) return false;
    micros += *fraction;
  }
  out->epoch_micros = negative ? -micros : micros;
  return true;
}

bool ParseDirective(std::string_view directive, Reader* reader, Parsed* out) {
  if (directive == "ms" || directive == "s_as_float" || directive == "s") return ParseEpoch(directive, reader, out);
  Civil& civil = out->civil;
  switch (directive[0]) {
    case 'Y':
      return Store(reader->Number(4, 4), &civil.year);
    case 'y': {
      const auto year = reader->Number(2, 2);
      if (year) civil.year = static_cast<int>(*year + (*year < 69 ? 2000 : 1900));
      return year.has_value();
    }
    case 'm':
      return Store(reader->Number(1, 2), &civil.month);
    case 'd':
      return Store(reader->Number(1, 2), &civil.day);
    case 'H':
    case 'I':
      return Store(reader->Number(1, 2), &civil.hour);
    case 'M':
      return Store(reader->Number(1, 2), &civil.minute);
    case 'S':
      return Store(reader->Number(1, 2), &civil.second);
    case 'f':
      return Store(reader->Fraction(9), &civil.micros);
    case 'p': {
      constexpr std::array<std::string_view, 4> kHalves = {"AM", "PM", "am", "pm"};
      const auto half = reader->Name(kHalves, 0);
      if (half) out->afternoon = *half % 2 == 1;
      return half.has_value();
    }
    case 'z':
      out->offset_seconds = reader->OffsetSeconds();
      return out->offset_seconds.has_value();
    case 'j':
      out->day_of_year = reader->Number(1, 3);
      return out->day_of_year && *out->day_of_year >= 1 && *out->day_of_year <= 366;
    case 'b':
    case 'B': {
      const auto month = reader->Name(kMonths, directive[0] == 'b' ? 3 : 0);
      if (month) civil.month = *month + 1;
      return month.has_value();
    }
    case 'a':
      return reader->Name(kDays, 3).has_value();
    case 'A':
      return reader->Name(kDays, 0).has_value();
    case '%':
      return reader->Take('%');
    default:
      return false;
  }
}

Status NoMatch(std::string_view what) {
  return MakeError(Fault::kBadData, "a time that is no " + std::string(what));
}

Result<Timestamp> Finish(const Parsed& parsed, std::string_view zone, std::string_view what) {
  if (parsed.epoch_micros) return Timestamp{.micros = *parsed.epoch_micros};
  Civil civil = parsed.civil;
  if (parsed.afternoon) {
    if (civil.hour < 1 || civil.hour > 12) return NoMatch(what);
    civil.hour = civil.hour % 12 + (*parsed.afternoon ? 12 : 0);
  }
  auto micros = ToMicros(civil);
  if (!micros) return NoMatch(what);
  if (parsed.day_of_year) *micros += (*parsed.day_of_year - 1) * 86'400 * kMicrosPerSecond;
  if (parsed.offset_seconds) return Timestamp{.micros = *micros - *parsed.offset_seconds * kMicrosPerSecond};
  return FromLocal(*micros, zone);
}

}  // namespace

Status CheckPattern(std::string_view pattern) {
  while (!pattern.empty()) {
    const char c = pattern.front();
    pattern.remove_prefix(1);
    if (c == '%' && TakeDirective(&pattern).empty()) return UnknownDirective(pattern);
  }
  return Status::OK();
}

Status CheckZone(std::string_view zone) {
  return IsUtc(zone) || FixedOffset(zone) ? Status::OK() : Locate(zone).status();
}

Result<Timestamp> InstantOfLocal(Timestamp wall, std::string_view zone) {
  return FromLocal(wall.micros, zone);
}

Result<std::string> FormatByPattern(Timestamp time, std::string_view pattern, std::string_view zone) {
  ARROW_ASSIGN_OR_RAISE(const Local local, ToLocal(time, zone));
  const Civil civil = ToCivil(local.wall.micros);
  std::string out;
  while (!pattern.empty()) {
    const char c = pattern.front();
    pattern.remove_prefix(1);
    if (c != '%') {
      out.push_back(c);
      continue;
    }
    const std::string_view directive = TakeDirective(&pattern);
    if (directive.empty()) return UnknownDirective(pattern);
    out += FormatDirective(directive, time, local, civil);
  }
  return out;
}

Result<Timestamp> ParseByPattern(std::string_view text, std::string_view pattern, std::string_view zone) {
  const std::string what = "'" + std::string(pattern) + "'";
  Parsed parsed;
  Reader reader(text);
  while (!pattern.empty()) {
    const char c = pattern.front();
    pattern.remove_prefix(1);
    if (c != '%') {
      if (!reader.Take(c)) return NoMatch(what);
      continue;
    }
    const std::string_view directive = TakeDirective(&pattern);
    if (directive.empty()) return UnknownDirective(pattern);
    if (!ParseDirective(directive, &reader, &parsed)) return NoMatch(what);
  }
  if (!reader.AtEnd()) return NoMatch(what);
  return Finish(parsed, zone, what);
}

Result<Timestamp> ParseIso(std::string_view text, std::string_view zone) {
  Reader reader(text);
  Parsed parsed;
  Civil& civil = parsed.civil;
  bool matched = Store(reader.Number(4, 4), &civil.year) && reader.Take('-') &&
                 Store(reader.Number(2, 2), &civil.month) && reader.Take('-') && Store(reader.Number(2, 2), &civil.day);
  if (matched && (reader.Take('T') || reader.Take('t') || reader.Take(' '))) {
    matched = Store(reader.Number(2, 2), &civil.hour) && reader.Take(':') && Store(reader.Number(2, 2), &civil.minute);
    if (matched && reader.Take(':')) matched = Store(reader.Number(2, 2), &civil.second);
    if (matched && reader.Take('.')) matched = Store(reader.Fraction(64), &civil.micros);
    if (matched && !reader.AtEnd()) {
      parsed.offset_seconds = reader.OffsetSeconds();
      matched = parsed.offset_seconds.has_value();
    }
  }
  if (!matched || !reader.AtEnd()) return NoMatch("ISO 8601 date or time");
  return Finish(parsed, zone, "ISO 8601 date or time");
}

namespace {

// "P1DT2H30M": the part after P. Weeks, days, hours, minutes, seconds with a fraction.
std::optional<int64_t> IsoDuration(std::string_view text) {
  int64_t total = 0;
  bool time = false;
  bool any = false;
  while (!text.empty()) {
    if (text[0] == 'T') {
      if (time) return std::nullopt;
      time = true;
      text.remove_prefix(1);
      continue;
    }
    Reader reader(text);
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = reader.Number(1, 9);
    if (!number || digits > 9) return std::nullopt;
    text.remove_prefix(digits);
    if (text.empty()) return std::nullopt;
    const std::string_view units = time ? "HMS" : "WD";
    const int64_t seconds = time ? (text[0] == 'H'   ? 3600
                                    : text[0] == 'M' ? 60
                                                     : 1)
                                 : (text[0] == 'W' ? 604'800 : 86'400);
    if (units.find(text[0]) == std::string_view::npos) return std::nullopt;
    text.remove_prefix(1);
    if (*number > INT64_MAX / 4 / (seconds * kMicrosPerSecond)) return std::nullopt;
    total += *number * seconds * kMicrosPerSecond;
    if (total > INT64_MAX / 2) return std::nullopt;
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

// "1h30m", "15m", "250ms", "90" (seconds).
std::optional<int64_t> ShortDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    int64_t micros;
  };
  constexpr std::array<Unit, 6> kUnits = {{{"ms", 1000},
                                           {"w", 604'800 * kMicrosPerSecond},
                                           {"d", 86'400 * kMicrosPerSecond},
                                           {"h", 3600 * kMicrosPerSecond},
                                           {"m", 60 * kMicrosPerSecond},
                                           {"s", kMicrosPerSecond}}};
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  while (!text.empty()) {
    Reader reader(text);
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = reader.Number(1, 9);
    if (!number || digits > 9) return std::nullopt;
    text.remove_prefix(digits);
    if (text.empty()) return total + *number * kMicrosPerSecond;
    bool known = false;
    for (const Unit& unit : kUnits) {
      if (text.substr(0, unit.name.size()) != unit.name) continue;
      text.remove_prefix(unit.name.size());
      if (*number > INT64_MAX / 4 / unit.micros) return std::nullopt;
      total += *number * unit.micros;
      known = true;
      break;
    }
    if (!known || total > INT64_MAX / 2) return std::nullopt;
  }
  return total;
}

}  // namespace

Result<int64_t> ParseDurationMicros(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  const auto micros = !text.empty() && text[0] == 'P' ? IsoDuration(text.substr(1)) : ShortDuration(text);
  if (!micros)
    return MakeError(Fault::kBadData, "no duration; write \"1h30m\" or \"PT1H30M\" (months and years vary in length)");
  return negative ? -*micros : *micros;
}

}  // namespace firn::expression
