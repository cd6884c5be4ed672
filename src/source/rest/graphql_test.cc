#include "source/rest/graphql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/rest/fake_http.h"

namespace firn::source::rest {
namespace {

using ::testing::HasSubstr;

std::optional<io::HttpVerdict> Judged(std::string body, int status = 200) {
  FakeHttp http([&](const FakeRequest&) { return FakeAnswer{.body = body, .status = status}; });
  return JudgeGraphQlThrottle(http.Send({.url = "https://api.example/graphql"}, {}).ValueOrDie());
}

TEST(GraphQl, WaitsUntilThePointsOfAQueryAreRestored) {
  const auto verdict =
      Judged(R"({"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{
      "requestedQueryCost":101,"throttleStatus":{"maximumAvailable":1000.0,"currentlyAvailable":1,"restoreRate":50.0}}}})");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->action, io::HttpVerdict::Action::kThrottled);
  EXPECT_EQ(verdict->delay, io::milliseconds(2000));
}

TEST(GraphQl, KnowsThrottlesByTheirCodes) {
  const auto github = Judged(R"({"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]})");
  ASSERT_TRUE(github.has_value());
  EXPECT_FALSE(github->delay.has_value());
  EXPECT_TRUE(Judged(R"({"errors":[{"extensions":{"code":"RATELIMITED"}}]})", 400).has_value());
}

TEST(GraphQl, OtherAnswersGoByTheirStatus) {
  for (const char* body :
       {R"({"errors":[{"message":"no such field"}]})", R"({"errors":[]})", R"({"errors":null})", "{}", "",
        R"({"data":{"code":"THROTTLED"}})", R"({"errors":[{"extensions":{"code":"THROTTLED"}}])"}) {
    EXPECT_FALSE(Judged(body).has_value()) << body;
  }
}

TEST(GraphQl, RefusesAnAnswerWithErrors) {
  EXPECT_TRUE(RefuseGraphQlErrors(R"({"data":{"errors":1}})", "firn.yaml:9:7").ok());
  EXPECT_TRUE(RefuseGraphQlErrors(R"({"data":{},"errors":[]})", "firn.yaml:9:7").ok());
  const Status refused = RefuseGraphQlErrors(
      R"({"data":{"a":1},"errors":[{"message":"no such field"},{"message":"x"}]})", "firn.yaml:9:7");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(ContextOf(refused)->code, "E0553");
  EXPECT_EQ(ContextOf(refused)->where, "firn.yaml:9:7");
  EXPECT_THAT(ContextOf(refused)->why, HasSubstr("no such field (and 1 more)"));
}

}  // namespace
}  // namespace firn::source::rest
