#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

/// ECMAScript's times: milliseconds since 1970-01-01 UTC, and what clocks show. Private to this folder.
namespace firn::expression::javascript {

inline constexpr double kMsPerDay = 86'400'000;
inline constexpr double kDateMax = 8.64e15;  // ms; beyond it a date is invalid

/// Year, month (0 to 11), day, hour, minute, second, millisecond.
struct DateFields {
  std::array<double, 7> values{1970, 0, 1, 0, 0, 0, 0};
  int weekday = 0;  // 0: Sunday
};

/// `ms`: finite, as if in UTC.
DateFields FieldsOf(double ms);
/// Fields out of their range carry over. NaN when a field is not finite or the time is out of range.
double MsOf(const DateFields& fields);
/// NaN beyond the range of dates; else without a fraction.
double ClipDate(double ms);

/// What clocks in `zone` show, as if it were UTC. Errors: kConfig for an unknown zone.
Result<double> ToZone(double ms, std::string_view zone);
/// The opposite; an hour that clocks skip counts with the offset before it.
Result<double> FromZone(double local_ms, std::string_view zone);

/// Date.parse: ISO 8601, RFC 2822, what String(date) prints, "2024/01/31 10:00", "2024-1-31", "01/31/2024" and
/// "Jan 31, 2024".
/// NaN for other texts. Errors: kConfig for an unknown zone.
Result<double> ParseDate(std::u16string_view text, std::string_view zone);

}  // namespace firn::expression::javascript
