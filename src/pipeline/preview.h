#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "format/json/report.h"
#include "source/registry.h"

namespace firn::io {
class FileStore;
class HttpClient;
struct ObjectStoreSettings;
}  // namespace firn::io

namespace firn::state {
class Leases;
class SecretDocuments;
}  // namespace firn::state

namespace firn::pipeline {

struct PreviewRequest {
  const config::Project& project;
  const config::PipelineConfig& pipeline;
  const config::TableConfig& table;
  const source::SourceRegistry& sources;
  io::HttpClient& http;
  const Clock& clock;
  std::function<std::shared_ptr<io::FileStore>(const io::ObjectStoreSettings&)> open_files;
  int64_t rows_max = 20;
  int64_t parents_max = 100;  // rows of the parent that are asked for their children
  int num_threads = 1;
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
  state::Leases* leases = nullptr;    // as RunContext's
  state::SecretDocuments* secrets = nullptr;
};

/// The first rows of a table, typed and masked as a run would type them, were the table new.
struct PreviewResult {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;  // at most rows_max rows, all of `arrow_schema`
  std::shared_ptr<arrow::Schema> arrow_schema;               // null: no row was read
  int64_t rows_read = 0;                                     // the types were decided over these
  int64_t quarantined = 0;
  std::string quarantine_reason;             // of the first one
  bool complete = false;                     // the source has no more rows
  std::vector<source::ReadingNote> reading;  // what the first rows show of how they are read
  format::json::InferenceReport report;
  source::ReadStats requests;
};

/// Reads the first rows of a table from its beginning, whatever its position is, and stops asking once there are
/// enough. Needs no lake and writes nothing. A child table is asked for the first rows of its parent.
/// Errors: of the plan, the source and decoding.
Result<PreviewResult> PreviewTable(const PreviewRequest& request, std::stop_token stop);

}  // namespace firn::pipeline
