#include "table/write/row_level_mode.h"

#include <gtest/gtest.h>

namespace firn::table {
namespace {

using Properties = std::map<std::string, std::string>;

RequestedRowLevelMode Asked(const Properties& properties) {
  const auto asked = RowLevelModeOf(properties);
  EXPECT_TRUE(asked.ok()) << asked.status();
  EXPECT_TRUE(asked.ok() && asked->has_value());
  return asked.ok() && *asked ? **asked : RequestedRowLevelMode();
}

TEST(RowLevelMode, TheMergePropertyWins) {
  const auto asked = Asked({{"write.merge.mode", "merge-on-read"}, {"write.delete.mode", "copy-on-write"}});
  EXPECT_EQ(asked.mode, RowLevelMode::kMergeOnRead);
  EXPECT_EQ(asked.property, "write.merge.mode");
  EXPECT_EQ(Asked({{"write.merge.mode", "Copy-On-Write"}}).mode, RowLevelMode::kCopyOnWrite) << "in any case";
}

TEST(RowLevelMode, EitherHalfOfAMergeAsksForCopies) {
  for (const char* property : {"write.delete.mode", "write.update.mode"}) {
    Properties properties = {{"write.delete.mode", "merge-on-read"}, {"write.update.mode", "merge-on-read"}};
    EXPECT_EQ(Asked(properties).mode, RowLevelMode::kMergeOnRead);
    properties[property] = "copy-on-write";
    EXPECT_EQ(Asked(properties).mode, RowLevelMode::kCopyOnWrite) << property;
    EXPECT_EQ(Asked(properties).property, property);
    EXPECT_EQ(Asked({{property, "copy-on-write"}}).mode, RowLevelMode::kCopyOnWrite) << property;
  }
}

TEST(RowLevelMode, NothingIsAskedForWithoutTheProperties) {
  const auto asked = RowLevelModeOf({{"write.format.default", "parquet"}});
  ASSERT_TRUE(asked.ok());
  EXPECT_FALSE(asked->has_value());
}

TEST(RowLevelMode, AnUnknownValueIsRefusedByName) {
  for (const char* property : {"write.merge.mode", "write.delete.mode", "write.update.mode"}) {
    const Status refused = RowLevelModeOf({{property, "copy_on_write"}}).status();
    EXPECT_EQ(FaultOf(refused), Fault::kConfig);
    EXPECT_NE(refused.message().find(property), std::string::npos) << refused;
  }
}

}  // namespace
}  // namespace firn::table
