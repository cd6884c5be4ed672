#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/status.h"
#include "table/index/group_resolver.h"
#include "table/index/run_cursor.h"
#include "table/index/run_writer.h"

namespace firn::table::index {

/// Merges runs into one, in steps of bounded work. Used by one thread.
class RunMerge {
 public:
  /// `inputs`: from the newest to the oldest. `bottom`: there is nothing older than they are. `live`: the files whose
  /// entries are kept; null keeps all; may change between steps (files that go are void anyway). Borrowed.
  RunMerge(std::vector<RunCursor> inputs, bool bottom, const LiveFiles* live);

  Status Start();
  /// Reads about `entries_max` entries (whole groups). Returns true at the end.
  Result<bool> Step(int64_t entries_max, EntrySink& sink);

  int64_t num_read() const { return num_read_; }
  int64_t memory_bytes() const;

 private:
  bool Before(uint32_t a, uint32_t b) const {
    const Entry& left = inputs_[a].current();
    const Entry& right = inputs_[b].current();
    if (left.same_hash(right)) return a < b;
    return left.before(right);
  }
  Status AdvanceTop();
  void SiftDown(size_t at);
  Status MergeGroup(EntrySink& sink);

  std::vector<RunCursor> inputs_;
  const bool bottom_;
  const LiveFiles* const live_;
  std::vector<uint32_t> heap_;  // of inputs that are not done, the first entry of all on top
  GroupResolver resolver_;
  int64_t num_read_ = 0;
};

}  // namespace firn::table::index
