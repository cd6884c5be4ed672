#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "query/duckdb_engine.h"
#include "table/metadata/metadata.h"
#include "table/scan/plan.h"

namespace firn::io {
class FileStore;
}

namespace firn::query {

/// One state of a table, to be read.
struct TableState {
  std::shared_ptr<const table::TableMetadata> metadata;
  const table::Snapshot* snapshot = nullptr;  // null: no rows; borrowed from metadata
  table::SchemaPtr schema;                    // columns the query sees
  std::vector<table::Predicate> predicates;   // prune files and row groups
  std::vector<std::string>
      metadata_columns;                 // _file, _row_id, …: those the query names (table/scan/metadata_columns.h)
  std::optional<table::ScanPlan> plan;  // exactly these files, already planned; else those of the snapshot
};

/// A state as a SELECT over exactly its live data files.
struct TableView {
  std::string sql;
  std::vector<std::string> paths;    // files that DuckDB itself opens
  std::vector<std::string> columns;  // names the query sees
  int64_t num_files = 0;
  int64_t files_skipped = 0;
  bool scanned = false;  // some files go through firn_scan
};

/// Chooses the way: DuckDB's own Parquet reader by field id, with its push-down, wherever that gives exactly the rows
/// of Iceberg's rules; else our scan. The scan is taken for files with deletes, nested columns that ever changed or
/// whose names Parquet writers escape, uuids, columns with defaults, metadata columns, files without field ids, and
/// paths that DuckDB would take for patterns. Columns that differ only in case, which DuckDB cannot tell apart, get
/// "__2", "__3" … appended from the second one on, in nested structs too. Errors: kConfig E0709 (no columns, not
/// Parquet); of planning.
Result<TableView> MakeView(DuckdbEngine& engine, io::FileStore& files, const TableState& state);

/// `schema` with such names made unique.
schema::Schema WithDistinctNames(const schema::Schema& schema);

}  // namespace firn::query
