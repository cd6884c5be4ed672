#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace firn::format::json {

/// Text to dates and times, lossless at microseconds or not at all. Years 0001 to 9999, proleptic Gregorian.

/// "2024-01-31" to days since 1970-01-01.
std::optional<int32_t> ParseDate(std::string_view text);

struct ParsedTimestamp {
  int64_t micros = 0;  // since 1970-01-01T00:00:00, in UTC if has_offset
  bool has_offset = false;
};

/// "2024-01-31T12:30:00[.123456][Z|+02:00|+0200]", 'T' or one space between date and time. Digits behind the sixth of
/// the fraction must be zero. An offset is applied and then dropped: the instant is kept, the writing is not (the
/// documented rule). "24:00", a leap second and a comma as decimal mark do not fit.
std::optional<ParsedTimestamp> ParseTimestampText(std::string_view text);

struct ParsedNanos {
  int64_t nanos = 0;
  bool has_offset = false;
};

/// The same with nine digits of the fraction that count, for the years 1678 to 2261.
std::optional<ParsedNanos> ParseTimestampNanos(std::string_view text);

/// "12:30:00[.123456]" to microseconds of the day.
std::optional<int64_t> ParseTimeOfDay(std::string_view text);

/// "+02:00", "-0530", "Z" or "UTC" to minutes east of UTC.
std::optional<int32_t> ParseOffset(std::string_view text);

/// strptime-like patterns of declared columns: %Y %m %d %H %M %S %f %z %T %F %b %% and plain characters.
std::optional<ParsedTimestamp> ParseWithPattern(std::string_view text, std::string_view pattern);

/// "/Date(1518685950940+0000)/" to microseconds since 1970 in UTC: how .NET writes instants in JSON. The milliseconds
/// are of UTC, the offset only says where it was written. A backslash before each slash is passed over. Source:
/// Microsoft, "Stand-Alone JSON Serialization", "Dates/Times and JSON".
std::optional<int64_t> ParseDotnetTime(std::string_view text);

int64_t DaysFromCivil(int32_t year, int32_t month, int32_t day);

}  // namespace firn::format::json
