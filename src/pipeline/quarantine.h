#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "format/json/table_reader.h"
#include "pipeline/run_context.h"
#include "pipeline/side_table.h"
#include "table/commit/committer.h"

namespace firn::pipeline {

/// The rows of a group's tables that did not fit, on their way to `<dataset>._quarantine`, which is committed with
/// them. Rows come masked; a record that is no valid JSON shows its structure only. Used by one thread.
///
/// Columns: table, reason, path, record, parsable, ordinal, _firn_loaded_at, _firn_run_id.
class Quarantine {
 public:
  static constexpr char kTableName[] = "_quarantine";

  /// `ns`: the namespace. `stream`: the stream id of the group's first table. Does no I/O. `context` is borrowed.
  Quarantine(const RunContext& context, std::vector<std::string> ns, const std::string& stream);
  ~Quarantine();

  Status Add(const std::string& table, std::span<const format::json::QuarantinedRow> rows);
  /// Rows that were typed already (a key that cannot be): their values as JSON. `reason`: of a row by its index.
  using RowReason = std::function<std::string(int64_t)>;
  Status Add(const std::string& table, const arrow::RecordBatch& rows, const RowReason& reason);

  /// The chosen rows that are there (columns: table, _firn_run_id) go with the next commit. Before any Add.
  void ReplaceRows(table::RowChoice choice);
  /// Says that the group failed, so that the next run looks for files of this one.
  void Abandon();
  /// Writes what is left and returns the share of the commit; nullopt if there are no rows. Rows added later belong to
  /// the next commit.
  Result<std::optional<table::StagedTable>> Stage(std::stop_token stop);

 private:
  struct Row {
    const std::string& table;
    const std::string& reason;
    const std::string& path;
    const std::string& record;
    bool parsable;
    int64_t ordinal;  // -1: not known
  };
  Status AddRow(const Row& row);
  Status Flush();

  const RunContext& context_;
  struct Rows;
  std::unique_ptr<Rows> rows_;
  SideTable side_;
  int64_t num_rows_ = 0;
  int64_t num_staged_ = 0;
};

}  // namespace firn::pipeline
