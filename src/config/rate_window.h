#pragma once

#include <cstdint>

namespace firn::config {

/// Rates declared for longer are shared on each machine alone (docs/decisions/0013-shared-rates.md).
inline constexpr int64_t kSharedRateMsMax = 60'000;

}  // namespace firn::config
