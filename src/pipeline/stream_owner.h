#pragma once

#include "base/status.h"
#include "config/project.h"
#include "table/metadata/metadata.h"

namespace firn::pipeline {

/// Refuses to begin a stream in a table that has rows of another stream which the project no longer names: its pipeline
/// or table was probably renamed, and to read from the beginning would load all rows once more. Streams of `firn copy`
/// and of backfills do not count. Errors: kConfig E0818, naming the stream whose position `firn state accept --of`
/// takes over.
Status CheckNotRenamed(const table::TableMetadata& metadata, const config::Project& project,
                       const config::PipelineConfig& pipeline, const config::TableConfig& table);

}  // namespace firn::pipeline
