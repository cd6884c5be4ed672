#include "config/engines.h"

#include <gtest/gtest.h>

namespace firn::config {
namespace {

TEST(Engines, ReadWhatTheTableSays) {
  EXPECT_TRUE(VersionsFor({"snowflake", "spark"}, true).version_2);
  EXPECT_TRUE(VersionsFor({"snowflake", "spark"}, true).version_3);
  const auto athena = VersionsFor({"snowflake", "athena"}, true);
  EXPECT_TRUE(athena.version_2);
  EXPECT_FALSE(athena.version_3);
  EXPECT_EQ(athena.without_3, "athena");
  EXPECT_FALSE(VersionsFor({"databricks"}, true).version_2);
  EXPECT_TRUE(VersionsFor({"databricks"}, false).version_2) << "without deletes all read version 2";
  const auto impossible = VersionsFor({"databricks", "athena", "hive"}, true);
  EXPECT_FALSE(impossible.version_2 || impossible.version_3);
  EXPECT_EQ(impossible.without_3, "athena, hive");
}

}  // namespace
}  // namespace firn::config
