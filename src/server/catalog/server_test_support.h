#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/clock.h"
#include "catalog/sqlite/administration.h"
#include "catalog/sqlite/catalog.h"
#include "io/http_client.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "server/catalog/server.h"

/// A catalog server on a lake in a temporary folder, and a client to send requests with.
namespace firn::server::testing {

using Json = nlohmann::json;

struct Reply {
  int status = 0;
  Json json;  // null if there was no JSON body
  io::HttpHeaders headers;

  std::string type() const { return json.is_object() && json.contains("error") ? json["error"]["type"] : ""; }
  std::string message() const { return json.is_object() && json.contains("error") ? json["error"]["message"] : ""; }
};

class ServedLake : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }

  void Start(CatalogServerOptions options) {
    server_.reset();
    files_ = io::MakeLocalFileStore();
    const catalog::sqlite::SqliteCatalogOptions at{.path = root() + "/catalog.db", .warehouse = root()};
    catalog_ = *catalog::sqlite::OpenSqliteCatalog(at, *files_, clock_);
    administration_ = *catalog::sqlite::OpenSqliteAdministration(at);
    options.port = 0;
    options.warehouse = root();
    auto started = CatalogServer::Start(std::move(options), *catalog_, *administration_, *files_, clock_);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    if (client_ == nullptr) client_ = *io::MakeHttpClient();
  }
  std::string root() const { return folder_.path(); }

  Reply Send(const std::string& method, const std::string& target, const std::string& body = "",
             const io::HttpHeaders& headers = {}) {
    io::HttpRequest request{.method = method, .url = server_->url() + target, .headers = headers, .body = body};
    const auto response = client_->Send(request, {});
    EXPECT_TRUE(response.ok()) << response.status().ToString();
    if (!response.ok()) return {};
    Reply reply{.status = response->status, .headers = response->headers};
    if (!response->text().empty()) reply.json = Json::parse(response->text(), nullptr, false);
    return reply;
  }
  Reply Get(const std::string& target, const io::HttpHeaders& headers = {}) { return Send("GET", target, "", headers); }
  Reply Post(const std::string& target, const Json& body, const io::HttpHeaders& headers = {}) {
    io::HttpHeaders all = headers;
    all.Set("Content-Type", "application/json");
    return Send("POST", target, body.dump(), all);
  }

  void CreateNamespace(const std::string& name) {
    ASSERT_EQ(Post("/v1/namespaces", {{"namespace", {name}}}).status, 200);
  }
  static Json CreateBody(const std::string& name) {
    return {{"name", name},
            {"schema",
             {{"type", "struct"},
              {"fields",
               {{{"id", 7}, {"name", "id"}, {"type", "long"}, {"required", true}},
                {{"id", 9}, {"name", "text"}, {"type", "string"}, {"required", false}}}}}}};
  }
  /// Creates ns.name and returns its uuid.
  std::string CreateTable(const std::string& ns, const std::string& name) {
    const Reply made = Post("/v1/namespaces/" + ns + "/tables", CreateBody(name));
    EXPECT_EQ(made.status, 200) << made.json.dump();
    return made.json["metadata"]["table-uuid"];
  }
  static Json SetProperty(const std::string& key, const std::string& value) {
    return {{"action", "set-properties"}, {"updates", {{key, value}}}};
  }

  FakeClock clock_;
  io::TemporaryFolder folder_;
  std::unique_ptr<io::FileStore> files_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<catalog::Administration> administration_;
  std::unique_ptr<CatalogServer> server_;
  std::unique_ptr<io::HttpClient> client_;
};

}  // namespace firn::server::testing
