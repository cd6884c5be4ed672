#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "io/process_lock.h"

/// Files that dead runs left behind. Every file a run makes has the run's id in its name; a staging record, durable
/// before the first such file, says that the run was at work.
namespace firn::table {

/// `<location>/metadata/firn-staging/<run>.json`; its lock (FileStore::LockOf of `<run>.lock` beside it) is held while
/// the run lives. On an object store the lock is on this machine, and the record names its scope.
class StagingRecord {
 public:
  /// Writes the record and takes the lock. Errors: kBusy if the run id is in use.
  static Result<StagingRecord> Begin(io::FileStore& files, const std::string& table_location, const std::string& run,
                                     const Clock& clock);
  StagingRecord(StagingRecord&&) noexcept = default;
  StagingRecord& operator=(StagingRecord&&) noexcept = default;
  /// Removes the record after the run's last commit. Without it (destroyed only, or killed) garbage collection looks at
  /// the run's files later.
  Status End();

 private:
  StagingRecord(io::FileStore& files, std::string record, std::string lock_path, io::ProcessLock lock);
  io::FileStore* files_;
  std::string record_;
  std::string lock_path_;
  io::ProcessLock lock_;
};

struct GarbageOptions {
  /// Where a commit of a dead run may still be applied, its files stay as long as those of runs elsewhere.
  static GarbageOptions For(const catalog::CatalogTraits& traits);

  bool dry_run = false;
  /// Files younger than this stay, and runs that began later are not looked at: longer than any commit can be under
  /// way.
  int64_t age_ms_min = 0;
  /// Metadata files that no log names do not carry a run's id; they may belong to a commit under way.
  int64_t metadata_age_ms_min = 3'600'000;
  /// State blobs that nothing refers to stay at least this long.
  int64_t state_age_ms_min = int64_t{72} * 3'600'000;
  /// A run whose lock cannot be seen from here (object store, another machine) counts as dead after this, and then only
  /// files this old are removed.
  int64_t foreign_run_age_ms_min = int64_t{72} * 3'600'000;
};

struct Garbage {
  std::vector<std::string> files;  // removed, or to be removed in a dry run
  int64_t bytes = 0;
  std::vector<std::string> runs;  // dead runs whose records were settled
};

/// Removes what dead runs left in one table: files with a dead run's id in their name that no snapshot, metadata file,
/// token or mirror of the table refers to. Reads the staging records first and calls `load` after that, so that a run
/// that ended in between is judged by what it committed. Lives by records alone: a table without records is not listed.
/// Errors: those of FileStore and `load`; nothing is removed if any manifest cannot be read.
Result<Garbage> CollectGarbage(io::FileStore& files, const std::string& table_location,
                               const std::function<Result<std::optional<catalog::LoadedTable>>()>& load,
                               const Clock& clock, const GarbageOptions& options);

}  // namespace firn::table
