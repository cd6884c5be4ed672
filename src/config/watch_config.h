#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Who is told what about a table, and when a load counts as unusual. Plain data.
namespace firn::config {

enum class WatchEvent { kFailure, kSchemaChange, kZeroRows, kVolume, kQuarantine, kLate };
inline constexpr std::array kWatchEvents = {WatchEvent::kFailure, WatchEvent::kSchemaChange, WatchEvent::kZeroRows,
                                            WatchEvent::kVolume,  WatchEvent::kQuarantine,   WatchEvent::kLate};
std::string_view ToString(WatchEvent event);  // "schema_change"

struct EmailConfig {
  std::string server;  // smtp:// or smtps:// URL, may hold user name and password: secret; empty: no email
  std::string from;    // bare address
  std::vector<std::string> to;
};

/// What is done when an event happened; all of it that is set.
struct AlertConfig {
  std::string webhook_url;  // secret; empty: none
  std::vector<std::pair<std::string, std::string>> webhook_headers;
  std::vector<std::string> command;  // program and arguments; empty: none
  EmailConfig email;
  int64_t timeout_ms = 10'000;  // of each of them
  std::string config_path;      // for Project::WhereIs

  bool silent() const { return webhook_url.empty() && command.empty() && email.server.empty(); }
};

/// Events with what is done. A table's entry replaces the one its pipeline or project has for the same event.
struct AlertsConfig {
  std::vector<std::pair<WatchEvent, AlertConfig>> entries;  // each event once

  const AlertConfig* Find(WatchEvent event) const;
  /// Takes over the events that are not here.
  void Inherit(const AlertsConfig& outer);
};

/// Rows of a load in percent of the median of the last loads.
struct VolumeConfig {
  std::optional<int64_t> min_percent;
  std::optional<int64_t> max_percent;
};

/// How old the newest of a table may be.
struct FreshnessConfig {
  enum class Of { kRows, kLoads };
  Of of = Of::kRows;   // kRows: the newest value of `column`; kLoads: the last completed load
  std::string column;  // path of a time; empty: the incremental cursor
  std::optional<int64_t> warn_after_ms;
  std::optional<int64_t> error_after_ms;
};

struct WatchConfig {
  AlertsConfig alerts;  // those of pipeline and project included
  std::optional<VolumeConfig> volume;
  std::optional<FreshnessConfig> freshness;
};

}  // namespace firn::config
