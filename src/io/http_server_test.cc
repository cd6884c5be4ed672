#include "io/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "io/http_client.h"

namespace firn::io {
namespace {

using namespace std::chrono_literals;

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpServerOptions options, ServeRequest serve) {
    auto started = HttpServer::Start(std::move(options), std::move(serve));
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    client_ = *MakeHttpClient();
  }
  Result<HttpResponse> Send(const std::string& method, const std::string& target, std::string body = "") {
    HttpRequest request{.method = method, .url = server_->url() + target, .body = std::move(body)};
    return client_->Send(request, {});
  }

  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpServerTest, PassesMethodRawPathDecodedQueryAndBody) {
  Start({}, [](const ServedRequest& request, std::stop_token) {
    return ServedResponse{
        .status = 201,
        .body = request.method + " " + request.path + " " + request.Query("a").value_or("-") + " " + request.body,
        .headers = {{"X-Mine", "yes"}}};
  });
  const auto response = Send("POST", "/v1/a%2Fb%1Fc?a=x%26y+z", "hello");
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->text(), "POST /v1/a%2Fb%1Fc x&y z hello");
  EXPECT_EQ(response->headers.Get("x-mine"), "yes");
}

TEST_F(HttpServerTest, RefusesBodiesOverTheLimit) {
  std::atomic<int> served = 0;
  Start({.body_bytes_max = 1000}, [&](const ServedRequest& request, std::stop_token) {
    ++served;
    return ServedResponse{.body = std::to_string(request.body.size())};
  });
  const auto fits = Send("POST", "/", std::string(1000, 'x'));
  ASSERT_TRUE(fits.ok()) << fits.status().ToString();
  EXPECT_EQ(fits->text(), "1000");
  const auto refused = Send("POST", "/", std::string(1001, 'x'));
  EXPECT_TRUE(!refused.ok() || refused->status == 413);
  EXPECT_EQ(served, 1);
}

TEST_F(HttpServerTest, BudgetOfAllBodiesHolds) {
  Start({.body_bytes_max = 1 << 20, .bodies_bytes_max = 1000}, [&](const ServedRequest& request, std::stop_token) {
    return ServedResponse{.body = std::to_string(request.body.size())};
  });
  const auto refused = Send("POST", "/", std::string(2000, 'x'));
  ASSERT_TRUE(refused.ok()) << refused.status().ToString();
  EXPECT_EQ(refused->status, 503);
  for (int i = 0; i < 5; ++i) {  // what ended counts no more
    const auto fits = Send("POST", "/", std::string(600, 'x'));
    ASSERT_TRUE(fits.ok()) << fits.status().ToString();
    EXPECT_EQ(fits->status, 200);
  }
}

TEST_F(HttpServerTest, ASlowAnswerHoldsUpNoOther) {
  std::latch entered(1);
  std::latch release(1);
  Start({.threads = 2}, [&](const ServedRequest& request, std::stop_token) {
    if (request.path == "/slow") {
      entered.count_down();
      release.wait();
    }
    return ServedResponse{.body = request.path};
  });
  std::thread slow([&] { EXPECT_EQ(Send("GET", "/slow")->text(), "/slow"); });
  entered.wait();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Send("GET", "/fast")->text(), "/fast");
  release.count_down();
  slow.join();
}

TEST_F(HttpServerTest, StopLetsRequestsUnderWayFinish) {
  std::latch entered(1);
  std::latch release(1);
  Start({}, [&](const ServedRequest&, std::stop_token) {
    entered.count_down();
    release.wait();
    return ServedResponse{.body = "done"};
  });
  std::thread sender([&] {
    const auto response = Send("GET", "/");
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->text(), "done");
  });
  entered.wait();
  std::thread stopper([&] { server_->Stop(60s); });
  release.count_down();
  stopper.join();
  sender.join();
  EXPECT_FALSE(Send("GET", "/").ok());
}

TEST_F(HttpServerTest, StopEndsHandlersThatWatchTheToken) {
  std::latch entered(1);
  Start({}, [&](const ServedRequest&, std::stop_token stop) {
    entered.count_down();
    while (!stop.stop_requested()) std::this_thread::yield();
    return ServedResponse{.status = 503};
  });
  std::thread sender([&] { static_cast<void>(Send("GET", "/")); });
  entered.wait();
  server_->Stop(1ms);
  sender.join();
}

TEST_F(HttpServerTest, APortInUseIsAnError) {
  Start({}, [](const ServedRequest&, std::stop_token) { return ServedResponse{}; });
  const auto second = HttpServer::Start({.port = server_->port()},
                                        [](const ServedRequest&, std::stop_token) { return ServedResponse{}; });
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(FaultOf(second.status()), Fault::kConfig);
}

TEST(PercentDecode, BrokenEscapesAreRefused) {
  EXPECT_EQ(PercentDecode("a%20b+c", Decoding::kPath), "a b+c");
  EXPECT_EQ(PercentDecode("a%20b+c", Decoding::kForm), "a b c");
  EXPECT_EQ(PercentDecode("%41", Decoding::kPath), "A");
  for (const char* broken : {"%", "%4", "%4x", "a%", "%%41"}) {
    EXPECT_EQ(PercentDecode(broken, Decoding::kPath), std::nullopt) << broken;
  }
}

TEST(ParseForm, KeepsOrderAndEmptyValues) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(ParseForm("a=1&&b&a=2%3D&c=%"), (Fields{{"a", "1"}, {"b", ""}, {"a", "2="}}));
}

}  // namespace
}  // namespace firn::io
