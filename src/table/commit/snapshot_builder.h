#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "io/background_sync.h"
#include "io/file_store.h"
#include "table/manifest/data_file.h"
#include "table/manifest/manifest_list.h"
#include "table/metadata/metadata.h"

/// Writes the manifests and the manifest list of one new snapshot.
namespace firn::table {

using ManifestListPtr = std::shared_ptr<const std::vector<ManifestFile>>;
using ManifestEntriesPtr = std::shared_ptr<const std::vector<ManifestEntry>>;

/// Reads manifest lists; the committer's one remembers them.
class ManifestLists {
 public:
  virtual ~ManifestLists() = default;
  virtual Result<ManifestListPtr> Get(const Snapshot& snapshot) = 0;
  /// The entries of a small manifest that was committed lately, without inherited row ids (row_ids.h), or null: then it
  /// has to be read.
  virtual ManifestEntriesPtr FindEntries(const std::string& manifest_path) = 0;
};

struct SnapshotPlan {
  SnapshotId snapshot_id;  // the same for all attempts of a commit
  std::string run;         // part of each file's name
  int attempt = 0;
  int64_t now_ms = 0;
  std::vector<DataFile> added;       // data and delete files
  std::vector<std::string> removed;  // FileKeyOf live files
  bool remove_all = false;
  bool rewrites = false;                       // the rows stay the same: operation `replace`
  bool merge_manifests = false;                // all small ones of a spec and content, whatever their number
  std::map<std::string, std::string> summary;  // further entries
  int manifests_merge_min = 32;
};

struct BuiltSnapshot {
  Snapshot snapshot;
  ManifestListPtr manifests;
  std::string added_manifest;           // the manifest of all added files if it is one, else empty
  std::vector<std::string> written;     // metadata files of this attempt alone
  std::vector<std::string> superseded;  // shared files of earlier attempts that this one does not use
  int64_t added_rows = 0;
  int64_t removed_rows = 0;
  int64_t removed_files = 0;
};

/// Builds a snapshot on main's head; one object per table and commit: the manifest of added files is written once and
/// kept over attempts, so that the rebase of an append rewrites the manifest list alone. Used by one thread.
class SnapshotBuilder {
 public:
  SnapshotBuilder(io::FileStore& files, ManifestLists& lists);

  /// `metadata`: the table as it will be before the snapshot is added (new schema applied, retention not).
  /// Files are being made durable by `sync`, the folder is not: SyncFolder(<location>/metadata) before the swap.
  /// Errors: kConflict if a removed file is not live on main any more; those of FileStore.
  Result<BuiltSnapshot> Build(const TableMetadata& metadata, const SnapshotPlan& plan, io::BackgroundSync& sync);

  /// Metadata files that all attempts share. They may be removed only if no attempt can have been committed.
  const std::vector<std::string>& shared_files() const { return shared_files_; }
  /// Gives up what was written for all attempts; returns its files. The next attempt writes everything anew.
  std::vector<std::string> Forget();

 private:
  Status WriteAdded(const TableMetadata& metadata, const SnapshotPlan& plan, io::BackgroundSync& sync,
                    BuiltSnapshot& built);

  io::FileStore& files_;
  ManifestLists& lists_;
  std::vector<ManifestFile> added_manifests_;
  std::vector<std::string> added_keys_;  // what added_manifests_ list
  std::vector<std::string> shared_files_;
};

/// Folder of a table's metadata, without a trailing slash.
std::string MetadataFolder(const std::string& table_location);

}  // namespace firn::table
