#include "pipeline/checks.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

using config::CheckConfig;
using Kind = CheckConfig::Kind;

const catalog::TableIdentifier kOrders{.ns = {"shop"}, .name = "or\"ders"};

TEST(Checks, AreQueriesThatCountBadRows) {
  EXPECT_EQ(SqlOfCheck({.kind = Kind::kNotNull}, kOrders, {"a b"}),
            R"(SELECT count(*) FROM "shop"."or""ders" WHERE "a b" IS NULL)");
  EXPECT_EQ(
      SqlOfCheck({.kind = Kind::kAcceptedValues, .values = {"a", "it's"}}, kOrders, {"s"}),
      R"(SELECT count(*) FROM "shop"."or""ders" WHERE "s" IS NOT NULL AND CAST("s" AS VARCHAR) NOT IN ('a', 'it''s'))");
  EXPECT_EQ(SqlOfCheck({.kind = Kind::kRange, .min = "-1.5", .max = "2024-01-01"}, kOrders, {"s"}),
            R"(SELECT count(*) FROM "shop"."or""ders" WHERE "s" < -1.5 OR "s" > '2024-01-01')");
  EXPECT_EQ(SqlOfCheck({.kind = Kind::kRange, .max = "inf"}, kOrders, {"s"}),
            R"(SELECT count(*) FROM "shop"."or""ders" WHERE "s" > 'inf')");
  EXPECT_EQ(SqlOfCheck({.kind = Kind::kRowCount}, kOrders, {}), R"(SELECT count(*) FROM "shop"."or""ders")");
}

table::TableMetadata Chain(const std::vector<std::map<std::string, std::string>>& summaries) {
  table::TableMetadata metadata;
  int64_t id = 0;
  for (const auto& summary : summaries) {
    table::Snapshot snapshot{.snapshot_id = {++id}, .summary = summary};
    if (id > 1) snapshot.parent_snapshot_id = table::SnapshotId{id - 1};
    metadata.snapshots.push_back(snapshot);
    metadata.current_snapshot_id = snapshot.snapshot_id;
  }
  return metadata;
}

TEST(Checks, UsualIsTheMedianOfWhatMainHad) {
  EXPECT_EQ(UsualRows(Chain({}), "r"), std::nullopt);
  const auto metadata = Chain({{{"total-records", "10"}},
                               {{"total-records", "30"}, {"total-position-deletes", "10"}},
                               {{"total-records", "30"}},
                               {{"total-records", "999"}, {"operation", "replace"}},
                               {{"total-records", "999"}, {"total-equality-deletes", "1"}},
                               {{"total-records", "999"}, {"firn.run", "r"}}});
  EXPECT_EQ(UsualRows(metadata, "r"), 20);
  EXPECT_EQ(UsualRows(metadata, "other"), 30);
}

}  // namespace
}  // namespace firn::pipeline
