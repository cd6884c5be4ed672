// Real servers on two addresses of this machine, of which one is said to be public.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/status.h"
#include "io/http_client.h"
#include "io/scripted_server.h"

namespace firn::io {
namespace {

class PrivateRedirectTest : public ::testing::Test {
 protected:
  PrivateRedirectTest() {
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) unsetenv(name);
    const auto answer = [](const ScriptedRequest&) { return Reply(200, "secret"); };
    private_ = ScriptedServer::Start(answer, "127.0.0.2").ValueOrDie();
    public_ = ScriptedServer::Start([this](const ScriptedRequest& request) {
                if (request.target == "/plain") return Reply(200, "fine");
                return Reply(307, "", {{"Location", target_}});
              }).ValueOrDie();
    target_ = private_->Url("/inner", "127.0.0.2");
    client_ =
        MakeHttpClient({.is_private = [](const std::string& address) { return address != "127.0.0.1"; }}).ValueOrDie();
  }
  Result<HttpResponse> Send(const std::string& url, bool allowed, bool public_only = false) {
    return client_->Send({.url = url, .private_redirects = allowed, .public_only = public_only}, {});
  }
  static void ExpectRefused(const Result<HttpResponse>& answer) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(FaultOf(answer.status()), Fault::kConfig) << answer.status();
    ASSERT_NE(ContextOf(answer.status()), nullptr);
    EXPECT_EQ(ContextOf(answer.status())->code, "E0462");
  }

  std::string target_;
  std::unique_ptr<ScriptedServer> private_, public_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(PrivateRedirectTest, FromAPublicAddressIsRefusedUnlessAllowed) {
  ExpectRefused(Send(public_->Url("/"), false));
  EXPECT_EQ(private_->num_connections(), 0);
  const auto allowed = Send(public_->Url("/"), true);
  ASSERT_TRUE(allowed.ok()) << allowed.status();
  EXPECT_EQ(allowed->text(), "secret");
}

TEST_F(PrivateRedirectTest, AnOpenConnectionIsNoWayAround) {
  ASSERT_TRUE(Send(target_, false).ok());  // asked for by name: our own choice
  ExpectRefused(Send(public_->Url("/"), false));
  EXPECT_EQ(private_->num_requests(), 1);
}

TEST_F(PrivateRedirectTest, BetweenPrivateServersIsAllowed) {
  const auto front =
      ScriptedServer::Start([this](const ScriptedRequest&) { return Reply(302, "", {{"Location", target_}}); },
                            "127.0.0.3")
          .ValueOrDie();
  const auto answer = Send(front->Url("/", "127.0.0.3"), false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->from_public_address);
}

TEST_F(PrivateRedirectTest, PublicOnlyHoldsForTheFirstRequestToo) {
  const auto fine = Send(public_->Url("/plain"), false, true);
  ASSERT_TRUE(fine.ok()) << fine.status();
  EXPECT_TRUE(fine->from_public_address);
  ExpectRefused(Send(target_, false, true));
  EXPECT_EQ(private_->num_connections(), 0);
  // Also where a connection was open before.
  ASSERT_TRUE(Send(target_, false).ok());
  ExpectRefused(Send(target_, false, true));
}

TEST_F(PrivateRedirectTest, ByDefaultLoopbackIsPrivate) {
  const auto client = MakeHttpClient({}).ValueOrDie();
  const auto answer = client->Send({.url = public_->Url("/plain")}, {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->from_public_address);
  ExpectRefused(client->Send({.url = public_->Url("/plain"), .public_only = true}, {}));
}

}  // namespace
}  // namespace firn::io
