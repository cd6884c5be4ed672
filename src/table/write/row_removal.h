#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "table/write/new_row_places.h"
#include "table/write/row_delta.h"

namespace firn::table {

class DeleteReader;

struct RowRemovalOptions {
  TableWriterOptions writer;                        // of the added files: their spec, and names of delete files
  int32_t format_version = 2;                       // of the table once it has the rows, if it is not newer
  std::shared_ptr<const NameMapping> name_mapping;  // for live files without field ids; may be null
};

/// Chooses rows by the text of some columns.
struct RowChoice {
  std::vector<std::string> columns;  // top-level strings; one that the table lacks is empty
  /// `values`: of `columns`, borrowed for the call; a null is empty.
  std::function<bool(std::span<const std::string_view> values)> chosen;
};

/// Takes all live rows that are chosen out of a table: a file of which nothing is left goes, of others their positions
/// are deleted. Fills `removed`, `added_deletes`, `removed_deletes`, `rows_deleted` and `added`, which is handed on.
/// Errors: kConfig if a column is no string; as reading and DeleteWriter.
Result<MergeResult> RemoveRows(io::FileStore& files, const RowRemovalOptions& options, const MergeTarget& target,
                               const RowChoice& choice, std::vector<DataFile> added);

/// Takes `dead`, rows of live files by index into the target's plan, out of a table; adds to `result`.
/// `reader`: of the target.
Status WriteRemoval(io::FileStore& files, const RowRemovalOptions& options, const MergeTarget& target,
                    const RowsByFile& dead, DeleteReader& reader, MergeResult* result);

}  // namespace firn::table
