#include "source/airbyte/lazy_json.h"

#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "format/json/page.h"

namespace firn::source::airbyte {
namespace {

Result<Value> Lazily(const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(auto body, format::json::AllocateBody(static_cast<int64_t>(text.size()), nullptr));
  std::memcpy(body->mutable_data(), text.data(), text.size());
  return ParseLazily(std::move(body));
}

TEST(LazyJson, GivesTheValuesThatParsingAtOnceGives) {
  for (const char* text :
       {R"({"a":1,"b":[1,2.50,"x",{"c":null}],"d":{"e":{"f":true}}})", R"([{"id":1},{"id":2},[],[[{"x":[]}]],"t",-7])",
        R"({})", R"([])", R"("text")", "12", "null", R"({"a":"q\"\\\u00e9\n","\u0061b":"é"})", R"({"a":1,"a":{"b":2}})",
        "{\n  \"a\" : [ 1 ,\r\n 2 ] ,\t\"b\":{ }\n}\n", R"({"a":NaN,"b":-Infinity})",
        R"({"n":123456789012345678901234567890})", R"({"a":1e400,"b":"\ud800"})"}) {
    SCOPED_TRACE(text);
    const Value eager = *jinja::ParseJson(text);
    const Value lazy = *Lazily(text);
    EXPECT_TRUE(jinja::Equals(lazy, eager) || std::string(text).find("NaN") != std::string::npos);
    EXPECT_EQ(CanonicalJson(*Lazily(text)), CanonicalJson(eager));
    EXPECT_EQ(CanonicalJson(Settled(*Lazily(text))), CanonicalJson(eager));
  }
}

TEST(LazyJson, RefusesWhatIsNoJson) {
  for (const char* text :
       {"", "{", "{\"a\":1", "{\"a\":01}", "{\"a\":tru}", "{\"a\" 1}", "[1,]", "{\"a\":1,}", "[1}", "1 2", "{} {}",
        "{\"a\":\"\x01\"}", "{\"a\":\"\\x\"}", "<html></html>", "{\"a\":\"\xff\xfe\"}", "{\"a\":[{\"b\":.5}]}"}) {
    EXPECT_FALSE(Lazily(text).ok()) << text;
  }
}

TEST(LazyJson, FindsMembersWithoutReadingTheRest) {
  const Value value = *Lazily(R"({"a":{"x":[1,{"y":"z"}]},"a":{"x":2},"q\"":3})");
  EXPECT_EQ(jinja::ToJson(*value.Find("a")), R"({"x":2})");
  EXPECT_EQ(value.Find("q\"")->as_int(), 3);
  EXPECT_FALSE(value.Find("x"));
  EXPECT_NE(value.lazy_map(), nullptr);
  EXPECT_EQ(value.as_map().size(), 2U);
  EXPECT_EQ(value.lazy_map(), nullptr);
}

TEST(LazyJson, KeepsTheTextOfWhatIsNotTouched) {
  const Value record = Lazily("[{\"a\": 1.50,\n \"b\": {\"c\":\r12345678901234567890123}}]")->as_list()[0];
  EXPECT_EQ(jinja::ToJson(record), "{\"a\": 1.50,  \"b\": {\"c\": 12345678901234567890123}}");
  Entries changed = record.as_map();
  Put(changed, "d", Value::Int(1));
  EXPECT_EQ(jinja::ToJson(Value::OfMap(changed)), "{\"a\":1.5,\"b\":{\"c\": 12345678901234567890123},\"d\":1}");
}

TEST(LazyJson, LeavesOutNulls) {
  const auto without = [](const char* text) { return TextWithoutNulls(*Lazily(text)).value_or("read it"); };
  EXPECT_EQ(without(R"({"a":1,"b":null,"c":{"d":null}})"), R"({"a":1,"c":{"d":null}})");
  EXPECT_EQ(without(R"({"a": 1, "b": "null"})"), R"({"a": 1, "b": "null"})");
  EXPECT_EQ(without(R"({"a":null})"), "{}");
  EXPECT_EQ(without(R"({"a":1,"a":null})"), "read it");
  EXPECT_EQ(without(R"({"a":1,"\u0061":null})"), "read it");
  EXPECT_EQ(without("[1]"), "read it");
}

}  // namespace
}  // namespace firn::source::airbyte
