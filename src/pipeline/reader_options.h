#pragma once

#include <arrow/type_fwd.h>

#include "base/status.h"
#include "config/project.h"
#include "format/json/table_reader.h"
#include "table/metadata/metadata.h"

namespace firn::pipeline {

/// Whether rows take the types that their columns have, or, as rows of a new table do, those that fit them
/// (types_anew.h).
enum class RowTypes { kOfTable, kAnew };

/// How the rows of a table are typed: hints, masks, contract, known columns, from configuration and table.
/// `base`: the table's metadata, null if it is to be created. Errors: kConfig for a type name or a missing mask key.
Result<format::json::TableReaderOptions> ReaderOptionsOf(const config::Project& project,
                                                         const config::PipelineConfig& pipeline,
                                                         const config::TableConfig& table,
                                                         const table::TableMetadata* base, int num_threads,
                                                         arrow::MemoryPool* pool, RowTypes types = RowTypes::kOfTable);

}  // namespace firn::pipeline
