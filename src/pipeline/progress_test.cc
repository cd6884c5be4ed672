#include "pipeline/progress.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

TEST(WaitText, SaysHowLongWhyAndWhenItEnds) {
  WaitNote note{.delay_ms = 8'000, .gives_up_ms = 244'000, .attempt = 5, .why = "no connection: http://127.0.0.1:1/"};
  EXPECT_EQ(WaitText(note), "waiting 8 s, attempt 5: no connection: http://127.0.0.1:1/; gives up in 4m12s");
  note.attempts_max = 8;
  note.delay_ms = 40;
  note.gives_up_ms = 3'600'000;
  EXPECT_EQ(WaitText(note), "waiting 0.1 s, attempt 5 of 8: no connection: http://127.0.0.1:1/; gives up in 1h0m");
}

TEST(TableProgress, NumbersItsWaits) {
  RunProgress run;
  TableProgress& table = run.Add("shop.orders");
  EXPECT_EQ(table.wait().number, 0);
  table.Wait({.why = "a"});
  table.Wait({.why = "b"});
  EXPECT_EQ(table.wait().number, 2);
  EXPECT_EQ(table.wait().why, "b");
  EXPECT_EQ(run.Find("shop.orders"), &table);
  EXPECT_EQ(run.Find("shop.items"), nullptr);
}

}  // namespace
}  // namespace firn::pipeline
