#include "pipeline/files_project.h"

#include <gtest/gtest.h>

#include <map>

namespace firn::pipeline {
namespace {

using Patterns = std::map<std::string, std::vector<std::string>>;

Patterns PatternsOf(const std::vector<std::string>& paths, Naming naming = Naming::kSimilar) {
  const auto report = GroupFiles("./in", paths, naming);
  EXPECT_TRUE(report.ok()) << report.status();
  Patterns patterns;
  for (const FileGroup& group : report->groups) patterns.emplace(group.table, group.patterns);
  return patterns;
}

TEST(FilesProject, NumbersDatesAndIdsMakeNoTables) {
  EXPECT_EQ(PatternsOf({"orders-2024-01-31.csv", "orders-2024-02-01.csv.gz", "items.ndjson"}),
            (Patterns{{"orders", {"orders-*.{csv,csv.gz}"}}, {"items", {"items.ndjson"}}}));
  EXPECT_EQ(PatternsOf({"2024/01/orders_1.csv", "2024/02/orders_22.csv"}),
            (Patterns{{"orders", {"*/*/orders_*.csv"}}}));
  EXPECT_EQ(PatternsOf({"events/part-00000-8f14e45f-ceea-467f-a0e6-1234567890ab.parquet",
                        "events/part-00001-c9f0f895-fb98-4b91-9d0e-abcdef012345.parquet"}),
            (Patterns{{"events", {"events/part-*.parquet"}}}));
  EXPECT_EQ(PatternsOf({"sales/year=2024/data.parquet", "sales/year=2025/data.parquet"}),
            (Patterns{{"sales", {"sales/year=*/data.parquet"}}}));
}

TEST(FilesProject, WordsMakeTables) {
  EXPECT_EQ(PatternsOf({"eu/orders.csv", "us/orders.csv", "face.csv", "decade.json"}),
            (Patterns{{"orders", {"eu/orders.csv"}},
                      {"orders_2", {"us/orders.csv"}},
                      {"face", {"face.csv"}},
                      {"decade", {"decade.json"}}}));
  EXPECT_EQ(PatternsOf({"a-2024.zip/orders.csv", "a-2025.zip/orders.csv", "a-2025.zip/items.csv"}),
            (Patterns{{"orders", {"a-*.zip/orders.csv"}}, {"items", {"a-*.zip/items.csv"}}}));
}

// A table must not take the files of another one: their rows would be there twice.
TEST(FilesProject, PatternsTakeNoFilesOfOthers) {
  EXPECT_EQ(PatternsOf({"orders-1.csv", "orders-2.csv", "orders-eu-1.csv"}),
            (Patterns{{"orders", {"orders-[0-9]*.csv"}}, {"orders_eu", {"orders-eu-*.csv"}}}));
  EXPECT_EQ(PatternsOf({"1.csv", "2.csv", "3x.csv"}).at("rows"), (std::vector<std::string>{"1.csv", "2.csv"}));
}

TEST(FilesProject, OneFileIsMeantAlone) {
  EXPECT_EQ(PatternsOf({"orders-2024[1].csv"}, Naming::kExact), (Patterns{{"orders", {"orders-2024\\[1\\].csv"}}}));
}

TEST(FilesProject, WhatHoldsNoRowsIsLeftOut) {
  const auto report = GroupFiles("./in", {"a.csv", "b.pdf", ".c.csv", ".git/d.csv", ".csv"}, Naming::kSimilar);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->groups.size(), 1U);
  EXPECT_EQ(report->left_out, (std::vector<std::string>{"b.pdf"}));
  EXPECT_EQ(FaultOf(GroupFiles("./in", {"b.pdf"}, Naming::kSimilar).status()), Fault::kConfig);
  EXPECT_NE(ProjectOf(*report).yaml.find("path: a.csv"), std::string::npos);
}

}  // namespace
}  // namespace firn::pipeline
