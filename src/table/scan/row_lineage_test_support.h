#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "table/delete/delete_reader.h"
#include "table/scan/plan.h"
#include "table/scan/row_lineage.h"

namespace firn::table::testing {

/// Row id and number of the commit that last changed the row.
using RowLineage = std::pair<int64_t, int64_t>;

/// Calls `take` for each live row of a plan; checks that each has an id, given to it alone.
inline void EachLineage(io::FileStore& files, std::shared_ptr<const TableMetadata> metadata, const ScanPlan& plan,
                        const std::function<void(const arrow::RecordBatch&, int64_t row, RowLineage)>& take) {
  std::set<int64_t> ids;
  const auto target = WithRowLineage(metadata->schema());
  ASSERT_TRUE(target.ok());
  const int64_t next_row_id = metadata->next_row_id.value_or(-1);
  const auto reader = DeleteReader::Make(files, std::move(metadata));
  for (size_t i = 0; i < plan.files.size(); ++i) {
    auto deleted = reader->DeletedRows(plan.files[i], plan.DeletesOf(i));
    ASSERT_TRUE(deleted.ok());
    const auto rows = OpenRowsWithLineage(files, plan.files[i], *std::move(deleted), *target);
    ASSERT_TRUE(rows.ok()) << rows.status().ToString();
    const auto batches = (*rows)->ToRecordBatches();
    ASSERT_TRUE(batches.ok()) << batches.status().ToString();
    for (const auto& batch : *batches) {
      const auto& row_ids = static_cast<const arrow::Int64Array&>(*batch->column(batch->num_columns() - 2));
      const auto& numbers = static_cast<const arrow::Int64Array&>(*batch->column(batch->num_columns() - 1));
      ASSERT_EQ(row_ids.null_count() + numbers.null_count(), 0) << plan.files[i].file.file_path;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        EXPECT_TRUE(ids.insert(row_ids.Value(row)).second) << "two rows have the id " << row_ids.Value(row);
        EXPECT_LT(row_ids.Value(row), next_row_id);
        take(*batch, row, {row_ids.Value(row), numbers.Value(row)});
      }
    }
  }
}

}  // namespace firn::table::testing
