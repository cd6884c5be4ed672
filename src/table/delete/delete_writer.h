#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/delete_index.h"
#include "table/delete/position_set.h"
#include "table/manifest/data_file.h"

namespace firn::io {
class FileStore;
}

namespace firn {
class Clock;
}

namespace firn::table {

class DeleteReader;

struct DeleteWriterOptions {
  int32_t format_version = 2;   // 2: position delete files; 3 and later: deletion vectors
  std::string location;         // URI of the table; files go to <location>/data/
  std::string stream = "live";  // file names: <stream>-<epoch>-<n>-<uuid7>-deletes.parquet | .puffin
  int64_t epoch = 0;
  int64_t puffin_bytes_target = int64_t{64} << 20;  // a Puffin file is ended beyond it
  arrow::MemoryPool* pool = nullptr;                // null: the default pool
  const Clock* clock = nullptr;                     // names of files; null: the system's clock
};

/// Delete files to add to and to remove from a table in one commit.
struct DeleteChanges {
  std::vector<DataFile> added;         // for a delete manifest, status ADDED; vectors of one Puffin file share its path
  std::vector<ManifestEntry> removed;  // entries of the parent snapshot that the added ones replace
  int64_t rows_deleted = 0;            // positions that were not deleted before
};

/// Writes row deletes of data files: one file-scoped position delete file (v2) or one deletion vector (v3) per data
/// file, each merged with what was deleted before, so that a data file never has two of ours. Used by one thread.
/// Destroyed before Finish, it deletes the files it wrote; after it, all files are the caller's.
class DeleteWriter {
 public:
  /// `reader`: reads previous deletes; of the same parent snapshot. Both are borrowed for the writer's life.
  static Result<std::unique_ptr<DeleteWriter>> Make(io::FileStore& files, DeleteReader& reader,
                                                    DeleteWriterOptions options);
  virtual ~DeleteWriter() = default;

  /// Deletes rows of a live data file. `previous`: its deletes in the parent snapshot (DeleteIndex::For); equality
  /// deletes among them stay as they are. Once per data file. Writes nothing if all `rows` were deleted before.
  /// Errors: kBug for a position beyond the data file, or a data file given twice; of `reader` and the file store.
  virtual Status Delete(const ManifestEntry& data, const FileDeletes& previous, const PositionSet& rows) = 0;

  /// Takes back the deletes of a data file that leaves the table in the same commit: its deletion vector and its
  /// file-scoped position deletes are listed as removed.
  virtual Status Drop(const ManifestEntry& data, const FileDeletes& previous) = 0;

  /// Ends all files. Called once, last.
  virtual Result<DeleteChanges> Finish() = 0;
};

}  // namespace firn::table
