#include "source/http_auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/redactor.h"
#include "io/temporary_folder.h"
#include "source/rest/fake_http.h"

namespace firn::source {
namespace {

using connector::AuthPlan;
using rest::FakeAnswer;
using rest::FakeHttp;
using rest::FakeRequest;
using ::testing::HasSubstr;
using ::testing::Not;

class AuthTest : public ::testing::Test {
 protected:
  std::unique_ptr<io::HttpAuthorizer> Make(const AuthPlan& plan) {
    return MakeAuthorizer(plan, "https://api.example", http_, clock_).ValueOrDie();
  }
  static io::HttpRequest Authorized(io::HttpAuthorizer& authorizer, std::string url = "https://api.example/x") {
    io::HttpRequest request{.url = std::move(url)};
    EXPECT_TRUE(authorizer.Authorize(request, {}).ok());
    return request;
  }
  static std::string HeaderOf(const io::HttpRequest& request, const char* name = "Authorization") {
    return std::string(request.headers.Get(name).value_or("none"));
  }
  AuthPlan OAuth(AuthPlan::Type type = AuthPlan::Type::kOAuth2ClientCredentials) const {
    return {.type = type,
            .where = "firn.yaml:5:11",
            .token_url = "https://login.example/token",
            .client_id = "me",
            .client_secret = "client-secret-1",
            .refresh_token = "refresh-token-1",
            .scope = "read write"};
  }

  FakeClock clock_;
  std::atomic<int> num_tokens_ = 0;
  FakeHttp http_{[this](const FakeRequest&) {
    return FakeAnswer{.body = "{\"access_token\":\"token-" + std::to_string(++num_tokens_) + "\",\"expires_in\":600}"};
  }};
};

TEST_F(AuthTest, PutsEachKindOfCredentialInItsPlace) {
  EXPECT_EQ(MakeAuthorizer({}, "https://api.example", http_, clock_).ValueOrDie(), nullptr);
  EXPECT_EQ(HeaderOf(Authorized(*Make({.type = AuthPlan::Type::kBearer, .token = "abcd1"}))), "Bearer abcd1");
  const AuthPlan basic{.type = AuthPlan::Type::kBasic, .username = "Aladdin", .password = "open sesame"};
  EXPECT_EQ(HeaderOf(Authorized(*Make(basic))), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617
  const AuthPlan header{.type = AuthPlan::Type::kApiKeyHeader, .key_name = "X-Key", .key_value = "k123"};
  EXPECT_EQ(HeaderOf(Authorized(*Make(header)), "X-Key"), "k123");
  const AuthPlan query{.type = AuthPlan::Type::kApiKeyQuery, .key_name = "key", .key_value = "a b/c"};
  EXPECT_EQ(Authorized(*Make(query), "https://api.example/x?key=old&p=1").url,
            "https://api.example/x?key=a%20b%2Fc&p=1");
}

TEST_F(AuthTest, CredentialsStayWithTheirOrigin) {
  const auto bearer = Make({.type = AuthPlan::Type::kBearer, .token = "abcd1"});
  for (const char* url : {"http://api.example/x", "https://api.example:8443/x", "https://api.example.evil/x"}) {
    EXPECT_EQ(HeaderOf(Authorized(*bearer, url)), "none") << url;
  }
}

TEST_F(AuthTest, FetchesOneTokenForManyThreads) {
  const auto oauth = Make(OAuth());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(HeaderOf(Authorized(*oauth)), "Bearer token-1"); });
  }
  threads.clear();
  EXPECT_EQ(num_tokens_, 1);
}

TEST_F(AuthTest, RejectedTokenIsRenewedOnceForAll) {
  const auto oauth = Make(OAuth());
  const io::HttpRequest rejected = Authorized(*oauth);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(oauth->Renew(rejected, {}).ValueOrDie()); });
  }
  threads.clear();
  EXPECT_EQ(num_tokens_, 2);
  EXPECT_EQ(HeaderOf(Authorized(*oauth)), "Bearer token-2");
}

TEST_F(AuthTest, RenewsShortlyBeforeTheTokenExpires) {
  const auto oauth = Make(OAuth());
  Authorized(*oauth);
  clock_.Advance(std::chrono::seconds(539));
  EXPECT_EQ(HeaderOf(Authorized(*oauth)), "Bearer token-1");
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_EQ(HeaderOf(Authorized(*oauth)), "Bearer token-2");
}

TEST_F(AuthTest, SendsTheGrantAndKeepsARotatedRefreshToken) {
  std::vector<std::string> bodies;
  http_.set_handler([&](const FakeRequest& request) {
    bodies.push_back(request.http.body);
    return FakeAnswer{.body = R"({"access_token":"tttt","expires_in":"60","refresh_token":"rotated-2"})"};
  });
  AuthPlan plan = OAuth(AuthPlan::Type::kOAuth2RefreshToken);
  plan.client_in_body = true;
  plan.token_params = {{"audience", "a&b"}};
  const auto oauth = Make(plan);
  Authorized(*oauth);
  clock_.Advance(std::chrono::seconds(61));
  Authorized(*oauth);
  EXPECT_EQ(bodies[0],
            "grant_type=refresh_token&refresh_token=refresh-token-1&scope=read%20write&client_id=me&client_secret="
            "client-secret-1&audience=a%26b");
  EXPECT_THAT(bodies[1], HasSubstr("refresh_token=rotated-2&"));
  EXPECT_EQ(ProcessRedactor().Redact("rotated-2 tttt"), "*** ***");
}

// Each refresh token is good for one exchange, as many servers have it.
TEST_F(AuthTest, AnExchangedRefreshTokenOutlivesTheProcess) {
  const io::TemporaryFolder folder;
  const state::RefreshTokens kept(folder.path() + "/secrets", clock_);
  std::string valid = "refresh-token-1";
  int number = 1;
  http_.set_handler([&](const FakeRequest& request) {
    if (request.http.body.find("refresh_token=" + valid + "&") == std::string::npos) {
      return FakeAnswer{.body = R"({"error":"invalid_grant"})", .status = 400};
    }
    valid = "refresh-token-" + std::to_string(++number);
    return FakeAnswer{.body = "{\"access_token\":\"access\",\"refresh_token\":\"" + valid + "\"}"};
  });
  AuthPlan plan = OAuth(AuthPlan::Type::kOAuth2RefreshToken);
  const auto log_in = [&] {
    const auto oauth = MakeAuthorizer(plan, "https://api.example", http_, clock_, &kept).ValueOrDie();
    io::HttpRequest request{.url = "https://api.example/x"};
    return oauth->Authorize(request, {});
  };
  for (int process = 0; process < 3; ++process) EXPECT_TRUE(log_in().ok()) << process;
  // Two that live at the same time take turns.
  const auto one = MakeAuthorizer(plan, "https://api.example", http_, clock_, &kept).ValueOrDie();
  const auto other = MakeAuthorizer(plan, "https://api.example", http_, clock_, &kept).ValueOrDie();
  for (int turn = 0; turn < 2; ++turn) {
    Authorized(*one);
    Authorized(*other);
    clock_.Advance(std::chrono::hours(2));
  }
  valid = "revoked";
  const Status refused = log_in();
  EXPECT_EQ(FaultOf(refused), Fault::kAuth) << refused;
  EXPECT_THAT(ContextOf(refused)->next, HasSubstr("log in again"));
  // A token given anew is used.
  valid = plan.refresh_token = "refresh-token-of-a-new-login";
  EXPECT_TRUE(log_in().ok());
}

TEST_F(AuthTest, RefusedTokenRequestNamesWhatToCheck) {
  const FakeAnswer answers[] = {{.body = R"({"error":"invalid_grant"})", .status = 400},
                                {.body = R"({"error":"invalid_client"})", .status = 401},
                                {.body = R"({"token":"x"})"},
                                {.body = "<html>"}};
  for (const FakeAnswer& answer : answers) {
    http_.set_handler([&](const FakeRequest&) { return answer; });
    const auto oauth = Make(OAuth());
    io::HttpRequest request{.url = "https://api.example/x"};
    const Status status = oauth->Authorize(request, {});
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(FaultOf(status), Fault::kAuth) << status;
    EXPECT_EQ(ContextOf(status)->code, "E0442");
    EXPECT_EQ(ContextOf(status)->where, "firn.yaml:5:11");
    EXPECT_THAT(status.ToString(), Not(HasSubstr("client-secret-1")));
  }
}

TEST_F(AuthTest, FailedFetchDoesNotBlockTheNext) {
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.status = 401}; });
  const auto oauth = Make(OAuth());
  io::HttpRequest request{.url = "https://api.example/x"};
  EXPECT_FALSE(oauth->Authorize(request, {}).ok());
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"access_token":"good-token"})"}; });
  EXPECT_TRUE(oauth->Authorize(request, {}).ok());
}

}  // namespace
}  // namespace firn::source
