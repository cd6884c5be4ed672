#pragma once

#include "base/status.h"
#include "table/delete/delete_reader.h"
#include "table/delete/delete_writer.h"
#include "table/write/new_row_places.h"
#include "table/write/row_delta.h"

namespace firn::table {

/// Takes rows of live files out of a table: lists them in delete files, and removes a file of which nothing is left.
/// `dead`: by index into the target's plan. Adds to `result->removed`; what `writer` has to say comes with its Finish.
/// `reader`, `writer`: of the target.
Status DeleteLiveRows(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader, DeleteWriter* writer,
                      MergeResult* result);

}  // namespace firn::table
