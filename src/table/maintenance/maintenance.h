#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/clock.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "table/commit/committer.h"
#include "table/maintenance/compaction_plan.h"
#include "table/maintenance/inventory.h"
#include "table/maintenance/orphans.h"

/// Maintenance of tables, beside writers that go on.
namespace firn::table {

/// All borrowed, all outlive the call.
struct MaintenanceContext {
  catalog::Catalog& catalog;
  io::FileStore& files;
  Committer& committer;
  const Clock& clock;
};

struct MaintenanceOptions {
  bool compact = true;
  bool rewrite_manifests = true;
  bool expire = true;
  bool find_orphans = false;
  bool remove_orphans = false;  // of those found
  bool dry_run = false;         // nothing is changed; the report says what would be
  /// Look at snapshot summaries first and leave at once if little changed since the last time.
  bool only_if_due = false;

  CompactionOptions compaction;
  /// All files are written anew, in the present layout. A call that ended early is continued by the next one that asks
  /// for the same: files that are done are not written again.
  bool rewrite_all = false;
  int64_t budget_bytes = 0;  // of data files read by one call, in whole groups; 0: no limit
  int manifests_min = 16;    // fewer small manifests are not merged
  RetentionOptions retention{.snapshots_slack = 0};
  int64_t orphan_age_ms_min = kOrphanAgeMsMin;

  std::string run;  // id of this maintenance, part of every file's name; unique; empty: made up
  int64_t memory_bytes = int64_t{256} << 20;
  int threads = 1;
  std::string temporary_folder;
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

/// What to do after a run: compaction in tiers within 256 MiB read, only if due; no expiry (commits do that), no
/// orphans.
MaintenanceOptions AutomaticMaintenance();

struct MaintenanceReport {
  catalog::TableIdentifier identifier;
  bool due = true;  // false: only_if_due, and nothing was looked at
  TableHealth before;
  TableHealth after;  // equal to `before` in a dry run
  ReadAmplification amplification_before;
  ReadAmplification amplification_after;
  bool continued = false;  // a rewrite of all files that an earlier call began
  int64_t groups_planned = 0;
  int64_t groups_committed = 0;
  int64_t groups_given_up = 0;  // another writer changed their files again and again
  int64_t groups_left = 0;      // over the budget: for the next call
  int64_t files_read = 0;       // in a dry run: to be read
  int64_t bytes_read = 0;
  int64_t files_written = 0;
  int64_t bytes_written = 0;
  int64_t rows_deleted = 0;  // that are no longer stored
  int64_t delete_files_removed = 0;
  int64_t snapshots_expired = 0;
  int64_t expired_files_removed = 0;
  Orphans orphans;
  bool orphans_removed = false;
  std::vector<std::string> notes;  // what was left alone, and why
};

/// Maintains one table. Each group of a compaction is a commit of its own, so that what was done stays done, whatever
/// happens next, and the next call goes on. Rows, tokens of streams and refs stay as they are. A group whose files get
/// new deletes, or leave the table, between plan and commit is planned again. A crash leaves files that garbage
/// collection finds by the staging record.
/// Errors: kConfig if there is no such table, if a stream of it needs a decision, or of CheckWritable
/// (commit/writable.h); those of reading, writing and committing, with what was done before standing.
Result<MaintenanceReport> MaintainTable(const MaintenanceContext& context, const catalog::TableIdentifier& identifier,
                                        const MaintenanceOptions& options, std::stop_token stop);

}  // namespace firn::table
