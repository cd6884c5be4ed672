#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "catalog/catalog.h"
#include "io/file_store.h"

namespace firn::catalog {

/// One table's share of a commit, ready to be swapped in.
struct PreparedTable {
  TableIdentifier identifier;
  std::optional<std::string> before;  // metadata location that must be current; nullopt: the table must not exist
  LoadedTable after;
  std::string folder;    // of the metadata file
  bool written = false;  // there may be a file to remove
};

/// The metadata files of a catalog that keeps nothing of a table but the location of its current one. Thread-safe.
class MetadataFiles {
 public:
  /// `files`, `clock` outlive it.
  MetadataFiles(io::FileStore& files, const Clock& clock) : files_(files), clock_(clock) {}

  /// Reads a metadata file, or remembers it.
  Result<LoadedTable> Read(const TableIdentifier& identifier, const std::string& location) FIRN_EXCLUDES(mutex_);
  void Remember(const TableIdentifier& identifier, const LoadedTable& table) FIRN_EXCLUDES(mutex_);
  void Forget(const TableIdentifier& identifier) FIRN_EXCLUDES(mutex_);
  void ForgetAll() FIRN_EXCLUDES(mutex_);

  /// Checks the requirements against `current` and applies the updates; nothing is written. Errors: kConflict (a
  /// requirement does not hold), kConfig.
  Result<PreparedTable> Prepare(const TableCommit& commit, const std::optional<LoadedTable>& current) const;
  /// Writes the new metadata files and makes them, what they name, and their folders durable. Errors: then some may be
  /// written.
  Status Write(std::span<const TableCommit> commits, std::vector<PreparedTable>& prepared) const;
  /// Removes what Write has written. Only after it is known that nothing refers to it.
  void Remove(const std::vector<PreparedTable>& prepared) const;

 private:
  io::FileStore& files_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<TableIdentifier, LoadedTable> cache_ FIRN_GUARDED_BY(mutex_);
};

/// "<warehouse>/<ns>/<name>" as a location; names are changed where readers would not take them literally, and then get
/// a piece of their hash to stay distinct.
std::string TableLocation(const std::string& warehouse, const TableIdentifier& identifier);

}  // namespace firn::catalog
