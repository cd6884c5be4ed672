#include "pipeline/row_comparison.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

TestedTable Orders(std::vector<std::string> rows) {
  return {
      .name = "orders", .types = {{"id", "long"}, {"total", "decimal(12, 2)"}}, .key = {"id"}, .rows = std::move(rows)};
}

std::vector<std::string> Texts(const std::vector<TestedTable>& expected, const std::vector<TestedTable>& got) {
  std::vector<std::string> texts;
  for (const auto& difference : CompareTables(expected, got)) texts.push_back(ToText(difference));
  return texts;
}

TEST(RowComparison, NamesRowAndColumn) {
  EXPECT_EQ(Texts({Orders({R"({"id":1,"total":1.50})", R"({"id":2,"total":2})"})},
                  {Orders({R"({"id":1,"total":1.5})", R"({"id":3,"total":3})"})}),
            (std::vector<std::string>{R"(orders {"id":1} total: expected 1.50, got 1.5)",
                                      R"(orders {"id":2}: expected {"id":2,"total":2}, got no row)",
                                      R"(orders {"id":3}: expected no row, got {"id":3,"total":3})"}));
}

TEST(RowComparison, EqualRowsDifferInNothing) {
  EXPECT_TRUE(Texts({Orders({R"({"id":1,"total":1.50})"})}, {Orders({R"({"id":1,"total":1.50})"})}).empty());
  EXPECT_TRUE(Texts({}, {}).empty());
}

TEST(RowComparison, WithoutAKeyWholeRowsCountAsOftenAsTheyAreThere) {
  TestedTable expected = Orders({R"({"id":1})", R"({"id":1})"}), got = Orders({R"({"id":1})", R"({"id":2})"});
  EXPECT_EQ(Texts({expected}, {got}).size(), 2U);  // the key repeats
  expected.key = got.key = {};
  EXPECT_EQ(Texts({expected}, {got}), (std::vector<std::string>{R"(orders {"id":1}: expected {"id":1}, got no row)",
                                                                R"(orders {"id":2}: expected no row, got {"id":2})"}));
}

TEST(RowComparison, NamesTypesColumnsAndTables) {
  TestedTable got = Orders({});
  got.types = {{"id", "long"}, {"total", "string"}, {"note", "string"}};
  EXPECT_EQ(Texts({Orders({}), {.name = "gone", .types = {}, .key = {}, .rows = {"{}"}}}, {got}),
            (std::vector<std::string>{"orders column total: expected decimal(12, 2), got string",
                                      "orders column note: expected nothing, got string",
                                      "gone: expected 1 rows, got no table"}));
  EXPECT_EQ(Texts({}, {got}), (std::vector<std::string>{"orders: expected no table, got 0 rows"}));
}

}  // namespace
}  // namespace firn::pipeline
