#include "catalog/rest/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "catalog/rest/protocol.h"
#include "io/scripted_server.h"
#include "table/metadata/metadata_json.h"

namespace firn::catalog::rest {
namespace {

using io::Reply;
using io::ScriptedReply;
using io::ScriptedRequest;

const TableIdentifier kTable = {.ns = {"a", "b c"}, .name = "t/x"};
constexpr char kTablePath[] = "/v1/namespaces/a%1Fb%20c/tables/t%2Fx";
constexpr char kConfig[] = R"({"defaults":{},"overrides":{},"idempotency-key-lifetime":"PT30M","endpoints":[
  "POST /v1/{prefix}/transactions/commit","GET /v1/{prefix}/namespaces/{namespace}/views",
  "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials"]})";
constexpr char kPlainConfig[] = R"({"defaults":{},"overrides":{}})";

std::string Loaded(const std::string& more = "") {
  const auto schema = std::make_shared<const schema::Schema>(
      schema::Schema{.fields = {{.id = 1, .name = "id", .type = schema::Long()}}});
  const std::vector<table::TableUpdate> updates = {table::update::AddSchema{schema}, table::update::SetCurrentSchema{},
                                                   table::update::AddSpec{}, table::update::SetDefaultSpec{},
                                                   table::update::SetLocation{"file:///w/t"}};
  const auto metadata = table::ApplyUpdates(nullptr, updates, {.now_ms = 1});
  return R"({"metadata-location":"file:///w/t/m.json","metadata":)" + *table::WriteMetadata(*metadata) + more + "}";
}

std::string Error(const std::string& type) {
  return R"({"error":{"message":"said","type":")" + type + R"(","code":0}})";
}

class Client : public ::testing::Test {
 protected:
  void Open(const std::string& config, std::function<ScriptedReply(const ScriptedRequest&)> answer,
            config::RestCatalogConfig options = {}) {
    server_ = *io::ScriptedServer::Start([this, config, answer](const ScriptedRequest& request) {
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      if (request.target.starts_with("/v1/config")) return Reply(200, config);
      return answer(request);
    });
    options.uri = server_->Url("/");
    clock_ = *MakeSystemClock();
    auto opened =
        OpenRestCatalog({.config = options, .warehouse = "/w", .total_ms = 5'000, .backoff_base_ms = 1}, *clock_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    catalog_ = *std::move(opened);
  }
  std::vector<ScriptedRequest> Requests(const std::string& method) {
    std::lock_guard lock(mutex_);
    std::vector<ScriptedRequest> found;
    for (const auto& request : requests_) {
      if (request.method == method && !request.target.starts_with("/v1/config")) found.push_back(request);
    }
    return found;
  }
  Result<CommitResult> Commit() {
    const TableCommit commit{.identifier = kTable, .updates = {table::update::SetProperties{{{"a", "b"}}}}};
    return catalog_->Commit({&commit, 1}, {});
  }

  std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<io::ScriptedServer> server_;
  std::unique_ptr<RestCatalog> catalog_;  // first to go
};

TEST_F(Client, LoadsAndAsksOnlyForWhatIsNew) {
  Open(kConfig, [](const ScriptedRequest& request) {
    if (request.headers.Get("If-None-Match") == "\"e1\"") return Reply(304, "");
    return Reply(200, Loaded(), {{"ETag", "\"e1\""}});
  });
  const auto first = catalog_->LoadTable(kTable);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ((*first)->metadata_location, "file:///w/t/m.json");
  const auto second = catalog_->LoadTable(kTable);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ((*second)->metadata, (*first)->metadata);
  EXPECT_THAT(Requests("GET")[0].target, ::testing::StartsWith(kTablePath));
}

TEST_F(Client, TellsAMissingTableFromAMissingCatalog) {
  Open(kConfig, [](const ScriptedRequest& request) {
    if (request.target.find("none") != std::string::npos) return Reply(404, Error("NoSuchTableException"));
    return Reply(404, "<html>not here</html>");
  });
  const auto missing = catalog_->LoadTable({.ns = {"n"}, .name = "none"});
  ASSERT_TRUE(missing.ok()) << missing.status().ToString();
  EXPECT_FALSE(missing->has_value());
  EXPECT_FALSE(catalog_->LoadTable(kTable).ok());
}

struct Case {
  int status;
  const char* type;
  bool keys;  // the server keeps idempotency keys
  CommitOutcome outcome;
  int num_posts;
};

TEST_F(Client, JudgesAnswersToCommits) {
  for (const Case& c :
       {Case{409, "CommitFailedException", false, CommitOutcome::kConflict, 1},
        Case{409, "AlreadyExistsException", true, CommitOutcome::kConflict, 1},
        Case{404, "NoSuchTableException", true, CommitOutcome::kConflict, 1},
        Case{500, "CommitStateUnknownException", false, CommitOutcome::kUnknown, 1},
        Case{503, "ServiceUnavailableException", false, CommitOutcome::kUnknown, 1},
        Case{504, "x", false, CommitOutcome::kUnknown, 1}, Case{502, "x", true, CommitOutcome::kUnknown, 4}}) {
    SCOPED_TRACE(std::to_string(c.status) + (c.keys ? " with keys" : ""));
    catalog_.reset();
    requests_.clear();
    Open(c.keys ? kConfig : kPlainConfig,
         [&](const ScriptedRequest&) { return Reply(c.status, Error(c.type), {{"Retry-After", "0"}}); });
    const auto result = Commit();
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->outcome, c.outcome);
    EXPECT_EQ(Requests("POST").size(), static_cast<size_t>(c.num_posts));
  }
}

TEST_F(Client, RefusalsAreErrors) {
  for (const int status : {400, 401, 403, 406, 422}) {
    SCOPED_TRACE(status);
    catalog_.reset();
    requests_.clear();
    Open(kConfig, [&](const ScriptedRequest&) { return Reply(status, Error("x")); });
    const auto result = Commit();
    ASSERT_FALSE(result.ok());
    EXPECT_NE(FaultOf(result.status()), Fault::kOutcomeUnknown);
    EXPECT_EQ(Requests("POST").size(), 1U);
  }
}

TEST_F(Client, AThrottledCommitIsTriedAgain) {
  Open(kPlainConfig, [this](const ScriptedRequest&) {
    if (Requests("POST").size() < 3) return Reply(429, Error("x"), {{"Retry-After", "0"}});
    return Reply(200, Loaded());
  });
  const auto result = Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->outcome, CommitOutcome::kCommitted);
}

TEST_F(Client, ALostAnswerIsUnknownWithoutKeys) {
  Open(kPlainConfig,
       [](const ScriptedRequest&) { return ScriptedReply{.bytes = "", .end = ScriptedReply::End::kReset}; });
  const auto result = Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->outcome, CommitOutcome::kUnknown);
  EXPECT_EQ(Requests("POST").size(), 1U);
}

TEST_F(Client, ALostAnswerIsAskedForAgainUnderTheSameKey) {
  Open(kConfig, [this](const ScriptedRequest&) {
    if (Requests("POST").size() == 1) return ScriptedReply{.bytes = "", .end = ScriptedReply::End::kReset};
    return Reply(200, Loaded());
  });
  const auto result = Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->outcome, CommitOutcome::kCommitted);
  const auto posts = Requests("POST");
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_TRUE(posts[0].headers.Has("Idempotency-Key"));
  EXPECT_EQ(posts[0].headers.Get("Idempotency-Key"), posts[1].headers.Get("Idempotency-Key"));
  EXPECT_EQ(posts[0].body, posts[1].body);
}

// The first attempt may have been applied, and the conflict be with ourselves.
TEST_F(Client, AConflictAfterALostAnswerProvesNothing) {
  Open(kConfig, [this](const ScriptedRequest&) {
    if (Requests("POST").size() == 1) return Reply(500, "");
    return Reply(409, Error("CommitFailedException"));
  });
  const auto result = Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->outcome, CommitOutcome::kUnknown);
}

TEST_F(Client, SeveralTablesGoInOneTransactionAndAreLoadedAfterwards) {
  Open(kConfig, [](const ScriptedRequest& request) {
    if (request.method == "POST") return Reply(204, "");
    return Reply(200, Loaded());
  });
  EXPECT_TRUE(catalog_->traits().multi_table_commit);
  const TableCommit one{.identifier = kTable, .updates = {table::update::SetProperties{{{"a", "b"}}}}};
  TableCommit two = one;
  two.identifier.name = "u";
  const std::vector<TableCommit> both = {one, two};
  const auto result = catalog_->Commit(both, {});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(result->tables.size(), 2U);
  ASSERT_EQ(Requests("POST").size(), 1U);
  EXPECT_EQ(Requests("POST")[0].target, "/v1/transactions/commit");
}

TEST_F(Client, ListsAllPagesOfAllLevels) {
  Open(kPlainConfig, [](const ScriptedRequest& request) {
    const std::string& target = request.target;
    if (target.find("parent=a&") != std::string::npos) return Reply(200, R"({"namespaces":[["a","b"]]})");
    if (target.find("parent=") != std::string::npos) return Reply(400, Error("BadRequestException"));
    if (target.find("pageToken=p2") != std::string::npos) return Reply(200, R"({"namespaces":[["c"]]})");
    return Reply(200, R"({"namespaces":[["a"]],"next-page-token":"p2"})");
  });
  const auto namespaces = catalog_->ListNamespaces();
  ASSERT_TRUE(namespaces.ok()) << namespaces.status().ToString();
  EXPECT_THAT(*namespaces, ::testing::ElementsAre(std::vector<std::string>{"a"}, std::vector<std::string>{"a", "b"},
                                                  std::vector<std::string>{"c"}));
}

TEST_F(Client, APageThatRepeatsItselfIsAnError) {
  Open(kPlainConfig, [](const ScriptedRequest&) { return Reply(200, R"({"identifiers":[],"next-page-token":"p"})"); });
  EXPECT_FALSE(catalog_->ListTables({"n"}).ok());
}

TEST_F(Client, VendedCredentialsAreRefreshed) {
  Open(kConfig, [](const ScriptedRequest& request) {
    const auto entry = [](const char* key, const char* expires) {
      return std::string(R"("storage-credentials":[{"prefix":"s3://b","config":{"s3.access-key-id":")") + key +
             R"(","s3.session-token-expires-at-ms":")" + expires + R"("}}])";
    };
    if (request.target.ends_with("/credentials")) return Reply(200, "{" + entry("new", "99999999999999") + "}");
    return Reply(200, Loaded("," + entry("old", "1000")));
  });
  const auto credentials = catalog_->StorageCredentials(kTable);
  ASSERT_TRUE(credentials.ok()) << credentials.status().ToString();
  ASSERT_EQ(credentials->size(), 1U);
  EXPECT_EQ(credentials->front().config.at("s3.access-key-id"), "new");
  ASSERT_TRUE(catalog_->StorageCredentials(kTable).ok());
  EXPECT_EQ(Requests("GET").size(), 2U);  // fresh now
}

TEST_F(Client, FetchesAndRenewsItsToken) {
  int num_tokens = 0;
  Open(kConfig,
       [&](const ScriptedRequest& request) {
         if (request.target == "/v1/oauth/tokens") {
           ++num_tokens;
           EXPECT_NE(request.body.find("client_id=id&client_secret=se%3Acret"), std::string::npos);
           return Reply(200, R"({"access_token":"token-)" + std::to_string(num_tokens) + R"(","expires_in":3600})");
         }
         if (request.headers.Get("Authorization") == "Bearer token-1")
           return Reply(401, Error("NotAuthorizedException"));
         return Reply(200, Loaded());
       },
       {.credential = "id:se:cret"});
  const auto loaded = catalog_->LoadTable(kTable);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(num_tokens, 2);
}

TEST_F(Client, TheServerSaysWhereTablesGo) {
  Open(kConfig, [](const ScriptedRequest& request) {
    EXPECT_NE(request.body.find("\"stage-create\":true"), std::string::npos);
    return Reply(200, Loaded());
  });
  EXPECT_EQ(catalog_->DefaultLocation(kTable), "file:///w/t");
}

TEST(Protocol, ReadsConfigurations) {
  const auto config = ParseConfig(
      R"({"defaults":{"prefix":"d"},"overrides":{"prefix":"o","namespace-separator":"%2E"},"endpoints":["GET /x"]})",
      "c");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->prefix, "o");
  EXPECT_EQ(config->namespace_separator, ".");
  EXPECT_TRUE(config->Has("GET /x"));
  EXPECT_FALSE(config->idempotency_keys);
  const auto plain = ParseConfig(R"({"defaults":{"prefix":"d"}})", "c");
  EXPECT_EQ(plain->prefix, "c");
  EXPECT_EQ(plain->endpoints.size(), 14U);
  EXPECT_FALSE(ParseConfig("<html>", "").ok());
}

}  // namespace
}  // namespace firn::catalog::rest
