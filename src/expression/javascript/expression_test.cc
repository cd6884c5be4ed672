#include "expression/javascript/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace firn::expression::javascript {
namespace {

using testing::HasSubstr;

Result<Value> Evaluated(const std::string& source, const std::string& data = "{}",
                        const Limits& limits = kDefaultLimits) {
  static const FakeClock clock;
  ARROW_ASSIGN_OR_RAISE(const Value names, ParseJson(data));
  Scope scope{.clock = &clock};
  std::vector<std::string> kept;
  kept.reserve(names.as_object().entries().size());
  for (const auto& [key, value] : names.as_object().entries()) {
    kept.emplace_back(key.begin(), key.end());
    scope.names.emplace_back(kept.back(), value);
  }
  ARROW_ASSIGN_OR_RAISE(const Expression parsed, Expression::Parse(source, limits));
  return parsed.Evaluate(scope, limits);
}

std::string Text(const std::string& source, const std::string& data = "{}") {
  const auto value = Evaluated(source, data);
  return value.ok() ? ToJson(*value) : "error: " + value.status().message();
}

std::string CodeOf(const Status& status) {
  const ErrorContext* context = ContextOf(status);
  return context == nullptr ? "" : context->code;
}

TEST(JavascriptExpression, KeepsNumbersOfTheDataThatNoDoubleHolds) {
  const std::string data = R"({"id":12345678901234567890,"small":7,"price":1.10,"huge":1e400})";
  EXPECT_EQ(Text("id", data), "12345678901234567890");
  EXPECT_EQ(Text("`order-${id}`", data), "\"order-12345678901234567890\"");
  EXPECT_EQ(Text("({id, huge})", data), R"({"id":12345678901234567890,"huge":1e400})");
  EXPECT_EQ(Text("id === 12345678901234567890n", data), "true");
  EXPECT_EQ(Text("id > small && id < 1e300 && id > -Infinity", data), "true");
  EXPECT_EQ(Text("typeof id", data), "\"bigint\"");
  EXPECT_EQ(Text("JSON.parse('[9007199254740993]')[0]", data), "9007199254740993");
  EXPECT_EQ(Text("Number(id)", data), "12345678901234567000");
  for (const char* source : {"id + 1", "-(-id) * 2", "Math.max(id, 1)", "id | 0", "id.toFixed(2)"}) {
    EXPECT_EQ(CodeOf(Evaluated(source, data).status()), "E0625") << source;
  }
  EXPECT_EQ(CodeOf(Evaluated("9007199254740993").status()), "E0621");
}

TEST(JavascriptExpression, ErrorsHaveTheirCodeAndPlace) {
  struct Case {
    const char* source;
    const char* code;
    Range range;
    const char* message;
  };
  const Case cases[] = {
      {"1 + ", "E0620", {4, 4}, "ends too early"},
      {"(1 + 2", "E0620", {0, 1}, "not closed"},
      {"recrd.id", "E0622", {0, 5}, "did you mean 'record'"},
      {"record.x.y", "E0623", {0, 10}, "cannot read 'y' of undefined"},
      {"[1].mpa(x => x)", "E0623", {0, 7}, "did you mean 'map'"},
      {"[1].push(2)", "E0621", {0, 11}, "[...array, item]"},
      {"record.id = 5", "E0621", {10, 11}, "values never change"},
      {"record.id++", "E0621", {9, 11}, "x + 1"},
      {"delete record.id", "E0621", {0, 6}, "rest"},
      {"function () {}", "E0621", {0, 8}, "arrow function"},
      {"this.x", "E0621", {0, 4}, "no 'this'"},
      {"new Foo()", "E0621", {0, 9}, "new Foo"},
      {"Math.random()", "E0621", {0, 13}, "same result"},
      {"fetch('x')", "E0621", {0, 10}, "no host"},
      {"(() => { for (;;) {} })()", "E0621", {9, 12}, "const, let, if and return"},
      {"(1, 2)", "E0621", {2, 3}, "comma"},
      {"x => x", "E0623", {0, 6}, "a function"},
  };
  for (const Case& one : cases) {
    const Status status = Evaluated(one.source, R"({"record":{"id":1}})").status();
    ASSERT_FALSE(status.ok()) << one.source;
    EXPECT_EQ(CodeOf(status), one.code) << one.source << ": " << status.message();
    EXPECT_EQ(RangeOf(status).begin, one.range.begin) << one.source << ": " << status.message();
    EXPECT_EQ(RangeOf(status).end, one.range.end) << one.source << ": " << status.message();
    EXPECT_THAT(status.message(), HasSubstr(one.message)) << one.source;
  }
}

TEST(JavascriptExpression, NothingReachesBehindAValue) {
  for (const char* source :
       {"({}).constructor", "[].constructor.constructor('return 1')()", "''.__proto__", "Math.constructor",
        "(x => x).constructor", "({}).__defineGetter__", "Array.prototype", "({__proto__: 1})"}) {
    EXPECT_EQ(CodeOf(Evaluated(source).status()), "E0621") << source;
  }
  const std::string data = R"({"row":{"__proto__":1,"constructor":2,"toString":3}})";
  EXPECT_EQ(Text("[row.__proto__, row.constructor, row.toString]", data), "[1,2,3]");
  EXPECT_EQ(Text("({...row})", data), R"({"__proto__":1,"constructor":2,"toString":3})");
}

TEST(JavascriptExpression, HostileInputsMeetNamedLimits) {
  const std::string many(100'000, '(');
  std::string sum = "1";
  for (int i = 0; i < 10'000; ++i) sum += "+1";
  EXPECT_EQ(Text(sum), "10001");  // a long chain is no deep one
  const std::string sources[] = {
      many + "1" + std::string(100'000, ')'),
      std::string(100'000, '[') + std::string(100'000, ']'),
      std::string(100'000, '!') + "1",
      std::string(2 << 20, ' '),
      "'x'.repeat(1e9)",
      "'x'.repeat(2 ** 40)",
      "'x'.padStart(1e12, 'ab')",
      "Array.from({length: 1e12})",
      "new Array(4e9).fill(0)",
      "[...Array(1000).keys()].flatMap(i => [...Array(1000).keys()].flatMap(j => [...Array(1000).keys()]))",
      "(f => f(f))(f => f(f))",
      "[...Array(2000).keys()].reduce(a => [a], 0)",
      "[...Array(60).keys()].reduce(a => [a, a], 0)",
      "JSON.stringify([...Array(60).keys()].reduce(a => [a, a], 0))",
      "[...Array(60).keys()].reduce(s => s + s, 'x')",
      "/(a+)+$/.test('a'.repeat(40) + 'b')",
      "/(a|a)*b/.exec('a'.repeat(100))",
      "'a'.repeat(1000).replaceAll('a', 'b'.repeat(100000))",
      "'a'.repeat(3000).replace(/a/g, \"$'\").replace(/a/g, \"$'\")",
  };
  for (const std::string& source : sources) {
    const Status status = Evaluated(source).status();
    EXPECT_EQ(CodeOf(status), "E0624") << source.substr(0, 60) << ": " << status.message();
  }
  const std::string large = R"({"s":")" + std::string(10 << 20, 'a') + "\"}";
  EXPECT_EQ(Text("s.length", large), std::to_string(10 << 20));
  EXPECT_EQ(CodeOf(Evaluated("/a*b/.test(s)", large).status()), "E0624");
  EXPECT_EQ(CodeOf(Evaluated("s.split('')", large).status()), "E0624");
}

TEST(JavascriptExpression, MutatedTextsMeetErrorsOnly) {
  const uint32_t seed = testing::UnitTest::GetInstance()->random_seed();
  std::mt19937 random(seed);
  const std::string sources[] = {
      "(({id, user: {email = 'x', ...rest}}, [a, , ...b] = [1, 2, 3]) => ({id, email, rest, a, b}))(record)",
      "`<${record.tags.map((t, i) => `${i}:${t}`).join('|')}>`.replace(/(?<n>\\w)(?=:)|[^a-c]+?/giu, '$<n>$&')",
      "(x => { const [y, z = y] = [x, 0x1F]; if (y?.a ?? !z) return new Date(2024, 1); else { return y ** -z } })(1e3)",
      "[...new Set([3, 'a\\u{1F600}', -.5e-7])].toSorted((a, b) => a > b ? 1 : -1).reduce((s, v) => s + v, typeof void "
      "0)",
  };
  const std::string pieces = "()[]{}<>=?.:,;'\"`$/\\\\+-*!&|^~%0x9e_n\xC3\xA9 ";
  const Limits limits{.fuel = 20'000, .depth = 64, .output_bytes = 1 << 16};
  for (int round = 0; round < 4'000; ++round) {
    std::string text = sources[random() % std::size(sources)];
    for (uint32_t i = random() % 4 + 1; i > 0; --i) {
      const size_t at = random() % text.size();
      const size_t count = random() % 4;
      text.replace(at, count, pieces.substr(random() % pieces.size(), random() % 3));
      if (text.empty()) text = "1";
    }
    const auto value = Evaluated(text, R"({"record":{"id":1,"user":{"k":2},"tags":["x","y"]}})", limits);
    if (value.ok()) {
      EXPECT_TRUE(ParseJson(ToJson(*value)).ok()) << "seed " << seed << ": " << text;
    } else {
      EXPECT_LE(RangeOf(value.status()).end, text.size()) << "seed " << seed << ": " << text;
      EXPECT_THAT(CodeOf(value.status()), testing::StartsWith("E062")) << "seed " << seed << ": " << text;
    }
  }
}

TEST(JavascriptExpression, FunctionsDoNotOutliveTheirEvaluation) {
  const auto made = Evaluated("[x => x]");
  ASSERT_TRUE(made.ok());
  const Scope scope{.names = {{"f", *made}}};
  const auto again = Expression::Parse("f[0](1)").ValueOrDie().Evaluate(scope);
  EXPECT_EQ(CodeOf(again.status()), "E0623");
}

TEST(JavascriptExpression, SecretsTaintWhatReadsThem) {
  const expression::Value config = expression::Value::OfMap(
      {{"key", expression::Value::String("s3cret").WithSecret(true)}, {"page", expression::Value::Int(5)}});
  const Value value = FromCore(config);
  const auto run = [&](const char* source) {
    const Scope scope{.names = {{"config", value}}};
    return Expression::Parse(source).ValueOrDie().Evaluate(scope).ValueOrDie();
  };
  EXPECT_FALSE(run("config.page + 1").secret());
  for (const char* source : {"config.key", "`x${config.key}`", "config.key.length", "JSON.stringify(config)", "config",
                             "Object.values(config).join()", "(({key}) => key[0])(config)", "({...config})"}) {
    EXPECT_TRUE(run(source).secret()) << source;
  }
}

TEST(JavascriptExpression, DatesKnowTheirZone) {
  const auto run = [](const char* source, const char* zone) {
    const Scope scope{.zone = zone};
    const auto value = Expression::Parse(source).ValueOrDie().Evaluate(scope);
    return value.ok() ? ToJson(*value) : value.status().message();
  };
  const char* summer = "new Date('2024-07-01T00:30:00Z').getHours()";
  EXPECT_EQ(run(summer, "UTC"), "0");
  EXPECT_EQ(run(summer, "Europe/Berlin"), "2");
  EXPECT_EQ(run(summer, "-03:30"), "21");
  EXPECT_EQ(run("new Date('2024-07-01T00:30').toISOString()", "Europe/Berlin"), "\"2024-06-30T22:30:00.000Z\"");
  EXPECT_EQ(run("new Date(2024, 2, 31, 2, 30).toISOString()", "Europe/Berlin"),
            "\"2024-03-31T01:30:00.000Z\"");  // skipped hour
  EXPECT_EQ(run("new Date(0).getTimezoneOffset()", "Europe/Berlin"), "-60");
  EXPECT_THAT(run(summer, "Mars/Base"), HasSubstr("unknown time zone"));
  EXPECT_EQ(CodeOf(Expression::Parse("Date.now()").ValueOrDie().Evaluate(Scope{}).status()), "E0621");
}

TEST(JavascriptValue, ConvertsToAndFromTheCore) {
  const auto core = expression::ParseJson(R"({"b":1,"a":[1.5,true,null,"é"],"2":12345678901234567890})").ValueOrDie();
  EXPECT_EQ(ToJson(FromCore(core)), R"({"2":12345678901234567890,"b":1,"a":[1.5,true,null,"é"]})");
  const Value value =
      Evaluated("({i: 5, f: 0.1, big: 1e21, u: undefined, n: NaN, l: [undefined], d: new Date(0)})").ValueOrDie();
  EXPECT_EQ(expression::ToJson(ToCore(value)),
            R"({"i":5,"f":0.1,"big":1e+21,"n":null,"l":[null],"d":"1970-01-01T00:00:00Z"})");
}

}  // namespace
}  // namespace firn::expression::javascript
