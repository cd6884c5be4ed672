#include <arrow/io/interfaces.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include "table/metadata/literal.h"
#include "table/write/data_file_writer.h"
#include "table/write/write_test_support.h"

/// Files of other writers made engines lose rows in silence; ours are checked for the same mistakes.
namespace firn::table {
namespace {

using testing::BatchOf;
using testing::Must;

// Each batch gets a row group of its own.
DataFile WriteGroups(io::FileStore& files, const testing::TestFolder& folder, const schema::Schema& schema,
                     const std::vector<std::string>& batches) {
  auto writer = Must(DataFileWriter::Open(files, {.schema = std::make_shared<const schema::Schema>(schema),
                                                  .location = folder.location() + "/f.parquet",
                                                  .row_group_bytes = 1}));
  for (const std::string& rows : batches) EXPECT_TRUE(writer->Write(BatchOf(schema, rows)).ok());
  return Must(writer->Finish());
}

int64_t LongBound(const std::map<int32_t, std::string>& bounds, const schema::TypePtr& type) {
  return std::get<int64_t>(Must(FromSingleValue(type, bounds.at(1))).value);
}

std::shared_ptr<parquet::FileMetaData> FooterOf(io::FileStore& files, const DataFile& file) {
  return parquet::ParquetFileReader::Open(Must(files.OpenInput(file.file_path)))->metadata();
}

// iceberg-rust#1519, trino#19052: the bounds of the file were those of one row group.
TEST(WriterPitfalls, BoundsAreOverAllRowGroups) {
  testing::TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "c", .type = schema::Long()}}};
  const DataFile file =
      WriteGroups(*files, folder, schema, {R"([{"c":5}])", R"([{"c":-9}])", R"([{"c":null}])", R"([{"c":70}])"});
  EXPECT_GT(FooterOf(*files, file)->num_row_groups(), 1);
  EXPECT_EQ(LongBound(file.lower_bounds, schema::Long()), -9);
  EXPECT_EQ(LongBound(file.upper_bounds, schema::Long()), 70);
}

// delta#7444: an upper bound of timestamps was cut to milliseconds, so it was below the greatest value.
TEST(WriterPitfalls, BoundsOfTimestampsKeepMicroseconds) {
  testing::TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "c", .type = schema::TimestampTz()}}};
  const DataFile file = WriteGroups(*files, folder, schema, {R"([{"c":1000001},{"c":1999999}])"});
  EXPECT_EQ(LongBound(file.lower_bounds, schema::TimestampTz()), 1000001);
  EXPECT_EQ(LongBound(file.upper_bounds, schema::TimestampTz()), 1999999);
}

// ClickHouse#116999: a decimal whose digits are all behind the point, at both ends of its range.
TEST(WriterPitfalls, BoundsOfTheSmallestDecimalsAreExact) {
  testing::TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto type = schema::Decimal(38, 38);
  const schema::Schema schema{.fields = {{.id = 1, .name = "c", .type = type}}};
  const std::string nines(38, '9');
  const DataFile file =
      WriteGroups(*files, folder, schema, {R"([{"c":"-0.)" + nines + R"("},{"c":"0.)" + nines + R"("}])"});
  EXPECT_EQ(ToString(Must(FromSingleValue(type, file.lower_bounds.at(1)))), "-0." + nines);
  EXPECT_EQ(ToString(Must(FromSingleValue(type, file.upper_bounds.at(1)))), "0." + nines);
}

// ClickHouse#102322, duckdb-iceberg#242: without ids in the file Trino and DuckDB gave NULL for its columns.
TEST(WriterPitfalls, EveryNodeOfAFileHasItsFieldId) {
  testing::TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{
      .fields = {{.id = 1, .name = "s", .type = schema::Struct({{.id = 2, .name = "x", .type = schema::Long()}})},
                 {.id = 3, .name = "l", .type = schema::List({.id = 4, .type = schema::String()})}}};
  const DataFile file = WriteGroups(*files, folder, schema, {R"([{"s":{"x":1},"l":["a"]}])"});
  std::set<int32_t> ids;
  const std::function<void(const parquet::schema::Node&)> visit = [&](const parquet::schema::Node& node) {
    if (node.field_id() >= 0) ids.insert(node.field_id());
    if (!node.is_group()) return;
    const auto& group = static_cast<const parquet::schema::GroupNode&>(node);
    for (int i = 0; i < group.field_count(); ++i) visit(*group.field(i));
  };
  visit(*FooterOf(*files, file)->schema()->group_node());
  EXPECT_TRUE(std::ranges::includes(ids, std::set<int32_t>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace firn::table
