#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "connector/plan.h"
#include "io/raw_archive.h"
#include "source/source.h"

namespace firn::source::rest {

/// One archived run to read again. `entries_max`: entries up to the run's last commit; nullopt: all. A run that was not
/// committed must not be named, because the next run read its rows again.
struct ReplayRun {
  std::string run;
  std::optional<int64_t> entries_max = {};
};

struct RawReplayOptions {
  std::vector<ReplayRun> runs;  // in the order they ran
  io::RawRunOpener open;
};

/// Makes a source that yields the archived bodies of each table in reading order, with the rows, constants and
/// tombstones they were read with; it asks nobody. One split per table; kUnstable, so a re-derived table is committed
/// once. Positions are not given: re-deriving does not move the live state.
Result<std::unique_ptr<Source>> MakeRawReplaySource(connector::RestPlan plan, RawReplayOptions options);

}  // namespace firn::source::rest
