#include "pipeline/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunResult RunOf(const std::string& table, int64_t rows) {
  TableResult result;
  result.pipeline = "shop";
  result.identifier = table;
  result.rows.read = rows;
  result.rows.inserted = rows;
  RunResult run;
  run.finished = {.micros = 1'500'000};
  run.tables = {result};
  return run;
}

TEST(MetricsText, CountersGoOnAndOtherTablesStay) {
  const std::string one = MetricsText("", RunOf("shop.a", 3));
  EXPECT_THAT(one, HasSubstr("# TYPE firn_run_rows_written_total counter\n"
                             "firn_run_rows_written_total{pipeline=\"shop\",table=\"shop.a\"} 3\n"));
  EXPECT_THAT(one, HasSubstr("firn_table_last_run_timestamp_seconds{pipeline=\"shop\",table=\"shop.a\"} 1.5\n"));
  const std::string two = MetricsText(MetricsText(one, RunOf("shop.b", 1)), RunOf("shop.a", 4));
  EXPECT_THAT(two, HasSubstr("firn_run_rows_written_total{pipeline=\"shop\",table=\"shop.a\"} 7\n"
                             "firn_run_rows_written_total{pipeline=\"shop\",table=\"shop.b\"} 1\n"));
}

TEST(MetricsText, TakesNothingFromWhatIsNotOurs) {
  const std::string text = MetricsText(
      "node_load1 7\nfirn_run_rows_read_total{a=\"b\"} x\nfirn_build_info{version=\"0\"} 1\n\n }{", RunOf("shop.a", 1));
  EXPECT_THAT(text, Not(HasSubstr("node_load1")));
  EXPECT_THAT(text, Not(HasSubstr("a=\"b\"")));
  EXPECT_THAT(text, Not(HasSubstr("version=\"0\"")));
}

TEST(MetricsText, EscapesLabels) {
  EXPECT_THAT(MetricsText("", RunOf("a\"b\\c\nd", 1)), HasSubstr("table=\"a\\\"b\\\\c\\nd\""));
}

TEST(MetricsText, ARunThatCouldNotBeginLeavesTablesAlone) {
  const std::string one = MetricsText("", RunOf("shop.a", 3));
  const std::string text = MetricsText(one, MakeError(Fault::kAuth, "no"), {.micros = 9'000'000});
  EXPECT_THAT(text, HasSubstr("firn_last_run_exit_code 4\n"));
  EXPECT_THAT(text, HasSubstr("firn_last_run_timestamp_seconds 9\n"));
  EXPECT_THAT(text, HasSubstr("firn_run_rows_written_total{pipeline=\"shop\",table=\"shop.a\"} 3\n"));
}

}  // namespace
}  // namespace firn::pipeline
