#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "config/table_config.h"

namespace firn::pipeline {

/// What a backfill reads: rows whose cursor lies in [from, to), slice by slice. Texts as the cursor has them.
struct BackfillRange {
  std::string from;
  std::string to;
  std::string step;  // length of a slice: a duration ("7d"), or of numbers a number; empty: one slice
  friend bool operator==(const BackfillRange&, const BackfillRange&) = default;
};

using Slices = std::vector<std::pair<std::string, std::string>>;  // from, to

/// Cuts the range into its slices, in order, without gap or overlap. Errors: kConfig E0876 for texts that are no value
/// of the cursor where there is a step, for a range that is empty, and for more than 100,000 slices.
Result<Slices> SlicesOf(const BackfillRange& range, const config::IncrementalConfig& incremental);

/// How far the streams of a backfill have come. The state of each, JSON:
/// {"version":1,"fingerprint":"…","splits":{},"backfill":{"begun":"<run
/// id>","from":"…","to":"…","step":"…","workers":2,
///  "worker":0,"done":3,"cancelled":false}}
/// Worker w reads the slices w, w + workers, … one after the other; each is a stream of its own in the table.
struct BackfillState {
  std::string fingerprint;
  std::string begun;  // id of the backfill; empty: there was none
  BackfillRange range;
  int64_t workers = 0;
  int64_t worker = 0;
  int64_t done = 0;  // of its slices
  bool cancelled = false;
  friend bool operator==(const BackfillState&, const BackfillState&) = default;
};

std::string WriteBackfillState(const BackfillState& state);
/// Empty text gives a state that never began. Errors: kConfig E0810 for text that is none.
Result<BackfillState> ParseBackfillState(const std::string& json);

/// How many of `slices` are worker w's.
int64_t SharesOf(int64_t slices, int64_t workers, int64_t worker);

}  // namespace firn::pipeline
