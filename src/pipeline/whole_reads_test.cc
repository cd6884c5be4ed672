#include "pipeline/whole_reads.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

config::TableConfig Keyed() {
  config::TableConfig table;
  table.primary_key = {"id"};
  table.write_disposition = config::WriteDisposition::kMerge;
  return table;
}

TEST(WholeReads, AreTheExplainedDefaultOfSmallTables) {
  const WholeReads unknown = JudgeWholeReads(Keyed(), std::nullopt, nullptr);
  ASSERT_TRUE(unknown.choice);
  EXPECT_EQ(unknown.choice->field, "incremental");
  state::TableRecord last;
  last.rows_read = 12'345;
  last.source_bytes = 3 << 20;
  last.requests = 1'240;
  last.rows_updated = 12'345;
  const WholeReads known = JudgeWholeReads(Keyed(), 12'000, &last);
  ASSERT_TRUE(known.choice);
  EXPECT_NE(known.choice->why.find("12,345 rows"), std::string::npos) << known.choice->why;
  EXPECT_NE(known.choice->why.find("1,240 requests"), std::string::npos) << known.choice->why;
  EXPECT_EQ(known.warning, "");
}

TEST(WholeReads, OfLargeTablesAreWarnedOf) {
  const WholeReads large = JudgeWholeReads(Keyed(), kWholeReadRowsMax, nullptr);
  EXPECT_FALSE(large.choice);
  EXPECT_NE(large.warning.find("1,000,000 rows"), std::string::npos);
  EXPECT_NE(large.warning.find("incremental"), std::string::npos);
}

TEST(WholeReads, AreNoMatterOfOtherTables) {
  for (int kind = 0; kind < 3; ++kind) {
    config::TableConfig table = Keyed();
    if (kind == 0) table.incremental = config::IncrementalConfig{.cursor = "at"};
    if (kind == 1) table.parent = "orders";
    if (kind == 2) table.write_disposition = config::WriteDisposition::kAppend;
    const WholeReads said = JudgeWholeReads(table, 9'000'000, nullptr);
    EXPECT_FALSE(said.choice || !said.warning.empty()) << kind;
  }
}

}  // namespace
}  // namespace firn::pipeline
