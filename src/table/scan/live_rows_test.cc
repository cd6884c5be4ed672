#include "table/scan/live_rows.h"

#include <arrow/compare.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "table/delete/delete_test_support.h"
#include "table/delete/deletion_vector.h"

namespace firn::table {
namespace {

using testing::Must;
using testing::TestFolder;

const schema::Schema kIds{.fields = {{.id = 1, .name = "id", .type = schema::Long()}}};
const schema::Schema kIdsAndPositions{.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                                                 {.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long()}}};

/// A file whose row i has id 10 * i, in row groups of `group_rows`.
DataFile WriteIds(io::FileStore& files, const TestFolder& folder, int64_t num_rows, int64_t group_rows) {
  auto writer = Must(DataFileWriter::Open(files, {.schema = std::make_shared<schema::Schema>(kIds),
                                                  .location = folder.location() + "/ids.parquet",
                                                  .row_group_bytes = group_rows * 8}));
  for (int64_t row = 0; row < num_rows; row += group_rows) {
    arrow::Int64Builder builder;
    for (int64_t i = row; i < std::min(row + group_rows, num_rows); ++i) EXPECT_TRUE(builder.Append(10 * i).ok());
    const auto ids = Must(builder.Finish());
    EXPECT_TRUE(writer->Write(arrow::RecordBatch::Make(schema::ToArrowSchema(kIds), ids->length(), {ids})).ok());
  }
  return Must(writer->Finish());
}

std::shared_ptr<const PositionSet> Shared(PositionSet set) {
  return std::make_shared<const PositionSet>(std::move(set));
}

TEST(LiveRows, AreAllRowsWithoutTheDeletedOnes) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    TestFolder folder;
    const auto files = io::MakeLocalFileStore();
    const auto num_rows = static_cast<int64_t>(random() % 3000 + 1),
               group_rows = static_cast<int64_t>(random() % 500 + 50);
    const DataFile file = WriteIds(*files, folder, num_rows, group_rows);
    PositionSet deleted;
    for (int i = 0; i < 3; ++i) {
      const auto begin = static_cast<int64_t>(random() % static_cast<uint64_t>(num_rows));
      deleted.AddRange(begin, std::min(num_rows, begin + static_cast<int64_t>(random() % 900)));
    }
    for (int i = 0; i < 50; ++i) deleted.Add(static_cast<int64_t>(random() % static_cast<uint64_t>(num_rows)));
    std::vector<int64_t> ids, positions;
    for (int64_t row = 0; row < num_rows; ++row) {
      if (deleted.Contains(row)) continue;
      ids.push_back(10 * row);
      positions.push_back(row);
    }
    const FileReadOptions options{.batch_rows = static_cast<int64_t>(random() % 700 + 1)};
    const auto open = [&] { return Must(OpenLiveRows(*files, file, Shared(deleted), kIdsAndPositions, options)); };
    EXPECT_EQ(testing::LongsOf(*open(), 0), ids);
    EXPECT_EQ(testing::LongsOf(*open(), 1), positions);
    int64_t count = 0;  // count(*): no columns
    for (const auto& batch : Must(Must(OpenLiveRows(*files, file, Shared(deleted), {}, options))->ToRecordBatches())) {
      count += batch->num_rows();
    }
    EXPECT_EQ(count, static_cast<int64_t>(ids.size()));
  }
}

TEST(LiveRows, RowGroupsWithoutLiveRowsAreNotRead) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const DataFile file = WriteIds(*files, folder, 1000, 100);
  PositionSet deleted;
  deleted.AddRange(100, 900);
  deleted.Add(5);
  int64_t groups = 0;
  FileReadOptions options;
  options.choose = [&](const RowGroup&) { return ++groups > 0; };
  auto rows = Must(OpenLiveRows(*files, file, Shared(deleted), kIdsAndPositions, options));
  EXPECT_EQ(groups, 10);
  const auto positions = testing::LongsOf(*rows, 1);
  EXPECT_EQ(positions.size(), 199U);
  EXPECT_EQ(positions[99], 900);
}

TEST(LiveRows, PositionsAreRightWhenTheCallerSkipsRowGroups) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const DataFile file = WriteIds(*files, folder, 1000, 100);
  FileReadOptions options;
  options.choose = [](const RowGroup& group) { return group.first_row == 300 || group.first_row >= 800; };
  auto rows = Must(
      OpenLiveRows(*files, file, Shared(PositionSet::Of(std::vector<int64_t>{301, 999})), kIdsAndPositions, options));
  const auto positions = testing::LongsOf(*rows, 1);
  ASSERT_EQ(positions.size(), 298U);
  EXPECT_EQ(positions[0], 300);
  EXPECT_EQ(positions[1], 302);
  EXPECT_EQ(positions[99], 800);
  EXPECT_EQ(positions.back(), 998);
}

TEST(LiveRows, AllTypesAreFiltered) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema = testing::EveryTypeSchema();
  std::mt19937_64 random(7);
  const auto batch = testing::RandomRows(schema, 500, random);
  auto writer = Must(DataFileWriter::Open(
      *files, {.schema = std::make_shared<schema::Schema>(schema), .location = folder.location() + "/all.parquet"}));
  FIRN_ASSERT_OK(writer->Write(batch));
  const DataFile file = Must(writer->Finish());
  PositionSet deleted;
  std::vector<std::shared_ptr<arrow::RecordBatch>> kept;
  for (int64_t row = 0; row < 500; ++row) {
    if (row % 3 == 0 || row > 450) {
      deleted.Add(row);
    } else {
      kept.push_back(batch->Slice(row, 1));
    }
  }
  auto rows = Must(OpenLiveRows(*files, file, Shared(deleted), schema));
  const auto actual = Must(arrow::Table::FromRecordBatches(Must(rows->ToRecordBatches())));
  const auto expected = Must(arrow::Table::FromRecordBatches(kept));
  EXPECT_TRUE(actual->Equals(*expected, arrow::EqualOptions::Defaults().nans_equal(true).signed_zeros_equal(false)));
}

TEST(LiveRows, RefuseAFileThatIsNotTheManifests) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  DataFile file = WriteIds(*files, folder, 100, 100);
  file.record_count = 99;
  const auto rows = OpenLiveRows(*files, file, nullptr, kIds);
  EXPECT_EQ(FaultOf(rows.status()), Fault::kBadData);
  EXPECT_NE(rows.status().message().find("the manifest says 99"), std::string::npos);
}

}  // namespace
}  // namespace firn::table
