#pragma once

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "table/delete/delete_reader.h"
#include "table/scan/live_rows.h"
#include "table/scan/plan.h"
#include "table/write/write_test_support.h"

/// For the tests of merges: rows with a key of two columns, and what a table of them must be.
namespace firn::table::testing {

struct Row {
  int64_t id;
  std::string region;  // second part of the key
  int64_t value;
};
using Key = std::pair<int64_t, std::string>;
using Model = std::map<Key, int64_t>;

inline schema::Schema RowSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                     {.id = 2, .name = "region", .type = schema::String()},
                     {.id = 3, .name = "value", .type = schema::Long()}}};
}

inline std::shared_ptr<arrow::RecordBatch> BatchOfRows(const std::vector<Row>& rows) {
  arrow::Int64Builder ids, values;
  arrow::StringBuilder regions;
  for (const Row& row : rows) {
    EXPECT_TRUE(ids.Append(row.id).ok() && regions.Append(row.region).ok() && values.Append(row.value).ok());
  }
  return arrow::RecordBatch::Make(schema::ToArrowSchema(RowSchema()), static_cast<int64_t>(rows.size()),
                                  {Must(ids.Finish()), Must(regions.Finish()), Must(values.Finish())});
}

inline std::shared_ptr<arrow::BooleanArray> MaskOf(const std::vector<bool>& mask) {
  arrow::BooleanBuilder builder;
  EXPECT_TRUE(builder.AppendValues(mask).ok());
  return std::static_pointer_cast<arrow::BooleanArray>(Must(builder.Finish()));
}

/// The live rows of a plan, file by file.
inline std::vector<std::vector<Row>> RowsOfPlan(io::FileStore& files, std::shared_ptr<const TableMetadata> metadata,
                                                const ScanPlan& plan) {
  const auto reader = DeleteReader::Make(files, std::move(metadata));
  std::vector<std::vector<Row>> rows;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    const ManifestEntry& entry = plan.files[i];
    auto deleted = Must(reader->DeletedRows(entry, plan.DeletesOf(i)));
    const auto live = Must(OpenLiveRows(files, entry.file, std::move(deleted), RowSchema()));
    rows.emplace_back();
    for (const auto& batch : Must(live->ToRecordBatches())) {
      const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
      const auto& regions = static_cast<const arrow::StringArray&>(*batch->column(1));
      const auto& values = static_cast<const arrow::Int64Array&>(*batch->column(2));
      for (int64_t row = 0; row < batch->num_rows(); ++row)
        rows.back().push_back({ids.Value(row), regions.GetString(row), values.Value(row)});
    }
  }
  return rows;
}

inline void ExpectSame(const std::vector<Row>& rows, const Model& model) {
  Model actual;
  for (const Row& row : rows) {
    EXPECT_TRUE(actual.emplace(Key(row.id, row.region), row.value).second) << "doubled " << row.id << row.region;
  }
  EXPECT_EQ(actual, model);
}

}  // namespace firn::table::testing
