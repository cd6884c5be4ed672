#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/delete/position_set.h"
#include "table/manifest/data_file.h"
#include "table/scan/file_reader.h"

/// The two columns of row lineage (manifest/row_ids.h), for rows that move from one data file to another.
namespace firn::table {

inline constexpr int32_t kRowIdFieldId = 2147483540;
inline constexpr int32_t kLastUpdatedFieldId = 2147483539;

/// Returns the schema with `_row_id` and `_last_updated_sequence_number`, optional longs, at its end. Errors: kConfig
/// if the table has a column of one of these names.
Result<schema::Schema> WithRowLineage(const schema::Schema& schema);

/// Opens a live data file as OpenLiveRows does, with both columns of lineage filled in: what is stored, else what the
/// row inherits from `data`. All null if the file has no row ids yet (a table upgraded since its last commit).
/// `target`: of WithRowLineage.
Result<std::unique_ptr<arrow::RecordBatchReader>> OpenRowsWithLineage(io::FileStore& files, const ManifestEntry& data,
                                                                      std::shared_ptr<const PositionSet> deleted,
                                                                      const schema::Schema& target,
                                                                      const FileReadOptions& options = {});

/// Drops counts and bounds of the two columns: no reader prunes by them, and strict ones do not know their ids.
void DropLineageMetrics(DataFile& file);

}  // namespace firn::table
