#include "pipeline/rederive.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

ArchivedRun Marked(const std::string& run, const std::string& from, const std::string& to, bool complete = true,
                   bool anew = false) {
  return {.run = run, .mark = {.run = run, .from = from, .to = to, .complete = complete, .anew = anew}};
}

std::vector<std::string> Names(const std::vector<ArchivedRun>& runs) {
  std::vector<std::string> names;
  for (const ArchivedRun& run : runs) names.push_back(run.run);
  return names;
}

TEST(ArchiveMark, RoundTrips) {
  const ArchiveMark mark{.run = "r1", .table_uuid = "u", .from = "a", .to = "b", .complete = true, .anew = true};
  EXPECT_EQ(*ParseArchiveMark(WriteArchiveMark(mark, nullptr)), mark);
  EXPECT_EQ(FaultOf(ParseArchiveMark("{\"version\":5}").status()), Fault::kConfig);
  EXPECT_EQ(FaultOf(ParseArchiveMark("nonsense").status()), Fault::kBadData);
}

TEST(ArchiveMark, OfASealedRunIsNotToBeChanged) {
  const auto key = *io::ParseRawKey(std::string(64, '1'));
  const io::RawKeys keys{.write = key, .read = {key}, .where = ""};
  const ArchiveMark mark{.run = "r1", .table_uuid = "u", .from = "a", .to = "b", .complete = true, .entries = 3};
  ArchiveMark written = *ParseArchiveMark(WriteArchiveMark(mark, &key));
  EXPECT_EQ(written.entries, 3);
  EXPECT_TRUE(CheckArchiveMark(written, "r1", keys).ok());
  EXPECT_EQ(FaultOf(CheckArchiveMark(written, "r2", keys)), Fault::kBadData);
  EXPECT_EQ(ContextOf(CheckArchiveMark(written, "r1", {}))->code, "E0866");
  written.entries = 2;
  EXPECT_EQ(FaultOf(CheckArchiveMark(written, "r1", keys)), Fault::kBadData);
  EXPECT_EQ(FaultOf(CheckArchiveMark(mark, "r1", keys)), Fault::kBadData);
}

TEST(PlanRederive, ReadsCommittedRunsInOrder) {
  const auto plan = PlanRederive({Marked("1", "", "a"), {.run = "2"}, Marked("3", "a", "b")}, {}, "b", true, false);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(Names(plan->runs), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(plan->uncommitted, (std::vector<std::string>{"2"}));
  EXPECT_TRUE(plan->gaps.empty());
}

TEST(PlanRederive, BeginsAtTheLastRunThatReadEverything) {
  const auto plan = PlanRederive({Marked("1", "", "a"), Marked("2", "a", "b", true, true), Marked("3", "b", "c")}, {},
                                 "c", false, false);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(Names(plan->runs), (std::vector<std::string>{"2", "3"}));
  EXPECT_EQ(plan->superseded, (std::vector<std::string>{"1"}));
  EXPECT_TRUE(plan->gaps.empty());
}

TEST(PlanRederive, NamesWhatIsMissing) {
  const auto middle = PlanRederive({Marked("1", "", "a"), Marked("3", "b", "c")}, {}, "c", false, false);
  ASSERT_TRUE(middle.ok());
  EXPECT_EQ(middle->gaps, (std::vector<std::string>{"runs between 1 and 3"}));
  const auto ends = PlanRederive({Marked("2", "a", "b")}, {}, "c", false, false);
  ASSERT_TRUE(ends.ok());
  EXPECT_EQ(ends->gaps, (std::vector<std::string>{"runs before 2", "runs after 2"}));
}

TEST(PlanRederive, TakesTheRunsOfARangeAndNamesWhatTheyLack) {
  std::vector<ArchivedRun> runs = {Marked("1", "", "a"), Marked("2", "a", "b"), Marked("3", "b", "c")};
  for (size_t i = 0; i < runs.size(); ++i) runs[i].began = Timestamp{.micros = static_cast<int64_t>(i) * 10};
  const auto to = PlanRederive(runs, {}, "c", false, false, {.to = Timestamp{.micros = 20}});
  ASSERT_TRUE(to.ok());
  EXPECT_EQ(Names(to->runs), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(to->outside, (std::vector<std::string>{"3"}));
  EXPECT_EQ(to->gaps, (std::vector<std::string>{"runs after 2 (no run will read their rows again)"}));
  const auto from = PlanRederive(runs, {}, "c", false, false, {.from = Timestamp{.micros = 10}});
  ASSERT_TRUE(from.ok());
  EXPECT_EQ(Names(from->runs), (std::vector<std::string>{"2", "3"}));
  EXPECT_EQ(from->gaps, (std::vector<std::string>{"runs before 2"}));
  const auto replaced = PlanRederive(runs, {}, "c", false, true, {.to = Timestamp{.micros = 20}});
  ASSERT_TRUE(replaced.ok());
  EXPECT_EQ(Names(replaced->runs), (std::vector<std::string>{"2"}));
  EXPECT_TRUE(replaced->gaps.empty());
  const auto none = PlanRederive(runs, {}, "c", false, false, {.from = Timestamp{.micros = 30}});
  EXPECT_EQ(ContextOf(none.status())->code, "E0860");
  runs[1].began.reset();  // told by no id: it is not taken for one of the range
  EXPECT_EQ(Names(PlanRederive(runs, {}, "c", false, false, {.from = Timestamp{}})->runs),
            (std::vector<std::string>{"1", "3"}));
}

TEST(PlanRederive, TakesRunsThatOnlySnapshotsName) {
  const auto plan = PlanRederive({{.run = "1"}}, {.committed = {"1"}}, "a", false, false);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(Names(plan->runs), (std::vector<std::string>{"1"}));
}

TEST(ArchiveMark, OfVersion1SaysNoTable) {
  const auto mark =
      ParseArchiveMark("{\"version\":1,\"run\":\"r1\",\"from\":\"a\",\"to\":\"b\",\"complete\":true,\"anew\":false}");
  ASSERT_TRUE(mark.ok());
  EXPECT_EQ(mark->table_uuid, "");
  EXPECT_EQ(mark->to, "b");
}

TEST(PlanRederive, LeavesRunsOfOtherTablesOut) {
  ArchivedRun other = Marked("2", "", "x", true, true);
  other.owner = ArchivedRun::Owner::kOther;
  const auto plan = PlanRederive({Marked("1", "", "a"), other, Marked("3", "a", "b")}, {}, "b", false, false);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(Names(plan->runs), (std::vector<std::string>{"1", "3"}));
  EXPECT_TRUE(plan->gaps.empty());
}

TEST(PlanRederive, TakesRunsOfVersion1OnlyIfTheTableNamesThem) {
  ArchivedRun one = Marked("1", "", "a"), two = Marked("2", "", "b");
  one.owner = two.owner = ArchivedRun::Owner::kUnknown;
  const auto plan = PlanRederive({one, two}, {.committed = {"1"}}, "a", false, false);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(Names(plan->runs), (std::vector<std::string>{"1"}));
  EXPECT_EQ(ContextOf(PlanRederive({one, two}, {}, "a", false, false).status())->code, "E0865");
  EXPECT_EQ(ContextOf(PlanRederive({one, two, Marked("3", "b", "c")}, {}, "c", false, false).status())->code, "E0865");
}

TEST(PlanRederive, RefusesAppendsWhoseShareIsNotKnown) {
  const auto stopped = PlanRederive({Marked("1", "", "a", false)}, {}, "a", true, false);
  EXPECT_EQ(ContextOf(stopped.status())->code, "E0861");
  EXPECT_TRUE(PlanRederive({Marked("1", "", "a", false)}, {}, "a", false, false).ok());
}

TEST(PlanRederive, LeavesOutRunsThatWereTakenBack) {
  const std::vector<ArchivedRun> rewound = {Marked("1", "", "a"), Marked("2", "a", "b"), Marked("3", "a", "c")};
  const NamedRuns named{.committed = {"1", "3"}, .taken_back = {"2"}};
  const auto plan = PlanRederive(rewound, named, "c", true, false);
  EXPECT_EQ(Names(plan->runs), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(plan->taken_back, std::vector<std::string>{"2"});
  EXPECT_TRUE(plan->gaps.empty());
  // `--position keep`: what was taken back is not read again.
  const std::vector<ArchivedRun> kept = {Marked("1", "", "a"), Marked("2", "a", "b"), Marked("3", "b", "c")};
  EXPECT_TRUE(PlanRederive(kept, named, "c", true, false)->gaps.empty());
  EXPECT_TRUE(
      PlanRederive({kept[0], kept[1]}, {.committed = {"1"}, .taken_back = {"2"}}, "b", true, false)->gaps.empty());
  EXPECT_FALSE(PlanRederive({kept[0], kept[2]}, named, "c", true, false)->gaps.empty());
}

TEST(PlanRederive, NamesLoadsThatAreNotArchivedThoughPositionsGoOn) {
  std::vector<ArchivedRun> runs = {Marked("1", "", "a"), Marked("3", "a", "b"), Marked("5", "b", "c")};
  const auto gaps = [&](std::vector<std::string> loaded, bool reads_anew = false, const LoadedRange& range = {}) {
    return PlanRederive(runs, {.loaded = std::move(loaded)}, "c", false, reads_anew, range)->gaps;
  };
  EXPECT_TRUE(gaps({"1", "3", "5"}).empty());
  EXPECT_EQ(gaps({"0"}), (std::vector<std::string>{"runs before 1"}));
  EXPECT_EQ(gaps({"2", "4"}), (std::vector<std::string>{"runs between 1 and 3", "runs between 3 and 5"}));
  EXPECT_EQ(gaps({"6"}), (std::vector<std::string>{"runs after 5"}));
  EXPECT_TRUE(gaps({"2", "4"}, true).empty());
  EXPECT_FALSE(gaps({"6"}, true).empty());
  runs[1].mark.anew = true;
  EXPECT_TRUE(gaps({"1", "2"}).empty());
  EXPECT_FALSE(gaps({"4"}).empty());
  for (size_t i = 0; i < runs.size(); ++i) runs[i].began = Timestamp{.micros = static_cast<int64_t>(i) * 10};
  EXPECT_TRUE(gaps({"1", "3", "4", "5"}, true, {.to = Timestamp{.micros = 20}}).empty());
}

TEST(PlanRederive, RefusesAnArchiveWithoutCommittedRuns) {
  EXPECT_EQ(ContextOf(PlanRederive({{.run = "1"}}, {}, "", false, false).status())->code, "E0860");
}

}  // namespace
}  // namespace firn::pipeline
