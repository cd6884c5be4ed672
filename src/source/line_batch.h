#pragma once

#include <arrow/type_fwd.h>

#include <optional>
#include <string_view>

#include "base/status.h"
#include "source/source.h"

namespace firn::source {

/// About so many bytes of rows make a batch of sources that write rows as lines.
inline constexpr size_t kLineBatchBytes = size_t{1} << 20;

/// Makes a batch of rows, one JSON object per line. `position`: as in Batch. `pool`: null: the default pool.
/// Errors: kBadData.
Result<Batch> BatchOfLines(std::string_view lines, std::optional<Position> position, arrow::MemoryPool* pool);

}  // namespace firn::source
