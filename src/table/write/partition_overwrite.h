#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "table/write/row_delta.h"

namespace firn::table {

struct PartitionOverwriteOptions {
  TableWriterOptions writer;                        // of the added files: their spec, and names of delete files
  int32_t format_version = 2;                       // of the table once it has the rows, if it is not newer
  std::shared_ptr<const NameMapping> name_mapping;  // for live files without field ids; may be null
};

/// Takes out all live rows of the partitions that occur in `added`: files of the same partition spec whole, of files of
/// other specs the rows that would be in one of those partitions. Fills `removed`, `added_deletes`, `removed_deletes`,
/// `rows_deleted` and `added`. No files added: nothing goes. Errors: as reading and DeleteWriter.
Result<MergeResult> OverwritePartitions(io::FileStore& files, const PartitionOverwriteOptions& options,
                                        const MergeTarget& target, std::vector<DataFile> added);

}  // namespace firn::table
