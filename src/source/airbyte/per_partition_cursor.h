#pragma once

#include <memory>

#include "source/airbyte/datetime_cursor.h"
#include "source/airbyte/partition_router.h"

namespace firn::source::airbyte {

/// A cursor per partition, and a global one that new partitions start from:
/// {use_global_cursor, states: [{partition, cursor}], state, lookback_window, parent_state}.
/// `router` is borrowed. `use_global`: the manifest's global_substream_cursor.
Result<std::unique_ptr<Cursor>> MakePerPartitionCursor(std::shared_ptr<const DatetimeCursorSettings> settings,
                                                       PartitionRouter& router, const Value& state, bool use_global,
                                                       StateSink emit);

}  // namespace firn::source::airbyte
