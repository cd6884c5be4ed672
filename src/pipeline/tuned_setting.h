#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace firn::pipeline {

/// What was changed of a setting, and why, for people and results.
struct TuningDecision {
  std::string setting;  // "page_size"
  int64_t from = 0;
  int64_t to = 0;
  std::string reason;
};

/// How a load with a setting went.
enum class LoadPace { kOverloaded, kClean, kUnclear };

/// A setting that a server was found not to bear as it is written: halved after an overload, doubled after a clean
/// load, never above what is written; a value that failed is tried again after kCleanLoads clean loads. A value.
struct TunedSetting {
  static constexpr int64_t kCleanLoads = 10;

  int64_t value = 0;        // 0: as written
  int64_t failed = 0;       // the smallest that failed lately; 0: none
  int64_t clean_loads = 0;  // since it failed

  /// What to use for `written`.
  int64_t For(int64_t written) const;
  /// Takes in how a load with it went. nullopt: nothing changes.
  std::optional<TuningDecision> Learn(LoadPace pace, int64_t written, int64_t floor, std::string reason);
  bool is_tuned() const { return value != 0; }
  friend bool operator==(const TunedSetting&, const TunedSetting&) = default;
};

}  // namespace firn::pipeline
