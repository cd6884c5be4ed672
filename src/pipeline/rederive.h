#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "io/raw_cipher.h"
#include "pipeline/archive_mark.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"

namespace firn::io {
class FileStore;
}

/// Rebuilds a table from its raw archive, without its source.
namespace firn::pipeline {

/// In the summary of a snapshot that a rederive made: its rows are of archived runs.
inline constexpr char kRederivedKey[] = "firn.rederived";

/// Archived runs of a table as they lie there, in order. A run without a mark has an empty `mark.run`.
struct ArchivedRun {
  /// Who took its rows: the table, another one (of another lake, or an earlier one of this name), or version 1 does
  /// not say.
  enum class Owner { kTable, kOther, kUnknown };
  std::string run;
  ArchiveMark mark;
  std::string dataset = {};  // io::RawArchivePlace
  Owner owner = Owner::kTable;
  std::optional<Timestamp> began = {};  // by its id; nullopt: it tells none
  bool in_table = false;                // it lies in the raw table, which says the rest of it
  io::RawSeal seal = {};
  int64_t bytes = 0;  // of the bodies as received
};

/// What becomes of marks whose key is not there.
enum class MarkTrust {
  kChecked,  // E0866: rows are made of what they say
  kShown,    // they are taken as they are: it is shown, or removed, what they say
};

/// When runs began; nullopt: no bound.
struct LoadedRange {
  std::optional<Timestamp> from;  // inclusive
  std::optional<Timestamp> to;    // exclusive
  bool Holds(const ArchivedRun& run) const;
};

struct RederivePlan {
  std::vector<ArchivedRun> runs;         // read in this order
  std::vector<std::string> uncommitted;  // archived, but never committed: nothing new, or read again by a later run
  std::vector<std::string> taken_back;   // committed, and then main was rolled back to before them
  std::vector<std::string> superseded;   // before the last run that read everything anew
  std::vector<std::string> unmarked;     // read as they lie: their process died before it said how much there must be
  std::vector<std::string> notes;        // what will differ though nothing is missing, for people
  std::vector<std::string> outside;      // committed, and not of the range
  std::vector<std::string> gaps;  // what the table will lack, for people; empty: it will be what it was loaded from
  const char* why_one_by_one = nullptr;  // it matters what was loaded together: each run is a load of its own
};

/// Runs that the snapshots of a table name as those whose rows they brought.
struct NamedRuns {
  std::vector<std::string> committed = {};   // by a snapshot of main's history
  std::vector<std::string> taken_back = {};  // by snapshots not in it alone: main was rolled back to before them
  // Those whose snapshots of main's history added or removed files, under whatever name the table had; not rederives.
  std::vector<std::string> loaded = {};
};

/// Decides which runs make the table. Pure. `state`: hash of the stream's state now, "" if there is none;
/// `named`: of its snapshots; what they name as committed is the table's whatever else is not known of it. `exact`:
/// every row must be read just once (append). `range`: runs outside of it are not taken; what they alone loaded is a
/// gap, as is a run that loaded and is not archived, wherever the positions of the others stand. Errors: kConfig E0860
/// no run was committed; E0861 `exact`, and a run's share of its bodies is not known; E0865 runs are missing, and there
/// are some of which version 1 does not say whether they are these.
Result<RederivePlan> PlanRederive(const std::vector<ArchivedRun>& archived, const NamedRuns& named,
                                  const std::string& state, bool exact, bool reads_anew, const LoadedRange& range = {});

/// Whether a table with `deletes: missing` is what its last whole listing gave and later runs changed: rows go for
/// good, and the last to arrive stays. Pure.
bool ListingsTellAll(const config::TableConfig& table);

/// Lists what is archived for the table of that id, in its archive and in its raw table, and reads the marks. Errors:
/// kConfig E0866; kBadData.
Result<std::vector<ArchivedRun>> ListArchived(const RunContext& context, const config::PipelineConfig& pipeline,
                                              const config::TableConfig& table, const std::string& table_uuid,
                                              MarkTrust trust = MarkTrust::kChecked);

/// Lists and plans. Errors: as PlanRederive; kConfig E0862 when the table has no archive or does not exist; E0868 when
/// the rows of a range depend on those before it.
Result<RederivePlan> PlanRederive(const RunContext& context, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table, const LoadedRange& range = {},
                                  MarkTrust trust = MarkTrust::kChecked);

/// Reads the planned runs through the configuration as it is now and publishes the table in one commit; where its
/// source goes on reading stays as it was. Runs that are loaded one by one go to a branch, which becomes main at the
/// end; what is left of one that ended early is in nobody's way, and the next one begins anew. Nothing is archived
/// again. Rows that do not fit take the place of those of the table that are in the quarantine, but for rows of runs
/// that are not read.
Result<TableResult> Rederive(const RunContext& context, const config::PipelineConfig& pipeline,
                             const config::TableConfig& table, const RederivePlan& plan, std::stop_token stop);

}  // namespace firn::pipeline
