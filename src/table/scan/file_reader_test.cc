#include "table/scan/file_reader.h"

#include <parquet/arrow/writer.h>

#include "table/write/data_file_writer.h"
#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::Must;
using testing::ReadFiles;
using testing::TestFolder;

std::string WriteFile(io::FileStore& files, const TestFolder& folder, const schema::Schema& schema,
                      const std::shared_ptr<arrow::RecordBatch>& rows, int64_t row_group_bytes = 1 << 20) {
  auto writer = Must(DataFileWriter::Open(files, {.schema = std::make_shared<schema::Schema>(schema),
                                                  .location = folder.location() + "/f.parquet",
                                                  .row_group_bytes = row_group_bytes}));
  EXPECT_TRUE(writer->Write(rows).ok());
  return Must(writer->Finish()).file_path;
}

/// The struct, list and map of the second schema differ from the first's at every depth.
schema::Schema OldSchema() {
  const auto element = schema::Struct(
      {{.id = 11, .name = "a", .type = schema::Int()}, {.id = 12, .name = "b", .type = schema::String()}});
  return {.fields = {{.id = 1, .name = "i", .type = schema::Int()},
                     {.id = 2, .name = "f", .type = schema::Float()},
                     {.id = 3, .name = "d", .type = schema::Decimal(5, 2)},
                     {.id = 4, .name = "gone", .type = schema::String()},
                     {.id = 5,
                      .name = "s",
                      .type = schema::Struct({{.id = 6, .name = "x", .type = schema::Int()},
                                              {.id = 7, .name = "y", .type = schema::String()}})},
                     {.id = 8, .name = "l", .type = schema::List({.id = 9, .type = element})},
                     {.id = 13,
                      .name = "m",
                      .type = schema::Map({.id = 14, .type = schema::String()}, {.id = 15, .type = schema::Int()})}}};
}

schema::Schema NewSchema() {
  const auto element = schema::Struct(
      {{.id = 20, .name = "c", .type = schema::Double()}, {.id = 11, .name = "a2", .type = schema::Long()}});
  return {.fields = {{.id = 13,
                      .name = "map",
                      .type = schema::Map({.id = 14, .type = schema::String()}, {.id = 15, .type = schema::Long()})},
                     {.id = 8, .name = "list", .type = schema::List({.id = 9, .type = element})},
                     {.id = 5,
                      .name = "struct",
                      .type = schema::Struct({{.id = 21, .name = "z", .type = schema::Date()},
                                              {.id = 6, .name = "x2", .type = schema::Long()}})},
                     {.id = 3, .name = "d", .type = schema::Decimal(20, 2)},
                     {.id = 2, .name = "f", .type = schema::Double()},
                     {.id = 1, .name = "i", .type = schema::Long()},
                     {.id = 22, .name = "added", .type = schema::List({.id = 23, .type = schema::String()})}}};
}

constexpr const char* kOldRows = R"([
  {"i":1,"f":0.5,"d":"1.25","gone":"g","s":{"x":7,"y":"q"},"l":[{"a":1,"b":"u"},null,{"a":null,"b":"v"}],"m":[["k",1]]},
  {"i":null,"f":null,"d":null,"gone":null,"s":null,"l":null,"m":null},
  {"i":-3,"f":-1.5,"d":"-0.01","gone":"h","s":{"x":null,"y":null},"l":[],"m":[]}])";
constexpr const char* kNewRows = R"([
  {"i":1,"f":0.5,"d":"1.25","struct":{"z":null,"x2":7},"list":[{"c":null,"a2":1},null,{"c":null,"a2":null}],"map":[["k",1]],"added":null},
  {"i":null,"f":null,"d":null,"struct":null,"list":null,"map":null,"added":null},
  {"i":-3,"f":-1.5,"d":"-0.01","struct":{"z":null,"x2":null},"list":[],"map":[],"added":null}])";

void ExpectRows(const arrow::Table& actual, const schema::Schema& schema, const std::string& rows) {
  const auto expected = Must(arrow::Table::FromRecordBatches({BatchOf(schema, rows)}));
  EXPECT_TRUE(actual.ValidateFull().ok());
  EXPECT_TRUE(actual.Equals(*expected)) << actual.ToString() << expected->ToString();
}

TEST(OpenDataFile, ResolvesEvolutionByFieldId) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto location = WriteFile(*files, folder, OldSchema(), BatchOf(OldSchema(), kOldRows));
  ExpectRows(*Must(ReadFiles(*files, {location}, NewSchema())->CombineChunks()), NewSchema(), kNewRows);
}

TEST(OpenDataFile, ReadsStructsWhoseOldFieldsAreAllGone) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto location = WriteFile(*files, folder, OldSchema(), BatchOf(OldSchema(), kOldRows));
  const schema::Schema target{
      .fields = {
          {.id = 5, .name = "s", .type = schema::Struct({{.id = 30, .name = "n", .type = schema::Int()}})},
          {.id = 8,
           .name = "l",
           .type = schema::List({.id = 9, .type = schema::Struct({{.id = 31, .name = "n", .type = schema::Int()}})})}}};
  ExpectRows(*Must(ReadFiles(*files, {location}, target)->CombineChunks()), target,
             R"([{"s":{"n":null},"l":[{"n":null},null,{"n":null}]},{"s":null,"l":null},{"s":{"n":null},"l":[]}])");
}

TEST(OpenDataFile, CountsRowsWithoutColumnsAndWithAbsentOnes) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto location = WriteFile(*files, folder, OldSchema(), BatchOf(OldSchema(), kOldRows));
  int64_t rows = 0;
  auto reader = Must(OpenDataFile(*files, location, schema::Schema{}));
  for (const auto& batch : Must(reader->ToRecordBatches())) rows += batch->num_rows();
  EXPECT_EQ(rows, 3);
  const schema::Schema absent{.fields = {{.id = 99, .name = "n", .type = schema::Uuid()}}};
  EXPECT_EQ(ReadFiles(*files, {location}, absent)->column(0)->null_count(), 3);
}

TEST(OpenDataFile, RefusesWhatIsNoPromotion) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto location = WriteFile(*files, folder, OldSchema(), BatchOf(OldSchema(), kOldRows));
  for (const auto& type : {schema::String(), schema::Double(), schema::List({.id = 40, .type = schema::Int()})}) {
    const schema::Schema target{.fields = {{.id = 1, .name = "i", .type = type}}};
    EXPECT_EQ(FaultOf(OpenDataFile(*files, location, target).status()), Fault::kBadData);
  }
}

TEST(OpenDataFile, RefusesBrokenFiles) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const std::string location = folder.location() + "/broken.parquet";
  FIRN_ASSERT_OK(files->WriteAtomic(location, "PAR1 this is no Parquet file PAR1"));
  EXPECT_EQ(FaultOf(OpenDataFile(*files, location, OldSchema()).status()), Fault::kBadData);
  EXPECT_TRUE(io::IsNotFound(OpenDataFile(*files, folder.location() + "/absent", OldSchema()).status()));
}

TEST(OpenDataFile, KeepsRowOrderOverRowGroupsInSmallBatches) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "n", .type = schema::Long()}}};
  auto writer = Must(DataFileWriter::Open(*files, {.schema = std::make_shared<schema::Schema>(schema),
                                                   .location = folder.location() + "/n.parquet",
                                                   .row_group_bytes = 8'000,
                                                   .buffer_bytes = 4'000}));
  int64_t next = 0;
  for (int i = 0; i < 20; ++i) {
    arrow::Int64Builder builder;
    for (int row = 0; row < 1'000; ++row) FIRN_ASSERT_OK(builder.Append(next++));
    FIRN_ASSERT_OK(
        writer->Write(arrow::RecordBatch::Make(schema::ToArrowSchema(schema), 1'000, {Must(builder.Finish())})));
  }
  const DataFile file = Must(writer->Finish());
  EXPECT_EQ(file.split_offsets.size(), 20u);
  auto reader = Must(OpenDataFile(*files, file.file_path, schema, {.batch_rows = 333}));
  int64_t expected = 0;
  for (const auto& batch : Must(reader->ToRecordBatches())) {
    EXPECT_LE(batch->num_rows(), 333);
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      ASSERT_EQ(static_cast<const arrow::Int64Array&>(*batch->column(0)).Value(i), expected++);
    }
  }
  EXPECT_EQ(expected, 20'000);
}

TEST(OpenDataFile, MapsNamesOfFilesWithoutIds) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto ids = OldSchema();
  auto rows = BatchOf(ids, kOldRows);
  const auto bare = WithMappedIds(*rows->schema(), NameMapping{});  // drops all ids
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (int i = 0; i < rows->num_columns(); ++i) columns.push_back(Must(rows->column(i)->View(bare->field(i)->type())));
  const std::string location = folder.location() + "/foreign.parquet";
  auto sink = Must(files->OpenOutput(location));
  const auto table = arrow::Table::Make(bare, columns);
  FIRN_ASSERT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink));
  FIRN_ASSERT_OK(sink->Close());
  const auto mapping = Must(ParseNameMapping(R"([
      {"field-id":1,"names":["i"]},{"field-id":2,"names":["f","other"]},{"field-id":3,"names":["d"]},
      {"field-id":5,"names":["s"],"fields":[{"field-id":6,"names":["x"]}]},
      {"field-id":8,"names":["l"],"fields":[{"field-id":9,"names":["element"],"fields":[{"field-id":11,"names":["a"]}]}]},
      {"field-id":13,"names":["m"],"fields":[{"field-id":14,"names":["key"]},{"field-id":15,"names":["value"]}]}])"));
  ExpectRows(*Must(ReadFiles(*files, {location}, NewSchema(), {.name_mapping = &mapping})->CombineChunks()),
             NewSchema(), kNewRows);
  EXPECT_EQ(ReadFiles(*files, {location}, NewSchema())->column(5)->null_count(), 3);  // no ids, no mapping: no values
}

TEST(ParseNameMapping, RefusesOtherJson) {
  EXPECT_EQ(FaultOf(ParseNameMapping("{").status()), Fault::kBadData);
  EXPECT_EQ(FaultOf(ParseNameMapping("{}").status()), Fault::kBadData);
  EXPECT_EQ(FaultOf(ParseNameMapping(R"([{"field-id":1}])").status()), Fault::kBadData);
}

}  // namespace
}  // namespace firn::table
