#include "source/http_auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/hmac.h"
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

TEST_F(AuthTest, PutsSeveralHeadersOnARequest) {
  const auto several =
      Make({.type = AuthPlan::Type::kHeaders, .headers = {{"X-Key", "key-11"}, {"X-Secret", "sec-22"}}});
  EXPECT_EQ(HeaderOf(Authorized(*several), "X-Key"), "key-11");
  EXPECT_EQ(HeaderOf(Authorized(*several), "X-Secret"), "sec-22");
  EXPECT_EQ(HeaderOf(Authorized(*several, "https://other.example/x"), "X-Secret"), "none");
  EXPECT_EQ(ProcessRedactor().Redact("key-11 sec-22"), "*** ***");
}

TEST_F(AuthTest, ExchangesUserAndPassword) {
  std::string body;
  http_.set_handler([&](const FakeRequest& request) {
    body = request.http.body;
    return FakeAnswer{.body = R"({"access_token":"tttt"})"};
  });
  AuthPlan plan = OAuth(AuthPlan::Type::kOAuth2Password);
  plan.username = "me@shop";
  plan.password = "pass word";
  plan.client_in_body = true;
  EXPECT_EQ(HeaderOf(Authorized(*Make(plan))), "Bearer tttt");
  EXPECT_EQ(body,
            "grant_type=password&username=me%40shop&password=pass%20word&scope=read%20write&client_id=me&client_secret="
            "client-secret-1");
}

TEST_F(AuthTest, SendsASignedTokenUntilItIsDue) {
  const AuthPlan plan{.type = AuthPlan::Type::kJwt,
                      .jwt = {.algorithm = "HS256",
                              .key = "jwt-key-1",
                              .key_id = "k1",
                              .claims_json = R"({"iss":"me","exp":5})",
                              .lifetime_ms = 600'000}};
  const auto jwt = Make(plan);
  const std::string first = HeaderOf(Authorized(*jwt));
  EXPECT_EQ(first.substr(0, first.find('.')), "Bearer " + Base64Url(R"({"alg":"HS256","typ":"JWT","kid":"k1"})"));
  const int64_t now = clock_.Now().micros / 1'000'000;
  EXPECT_EQ(first.substr(first.find('.') + 1, first.rfind('.') - first.find('.') - 1),
            Base64Url(R"({"iat":)" + std::to_string(now) + R"(,"iss":"me","exp":5})"));
  EXPECT_EQ(HeaderOf(Authorized(*jwt)), first);
  clock_.Advance(std::chrono::seconds(541));
  EXPECT_NE(HeaderOf(Authorized(*jwt)), first);
}

TEST_F(AuthTest, ExchangesASignedTokenForAnAccessToken) {
  std::string body;
  http_.set_handler([&](const FakeRequest& request) {
    body = request.http.body;
    return FakeAnswer{.body = R"({"access_token":"tttt"})"};
  });
  AuthPlan plan{.type = AuthPlan::Type::kJwt,
                .token_url = "https://login.example/token",
                .client_in_body = true,
                .jwt = {.algorithm = "HS256", .key = "jwt-key-1"}};
  EXPECT_EQ(HeaderOf(Authorized(*Make(plan))), "Bearer tttt");
  EXPECT_THAT(body,
              ::testing::StartsWith(
                  "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJhbGciOiJIUzI1NiI"));
}

TEST_F(AuthTest, AKeyThatCannotSignIsToldByName) {
  const auto jwt = Make({.type = AuthPlan::Type::kJwt, .where = "firn.yaml:5:11", .jwt = {.key = "not-a-pem-key"}});
  io::HttpRequest request{.url = "https://api.example/x"};
  const Status status = jwt->Authorize(request, {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(ContextOf(status)->code, "E0551");
  EXPECT_EQ(ContextOf(status)->where, "firn.yaml:5:11");
  EXPECT_THAT(status.ToString(), Not(HasSubstr("not-a-pem-key")));
}

// Binance's documentation, "SIGNED Endpoint Examples for POST /api/v3/order", as a query string.
TEST_F(AuthTest, SignsAQueryAsADocumentedExampleDoes) {
  const auto hmac = Make({.type = AuthPlan::Type::kHmac,
                          .hmac = {.key = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
                                   .sign = "{{ request.query }}",
                                   .in = config::HmacAuth::In::kQuery,
                                   .name = "signature"}});
  const std::string query =
      "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
  EXPECT_EQ(Authorized(*hmac, "https://api.example/api/v3/order?" + query).url,
            "https://api.example/api/v3/order?" + query +
                "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
}

TEST_F(AuthTest, SignsWithTheTimeItSends) {
  const auto hmac =
      Make({.type = AuthPlan::Type::kHmac,
            .hmac = {.key = Base64("hmac-key-1"),
                     .key_is_base64 = true,
                     .sign = "{{ request.timestamp }}{{ request.method }}{{ request.target }}{{ request.body }}",
                     .digest = "sha512",
                     .encoding = config::HmacAuth::Encoding::kBase64,
                     .prefix = "v1=",
                     .timestamp_name = "X-Time",
                     .timestamp_format = config::HmacAuth::TimestampFormat::kEpochMillis}});
  io::HttpRequest request{.method = "POST", .url = "https://api.example/a/b?c=1", .body = "{}"};
  ASSERT_TRUE(hmac->Authorize(request, {}).ok());
  const std::string time = std::to_string(clock_.Now().micros / 1000);
  EXPECT_EQ(HeaderOf(request, "X-Time"), time);
  EXPECT_EQ(HeaderOf(request, "X-Signature"),
            "v1=" + Base64(Hmac(Digest::kSha512, "hmac-key-1", time + "POST/a/b?c=1{}")));
}

TEST_F(AuthTest, WhatCannotBeSignedIsRefused) {
  const auto hmac =
      Make({.type = AuthPlan::Type::kHmac, .hmac = {.key = "hmac-key-1", .sign = "{{ request.nothing }}x"}});
  io::HttpRequest request{.url = "https://api.example/x"};
  const Status status = hmac->Authorize(request, {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(ContextOf(status)->code, "E0552");
  const AuthPlan no_base64{.type = AuthPlan::Type::kHmac, .hmac = {.key = "?", .key_is_base64 = true, .sign = "x"}};
  EXPECT_EQ(ContextOf(MakeAuthorizer(no_base64, "https://api.example", http_, clock_).status())->code, "E0552");
}

TEST_F(AuthTest, SignsForAws) {
  const auto aws = Make({.type = AuthPlan::Type::kAwsSigV4,
                         .aws = {.access_key_id = "AKID",
                                 .secret_access_key = "aws-secret-1",
                                 .region = "eu-west-1",
                                 .service = "execute-api"}});
  EXPECT_THAT(HeaderOf(Authorized(*aws)),
              HasSubstr("AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/execute-api/aws4_request"));
  EXPECT_EQ(HeaderOf(Authorized(*aws, "https://other.example/x")), "none");
}

TEST_F(AuthTest, LogsInAgainWhenASessionEndsOrIsRefused) {
  std::vector<std::string> logins;
  http_.set_handler([&](const FakeRequest& request) {
    logins.push_back(request.http.method + " " + request.path + " " + request.http.body);
    return FakeAnswer{.body = R"({"data":{"token":"session-)" + std::to_string(logins.size()) + "\"}}"};
  });
  AuthPlan plan{.type = AuthPlan::Type::kSession,
                .session = {.url = "https://api.example/login",
                            .body_json = R"({"user":"me"})",
                            .token = "data.token",
                            .name = "X-Session",
                            .scheme = "",
                            .lifetime_ms = 600'000}};
  const auto session = Make(plan);
  const io::HttpRequest first = Authorized(*session);
  EXPECT_EQ(HeaderOf(first, "X-Session"), "session-1");
  EXPECT_EQ(logins.at(0), R"(POST /login {"user":"me"})");
  EXPECT_TRUE(session->Renew(first, {}).ValueOrDie());
  EXPECT_EQ(HeaderOf(Authorized(*session), "X-Session"), "session-2");
  clock_.Advance(std::chrono::seconds(541));
  EXPECT_EQ(HeaderOf(Authorized(*session), "X-Session"), "session-3");
  plan.session.lifetime_ms = 0;
  plan.session.form = {{"user", "a b"}};
  plan.session.body_json = "";
  const auto lasting = Make(plan);
  Authorized(*lasting);
  clock_.Advance(std::chrono::hours(24 * 30));
  EXPECT_EQ(HeaderOf(Authorized(*lasting), "X-Session"), "session-4");
  EXPECT_EQ(logins.at(3), "POST /login user=a%20b");
}

TEST_F(AuthTest, ALoginWithoutATokenNamesWhatToCheck) {
  const FakeAnswer answers[] = {
      {.body = "no", .status = 401}, {.body = R"({"tokens":[]})"}, {.body = R"({"token":5})"}, {.body = "<html>"}};
  for (const FakeAnswer& answer : answers) {
    http_.set_handler([&](const FakeRequest&) { return answer; });
    const auto session =
        Make({.type = AuthPlan::Type::kSession, .session = {.url = "https://api.example/login", .token = "token"}});
    io::HttpRequest request{.url = "https://api.example/x"};
    const Status status = session->Authorize(request, {});
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(FaultOf(status), Fault::kAuth) << status;
    EXPECT_EQ(ContextOf(status)->code, "E0550");
  }
}

// What an API counts as one has one name, and nothing else has.
TEST(CredentialIdentity, TellsApartWhomAnApiTellsApart) {
  using Type = AuthPlan::Type;
  AuthPlan one{.type = Type::kOAuth2RefreshToken, .client_id = "app", .refresh_token = "customer-1"};
  AuthPlan other = one;
  other.refresh_token = "customer-2";
  AuthPlan claims{.type = Type::kJwt};
  claims.jwt.key = "key";
  claims.jwt.claims_json = R"({"sub":"a@shop.example"})";
  AuthPlan claims_of_another = claims;
  claims_of_another.jwt.claims_json = R"({"sub":"b@shop.example"})";
  AuthPlan session{.type = Type::kSession};
  session.session.body_json = R"({"user":"a"})";
  AuthPlan session_of_another = session;
  session_of_another.session.body_json = R"({"user":"b"})";
  AuthPlan amazon{.type = Type::kAwsSigV4};
  amazon.aws.access_key_id = "AKIA1";
  const std::vector<AuthPlan> plans = {
      {},
      {.type = Type::kBearer, .token = "t1"},
      {.type = Type::kBearer, .token = "t2"},
      {.type = Type::kBasic, .username = "api", .password = "key-1"},
      {.type = Type::kBasic, .username = "api", .password = "key-2"},
      {.type = Type::kBasic, .username = "apikey", .password = "-1"},
      {.type = Type::kOAuth2Password, .username = "a", .client_id = "app"},
      {.type = Type::kOAuth2Password, .username = "b", .client_id = "app"},
      {.type = Type::kOAuth2ClientCredentials, .client_id = "app", .token_params = {{"account_id", "1"}}},
      {.type = Type::kOAuth2ClientCredentials, .client_id = "app", .token_params = {{"account_id", "2"}}},
      {.type = Type::kHeaders, .headers = {{"X-Key", "a"}, {"X-Secret", "b"}}},
      {.type = Type::kHeaders, .headers = {{"X-Key", "ab"}, {"X-Secret", ""}}},
      one,
      other,
      claims,
      claims_of_another,
      session,
      session_of_another,
      amazon};
  std::set<std::string> names;
  for (const AuthPlan& plan : plans) {
    const std::string name = CredentialIdentity(plan);
    EXPECT_EQ(name.size(), 64U) << "no part of a secret, whole";
    EXPECT_TRUE(names.insert(name).second) << "type " << static_cast<int>(plan.type);
    AuthPlan moved = plan;
    moved.where = "other.yaml:7:1";
    EXPECT_EQ(CredentialIdentity(moved), name);
  }
}

}  // namespace
}  // namespace firn::source
