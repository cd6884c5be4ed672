#include "pipeline/rederive.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

ArchivedRun Marked(const std::string& run, const std::string& from, const std::string& to, bool complete = true,
                   bool anew = false) {
  return {.run = run, .mark = {.run = run, .from = from, .to = to, .complete = complete, .anew = anew}};
}

TEST(ArchiveMark, RoundTrips) {
  const ArchiveMark mark{.run = "r1", .from = "a", .to = "b", .complete = true, .anew = true};
  EXPECT_EQ(*ParseArchiveMark(WriteArchiveMark(mark)), mark);
  EXPECT_EQ(FaultOf(ParseArchiveMark("{\"version\":2}").status()), Fault::kConfig);
  EXPECT_EQ(FaultOf(ParseArchiveMark("nonsense").status()), Fault::kBadData);
}

TEST(PlanRederive, ReadsCommittedRunsInOrder) {
  const auto plan = PlanRederive({Marked("1", "", "a"), {.run = "2"}, Marked("3", "a", "b")}, {}, "b", true, false);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->runs, (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(plan->uncommitted, (std::vector<std::string>{"2"}));
  EXPECT_TRUE(plan->gaps.empty());
}

TEST(PlanRederive, BeginsAtTheLastRunThatReadEverything) {
  const auto plan = PlanRederive({Marked("1", "", "a"), Marked("2", "a", "b", true, true), Marked("3", "b", "c")}, {},
                                 "c", false, false);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->runs, (std::vector<std::string>{"2", "3"}));
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

TEST(PlanRederive, TakesRunsThatOnlySnapshotsName) {
  const auto plan = PlanRederive({{.run = "1"}}, {"1"}, "a", false, false);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->runs, (std::vector<std::string>{"1"}));
}

TEST(PlanRederive, RefusesAppendsWhoseShareIsNotKnown) {
  const auto stopped = PlanRederive({Marked("1", "", "a", false)}, {}, "a", true, false);
  EXPECT_EQ(ContextOf(stopped.status())->code, "E0861");
  EXPECT_TRUE(PlanRederive({Marked("1", "", "a", false)}, {}, "a", false, false).ok());
}

TEST(PlanRederive, RefusesAnArchiveWithoutCommittedRuns) {
  EXPECT_EQ(ContextOf(PlanRederive({{.run = "1"}}, {}, "", false, false).status())->code, "E0860");
}

}  // namespace
}  // namespace firn::pipeline
