#include "expression/expression.h"

#include <gtest/gtest.h>

#include "expression/datetime.h"

namespace firn::expression {
namespace {

Value Json(std::string_view text) {
  return ParseJson(text).ValueOrDie();
}

class ExpressionTest : public ::testing::Test {
 protected:
  Result<Value> Run(std::string_view source) {
    ARROW_ASSIGN_OR_RAISE(Template parsed, Template::ParseExpression(source));
    return parsed.Evaluate(scope_);
  }
  std::string Shown(std::string_view source) {
    auto value = Run(source);
    return value.ok() ? ToJson(*value) : "error: " + value.status().message();
  }
  FakeClock clock_{{.micros = 1'767'225'600'000'000}};  // 2026-01-01T00:00:00Z
  Scope scope_{.names = {{"parent", Json(R"({"id":7,"name":"a/b c","tags":["x","y"],"n":null,"total":12.50})")},
                         {"secret", Value::String("hunter22").WithSecret(true)}},
               .clock = &clock_};
};

TEST_F(ExpressionTest, EvaluatesTableOfCases) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"7 // 2", "3"},
      {"-7 // 2", "-4"},
      {"-7 % 3", "2"},
      {"7 / 2", "3.5"},
      {"0.1 + 0.2", "0.3"},
      {"12.5 * 4", "50"},
      {"1.25 - 1.25", "0"},
      {"'a' ~ 1 ~ true", "\"a1true\""},
      {"'a' + 'b'", "\"ab\""},
      {"[1, 2] + [3]", "[1,2,3]"},
      {"1 == 1.0", "true"},
      {"1 == true", "false"},
      {"2 > 10", "false"},
      {"'2' > '10'", "true"},
      {"9007199254740993 > 9007199254740992.5", "true"},
      {"18446744073709551616 > 18446744073709551615", "true"},
      {"1e400 > 1e399", "true"},
      {"not false and true or false", "true"},
      {"1 if none else 2", "2"},
      {"'x' in parent.tags", "true"},
      {"'z' not in parent.tags", "true"},
      {"'id' in parent", "true"},
      {"'ell' in 'hello'", "true"},
      {"parent.id", "7"},
      {"parent['id']", "7"},
      {"parent.tags[-1]", "\"y\""},
      {"parent.tags[5]", "null"},
      {"parent.missing", "null"},
      {"parent.missing.deeper", "null"},
      {"parent.total", "12.50"},
      {"parent.n | default('d')", "\"d\""},
      {"absent | default('d')", "\"d\""},
      {"absent is defined", "false"},
      {"parent.id is defined", "true"},
      {"parent.n is not none", "false"},
      {"'AbC' | lower | upper", "\"ABC\""},
      {"parent.get('zz', 4)", "4"},
      {"'2024-01-31'[0:4]", "\"2024\""},
      {"'a,b'.split(',')", "[\"a\",\"b\"]"},
      {"['a', 'b'] | join('-')", "\"a-b\""},
      {"'aXbX' | replace('X', '')", "\"ab\""},
      {"{'a': 1, 'b': [true]} | tojson", "\"{\\\"a\\\":1,\\\"b\\\":[true]}\""},
      {"parent.name | urlencode", "\"a%2Fb%20c\""},
      {"'user:pass' | base64encode", "\"dXNlcjpwYXNz\""},
      {"'dXNlcjpwYXNz' | base64decode", "\"user:pass\""},
      {"'12' | int + 1", "13"},
      {"'x' | int(0)", "0"},
      {"'é' | length", "1"},
      {"now_utc()", "\"2026-01-01T00:00:00Z\""},
      {"(now_utc() - duration('1h30m')).strftime('%Y-%m-%dT%H:%M')", "\"2025-12-31T22:30\""},
      {"today_utc() | timestamp", "1767225600"},
      {"day_delta(-1, '%Y-%m-%d')", "\"2025-12-31\""},
      {"format_datetime('2024-07-01T00:00:00Z', '%H:%M %z', 'Europe/Berlin')", "\"02:00 +0200\""},
      {"format_datetime(1700000000, '%s')", "\"1700000000\""},
      {"datetime('31/12/2024', '%d/%m/%Y') | timestamp", "1735603200"},
      {"max(1, 3.5, 2)", "3.5"},
      {"'%d' ~ '\\d'", "\"%d\\\\d\""},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(Shown(source), expected) << source;
}

TEST_F(ExpressionTest, NamesMistakesWithTheirRange) {
  struct Case {
    const char* source;
    const char* message;
    size_t begin, end;
  };
  const Case cases[] = {
      {"1 + foo", "unknown name 'foo'; known here: parent, secret", 4, 7},
      {"foo(1)", "unknown function 'foo'", 0, 3},
      {"1 | foo", "unknown filter 'foo'", 4, 7},
      {"1 +", "the expression ends too early", 3, 3},
      {"'a", "the string does not end", 0, 2},
      {"1 2", "unexpected '2'", 2, 3},
      {"1 + 'a'", "'+' does not take integer and string; use '~' to join text", 0, 7},
      {"1 // 0", "division by zero", 0, 6},
      {"9223372036854775807 + 1", "the integer result does not fit 64 bits", 0, 23},
      {"parent.id.x", "a integer has no member 'x'", 0, 11},
      {"1 < 'a'", "cannot order integer and string", 0, 7},
      {"lower()", "'lower' takes 1 arguments, not 0", 0, 7},
      {"  # ", "unexpected character", 2, 3},
  };
  for (const Case& c : cases) {
    const auto value = Run(c.source);
    ASSERT_FALSE(value.ok()) << c.source;
    EXPECT_EQ(value.status().message(), c.message) << c.source;
    EXPECT_EQ(FaultOf(value.status()), Fault::kConfig);
    EXPECT_EQ(RangeOf(value.status()).begin, c.begin) << c.source;
    EXPECT_EQ(RangeOf(value.status()).end, c.end) << c.source;
  }
}

TEST_F(ExpressionTest, BoundsDepthFuelAndOutput) {
  EXPECT_FALSE(Run(std::string(500, '(') + "1" + std::string(500, ')')).ok());
  EXPECT_FALSE(Run(std::string(500, '[') + std::string(500, ']')).ok());
  EXPECT_FALSE(Run(std::string(3000, '-') + "1").ok());
  EXPECT_FALSE(Run("1" +
                   [] {
                     std::string chain;
                     for (int i = 0; i < 1000; ++i) chain += "+1";
                     return chain;
                   }())
                   .ok());
  std::string doubled = "'" + std::string(30'000, 'x') + "'";
  std::string grow = doubled + "|replace('x','yyyyyyyyyy')|replace('y','zzzzzzzzzz')";
  EXPECT_EQ(Shown(grow), "error: the result is too long");
  auto small = Template::ParseExpression("1+1+1+1+1+1", {.fuel = 5}).ValueOrDie();
  EXPECT_EQ(small.Evaluate(scope_).status().message(), "the expression takes too many steps");
}

TEST_F(ExpressionTest, GivesNativeValueForOneExpressionElseText) {
  EXPECT_EQ(Template::Parse("{{ parent.id }}").ValueOrDie().Evaluate(scope_)->kind(), Value::Kind::kInt);
  EXPECT_EQ(Template::Parse("/o/{{ parent.id }}/i").ValueOrDie().Render(scope_).ValueOrDie(), "/o/7/i");
  EXPECT_EQ(Template::Parse("plain } text").ValueOrDie().Render(scope_).ValueOrDie(), "plain } text");
  EXPECT_EQ(Template::Parse("{{ {'a': {'b': 1}} | tojson }}").ValueOrDie().Render(scope_).ValueOrDie(),
            R"({"a":{"b":1}})");
  EXPECT_EQ(Template::Parse("{{ '}}' }}").ValueOrDie().Render(scope_).ValueOrDie(), "}}");
  const Status null = Template::Parse("/o/{{ parent.n }}").ValueOrDie().Render(scope_).status();
  EXPECT_EQ(RangeOf(null).begin, 3u);
  EXPECT_FALSE(Template::Parse("a {{ 1").ok());
}

TEST_F(ExpressionTest, KeepsTheTaintOfSecrets) {
  EXPECT_TRUE(Run("secret ~ 'x'")->secret());
  EXPECT_TRUE(Run("secret | base64encode | upper")->secret());
  EXPECT_TRUE(Run("[secret][0]")->secret());
  EXPECT_TRUE(Run("{'a': secret}.a")->secret());
  EXPECT_TRUE(Template::Parse("x {{ secret }}").ValueOrDie().Evaluate(scope_)->secret());
  EXPECT_FALSE(Run("parent.id")->secret());
}

TEST_F(ExpressionTest, ListsTheNamesAndPathsItUses) {
  const auto parsed =
      Template::Parse("{{ parent.a.b }}/{{ parent['c'] }}/{{ partition.x | default(parent) }}").ValueOrDie();
  EXPECT_EQ(parsed.Names(), (std::vector<std::string>{"parent", "partition"}));
  EXPECT_EQ(parsed.PathsBelow("parent"), (std::vector<std::string>{"", "a.b", "c"}));
}

TEST(Json, KeepsNumbersAndRoundTrips) {
  for (const char* text :
       {R"({"a":1.10,"b":[1e400,-0,18446744073709551616],"c":"\u00e9\n","d":null})", "[]", "{}", "3"}) {
    const auto value = ParseJson(text);
    ASSERT_TRUE(value.ok()) << text;
    EXPECT_EQ(ToJson(*ParseJson(ToJson(*value))), ToJson(*value));
  }
  EXPECT_EQ(ToJson(Json(R"({"a":1.10,"b":1e400})")), R"({"a":1.10,"b":1e400})");
  EXPECT_EQ(ToJson(Json(R"({"a":1,"a":2})")), R"({"a":2})");
  EXPECT_EQ(ToCanonicalJson(Json(R"({ "b" : 1, "a" : {"d":1,"c":2} })")), R"({"a":{"c":2,"d":1},"b":1})");
  EXPECT_EQ(Json(R"("😀")").as_string(), "\xF0\x9F\x98\x80");
  for (const char* bad :
       {"", "{", "[1,]", "01", "1.", "tru", "\"\\ud83d\"", "\"\n\"", "{}x", "nul", "-", "{\"a\" 1}"}) {
    EXPECT_FALSE(ParseJson(bad).ok()) << bad;
  }
  EXPECT_FALSE(ParseJson(std::string(1000, '[')).ok());
}

TEST(Datetime, ParsesAndFormatsByPattern) {
  struct Case {
    const char* text;
    const char* pattern;
    const char* zone;
    const char* utc;  // empty: error
  };
  const Case cases[] = {
      {"2024-03-31 03:30", "%Y-%m-%d %H:%M", "+02:00", "2024-03-31T01:30:00Z"},
      {"2024-03-31 03:30", "%Y-%m-%d %H:%M", "+2:00", ""},
      {"2024-03-31 03:30", "%Y-%m-%d %H:%M", "Europe/Berlin", "2024-03-31T01:30:00Z"},
      {"2024-03-31 02:30", "%Y-%m-%d %H:%M", "Europe/Berlin", ""},                      // skipped
      {"2024-10-27 02:30", "%Y-%m-%d %H:%M", "Europe/Berlin", "2024-10-27T00:30:00Z"},  // twice: the earlier
      {"31 Dec 2024 11:05 PM", "%d %b %Y %I:%M %p", "UTC", "2024-12-31T23:05:00Z"},
      {"2024-01-01T00:00:00.123456+0530", "%Y-%m-%dT%H:%M:%S.%f%z", "UTC", "2023-12-31T18:30:00.123456Z"},
      {"1700000000123", "%ms", "UTC", "2023-11-14T22:13:20.123Z"},
      {"1700000000.5", "%s_as_float", "UTC", "2023-11-14T22:13:20.5Z"},
      {"-1", "%s", "UTC", "1969-12-31T23:59:59Z"},
      {"2024-060", "%Y-%j", "UTC", "2024-02-29T00:00:00Z"},
      {"2024-02-30", "%Y-%m-%d", "UTC", ""},
      {"2024-01-01x", "%Y-%m-%d", "UTC", ""},
      {"2024", "%Q", "UTC", ""},
      {"2024-01-01", "%Y-%m-%d", "Mars/Base", ""},
  };
  for (const Case& c : cases) {
    const auto time = ParseByPattern(c.text, c.pattern, c.zone);
    EXPECT_EQ(time.ok(), *c.utc != '\0') << c.text;
    if (time.ok() && *c.utc != '\0') {
      EXPECT_EQ(*time, ParseTimestamp(c.utc).ValueOrDie()) << c.text;
    }
  }
  EXPECT_EQ(FormatByPattern({.micros = -1}, "%s %f %ms", "UTC").ValueOrDie(), "-1 999999 -1");
  EXPECT_EQ(FormatByPattern({.micros = 0}, "%A %d %B %y %I%p %j %%", "UTC").ValueOrDie(),
            "Thursday 01 January 70 12AM 001 %");
}

TEST(Datetime, ParsesIsoForms) {
  for (const char* text : {"2024-01-31T23:30:00Z", "2024-01-31 23:30", "2024-02-01T00:30:00+01:00",
                           "2024-02-01T00:30+0100", "2024-01-31T23:30:00.000000000Z", "2024-02-01T00:30:00+01"}) {
    EXPECT_EQ(ParseIso(text, "UTC").ValueOrDie(), ParseTimestamp("2024-01-31T23:30:00Z").ValueOrDie()) << text;
  }
  for (const char* text :
       {"", "2024-13-01", "2024-01-01T25:00", "20240101", "2024-01-01T10:00:00.Z", "2024-01-01T10:00 x"}) {
    EXPECT_FALSE(ParseIso(text, "UTC").ok()) << text;
  }
}

TEST(Duration, ParsesBothForms) {
  EXPECT_EQ(*ParseDurationMicros("1h30m"), 5'400'000'000);
  EXPECT_EQ(*ParseDurationMicros("P1DT2H"), 93'600'000'000);
  EXPECT_EQ(*ParseDurationMicros("250ms"), 250'000);
  EXPECT_EQ(*ParseDurationMicros("-15"), -15'000'000);
  for (const char* bad : {"", "P", "P1M", "P1Y", "1x", "h", "999999999999d", "P999999999W999999999W"}) {
    EXPECT_FALSE(ParseDurationMicros(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace firn::expression
