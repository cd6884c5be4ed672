#include "table/commit/contiguity.h"

#include <gtest/gtest.h>

namespace firn::table {
namespace {

StreamToken Token(int64_t epoch, StateVersion from, StateVersion to, std::string run) {
  return {.epoch = epoch, .from = std::move(from), .to = std::move(to), .run = std::move(run)};
}

const StateVersion kZero{};
const StateVersion kOne{.sequence = 1, .hash = "a"};
const StateVersion kTwo{.sequence = 2, .hash = "b"};
const StateVersion kOtherTwo{.sequence = 2, .hash = "c"};
const StateVersion kThree{.sequence = 3, .hash = "d"};

struct Case {
  const char* name;
  std::optional<StreamToken> parent;
  StreamToken mine;
  Verdict verdict;
};

TEST(Contiguity, JudgesEveryCase) {
  const StreamToken mine = Token(2, kTwo, kThree, "me");
  const Case cases[] = {
      {"first commit of a stream", std::nullopt, Token(1, kZero, kOne, "me"), Verdict::kContiguous},
      {"table lost what I build on", std::nullopt, mine, Verdict::kOverlap},
      {"next after my own", Token(2, kOne, kTwo, "me"), mine, Verdict::kContiguous},
      {"next after an older owner", Token(1, kOne, kTwo, "old"), mine, Verdict::kContiguous},
      {"the same commit", mine, mine, Verdict::kAlreadyDone},
      {"same state by another run of my epoch", Token(2, kTwo, kThree, "twin"), mine, Verdict::kOverlap},
      {"same position by a newer owner", Token(3, kOne, kTwo, "new"), mine, Verdict::kFenced},
      {"moved on by a newer owner", Token(3, kTwo, kThree, "new"), mine, Verdict::kFenced},
      {"moved on by an older owner", Token(1, kTwo, kThree, "old"), mine, Verdict::kOverlap},
      {"same sequence, other state", Token(1, kOne, kOtherTwo, "old"), mine, Verdict::kOverlap},
      {"behind", Token(1, kZero, kOne, "old"), mine, Verdict::kOverlap},
      {"first commit again", Token(1, kZero, kOne, "old"), Token(1, kZero, kOne, "me"), Verdict::kOverlap},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(VerdictName(Judge(test.parent, test.mine)), VerdictName(test.verdict)) << test.name;
  }
}

TEST(Contiguity, JudgesGroups) {
  using enum Verdict;
  EXPECT_EQ(JudgeGroup({kContiguous, kContiguous}), kContiguous);
  EXPECT_EQ(JudgeGroup({kAlreadyDone, kAlreadyDone}), kAlreadyDone);
  EXPECT_EQ(JudgeGroup({kAlreadyDone, kContiguous}), kMixed);
  EXPECT_EQ(JudgeGroup({kContiguous, kOverlap}), kOverlap);
  EXPECT_EQ(JudgeGroup({kOverlap, kAlreadyDone, kFenced}), kFenced);
}

}  // namespace
}  // namespace firn::table
