#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "table/delete/delete_index.h"
#include "table/manifest/data_file.h"
#include "table/metadata/metadata.h"
#include "table/scan/value_range.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

struct ScanOptions {
  std::vector<Predicate> predicates;  // only prune: rows of returned files may fail them
  bool keep_metrics = false;          // keep counts and bounds of all columns in the result (for commits and merges)
  /// Whether the caller applies `ScanPlan::deletes` (live_rows.h). One that does not must refuse: it would see deleted
  /// rows.
  enum class Deletes { kRefuse, kPlan };
  Deletes deletes = Deletes::kRefuse;
};

struct ScanPlan {
  std::vector<ManifestEntry> files;  // live data files, in manifest order
  std::vector<FileDeletes> deletes;  // of each of `files`; empty if the snapshot has no delete files
  int64_t delete_files = 0;          // live ones of the snapshot, applying or not; a deletion vector counts as one
  int64_t manifests_read = 0;
  int64_t manifests_skipped = 0;
  int64_t files_skipped = 0;

  /// Deletes of `files[i]`.
  const FileDeletes& DeletesOf(size_t i) const;
};

/// Lists the live data files of a snapshot that may hold rows satisfying all predicates: by partition summaries, by
/// partition tuples (through the transforms), by column bounds. Reads the manifest list and manifests, no data file.
/// Errors: under Deletes::kRefuse, kConfig if the snapshot has delete files (their paths are in the message); kBadData
/// for broken files and deletes that contradict the specification; of the file store.
Result<ScanPlan> PlanFiles(io::FileStore& files, const TableMetadata& metadata, const Snapshot& snapshot,
                           const ScanOptions& options = {});

/// False only if no row of the file can satisfy the predicate, judged by bounds and counts.
bool MayMatch(const Predicate& predicate, const DataFile& file, const schema::TypePtr& type);

}  // namespace firn::table
