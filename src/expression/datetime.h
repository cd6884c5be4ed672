#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

/// Times by pattern (a documented subset of strftime) and by time zone.
///   %Y %m %d %H %I %M %S %f (6 digits; parsing takes 1 to 9) %p %z (+hhmm, +hh:mm or Z) %Z (name, formatting only)
///   %j %y %b %B %a %A (English) %s (epoch seconds) %s_as_float %ms (epoch milliseconds) %%
namespace firn::expression {

/// Checks a pattern. Errors: kConfig that names the unknown directive.
Status CheckPattern(std::string_view pattern);

/// `zone`: IANA name or "+02:00". Errors: kConfig for an unknown zone or directive.
Result<std::string> FormatByPattern(Timestamp time, std::string_view pattern, std::string_view zone);

/// Text without an offset is a local time of `zone` (of an ambiguous hour the earlier instant; a skipped hour is
/// kBadData). Errors: kBadData when the text does not match, kConfig for an unknown zone or directive.
Result<Timestamp> ParseByPattern(std::string_view text, std::string_view pattern, std::string_view zone);

/// Parses an ISO 8601 date or time: "2024-01-01", "2024-01-01T10:00", with a space for the T, with any number of
/// fraction digits (those past microseconds are dropped), with or without an offset ("Z", "+01:00", "+0100", "+01").
/// Errors: kBadData; kConfig for an unknown zone.
Result<Timestamp> ParseIso(std::string_view text, std::string_view zone);

/// Parses "P1DT2H", "1h30m", "15m", "250ms" or a number of seconds. Months and years are refused (their length varies).
/// Errors: kBadData.
Result<int64_t> ParseDurationMicros(std::string_view text);

/// Errors: kConfig for a zone the system does not know; a fixed offset ("+02:00") is always known.
Status CheckZone(std::string_view zone);

/// Returns the instant at which clocks in `zone` show `wall` (as if it were UTC): of an ambiguous hour the earlier one.
/// Errors: kBadData for a skipped hour; kConfig for an unknown zone.
Result<Timestamp> InstantOfLocal(Timestamp wall, std::string_view zone);

}  // namespace firn::expression
