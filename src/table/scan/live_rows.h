#pragma once

#include <memory>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/position_set.h"
#include "table/manifest/data_file.h"
#include "table/scan/file_reader.h"

namespace firn::table {

/// Opens a data file as OpenDataFile does, without its deleted rows. `deleted`: from DeleteReader::DeletedRows; null:
/// none. Fully deleted row groups are not read. If `target` has a field with the id kRowPositionFieldId (type long,
/// top level), it is filled with the row's position in the file: the reserved column _pos.
/// Errors: as OpenDataFile; kBadData if the file has another number of rows than `data` says.
Result<std::unique_ptr<arrow::RecordBatchReader>> OpenLiveRows(io::FileStore& files, const DataFile& data,
                                                               std::shared_ptr<const PositionSet> deleted,
                                                               const schema::Schema& target,
                                                               const FileReadOptions& options = {});

}  // namespace firn::table
