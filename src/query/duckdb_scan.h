#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/thread_annotations.h"
#include "query/duckdb_engine.h"
#include "query/duckdb_library.h"

/// The table function firn_scan(id): Arrow batches into DuckDB's vectors. Included by query/duckdb_*.cc alone.
namespace firn::query {

/// The scans of one engine; outlives the database. Thread-safe.
class ScanRegistry {
 public:
  explicit ScanRegistry(const DuckdbLibrary& duckdb) : duckdb_(duckdb) {}
  /// Registers firn_scan in the database of `connection`, which stays open as long as the registry.
  Status Register(duckdb_connection connection);
  int64_t Add(ArrowScan scan);
  const ArrowScan* Find(int64_t id) const;

  /// Keeps the first error of a scan: DuckDB carries only its text.
  void Fail(const Status& status);
  Status TakeFailure();

  const DuckdbLibrary& duckdb() const { return duckdb_; }
  duckdb_connection connection() const { return connection_; }

 private:
  const DuckdbLibrary& duckdb_;
  duckdb_connection connection_ = nullptr;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<ArrowScan>> scans_ FIRN_GUARDED_BY(mutex_);
  Status failure_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::query
