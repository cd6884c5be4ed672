#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "expression/jinja/value.h"

/// Times as Python's datetime, dateutil, isodate and the runtime's DatetimeParser read and print them.
namespace firn::expression::jinja {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

/// A wall clock's reading. Years 1 to 9999.
struct CivilTime {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int micros = 0;
};

/// A reading with the offset of its zone in seconds, or none (naive).
struct ZonedTime {
  Timestamp wall;
  std::optional<int32_t> offset_seconds;
  /// The instant; a naive time counts as UTC.
  Timestamp Instant() const { return {.micros = wall.micros - offset_seconds.value_or(0) * kMicrosPerSecond}; }
};

struct TimedeltaParts {
  int64_t days = 0;
  int64_t seconds = 0;  // 0 to 86,399
  int64_t micros = 0;   // 0 to 999,999
};

CivilTime CivilOf(Timestamp wall);
/// nullopt for what is no date.
std::optional<Timestamp> WallOf(const CivilTime& civil);
/// True for years 1 to 9999.
bool InRange(Timestamp wall);
int WeekdayOf(Timestamp wall);  // Monday is 0
int DayOfYear(Timestamp wall);  // from 1
TimedeltaParts PartsOf(int64_t micros);

/// datetime.isoformat(separator, timespec): "2024-01-31T10:00:00.000001+00:00". `timespec`: auto, hours, minutes,
/// seconds, milliseconds, microseconds; anything else is auto.
std::string IsoText(Timestamp wall, std::optional<int32_t> offset_seconds, char separator, std::string_view timespec);
std::string IsoDateText(int32_t days);
std::string TimedeltaText(int64_t micros);
std::string DurationText(CalendarDuration duration);

/// datetime.strftime with the C locale (glibc's directives). `zone_name`: what %Z prints.
std::string FormatTime(Timestamp wall, std::optional<int32_t> offset_seconds, std::string_view format);
/// datetime.strptime. Errors: kBadData when the text does not match, or for an unknown directive.
Result<ZonedTime> ParseTime(std::string_view text, std::string_view format);

/// The runtime's DatetimeParser: as above, and the formats %s, %s_as_float, %ms, %epoch_microseconds as a whole, and
/// %_ms in a format. Parsing gives UTC for a text without an offset.
std::string FormatDatetime(const ZonedTime& time, std::string_view format);
Result<ZonedTime> ParseDatetime(std::string_view text, std::string_view format);

/// dateutil.parser.isoparse. Errors: kBadData.
Result<ZonedTime> ParseIsoTime(std::string_view text);

/// isodate.parse_duration: a timedelta, or a Duration when it has years or months. Errors: kBadData.
Result<Value> ParseIsoDuration(std::string_view text);

/// Moves a wall time by months, the day clipped to the month's length, then by micros, as isodate does. Errors:
/// kBadData out of years 1 to 9999.
Result<Timestamp> AddDuration(Timestamp wall, CalendarDuration duration, bool subtract);

}  // namespace firn::expression::jinja
