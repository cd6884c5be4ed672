#include "table/write/row_delta.h"

#include <arrow/memory_pool.h>

#include <map>
#include <optional>
#include <set>

#include "io/faulty_file_store.h"
#include "table/delete/delete_index.h"
#include "table/index/key_index_test_support.h"
#include "table/write/fake_table_test_support.h"
#include "table/write/key_hasher.h"
#include "table/write/merge_test_support.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::BatchOfRows;
using testing::ExpectSame;
using testing::FakeTable;
using testing::Key;
using testing::MaskOf;
using testing::Model;
using testing::Must;
using testing::Row;
using testing::RowSchema;
using testing::TestFolder;
using Kind = Transform::Kind;

MergeOptions OptionsOf(const TestFolder& folder) {
  return {.writer = testing::OptionsOf(RowSchema(), folder), .key_field_ids = {1, 2}};
}

/// How rows of live files go, in tables of which version.
struct Way {
  RowLevelMode mode;
  int32_t format_version;
};
constexpr Way kWays[] = {
    {RowLevelMode::kCopyOnWrite, 2}, {RowLevelMode::kMergeOnRead, 2}, {RowLevelMode::kMergeOnRead, 3}};

/// One merge of random rows and deletes, into table and model alike; counts are compared too.
void MergeRandomly(io::FileStore& files, const MergeOptions& options, std::mt19937_64& random, FakeTable* table,
                   Model* model) {
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
  const MergeResult result = Must(merge->Finish(table->target()));
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
  EXPECT_EQ(result.by_index, options.index != nullptr && options.mode == RowLevelMode::kMergeOnRead);
  table->Apply(result);
  if (random() % 3 == 0) return;
  ASSERT_TRUE(merge->Committed(table->current()).ok());
}

// materialize#38458: Snowflake gave old rows in silence where equality deletes came. FakeTable looks that there are
// none.
TEST(MergeWriter, EqualsAMapForAnySequenceOfLoads) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto files = io::MakeLocalFileStore();
  for (size_t round = 0; round < 12; ++round) {
    TestFolder folder;
    const Way way = kWays[round % 3];
    auto options = OptionsOf(folder);
    options.mode = way.mode;
    if (round % 2 == 1) options.writer.spec = {.spec_id = 1, .fields = {{1, 1000, "id", {Kind::kBucket, 3}}}};
    if (round % 4 == 1) options.key_memory_bytes = 500;  // everything spills
    FakeTable table(way.format_version, options.writer.spec);
    Model model;
    for (int load = 0; load < 6; ++load) {
      MergeRandomly(*files, options, random, &table, &model);
      ExpectSame(table.Rows(*files), model);
      if (HasFailure()) return;
    }
  }
}

/// The same by a key index, which is not told of every commit.
TEST(MergeWriter, EqualsAMapByAnIndex) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto files = index::MakeFastStore();
  for (size_t round = 0; round < 12; ++round) {
    TestFolder folder;
    const Way way = kWays[round % 3];
    const auto index = Must(index::KeyIndex::Create(*files, {.folder = folder.path() + "/index",
                                                             .table_uuid = index::TestTable(),
                                                             .memory_bytes = index::kMemoryBytesMin,
                                                             .hash_bits = round % 2 == 1 ? 8 : 128}));
    auto options = OptionsOf(folder);
    options.mode = way.mode;
    options.index = index.get();
    options.writer.row_group_bytes = 300;
    if (round % 4 >= 2) options.writer.spec = {.spec_id = 1, .fields = {{1, 1000, "id", {Kind::kBucket, 3}}}};
    FakeTable table(way.format_version, options.writer.spec);
    Model model;
    for (int load = 0; load < 6; ++load) {
      MergeRandomly(*files, options, random, &table, &model);
      ExpectSame(table.Rows(*files), model);
      if (HasFailure()) return;
    }
  }
}

// pyiceberg#2138, #2159, #3129, #3860: an upsert that read the whole table, and took 1,065 s for a million rows.
TEST(MergeWriter, DoesNotOpenFilesOutsideTheKeyRange) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table;
  for (const int64_t id : {10, 20, 30}) {
    auto merge = Must(MergeWriter::Make(*files, OptionsOf(folder)));
    ASSERT_TRUE(merge->Append(BatchOfRows({{id, "a", 1}, {id + 5, "b", 1}})).ok());
    const MergeResult result = Must(merge->Finish(table.target()));
    EXPECT_EQ(result.files_scanned, 0);
    table.Apply(result);
  }
  auto merge = Must(MergeWriter::Make(*files, OptionsOf(folder)));
  ASSERT_TRUE(merge->Append(BatchOfRows({{20, "a", 2}})).ok());
  const MergeResult result = Must(merge->Finish(table.target()));
  EXPECT_EQ(result.files_scanned, 1);
  EXPECT_EQ(result.removed.size(), 0u);
  EXPECT_EQ(result.added_deletes.size(), 1u);
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

void TellKeysApart(bool by_index) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto index =
      Must(index::KeyIndex::Create(*files, {.folder = folder.path() + "/index", .table_uuid = index::TestTable()}));
  const schema::Schema schema{.fields = {{.id = 1, .name = "k", .type = schema::Double()},
                                         {.id = 2, .name = "d", .type = schema::Decimal(6, 2)}}};
  MergeOptions options{.writer = testing::OptionsOf(schema, folder), .key_field_ids = {1, 2}};
  if (by_index) options.index = index.get();
  FakeTable table;
  auto merge = Must(MergeWriter::Make(*files, options));
  ASSERT_TRUE(merge->Append(BatchOf(schema, R"([{"k":0.0,"d":"1.00"},{"k":NaN,"d":"1.00"},{"k":1,"d":"1.00"}])")).ok());
  const MergeResult first = Must(merge->Finish({}));
  EXPECT_EQ(first.rows_inserted, 3);
  table.Apply(first);
  ASSERT_TRUE(merge->Committed(table.current()).ok());
  schema::Schema wider = schema;  // decimal(6,2) → decimal(9,2) keeps keys equal
  wider.fields[1].type = schema::Decimal(9, 2);
  options.writer.schema = std::make_shared<schema::Schema>(wider);
  auto second = Must(MergeWriter::Make(*files, options));
  ASSERT_TRUE(
      second->Append(BatchOf(wider, R"([{"k":-0.0,"d":"1.00"},{"k":NaN,"d":"1.00"},{"k":1,"d":"1.01"}])")).ok());
  const MergeResult result = Must(second->Finish(table.target()));
  EXPECT_EQ(result.rows_updated, 2);
  EXPECT_EQ(result.rows_inserted, 1);
  EXPECT_EQ(result.by_index, by_index);
}
TEST(MergeWriter, TellsKeysApartAsPromised) {
  TellKeysApart(false);
}
TEST(MergeWriter, TellsKeysApartAsPromisedByAnIndex) {
  TellKeysApart(true);
}

TEST(IndexIdentity, IsOfTableKeyAndForm) {
  const auto identity = [](const std::string& table, std::vector<schema::TypePtr> types) {
    schema::Schema keys;
    for (auto& type : types) {
      keys.fields.push_back({.id = static_cast<int32_t>(keys.fields.size()), .name = "k", .type = type});
    }
    return IndexIdentity(table, keys);
  };
  EXPECT_EQ(identity("t", {schema::Int()}), identity("t", {schema::Long()}));
  EXPECT_EQ(identity("t", {schema::Float()}), identity("t", {schema::Double()}));
  EXPECT_EQ(identity("t", {schema::Decimal(4, 2)}), identity("t", {schema::Decimal(9, 2)}));
  EXPECT_NE(identity("t", {schema::Decimal(9, 3)}), identity("t", {schema::Decimal(9, 2)}));
  EXPECT_NE(identity("t", {schema::Date()}), identity("t", {schema::Timestamp()}));
  EXPECT_NE(identity("t", {schema::Long()}), identity("t", {schema::Long(), schema::Long()}));
  EXPECT_NE(identity("t", {schema::Long()}), identity("u", {schema::Long()}));
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
  const MergeResult result = Must(mine->Finish(table.target()));
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

/// A file of which every row goes leaves the table with its deletes; superseded rows of one load are deleted in it.
TEST(MergeWriter, LeavesNoFileWithoutRows) {
  const auto files = io::MakeLocalFileStore();
  for (const Way& way : kWays) {
    TestFolder folder;
    auto options = OptionsOf(folder);
    options.mode = way.mode;
    FakeTable table(way.format_version);
    const auto merge = [&](const std::vector<Row>& rows) {
      auto writer = Must(MergeWriter::Make(*files, options));
      ASSERT_TRUE(writer->Append(BatchOfRows(rows)).ok());
      const MergeResult result = Must(writer->Finish(table.target()));
      EXPECT_TRUE(way.mode == RowLevelMode::kMergeOnRead || result.added_deletes.empty());
      table.Apply(result);
    };
    merge({{1, "a", 1}, {2, "a", 1}, {3, "a", 1}, {4, "a", 1}, {5, "a", 1}, {1, "a", 2}});
    EXPECT_EQ(table.num_deletes(), way.mode == RowLevelMode::kMergeOnRead ? 1u : 0u);
    merge({{2, "a", 3}, {3, "a", 3}});
    merge({{1, "a", 4}, {4, "a", 4}, {5, "a", 4}});
    EXPECT_EQ(table.num_deletes(), 0u);
    ExpectSame(table.Rows(*files), {{{1, "a"}, 4}, {{2, "a"}, 3}, {{3, "a"}, 3}, {{4, "a"}, 4}, {{5, "a"}, 4}});
  }
}

/// Fails each call of the store once during a merge: live files stay, the next try succeeds.
class EachFailingCall : public ::testing::TestWithParam<Way> {};
TEST_P(EachFailingCall, IsSurvived) {
  const auto disk = io::MakeLocalFileStore();
  bool clean = false;
  int step = 1;
  for (; !clean && step < 300; ++step) {
    TestFolder folder;
    FakeTable table(GetParam().format_version);
    const auto options = [&] {
      auto made = OptionsOf(folder);
      made.mode = GetParam().mode;
      return made;
    }();
    auto first = Must(MergeWriter::Make(*disk, options));
    ASSERT_TRUE(first->Append(BatchOfRows({{1, "a", 1}, {2, "a", 1}})).ok());
    table.Apply(Must(first->Finish({})));
    io::FaultyFileStore faulty(*disk, {.fail_at = step});
    const auto run = [&](io::FileStore& files) -> Result<MergeResult> {
      ARROW_ASSIGN_OR_RAISE(auto merge, MergeWriter::Make(files, options));
      ARROW_RETURN_NOT_OK(merge->Append(BatchOfRows({{1, "a", 2}, {3, "a", 2}, {3, "a", 3}})));
      return merge->Finish(table.target());
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
INSTANTIATE_TEST_SUITE_P(MergeWriter, EachFailingCall, ::testing::ValuesIn(kWays));

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
