#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "io/faulty_file_store.h"
#include "table/index/key_index_test_support.h"
#include "table/write/fake_table_test_support.h"
#include "table/write/key_removal.h"
#include "table/write/partition_overwrite.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::FakeTable;
using testing::MaskOf;
using testing::Must;
using ::testing::Test;
using testing::TestFolder;
using Texts = std::vector<std::string>;

/// id, group, version, value, and the columns of the strategies.
schema::Schema TestSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                     {.id = 2, .name = "grp", .type = schema::String()},
                     {.id = 3, .name = "version", .type = schema::Long()},
                     {.id = 4, .name = "value", .type = schema::String()}}};
}

schema::Schema HistorySchema() {
  schema::Schema schema = TestSchema();
  schema.fields.push_back({.id = 5, .name = "at", .type = schema::Timestamp()});
  schema.fields.push_back({.id = 6, .name = "since", .type = schema::TimestampTz()});
  schema.fields.push_back({.id = 7, .name = "until", .type = schema::TimestampTz()});
  schema.fields.push_back({.id = 8, .name = "current", .type = schema::Boolean()});
  schema.fields.push_back({.id = 9, .name = "version_key", .type = schema::String()});
  return schema;
}

MergeOptions OptionsOf(const TestFolder& folder, MergeStrategyPtr strategy, std::vector<int32_t> key = {1},
                       const schema::Schema& schema = TestSchema(), int32_t format_version = 2) {
  return {.writer = testing::OptionsOf(schema, folder),
          .format_version = format_version,
          .key_field_ids = std::move(key),
          .strategy = std::move(strategy)};
}

/// Runs one load of JSON rows; `deletes`: which of them only name a key.
MergeResult Load(io::FileStore& files, const MergeOptions& options, FakeTable* table, const std::string& rows,
                 const std::vector<bool>& deletes = {}) {
  auto merge = Must(MergeWriter::Make(files, options));
  const auto batch = BatchOf(*options.writer.schema, rows);
  EXPECT_TRUE(merge->Append(batch, deletes.empty() ? nullptr : MaskOf(deletes).get()).ok());
  MergeResult result = Must(merge->Finish(table->target()));
  table->Apply(result);
  return result;
}

TEST(MergeStrategies, InsertOnlySkipsKnownKeysAndKeepsTheFirstOfALoad) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, TestSchema());
  const auto options = OptionsOf(folder, MakeInsertOnly());
  Load(*files, options, &table, R"([{"id":1,"value":"a"},{"id":1,"value":"b"},{"id":2,"value":"c"}])");
  const MergeResult result =
      Load(*files, options, &table, R"([{"id":2,"value":"x"},{"id":3,"value":"d"},{"id":3,"value":"e"}])");
  EXPECT_EQ(result.rows_inserted, 1);
  EXPECT_EQ(result.rows_skipped, 2);
  EXPECT_TRUE(result.removed.empty() && result.added_deletes.empty());
  EXPECT_EQ(table.Texts(*files), (Texts{"1 null null a", "2 null null c", "3 null null d"}));
}

TEST(MergeStrategies, FinishOnAnotherParentDecidesAnew) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, TestSchema());
  const auto options = OptionsOf(folder, MakeInsertOnly());
  auto merge = Must(MergeWriter::Make(*files, options));
  FIRN_ASSERT_OK(merge->Append(BatchOf(TestSchema(), R"([{"id":1,"value":"ours"},{"id":2,"value":"ours"}])")).status());
  EXPECT_EQ(Must(merge->Finish(table.target())).rows_inserted, 2);
  Load(*files, options, &table, R"([{"id":1,"value":"theirs"}])");
  const MergeResult again = Must(merge->Finish(table.target()));
  EXPECT_EQ(again.rows_inserted, 1);
  EXPECT_EQ(again.rows_skipped, 1);
  table.Apply(again);
  EXPECT_EQ(table.Texts(*files), (Texts{"1 null null theirs", "2 null null ours"}));
}

/// One merge key with more rows than there is memory for, on both sides.
TEST(MergeStrategies, DeleteInsertTakesAnyNumberOfRowsOfAKey) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, TestSchema());
  auto options = OptionsOf(folder, MakeDeleteInsert({2}, {}), {});
  options.key_memory_bytes = 64 << 10;
  options.writer.row_group_bytes = 20'000;
  const auto rows = [](int count, const std::string& value) {
    std::string text = "[";
    for (int i = 0; i < count; ++i) {
      text += std::string(i == 0 ? "" : ",") + R"({"id":1,"grp":")" + (i % 3 == 0 ? "b" : "a") + R"(","value":")" +
              value + "\"}";
    }
    return text + "]";
  };
  Load(*files, options, &table, rows(30'000, "old"));
  const MergeResult result = Load(*files, options, &table, R"([{"id":7,"grp":"a","value":"new"}])");
  EXPECT_EQ(result.rows_deleted, 20'000);
  EXPECT_EQ(result.rows_inserted, 1);
  const Texts texts = table.Texts(*files);
  EXPECT_EQ(std::ranges::count(texts, "1 b null old"), 10'000);
  EXPECT_EQ(std::ranges::count(texts, "7 a null new"), 1);
  EXPECT_EQ(texts.size(), 10'001u);
}

TEST(MergeStrategies, ManyDistinctMergeKeysAreLookedForInSeveralPasses) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, TestSchema());
  auto options = OptionsOf(folder, MakeDeleteInsert({1}, {}), {});
  options.key_memory_bytes = 32 << 10;
  std::string even = "[", all = "[";
  for (int i = 0; i < 9000; ++i) {
    all += std::string(i == 0 ? "" : ",") + R"({"id":)" + std::to_string(i) + "}";
    if (i % 2 == 0) even += std::string(i == 0 ? "" : ",") + R"({"id":)" + std::to_string(i) + R"(,"value":"n"})";
  }
  Load(*files, options, &table, all + "]");
  const MergeResult result = Load(*files, options, &table, even + "]");
  EXPECT_EQ(result.rows_deleted, 4500);
  EXPECT_GT(result.files_scanned, 1);
  EXPECT_EQ(table.Texts(*files).size(), 9000u);
}

TEST(MergeStrategies, DeleteInsertWithAPrimaryKeyKeepsItUnique) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, TestSchema());
  const auto options = OptionsOf(folder, MakeDeleteInsert({2}, {1}));
  Load(*files, options, &table, R"([{"id":1,"grp":"a"},{"id":2,"grp":"a"},{"id":3,"grp":"b"}])");
  // 3 moves into the group that is replaced.
  const MergeResult result =
      Load(*files, options, &table, R"([{"id":3,"grp":"a","value":"x"},{"id":3,"grp":"a","value":"y"}])");
  EXPECT_EQ(result.rows_deleted, 3);
  EXPECT_EQ(result.rows_superseded, 1);
  EXPECT_EQ(table.Texts(*files), (Texts{"3 a null y"}));
}

TEST(MergeStrategies, RowsWithoutAMergeKeyOrSequenceAreHandedBack) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  for (const auto& options :
       {OptionsOf(folder, MakeDeleteInsert({2}, {}), {}), OptionsOf(folder, MakeUpsert({.sequence_field_id = 3}))}) {
    auto merge = Must(MergeWriter::Make(*files, options));
    const auto taken = Must(merge->Append(
        BatchOf(TestSchema(), R"([{"id":1,"grp":"a","version":1},{"id":2},{"id":3,"grp":"b","version":2},{"id":4}])")));
    ASSERT_EQ(taken.num_null_keys, 2);
    EXPECT_EQ(Must(taken.null_keys->column(0)->GetScalar(0))->ToString(), "2");
    EXPECT_EQ(Must(merge->Finish({})).rows_inserted, 2);
  }
}

TEST(MergeStrategies, TheGreatestSequenceWinsWhateverTheOrderOfArrival) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, TestSchema());
  const auto options = OptionsOf(folder, MakeUpsert({.sequence_field_id = 3}));
  Load(*files, options, &table, R"([{"id":1,"version":5,"value":"five"},{"id":1,"version":4,"value":"four"}])");
  EXPECT_EQ(Load(*files, options, &table, R"([{"id":1,"version":3,"value":"late"}])").rows_skipped, 1);
  EXPECT_EQ(table.Texts(*files), (Texts{"1 null 5 five"}));
  EXPECT_EQ(Load(*files, options, &table, R"([{"id":1,"version":4}])", {true}).rows_deleted, 0);
  EXPECT_EQ(Load(*files, options, &table, R"([{"id":1,"version":6}])", {true}).rows_deleted, 1);
  EXPECT_TRUE(table.Texts(*files).empty());
}

TEST(MergeStrategies, ASoftDeletionKeepsTheValuesAndARowThatComesAgainClearsIt) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  schema::Schema schema = TestSchema();
  schema.fields.push_back({.id = 5, .name = "gone", .type = schema::TimestampTz()});
  for (const int32_t version : {2, 3}) {
    FakeTable table(version, {}, schema);
    const auto options =
        OptionsOf(folder, MakeUpsert({.deleted_at_field_id = 5, .now_micros = 1'000'000}), {1}, schema, version);
    Load(*files, options, &table, R"([{"id":1,"value":"a"},{"id":2,"value":"b"}])");
    EXPECT_EQ(Load(*files, options, &table, R"([{"id":1},{"id":9}])", {true, true}).rows_deleted, 1);
    EXPECT_EQ(table.Texts(*files), (Texts{"1 null null a 1970-01-01 00:00:01.000000Z", "2 null null b null"}));
    EXPECT_EQ(Load(*files, options, &table, R"([{"id":1}])", {true}).rows_skipped, 1);
    EXPECT_EQ(Load(*files, options, &table, R"([{"id":1,"value":"c"}])").rows_updated, 1);
    EXPECT_EQ(table.Texts(*files), (Texts{"1 null null c null", "2 null null b null"}));
    if (version == 3) {
      EXPECT_EQ(table.Texts(*files, true), (Texts{"1 null null c null 0", "2 null null b null 1"}));
    }
  }
}

HistoryRules Rules() {
  return {.valid_from = 6,
          .valid_to = 7,
          .is_current = 8,
          .surrogate = 9,
          .changed_at = 5,
          .now_micros = 100'000'000,
          .untracked = {1, 5, 6, 7, 8, 9}};
}

/// value, from, to and current of each version; times in seconds.
Texts Versions(const FakeTable& table, io::FileStore& files) {
  Texts versions;
  for (const std::string& text : table.Texts(files)) {
    // "1 null null a 1970-01-01 00:00:01.000000 …": id, group, version, value, at (2 words), since (2), until (1 or 2)
    std::istringstream words(text);
    std::vector<std::string> parts;
    for (std::string word; words >> word;) parts.push_back(word);
    const auto second = [&](size_t i) { return parts[i].substr(6, 2); };
    const bool open = parts[8] == "null";
    versions.push_back(parts[3] + " " + second(7) + "-" + (open ? "" : second(9)) + (open ? " current" : ""));
  }
  std::ranges::sort(versions, {}, [](const std::string& text) { return text.substr(text.find(' ')); });
  return versions;
}

std::string Row(const std::string& value, int second) {
  return R"({"id":1,"value":")" + value + R"(","at":"1970-01-01 00:00:)" + (second < 10 ? "0" : "") +
         std::to_string(second) + "\"}";
}

TEST(MergeStrategies, HistoryPutsLateRowsIntoTheMiddle) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  for (const int32_t version : {2, 3}) {
    FakeTable table(version, {}, HistorySchema());
    const auto options = OptionsOf(folder, MakeHistory(Rules()), {1}, HistorySchema(), version);
    const auto load = [&](const std::string& rows, const std::vector<bool>& deletes = {}) {
      return Load(*files, options, &table, "[" + rows + "]", deletes);
    };
    load(Row("a", 10) + "," + Row("a", 15) + "," + Row("b", 20));
    EXPECT_EQ(Versions(table, *files), (Texts{"a 10-20", "b 20- current"}));
    load(Row("c", 16));
    EXPECT_EQ(Versions(table, *files), (Texts{"a 10-16", "c 16-20", "b 20- current"}));
    EXPECT_EQ(load(Row("b", 25)).rows_skipped, 1);
    load(Row("", 18) + "," + Row("", 30), {true, true});
    EXPECT_EQ(Versions(table, *files), (Texts{"a 10-16", "c 16-18", "b 20-30"}));
    load(Row("b", 40) + "," + Row("z", 5));
    EXPECT_EQ(Versions(table, *files), (Texts{"z 05-10", "a 10-16", "c 16-18", "b 20-30", "b 40- current"}));
    const MergeResult corrected = load(Row("C", 16));
    EXPECT_EQ(corrected.rows_updated, 1);
    EXPECT_EQ(corrected.rows_inserted, 0);
    EXPECT_EQ(Versions(table, *files), (Texts{"z 05-10", "a 10-16", "C 16-18", "b 20-30", "b 40- current"}));
    EXPECT_EQ(load(Row("C", 16)).rows_skipped, 1);
    if (version < 3) continue;
    std::set<std::string> ids;
    for (const std::string& text : table.Texts(*files, true)) ids.insert(text.substr(text.rfind(' ')));
    EXPECT_EQ(ids.size(), 5u) << "row ids are unique";
    EXPECT_TRUE(ids.contains(" 0") && ids.contains(" 1")) << "versions keep their ids when they end";
  }
}

TEST(MergeStrategies, HistoryRetiresWhatIsMissingFromTheRunOn) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, HistorySchema());
  HistoryRules rules = Rules();
  rules.changed_at = 0;
  rules.now_micros = 10'000'000;
  rules.retire_missing = true;
  Load(*files, OptionsOf(folder, MakeHistory(rules), {1}, HistorySchema()), &table,
       R"([{"id":1,"value":"a"},{"id":2,"value":"b"}])");
  rules.now_micros = 20'000'000;
  const MergeResult result =
      Load(*files, OptionsOf(folder, MakeHistory(rules), {1}, HistorySchema()), &table, R"([{"id":1,"value":"a"}])");
  EXPECT_EQ(result.rows_deleted, 1);
  EXPECT_EQ(result.rows_skipped, 1);
}

TEST(MergeStrategies, HistoryRefusesRowsThatAreNoVersions) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, HistorySchema());
  Load(*files, OptionsOf(folder, MakeInsertOnly(), {1}, HistorySchema()), &table, "[" + Row("a", 1) + "]");
  auto merge = Must(MergeWriter::Make(*files, OptionsOf(folder, MakeHistory(Rules()), {1}, HistorySchema())));
  FIRN_ASSERT_OK(merge->Append(BatchOf(HistorySchema(), "[" + Row("b", 2) + "]")).status());
  const Status status = merge->Finish(table.target()).status();
  ASSERT_EQ(FaultOf(status), Fault::kConfig);
  EXPECT_EQ(ContextOf(status)->code, "E0826");
}

TEST(MergeStrategies, DedupeComparesWithinTheWindowWhateverTheLoads) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  FakeTable table(2, {}, HistorySchema());
  const auto options =
      OptionsOf(folder, MakeDedupe({.time_field_id = 5, .time_type = schema::Timestamp(), .window_micros = 5'000'000}),
                {1}, HistorySchema());
  Load(*files, options, &table, "[" + Row("a", 10) + "," + Row("b", 15) + "," + Row("c", 16) + "]");
  const MergeResult near = Load(*files, options, &table, "[" + Row("d", 21) + "," + Row("e", 5) + "]");
  EXPECT_EQ(near.rows_skipped, 2);
  EXPECT_EQ(near.files_scanned, 1);
  const MergeResult far = Load(*files, options, &table, "[" + Row("f", 22) + R"(,{"value":"n"},{"value":"n"}])");
  EXPECT_EQ(far.rows_inserted, 3) << "a row without a key is like no other";
  EXPECT_EQ(far.files_scanned, 0) << "the file's times are outside the window";
}

TEST(MergeStrategies, AnIndexFindsTheRowsAndIsCaughtUp) {
  TestFolder folder;
  const auto files = index::MakeFastStore();
  for (const int bits : {8, 128}) {
    const auto index = Must(index::KeyIndex::Create(*files, {.folder = folder.path() + "/index" + std::to_string(bits),
                                                             .table_uuid = index::TestTable(),
                                                             .memory_bytes = index::kMemoryBytesMin,
                                                             .hash_bits = bits}));
    FakeTable table(2, {}, TestSchema());
    auto options = OptionsOf(folder, MakeInsertOnly());
    options.index = index.get();
    int64_t taken = 0;
    for (int load = 0; load < 4; ++load) {
      std::string rows = "[";
      for (int i = 0; i < 200; ++i) {
        rows += std::string(i == 0 ? "" : ",") + R"({"id":)" + std::to_string(i * (load + 1)) + "}";
      }
      const MergeResult result = Load(*files, options, &table, rows + "]");
      EXPECT_TRUE(result.by_index);
      taken += result.rows_inserted;
    }
    const Texts texts = table.Texts(*files);
    EXPECT_EQ(static_cast<int64_t>(texts.size()), taken);
    EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), texts.size());
  }
}

/// A failure at any call leaves no file behind but those of a load that may be finished again, and the table as it was.
TEST(MergeStrategies, FailAtEveryStepAndFinishAgain) {
  const auto files = io::MakeLocalFileStore();
  bool clean = false;
  for (int step = 1; !clean; ++step) {
    TestFolder folder;
    FakeTable table(2, {}, HistorySchema());
    const auto options = OptionsOf(folder, MakeHistory(Rules()), {1}, HistorySchema());
    Load(*files, options, &table, "[" + Row("a", 10) + "," + Row("b", 20) + "]");
    const int64_t before = folder.CountFiles();
    io::FaultyFileStore faulty(*files, {.fail_at = step});
    auto merge = Must(MergeWriter::Make(faulty, options));
    FIRN_ASSERT_OK(merge->Append(BatchOf(HistorySchema(), "[" + Row("c", 15) + "]")).status());
    auto result = merge->Finish(table.target());
    clean = result.ok();
    if (!clean) {
      EXPECT_LE(folder.CountFiles(), before + 1) << "step " << step;  // the removal may be what failed
      result = merge->Finish(table.target());
    }
    FIRN_ASSERT_OK(result.status());
    table.Apply(*result);
    EXPECT_EQ(Versions(table, *files), (Texts{"a 10-15", "c 15-20", "b 20- current"})) << "step " << step;
  }
}

TEST(PartitionOverwrite, ReplacesOnlyPartitionsOfTheLoadAlsoInFilesOfAnOldSpec) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const PartitionSpec by_group{.spec_id = 1, .fields = {{2, 1000, "grp", {Transform::Kind::kIdentity}}}};
  FakeTable table(2, by_group, TestSchema());
  const auto write = [&](const PartitionSpec& spec, const std::string& rows) {
    TableWriterOptions options = testing::OptionsOf(TestSchema(), folder);
    options.spec = spec;
    auto writer = Must(TableWriter::Make(*files, options));
    EXPECT_TRUE(writer->Append(BatchOf(TestSchema(), rows)).ok());
    return DataFilesOf(Must(writer->Finish()));
  };
  auto old = write({}, R"([{"id":1,"grp":"a"},{"id":2,"grp":"b"},{"id":3}])");
  for (auto& file : old) file.spec_id = 0;
  table.Apply({.added = old});
  auto newer = write(by_group, R"([{"id":4,"grp":"a"},{"id":5,"grp":"c"},{"id":6}])");
  for (auto& file : newer) file.spec_id = 1;
  table.Apply({.added = newer});
  RowRemovalOptions options{.writer = testing::OptionsOf(TestSchema(), folder)};
  options.writer.spec = by_group;
  const auto nothing = Must(OverwritePartitions(*files, options, table.target(), {}));
  EXPECT_TRUE(nothing.removed.empty() && nothing.added_deletes.empty());
  auto load = write(by_group, R"([{"id":7,"grp":"a"},{"id":8}])");
  for (auto& file : load) file.spec_id = 1;
  const auto result = Must(OverwritePartitions(*files, options, table.target(), load));
  EXPECT_EQ(result.rows_deleted, 4);
  EXPECT_EQ(result.removed.size(), 2u);
  table.Apply(result);
  EXPECT_EQ(table.Texts(*files), (Texts{"2 b null null", "5 c null null", "7 a null null", "8 null null null"}));
}

}  // namespace
}  // namespace firn::table
