#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "schema/type.h"
#include "table/maintenance/maintenance.h"

/// A column gets another type, with its rows (`firn table retype`).
namespace firn::table {

struct RetypeOptions {
  std::string column;         // of the row: its name
  schema::TypePtr type;       // primitive
  bool shows_values = false;  // errors may show the value that does not fit: it is no personal data
  /// Column → what depends on it, as for ChangeSchema.
  std::map<std::string, std::string> in_use;
  bool dry_run = false;  // rows are read and judged, and nothing is written
  std::string run;       // id, part of every file's name; unique
  int64_t memory_bytes = int64_t{256} << 20;
  int threads = 1;
  std::string temporary_folder;
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

struct RetypeReport {
  std::string from;                 // the type it had
  std::vector<std::string> folded;  // sibling columns that are gone
  bool changed = false;             // false: it had the type and no sibling
  int64_t rows = 0;
  int64_t files_read = 0;
  int64_t files_written = 0;
  int64_t bytes_written = 0;
  std::optional<SnapshotId> snapshot_id;
};

/// Makes one column of `column` and its sibling columns (`total__string`), in one commit: all data files are written
/// anew, with every value in the new type. The column stands where it stood; it has a new field id, unless its type is
/// only widened, and older snapshots keep the old columns. Rows, their ids and the tokens of streams stay; a load that
/// runs meanwhile ends with E0904 and is run again.
/// Errors, with nothing changed: kConfig E0930 for a column that is not there, E0931 for one that something depends on,
/// for one that is only widened (set-type does that), and for a type that the table cannot have; kContract E0934 for a
/// value that does not fit, naming file and row of the first; kConflict if somebody else committed meanwhile; those of
/// reading, writing, committing.
Result<RetypeReport> RetypeColumn(const MaintenanceContext& context, const catalog::TableIdentifier& identifier,
                                  const RetypeOptions& options, std::stop_token stop);

}  // namespace firn::table
