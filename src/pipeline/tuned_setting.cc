#include "pipeline/tuned_setting.h"

#include <algorithm>
#include <utility>

namespace firn::pipeline {

int64_t TunedSetting::For(int64_t written) const {
  return value == 0 ? written : std::min(value, written);
}

std::optional<TuningDecision> TunedSetting::Learn(LoadPace pace, int64_t written, int64_t floor, std::string reason) {
  const int64_t now = For(written);
  int64_t next = now;
  if (pace == LoadPace::kOverloaded) {
    failed = now;
    clean_loads = 0;
    next = std::max(std::min(floor, now), now / 2);
  } else if (pace == LoadPace::kClean && now < written) {
    if (++clean_loads >= kCleanLoads) failed = 0;
    const int64_t doubled = std::min(written, now * 2);
    if (failed == 0 || doubled < failed) next = doubled;
  }
  value = next == written ? 0 : next;
  if (value == 0 && pace == LoadPace::kClean) *this = {};
  if (next == now) return std::nullopt;
  return TuningDecision{.setting = "", .from = now, .to = next, .reason = std::move(reason)};
}

}  // namespace firn::pipeline
