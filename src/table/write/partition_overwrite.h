#pragma once

#include <vector>

#include "base/status.h"
#include "table/write/row_removal.h"

namespace firn::table {

/// Takes out all live rows of the partitions that occur in `added`: files of the same partition spec whole, of files of
/// other specs the rows that would be in one of those partitions. Fills `removed`, `added_deletes`, `removed_deletes`,
/// `rows_deleted` and `added`. No files added: nothing goes. Errors: as reading and DeleteWriter.
Result<MergeResult> OverwritePartitions(io::FileStore& files, const RowRemovalOptions& options,
                                        const MergeTarget& target, std::vector<DataFile> added);

}  // namespace firn::table
