#include "pipeline/backfill_range.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

config::IncrementalConfig Cursor(config::CursorFormat format = config::CursorFormat::kIso) {
  return {.cursor = "at", .format = format, .pattern = "%d.%m.%Y"};
}

Slices Cut(const BackfillRange& range, config::CursorFormat format = config::CursorFormat::kIso) {
  auto slices = SlicesOf(range, Cursor(format));
  EXPECT_TRUE(slices.ok()) << slices.status();
  return slices.ok() ? *slices : Slices();
}

TEST(BackfillRange, IsCutWithoutGapOrOverlap) {
  EXPECT_EQ(Cut({.from = "2025-01-01", .to = "2025-01-08", .step = "3d"}),
            (Slices{{"2025-01-01", "2025-01-04T00:00:00Z"},
                    {"2025-01-04T00:00:00Z", "2025-01-07T00:00:00Z"},
                    {"2025-01-07T00:00:00Z", "2025-01-08"}}));
  EXPECT_EQ(Cut({.from = "0", .to = "25", .step = "10"}), (Slices{{"0", "10"}, {"10", "20"}, {"20", "25"}}));
  EXPECT_EQ(Cut({.from = "a", .to = "b"}), (Slices{{"a", "b"}}));
  EXPECT_EQ(Cut({.from = "1735689600", .to = "2025-01-03", .step = "1d"}, config::CursorFormat::kEpochSeconds),
            (Slices{{"1735689600", "1735776000"}, {"1735776000", "2025-01-03"}}));
  EXPECT_EQ(Cut({.from = "2025-01-01", .to = "2025-01-03", .step = "6h"}, config::CursorFormat::kPattern).size(), 3u)
      << "no slice is finer than the format";
}

TEST(BackfillRange, BadOnesAreRefusedByName) {
  for (const BackfillRange& range :
       {BackfillRange{.from = "2025-01-01"}, BackfillRange{.from = "9", .to = "1", .step = "1"},
        BackfillRange{.from = "x", .to = "y", .step = "1d"}, BackfillRange{.from = "1", .to = "9", .step = "0"},
        BackfillRange{.from = "2000-01-01", .to = "2025-01-01", .step = "1m"}}) {
    const auto slices = SlicesOf(range, Cursor());
    ASSERT_FALSE(slices.ok()) << range.from;
    EXPECT_EQ(ContextOf(slices.status())->code, "E0876");
  }
  // However each is written, and without a step too.
  EXPECT_FALSE(SlicesOf({.from = "2024-01-01T00:00:00+02:00", .to = "2023-09-15"}, {}).ok());
  EXPECT_FALSE(SlicesOf({.from = "20", .to = "3"}, {}).ok());
  EXPECT_TRUE(SlicesOf({.from = "3", .to = "20"}, {}).ok());
}

TEST(BackfillRange, WorkersShareAllSlices) {
  for (int64_t slices = 1; slices < 20; ++slices) {
    for (int64_t workers = 1; workers < 6; ++workers) {
      int64_t sum = 0;
      for (int64_t worker = 0; worker < workers; ++worker) sum += SharesOf(slices, workers, worker);
      EXPECT_EQ(sum, slices) << workers;
    }
  }
}

TEST(BackfillState, ComesBackAsItWasWritten) {
  const BackfillState state{.fingerprint = "f",
                            .begun = "run",
                            .range = {.from = "2025-01-01", .to = "2025-02-01", .step = "1d"},
                            .workers = 3,
                            .worker = 2,
                            .done = 4,
                            .cancelled = true};
  const auto parsed = ParseBackfillState(WriteBackfillState(state));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, state);
  EXPECT_TRUE(ParseBackfillState("")->begun.empty());
  for (const char* bad : {"{", "[]", "{\"version\":1}", "7"}) EXPECT_FALSE(ParseBackfillState(bad).ok()) << bad;
}

}  // namespace
}  // namespace firn::pipeline
