#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "io/file_store.h"
#include "table/commit/snapshot_builder.h"
#include "table/metadata/metadata.h"

/// Which files the snapshots of a table refer to.
namespace firn::table {

/// Of manifests: the data and delete files that live entries name, as hashes of their paths. A chance collision keeps a
/// file too long, never removes one.
class ManifestContents {
 public:
  virtual ~ManifestContents() = default;
  virtual Result<std::shared_ptr<const std::vector<Hash128>>> LiveFiles(const TableMetadata& metadata,
                                                                        const ManifestFile& manifest) = 0;
};

/// Reads manifests and remembers up to `paths_max` paths. Thread-safe.
std::unique_ptr<ManifestContents> MakeManifestContents(io::FileStore& files, int64_t paths_max);

/// Returns the files that only `expired` refer to: manifest lists, manifests, data files. `retained` are all snapshots
/// that still exist. Errors: those of reading; then nothing may be removed.
Result<std::vector<std::string>> UnreachableFiles(io::FileStore& files, ManifestLists& lists,
                                                  ManifestContents& contents, const TableMetadata& metadata,
                                                  const std::vector<const Snapshot*>& expired,
                                                  const std::vector<const Snapshot*>& retained);

/// The same text for all spellings of one place: "file:///a" and "/a", "s3a://b/c" and "s3://b/c".
std::string NormalLocation(const std::string& location);

/// True if `path` is below `folder`; both normal.
bool IsInside(const std::string& path, const std::string& folder);

/// True if a file that the table named lies in the table's folders. What it names elsewhere was imported, or is
/// somebody's attempt to have it deleted.
bool IsOwnFile(const TableMetadata& metadata, const std::string& file);

/// Removes from `candidates` what any snapshot, log entry, token or mirror of `metadata` refers to.
Status KeepReferenced(ManifestLists& lists, ManifestContents& contents, const TableMetadata& metadata,
                      std::set<std::string>& candidates);

}  // namespace firn::table
