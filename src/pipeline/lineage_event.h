#pragma once

#include <string>

#include "base/clock.h"
#include "config/project.h"
#include "pipeline/lineage_settings.h"
#include "pipeline/run_result.h"
#include "table/metadata/metadata.h"

namespace firn::pipeline {

/// What an event says beside its kind. Borrowed.
struct LineageSubject {
  const LineageSettings& settings;
  const config::Project& project;
  const config::PipelineConfig& pipeline;
  const config::TableConfig& table;
  std::string run_id;  // of firn's run; each of its tables is a run of its own in OpenLineage
};

/// Returns the run event "START" of one table: JSON, one line. `time`: when it began.
std::string LineageStart(const LineageSubject& subject, Timestamp time);

/// Returns the event that ends it: COMPLETE, FAIL or ABORT (stopped by a signal). `loaded`: the table as the catalog
/// has it now, for schema and place; null: not known. Spec: OpenLineage 2-0-2, RunEvent, and the facets named in the
/// text.
std::string LineageEnd(const LineageSubject& subject, const TableResult& result, const table::TableMetadata* loaded,
                       Timestamp time);

/// Returns the id of the table's run in OpenLineage, the same for every event of it: a UUID of firn's run and the
/// table.
std::string LineageRunId(const LineageSubject& subject);

}  // namespace firn::pipeline
