#include "pipeline/stream_document.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

std::string Short(const std::vector<std::pair<std::string, std::string>>& splits) {
  StreamDocument document;
  for (const auto& [id, json] : splits) document.Set(id, {.json = json});
  return ShortPosition(document);
}

TEST(ShortPosition, ShowsCursorsAndNoHashes) {
  EXPECT_EQ(Short({}), "");
  EXPECT_EQ(Short({{"", R"({"version":1,"cursor":"2026-01-31","hash_key":"s3cret","rows":[["x",["abc"]]]})"}}),
            "cursor 2026-01-31");
  EXPECT_EQ(Short({{"", R"({"version":1,"cursor":18446744073709551615})"}}), "cursor 18446744073709551615");
  EXPECT_EQ(Short({{"", R"({"version":1,"resume":"2026-01-01T00:00:00Z"})"}}), "cursor 2026-01-01T00:00:00Z");
  EXPECT_EQ(Short({{"region=us", R"({"cursor":9})"}, {"region=eu", R"({"cursor":7})"}}),
            "region=eu: cursor 7, region=us: cursor 9");
  EXPECT_EQ(Short({{"", R"({"version":1,"rows":[]})"}}), "a position without cursor");
}

TEST(ShortPosition, OfManySplitsCountsTheRest) {
  const std::string json = R"({"cursor":1})";
  EXPECT_EQ(Short({{"a", json}, {"b", json}, {"c", json}, {"d", json}}),
            "a: cursor 1, b: cursor 1, c: cursor 1, d: cursor 1");
  EXPECT_EQ(Short({{"a", json}, {"b", json}, {"c", json}, {"d", json}, {"e", json}}),
            "a: cursor 1, b: cursor 1, c: cursor 1, 2 more");
}

}  // namespace
}  // namespace firn::pipeline
