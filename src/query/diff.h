#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "query/session.h"
#include "table/metadata/metadata.h"

namespace firn::query {

/// Two snapshots of one table, to be compared.
struct DiffRequest {
  std::shared_ptr<const table::TableMetadata> metadata;
  const table::Snapshot* from = nullptr;  // borrowed from metadata
  const table::Snapshot* to = nullptr;
  table::SchemaPtr schema;           // both are read in its shape, columns found by field id
  std::vector<std::string> key;      // columns that identify a row; empty: rows are compared as a multiset
  std::vector<std::string> ignored;  // columns that are not compared, where the schema has them
};

struct DiffCounts {
  int64_t added = 0;
  int64_t removed = 0;
  int64_t changed = 0;       // of keyed tables
  bool keyed = false;        // false also if key values repeat: then rows are compared as a multiset after all
  int64_t files_read = 0;    // of both snapshots
  int64_t files_shared = 0;  // with the same live rows in both, which are not read
};

/// Compares in DuckDB, which spills what does not fit. Used by one thread.
class Diff {
 public:
  /// Plans; reads key columns if there is a key. Errors: kConfig for a key that is no column; of Session.
  static Result<std::unique_ptr<Diff>> Open(io::FileStore& files, const DiffRequest& request,
                                            const SessionOptions& options, std::stop_token stop);
  virtual ~Diff() = default;
  virtual Result<DiffCounts> Count(std::stop_token stop) = 0;
  /// The differing rows, a column `_change` before those of the table: added, removed; of changed rows before and
  /// after. Ordered by key, then by all columns. Destroyed before the diff.
  virtual Result<std::unique_ptr<QueryResult>> Rows(std::optional<int64_t> limit, std::stop_token stop) = 0;
};

}  // namespace firn::query
