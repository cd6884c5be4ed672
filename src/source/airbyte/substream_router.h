#pragma once

#include <memory>

#include "source/airbyte/partition_router.h"
#include "source/airbyte/stream.h"

namespace firn::source::airbyte {

/// A partition per record of the parent streams. `child_state` holds the parents' states where the child depends on
/// them incrementally.
Result<std::unique_ptr<PartitionRouter>> MakeSubstreamRouter(const Component& component, const StreamContext& context,
                                                             const Value& child_state);

}  // namespace firn::source::airbyte
