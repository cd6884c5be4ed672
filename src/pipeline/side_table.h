#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "pipeline/run_context.h"
#include "pipeline/table_sink.h"
#include "schema/type.h"
#include "table/commit/committer.h"

namespace firn::pipeline {

/// A table of firn's own beside those that are loaded: rows are appended to it, and committed with theirs. Used by one
/// thread.
class SideTable {
 public:
  struct Identity {
    catalog::TableIdentifier identifier;
    std::string stream;     // id of its stream
    std::string file_name;  // its files begin with it and the run's id
    schema::Schema schema;  // of its rows, without ids and without the run columns
  };
  /// Does no I/O. `context` is borrowed.
  SideTable(const RunContext& context, Identity identity);
  ~SideTable();

  /// Appends rows of the schema, by name.
  Status Append(const arrow::RecordBatch& rows);
  /// Takes the chosen rows that are there before the next Stage out with it. Before any Append.
  void Remove(table::RowChoice choice) { removes_ = std::move(choice); }
  /// Says that the commit will not come: the next run looks for files of this one.
  void Abandon();
  /// Writes what is left and returns the share of the commit; nullopt if there is nothing to say. Rows added later
  /// belong to the next commit. `state`: of the stream, JSON. `rows`: that were appended.
  Result<std::optional<table::StagedTable>> Stage(const std::string& state, int64_t rows, std::stop_token stop);

 private:
  Status Open();

  const RunContext& context_;
  const Identity identity_;
  std::unique_ptr<TableSink> sink_;
  std::optional<table::OpenedStream> opened_;
  std::optional<table::RowChoice> removes_;
  std::string location_;  // of the table; empty: nothing was written
};

}  // namespace firn::pipeline
