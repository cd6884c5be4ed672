#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "table/manifest/data_file.h"
#include "table/metadata/metadata.h"

namespace firn::table {

using DeleteEntry = std::shared_ptr<const ManifestEntry>;

/// Equality delete files with one scope (a partition of a spec, or the whole table) and one set of columns.
struct EqualityGroup {
  std::vector<int32_t> field_ids;    // ascending
  std::vector<DeleteEntry> entries;  // in the order added
  int64_t sequence_number_max = -1;
};

/// The delete files that apply to one data file. A deletion vector holds all position deletes of its data file, so
/// `positions` is empty beside one.
struct FileDeletes {
  DeleteEntry vector;                  // or null
  std::vector<DeleteEntry> positions;  // position delete files that may have rows of the data file
  /// Of each group, those entries apply whose sequence number is larger than the data file's: there is at least one.
  std::vector<std::shared_ptr<const EqualityGroup>> equality;
  /// Position deletes older than the deletion vector, scoped to this data file alone: dead weight, which the next
  /// delete of the data file removes.
  std::vector<DeleteEntry> superseded;

  bool empty() const { return vector == nullptr && positions.empty() && equality.empty(); }
};

/// Finds the deletes of a data file among all live delete files of a snapshot (Iceberg spec, "Scan Planning"):
///   deletion vector   its referenced_data_file is the file; data sequence number <= its own
///   position deletes  data sequence number <= theirs; scoped to the file, or of the same spec and partition
///   equality deletes  data sequence number < theirs; same spec and partition, or of an unpartitioned spec (global)
/// Filled by one thread, then read by any number.
class DeleteIndex {
 public:
  /// `metadata`: its specs say which are unpartitioned; not kept.
  explicit DeleteIndex(const TableMetadata& metadata);

  /// Adds a live entry of a delete manifest, with its numbers set and the bounds of file_path read. Errors: kBadData
  /// for a second deletion vector of a data file, a vector without its fields, an equality delete without ids, a format
  /// that cannot be read (names the file).
  Status Add(ManifestEntry entry);

  /// Returns what applies to a live data entry. Errors: kBadData if a deletion vector is older than its data file.
  Result<FileDeletes> For(const ManifestEntry& data) const;

  bool empty() const { return num_files_ == 0; }
  int64_t num_files() const { return num_files_; }
  /// All entries, in the order added.
  const std::vector<DeleteEntry>& entries() const { return entries_; }

 private:
  using ByPath = std::unordered_map<std::string, std::vector<DeleteEntry>>;
  using EqualityGroups = std::vector<std::shared_ptr<EqualityGroup>>;
  Status AddVector(DeleteEntry entry);
  Status AddEquality(DeleteEntry entry);

  std::unordered_set<int32_t> unpartitioned_specs_;
  std::vector<DeleteEntry> entries_;
  std::unordered_map<std::string, DeleteEntry> vectors_;                // by data file
  ByPath scoped_positions_;                                             // by data file
  ByPath partition_positions_;                                          // by spec and tuple
  std::unordered_map<std::string, EqualityGroups> partition_equality_;  // same
  EqualityGroups global_equality_;
  int64_t num_files_ = 0;
};

}  // namespace firn::table
