#include "table/delete/position_delete_file.h"

#include <arrow/io/memory.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include "table/delete/delete_test_support.h"

namespace firn::table {
namespace {

using ::testing::HasSubstr;
using testing::MovedFileStore;
using testing::Must;
using testing::TestFolder;
using testing::WriteRows;

schema::Schema DeleteSchema() {
  return {.fields = {{.id = kDeleteFilePathFieldId, .name = "file_path", .type = schema::String()},
                     {.id = kDeletePositionFieldId, .name = "pos", .type = schema::Long()}}};
}

std::string LongPath(const std::string& end) {
  return "file:///a/path/that/is/much/longer/than/sixteen/characters/" + end;
}

// iceberg.md 1.7 and 1.10: bounds of file_path untruncated and equal (the scope), ids, order, referenced_data_file.
TEST(PositionDeleteFile, IsWrittenForOneDataFile) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  PositionSet positions = PositionSet::Of(std::vector<int64_t>{7, 3, 2'000'000});
  positions.AddRange(10, 50'000);
  const DataFile data{.file_path = LongPath("d.parquet"), .spec_id = 2, .partition = {{schema::Int(), 5}}};
  const DataFile file = Must(WritePositionDeleteFile(*files, folder.location() + "/del.parquet", data, positions));
  EXPECT_EQ(file.content, FileContent::kPositionDeletes);
  EXPECT_EQ(file.record_count, positions.cardinality());
  EXPECT_EQ(file.referenced_data_file, data.file_path);
  EXPECT_EQ(file.spec_id, 2);
  EXPECT_EQ(file.partition, data.partition);
  EXPECT_EQ(file.sort_order_id, std::nullopt);
  EXPECT_EQ(file.lower_bounds.at(kDeleteFilePathFieldId), data.file_path);
  EXPECT_EQ(file.upper_bounds.at(kDeleteFilePathFieldId), data.file_path);
  EXPECT_EQ(ScopeOf(file), data.file_path);

  auto parquet = parquet::ParquetFileReader::Open(Must(files->OpenInput(file.file_path)));
  const auto* schema = parquet->metadata()->schema();
  EXPECT_EQ(schema->Column(0)->schema_node()->field_id(), 2147483546);
  EXPECT_EQ(schema->Column(1)->schema_node()->field_id(), 2147483545);
  EXPECT_TRUE(schema->Column(0)->schema_node()->is_required());
  EXPECT_TRUE(schema->Column(1)->schema_node()->is_required());
  auto rows = Must(OpenDataFile(*files, file.file_path, DeleteSchema()));
  const auto written = testing::LongsOf(*rows, 1);
  EXPECT_TRUE(std::is_sorted(written.begin(), written.end()));

  const auto read = Must(ReadPositionDeleteFile(*files, file, std::nullopt));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read.at(data.file_path), positions);
}

TEST(PositionDeleteFile, ScopeComesFromWhatTheManifestSays) {
  DataFile file;
  EXPECT_EQ(ScopeOf(file), std::nullopt);
  EXPECT_TRUE(MayDeleteFrom(file, "b"));
  file.lower_bounds[kDeleteFilePathFieldId] = "b";
  file.upper_bounds[kDeleteFilePathFieldId] = "d";
  EXPECT_EQ(ScopeOf(file), std::nullopt);
  EXPECT_FALSE(MayDeleteFrom(file, "a"));
  EXPECT_TRUE(MayDeleteFrom(file, "b"));
  EXPECT_TRUE(MayDeleteFrom(file, "d"));
  EXPECT_FALSE(MayDeleteFrom(file, "da"));
  file.upper_bounds[kDeleteFilePathFieldId] = "b";
  EXPECT_EQ(ScopeOf(file), "b");
  file.referenced_data_file = "x";
  EXPECT_EQ(ScopeOf(file), "x");
  EXPECT_FALSE(MayDeleteFrom(file, "b"));
}

// Several data files in any order, in several row groups; RisingWave#23411: the path ties a delete to its file.
TEST(PositionDeleteFile, ReadsFilesOfOthers) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const DataFile entry = WriteRows(
      *files, folder, "d.parquet", DeleteSchema(),
      R"([{"file_path":"b","pos":4},{"file_path":"a","pos":9},{"file_path":"a","pos":2},{"file_path":"b","pos":4},
          {"file_path":"c","pos":0},{"file_path":"a","pos":8589934592}])");
  const auto all = Must(ReadPositionDeleteFile(*files, entry, std::nullopt));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all.at("a"), PositionSet::Of(std::vector<int64_t>{2, 9, 8589934592}));
  EXPECT_EQ(all.at("b"), PositionSet::Of(std::vector<int64_t>{4}));
  const auto one = Must(ReadPositionDeleteFile(*files, entry, "c"));
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one.at("c"), PositionSet::Of(std::vector<int64_t>{0}));
  EXPECT_TRUE(Must(ReadPositionDeleteFile(*files, entry, "zz")).empty());
}

TEST(PositionDeleteFile, BelievesTheBoundsOfAFileAboutOneDataFile) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto write = [&](const std::string& name, const std::string& rows) {
    DataFile entry = WriteRows(*files, folder, name, DeleteSchema(), rows);
    entry.referenced_data_file = "a";
    return entry;
  };
  const DataFile one = write("1", R"([{"file_path":"a","pos":7},{"file_path":"a","pos":3},{"file_path":"a","pos":7}])");
  for (const auto& only : {std::optional<std::string>(), std::optional<std::string>("a")}) {
    EXPECT_EQ(Must(ReadPositionDeleteFile(*files, one, only)).at("a"), PositionSet::Of(std::vector<int64_t>{3, 7}));
  }
  EXPECT_TRUE(Must(ReadPositionDeleteFile(*files, one, "b")).empty());
  const auto error = [&](const DataFile& entry) {
    return ReadPositionDeleteFile(*files, entry, std::nullopt).status().message();
  };
  EXPECT_THAT(error(write("2", R"([{"file_path":"a","pos":1},{"file_path":"b","pos":2}])")),
              HasSubstr("another data file"));
  EXPECT_THAT(error(write("3", R"([{"file_path":"b","pos":1}])")), HasSubstr("another data file"));
  EXPECT_THAT(error(write("4", R"([{"file_path":"a","pos":1},{"file_path":null,"pos":2}])")), HasSubstr("file_path"));
  EXPECT_THAT(error(write("5", R"([{"file_path":"a","pos":1},{"file_path":"a","pos":null}])")),
              HasSubstr("without pos"));
  EXPECT_THAT(error(write("6", R"([{"file_path":"a","pos":-1}])")), HasSubstr("impossible position"));
}

TEST(PositionDeleteFile, FindsColumnsByNameWithoutFieldIds) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 0, .name = "pos", .type = schema::Long()},
                                         {.id = 0, .name = "file_path", .type = schema::String()}}};
  DataFile entry{.file_path = folder.location() + "/n.parquet"};
  {
    auto out = Must(files->OpenOutput(entry.file_path));
    const auto batch = testing::BatchOf(schema, R"([{"pos":3,"file_path":"a"}])");
    arrow::FieldVector fields;
    for (const auto& field : batch->schema()->fields()) fields.push_back(field->RemoveMetadata());
    const auto table = Must(arrow::Table::FromRecordBatches({Must(batch->ReplaceSchema(arrow::schema(fields)))}));
    FIRN_ASSERT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out));
    FIRN_ASSERT_OK(out->Close());
  }
  EXPECT_EQ(Must(ReadPositionDeleteFile(*files, entry, std::nullopt)).at("a"),
            PositionSet::Of(std::vector<int64_t>{3}));
}

TEST(PositionDeleteFile, NamesWhatIsWrong) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto error = [&](const DataFile& entry) {
    const auto read = ReadPositionDeleteFile(*files, entry, std::nullopt);
    EXPECT_FALSE(read.ok());
    EXPECT_EQ(FaultOf(read.status()), Fault::kBadData) << read.status().ToString();
    return read.status().message();
  };
  const auto write = [&](const std::string& name, const std::string& rows) {
    return WriteRows(*files, folder, name, DeleteSchema(), rows);
  };
  EXPECT_NE(error(write("1", R"([{"file_path":"a","pos":-1}])")).find("impossible position"), std::string::npos);
  EXPECT_NE(error(write("2", R"([{"file_path":"a","pos":9223372036854775807}])")).find("impossible"),
            std::string::npos);
  EXPECT_NE(error(write("3", R"([{"file_path":null,"pos":1}])")).find("without file_path"), std::string::npos);
  const schema::Schema other{.fields = {{.id = 1, .name = "x", .type = schema::Long()}}};
  EXPECT_NE(error(WriteRows(*files, folder, "4", other, R"([{"x":1}])")).find("lacks"), std::string::npos);
  FIRN_ASSERT_OK(files->WriteAtomic(folder.location() + "/5", "PAR1 and no Parquet PAR1"));
  EXPECT_NE(error({.file_path = folder.location() + "/5"}).find("/5"), std::string::npos);
}

}  // namespace
}  // namespace firn::table
