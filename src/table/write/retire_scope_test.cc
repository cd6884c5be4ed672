#include "table/write/retire_scope.h"

#include <gtest/gtest.h>

#include <set>

#include "table/write/fake_table_test_support.h"
#include "table/write/merge_strategy.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::FakeTable;
using testing::Must;
using testing::TestFolder;

/// id, whose child, at, value, when it was deleted.
schema::Schema TestSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                     {.id = 2, .name = "parent", .type = schema::Long()},
                     {.id = 3, .name = "at", .type = schema::Long()},
                     {.id = 4, .name = "value", .type = schema::String()},
                     {.id = 5, .name = "deleted_at", .type = schema::TimestampTz()}}};
}

class RetireScopeTest : public ::testing::TestWithParam<int32_t> {
 protected:
  MergeOptions Options(RetireScope scope, bool soft = false) {
    UpsertRules rules{.now_micros = 7'000'000, .skips_unchanged = true};
    if (soft) rules.deleted_at_field_id = 5;
    return {.writer = testing::OptionsOf(TestSchema(), folder_),
            .format_version = GetParam(),
            .key_field_ids = {1},
            .strategy = MakeUpsert(rules),
            .retire = std::move(scope)};
  }
  Result<MergeResult> Load(const MergeOptions& options, const std::string& rows, const std::string& names = "",
                           bool retires = true) {
    auto merge = Must(MergeWriter::Make(*files_, options));
    ARROW_RETURN_NOT_OK(merge->Append(BatchOf(TestSchema(), rows)).status());
    if (!names.empty()) ARROW_RETURN_NOT_OK(merge->Name(BatchOf(TestSchema(), names)));
    MergeTarget target = table_.target();
    target.retires = retires;
    ARROW_ASSIGN_OR_RAISE(MergeResult result, merge->Finish(target));
    table_.Apply(result);
    return result;
  }
  std::set<std::string> Ids() {
    std::set<std::string> ids;
    for (const std::string& text : table_.Texts(*files_)) ids.insert(text.substr(0, text.find(' ')));
    return ids;
  }

  TestFolder folder_;
  std::unique_ptr<io::FileStore> files_ = io::MakeLocalFileStore();
  FakeTable table_{GetParam(), {}, TestSchema()};
};

constexpr char kRows[] = R"([{"id":1,"parent":1,"at":10},{"id":2,"parent":1,"at":20},{"id":3,"parent":2,"at":30},
                             {"id":4,"parent":2},{"id":5,"at":50}])";

TEST_P(RetireScopeTest, AListingTakesOutWhatItDoesNotHave) {
  Must(Load(Options({}), kRows));
  const MergeResult result =
      Must(Load(Options({.kind = RetireScope::Kind::kAll}), R"([{"id":1,"parent":1,"at":10},{"id":9}])"));
  EXPECT_EQ(result.rows_deleted, 4);
  EXPECT_EQ(result.rows_skipped, 1) << "the same row is not written again";
  EXPECT_EQ(result.rows_inserted, 1);
  EXPECT_EQ(Ids(), (std::set<std::string>{"1", "9"}));
}

TEST_P(RetireScopeTest, ALoadThatIsNotWholeTakesOutNothing) {
  Must(Load(Options({}), kRows));
  EXPECT_EQ(Must(Load(Options({.kind = RetireScope::Kind::kAll}), R"([{"id":1,"at":11}])", "", false)).rows_deleted, 0);
  EXPECT_EQ(Ids().size(), 5u);
}

TEST_P(RetireScopeTest, OfARangeOnlyRowsInItAreTakenOut) {
  Must(Load(Options({}), kRows));
  RetireScope scope{.kind = RetireScope::Kind::kRange, .order_field_id = 3, .order_type = schema::Long(), .begin = 20};
  EXPECT_EQ(Must(Load(Options(scope), R"([{"id":3,"parent":2,"at":30}])")).rows_deleted, 2);
  EXPECT_EQ(Ids(), (std::set<std::string>{"1", "3", "4"})) << "10 lies before it, null is nowhere";
  scope.begin = INT64_MIN;
  scope.end = 30;
  scope.nulls = true;
  EXPECT_EQ(Must(Load(Options(scope), R"([{"id":7}])")).rows_deleted, 2);
  EXPECT_EQ(Ids(), (std::set<std::string>{"3", "7"}));
}

TEST_P(RetireScopeTest, OfNamedParentsAllRowsAreReplacedAndNullNamesNobody) {
  Must(Load(Options({}), kRows));
  const RetireScope scope{.kind = RetireScope::Kind::kNamed, .named = {2}};
  const MergeResult result =
      Must(Load(Options(scope), R"([{"id":2,"parent":1,"at":20}])", R"([{"parent":1},{"parent":null},{"parent":8}])"));
  EXPECT_EQ(result.rows_deleted, 1);
  EXPECT_EQ(Ids(), (std::set<std::string>{"2", "3", "4", "5"}));
  EXPECT_EQ(Must(Load(Options(scope), "[]", R"([{"parent":2}])")).rows_deleted, 2) << "a load of no row at all";
  EXPECT_EQ(Ids(), (std::set<std::string>{"2", "5"}));
}

TEST_P(RetireScopeTest, ARowThatMovedToAnotherParentStays) {
  Must(Load(Options({}), kRows));
  const RetireScope scope{.kind = RetireScope::Kind::kNamed, .named = {2}};
  Must(Load(Options(scope), R"([{"id":1,"parent":2,"at":10},{"id":3,"parent":2,"at":30}])",
            R"([{"parent":1},{"parent":2}])"));
  EXPECT_EQ(Ids(), (std::set<std::string>{"1", "3", "5"}));
}

TEST_P(RetireScopeTest, SoftDeletionsAreMarkedOnceAndNotCountedAgain) {
  Must(Load(Options({}, true), kRows));
  int64_t in_scope = 0, retired = 0;
  MergeOptions options = Options({.kind = RetireScope::Kind::kAll}, true);
  options.approve = [&](const MergeCounts& counts) {
    in_scope = counts.in_scope;
    retired = counts.retired;
    return Status::OK();
  };
  EXPECT_EQ(Must(Load(options, R"([{"id":1,"parent":1,"at":10},{"id":2,"parent":1,"at":20}])")).rows_deleted, 3);
  EXPECT_EQ(std::pair(in_scope, retired), std::pair(int64_t{5}, int64_t{3}));
  EXPECT_EQ(Must(Load(options, R"([{"id":1,"parent":1,"at":10},{"id":2,"parent":1,"at":20}])")).rows_deleted, 0);
  EXPECT_EQ(std::pair(in_scope, retired), std::pair(int64_t{2}, int64_t{0}));
  EXPECT_EQ(Must(Load(options, kRows)).rows_updated, 3) << "they are back";
  EXPECT_EQ(Ids().size(), 5u);
}

TEST_P(RetireScopeTest, WhatIsNotApprovedWritesNothing) {
  Must(Load(Options({}), kRows));
  MergeOptions options = Options({.kind = RetireScope::Kind::kAll});
  options.approve = [](const MergeCounts& counts) {
    return counts.retired > 1 ? MakeError(Fault::kContract, "too many") : Status::OK();
  };
  EXPECT_EQ(FaultOf(Load(options, R"([{"id":1}])").status()), Fault::kContract);
  EXPECT_EQ(Ids().size(), 5u);
}

TEST_P(RetireScopeTest, TellsWhichKeysAreGone) {
  Must(Load(Options({}), kRows));
  int64_t gone = 0;
  MergeOptions options = Options({.kind = RetireScope::Kind::kAll});
  options.on_gone = [&](const std::shared_ptr<arrow::RecordBatch>& keys) {
    EXPECT_EQ(keys->num_columns(), 1);
    gone += keys->num_rows();
    return Status::OK();
  };
  Must(Load(options, R"([{"id":1},{"id":2}])"));
  EXPECT_EQ(gone, 3);
}

TEST_P(RetireScopeTest, RowsOfLaterFilesAreNotSpokenOf) {
  Must(Load(Options({}), kRows));
  EXPECT_EQ(Must(Load(Options({.kind = RetireScope::Kind::kAll, .sequence_max = -1}), R"([{"id":1}])")).rows_deleted,
            0);
}

INSTANTIATE_TEST_SUITE_P(Versions, RetireScopeTest, ::testing::Values(2, 3));

TEST(RetireScope, BoundsOfAFileLeaveItOut) {
  RetireScope scope{
      .kind = RetireScope::Kind::kRange, .order_field_id = 3, .order_type = schema::Long(), .begin = 20, .end = 30};
  const auto little = [](int64_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  DataFile file;
  EXPECT_TRUE(scope.MayHold(file)) << "nothing is known";
  file.lower_bounds[3] = little(1);
  file.upper_bounds[3] = little(19);
  EXPECT_FALSE(scope.MayHold(file));
  file.upper_bounds[3] = little(20);
  EXPECT_TRUE(scope.MayHold(file));
  file.lower_bounds[3] = little(30);
  file.upper_bounds[3] = little(40);
  EXPECT_FALSE(scope.MayHold(file));
  scope.nulls = true;
  EXPECT_TRUE(scope.MayHold(file));
  file.null_value_counts[3] = 0;
  EXPECT_FALSE(scope.MayHold(file));
}

}  // namespace
}  // namespace firn::table
