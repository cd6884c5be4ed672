#include "io/json_layout.h"

#include <gtest/gtest.h>

namespace firn::io {
namespace {

std::string Compact(std::string_view text) {
  return LayOutJson(text, JsonLayout::kCompact).ValueOr("refused");
}

TEST(JsonLayout, KeepsEveryTokenAsItIsWritten) {
  constexpr char kText[] =
      R"({"b":1.50,"a":-0,"big":12345678901234567890.10,"e":1E5,"b":"\u00e9\n","n":null,"l":[[],{},true]})";
  EXPECT_EQ(Compact(kText), kText);
  const std::string indented = LayOutJson(kText, JsonLayout::kIndented).ValueOrDie();
  EXPECT_NE(indented, kText);
  EXPECT_EQ(Compact(indented), kText);
}

TEST(JsonLayout, IndentsOneScalarALine) {
  EXPECT_EQ(LayOutJson(R"({"a":[1,{"b":2}],"c":[]})", JsonLayout::kIndented).ValueOrDie(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ],\n  \"c\": []\n}");
}

TEST(JsonLayout, RefusesWhatIsNoJson) {
  for (const char* text : {"",   " ",      "{",     "[1,",  "[1,]", "{\"a\"}",    "{\"a\":}", "{a:1}",   "1 2",
                           "01", "\"\n\"", "\"abc", "\"\\", "nul",  "{\"a\":1,}", "]",        "1.",      "-",
                           "1e", "1e+",    ".5",    "+1",   "00",   "1x",         "\xff",     "\"\xff\""}) {
    EXPECT_EQ(Compact(text), "refused") << text;
  }
  EXPECT_EQ(Compact(std::string(kJsonDepthMax + 2, '[') + std::string(kJsonDepthMax + 2, ']')), "refused");
}

TEST(JsonLayout, ReadsNumbersOfEverySize) {
  for (const char* text : {"1e400", "-1.5E+999", "[0,-0,0.0e-5,123456789012345678901234567890]"}) {
    EXPECT_EQ(Compact(text), text);
  }
}

TEST(JsonLayout, EditsScalarsAndNamesByTheirPlace) {
  std::string places;
  const auto edit = [&](const JsonScalar& scalar) -> std::optional<std::string> {
    for (const std::string& name : scalar.path) places += name + "/";
    places += scalar.Text() + (scalar.is_name ? ": " : " ");
    if (scalar.is_name) return std::nullopt;
    return scalar.is_number() ? std::optional<std::string>("7") : std::nullopt;
  };
  EXPECT_EQ(LayOutJson(R"({"a":[{"b":1},"x"]})", JsonLayout::kCompact, edit).ValueOrDie(), R"({"a":[{"b":7},"x"]})");
  EXPECT_EQ(places, "a: a/b: a/b/1 a/x ");
}

TEST(JsonLayout, GivesTheMembersOfAnObject) {
  const auto members = JsonMembers(R"({ "a" : 1.50, "b" : { "c" : [ 1 ] } })").ValueOrDie();
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0], std::make_pair(std::string("a"), std::string("1.50")));
  EXPECT_EQ(members[1], std::make_pair(std::string("b"), std::string(R"({"c":[1]})")));
  EXPECT_FALSE(JsonMembers("[1]").ok());
}

}  // namespace
}  // namespace firn::io
