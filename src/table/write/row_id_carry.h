#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/position_set.h"
#include "table/scan/plan.h"
#include "table/scan/projection.h"
#include "table/write/key_log.h"
#include "table/write/new_row_places.h"
#include "table/write/table_writer.h"

/// Row ids of updated rows (manifest/row_ids.h).
namespace firn::table {

/// Finds the row ids that new rows take over from the rows they replace. Bounded memory: three sequential passes over
/// logs that go to a temporary file. Used by one thread. Order of calls: Note, then Resolve once, then Take over the
/// touched files, in order.
class RowIdCarry {
 public:
  struct Options {
    int64_t memory_bytes = int64_t{16} << 20;  // of each of two logs
    std::string temporary_folder;              // see TableWriterOptions
    std::shared_ptr<const NameMapping> name_mapping;
    arrow::MemoryPool* pool = nullptr;
  };
  RowIdCarry(const std::vector<WrittenFile>& new_files, Options options);

  /// The row at `fresh` (an index into new_files and a position) replaces row `row` of the live file `live`. Of several
  /// rows that one row replaces, the one noted first gives its id.
  Status Note(NewRowPlaces::Position fresh, size_t live, int64_t row);
  /// After Resolve: true if a row of that new file takes over an id.
  bool touches(size_t new_file) const { return touched_[new_file]; }

  /// Reads the ids of the replaced rows. `dead`: all rows that go, of plan.files, among them all that were noted.
  Status Resolve(io::FileStore& files, const ScanPlan& plan, const RowsByFile& dead);
  /// Appends the ids of `count` rows of a new file from `first` on, null for a row that replaces none. Rows ascend over
  /// all calls.
  Status Take(size_t new_file, int64_t first, int64_t count, arrow::Int64Builder* out);

 private:
  Status ReadIds(io::FileStore& files, const ManifestEntry& entry, const KeyRecord* begin, const KeyRecord* end);
  Status AppendId(uint64_t ordinal, int64_t row_id);
  Status NextShard();

  const Options options_;
  arrow::MemoryPool* pool_;
  std::vector<uint64_t> first_ordinals_;  // of new_files, over all their rows
  uint64_t num_rows_ = 0;
  std::vector<bool> touched_;
  std::unique_ptr<KeyLog> moves_;  // by new row: row, source = live row
  std::unique_ptr<KeyLog> ids_;    // by new row: row = id
  std::vector<KeyRecord> shard_;   // of ids_, with the next one to be taken
  size_t next_shard_ = 0;
  size_t at_ = 0;
};

/// Writes a finished file of the load again at another location, row for row, with the ids that its rows take over.
/// `options`: that it was written with. Errors: of reading and writing; then no file is left.
Result<DataFile> WriteWithRowIds(io::FileStore& files, const DataFile& from, size_t new_file, std::string location,
                                 const TableWriterOptions& options, RowIdCarry& row_ids);

}  // namespace firn::table
