#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Values as people write them. None of these reads more than its argument; nullopt means "cannot be read or does not
/// fit".
namespace firn::config {

/// Reads "64MiB", "1.5 GB", "512" (bytes). Units: B, KB, MB, GB, TB (1000), KiB, MiB, GiB, TiB (1024), any case.
std::optional<int64_t> ParseSizeBytes(std::string_view text);
/// Reads "1h30m", "90s", "250ms", "2d", "0" or ISO 8601 "PT1H30M", "P1DT2H", "P2W" (no months and years: no fixed
/// length).
std::optional<int64_t> ParseDurationMs(std::string_view text);
/// Reads a decimal integer with optional sign, `_` between digits allowed.
std::optional<int64_t> ParseInt(std::string_view text);
std::optional<bool> ParseBool(std::string_view text);

/// Returns the largest whole unit: "64MiB", "100B".
std::string FormatSize(int64_t bytes);
/// Returns "1h30m", "0s".
std::string FormatDuration(int64_t ms);

/// True for five cron fields (minute hour day month weekday) whose numbers, ranges, steps and names are in range, and
/// for @hourly, @daily, @weekly, @monthly.
bool IsCron(std::string_view text);
/// True for an IANA-shaped zone name ("UTC", "Europe/Berlin"); the name itself is looked up when it is used.
bool IsZoneName(std::string_view text);
/// True for an absolute http(s) URL with a host and without credentials, fragment or white space.
bool IsHttpUrl(std::string_view text);
/// True if each `{{` has its `}}` and nothing else opens in between; quotes inside an expression may hold either.
bool HasClosedTemplates(std::string_view text);
/// True if `text` has a `{{`.
bool IsTemplate(std::string_view text);

}  // namespace firn::config
