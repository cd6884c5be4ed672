#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "table/delete/delete_index.h"
#include "table/manifest/manifest_list.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

/// Figures of one snapshot: what a reader has to open.
struct TableHealth {
  int64_t data_files = 0;
  int64_t data_bytes = 0;
  int64_t records = 0;       // in data files, deleted ones too
  int64_t delete_files = 0;  // a deletion vector counts as one
  int64_t delete_bytes = 0;
  int64_t position_deletes = 0;  // rows that deletion vectors and position delete files name
  int64_t manifests = 0;
  int64_t snapshots = 0;
};

/// The live files of main's head and the deletes of each. Data files come without column statistics, so that a file
/// costs about 400 bytes. A value; all entries are shared.
class Inventory {
 public:
  struct File {
    std::shared_ptr<const ManifestEntry> entry;
    FileDeletes deletes;
  };

  /// Reads the manifest list and all manifests. A table without a snapshot has an empty inventory. Errors: kBadData for
  /// broken manifests and deletes that contradict the specification; of the file store.
  static Result<Inventory> Load(io::FileStore& files, const catalog::LoadedTable& table);

  const catalog::LoadedTable& table() const { return table_; }
  const TableMetadata& metadata() const { return *table_.metadata; }
  const std::vector<File>& files() const { return files_; }  // in manifest order
  const std::vector<DeleteEntry>& deletes() const { return deletes_; }
  const std::vector<ManifestFile>& manifests() const { return manifests_; }
  TableHealth health() const;

  /// The live file of that path, or null.
  const File* Find(const std::string& path) const;

  /// Returns the delete files that delete nothing once the files of these paths are gone: of them alone, or of files
  /// that left the table before. Deletes reach back only (a later file never falls under them), so that they can go.
  std::vector<DeleteEntry> DanglingWithout(const std::set<std::string>& gone) const;

 private:
  catalog::LoadedTable table_;
  std::vector<File> files_;
  std::vector<DeleteEntry> deletes_;
  std::vector<ManifestFile> manifests_;
  std::unordered_map<std::string, size_t> by_path_;
};

/// True if both name the same delete files: nothing was deleted in between.
bool SameDeletes(const FileDeletes& a, const FileDeletes& b);

}  // namespace firn::table
