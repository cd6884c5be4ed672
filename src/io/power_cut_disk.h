#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "io/disk.h"

namespace firn::io {

enum class PowerCut {
  kDropUnsynced,        // neither file data nor folder entries survive unless they were synced
  kEntriesWithoutData,  // names reached the disk before the data: files cut to what was synced
  kRandom,              // each un-synced change by itself survives or not, by `seed`
};

struct PowerCutOptions {
  PowerCut mode = PowerCut::kDropUnsynced;
  uint64_t seed = 1;
  /// Also copies files that were made past this disk (a database that does its own fsync), as they are now.
  bool copy_unknown = false;
};

/// For tests: a disk that works on the real folder `root` and remembers what POSIX promises to survive a power cut:
/// file data up to its last sync, and the names that were in a folder at the folder's last sync. Thread-safe.
class PowerCutDisk : public Disk {
 public:
  /// What is below `root` now counts as durable. `root` is an absolute path of an existing folder.
  static Result<std::unique_ptr<PowerCutDisk>> Open(const std::string& root);
  /// Writes into the existing empty folder `target` what a machine would find at `root` after a power cut now.
  virtual Status Materialise(const std::string& target, const PowerCutOptions& options) = 0;
};

}  // namespace firn::io
