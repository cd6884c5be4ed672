#include "pipeline/column_binding.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

TEST(ColumnBinding, KnowsWhatDecodedColumnsAreCalledInTheTable) {
  schema::Schema decoded{.fields = {{1, "OrderID", schema::Long()}, {2, "plain", schema::Long()}}};
  // The decoder tells keys apart that differ in case alone; the naming does not need that.
  decoded.fields.push_back({3, "ORDERID__2", schema::Long()});
  decoded.fields.back().doc = "firn:key=ORDERID";
  ColumnBinding binding(nullptr, RunColumns::kNone, config::Naming::kSnakeCase);
  ASSERT_TRUE(binding.Bind(decoded).ok());
  EXPECT_EQ(binding.NameOf("OrderID"), "order_id");
  EXPECT_EQ(binding.NameOf("ORDERID__2"), "orderid");
  EXPECT_EQ(binding.NameOf("plain"), "plain");
  EXPECT_EQ(binding.NameOf("unknown"), "unknown");
}

}  // namespace
}  // namespace firn::pipeline
