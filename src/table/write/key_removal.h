#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/delete_reader.h"
#include "table/scan/plan.h"
#include "table/scan/projection.h"
#include "table/write/key_log.h"
#include "table/write/key_range.h"
#include "table/write/key_scan.h"
#include "table/write/new_row_places.h"

namespace firn::table {

/// The keys of a load by which live rows go, whatever their number: a key may have many rows on both sides. Used by one
/// thread.
class KeyRemoval {
 public:
  struct Options {
    int64_t memory_bytes = 0;  // for keys; beyond it the table is read more than once
    std::string temporary_folder;
    std::shared_ptr<const NameMapping> name_mapping;
    arrow::MemoryPool* pool = nullptr;
  };
  /// `key`: field ids. Errors: as KeySchema.
  static Result<std::unique_ptr<KeyRemoval>> Make(const schema::Schema& table, std::vector<int32_t> key,
                                                  Options options);

  /// Sets `(*null_keys)[row]` for rows without a key; a longer vector than empty has the batch's length.
  Status FindNulls(const arrow::RecordBatch& batch, std::vector<bool>* null_keys);
  /// Takes the keys of a batch, of which all rows have one.
  Status Add(const arrow::RecordBatch& batch);
  Status SetSchema(const schema::Schema& table);
  /// Before Find.
  Status Close() { return range_.Close(); }

  /// Adds the live rows that have one of the keys. Returns the number of files read.
  Result<int64_t> Find(io::FileStore& files, const ScanPlan* live, DeleteReader* reader, RowsByFile* dead);

  int64_t memory_bytes() const { return keys_.memory_bytes(); }

 private:
  KeyRemoval(schema::Schema key_schema, std::vector<int32_t> key, Options options);
  Result<std::shared_ptr<arrow::RecordBatch>> KeysOf(const arrow::RecordBatch& batch);
  Result<size_t> TakeKeys(size_t first_shard, std::vector<Hash128>* keys) const;

  const Options options_;
  const std::vector<int32_t> key_;
  schema::Schema key_schema_;
  KeyRange range_;
  KeyLog keys_;
  std::vector<Hash128> recent_;  // keys that were logged, by hash: one with many rows is not logged for each
  std::shared_ptr<arrow::Schema> source_schema_;
  std::optional<Projection> projection_;
};

}  // namespace firn::table
