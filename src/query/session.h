#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::catalog {
class Catalog;
}
namespace firn::io {
class FileStore;
}

/// SQL over Iceberg tables, read only. `catalog` may be null: then only `iceberg('…/v7.metadata.json')` names tables.
namespace firn::query {

struct SessionOptions {
  int64_t memory_bytes = int64_t{1} << 30;  // DuckDB's limit; beyond it DuckDB spills to `temp_folder`
  int threads = 0;                          // 0: as many as the machine has cores
  std::string temp_folder;                  // empty: a folder of this process below TMPDIR or /tmp, made only to spill
};

/// What a query did, for the line on stderr.
struct QueryStats {
  int64_t tables = 0;         // references read
  int64_t data_files = 0;     // of these tables after pruning
  int64_t files_skipped = 0;  // by partitions and bounds, before any was opened
};

/// One query's rows. Used by one thread, destroyed before the session. Streaming: a batch is computed when asked for.
class QueryResult {
 public:
  virtual ~QueryResult() = default;
  /// Columns under their result names (names may repeat). Types: any that Arrow has; what Arrow cannot hold exactly
  /// (unsigned 128-bit, intervals, bit strings, times with offset, unions) comes as text. Hugeint comes as
  /// decimal128(38, 0), whose 128 bits may hold 39 digits.
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// Returns the next batch (never empty), null at the end. Errors: kConfig with E0708 (a value that cannot be
  /// computed, out of memory), kBadData (a broken file), kCancelled when stopped.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next(std::stop_token stop) = 0;
  virtual QueryStats stats() const = 0;
};

/// Runs queries against one catalog. Used by one thread.
class Session {
 public:
  /// Loads DuckDB (kConfig, E0701 if the library cannot be found). `catalog` may be null; both outlive the session.
  static Result<std::unique_ptr<Session>> Open(catalog::Catalog* catalog, io::FileStore& files,
                                               SessionOptions options = {});
  virtual ~Session() = default;
  /// Runs one statement. Each query sees the tables as they are when it starts; may be called again when the earlier
  /// result is destroyed. Errors (all kConfig, with a code, the cause as `why`, and what to type next):
  ///   E0702 not a statement that only reads   E0703 more than one statement, or none
  ///   E0704 unknown table                     E0705 unknown column
  ///   E0706 no such snapshot                  E0707 not understood (syntax, functions, types)
  ///   E0708 failed while running              E0709 a table that this build cannot read exactly
  virtual Result<std::unique_ptr<QueryResult>> Run(std::string_view sql, std::stop_token stop = {}) = 0;
};

}  // namespace firn::query
