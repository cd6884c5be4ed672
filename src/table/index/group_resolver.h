#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "table/index/entry.h"
#include "table/index/live_files.h"

namespace firn::table::index {

/// Turns all entries of one hash, from several sources, into the fewest that say the same. A value to be reused.
class GroupResolver {
 public:
  void Start() {
    rows_.clear();
    removed_.clear();
    source_ = 0;
    closing_ = false;
    closed_ = false;
  }

  /// Entries come from the newest source to the oldest, those of one source together.
  void Feed(const Entry& entry, size_t source) {
    if (source != source_ && closing_) closed_ = true;
    source_ = source;
    if (closed_) return;
    closing_ = closing_ || entry.closes();
    if (entry.has_row()) {
      if (!Has(removed_, entry) && !Has(rows_, entry)) rows_.push_back(entry);
    } else if (entry.kind() == EntryKind::kRemoveRow && !Has(removed_, entry)) {
      removed_.push_back(entry);
    }
  }

  /// Calls `append` for each entry of the result. `live`: null keeps entries of removed files. `bottom`: nothing older
  /// exists, so nothing has to be voided.
  template <typename Append>
  Status Finish(const KeyHash& hash, const LiveFiles* live, bool bottom, Append&& append) {
    bool close = closing_ && !bottom;
    for (const Entry& row : rows_) {
      if (live != nullptr && !live->Contains(row.row().file)) continue;
      ARROW_RETURN_NOT_OK(append(MakeEntry(close ? EntryKind::kPut : EntryKind::kAdd, hash, row.row())));
      close = false;
    }
    if (close) return append(MakeEntry(EntryKind::kRemoveKey, hash, {}));
    if (closing_ || bottom) return Status::OK();
    for (const Entry& row : removed_) {
      if (live != nullptr && !live->Contains(row.row().file)) continue;
      ARROW_RETURN_NOT_OK(append(row));
    }
    return Status::OK();
  }

 private:
  static bool Has(const std::vector<Entry>& entries, const Entry& entry) {
    return std::any_of(entries.begin(), entries.end(), [&](const Entry& other) { return other.row() == entry.row(); });
  }

  std::vector<Entry> rows_;
  std::vector<Entry> removed_;
  size_t source_ = 0;
  bool closing_ = false;  // by the current source or a newer one
  bool closed_ = false;   // older sources are void
};

}  // namespace firn::table::index
