#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

/// Times as the reference runtime has them: an instant with the offset it was written with, formatted by Python's
/// strftime directives and four more (%s, %s_as_float, %ms, %epoch_microseconds, and %_ms inside others).
namespace firn::source::airbyte {

struct Moment {
  int64_t micros = 0;          // since 1970-01-01T00:00:00Z
  int32_t offset_seconds = 0;  // what its clock shows, minus UTC
  friend bool operator==(const Moment& a, const Moment& b) { return a.micros == b.micros; }
  friend auto operator<=>(const Moment& a, const Moment& b) { return a.micros <=> b.micros; }
};

inline Moment MomentOf(Timestamp time) {
  return {.micros = time.micros};
}

/// Errors: kBadData when the text does not match.
Result<Moment> ParseMoment(std::string_view text, std::string_view format);
std::string FormatMoment(const Moment& moment, std::string_view format);
/// Parses any of the usual ISO forms, or epoch seconds or milliseconds. Errors: kBadData.
Result<Moment> ParseAnyMoment(std::string_view text);

/// An ISO 8601 duration; months and microseconds apart because a month has no fixed length.
struct Gap {
  int64_t months = 0;
  int64_t micros = 0;
  bool is_zero() const { return months == 0 && micros == 0; }
};
/// Parses "P1M", "P30D", "PT0.000001S", "P1Y2M3DT4H5M6S", "P2W", with a sign. Errors: kConfig.
Result<Gap> ParseGap(std::string_view text);
/// `moment` plus (`sign` 1) or minus (-1) the gap; the day is clipped to the month's last. nullopt outside years 1 to
/// 9999.
std::optional<Moment> Shift(const Moment& moment, const Gap& gap, int sign);

}  // namespace firn::source::airbyte
