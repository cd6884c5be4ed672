#include "expression/jinja/template.h"

#include <gtest/gtest.h>

#include <cmath>

#include "expression/jinja/regex.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

class JinjaTest : public testing::Test {
 protected:
  JinjaTest() : clock_(ParseTimestamp("2025-06-15T10:20:30.456789Z").ValueOrDie()), scope_(&clock_) {
    const auto json = [](const char* text) { return ParseJson(text).ValueOrDie(); };
    scope_.Set("config", json(R"({"n":5,"key":"abc","list":[3,1,2],"date":"2024-01-31T00:00:00Z","zeros":"007",
                                  "text":"['a', 'b']","nested":{"a":{"b":1}},"none":null,"secret":"x"})"));
    scope_.Set("response", json(R"({"next":null,"has_more":true,"data":[{"id":1}]})"));
    scope_.Set("stream_slice", Value::StreamSlice(json(R"({"id":"p"})"), json(R"({"start":"s"})"), json(R"({"x":9})")));
  }

  // The result as Python prints it, or the error.
  std::string Shown(std::string_view source) const {
    const auto parsed = Template::Parse(source);
    const auto value = parsed.ok() ? parsed->Evaluate(scope_) : Result<Value>(parsed.status());
    return value.ok() ? ToRepr(*value) : "error: " + value.status().message();
  }
  std::string Truth(std::string_view source) const {
    const auto value = Template::Parse(source).ValueOrDie().EvaluateBoolean(scope_);
    return value.ok() ? (*value ? "true" : "false") : "error";
  }

  FakeClock clock_;
  Scope scope_;
};

// Expected values come from the Python runtime; the integration test asks it for thousands more.
TEST_F(JinjaTest, GivesWhatPythonGives) {
  struct Case {
    const char* source;
    const char* shown;
  };
  const Case cases[] = {
      {"plain", "'plain'"},
      {"5\n", "5"},
      {"{{ config.n }}", "5"},
      {"x{{ config.n }}", "'x5'"},
      {"{{ config.zeros }}", "'007'"},
      {"{{ config.text }}", "['a', 'b']"},
      {"{{ config.missing }}", "None"},
      {"{{ config.missing.deeper }}", "None"},
      {"{{ config.nested.a.b + 1 }}", "2"},
      {"{{ 1 + 'a' }}", "\"{{ 1 + 'a' }}\""},
      {"{{ -7 // 2 }}{{ -7 % 3 }}", "-42"},
      {"{{ 7 / 2 }}", "3.5"},
      {"{{ 10 ** 20 }}", "100000000000000000000"},
      {"{{ 9223372036854775807 + 1 }}", "9223372036854775808"},
      {"{{ 1e16 }}", "1e+16"},
      {"{{ 'abc'[::-1] ~ 1.0 }}", "'cba1.0'"},
      {"{{ config.list | sort | join('-') }}", "'1-2-3'"},
      {"{{ response.data | map(attribute='id') | list }}", "[1]"},
      {"{{ now_utc() }}", "'2025-06-15 10:20:30.456789+00:00'"},
      {"{{ (now_utc() - duration('P1M')).strftime('%Y-%m-%d') }}", "'2025-05-15'"},
      {"{{ day_delta(-1, format='%Y-%m-%d') }}", "'2025-06-14'"},
      {"{{ format_datetime(config.date, '%s') }}", "1706659200"},
      {"{{ {'a': 1} | string }}", "'{\"a\": 1}'"},
      {"{% if config.n > 3 %}yes{% else %}no{% endif %}", "'yes'"},
      {"{% for x in config.list %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "(3, 1, 2)"},
      {"{% set x = [] %}{% for i in config.list %}{% set _ = x.append(i * 2) %}{% endfor %}{{ x }}", "[6, 2, 4]"},
      {"{{ stream_partition.id }}{{ stream_interval['start'] }}{{ stream_slice.extra_fields['x'] }}", "'ps9'"},
      {"{{ config.__class__ }}", "None"},
      {"{{ config.__class__.__mro__ }}", "error: access to 'config.__class__' is not allowed"},
      {"{{ unknown }}", "error: unknown name 'unknown'"},
      {"{{ stream_state }}", "error: 'stream_state' cannot be used in expressions; use 'stream_interval'"},
      {"{{ 1 / 0 }}", "error: division by zero"},
      {"{{ config.list.append(1) }}", "error: a value from outside, or inside another one, cannot be changed"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Shown(c.source), c.shown) << c.source;
  }
}

TEST_F(JinjaTest, JudgesConditionsAsTheRuntimeDoes) {
  for (const char* falsy :
       {"{{ 'False' }}", "{{ [] }}", "{{ {} }}", "{{ () }}", "{{ '' }}", "{{ 0 }}", "{{ 0.0 }}", "false",
        "{{ config.missing }}", "{{ config.missing.deeper }}", "{{ not response.has_more }}", "{{ response.gone }}"}) {
    EXPECT_EQ(Truth(falsy), "false") << falsy;
  }
  for (const char* truthy :
       {"{{ none }}", "{{ response.get('gone') }}", "{{ 'x' }}", "{{ ' ' }}", "true", "{{ 1 + 'a' }}"}) {
    EXPECT_EQ(Truth(truthy), "true") << truthy;
  }
}

TEST_F(JinjaTest, DefaultsToItselfAsAString) {
  const auto empty = Template::Parse("{{ config.missing }}").ValueOrDie().EvaluateString(scope_);
  EXPECT_EQ(ToRepr(*empty), "''");
  const auto deeper = Template::Parse("{{ config.missing.deeper }}").ValueOrDie().EvaluateString(scope_);
  EXPECT_EQ(deeper.status().message(), "'config.missing' is undefined");
  EXPECT_EQ(RangeOf(deeper.status()).begin, 3u);
  EXPECT_EQ(RangeOf(deeper.status()).end, 17u);
}

TEST_F(JinjaTest, RestrictsTheTypesOfResults) {
  const Template number = Template::Parse("{{ config.n }}").ValueOrDie();
  EXPECT_EQ(ToRepr(*number.Evaluate(scope_, kStringType | kListType)), "'5'");
  EXPECT_EQ(ToRepr(*number.Evaluate(scope_, kIntType)), "5");
  EXPECT_EQ(ToRepr(*Template::Parse("True").ValueOrDie().Evaluate(scope_, kIntType)), "True");
  EXPECT_EQ(ToRepr(*Template::Parse("{{ config.text }}").ValueOrDie().Evaluate(scope_, kStringType)), "\"['a', 'b']\"");
}

TEST_F(JinjaTest, PointsAtMistakes) {
  struct Case {
    const char* source;
    const char* message;
    size_t begin;
    size_t end;
  };
  const Case cases[] = {
      {"{{ 1 + }}", "an expression is wanted here, not '}}'", 7, 9},
      {"a {{ config[ }}", "']' is missing here", 13, 14},
      {"{{ x | nope }}", "unknown filter 'nope'", 7, 11},
      {"{{ x is nope }}", "unknown test 'nope'", 8, 12},
      {"{% macro f() %}{% endmacro %}", "statement 'macro' is not supported", 3, 8},
      {"{% if true %}x", "'{% endif %}' is missing", 14, 14},
      {"{{ 'a }}", "the string does not end", 3, 4},
      {"x {{ 1", "'{{' without '}}'", 2, 6},
  };
  for (const Case& c : cases) {
    const auto parsed = Template::Parse(c.source);
    ASSERT_FALSE(parsed.ok()) << c.source;
    EXPECT_EQ(parsed.status().message(), c.message) << c.source;
    EXPECT_EQ(RangeOf(parsed.status()).begin, c.begin) << c.source;
    EXPECT_EQ(RangeOf(parsed.status()).end, c.end) << c.source;
    EXPECT_EQ(FaultOf(parsed.status()), Fault::kConfig);
  }
}

TEST_F(JinjaTest, BoundsFuelDepthAndOutput) {
  EXPECT_FALSE(Template::Parse("{{ " + std::string(500, '(') + "1" + std::string(500, ')') + " }}").ok());
  EXPECT_FALSE(Template::Parse("{{ " + std::string(500, '-') + "1 }}").ok());
  std::string chain = "{{ 1";
  for (int i = 0; i < 1000; ++i) chain += " + 1";
  EXPECT_FALSE(Template::Parse(chain + " }}").ok());
  EXPECT_EQ(Shown("{{ 'x' * 100000000 }}"), "error: the result is too long");
  std::string laughs = "{% set x = [1] %}";
  for (int i = 0; i < 60; ++i) laughs += "{% set x = [x, x] %}";
  EXPECT_EQ(Shown(laughs + "{{ x }}"), "error: the value is too large or too deep");
  EXPECT_EQ(Shown("{% set a = [] %}{% set b = [a] %}{% set _ = a.append(b) %}{{ a }}"),
            "error: a value from outside, or inside another one, cannot be changed");
  EXPECT_EQ(Shown("{% set a = [] %}{% set _ = a.append(a) %}{{ a }}"), "error: a list cannot hold itself");
  EXPECT_EQ(Shown("{% set n = namespace(v=1) %}{% for i in ('x' * 999) %}{% set n.v = [n.v] %}{% endfor %}{{ n.v }}"),
            "error: the value is too large or too deep");
  EXPECT_EQ(Shown("{{ 10 ** 100000 }}"), "error: the power is too large");
  EXPECT_EQ(Shown("{% set x = [1] * 1000 %}{% for a in x %}{% for b in x %}{% endfor %}{% endfor %}"),
            "error: the expression takes too many steps");
  EXPECT_EQ(Shown("{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' | regex_search('(a+)+$') }}").substr(0, 6), "error:");
}

TEST_F(JinjaTest, ReadsLazyNamesOnce) {
  int made = 0;
  scope_.SetLazy("headers", [&]() -> Result<Value> {
    ++made;
    return ParseJson(R"({"a":1})");
  });
  EXPECT_EQ(Shown("{{ config.n }}"), "5");
  EXPECT_EQ(made, 0);
  EXPECT_EQ(Shown("{{ headers.a + headers['a'] }}"), "2");
  EXPECT_EQ(Shown("{{ headers.a }}"), "1");
  EXPECT_EQ(made, 1);
}

TEST_F(JinjaTest, ReadsLazyMaps) {
  struct Host : LazyMap {
    std::optional<Value> Find(std::string_view key) const override {
      return key == "id" ? std::optional(Value::Int(7)) : std::nullopt;
    }
    Entries All() const override { return {{Value::String("id"), Value::Int(7)}, {Value::String("b"), Value::Null()}}; }
  };
  scope_.Set("record", Value::OfLazyMap(std::make_shared<Host>()));
  EXPECT_EQ(Shown("{{ record.id }}{{ record['id'] }}{{ record.get('id') }}{{ record.zip }}"), "777");
  EXPECT_EQ(Shown("{{ record }}"), "{'id': 7, 'b': None}");
}

TEST_F(JinjaTest, KeepsTheTaintOfSecrets) {
  scope_.Set("key", Value::String("s3cr3t").WithSecret(true));
  for (const char* source :
       {"{{ key }}", "Bearer {{ key }}", "{{ key | base64encode }}", "{{ [key][0] }}", "{{ {'a': key}.a }}"}) {
    EXPECT_TRUE(Template::Parse(source).ValueOrDie().Evaluate(scope_)->secret()) << source;
  }
  EXPECT_FALSE(Template::Parse("{{ config.n }}").ValueOrDie().Evaluate(scope_)->secret());
}

TEST_F(JinjaTest, ListsTheNamesItNeeds) {
  const auto names = Template::Parse("{% set x = config.a %}{{ x }}{{ record.b }}{{ max(1, 2) }}").ValueOrDie().names();
  EXPECT_EQ(names, (std::vector<std::string>{"config", "record"}));
  EXPECT_TRUE(Template::Parse("plain").ValueOrDie().is_literal());
  EXPECT_FALSE(Template::Parse("{{ 1 }}").ValueOrDie().is_literal());
}

TEST(JinjaValue, ConvertsFromAndToTheCore) {
  const auto core =
      expression::ParseJson(R"({"a":[1,1.50,"x",null,true],"b":123456789012345678901234567890})").ValueOrDie();
  const Value value = FromCore(core);
  EXPECT_EQ(ToRepr(value), "{'a': [1, 1.5, 'x', None, True], 'b': 123456789012345678901234567890}");
  EXPECT_EQ(expression::ToJson(ToCore(value)), R"({"a":[1,1.5,"x",null,true],"b":123456789012345678901234567890})");
  EXPECT_EQ(ToJson(Value::OfList({Value::Float(std::nan("")), Value::Bytes("x"), Value()})), R"([null,"x",null])");
}

TEST(JinjaTimes, ParsesAndFormatsAsTheRuntimeDoes) {
  struct Case {
    const char* text;
    const char* format;
    const char* shown;  // by "%Y-%m-%dT%H:%M:%S.%f%z"; empty: error
  };
  const Case cases[] = {
      {"1700000000", "%s", "2023-11-14T22:13:20.000000+0000"},
      {"1700000000.5", "%s_as_float", "2023-11-14T22:13:20.500000+0000"},
      {"1700000000123", "%ms", "2023-11-14T22:13:20.123000+0000"},
      {"1700000000123456", "%epoch_microseconds", "2023-11-14T22:13:20.123456+0000"},
      {"2024-01-31T10:00:00.123Z", "%Y-%m-%dT%H:%M:%S.%_msZ", "2024-01-31T10:00:00.123000+0000"},
      {"2024-01-31T10:00:00+05:30", "%Y-%m-%dT%H:%M:%S%z", "2024-01-31T10:00:00.000000+0530"},
      {"2024-01-31", "%Y-%m-%d", "2024-01-31T00:00:00.000000+0000"},
      {"2024-01-31x", "%Y-%m-%d", ""},
      {"2024-02-30", "%Y-%m-%d", ""},
      {"2024", "%Q", ""},
  };
  for (const Case& c : cases) {
    const auto time = ParseDatetime(c.text, c.format);
    EXPECT_EQ(time.ok() ? FormatDatetime(*time, "%Y-%m-%dT%H:%M:%S.%f%z") : "", c.shown) << c.text;
  }
  const ZonedTime time{.wall = {.micros = 1'700'000'000'123'456}, .offset_seconds = 0};
  EXPECT_EQ(FormatDatetime(time, "%s"), "1700000000");
  EXPECT_EQ(FormatDatetime(time, "%ms"), "1700000000123");
  EXPECT_EQ(FormatDatetime(time, "%Y.%_msZ"), "2023.123Z");
}

TEST(JinjaRegex, MatchesAsPythonDoes) {
  struct Case {
    const char* pattern;
    const char* text;
    const char* group;  // the first group, "-" when nothing matches
  };
  const Case cases[] = {{"(a+?)b", "aab", "aa"},
                        {"<(.*)>", "<a><b>", "a><b"},
                        {"<(.*?)>", "<a><b>", "a"},
                        {"(?i)(AB)", "xab", "ab"},
                        {"(a|ab)(c|bcd)$", "abcd", "a"},
                        {"(\\d{2,3})", "12345", "123"},
                        {"([^/]+)$", "a/b/c", "c"},
                        {"(?<=x)(y)", "xy", "y"},
                        {"(?!a)(\\w)", "ab", "b"},
                        {"(a)\\1", "baa", "a"},
                        {"^(b)", "ab", "-"},
                        {"(\\bfoo\\b)", "a foo", "foo"},
                        {"(é+)", "caféé", "éé"}};
  for (const Case& c : cases) {
    const Regex regex = Regex::Compile(c.pattern).ValueOrDie();
    const std::u32string text = Decode(c.text);
    const auto groups = regex.Search(text, 0).ValueOrDie();
    const std::string group =
        groups ? Encode(text.substr((*groups)[1]->first, (*groups)[1]->second - (*groups)[1]->first)) : "-";
    EXPECT_EQ(group, c.group) << c.pattern;
  }
  for (const char* bad : {"(", "a)", "[a", "*", "a**", "(?P<n", "\\", "(?<=a+)b", "a{3,1}"}) {
    EXPECT_FALSE(Regex::Compile(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace firn::expression::jinja
