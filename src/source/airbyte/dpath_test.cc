#include "source/airbyte/dpath.h"

#include <gtest/gtest.h>

#include "source/airbyte/http_exchange.h"
#include "source/airbyte/transformations.h"
#include "source/airbyte/xml_value.h"

namespace firn::source::airbyte {
namespace {

Value Json(const char* text) {
  return *jinja::ParseJson(text);
}

TEST(Dpath, FollowsKeysIndexesAndPatterns) {
  const Value value = Json(R"({"a":[{"b":1},{"b":2}],"c":{"x":{"b":3}}})");
  EXPECT_EQ(jinja::ToJson(ValueAt(value, {"a", "1", "b"})), "2");
  EXPECT_EQ(jinja::ToJson(Value::OfList(ValuesAt(value, {"a", "*", "b"}))), "[1,2]");
  EXPECT_EQ(jinja::ToJson(Value::OfList(ValuesAt(value, {"**", "b"}))), "[1,2,3]");
  EXPECT_TRUE(ValueAt(value, {"nothing"}).is_undefined());
}

TEST(Dpath, SetsAndRemoves) {
  const Value value = Json(R"({"a":{"b":1},"l":[1,2,3]})");
  EXPECT_EQ(jinja::ToJson(WithValueAt(value, {"a", "c", "d"}, 0, Value::Int(5))),
            R"({"a":{"b":1,"c":{"d":5}},"l":[1,2,3]})");
  EXPECT_EQ(jinja::ToJson(WithValueAt(value, {"n", "1", "x"}, 0, Value::Int(5))),
            R"({"a":{"b":1},"l":[1,2,3],"n":[null,{"x":5}]})");
  EXPECT_EQ(jinja::ToJson(WithoutPath(value, {"a", "b"})), R"({"a":{},"l":[1,2,3]})");
  EXPECT_EQ(jinja::ToJson(WithoutPath(value, {"*"})), "{}");
}

TEST(JoinUrl, AsTheReferenceJoins) {
  EXPECT_EQ(JoinUrl("https://a.b/v1", "users"), "https://a.b/v1/users");
  EXPECT_EQ(JoinUrl("https://a.b/v1/", "/users"), "https://a.b/users");
  EXPECT_EQ(JoinUrl("https://a.b/v1", "https://c.d/x"), "https://c.d/x");
  EXPECT_EQ(JoinUrl("https://a.b/v1", ""), "https://a.b/v1");
  EXPECT_EQ(JoinUrl("https://a.b/v1", "../v2/x?y=1"), "https://a.b/v2/x?y=1");
}

TEST(HeaderText, IsLatin1WhereItCan) {
  EXPECT_EQ(HeaderText(Value::String("f\u00fcr")), "f\xfcr");
  EXPECT_EQ(HeaderText(Value::String("\u65e5")), "\u65e5");
  EXPECT_EQ(HeaderText(Value::Float(1e5)), "100000.0");
}

TEST(Normalization, CastsWhereOneTypeIsMeant) {
  const Value schema = Json(R"({"properties":{"i":{"type":["null","integer"]},"s":{"type":"string"},
    "b":{"type":"boolean"},"two":{"type":["string","integer"]},"n":{"type":"number"}}})");
  EXPECT_EQ(jinja::ToJson(NormalizeBySchema(Json(R"({"i":"12","s":5,"b":"yes","two":7,"n":"x"})"), schema)),
            R"({"i":12,"s":"5","b":true,"two":7,"n":"x"})");
  EXPECT_EQ(jinja::ToJson(NormalizeBySchema(Json(R"({"i":1e21,"n":"1_000"})"), schema)),
            R"({"i":1000000000000000000000,"n":1000.0})");
}

TEST(Xml, ElementsAttributesAndLists) {
  const auto value = ParseXml("<?xml version='1.0'?><r a=\"1\"><i>x &amp; y</i><i/><t>  z </t></r>");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(jinja::ToJson(*value), R"({"r":{"@a":"1","i":["x & y",null],"t":"z"}})");
  EXPECT_FALSE(ParseXml("<a><b></a>").ok());
}

}  // namespace
}  // namespace firn::source::airbyte
