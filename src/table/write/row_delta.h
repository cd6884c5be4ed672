#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/manifest/data_file.h"
#include "table/scan/projection.h"
#include "table/write/table_writer.h"

/// The seam for keyed changes of a table. What is behind it now is copy-on-write: files that hold superseded rows are
/// written again without them.
///
/// Two rows have the same key if all key columns are equal: numbers by value (int equals long, float equals double,
/// decimals of any scale), -0.0 equals 0.0, NaN equals NaN, text and bytes byte for byte (no normalisation, no
/// collation), times by instant. A row whose key has a null has no key: it is handed back for quarantine. Keys are
/// compared by a 128-bit hash of that canonical form.
namespace firn::table {

struct MergeOptions {
  TableWriterOptions writer;                        // of the new rows; its memory_bytes is for rows alone
  std::vector<int32_t> key_field_ids;               // top-level primitive columns, at least one
  int64_t key_memory_bytes = int64_t{128} << 20;    // for keys; beyond it they go to an unlinked temporary file
  std::shared_ptr<const NameMapping> name_mapping;  // for live files without field ids; may be null
};

struct AppendResult {
  std::shared_ptr<arrow::RecordBatch> null_keys;  // rows without a key, not taken; null if there are none
  int64_t num_null_keys = 0;
};

struct MergeResult {
  std::vector<DataFile> added;
  std::vector<DataFile> removed;  // elements of the live files given, unchanged
  int64_t rows_inserted = 0;      // keys that were not in the table
  int64_t rows_updated = 0;       // keys whose row was replaced
  int64_t rows_deleted = 0;       // keys whose row was removed
  int64_t rows_superseded = 0;    // rows of the load that a later row (or delete) of the same load replaced
  int64_t files_scanned = 0;      // live files whose key columns were read
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

  /// Compares with the live data files of a snapshot and writes what must be written again. May be called again after a
  /// conflict, with the live files of the new parent: new rows are not written again, only rewritten files are. Files
  /// of the earlier result that the new one does not name are then garbage; the caller removes them once it knows that
  /// the earlier commit did not happen. No Append after the first call. `live`: all live data files; those whose key
  /// bounds exclude the new keys are not opened. `live` files must have been planned with ScanOptions::keep_metrics,
  /// else none can be left out. Errors: kConfig naming --memory if the keys cannot be compared within key_memory_bytes.
  virtual Result<MergeResult> Finish(std::span<const DataFile> live) = 0;

  /// Bytes of memory held now: rows and keys.
  virtual int64_t memory_bytes() const = 0;
};

/// Returns the mask MergeWriter wants from a reserved column `_op` (utf8: "delete" or "d", in any case, deletes), or
/// null if the batch has no such column. The caller drops the column before Append. Errors: kBug if it has another
/// type.
Result<std::shared_ptr<arrow::BooleanArray>> DeleteMask(const arrow::RecordBatch& batch);

}  // namespace firn::table
