#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "io/raw_cipher.h"
#include "pipeline/rederive.h"
#include "pipeline/run_context.h"

/// What is archived of a table, and what of it may go.
namespace firn::pipeline {

/// One archived run.
struct RawRun {
  enum class Use {
    kNeeded,       // rederive reads it
    kSuperseded,   // a later run read everything anew
    kUncommitted,  // no row of it reached the table
    kOther,        // of another table: another lake's, or an earlier one of this name
    kNone,         // the table cannot be derived from its archive
  };
  ArchivedRun archived;
  Use use = Use::kNone;
  io::RawSeal seal;
  int64_t bytes = 0;
  bool expired = false;  // began longer than `raw.retention` ago
};

const char* ToString(RawRun::Use use);

struct RawInventory {
  std::vector<RawRun> runs;       // in the order they began
  std::vector<std::string> gaps;  // of a rederive
  std::string why_not_derivable;  // empty: it is
  int64_t num_unchecked = 0;      // runs whose key is not there: of them it is told what their marks say
};

/// Looks at all archived runs. Errors: kConfig E0862 when nothing can be archived of the table, E0866 (kChecked);
/// kBadData.
Result<RawInventory> TakeRawInventory(const RunContext& context, const config::PipelineConfig& pipeline,
                                      const config::TableConfig& table, MarkTrust trust);

/// Lists the runs in the table's own folder, or raw table, without opening anything: for bodies whose key is lost.
Result<std::vector<RawRun>> ListRawAsItLies(const RunContext& context, const config::PipelineConfig& pipeline,
                                            const config::TableConfig& table);

/// Removes archived runs. Interrupted, what is left of one in an archive is damaged, never short; those in the raw
/// table go in one commit, and its older snapshots with them.
Status RemoveRawRuns(const RunContext& context, const config::PipelineConfig& pipeline,
                     const config::TableConfig& table, const std::vector<ArchivedRun>& runs, std::stop_token stop);

struct RawSweep {
  int64_t removed = 0;
  int64_t kept = 0;  // older than the retention, but rederive needs them
};
/// Removes the runs of a table that began longer than `raw.retention` ago; never this run, none that rederive of the
/// table as it is now needs, none whose id tells no time. Once runs are missing, the table cannot be derived from the
/// rest, which then goes, too. While it keeps some it looks once a day, and after a full refresh. When raw is off
/// it does nothing unless the retention is written.
Result<RawSweep> RemoveExpiredRaw(const RunContext& context, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table, std::stop_token stop);

}  // namespace firn::pipeline
