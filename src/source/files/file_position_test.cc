#include "source/files/file_position.h"

#include <gtest/gtest.h>

namespace firn::source::files {
namespace {

TEST(FilePosition, IsReadBackAsItWas) {
  FilePosition position{.stamp = {.size = 12, .modified_micros = -5, .etag = "\"a b\""}};
  position.stamp.etag = "\"tag\"";
  EXPECT_EQ(ParseFilePosition(ToPosition(position)).ValueOrDie(), position);
  position.content = Hash128{.high = 1, .low = 0xFFFFFFFFFFFFFFFF};
  position.fresh = true;
  EXPECT_EQ(ParseFilePosition(ToPosition(position)).ValueOrDie(), position);
  position.mark =
      Mark{.offset = 3, .num_hashed = 9, .hash = {.high = 7, .low = 8}, .num_lines = 2, .csv = "{\"a\": \"b c\"}"};
  EXPECT_EQ(ParseFilePosition(ToPosition(position)).ValueOrDie(), position);
}

TEST(FilePosition, WhatIsNoneIsRefused) {
  for (const char* text : {"", "7", "\"\"", "\"2 1 1 - - -\"", "\"1 x 1 - - -\"", "\"1 1 1 - zz -\"", "{\"cursor\":1}",
                           "\"1 1 1 - - - 5 4 00000000000000000000000000000000 0 -\""}) {
    EXPECT_EQ(FaultOf(ParseFilePosition({text}).status()), Fault::kConfig) << text;
  }
}

TEST(FilePosition, OfFilesThatAreGone) {
  const std::vector<Content> gone = {{5, {.high = 1, .low = 2}}, {6, {.high = 3, .low = 4}}};
  const auto read = ParseGone(ToPosition(gone)).ValueOrDie();
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].size, 6);
  EXPECT_EQ(read[1].hash, gone[1].hash);
  EXPECT_TRUE(ParseGone(ToPosition(std::vector<Content>())).ValueOrDie().empty());
  EXPECT_FALSE(ParseGone({"\"1 x\""}).ok());
}

// 100,000 files have a state of some 15 MB.
TEST(FilePosition, IsShort) {
  const FilePosition position{.stamp = {.size = 123'456'789, .modified_micros = 1'795'321'926'736'791},
                              .content = Hash128{.high = 1, .low = 2}};
  EXPECT_LT(ToPosition(position).json.size(), 80u);
}

}  // namespace
}  // namespace firn::source::files
