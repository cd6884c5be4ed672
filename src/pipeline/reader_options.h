#pragma once

#include <arrow/type_fwd.h>

#include "base/status.h"
#include "config/project.h"
#include "format/json/table_reader.h"
#include "source/source.h"
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

/// Adds what the source's own schema says of the columns of a new table; what the configuration declares wins. May do
/// I/O. Errors: those of the source.
Status AddExpectedTypes(source::Source& source, const config::TableConfig& table,
                        format::json::TableReaderOptions* options);

}  // namespace firn::pipeline
