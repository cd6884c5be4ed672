#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/type.h"

/// One DuckDB in memory: nothing of it is on disk but what it spills. Used by one thread, except that firn_scan calls
/// the parts of an ArrowScan from DuckDB's threads.
namespace firn::query {

struct EngineOptions {
  int64_t memory_bytes = int64_t{1} << 30;
  int threads = 0;          // 0: DuckDB's choice, one per core
  std::string temp_folder;  // made when DuckDB first spills, removed at the end
};

/// Rows that DuckDB reads through us, as the table function firn_scan(id).
struct ArrowScan {
  schema::Schema schema;  // column names are unique without regard to case, at every depth
  int64_t num_rows = 0;   // for the planner
  bool exact = true;      // false: some of these rows are deleted
  int64_t num_parts = 0;
  /// Opens one part with the named columns alone (indexes into the schema, may be none). Thread-safe.
  std::function<Result<std::unique_ptr<arrow::RecordBatchReader>>(int64_t part, std::span<const int> columns)> open;
};

/// The rows of a statement, computed as they are asked for. Destroyed before the engine.
class EngineResult {
 public:
  virtual ~EngineResult() = default;
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// Never empty; null at the end.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next(std::stop_token stop) = 0;
};

class DuckdbEngine {
 public:
  /// Errors: kConfig E0701 (no library), E0708 (does not start).
  static Result<std::unique_ptr<DuckdbEngine>> Open(const EngineOptions& options);
  virtual ~DuckdbEngine() = default;

  /// Runs a statement of ours for its effect.
  virtual Status Execute(const std::string& sql) = 0;
  /// Returns the first value of a statement of ours as text, "" for NULL or no row.
  virtual Result<std::string> Value(const std::string& sql) = 0;
  /// Returns the syntax tree of `sql` as json_serialize_sql writes it (an object with "error" if it does not parse).
  virtual Result<std::string> Parse(std::string_view sql) = 0;
  /// Makes firn_scan(<returned id>) read `scan`.
  virtual Result<int64_t> AddScan(ArrowScan scan) = 0;
  /// From now on: no file but `paths`, no extension, no settings.
  virtual Status Lock(std::span<const std::string> paths) = 0;
  /// Runs the person's statement. Errors: kConfig with DuckDB's message as `why`: E0702 (not a reading statement),
  /// E0705, E0707; those of Next: E0708, and what an ArrowScan returned, unchanged.
  virtual Result<std::unique_ptr<EngineResult>> Query(const std::string& sql, std::stop_token stop = {}) = 0;
};

}  // namespace firn::query
