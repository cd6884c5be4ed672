#include "source/airbyte/query_properties.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "connector/airbyte/manifest_yaml.h"

namespace firn::source::airbyte {
namespace {

/// The pieces of the names a, bb, ccc with more settings, as JSON lists one after another.
class QueryPropertiesTest : public ::testing::Test {
 protected:
  QueryPropertiesTest() {
    run_.config = EmptyMap();
    run_.clock = &clock_;
  }

  std::string Pieces(const std::string& more) {
    const Component requester(
        *connector::airbyte::ParseManifestYaml(
            "{query_properties: {type: QueryProperties, property_list: [a, bb, ccc]" + more + "}}", "m.yaml"),
        "");
    const auto made = QueryProperties::Make(requester, run_, "s");
    EXPECT_TRUE(made.ok()) << made.status();
    std::string out;
    for (const List& piece : *(*made)->Chunks()) out += jinja::ToJson(Value::OfList(piece));
    return out;
  }

  FakeClock clock_{*ParseTimestamp("2024-03-15T10:20:30Z")};
  RunContext run_;
};

TEST_F(QueryPropertiesTest, AreCutByCountOrCharacters) {
  EXPECT_EQ(Pieces(""), R"(["a","bb","ccc"])");
  EXPECT_EQ(Pieces(", always_include_properties: [id]"), R"(["id","a","bb","ccc"])");
  const std::string cut = ", always_include_properties: [id], property_chunking: {type: PropertyChunking, ";
  EXPECT_EQ(Pieces(cut + "property_limit_type: property_count, property_limit: 2}"), R"(["id","a","bb"]["id","ccc"])");
  // A name counts three characters more, for its separator: 4, 5 and 6.
  EXPECT_EQ(Pieces(cut + "property_limit_type: characters, property_limit: 9}"), R"(["id","a","bb"]["id","ccc"])");
  EXPECT_EQ(Pieces(cut + "property_limit_type: characters, property_limit: 8}"),
            R"(["id","a"]["id","bb"]["id","ccc"])");
  EXPECT_EQ(Pieces(cut + "property_limit_type: property_count}"), R"(["a","bb","ccc","id"])");
}

TEST_F(QueryPropertiesTest, OnlySelectedOnesAreAskedFor) {
  const std::string selector =
      ", property_selector: {type: JsonSchemaPropertySelector, transformations: [{type: KeysToLower}]}";
  EXPECT_EQ(Pieces(selector), R"(["a","bb","ccc"])") << "there is no catalog";
  run_.catalog = *jinja::ParseJson(
      R"({"streams":[{"stream":{"name":"s","json_schema":{"properties":{"A":{},"CCC":{},"else":{}}}}}]})");
  EXPECT_EQ(Pieces(selector), R"(["a","ccc"])");
  EXPECT_EQ(Pieces(selector + ", property_chunking: {type: PropertyChunking, property_limit_type: property_count, "
                              "property_limit: 1}"),
            R"(["a"]["ccc"])");
}

}  // namespace
}  // namespace firn::source::airbyte
