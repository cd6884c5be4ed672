#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "table/manifest/data_file.h"
#include "table/metadata/metadata.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

/// A simple condition on one column. Several are meant as AND.
struct Predicate {
  enum class Op { kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kIsNull, kIsNotNull };
  int32_t field_id = 0;
  Op op = Op::kEqual;
  Literal value;  // of the column's current type; unused for the null tests
};

struct ScanOptions {
  std::vector<Predicate> predicates;  // only prune: rows of returned files may fail them
  bool keep_metrics = false;          // keep counts and bounds of all columns in the result (for commits and merges)
};

struct ScanPlan {
  std::vector<ManifestEntry> files;  // live data files, in manifest order
  int64_t manifests_read = 0;
  int64_t manifests_skipped = 0;
  int64_t files_skipped = 0;
};

/// Lists the live data files of a snapshot that may hold rows satisfying all predicates: by partition summaries, by
/// partition tuples (through the transforms), by column bounds. Reads the manifest list and manifests, no data file.
/// Errors: kConfig if the snapshot has delete files (their paths are in the message): this build cannot apply them;
/// kBadData for broken files; of the file store.
Result<ScanPlan> PlanFiles(io::FileStore& files, const TableMetadata& metadata, const Snapshot& snapshot,
                           const ScanOptions& options = {});

/// False only if no row of the file can satisfy the predicate, judged by bounds and counts.
bool MayMatch(const Predicate& predicate, const DataFile& file, const schema::TypePtr& type);

}  // namespace firn::table
