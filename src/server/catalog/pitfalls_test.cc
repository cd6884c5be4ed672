#include <gmock/gmock.h>

#include "server/catalog/server_test_support.h"

/// What made clients of other catalog servers fail.
namespace firn::server {
namespace {

using testing::Json;
using testing::Reply;

class ServerPitfalls : public testing::ServedLake {};

// amoro#4363: HEAD of a namespace fell through to a handler that always said 200.
TEST_F(ServerPitfalls, HeadTellsNamespacesThatAreNot) {
  CreateNamespace("n");
  EXPECT_EQ(Send("HEAD", "/v1/namespaces/n").status, 204);
  EXPECT_EQ(Send("HEAD", "/v1/namespaces/none").status, 404);
}

// trino#24490: without a list of endpoints a client assumes views. trino#25760: a prefix must be said, or not be
// needed.
TEST_F(ServerPitfalls, ConfigSaysWhatIsServed) {
  const Reply config = Get("/v1/config");
  const auto endpoints = config.json["endpoints"].get<std::vector<std::string>>();
  EXPECT_THAT(endpoints, ::testing::Contains("GET /v1/{prefix}/namespaces/{namespace}/views"));
  EXPECT_THAT(endpoints, ::testing::Each(::testing::HasSubstr(" /v1/")));
  const std::string prefix = config.json["overrides"].value("prefix", "");
  EXPECT_EQ(Get("/v1/" + (prefix.empty() ? prefix : prefix + "/") + "namespaces").status, 200);
}

// trino#25829: it asks for a namespace `system` before anything else.
TEST_F(ServerPitfalls, ANamespaceThatNobodyMadeIsMissingByItsType) {
  const Reply system = Get("/v1/namespaces/system");
  EXPECT_EQ(system.status, 404);
  EXPECT_EQ(system.type(), "NoSuchNamespaceException");
}

// pyiceberg#995: the children of a namespace are named by their full paths.
TEST_F(ServerPitfalls, NamespacesAreListedByFullPath) {
  CreateNamespace("a");
  ASSERT_EQ(Post("/v1/namespaces", {{"namespace", {"a", "b"}}}).status, 200);
  EXPECT_EQ(Get("/v1/namespaces?parent=a").json["namespaces"], Json::array({Json::array({"a", "b"})}));
}

// duckdb-iceberg#450: clients always ask for vended credentials. trino#27416: they look in both places of the answer,
// and there is nothing to vend for a lake on a disk: both are there, and empty.
TEST_F(ServerPitfalls, AskingForCredentialsIsNoMistake) {
  CreateNamespace("n");
  CreateTable("n", "t");
  const Reply table = Get("/v1/namespaces/n/tables/t", {{"X-Iceberg-Access-Delegation", "vended-credentials"}});
  EXPECT_EQ(table.status, 200);
  EXPECT_EQ(table.json["config"], Json::object());
  EXPECT_EQ(table.json["storage-credentials"], Json::array());
}

}  // namespace
}  // namespace firn::server
