#include "table/metadata/live_rows.h"

#include <gtest/gtest.h>

namespace firn::table {
namespace {

std::optional<int64_t> Of(std::map<std::string, std::string> summary) {
  Snapshot snapshot;
  snapshot.summary = std::move(summary);
  return LiveRows(snapshot);
}

TEST(LiveRows, AreTheRecordsWithoutTheDeletedOnes) {
  EXPECT_EQ(Of({{"total-records", "11"}}), 11);
  EXPECT_EQ(Of({{"total-records", "11"}, {"total-position-deletes", "2"}, {"total-equality-deletes", "0"}}), 9);
}

TEST(LiveRows, AreNotGuessed) {
  EXPECT_EQ(Of({}), std::nullopt);
  EXPECT_EQ(Of({{"total-records", "many"}}), std::nullopt);
  EXPECT_EQ(Of({{"total-records", "11"}, {"total-equality-deletes", "1"}}), std::nullopt);
}

}  // namespace
}  // namespace firn::table
