#include <gtest/gtest.h>

#include "config/project.h"

namespace firn::config {
namespace {

std::vector<CheckConfig> ChecksOf(const std::string& table) {
  LoadOptions options{.config = "-", .working_folder = "/srv"};
  options.stdin_text =
      "version: 1\npipelines:\n  shop:\n    source: {type: rest, base_url: https://api.shop.example}\n" +
      ("    tables:\n      orders: " + table + "\n");
  Diagnostics diagnostics;
  const auto project = LoadProject(options, &diagnostics);
  EXPECT_TRUE(project.ok()) << Render(diagnostics);
  return project.ok() ? project->pipelines[0].tables[0].checks : std::vector<CheckConfig>();
}

TEST(Checks, OneForEachColumnThatMustNotBeNull) {
  const auto checks = ChecksOf("{checks: [{not_null: [id, customer.email]}, {name: keys, not_null: [id, x]}]}");
  ASSERT_EQ(checks.size(), 4u);
  EXPECT_EQ(checks[1].name, "not_null(customer.email)");
  EXPECT_EQ(checks[1].columns, std::vector<std::string>{"customer.email"});
  EXPECT_EQ(checks[3].name, "keys(x)");
}

TEST(Checks, FailByDefaultOnlyWhereTheyCanStopPublishing) {
  using OnFailure = CheckConfig::OnFailure;
  EXPECT_EQ(ChecksOf("{checks: [{unique: id}]}")[0].on_failure, OnFailure::kWarn);
  EXPECT_EQ(ChecksOf("{publish: audit, checks: [{unique: id}]}")[0].on_failure, OnFailure::kFail);
  EXPECT_EQ(ChecksOf("{checks: [{unique: id, on_failure: fail}]}")[0].on_failure, OnFailure::kFail);
  EXPECT_EQ(ChecksOf("{publish: audit, checks: [{unique: id, on_failure: warn}]}")[0].on_failure, OnFailure::kWarn);
}

TEST(Checks, KeepWhatIsWritten) {
  const auto checks = ChecksOf(
      "{checks: [{range: {column: total, min: -1.50}}, {row_count: {max: 9, change_percent: 50}}, "
      "{freshness: {column: at, max_age: 1h}}, {name: q, sql: select 1}, {unique: [a, b]}]}");
  ASSERT_EQ(checks.size(), 5u);
  EXPECT_EQ(checks[0].min, "-1.50");
  EXPECT_EQ(checks[0].max, std::nullopt);
  EXPECT_EQ(checks[1].rows_min, std::nullopt);
  EXPECT_EQ(checks[1].rows_max, 9);
  EXPECT_EQ(checks[1].change_percent_max, 50);
  EXPECT_EQ(checks[2].age_ms_max, 3'600'000);
  EXPECT_EQ(checks[3].name, "q");
  EXPECT_EQ(checks[3].sql, "select 1");
  EXPECT_EQ(checks[4].columns.size(), 2u);
}

}  // namespace
}  // namespace firn::config
