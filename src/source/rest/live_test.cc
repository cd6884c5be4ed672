// Over real sockets: client, session, source and authorizer together against a scripted server.
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "format/json/page.h"
#include "io/http_client.h"
#include "io/rate_budget.h"
#include "io/scripted_server.h"
#include "source/rest/source.h"

namespace firn::source::rest {
namespace {

using connector::AuthPlan;
using connector::PaginatePlan;
using connector::Template;

class Numbers : public ParentRows {
 public:
  explicit Numbers(int count) : count_(count) {}
  Result<std::optional<std::string>> Next(std::stop_token) override {
    if (at_ == count_) return std::nullopt;
    return "{\"id\":" + std::to_string(at_++) + "}";
  }

 private:
  const int count_;
  int at_ = 0;
};

int64_t ParameterOf(const std::string& target, const std::string& name, int64_t otherwise) {
  const size_t at = target.find(name + "=");
  return at == std::string::npos ? otherwise : std::stoll(target.substr(at + name.size() + 1));
}

class LiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("FIRN_SLEEP_SCALE", "0.001", 1), 0);
    clock_ = MakeSystemClock().ValueOrDie();
    client_ = io::MakeHttpClient().ValueOrDie();
    budgets_ = std::make_unique<io::RateBudgets>(*clock_, 0.001);
  }
  void Serve(io::ScriptedServer::Handler handler) {
    server_ = io::ScriptedServer::Start(std::move(handler)).ValueOrDie();
    plan_.name = "p";
    plan_.base_url = server_->Url("/v1");
    plan_.http.total_timeout_ms = 10'000;
  }
  Result<std::vector<std::string>> Read(const connector::TablePlan& table,
                                        std::unique_ptr<ParentRows> parents = nullptr) {
    plan_.tables = {table};
    ARROW_ASSIGN_OR_RAISE(
        source_, MakeRestSource(plan_, {.http = client_.get(), .clock = clock_.get(), .budgets = budgets_.get()}));
    ReadRequest request{.table = table.name, .parents = std::move(parents)};
    std::vector<std::string> rows;
    ARROW_ASSIGN_OR_RAISE(const auto splits, source_->Plan(request, {}));
    ARROW_ASSIGN_OR_RAISE(auto reader, source_->OpenSplit(request, splits[0]));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto event, reader->Next({}));
      if (!event) return rows;
      if (!std::holds_alternative<Batch>(*event)) continue;
      const auto& json = std::get<JsonRows>(std::get<Batch>(*event).rows);
      for (const uint32_t row : json.rows) rows.emplace_back(json.page->RecordText(row));
    }
  }
  static std::string Body(int64_t id, int64_t next) {
    return "{\"items\":[{\"id\":" + std::to_string(id) + "}],\"next\":" + (next < 0 ? "null" : std::to_string(next)) +
           "}";
  }
  static std::vector<std::string> Ids(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back("{\"id\":" + std::to_string(i) + "}");
    return ids;
  }
  static connector::TablePlan Table(const char* path) {
    connector::TablePlan table{.name = "t", .path = Template::Parse(path).ValueOrDie()};
    table.records = "items";
    table.paginate = {.type = PaginatePlan::Type::kCursor, .param = "c", .next = "next"};
    return table;
  }

  std::unique_ptr<Clock> clock_;
  std::unique_ptr<io::HttpClient> client_;
  std::unique_ptr<io::RateBudgets> budgets_;
  std::unique_ptr<io::ScriptedServer> server_;
  connector::RestPlan plan_;
  std::unique_ptr<Source> source_;
};

TEST_F(LiveTest, FlakyPagedApiGivesEachRowOnce) {
  constexpr int kPages = 60;
  Serve([](const io::ScriptedRequest& request) {
    const int64_t at = ParameterOf(request.target, "c", 0);
    const std::string body = Body(at, at + 1 < kPages ? at + 1 : -1);
    switch (request.ordinal % 7) {
      case 1:
        return io::Reply(429, "slow down", {{"Retry-After", "1"}});
      case 2:
        return io::Reply(500, "oops");
      case 3:
        return io::ScriptedReply{.end = io::ScriptedReply::End::kReset};
      case 4: {  // cut in the middle of the body
        auto reply = io::Reply(200, body);
        reply.bytes.resize(reply.bytes.size() - 5);
        reply.end = io::ScriptedReply::End::kClose;
        return reply;
      }
      default:
        return io::Reply(200, body);
    }
  });
  const auto rows = Read(Table("/t"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, Ids(kPages));
  EXPECT_GT(source_->stats("t").num_retries, 40);
  EXPECT_GT(source_->stats("t").num_throttled, 10);
}

TEST_F(LiveTest, ExpiringTokensAreRenewedOnceWhileChildrenAreReadInParallel) {
  std::atomic<int> num_tokens = 0, num_served = 0, num_refused = 0;
  Serve([&](const io::ScriptedRequest& request) {
    if (request.target == "/token") {
      return io::Reply(200, "{\"access_token\":\"token-" + std::to_string(++num_tokens) + "\",\"expires_in\":3600}");
    }
    // A token is good for 25 answers: it dies in the middle of the reading, for all chains at once.
    const int good = num_served / 25 + 1;
    if (std::string(request.headers.Get("Authorization").value_or("")) != "Bearer token-" + std::to_string(good)) {
      ++num_refused;
      return io::Reply(401, "expired");
    }
    ++num_served;
    return io::Reply(200, Body(ParameterOf(request.target, "id", 0), -1));
  });
  plan_.auth = {.type = AuthPlan::Type::kOAuth2ClientCredentials,
                .token_url = server_->Url("/token"),
                .client_id = "me",
                .client_secret = "client-secret-2"};
  plan_.http.concurrency = 1;  // so that a token that is still good is never asked to be renewed
  auto table = Table("/t?id={{ parent.id }}");
  table.parent = connector::ParentPlan{.table = "p", .fields = {"id"}};
  const auto rows = Read(table, std::make_unique<Numbers>(100));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, Ids(100));
  EXPECT_EQ(num_tokens, 4);
  EXPECT_EQ(num_refused, 3);
}

TEST_F(LiveTest, ParallelRejectionsFetchOneToken) {
  std::atomic<int> num_tokens = 0;
  Serve([&](const io::ScriptedRequest& request) {
    if (request.target == "/token") {
      return io::Reply(200, "{\"access_token\":\"token-" + std::to_string(++num_tokens) + "\",\"expires_in\":3600}");
    }
    const bool good = request.headers.Get("Authorization").value_or("") == "Bearer token-2";
    return good ? io::Reply(200, Body(ParameterOf(request.target, "id", 0), -1)) : io::Reply(401, "revoked");
  });
  plan_.auth = {.type = AuthPlan::Type::kOAuth2ClientCredentials,
                .token_url = server_->Url("/token"),
                .client_id = "me",
                .client_secret = "client-secret-2"};
  plan_.http.concurrency = 8;
  auto table = Table("/t?id={{ parent.id }}");
  table.parent = connector::ParentPlan{.table = "p", .fields = {"id"}};
  const auto rows = Read(table, std::make_unique<Numbers>(64));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, Ids(64));
  EXPECT_EQ(num_tokens, 2);
}

TEST_F(LiveTest, RejectedTwiceIsACredentialError) {
  Serve([](const io::ScriptedRequest&) { return io::Reply(401, "no"); });
  plan_.auth = {.type = AuthPlan::Type::kBearer, .token = "bearer-token-9"};
  const auto rows = Read(Table("/t"));
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(FaultOf(rows.status()), Fault::kAuth);
  EXPECT_EQ(rows.status().ToString().find("bearer-token-9"), std::string::npos);
  EXPECT_EQ(server_->num_requests(), 1);
}

}  // namespace
}  // namespace firn::source::rest
