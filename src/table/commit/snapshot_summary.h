#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "table/manifest/data_file.h"
#include "table/metadata/snapshot.h"

namespace firn::table {

/// Counts what one snapshot changes and writes the summary (Iceberg spec, "Optional Snapshot Summary Fields"). Values
/// are text; counts of zero are left out, totals are always written when the parent has them.
class SnapshotSummary {
 public:
  void Add(const DataFile& file);
  void Remove(const DataFile& file);

  int64_t added_rows() const { return added_.records; }
  int64_t removed_rows() const { return removed_.records; }
  int64_t removed_data_files() const { return removed_.data_files; }

  /// `parent`: null for the first snapshot of a table.
  std::map<std::string, std::string> Write(const Snapshot* parent) const;

 private:
  struct Counts {
    int64_t data_files = 0;
    int64_t records = 0;
    int64_t bytes = 0;
    int64_t delete_files = 0;
    int64_t position_delete_files = 0;
    int64_t equality_delete_files = 0;
    int64_t deletion_vectors = 0;
    int64_t position_deletes = 0;
    int64_t equality_deletes = 0;
  };
  static void Count(const DataFile& file, Counts& counts);
  void Partition(const DataFile& file);

  Counts added_;
  Counts removed_;
  std::set<std::string> partitions_;
};

}  // namespace firn::table
