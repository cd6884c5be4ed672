#pragma once

#include <memory>

#include "base/status.h"
#include "table/write/row_delta.h"

namespace firn::table {

/// A merge by `options.strategy`. Rows of the load wait in a temporary file until Finish knows what the table has of
/// their keys; then the strategy decides key by key, and what it decided is written: rows of the load, and live rows
/// with other values in the strategy's columns. Finish with another target decides and writes anew. The key index, if
/// there is one, finds rows and is not told of the load: the next merge catches it up.
Result<std::unique_ptr<MergeWriter>> MakePlannedMerge(io::FileStore& files, MergeOptions options);

}  // namespace firn::table
