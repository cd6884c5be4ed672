#include "io/http_session.h"

#include <arrow/buffer.h>
#include <curl/curl.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/task_group.h"
#include "io/curl_error.h"

namespace firn::io {
namespace {

using std::chrono::seconds;

// Answers from a script; the last answer repeats.
class FakeClient : public HttpClient {
 public:
  using Answer = Result<HttpResponse>;
  explicit FakeClient(std::deque<Answer> script) : script_(std::move(script)) {}
  std::unique_ptr<PendingResponse> SendAsync(HttpRequest request) override {
    class Ready : public PendingResponse {
     public:
      explicit Ready(Answer answer) : answer_(std::move(answer)) {}
      Answer Wait(std::stop_token) override { return answer_; }
      Answer answer_;
    };
    requests.push_back(std::move(request));
    Answer answer = script_.front();
    if (script_.size() > 1) script_.pop_front();
    return std::make_unique<Ready>(std::move(answer));
  }
  std::vector<HttpRequest> requests;

 private:
  std::deque<Answer> script_;
};

HttpResponse Answer(int status, HttpHeaders headers = {}) {
  return {.status = status,
          .headers = std::move(headers),
          .body = arrow::Buffer::FromString("body"),
          .effective_url = "http://api.example/"};
}
Status Reset() {
  return MakeError(Fault::kTransient, "connection lost");
}

class HttpSessionTest : public ::testing::Test {
 protected:
  Result<HttpResponse> Run(std::deque<FakeClient::Answer> script,
                           HttpRequest request = {.url = "http://api.example/"}) {
    client_ = std::make_unique<FakeClient>(std::move(script));
    session_ = std::make_unique<HttpSession>(*client_, clock_, options_);
    start_ = clock_.Now();
    return session_->Send(request, {});
  }
  int64_t WaitedMs() const { return (clock_.Now().micros - start_.micros) / 1'000; }
  const HttpCounters& counters() const { return session_->counters(); }

  FakeClock clock_;
  Timestamp start_;
  HttpSessionOptions options_{.backoff = {.base_ms = 100, .total_ms = 120'000, .attempts_max = 6, .seed = 5},
                              .sleep_scale = 1.0};
  std::unique_ptr<FakeClient> client_;
  std::unique_ptr<HttpSession> session_;
};

TEST_F(HttpSessionTest, RetriesBurstsAndBrokenConnections) {
  const auto response = Run({Answer(500), Answer(502), Reset(), Answer(504), Answer(200)});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(counters().num_requests, 5);
  EXPECT_EQ(counters().num_retries, 4);
  EXPECT_EQ(counters().num_throttled, 0);
  EXPECT_EQ(counters().waited_ms, WaitedMs());
  EXPECT_EQ(counters().body_bytes, 4 * 4);
}

TEST_F(HttpSessionTest, GivesUpAsUnreachableWithTheLastReason) {
  const Status status = Run({Answer(503)}).status();
  EXPECT_EQ(FaultOf(status), Fault::kUnreachable);
  EXPECT_NE(status.message().find("6 attempts"), std::string::npos) << status;
  EXPECT_NE(status.message().find("HTTP status 503"), std::string::npos) << status;
  EXPECT_EQ(client_->requests.size(), 6u);
}

TEST_F(HttpSessionTest, TellsEachWaitBeforeItBegins) {
  std::vector<BackoffWait> waits;
  std::vector<std::string> errors;
  options_.on_wait = [&](const HttpWait& wait) {
    waits.push_back(wait.wait);
    errors.push_back(wait.error.message());
    EXPECT_LT(WaitedMs(), 120'000 - wait.wait.left_ms) << "told before waiting";
  };
  ASSERT_TRUE(Run({Answer(429, {{"Retry-After", "7"}}), Reset(), Answer(200)}).ok());
  ASSERT_EQ(waits.size(), 2u);
  EXPECT_GE(waits[0].delay_ms, 7'000);
  EXPECT_EQ(waits[0].attempt, 2);
  EXPECT_EQ(waits[0].attempts_max, 6);
  EXPECT_EQ(waits[0].left_ms, 120'000 - waits[0].delay_ms);
  EXPECT_EQ(waits[1].attempt, 3);
  EXPECT_EQ(waits[1].left_ms, waits[0].left_ms - waits[1].delay_ms);
  EXPECT_NE(errors[0].find("429"), std::string::npos);
  EXPECT_EQ(errors[1], "connection lost");
}

TEST_F(HttpSessionTest, HonoursRetryAfterInSecondsAndDates) {
  ASSERT_TRUE(Run({Answer(429, {{"Retry-After", "7"}}), Answer(200)}).ok());
  EXPECT_GE(WaitedMs(), 7'000);
  EXPECT_LE(WaitedMs(), 7'100);
  EXPECT_EQ(counters().num_throttled, 1);
  // FakeClock begins at 2026-01-01T00:00:00Z and has moved by the seven seconds.
  ASSERT_TRUE(Run({Answer(503, {{"Retry-After", "Thu, 01 Jan 2026 00:00:30 GMT"}}), Answer(200)}).ok());
  EXPECT_GE(WaitedMs(), 22'000);
  EXPECT_LE(WaitedMs(), 23'200);
}

TEST_F(HttpSessionTest, A429WithoutAnyHintBacksOff) {
  ASSERT_TRUE(Run({Answer(429), Answer(429), Answer(429), Answer(200)}).ok());
  EXPECT_LE(WaitedMs(), 100 + 200 + 400);
  EXPECT_EQ(counters().num_throttled, 3);
}

TEST_F(HttpSessionTest, AbsurdRetryAfterIsNotWaitedFor) {
  for (const char* text : {"86400", "99999999999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"}) {
    const Status status = Run({Answer(429, {{"Retry-After", text}}), Answer(200)}).status();
    EXPECT_EQ(FaultOf(status), Fault::kUnreachable) << text;
    EXPECT_EQ(WaitedMs(), 0) << text;
    EXPECT_EQ(client_->requests.size(), 1u);
  }
  ASSERT_TRUE(Run({Answer(429, {{"Retry-After", "-1"}}), Answer(200)}).ok());  // nonsense: as if absent
}

TEST_F(HttpSessionTest, ResetHeadersAndDisguisedThrottlesCount) {
  const HttpHeaders exhausted{{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "9"}};
  ASSERT_TRUE(Run({Answer(429, exhausted), Answer(200)}).ok());
  EXPECT_GE(WaitedMs(), 9'000);
  ASSERT_TRUE(Run({Answer(403, exhausted), Answer(200)}).ok());
  EXPECT_GE(WaitedMs(), 9'000);
  EXPECT_EQ(FaultOf(Run({Answer(403), Answer(200)}).status()), Fault::kAuth);
}

TEST_F(HttpSessionTest, AnExhaustedLimitPausesTheNextRequest) {
  RateBudget budget({.concurrency_max = 2}, clock_);
  options_.rate_budget = &budget;
  ASSERT_TRUE(Run({Answer(200, {{"RateLimit-Remaining", "0"}, {"RateLimit-Reset", "5"}}), Answer(200)}).ok());
  EXPECT_EQ(WaitedMs(), 0);
  ASSERT_TRUE(session_->Send({.url = "http://api.example/2"}, {}).ok());
  EXPECT_EQ(WaitedMs(), 5'000);
  EXPECT_EQ(counters().waited_ms, 5'000);
}

TEST_F(HttpSessionTest, FinalErrorsAreNotRetried) {
  for (const auto& [status, fault] : {std::pair<int, Fault>{400, Fault::kConfig},
                                      {401, Fault::kAuth},
                                      {404, Fault::kConfig},
                                      {409, Fault::kConflict},
                                      {410, Fault::kConfig}}) {
    EXPECT_EQ(FaultOf(Run({Answer(status), Answer(200)}).status()), fault);
    EXPECT_EQ(client_->requests.size(), 1u);
  }
  EXPECT_EQ(FaultOf(Run({MakeError(Fault::kBadData, "bomb"), Answer(200)}).status()), Fault::kBadData);
  EXPECT_EQ(client_->requests.size(), 1u);
}

TEST_F(HttpSessionTest, WhatMustNotBeRepeatedIsNotRepeatedUnlessSurelyNotApplied) {
  const HttpRequest post{.method = "POST", .url = "http://api.example/"};
  EXPECT_EQ(FaultOf(Run({Reset(), Answer(200)}, post).status()), Fault::kOutcomeUnknown);
  EXPECT_EQ(FaultOf(Run({Answer(500), Answer(200)}, post).status()), Fault::kOutcomeUnknown);
  EXPECT_TRUE(Run({Answer(429), Answer(200)}, post).ok());
  EXPECT_TRUE(Run({CurlError(CURLE_COULDNT_RESOLVE_HOST, "", ""), Answer(200)}, post).ok());
  EXPECT_EQ(FaultOf(Run({CurlError(CURLE_PARTIAL_FILE, "", ""), Answer(200)}, post).status()), Fault::kOutcomeUnknown);
  HttpRequest search = post;
  search.repeatable = true;
  EXPECT_TRUE(Run({Reset(), Answer(500), Answer(200)}, search).ok());
}

class FakeAuthorizer : public HttpAuthorizer {
 public:
  Status Authorize(HttpRequest& request, std::stop_token) override {
    request.headers.Set("Authorization", "token-" + std::to_string(version));
    return Status::OK();
  }
  Result<bool> Renew(const HttpRequest& rejected, std::stop_token) override {
    EXPECT_TRUE(rejected.headers.Has("authorization"));
    ++version;
    return renewable;
  }
  int version = 1;
  bool renewable = true;
};

TEST_F(HttpSessionTest, A401IsRenewedOnce) {
  FakeAuthorizer authorizer;
  options_.authorizer = &authorizer;
  ASSERT_TRUE(Run({Answer(401), Answer(200)}).ok());
  EXPECT_EQ(client_->requests[1].headers.Get("authorization"), "token-2");
  EXPECT_EQ(WaitedMs(), 0);
  EXPECT_EQ(FaultOf(Run({Answer(401)}).status()), Fault::kAuth);
  EXPECT_EQ(client_->requests.size(), 2u);
  authorizer.renewable = false;
  EXPECT_EQ(FaultOf(Run({Answer(401), Answer(200)}).status()), Fault::kAuth);
  EXPECT_EQ(client_->requests.size(), 1u);
}

TEST_F(HttpSessionTest, TheClassifierHasTheLastWord) {
  using Action = HttpVerdict::Action;
  int seen = 0;
  HttpVerdict verdict;
  options_.classify = [&](const HttpResponse&) -> std::optional<HttpVerdict> {
    return seen++ == 0 ? std::optional<HttpVerdict>(verdict) : std::nullopt;
  };
  const auto run = [&](HttpVerdict first, int status) {
    seen = 0;
    verdict = std::move(first);
    return Run({Answer(status), Answer(200)});
  };
  EXPECT_EQ(run({.action = Action::kAccept}, 404).ValueOrDie().status, 404);
  EXPECT_EQ(FaultOf(run({.action = Action::kFail, .reason = "closed", .fault = Fault::kContract}, 200).status()),
            Fault::kContract);
  EXPECT_TRUE(run({.action = Action::kRetry, .delay = seconds(3)}, 400).ok());
  EXPECT_GE(WaitedMs(), 3'000);
  EXPECT_TRUE(run({.action = Action::kThrottled, .delay = seconds(4)}, 200).ok());
  EXPECT_EQ(counters().num_throttled, 1);
}

TEST_F(HttpSessionTest, WaitsThatTheClassifierAsksForHaveABoundOfTheirOwn) {
  options_.backoff.attempts_max = 2;
  options_.backoff.total_ms = 5'000;
  options_.throttled_total = seconds(60);
  int throttled = 4;
  options_.classify = [&](const HttpResponse& response) -> std::optional<HttpVerdict> {
    if (response.status != 200 || throttled-- <= 0) return std::nullopt;
    return HttpVerdict{.action = HttpVerdict::Action::kThrottled, .delay = seconds(10)};
  };
  ASSERT_TRUE(Run({Answer(200), Answer(200), Answer(200), Answer(200), Answer(503), Answer(200)}).ok());
  EXPECT_GE(WaitedMs(), 40'000);
  EXPECT_EQ(counters().num_throttled, 4);
  throttled = 1'000;
  EXPECT_EQ(FaultOf(Run({Answer(200)}).status()), Fault::kUnreachable);
  EXPECT_LE(WaitedMs(), 61'000);
}

TEST_F(HttpSessionTest, SleepScaleShortensTheSleepOnly) {
  options_.sleep_scale = 0.001;
  ASSERT_TRUE(Run({Answer(429, {{"Retry-After", "60"}}), Answer(200)}).ok());
  EXPECT_LE(WaitedMs(), 61);
  EXPECT_GE(counters().waited_ms, 60'000);
}

TEST_F(HttpSessionTest, StopEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  FakeClient client({Answer(500)});
  HttpSession session(client, clock_, options_);
  EXPECT_EQ(FaultOf(session.Send({.url = "http://a/"}, stop.get_token()).status()), Fault::kCancelled);
}

TEST(RateBudget, TokensFillWithTime) {
  FakeClock clock;
  RateBudget budget({.requests_per_second = 10, .burst = 3, .concurrency_max = 100}, clock);
  const auto start = clock.Now();
  for (int i = 0; i < 23; ++i) ASSERT_TRUE(budget.Acquire({}, {}, seconds(10)).ok());
  const int64_t waited_ms = (clock.Now().micros - start.micros) / 1'000;
  EXPECT_GE(waited_ms, 1'990);  // 3 at once, then one every 100 ms
  EXPECT_LE(waited_ms, 2'300);
}

TEST(RateBudget, ConcurrencyNeverExceedsTheLimit) {
  FakeClock clock;
  RateBudgets budgets(clock);
  TaskGroup group;
  std::atomic<int> active{0};
  std::atomic<int> most{0};
  for (int t = 0; t < 6; ++t) {
    group.Spawn([&](std::stop_token stop) -> Status {
      RateBudget& budget = budgets.For("api.example", "token", {.concurrency_max = 2});
      for (int i = 0; i < 200; ++i) {
        ARROW_ASSIGN_OR_RAISE(auto permit, budget.Acquire({}, stop, seconds(1)));
        const int now = ++active;
        int seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        --active;
      }
      return Status::OK();
    });
  }
  const Status status = group.Join();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_LE(most, 2);
}

TEST(RateBudget, BudgetsAreKeptApartByHostAndCredential) {
  FakeClock clock;
  RateBudgets budgets(clock);
  const RateLimits limits;
  EXPECT_EQ(&budgets.For("a", "1", limits), &budgets.For("a", "1", limits));
  EXPECT_NE(&budgets.For("a", "1", limits), &budgets.For("a", "2", limits));
  EXPECT_NE(&budgets.For("a", "1", limits), &budgets.For("b", "1", limits));
}

TEST(RateBudget, LongPausesAreNotWaitedForAndStopIsHeard) {
  FakeClock clock;
  RateBudget budget({}, clock);
  budget.Pause(std::chrono::hours(2));
  EXPECT_EQ(FaultOf(budget.Acquire({}, {}, seconds(60)).status()), Fault::kUnreachable);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(FaultOf(budget.Acquire({}, stop.get_token(), std::chrono::hours(3)).status()), Fault::kCancelled);
  EXPECT_TRUE(budget.Acquire({}, {}, std::chrono::hours(3)).ok());
}

TEST(CurlError, EveryCodeHasAKind) {
  const std::pair<CURLcode, Fault> table[] = {{CURLE_COULDNT_RESOLVE_HOST, Fault::kTransient},
                                              {CURLE_COULDNT_CONNECT, Fault::kTransient},
                                              {CURLE_PARTIAL_FILE, Fault::kTransient},
                                              {CURLE_OPERATION_TIMEDOUT, Fault::kTransient},
                                              {CURLE_GOT_NOTHING, Fault::kTransient},
                                              {CURLE_SEND_ERROR, Fault::kTransient},
                                              {CURLE_RECV_ERROR, Fault::kTransient},
                                              {CURLE_SSL_CONNECT_ERROR, Fault::kTransient},
                                              {CURLE_HTTP2_STREAM, Fault::kTransient},
                                              {CURLE_URL_MALFORMAT, Fault::kConfig},
                                              {CURLE_PEER_FAILED_VERIFICATION, Fault::kConfig},
                                              {CURLE_SSL_CACERT_BADFILE, Fault::kConfig},
                                              {CURLE_UNKNOWN_OPTION, Fault::kBug}};
  for (const auto& [code, fault] : table) EXPECT_EQ(FaultFromCurl(code), fault) << code;
  for (int code = 1; code < CURL_LAST; ++code) {
    EXPECT_FALSE(CurlError(code, "", "http://a/").message().empty()) << code;
  }
}

}  // namespace
}  // namespace firn::io
