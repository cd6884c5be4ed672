#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/index/key_index.h"
#include "table/manifest/data_file.h"
#include "table/metadata/metadata.h"
#include "table/scan/plan.h"
#include "table/scan/projection.h"
#include "table/write/merge_strategy.h"
#include "table/write/retire_scope.h"
#include "table/write/row_level_mode.h"
#include "table/write/table_writer.h"

/// The seam for keyed changes of a table. Superseded rows of live files are found by their key and go in one of two
/// ways: merge-on-read lists their positions in delete files (deletion vectors in tables of format version 3,
/// file-scoped position deletes in version 2), copy-on-write writes their files again without them. Never an equality
/// delete.
///
/// Two rows have the same key if all key columns are equal: numbers by value (int equals long, float equals double,
/// decimals of any scale), -0.0 equals 0.0, NaN equals NaN, text and bytes byte for byte (no normalisation, no
/// collation), times by instant. A row whose key has a null has no key: it is handed back for quarantine. Keys are
/// compared by a 128-bit hash of that canonical form.
namespace firn::table {

struct MergeOptions {
  TableWriterOptions writer;  // of the new rows; its memory_bytes is for rows alone
  RowLevelMode mode = RowLevelMode::kMergeOnRead;
  int32_t format_version = 2;          // of the table once it has the rows, if it is not newer
  std::vector<int32_t> key_field_ids;  // top-level primitive columns, at least one
  /// What becomes of rows of one key; null: the last one stays (merge-on-read or copy-on-write). With a strategy:
  /// merge-on-read, and `delete_insert` may do without a key.
  MergeStrategyPtr strategy;
  /// With a strategy that takes keys without a load. Live rows of the scope whose key the load does not have are gone.
  RetireScope retire;
  /// Called in Finish when all is decided and nothing is written; an error ends it. May be null.
  std::function<Status(const MergeCounts&)> approve;
  /// Called in Finish after `approve` with the keys (its columns) of live rows that are gone: retired, or deleted by
  /// the load. Not in any order; after a second Finish some come again. May be null.
  std::function<Status(const std::shared_ptr<arrow::RecordBatch>& keys)> on_gone;
  int64_t key_memory_bytes = int64_t{128} << 20;    // for keys; beyond it they go to an unlinked temporary file
  std::shared_ptr<const NameMapping> name_mapping;  // for live files without field ids; may be null
  /// Finds live rows instead of a scan (merge-on-read; copy-on-write does not look at it). Of the table and the key
  /// columns: see IndexIdentity. Null: none. Borrowed for the writer's life; used by one writer at a time.
  index::KeyIndex* index = nullptr;
};

struct AppendResult {
  std::shared_ptr<arrow::RecordBatch> null_keys;  // rows without a key, not taken; null if there are none
  int64_t num_null_keys = 0;
};

/// The rows that a merge meets.
struct MergeTarget {
  std::shared_ptr<const TableMetadata> metadata;  // of the parent; null: there is no table yet
  const ScanPlan* live = nullptr;  // of its current snapshot, with keep_metrics and Deletes::kPlan; null: no rows yet
  bool retires = true;             // false: the load turned out not to be whole, so no key is gone
};

struct MergeResult {
  std::vector<DataFile> added;
  std::vector<ManifestEntry> removed;          // data files of the target's plan, unchanged
  std::vector<DataFile> added_deletes;         // delete files
  std::vector<ManifestEntry> removed_deletes;  // delete files of the target that the added ones replace
  int64_t rows_inserted = 0;                   // keys that were not in the table
  int64_t rows_updated = 0;                    // keys whose row was replaced
  int64_t rows_deleted = 0;                    // keys whose row was removed
  int64_t rows_superseded = 0;  // rows of the load that a later row (or delete) of the same load replaced
  int64_t rows_skipped = 0;     // rows of the load that change nothing: known, older than the row there, or the same
  int64_t files_scanned = 0;    // live files whose key columns were read
  bool by_index = false;        // the key index told the live rows
};

/// Takes keyed rows, last one wins, and turns them into files to add and to remove. Used by one thread. Destroyed
/// before a successful Finish, it deletes the files of the load; after it, all files are the caller's.
class MergeWriter {
 public:
  /// Errors: kConfig if a key column is missing, nested, or no key is given.
  static Result<std::unique_ptr<MergeWriter>> Make(io::FileStore& files, MergeOptions options);
  virtual ~MergeWriter() = default;

  /// Appends rows as TableWriter::Append does. `deletes`: null, or a boolean column of the batch's length; where true,
  /// the row only names a key to delete. A null counts as false.
  virtual Result<AppendResult> Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                                      const arrow::BooleanArray* deletes = nullptr) = 0;
  virtual Status SetSchema(std::shared_ptr<const schema::Schema> schema) = 0;
  /// Takes rows that are not of the load but name a part of the table, of which the load has all rows (kNamed). Rows
  /// with a null in those columns name nothing. Errors: kBug without such a scope.
  virtual Status Name(const std::shared_ptr<arrow::RecordBatch>& /*batch*/) {
    return MakeError(Fault::kBug, "merge: this load has no scope to be named");
  }

  /// Compares with the live rows of a snapshot and writes deletes, or files without the rows that go. May be called
  /// again after a conflict, with the new parent: new rows are not written again. Files of the earlier result that the
  /// new one does not name are then garbage; the caller removes them once it knows that the earlier commit did not
  /// happen. No Append after the first call. Live files whose key bounds exclude the new keys are not opened.
  /// Errors: kConfig naming --memory if the keys cannot be compared within key_memory_bytes.
  virtual Result<MergeResult> Finish(const MergeTarget& target) = 0;

  /// Called once the last result was committed, as this snapshot: makes the key index durable as of it. Does nothing
  /// without an index, or if the snapshot's parent is not the target's; the index is then behind and caught up by the
  /// next merge, as after a crash. Errors: of the index's disk; the commit stands, and the index stays usable.
  virtual Status Committed(const Snapshot& snapshot) = 0;

  /// Bytes of memory held now: rows and keys.
  virtual int64_t memory_bytes() const = 0;
};

/// Returns the mask MergeWriter wants from a reserved column `_op` (utf8: "delete" or "d", in any case, deletes), or
/// null if the batch has no such column. The caller drops the column before Append. Errors: kBug if it has another
/// type.
Result<std::shared_ptr<arrow::BooleanArray>> DeleteMask(const arrow::RecordBatch& batch);

}  // namespace firn::table
