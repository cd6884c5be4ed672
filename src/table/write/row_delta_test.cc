#include "table/write/row_delta.h"

#include <arrow/memory_pool.h>

#include <map>
#include <optional>
#include <set>

#include "io/faulty_file_store.h"
#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::Must;
using testing::TestFolder;
using Kind = Transform::Kind;

struct Row {
  int64_t id;
  std::string region;  // second part of the key
  int64_t value;
};
using Key = std::pair<int64_t, std::string>;

schema::Schema RowSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                     {.id = 2, .name = "region", .type = schema::String()},
                     {.id = 3, .name = "value", .type = schema::Long()}}};
}

MergeOptions OptionsOf(const TestFolder& folder) {
  return {.writer = testing::OptionsOf(RowSchema(), folder), .key_field_ids = {1, 2}};
}

std::shared_ptr<arrow::RecordBatch> BatchOfRows(const std::vector<Row>& rows) {
  arrow::Int64Builder ids, values;
  arrow::StringBuilder regions;
  for (const Row& row : rows) {
    EXPECT_TRUE(ids.Append(row.id).ok() && regions.Append(row.region).ok() && values.Append(row.value).ok());
  }
  return arrow::RecordBatch::Make(schema::ToArrowSchema(RowSchema()), static_cast<int64_t>(rows.size()),
                                  {Must(ids.Finish()), Must(regions.Finish()), Must(values.Finish())});
}

std::shared_ptr<arrow::BooleanArray> MaskOf(const std::vector<bool>& mask) {
  arrow::BooleanBuilder builder;
  EXPECT_TRUE(builder.AppendValues(mask).ok());
  return std::static_pointer_cast<arrow::BooleanArray>(Must(builder.Finish()));
}

/// A table as a list of live files, changed by merges as a commit would.
class FakeTable {
 public:
  void Apply(const MergeResult& result) {
    for (const DataFile& removed : result.removed) {
      ASSERT_EQ(std::erase_if(live_, [&](const DataFile& file) { return file == removed; }), 1u);
    }
    live_.insert(live_.end(), result.added.begin(), result.added.end());
  }
  std::vector<Row> Rows(io::FileStore& files) const {
    std::vector<std::string> locations;
    for (const DataFile& file : live_) locations.push_back(file.file_path);
    const auto table = Must(testing::ReadFiles(files, locations, RowSchema())->CombineChunks());
    std::vector<Row> rows;
    if (table->num_rows() == 0) return rows;
    const auto& ids = static_cast<const arrow::Int64Array&>(*table->column(0)->chunk(0));
    const auto& regions = static_cast<const arrow::StringArray&>(*table->column(1)->chunk(0));
    const auto& values = static_cast<const arrow::Int64Array&>(*table->column(2)->chunk(0));
    for (int64_t i = 0; i < table->num_rows(); ++i)
      rows.push_back({ids.Value(i), regions.GetString(i), values.Value(i)});
    return rows;
  }
  const std::vector<DataFile>& live() const { return live_; }

 private:
  std::vector<DataFile> live_;
};

void ExpectSame(const std::vector<Row>& rows, const std::map<Key, int64_t>& model) {
  std::map<Key, int64_t> actual;
  for (const Row& row : rows) {
    EXPECT_TRUE(actual.emplace(Key(row.id, row.region), row.value).second) << "doubled " << row.id << row.region;
  }
  EXPECT_EQ(actual, model);
}

/// One merge of random rows and deletes, into table and model alike; counts are compared too.
void MergeRandomly(io::FileStore& files, const MergeOptions& options, std::mt19937_64& random, FakeTable* table,
                   std::map<Key, int64_t>* model) {
  auto merge = Must(MergeWriter::Make(files, options));
  std::map<Key, std::optional<int64_t>> last;
  int64_t num_rows = 0;
  const auto num_batches = random() % 5;
  for (size_t i = 0; i < num_batches; ++i) {
    std::vector<Row> rows;
    std::vector<bool> deletes;
    const auto batch_rows = random() % 60 + 1;
    for (size_t j = 0; j < batch_rows; ++j) {
      rows.push_back(
          {static_cast<int64_t>(random() % 80), random() % 2 ? "a" : "b", static_cast<int64_t>(random() % 1'000'000)});
      deletes.push_back(random() % 5 == 0);
      last[{rows.back().id, rows.back().region}] = deletes.back() ? std::nullopt : std::optional(rows.back().value);
      num_rows += deletes.back() ? 0 : 1;
    }
    ASSERT_TRUE(merge->Append(BatchOfRows(rows), MaskOf(deletes).get()).ok());
  }
  const MergeResult result = Must(merge->Finish(table->live()));
  int64_t inserted = 0, updated = 0, deleted = 0;
  for (const auto& [key, value] : last) {
    const bool existed = model->contains(key);
    inserted += value && !existed;
    updated += value && existed;
    deleted += !value && existed;
    model->erase(key);
    if (value) model->emplace(key, *value);
  }
  EXPECT_EQ(result.rows_inserted, inserted);
  EXPECT_EQ(result.rows_updated, updated);
  EXPECT_EQ(result.rows_deleted, deleted);
  EXPECT_EQ(result.rows_superseded, num_rows - inserted - updated);
  for (const DataFile& file : result.added) EXPECT_GT(file.record_count, 0);
  table->Apply(result);
}

TEST(MergeWriter, EqualsAMapForAnySequenceOfLoads) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto files = io::MakeLocalFileStore();
  for (int round = 0; round < 6; ++round) {
    TestFolder folder;
    auto options = OptionsOf(folder);
    if (round % 2 == 1) options.writer.spec = {.spec_id = 1, .fields = {{1, 1000, "id", {Kind::kBucket, 3}}}};
    if (round % 3 == 1) options.key_memory_bytes = 500;  // everything spills
    FakeTable table;
    std::map<Key, int64_t> model;
    for (int load = 0; load < 6; ++load) {
      MergeRandomly(*files, options, random, &table, &model);
      ExpectSame(table.Rows(*files), model);
      if (HasFailure()) return;
    }
  }
}

TEST(MergeWriter, DoesNotOpenFilesOutsideTheKeyRange) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table;
  for (const int64_t id : {10, 20, 30}) {
    auto merge = Must(MergeWriter::Make(*files, OptionsOf(folder)));
    ASSERT_TRUE(merge->Append(BatchOfRows({{id, "a", 1}, {id + 5, "b", 1}})).ok());
    const MergeResult result = Must(merge->Finish(table.live()));
    EXPECT_EQ(result.files_scanned, 0);
    table.Apply(result);
  }
  auto merge = Must(MergeWriter::Make(*files, OptionsOf(folder)));
  ASSERT_TRUE(merge->Append(BatchOfRows({{20, "a", 2}})).ok());
  const MergeResult result = Must(merge->Finish(table.live()));
  EXPECT_EQ(result.files_scanned, 1);
  EXPECT_EQ(result.removed.size(), 1u);
  EXPECT_EQ(result.rows_updated, 1);
  table.Apply(result);
  EXPECT_EQ(table.Rows(*files).size(), 6u);
}

TEST(MergeWriter, HandsBackRowsWithoutAKey) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  auto merge = Must(MergeWriter::Make(*files, OptionsOf(folder)));
  const auto batch = BatchOf(RowSchema(), R"([{"id":1,"region":"a","value":1},{"id":null,"region":"a","value":2},
                                              {"id":2,"region":null,"value":3},{"id":3,"region":"a","value":4}])");
  const AppendResult appended = Must(merge->Append(batch));
  EXPECT_EQ(appended.num_null_keys, 2);
  ASSERT_NE(appended.null_keys, nullptr);
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(*appended.null_keys->column(2)).Value(1), 3);
  const MergeResult result = Must(merge->Finish({}));
  EXPECT_EQ(result.rows_inserted, 2);
}

TEST(MergeWriter, TellsKeysApartAsPromised) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "k", .type = schema::Double()},
                                         {.id = 2, .name = "d", .type = schema::Decimal(6, 2)}}};
  MergeOptions options{.writer = testing::OptionsOf(schema, folder), .key_field_ids = {1, 2}};
  auto merge = Must(MergeWriter::Make(*files, options));
  ASSERT_TRUE(merge->Append(BatchOf(schema, R"([{"k":0.0,"d":"1.00"},{"k":NaN,"d":"1.00"},{"k":1,"d":"1.00"}])")).ok());
  const MergeResult first = Must(merge->Finish({}));
  EXPECT_EQ(first.rows_inserted, 3);
  schema::Schema wider = schema;  // decimal(6,2) → decimal(9,2) keeps keys equal
  wider.fields[1].type = schema::Decimal(9, 2);
  options.writer.schema = std::make_shared<schema::Schema>(wider);
  auto second = Must(MergeWriter::Make(*files, options));
  ASSERT_TRUE(
      second->Append(BatchOf(wider, R"([{"k":-0.0,"d":"1.00"},{"k":NaN,"d":"1.00"},{"k":1,"d":"1.01"}])")).ok());
  const MergeResult result = Must(second->Finish(first.added));
  EXPECT_EQ(result.rows_updated, 2);
  EXPECT_EQ(result.rows_inserted, 1);
}

TEST(MergeWriter, MayFinishAgainAfterAConflict) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  auto other = Must(MergeWriter::Make(*files, OptionsOf(folder)));
  ASSERT_TRUE(other->Append(BatchOfRows({{1, "a", 7}, {2, "a", 7}})).ok());
  auto mine = Must(MergeWriter::Make(*files, OptionsOf(folder)));
  ASSERT_TRUE(mine->Append(BatchOfRows({{1, "a", 8}, {1, "a", 9}})).ok());
  const MergeResult lost = Must(mine->Finish({}));
  EXPECT_EQ(lost.rows_inserted, 1);
  FakeTable table;
  table.Apply(Must(other->Finish({})));
  const MergeResult result = Must(mine->Finish(table.live()));
  EXPECT_EQ(result.rows_updated, 1);
  EXPECT_EQ(result.rows_superseded, 1);
  table.Apply(result);
  ExpectSame(table.Rows(*files), {{{1, "a"}, 9}, {{2, "a"}, 7}});
}

TEST(MergeWriter, SaysMemoryWhenKeysDoNotFit) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  auto options = OptionsOf(folder);
  options.key_memory_bytes = 1 << 16;
  auto merge = Must(MergeWriter::Make(*files, options));
  std::vector<Row> rows;
  for (int i = 0; i < 40'000; ++i) rows.push_back({1, "a", i});  // one key, one shard, over 1 MiB
  ASSERT_TRUE(merge->Append(BatchOfRows(rows)).ok());
  const auto result = merge->Finish({});
  ASSERT_EQ(FaultOf(result.status()), Fault::kConfig);
  EXPECT_NE(ContextOf(result.status())->next.find("--memory"), std::string::npos);
  merge.reset();
  EXPECT_EQ(folder.CountFiles(), 0);
}

TEST(MergeWriter, RefusesKeysThatAreNone) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  auto options = OptionsOf(folder);
  options.key_field_ids = {};
  EXPECT_EQ(FaultOf(MergeWriter::Make(*files, options).status()), Fault::kConfig);
  options.key_field_ids = {99};
  EXPECT_EQ(FaultOf(MergeWriter::Make(*files, options).status()), Fault::kConfig);
}

/// Fails each call of the store once during a merge that rewrites: live files stay, the next try succeeds.
TEST(MergeWriter, SurvivesEachFailingCall) {
  const auto disk = io::MakeLocalFileStore();
  bool clean = false;
  int step = 1;
  for (; !clean && step < 300; ++step) {
    TestFolder folder;
    FakeTable table;
    auto first = Must(MergeWriter::Make(*disk, OptionsOf(folder)));
    ASSERT_TRUE(first->Append(BatchOfRows({{1, "a", 1}, {2, "a", 1}})).ok());
    table.Apply(Must(first->Finish({})));
    io::FaultyFileStore faulty(*disk, {.fail_at = step});
    const auto run = [&](io::FileStore& files) -> Result<MergeResult> {
      ARROW_ASSIGN_OR_RAISE(auto merge, MergeWriter::Make(files, OptionsOf(folder)));
      ARROW_RETURN_NOT_OK(merge->Append(BatchOfRows({{1, "a", 2}, {3, "a", 2}, {3, "a", 3}})));
      return merge->Finish(table.live());
    };
    const auto failed = run(faulty);
    clean = failed.ok() && faulty.num_calls() < step;
    ExpectSame(table.Rows(*disk), {{{1, "a"}, 1}, {{2, "a"}, 1}});
    table.Apply(Must(run(*disk)));
    ExpectSame(table.Rows(*disk), {{{1, "a"}, 2}, {{2, "a"}, 1}, {{3, "a"}, 3}});
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
  EXPECT_GT(step, 15);
}

TEST(DeleteMask, ReadsTheReservedColumn) {
  const auto type = arrow::schema({arrow::field("_op", arrow::utf8())});
  arrow::StringBuilder builder;
  for (const char* name : {"insert", "DELETE", "d", "update"}) ASSERT_TRUE(builder.Append(name).ok());
  ASSERT_TRUE(builder.AppendNull().ok());
  const auto mask = Must(DeleteMask(*arrow::RecordBatch::Make(type, 5, {Must(builder.Finish())})));
  EXPECT_EQ(mask->true_count(), 2);
  EXPECT_TRUE(mask->Value(1) && mask->Value(2));
  EXPECT_EQ(Must(DeleteMask(*BatchOfRows({}))), nullptr);
}

}  // namespace
}  // namespace firn::table
