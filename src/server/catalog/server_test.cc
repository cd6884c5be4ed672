#include "server/catalog/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "server/catalog/server_test_support.h"

namespace firn::server {
namespace {

using testing::Json;
using testing::Reply;

class Server : public testing::ServedLake {};

TEST_F(Server, ConfigListsWhatThereIs) {
  const Reply config = Get("/v1/config");
  EXPECT_EQ(config.status, 200);
  const auto endpoints = config.json["endpoints"].get<std::vector<std::string>>();
  EXPECT_THAT(endpoints, ::testing::Contains("POST /v1/{prefix}/transactions/commit"));
  EXPECT_THAT(endpoints, ::testing::Not(::testing::Contains(::testing::HasSubstr("/plan"))));
  EXPECT_EQ(config.json["idempotency-key-lifetime"], "PT30M");
  EXPECT_EQ(Get("/v1/config?warehouse=any_name").status, 200);
  EXPECT_EQ(Get("/v1/config?warehouse=file%3A%2F%2F" + root()).status, 200);
  const Reply other = Get("/v1/config?warehouse=file%3A%2F%2F%2Fother");
  EXPECT_EQ(other.status, 404);
  EXPECT_EQ(other.type(), "NoSuchWarehouseException");
}

TEST_F(Server, NamespacesHaveLevelsDotsAndProperties) {
  ASSERT_EQ(Post("/v1/namespaces", {{"namespace", {"a", "b.c", "d%2E"}}, {"properties", {{"k", "v"}}}}).status, 200);
  EXPECT_EQ(Get("/v1/namespaces").json["namespaces"], Json::array({Json::array({"a"})}));
  EXPECT_EQ(Get("/v1/namespaces?parent=a").json["namespaces"], Json::array({Json::array({"a", "b.c"})}));
  const Reply found = Get("/v1/namespaces/a%1Fb.c%1Fd%252E");
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(found.json["namespace"], Json::array({"a", "b.c", "d%2E"}));
  EXPECT_EQ(found.json["properties"], Json({{"k", "v"}}));
  EXPECT_EQ(Send("HEAD", "/v1/namespaces/a%1Fb%1Fc").status, 404);  // a dot is no separator
  const Reply drop = Send("DELETE", "/v1/namespaces/a");
  EXPECT_EQ(drop.status, 409);
  EXPECT_EQ(drop.type(), "NamespaceNotEmptyException");
  const Reply changed = Post("/v1/namespaces/a/properties", {{"updates", {{"x", "1"}}}, {"removals", {"missing"}}});
  EXPECT_EQ(changed.json, Json({{"updated", {"x"}}, {"removed", Json::array()}, {"missing", {"missing"}}}));
  EXPECT_EQ(Post("/v1/namespaces/a/properties", {{"updates", {{"x", "1"}}}, {"removals", {"x"}}}).status, 422);
  EXPECT_EQ(Post("/v1/namespaces", {{"namespace", {"a"}}}).type(), "AlreadyExistsException");
}

TEST_F(Server, ListsInPages) {
  CreateNamespace("n");
  for (const char* name : {"t3", "t1", "t2"}) CreateTable("n", name);
  const Reply first = Get("/v1/namespaces/n/tables?pageToken=&pageSize=2");
  EXPECT_EQ(first.json["identifiers"].size(), 2U);
  ASSERT_TRUE(first.json["next-page-token"].is_string());
  const std::string token = first.json["next-page-token"];
  const Reply second = Get("/v1/namespaces/n/tables?pageSize=2&pageToken=" + token);
  EXPECT_EQ(second.json["identifiers"][0]["name"], "t3");
  EXPECT_TRUE(second.json["next-page-token"].is_null());
  EXPECT_EQ(Get("/v1/namespaces/n/tables").json["identifiers"].size(), 3U);
  EXPECT_EQ(Get("/v1/namespaces/n/tables?pageSize=x").status, 400);
}

TEST_F(Server, TablesAreCreatedWithIdsOfTheirOwn) {
  CreateNamespace("n");
  Json body = CreateBody("t");
  body["partition-spec"] = {{"fields", {{{"source-id", 7}, {"transform", "bucket[4]"}, {"name", "b"}}}}};
  body["write-order"] = {
      {"order-id", 1},
      {"fields", {{{"source-id", 9}, {"transform", "identity"}, {"direction", "asc"}, {"null-order", "nulls-first"}}}}};
  const Reply made = Post("/v1/namespaces/n/tables", body);
  ASSERT_EQ(made.status, 200) << made.json.dump();
  const Json& metadata = made.json["metadata"];
  EXPECT_EQ(metadata["schemas"][0]["fields"][0]["id"], 1);
  EXPECT_EQ(metadata["partition-specs"][0]["fields"][0]["source-id"], 1);
  EXPECT_EQ(metadata["partition-specs"][0]["fields"][0]["field-id"], 1000);
  EXPECT_EQ(metadata["sort-orders"][0]["fields"][0]["source-id"], 2);
  EXPECT_EQ(Post("/v1/namespaces/n/tables", body).message(), "Table already exists: n.t");
  EXPECT_EQ(Post("/v1/namespaces/x/tables", body).type(), "NoSuchNamespaceException");
  body["partition-spec"]["fields"][0]["source-id"] = 8;
  body["name"] = "u";
  EXPECT_EQ(Post("/v1/namespaces/n/tables", body).status, 400);
}

TEST_F(Server, AStagedCreateLeavesNothing) {
  CreateNamespace("n");
  Json body = CreateBody("t");
  body["stage-create"] = true;
  const Reply staged = Post("/v1/namespaces/n/tables", body);
  ASSERT_EQ(staged.status, 200);
  EXPECT_FALSE(staged.json.contains("metadata-location"));
  EXPECT_EQ(Send("HEAD", "/v1/namespaces/n/tables/t").status, 404);
  EXPECT_FALSE(std::filesystem::exists(root() + "/n"));
}

TEST_F(Server, AnUnchangedTableIsNotSentAgain) {
  CreateNamespace("n");
  const std::string uuid = CreateTable("n", "t");
  const Reply loaded = Get("/v1/namespaces/n/tables/t");
  ASSERT_EQ(loaded.status, 200);
  const std::string etag(loaded.headers.Get("ETag").value_or(""));
  EXPECT_EQ(Get("/v1/namespaces/n/tables/t", {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(Get("/v1/namespaces/n/tables/t?snapshots=refs", {{"If-None-Match", etag}}).status, 200);
  ASSERT_EQ(Post("/v1/namespaces/n/tables/t", {{"requirements", {{{"type", "assert-table-uuid"}, {"uuid", uuid}}}},
                                               {"updates", {SetProperty("a", "b")}}})
                .status,
            200);
  EXPECT_EQ(Get("/v1/namespaces/n/tables/t", {{"If-None-Match", etag}}).status, 200);
}

TEST_F(Server, FailedRequirementsAndUnknownUpdatesAreTold) {
  CreateNamespace("n");
  CreateTable("n", "t");
  const Json wrong = {{"type", "assert-table-uuid"}, {"uuid", "00000000-0000-0000-0000-000000000000"}};
  const Reply conflict =
      Post("/v1/namespaces/n/tables/t", {{"requirements", {wrong}}, {"updates", {SetProperty("a", "b")}}});
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(conflict.type(), "CommitFailedException");
  EXPECT_THAT(conflict.message(), ::testing::StartsWith("Requirement failed: UUID does not match"));
  EXPECT_EQ(Post("/v1/namespaces/n/tables/t", {{"updates", {{{"action", "sing"}}}}}).status, 400);
  EXPECT_EQ(Post("/v1/namespaces/n/tables/t", {{"requirements", {{{"type", "sing"}}}}}).status, 400);
  EXPECT_EQ(Post("/v1/namespaces/n/tables/x", {{"updates", Json::array()}}).type(), "NoSuchTableException");
  EXPECT_EQ(Send("POST", "/v1/namespaces/n/tables/t", "{").status, 400);
  EXPECT_EQ(Send("POST", "/v1/namespaces/n/tables/t", std::string(5000, '[')).status, 400);
}

TEST_F(Server, TransactionsAreWholeOrNothing) {
  CreateNamespace("n");
  const std::string a = CreateTable("n", "a");
  CreateTable("n", "b");
  const auto change = [](const char* name, const std::string& uuid) -> Json {
    return {{"identifier", {{"namespace", {"n"}}, {"name", name}}},
            {"requirements", {{{"type", "assert-table-uuid"}, {"uuid", uuid}}}},
            {"updates", {SetProperty("changed", "yes")}}};
  };
  const std::string b = Get("/v1/namespaces/n/tables/b").json["metadata"]["table-uuid"];
  const Reply refused = Post("/v1/transactions/commit", {{"table-changes", {change("a", a), change("b", a)}}});
  EXPECT_EQ(refused.status, 409);
  EXPECT_FALSE(Get("/v1/namespaces/n/tables/a").json["metadata"]["properties"].contains("changed"));
  EXPECT_EQ(Post("/v1/transactions/commit", {{"table-changes", {change("a", a), change("b", b)}}}).status, 204);
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(Get("/v1/namespaces/n/tables/" + std::string(name)).json["metadata"]["properties"]["changed"], "yes");
  }
  EXPECT_EQ(Post("/v1/transactions/commit", {{"table-changes", {change("a", a), change("a", a)}}}).status, 400);
}

TEST_F(Server, RacingCommitsAllLand) {
  CreateNamespace("n");
  CreateTable("n", "t");
  constexpr int kThreads = 4;
  constexpr int kCommits = 6;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) {
        const std::string key = "k" + std::to_string(t) + "-" + std::to_string(i);
        EXPECT_EQ(Post("/v1/namespaces/n/tables/t", {{"updates", {SetProperty(key, "v")}}}).status, 200);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Get("/v1/namespaces/n/tables/t").json["metadata"]["properties"].size(), size_t{kThreads * kCommits});
}

// Polaris CVE-2026-42809, -42812: every location a client names, on every way in.
TEST_F(Server, LocationsOutsideAreRefusedOnEveryWayIn) {
  CreateNamespace("n");
  CreateTable("n", "t");
  std::filesystem::create_directory_symlink("/tmp", root() + "/link");
  for (const std::string& location :
       {std::string("file:///etc/firn"), "file://" + root() + "/../other", "file://" + root() + "-other/t",
        std::string("s3://bucket/t"), "file://" + root() + "/link/t"}) {
    SCOPED_TRACE(location);
    Json create = CreateBody("u");
    create["location"] = location;
    EXPECT_THAT(Post("/v1/namespaces/n/tables", create).status, ::testing::AnyOf(400, 403));
    create["stage-create"] = true;
    EXPECT_THAT(Post("/v1/namespaces/n/tables", create).status, ::testing::AnyOf(400, 403));
    const Json moved = {{"action", "set-location"}, {"location", location}};
    for (const Json& update :
         {moved, SetProperty("write.metadata.path", location), SetProperty("write.data.path", location)}) {
      EXPECT_THAT(Post("/v1/namespaces/n/tables/t", {{"updates", {update}}}).status, ::testing::AnyOf(400, 403));
    }
    EXPECT_THAT(
        Post("/v1/namespaces/n/register", {{"name", "u"}, {"metadata-location", location + "/v1.metadata.json"}})
            .status,
        ::testing::AnyOf(400, 403));
    EXPECT_THAT(Post("/v1/namespaces", {{"namespace", {"m"}}, {"properties", {{"location", location}}}}).status,
                ::testing::AnyOf(400, 403));
  }
  EXPECT_EQ(Send("HEAD", "/v1/namespaces/n/tables/u").status, 404);
}

TEST_F(Server, AllowedLocationsAreServed) {
  io::TemporaryFolder other;
  Start({.allowed_locations = {"file://" + other.path()}});
  CreateNamespace("n");
  Json create = CreateBody("t");
  create["location"] = "file:" + other.path() + "/t/";
  const Reply made = Post("/v1/namespaces/n/tables", create);
  ASSERT_EQ(made.status, 200) << made.json.dump();
  EXPECT_EQ(made.json["metadata"]["location"], "file:" + other.path() + "/t");
}

TEST_F(Server, AMetadataFileThatPointsOutsideIsNotRegistered) {
  CreateNamespace("n");
  CreateTable("n", "t");
  const std::string location = Get("/v1/namespaces/n/tables/t").json["metadata-location"];
  Json metadata = Get("/v1/namespaces/n/tables/t").json["metadata"];
  metadata["location"] = "file:///etc";
  std::ofstream(root() + "/planted.metadata.json") << metadata.dump();
  const Reply refused = Post("/v1/namespaces/n/register",
                             {{"name", "u"}, {"metadata-location", "file://" + root() + "/planted.metadata.json"}});
  EXPECT_EQ(refused.status, 403);
  const Reply missing = Post("/v1/namespaces/n/register",
                             {{"name", "u"}, {"metadata-location", "file://" + root() + "/none.metadata.json"}});
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.message(), ::testing::StartsWith("Failed to open input stream for file: "));
  const Reply gone = Post("/v1/namespaces/n/tables/t/unregister", Json::object());
  EXPECT_EQ(gone.json["metadata-location"], location);
  EXPECT_EQ(Send("HEAD", "/v1/namespaces/n/tables/t").status, 404);
  EXPECT_EQ(Post("/v1/namespaces/n/register", {{"name", "u"}, {"metadata-location", location}}).status, 200);
}

TEST_F(Server, AKeyMakesARequestHappenOnce) {
  CreateNamespace("n");
  const io::HttpHeaders key = {{"Idempotency-Key", "01890a5d-ac96-774b-bcce-b302099a8057"}};
  const Reply first = Post("/v1/namespaces/n/tables", CreateBody("t"), key);
  const Reply again = Post("/v1/namespaces/n/tables", CreateBody("t"), key);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(again.json, first.json);
  EXPECT_EQ(Post("/v1/namespaces/n/tables", CreateBody("t")).status, 409);
  EXPECT_EQ(Post("/v1/namespaces/n/tables", CreateBody("u"), key).status, 422);
  EXPECT_EQ(Post("/v1/namespaces/n/tables", CreateBody("u"), {{"Idempotency-Key", "x"}}).status, 400);
  clock_.Advance(std::chrono::minutes(31));
  EXPECT_EQ(Post("/v1/namespaces/n/tables", CreateBody("t"), key).status, 409);
}

TEST_F(Server, ViewsAreVersioned) {
  CreateNamespace("n");
  CreateTable("n", "t");
  const auto version = [](const char* sql) -> Json {
    return {{"version-id", 1},
            {"timestamp-ms", 1},
            {"schema-id", 0},
            {"summary", {{"engine-name", "x"}}},
            {"representations", {{{"type", "sql"}, {"sql", sql}, {"dialect", "spark"}}}},
            {"default-namespace", {"n"}}};
  };
  Json create = {{"name", "v"},
                 {"schema", CreateBody("")["schema"]},
                 {"view-version", version("select 1")},
                 {"properties", Json::object()}};
  const Reply made = Post("/v1/namespaces/n/views", create);
  ASSERT_EQ(made.status, 200) << made.json.dump();
  create["name"] = "t";
  EXPECT_EQ(Post("/v1/namespaces/n/views", create).message(), "Table with same name already exists: n.t");
  EXPECT_EQ(Get("/v1/namespaces/n/tables/v").type(), "NoSuchTableException");
  Json other = version("select 2");
  other["schema-id"] = 0;
  const Reply replaced =
      Post("/v1/namespaces/n/views/v",
           {{"requirements", {{{"type", "assert-view-uuid"}, {"uuid", made.json["metadata"]["view-uuid"]}}}},
            {"updates",
             {{{"action", "add-view-version"}, {"view-version", other}},
              {{"action", "set-current-view-version"}, {"view-version-id", -1}}}}});
  ASSERT_EQ(replaced.status, 200) << replaced.json.dump();
  EXPECT_EQ(replaced.json["metadata"]["current-version-id"], 2);
  EXPECT_EQ(replaced.json["metadata"]["versions"].size(), 2U);
  EXPECT_EQ(Get("/v1/namespaces/n/views").json["identifiers"].size(), 1U);
  const Json rename = {{"source", {{"namespace", {"n"}}, {"name", "v"}}},
                       {"destination", {{"namespace", {"n"}}, {"name", "w"}}}};
  EXPECT_EQ(Post("/v1/views/rename", rename).status, 204);
  EXPECT_EQ(Send("DELETE", "/v1/namespaces/n/views/v").type(), "NoSuchViewException");
  EXPECT_EQ(Send("DELETE", "/v1/namespaces/n/views/w").status, 204);
}

TEST_F(Server, AViewIsRegisteredWithTheFileItHas) {
  CreateNamespace("n");
  CreateTable("n", "t");
  const Json version = {{"version-id", 1},
                        {"timestamp-ms", 1},
                        {"schema-id", 0},
                        {"summary", Json::object()},
                        {"representations", {{{"type", "sql"}, {"sql", "select 1"}, {"dialect", "spark"}}}},
                        {"default-namespace", {"n"}}};
  const Json create = {
      {"name", "v"}, {"schema", CreateBody("")["schema"]}, {"view-version", version}, {"properties", Json::object()}};
  const Reply made = Post("/v1/namespaces/n/views", create);
  ASSERT_EQ(made.status, 200) << made.json.dump();
  const std::string location = made.json["metadata-location"];
  const auto enter = [&](const char* name, const std::string& at) {
    return Post("/v1/namespaces/n/register-view", {{"name", name}, {"metadata-location", at}});
  };
  const Reply second = enter("w", location);
  ASSERT_EQ(second.status, 200) << second.json.dump();
  EXPECT_EQ(second.json["metadata-location"], location);
  EXPECT_EQ(second.json["metadata"], made.json["metadata"]);
  EXPECT_EQ(Get("/v1/namespaces/n/views/w").json["metadata"]["view-uuid"], made.json["metadata"]["view-uuid"]);
  EXPECT_EQ(enter("w", location).status, 409) << "the name is taken";
  EXPECT_EQ(enter("t", location).status, 409) << "by a table";
  EXPECT_EQ(enter("x", "file:///etc/passwd").status, 403);
  EXPECT_EQ(enter("x", "file://" + root() + "/none.metadata.json").status, 404);
  const std::string table = Get("/v1/namespaces/n/tables/t").json["metadata-location"];
  EXPECT_EQ(enter("x", table).status, 400) << "no view's file";
  Json moved = made.json["metadata"];
  moved["location"] = "file:///etc";
  std::ofstream(root() + "/planted.metadata.json") << moved.dump();
  EXPECT_EQ(enter("x", "file://" + root() + "/planted.metadata.json").status, 403);
  EXPECT_EQ(Post("/v1/namespaces/none/register-view", {{"name", "x"}, {"metadata-location", location}}).status, 404);
  EXPECT_EQ(Get("/v1/namespaces/n/views").json["identifiers"].size(), 2U);
}

TEST_F(Server, ATableIsTakenOutWithWhatItIs) {
  CreateNamespace("n");
  const std::string uuid = CreateTable("n", "t");
  const std::string location = Get("/v1/namespaces/n/tables/t").json["metadata-location"];
  const Reply gone = Post("/v1/namespaces/n/tables/t/unregister", Json::object());
  ASSERT_EQ(gone.status, 200) << gone.json.dump();
  EXPECT_EQ(gone.json["metadata-location"], location);
  EXPECT_EQ(gone.json["metadata"]["table-uuid"], uuid);
  EXPECT_EQ(Get("/v1/namespaces/n/tables").json["identifiers"].size(), 0U);
  EXPECT_TRUE(std::filesystem::exists(location.substr(std::string("file://").size()))) << "its files stay";
  EXPECT_EQ(Post("/v1/namespaces/n/tables/t/unregister", Json::object()).type(), "NoSuchTableException");
  EXPECT_EQ(Post("/v1/namespaces/n/register", {{"name", "t"}, {"metadata-location", location}}).status, 200);
  EXPECT_EQ(Get("/v1/namespaces/n/tables/t").json["metadata"]["table-uuid"], uuid);
}

TEST_F(Server, MetricsAreTakenAndNotKept) {
  CreateNamespace("n");
  CreateTable("n", "t");
  const Json report = {{"report-type", "scan-report"},
                       {"table-name", "n.t"},
                       {"snapshot-id", 1},
                       {"filter", true},
                       {"schema-id", 0},
                       {"projected-field-ids", {1}},
                       {"projected-field-names", {"id"}},
                       {"metrics", Json::object()}};
  EXPECT_EQ(Post("/v1/namespaces/n/tables/t/metrics", report).status, 204);
  EXPECT_EQ(Post("/v1/namespaces/n/tables/t/metrics", Json::object()).status, 400);
  EXPECT_EQ(Send("POST", "/v1/namespaces/n/tables/t/metrics", "{").status, 400);
}

TEST_F(Server, PurgeRemovesTheFilesOfTheTableOnly) {
  CreateNamespace("n");
  CreateTable("n", "t");
  CreateTable("n", "u");
  EXPECT_EQ(Send("DELETE", "/v1/namespaces/n/tables/t?purgeRequested=true").status, 204);
  EXPECT_TRUE(std::filesystem::is_empty(root() + "/n/t/metadata"));
  EXPECT_EQ(Get("/v1/namespaces/n/tables/u").status, 200);
}

TEST_F(Server, WhatIsNotThereIsSaid) {
  EXPECT_EQ(Post("/v1/namespaces/n/tables/t/plan", Json::object()).status, 406);
  EXPECT_EQ(Get("/v1/nothing").status, 400);
  EXPECT_EQ(Send("PUT", "/v1/namespaces").status, 405);
  EXPECT_EQ(Get("/v1/namespaces/%zz").status, 400);
  EXPECT_EQ(Get("/v1/namespaces/a%00b").status, 400);
}

TEST_F(Server, WebPagesCannotDriveIt) {
  EXPECT_EQ(Get("/v1/config", {{"Origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(Get("/v1/config", {{"Host", "evil.example:8181"}}).status, 403);
  EXPECT_EQ(Get("/v1/config", {{"Host", "localhost:8181"}}).status, 200);
}

TEST_F(Server, OtherHostsNeedAuthentication) {
  const auto refused = CatalogServer::Start({.host = "0.0.0.0", .port = 0, .warehouse = root()}, *catalog_,
                                            *administration_, *files_, clock_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(FaultOf(refused.status()), Fault::kConfig);
}

TEST_F(Server, TokensAndScopesAreChecked) {
  Start({.access = {.clients = {{.id = "reader", .secret = "reader-secret-0123", .scopes = {Scope::kRead}},
                                {.id = "writer", .secret = "writer-secret-0123"}},
                    .tokens = {{.id = "fixed", .secret = "fixed-token-0123456789"}}}});
  const Reply none = Get("/v1/namespaces");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.type(), "NotAuthorizedException");
  EXPECT_EQ(Get("/v1/config").status, 401);
  EXPECT_EQ(Get("/v1/namespaces", {{"Authorization", "Bearer fixed-token-0123456789"}}).status, 200);
  EXPECT_EQ(Get("/v1/namespaces", {{"Authorization", "Bearer fixed-token-012345678"}}).status, 401);
  const auto token = [&](const std::string& id, const std::string& secret) {
    return Send("POST", "/v1/oauth/tokens",
                "grant_type=client_credentials&scope=catalog&client_id=" + id + "&client_secret=" + secret);
  };
  EXPECT_EQ(token("reader", "writer-secret-0123").status, 401);
  const Reply reader = token("reader", "reader-secret-0123");
  ASSERT_EQ(reader.status, 200);
  EXPECT_EQ(reader.json["scope"], "catalog:read");
  const io::HttpHeaders as_reader = {{"Authorization", "Bearer " + reader.json["access_token"].get<std::string>()}};
  EXPECT_EQ(Get("/v1/namespaces", as_reader).status, 200);
  EXPECT_EQ(Post("/v1/namespaces", {{"namespace", {"n"}}}, as_reader).status, 403);
  const Reply writer = token("writer", "writer-secret-0123");
  const io::HttpHeaders as_writer = {{"Authorization", "Bearer " + writer.json["access_token"].get<std::string>()}};
  EXPECT_EQ(Post("/v1/namespaces", {{"namespace", {"n"}}}, as_writer).status, 200);
  clock_.Advance(std::chrono::hours(2));
  EXPECT_EQ(Get("/v1/namespaces", as_writer).status, 401);
}

TEST(AccessFile, IsChecked) {
  const auto read =
      ParseAccessFile(R"({"tokens":[{"name":"a","token":"0123456789abcdef","scopes":["catalog:read"]}]})");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_FALSE(read->tokens[0].scopes.contains(Scope::kWrite));
  for (const char* wrong : {"[]", R"({"tokens":[{"name":"a","token":"short"}]})",
                            R"({"clients":[{"id":"a","secret":"0123456789abcdef","scopes":["all"]}]})"}) {
    EXPECT_FALSE(ParseAccessFile(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace firn::server
