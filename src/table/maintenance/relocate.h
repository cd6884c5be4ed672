#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace firn::io {
class FileStore;
}

/// Tables whose files lie elsewhere than their metadata says: the folder or prefix was moved or copied
/// (docs/decisions/0011-adopt-move-upgrade.md). No data file is read or written.
namespace firn::table {

/// Property of a relocated table: a hash of the move. What firn keeps of the table by paths (its key index) is another
/// one's from then on.
inline constexpr char kRelocatedProperty[] = "firn.relocated";

/// Locations without a trailing slash: "file:///old/lake" → "file:///new/lake".
struct Relocation {
  std::string from;
  std::string to;

  /// True for a location at or below `from` that is not at its new place already.
  bool Covers(std::string_view location) const;
  /// The new place of a location; itself if it is not covered.
  std::string Moved(std::string_view location) const;
};

struct RelocateReport {
  std::string metadata_location;  // of the new metadata file; of a dry run: the present one, at its new place
  int64_t snapshots = 0;
  int64_t manifest_lists = 0;
  int64_t manifests = 0;
  int64_t delete_files = 0;
};

/// Writes metadata, manifest lists, manifests and delete files of all snapshots with the new paths, beside the old ones
/// and under names made from theirs, so that a call that was cut off goes on where it stood. The caller swaps the
/// catalog's pointer from `metadata_location`, as the catalog has it, to the report's. `dry_run`: reads and counts.
/// Errors: kConfig E0960 if a file is not at its new place; kBadData for damaged files; of the store; kCancelled.
Result<RelocateReport> RelocateTable(io::FileStore& files, const Clock& clock, const std::string& metadata_location,
                                     const Relocation& relocation, bool dry_run, std::stop_token stop);

}  // namespace firn::table
