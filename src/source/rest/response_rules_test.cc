#include "source/rest/response_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/rest/fake_http.h"
#include "source/rest/json_scan.h"

namespace firn::source::rest {
namespace {

using connector::ResponseRule;
using connector::Template;
using Action = ResponseRule::Action;
using Verdict = io::HttpVerdict::Action;

Template When(std::string_view text) {
  return Template::ParseExpression(text).ValueOrDie();
}

io::HttpResponse Response(const std::string& body, int status = 200, io::HttpHeaders headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = arrow::Buffer::FromString(body)};
}

class ResponseRulesTest : public ::testing::Test {
 protected:
  std::optional<io::HttpVerdict> Judge(const io::HttpResponse& response) {
    return ResponseRules(table_, clock_).Judge(response);
  }
  std::optional<Action> WithoutRows(const io::HttpResponse& response) {
    return ResponseRules(table_, clock_).WithoutRows(response);
  }

  FakeClock clock_{{.micros = 1'767'225'600'000'000}};  // 2026-01-01
  connector::TablePlan table_;
};

TEST_F(ResponseRulesTest, WithoutARuleTheStatusDecides) {
  EXPECT_FALSE(Judge(Response(R"({"ok":false})")).has_value());
  EXPECT_FALSE(WithoutRows(Response("{}")).has_value());
}

TEST_F(ResponseRulesTest, EachActionHasItsVerdict) {
  const std::tuple<Action, Verdict, Fault> cases[] = {
      {Action::kFail, Verdict::kFail, Fault::kConfig},    {Action::kAuthFailed, Verdict::kFail, Fault::kAuth},
      {Action::kEmpty, Verdict::kAccept, Fault::kConfig}, {Action::kSkip, Verdict::kAccept, Fault::kConfig},
      {Action::kRetry, Verdict::kRetry, Fault::kConfig},  {Action::kRateLimited, Verdict::kThrottled, Fault::kConfig},
  };
  for (const auto& [action, expected, fault] : cases) {
    table_.response_rules = {{.where = "firn.yaml:7:9", .when = When("response.ok == false"), .action = action}};
    const auto verdict = Judge(Response(R"({"ok": false})"));
    ASSERT_TRUE(verdict.has_value());
    EXPECT_EQ(verdict->action, expected);
    EXPECT_EQ(WithoutRows(Response(R"({"ok": false})")).has_value(), expected == Verdict::kAccept);
    EXPECT_FALSE(WithoutRows(Response(R"({"ok": true})")).has_value());
    if (expected != Verdict::kFail) continue;
    EXPECT_EQ(verdict->fault, fault);
    EXPECT_EQ(verdict->context.code, "E0514");
    EXPECT_EQ(verdict->context.where, "firn.yaml:7:9");
  }
}

TEST_F(ResponseRulesTest, LooksAtMembersOfTheBodyAlone) {
  table_.response_rules = {{.when = When("response.error.code in [4, 17]"), .action = Action::kRateLimited}};
  const std::pair<const char*, bool> cases[] = {
      {R"({"error":{"code":17}})", true},
      {"\xEF\xBB\xBF {\"a\":[1,{\"x\":\"}\\\"\"}], \"error\" : {\"message\":\"no\",\"code\" : 4 } }", true},
      {R"({"error":{"code":18}})", false},
      {R"({"data":[{"error":{"code":17}}]})", false},  // of a record
      {R"({"error":"code"})", false},
      {R"({"error":[{"code":17}]})", false},
      {R"(["error","code"])", false},
      {R"({"data":{"code":17}})", false},
      {"<html>\"error\" \"code\"</html>", false},
      {"", false},
  };
  for (const auto& [body, matches] : cases) EXPECT_EQ(Judge(Response(body)).has_value(), matches) << body;
}

TEST_F(ResponseRulesTest, SeesStatusHeadersListsAndTheWholeBody) {
  const io::HttpResponse response =
      Response(R"({"errors":[{"code":"QUOTA"}]})", 418, {{"X-Reason", "slow"}, {"X-Other", "1"}});
  for (const char* when : {"status == 418", "headers['x-reason'] == 'slow'", "response.errors[0].code == 'QUOTA'",
                           "response and 'errors' in response", "response.missing is none"}) {
    table_.response_rules = {{.when = When(when)}};
    EXPECT_TRUE(Judge(response).has_value()) << when;
  }
}

TEST_F(ResponseRulesTest, TheFirstRuleThatMatchesHolds) {
  table_.response_rules = {
      {.status_min = 400, .status_max = 499, .when = When("response.again"), .action = Action::kRetry},
      {.status_min = 404, .status_max = 404, .action = Action::kEmpty},
      {.status_min = 400, .status_max = 499}};
  EXPECT_EQ(Judge(Response(R"({"again":true})", 404))->action, Verdict::kRetry);
  EXPECT_EQ(Judge(Response("{}", 404))->action, Verdict::kAccept);
  EXPECT_FALSE(WithoutRows(Response(R"({"again":true})", 404)).has_value());
  EXPECT_EQ(WithoutRows(Response("{}", 404)), Action::kEmpty);
  EXPECT_EQ(Judge(Response("{}", 403))->action, Verdict::kFail);
  EXPECT_FALSE(Judge(Response("{}", 500)).has_value());
}

TEST_F(ResponseRulesTest, WaitsAsTheAnswerSaysElseAsTheRuleDoes) {
  ResponseRule rule{.status_min = 200, .status_max = 200, .action = Action::kRateLimited};
  const auto wait = [&](io::HttpHeaders headers) {
    table_.response_rules = {rule};
    return Judge(Response("{}", 200, std::move(headers)))->delay;
  };
  EXPECT_FALSE(wait({}).has_value());
  EXPECT_EQ(wait({{"retry-after", "7"}})->count(), 7'000);
  rule.wait_ms = 30'000;
  EXPECT_EQ(wait({})->count(), 30'000);
  EXPECT_EQ(wait({{"Retry-After", "7"}})->count(), 7'000);
  rule.wait_header = "X-Again-At";
  EXPECT_EQ(wait({{"X-Again-At", "2026-01-01T00:01:00Z"}, {"Retry-After", "7"}})->count(), 60'000);
  EXPECT_EQ(wait({{"X-Again-At", "1767225605"}})->count(), 5'000);
  EXPECT_EQ(wait({{"X-Again-At", "soon"}})->count(), 30'000);
}

TEST_F(ResponseRulesTest, TheMessageIsWhatTheRuleNamesAndShort) {
  table_.response_rules = {{.when = When("response.ok == false"),
                            .message = Template::Parse("the API says {{ response.error }}").ValueOrDie()}};
  EXPECT_EQ(Judge(Response(R"({"ok":false,"error":"invalid_auth","user":"bob"})"))->context.why,
            "the API says invalid_auth");
  EXPECT_EQ(Judge(Response(R"({"ok":false})"))->context.why, "the API says {{ response.error }}");
  EXPECT_EQ(Judge(Response(R"({"ok":false,"error":"a\nb\u001b"})"))->context.why, "the API says a b ");
  std::string long_text;
  for (int i = 0; i < 300; ++i) long_text += "é";
  const std::string why = Judge(Response("{\"ok\":false,\"error\":\"" + long_text + "\"}"))->context.why;
  EXPECT_LE(why.size(), 203u);
  EXPECT_TRUE(why.ends_with("é…")) << why;
}

TEST_F(ResponseRulesTest, WhatCannotBeComparedDoesNotMatch) {
  table_.response_rules = {{.when = When("response.code > 3")}, {.when = When("response.code == 'x'")}};
  EXPECT_FALSE(Judge(Response(R"({"code":[]})")).has_value());
  EXPECT_TRUE(Judge(Response(R"({"code":"x"})")).has_value());
  EXPECT_TRUE(Judge(Response(R"({"code":4})")).has_value());
}

TEST_F(ResponseRulesTest, AThrottledAnswerIsNeverOneWithoutRows) {
  table_.response_rules = {{.status_min = 400, .status_max = 599, .action = Action::kEmpty}};
  EXPECT_EQ(WithoutRows(Response("{}", 403)), Action::kEmpty);
  EXPECT_FALSE(WithoutRows(Response("{}", 403, {{"Retry-After", "1"}})).has_value());
  EXPECT_FALSE(WithoutRows(Response("{}", 403, {{"X-RateLimit-Remaining", "0"}})).has_value());
  EXPECT_FALSE(WithoutRows(Response("{}", 429)).has_value());
  EXPECT_FALSE(Judge(Response("{}", 429)).has_value());
}

TEST(JsonScan, FindsMembersOfHalfAndBrokenTextsWithoutLeavingThem) {
  EXPECT_EQ(FindMember(R"({"a":{"b":[1,2]},"c":3})", "a.b"), "[1,2]");
  EXPECT_EQ(FindMember(R"({"ok":true, broken)", "ok"), "true");
  const std::string text = R"({"a":"\"}","b":{"c":"\\"},"d":[{"e":1}],"f":null})";
  for (size_t size = 0; size < text.size(); ++size) {
    for (const char* path : {"a", "b.c", "d", "f", "none", "", "a.b.c"}) {
      const std::string part = text.substr(0, size);
      const auto found = FindMember(part, path);
      if (!found) continue;
      EXPECT_LE(found->data() + found->size(), part.data() + part.size()) << size << path;
    }
  }
}

}  // namespace
}  // namespace firn::source::rest
