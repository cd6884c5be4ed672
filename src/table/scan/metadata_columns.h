#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/position_set.h"
#include "table/manifest/data_file.h"
#include "table/metadata/metadata.h"
#include "table/scan/file_reader.h"

namespace firn::table {

/// The metadata columns of Iceberg that a scan can give beside those of the table (spec, "Reserved Field IDs"): _file,
/// _pos, _spec_id, _partition (the tuple as JSON text: {"day":"2026-01-31"}), and of format version 3 _row_id
/// and _last_updated_sequence_number, which are null in rows that have none. In this order.
const std::vector<schema::Field>& MetadataColumns();

/// The metadata column of that name (exact), or null.
const schema::Field* FindMetadataColumn(std::string_view name);

/// Opens a data file as OpenLiveRows does, with metadata columns where `target` has fields of their ids at the top
/// level. `metadata`: of the table. Errors: as OpenLiveRows.
Result<std::unique_ptr<arrow::RecordBatchReader>> OpenRowsWithMetadata(
    io::FileStore& files, const TableMetadata& metadata, const ManifestEntry& data,
    std::shared_ptr<const PositionSet> deleted, const schema::Schema& target, const FileReadOptions& options = {});

}  // namespace firn::table
