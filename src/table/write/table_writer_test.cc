#include "table/write/table_writer.h"

#include <arrow/compute/api_vector.h>
#include <arrow/memory_pool.h>

#include <map>
#include <set>

#include "io/faulty_file_store.h"
#include "table/write/data_file_writer.h"
#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::Must;
using testing::ReadFiles;
using testing::TestFolder;
using Kind = Transform::Kind;

schema::Schema KeyedSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long(), .required = true},
                     {.id = 2, .name = "day", .type = schema::Date()},
                     {.id = 3, .name = "text", .type = schema::String()}}};
}

PartitionSpec ByText() {
  return {.spec_id = 3, .fields = {{3, 1000, "text", {Kind::kIdentity}}}};
}

TEST(TableWriter, RoundTripsEveryType) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto schema = testing::EveryTypeSchema();
  auto writer = Must(TableWriter::Make(*files, testing::OptionsOf(schema, folder)));
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (int i = 0; i < 5; ++i) {
    const auto rows = testing::RandomRows(schema, 300, random);
    batches.push_back(rows->Slice(static_cast<int64_t>(random() % 50)));  // slices: offsets must not leak
    FIRN_ASSERT_OK(writer->Append(batches.back()));
  }
  const auto written = Must(writer->Finish());
  ASSERT_EQ(written.size(), 1u);
  const auto expected = Must(arrow::Table::FromRecordBatches(batches));
  const auto actual = ReadFiles(*files, testing::LocationsOf(written), schema);
  FIRN_ASSERT_OK(actual->ValidateFull());
  EXPECT_EQ(written[0].file.record_count, expected->num_rows());
  EXPECT_TRUE(Must(actual->CombineChunks())
                  ->Equals(*Must(expected->CombineChunks()), arrow::EqualOptions::Defaults().nans_equal(true)));
  EXPECT_EQ(written[0].file.split_offsets, std::vector<int64_t>{4});
  EXPECT_FALSE(written[0].file.column_sizes.empty());
}

TEST(TableWriter, RollsAtTheTargetSize) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "b", .type = schema::Binary()}}};
  auto options = testing::OptionsOf(schema, folder);
  options.target_file_bytes = 1 << 20;
  options.row_group_bytes = 1 << 18;
  auto writer = Must(TableWriter::Make(*files, options));
  std::mt19937_64 random(1);
  arrow::BinaryBuilder builder;
  std::string bytes(1000, ' ');
  for (int i = 0; i < 6'000; ++i) {
    for (char& c : bytes) c = static_cast<char>(random());
    FIRN_ASSERT_OK(builder.Append(bytes));
  }
  FIRN_ASSERT_OK(
      writer->Append(arrow::RecordBatch::Make(schema::ToArrowSchema(schema), 6'000, {Must(builder.Finish())})));
  const auto written = Must(writer->Finish());
  EXPECT_GE(written.size(), 4u);
  EXPECT_LE(written.size(), 7u);
  int64_t next = 0;
  for (const WrittenFile& file : written) {
    EXPECT_LT(file.file.file_size_bytes, 2 << 20);
    EXPECT_EQ(file.first_ordinal, next);
    next += file.file.record_count;
    EXPECT_GE(file.file.split_offsets.size(), 2u);
  }
  EXPECT_EQ(next, 6'000);
}

TEST(TableWriter, FansOutByPartitionAndTellsPlaces) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto schema = KeyedSchema();
  auto options = testing::OptionsOf(schema, folder);
  options.spec = ByText();
  options.memory_bytes = 1 << 20;  // the stage is 1 MiB at least: several flushes, one open file
  auto writer = Must(TableWriter::Make(*files, options));
  std::vector<RowPlace> places;
  std::vector<std::string> texts;
  int64_t id = 0;
  for (int i = 0; i < 40; ++i) {
    arrow::Int64Builder ids;
    arrow::Date32Builder days;
    arrow::StringBuilder names;
    for (int row = 0; row < 4'000; ++row) {
      texts.push_back("p" + std::to_string(random() % 20));
      FIRN_ASSERT_OK(ids.Append(id++));
      FIRN_ASSERT_OK(days.Append(row));
      FIRN_ASSERT_OK(names.Append(texts.back()));
    }
    FIRN_ASSERT_OK(
        writer->Append(arrow::RecordBatch::Make(schema::ToArrowSchema(schema), 4'000,
                                                {Must(ids.Finish()), Must(days.Finish()), Must(names.Finish())}),
                       &places));
  }
  EXPECT_GT(writer->stats().spilled_bytes, 0);
  const auto written = Must(writer->Finish());
  EXPECT_EQ(written.size(), 20u);  // one file a partition, however often the stage was flushed
  std::set<int64_t> seen;
  for (const WrittenFile& file : written) {
    EXPECT_EQ(file.file.spec_id, 3);
    const auto table = Must(ReadFiles(*files, {file.file.file_path}, schema)->CombineChunks());
    const auto& ids = static_cast<const arrow::Int64Array&>(*table->column(0)->chunk(0));
    const auto& names = static_cast<const arrow::StringArray&>(*table->column(2)->chunk(0));
    for (int64_t row = 0; row < table->num_rows(); ++row) {
      const auto index = static_cast<size_t>(ids.Value(row));
      ASSERT_TRUE(seen.insert(ids.Value(row)).second);
      ASSERT_EQ(names.GetView(row), texts[index]);
      ASSERT_EQ(std::get<std::string>(file.file.partition[0].value), texts[index]);
      ASSERT_EQ(places[index].partition, file.partition);
      ASSERT_EQ(places[index].ordinal, file.first_ordinal + row);
    }
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(id));
}

TEST(TableWriter, KeepsItsBudgetWithShuffledPartitions) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto schema = KeyedSchema();
  arrow::ProxyMemoryPool pool(arrow::default_memory_pool());
  auto options = testing::OptionsOf(schema, folder);
  options.spec = ByText();
  options.memory_bytes = int64_t{32} << 20;
  options.pool = &pool;
  auto writer = Must(TableWriter::Make(*files, options));
  std::mt19937_64 random(7);
  constexpr int kPartitions = 100, kBatches = 50, kRows = 20'000;
  for (int i = 0; i < kBatches; ++i) {  // about 100 MB of Arrow data
    arrow::Int64Builder ids;
    arrow::Date32Builder days;
    arrow::StringBuilder names;
    for (int row = 0; row < kRows; ++row) {
      FIRN_ASSERT_OK(ids.Append(static_cast<int64_t>(random())));
      FIRN_ASSERT_OK(days.Append(row));
      FIRN_ASSERT_OK(names.Append("partition-" + std::to_string(random() % kPartitions) + std::string(70, 'x')));
    }
    FIRN_ASSERT_OK(writer->Append(arrow::RecordBatch::Make(
        schema::ToArrowSchema(schema), kRows, {Must(ids.Finish()), Must(days.Finish()), Must(names.Finish())})));
  }
  EXPECT_GT(writer->stats().spilled_bytes, 0);
  const auto written = Must(writer->Finish());
  EXPECT_EQ(written.size(), static_cast<size_t>(kPartitions));
  int64_t rows = 0;
  for (const WrittenFile& file : written) rows += file.file.record_count;
  EXPECT_EQ(rows, int64_t{kBatches} * kRows);
  RecordProperty("peak_bytes", std::to_string(pool.max_memory()));
  EXPECT_LT(pool.max_memory(), options.memory_bytes);
  writer.reset();
  EXPECT_EQ(pool.bytes_allocated(), 0);
}

TEST(TableWriter, EvolvesMidRun) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  for (const bool partitioned : {false, true}) {
    auto schema = KeyedSchema();
    schema.fields[0] = {.id = 1, .name = "id", .type = schema::Int()};
    auto options = testing::OptionsOf(schema, folder);
    options.location += partitioned ? "p" : "u";
    if (partitioned) options.spec = ByText();
    auto writer = Must(TableWriter::Make(*files, options));
    const auto old_rows = BatchOf(schema, R"([{"id":1,"day":1,"text":"a"},{"id":2,"day":2,"text":"b"}])");
    FIRN_ASSERT_OK(writer->Append(old_rows));
    schema::Schema evolved = schema;
    evolved.fields[0].type = schema::Long();
    evolved.fields[2].name = "renamed";
    evolved.fields.push_back(
        {.id = 9, .name = "new", .type = schema::Struct({{.id = 10, .name = "x", .type = schema::Double()}})});
    FIRN_ASSERT_OK(writer->SetSchema(std::make_shared<schema::Schema>(evolved)));
    FIRN_ASSERT_OK(writer->Append(old_rows));  // a late batch of the old shape
    FIRN_ASSERT_OK(writer->Append(BatchOf(evolved, R"([{"id":5000000000,"day":3,"renamed":"a","new":{"x":1.5}}])")));
    const auto written = Must(writer->Finish());
    const auto table = ReadFiles(*files, testing::LocationsOf(written), evolved);
    ASSERT_EQ(table->num_rows(), 5);
    std::multiset<std::string> ids;
    const auto column = Must(table->CombineChunks())->column(0)->chunk(0);
    for (int64_t row = 0; row < 5; ++row)
      ids.insert(std::to_string(static_cast<const arrow::Int64Array&>(*column).Value(row)));
    EXPECT_EQ(ids, (std::multiset<std::string>{"1", "1", "2", "2", "5000000000"}));
    EXPECT_EQ(table->column(3)->null_count(), 4);
  }
}

TEST(TableWriter, RefusesWhatItCannotKeepExactly) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto schema = KeyedSchema();
  auto writer = Must(TableWriter::Make(*files, testing::OptionsOf(schema, folder)));
  auto narrower = schema;
  narrower.fields.push_back({.id = 4, .name = "unknown", .type = schema::Int()});
  EXPECT_EQ(FaultOf(writer->Append(BatchOf(narrower, R"([{"id":1,"unknown":1}])"))), Fault::kBug);
  auto wrong = schema;
  wrong.fields[1].type = schema::String();
  EXPECT_EQ(FaultOf(writer->Append(BatchOf(wrong, R"([{"id":1,"day":"x"}])"))), Fault::kBadData);
  auto optional = schema;
  optional.fields[0].required = false;
  EXPECT_EQ(FaultOf(writer->Append(BatchOf(optional, R"([{"id":null}])"))), Fault::kBadData);
}

TEST(TableWriter, RefusesSchemasWithoutLeaves) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema none;
  EXPECT_EQ(FaultOf(TableWriter::Make(*files, testing::OptionsOf(none, folder)).status()), Fault::kConfig);
  const schema::Schema empty{.fields = {{.id = 1, .name = "s", .type = schema::Struct({})}}};
  EXPECT_EQ(FaultOf(TableWriter::Make(*files, testing::OptionsOf(empty, folder)).status()), Fault::kConfig);
}

TEST(TableWriter, WithoutRowsWritesNothing) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  auto writer = Must(TableWriter::Make(*files, testing::OptionsOf(KeyedSchema(), folder)));
  EXPECT_TRUE(Must(writer->Finish()).empty());
  EXPECT_EQ(folder.CountFiles(), 0);
}

TEST(TableWriter, DestroyedBeforeFinishRemovesItsFiles) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  auto writer = Must(TableWriter::Make(*files, testing::OptionsOf(KeyedSchema(), folder)));
  FIRN_ASSERT_OK(writer->Append(BatchOf(KeyedSchema(), R"([{"id":1,"day":1,"text":"a"}])")));
  FIRN_ASSERT_OK(writer->SetSchema(std::make_shared<schema::Schema>(KeyedSchema())));  // ends a file
  FIRN_ASSERT_OK(writer->Append(BatchOf(KeyedSchema(), R"([{"id":2,"day":1,"text":"a"}])")));
  EXPECT_GE(folder.CountFiles(), 1);
  writer.reset();
  EXPECT_EQ(folder.CountFiles(), 0);
}

/// Fails each call of the store once: the error comes out, no file is left, and the same rows go through afterwards.
TEST(TableWriter, SurvivesEachFailingCall) {
  const auto disk = io::MakeLocalFileStore();
  const auto schema = KeyedSchema();
  bool clean = false;
  int step = 1;
  for (; !clean && step < 200; ++step) {
    TestFolder folder;
    io::FaultyFileStore faulty(*disk, {.fail_at = step});
    auto options = testing::OptionsOf(schema, folder);
    options.spec = ByText();
    const auto run = [&](io::FileStore& files) -> Result<std::vector<WrittenFile>> {
      ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(files, options));
      ARROW_RETURN_NOT_OK(writer->Append(BatchOf(schema, R"([{"id":1,"text":"a"},{"id":2,"text":"b"}])")));
      return writer->Finish();
    };
    const auto written = run(faulty);
    clean = written.ok() && faulty.num_calls() < step;
    if (!written.ok()) {
      EXPECT_EQ(FaultOf(written.status()), Fault::kTransient) << written.status().ToString();
      EXPECT_EQ(folder.CountFiles(), 0) << "step " << step;
    }
    const auto again = Must(run(*disk));
    ASSERT_EQ(ReadFiles(*disk, testing::LocationsOf(again), schema)->num_rows(), 2) << "step " << step;
  }
  EXPECT_GT(step, 6);
}

}  // namespace
}  // namespace firn::table
