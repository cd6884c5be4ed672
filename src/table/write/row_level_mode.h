#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/status.h"

namespace firn::table {

/// How rows that a merge replaces or deletes leave their data files.
enum class RowLevelMode { kMergeOnRead, kCopyOnWrite };

/// What a table asks of whoever merges into it (Iceberg documentation, "Write properties").
struct RequestedRowLevelMode {
  RowLevelMode mode = RowLevelMode::kMergeOnRead;
  std::string property;  // that says so
};

/// Reads write.merge.mode. Without it copy-on-write is asked for if write.delete.mode or write.update.mode says so, as
/// a merge deletes and updates. nullopt: none of them is there. Errors: kConfig E0828 naming a value that is neither
/// merge-on-read nor copy-on-write, in any case.
Result<std::optional<RequestedRowLevelMode>> RowLevelModeOf(const std::map<std::string, std::string>& properties);

}  // namespace firn::table
