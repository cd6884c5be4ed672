#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "state/stored_run.h"

namespace firn::state {

/// What the index knows of a run: enough to list it and to choose it.
struct IndexedRun {
  RunRecord run;                    // without tables
  std::vector<TableRecord> tables;  // names alone
};

/// What the index knows of a table of one lake. Newest first.
struct IndexedTable {
  struct Seen {
    std::string run_id;
    Timestamp run_started;
    RunState run_state = RunState::kRunning;
    StoredTable table;  // without texts, but of the newest
  };
  std::string lake;
  std::vector<Seen> seen;  // not empty; at most kRecordsKept
  std::optional<Timestamp> last_success;
  std::optional<int64_t> last_snapshot_id;
  int64_t failures_in_a_row = 0;
};

/// A page of older runs: an immutable document.
struct IndexPage {
  std::string name;   // below "pages/"
  std::string first;  // oldest run id
  std::string last;   // newest
  int64_t runs = 0;   // that still have documents: the newest of the page
};

/// The index of a stored history (docs/decisions/0012-stateless-runs.md): a value, folded from runs. Run ids sort by
/// time.
struct RunIndex {
  static constexpr size_t kRunsMax = 512;  // then a page is cut off
  static constexpr size_t kPageRuns = 256;
  static constexpr size_t kRecordsKept = 20;  // of each table

  std::vector<IndexedRun> runs;  // newest first
  std::vector<IndexedTable> tables;
  std::vector<IndexPage> pages;  // newest first

  /// Takes in a run, or what is newer known of it. Folding the same twice changes nothing.
  void Fold(const StoredRun& run);
  /// Removes the oldest kPageRuns if there are more than kRunsMax; empty otherwise.
  std::vector<IndexedRun> CutPage();
  bool Knows(std::string_view run_id) const;
  /// Sorted by pipeline, table, identifier and lake. `lake`: empty: of each.
  std::vector<TableStatus> Statuses(const std::string& lake) const;
  /// All runs: those of `runs`, and those the pages speak for.
  int64_t CountRuns() const;
};

std::string WriteIndex(const RunIndex& index);
std::string WritePage(const std::vector<IndexedRun>& runs);
/// Errors: those of CheckDocument; kBadData.
Result<RunIndex> ParseIndex(std::string_view location, std::string_view text);
Result<std::vector<IndexedRun>> ParsePage(std::string_view location, std::string_view text);

}  // namespace firn::state
