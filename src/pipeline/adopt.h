#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "config/project.h"
#include "source/registry.h"
#include "table/metadata/metadata.h"

namespace firn::io {
class FileStore;
}
namespace firn::table {
class Committer;
}

/// Taking over a table that another program has filled (docs/decisions/0011-adopt-move-upgrade.md).
namespace firn::pipeline {

/// True if the table has rows and no stream of firn ever committed to it.
bool IsForeign(const table::TableMetadata& metadata);

/// Errors: kConfig E0950 with `firn table adopt` as the next command, if the table is foreign.
Status CheckNotForeign(const table::TableMetadata& metadata, const std::string& table_name, const std::string& where);

/// A top-level key of the source's rows, as the first of them show it.
struct SampledKey {
  std::string key;
  schema::TypePtr type;
};

/// What is adopted, and how. Borrowed for the calls.
struct AdoptRequest {
  const config::Project& project;
  const config::PipelineConfig& pipeline;
  const config::TableConfig& table;
  const source::SourceRegistry& sources;
  source::Services services;  // to ask for the splits; no request is sent
  io::FileStore& files;
  std::shared_ptr<const table::TableMetadata> metadata;
  std::vector<SampledKey> sample;    // of the source's first rows; empty: it was not asked
  std::optional<std::string> start;  // VALUE, or max(COLUMN), the cursor's
  bool from_scratch = false;         // the next run reads everything
  bool accept_duplicates = false;    // rows at the start position may be appended twice
  bool accept_gap = false;           // it may lie after the table's last row
};

/// Which column a key of the source goes to.
struct AdoptedColumn {
  std::string key;     // empty: no key of the source that is known goes there
  std::string column;  // empty: a new one
  std::string type;    // of the column
  std::string note;    // what to know of it; may be empty
};

/// What the adoption would do.
struct AdoptPlan {
  std::vector<AdoptedColumn> columns;
  std::vector<std::string> notes;
  table::SchemaPtr new_schema;  // null: as it is; else with the source's keys noted in docs
  std::string state;            // of the stream (stream_document.h)
  std::string position;         // for people
  int64_t known_rows = 0;       // rows of the table that the position names, so that they are not appended again
};

/// Checks the table against configuration, sample and what this build can write, and finds the position. Reads
/// manifests, footers of data files and, for max(COLUMN) and appends, the columns of cursor and key. Changes nothing.
/// Errors: kConfig E0950 (not to be adopted), E0951 (system columns), E0952 (start position), E0933 (types), E0823.
Result<AdoptPlan> PlanAdoption(const AdoptRequest& request, std::stop_token stop);

/// Makes the one commit that carries the token; no row changes. `properties`: set by it. Errors: as Committer::Commit.
Result<catalog::LoadedTable> CommitAdoption(table::Committer& committer, const AdoptRequest& request,
                                            const AdoptPlan& plan, const std::string& run,
                                            const std::map<std::string, std::string>& properties, std::stop_token stop);

}  // namespace firn::pipeline
