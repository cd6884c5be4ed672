#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/delete_reader.h"
#include "table/index/key_index.h"
#include "table/write/key_log.h"
#include "table/write/key_scan.h"
#include "table/write/keyed_rows.h"
#include "table/write/new_row_places.h"
#include "table/write/row_delta.h"

/// Live rows as a strategy sees them.
namespace firn::table {

using KeyedLog = RecordLog<KeyedRow>;

/// Opens the rows at `positions` of a live data file, in order. `target`: as OpenLiveRows, or, if its last columns are
/// those of WithRowLineage, as OpenRowsWithLineage.
Result<std::unique_ptr<arrow::RecordBatchReader>> OpenRowsAt(io::FileStore& files, const ManifestEntry& entry,
                                                             const PositionSet& positions, const schema::Schema& target,
                                                             const FileReadOptions& options);

/// Finds live rows that may have one of the keys of a load: no row that has one is left out. Everything is borrowed.
struct LiveKeySearch {
  io::FileStore& files;
  const MergeTarget& target;
  KeyScanOptions keys;
  DeleteReader* reader = nullptr;
  std::function<bool(const DataFile&)> wanted;  // false: no row of the file can matter

  /// By reading the key columns. `may_have`: of a hash. Adds to `result->files_scanned`.
  Result<RowsByFile> Scan(const std::function<bool(const Hash128&)>& may_have, MergeResult* result) const;
  /// By an index that is brought to the target first. `load`: of all keys.
  Result<RowsByFile> LookUp(const KeyedLog& load, index::KeyIndex& index, MergeResult* result) const;
  /// All live rows of wanted files.
  Result<RowsByFile> All(MergeResult* result) const;
};

/// Reads live rows into a log, with their row ids if the table has any. `rows`: by index into the target's plan.
/// `keep`: false for a row that does not matter; it may set flags.
Status ReadKeyedRows(io::FileStore& files, const MergeTarget& target, const RowsByFile& rows,
                     const KeyedRowReader& reader, const KeyScanOptions& keys,
                     const std::function<bool(KeyedRow&)>& keep, KeyedLog* out);

}  // namespace firn::table
