#pragma once

#include <memory>

#include "base/clock.h"
#include "io/conditional_store.h"
#include "io/shared_rate_bucket.h"
#include "state/rate_share.h"

namespace firn::state {

/// A rate that processes share wherever they run: a RateShare with a thread that renews it, begun by the first request.
/// The destructor gives the share back. Take waits while there are no units; then also kUnreachable if the store does
/// not answer for `wait_max`, and kConfig E0753, E0756 of the store. `sleep_scale` as for io::SharedRateBucket, the
/// window in `options` is scaled already. Everything borrowed outlives the bucket.
std::unique_ptr<io::SharedRateBucket> MakeStoredRateBucket(const Clock& clock, io::ConditionalStore& store,
                                                           RateShareOptions options, double sleep_scale);

}  // namespace firn::state
