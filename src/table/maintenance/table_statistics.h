#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include <arrow/type_fwd.h>
#include "base/clock.h"
#include "catalog/catalog.h"
#include "io/file_store.h"

/// Counts of distinct values as Iceberg keeps them: a Puffin file with a theta sketch of each column (Puffin
/// specification, "apache-datasketches-theta-v1"), which belongs to a snapshot. Planners of joins read them.
namespace firn::table {

struct StatisticsContext {
  catalog::Catalog& catalog;
  io::FileStore& files;
  const Clock& clock;
  arrow::MemoryPool* pool = nullptr;  // null: the default pool
};

struct StatisticsOptions {
  bool anew = false;         // from all files: values that were deleted no longer count
  int64_t budget_bytes = 0;  // of data files; over it nothing is done. 0: no limit
  int64_t columns_max = 100;
};

struct StatisticsReport {
  bool wanted = false;      // false: the table's property firn.statistics does not ask for them
  bool up_to_date = false;  // they belonged to the head already
  bool over_budget = false;
  int64_t files_read = 0;
  int64_t columns = 0;
  std::string path;  // of the file written
};

/// Brings the counts of main's head up to date: sketches of the newest ancestor that has some take in the files that
/// came since; without any, or for columns that are new or changed their type, all files are read. The older file of
/// ours goes. So values that were deleted since still count, until `anew`. Errors: of reading, writing and of
/// CommitRefs (ref_update.h); the table is then as it was.
Result<StatisticsReport> UpdateStatistics(const StatisticsContext& context, const catalog::TableIdentifier& identifier,
                                          const StatisticsOptions& options, std::stop_token stop);

}  // namespace firn::table
