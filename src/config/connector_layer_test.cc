#include "config/connector_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/redactor.h"
#include "config/project.h"

namespace firn::config {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr char kAcme[] = R"yaml(connector: 1
name: acme
title: Acme
api: https://acme.example/docs
settings:
  token: {required: true, secret: true, doc: API token, example: "${env:ACME_TOKEN}"}
  host: {default: api.acme.example, doc: Host}
  size: {default: 100, doc: Rows of a page}
  regions: {type: list, default: [eu, us], doc: Regions}
source:
  type: rest
  base_url: "https://${setting:host}"
  auth: {type: bearer, token: "${setting:token}"}
tables:
  orders:
    path: /orders
    primary_key: id
    partitions: {name: region, param: region, values: "${setting:regions}"}
    paginate: {type: page, page_size: "${setting:size}", size_param: limit}
  items: {parent: orders, path: "/orders/{{ parent.id }}/items", primary_key: [order, line], include: {order: parent.id}}
)yaml";

class ConnectorFileTest : public testing::Test {
 protected:
  ConnectorFileTest() : folder_(fs::temp_directory_path() / ("firn-connector-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~ConnectorFileTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  Result<Project> Load(const std::string& connector, const std::string& pipeline, bool resolve = true) {
    std::ofstream(folder_ / "acme.yaml") << connector;
    options_.config = "-";
    options_.working_folder = folder_.string();
    options_.stdin_text = "pipelines:\n  shop:\n" + pipeline;
    options_.resolve_secrets = resolve;
    Diagnostics diagnostics;
    auto project = LoadProject(options_, &diagnostics);
    findings_ = Render(diagnostics);
    return project;
  }

  static std::string With(std::string_view old, std::string_view now) {
    std::string text = kAcme;
    return text.replace(text.find(old), old.size(), now);
  }

  static std::string Source(const std::string& settings) {
    return "    source: {type: connector, connector: ./acme.yaml, settings: " + settings + "}\n";
  }

  const fs::path folder_;
  LoadOptions options_;
  std::string findings_;
};

TEST_F(ConnectorFileTest, SettingsHaveTheTypeOfWhatIsWrittenAndListsStayLists) {
  const auto project = Load(kAcme, Source("{token: secret-of-acme, size: 7, regions: asia}"));
  ASSERT_TRUE(project.ok()) << findings_;
  const auto& source = std::get<RestSourceConfig>(project->pipelines[0].source);
  EXPECT_EQ(source.base_url, "https://api.acme.example");
  EXPECT_EQ(std::get<BearerAuth>(source.auth).token, "secret-of-acme");
  const TableConfig* orders = project->pipelines[0].FindTable("orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_EQ(orders->paginate.page_size, 7);
  EXPECT_EQ(orders->partitions->values, std::vector<std::string>{"asia"});
  EXPECT_NE(project->pipelines[0].FindTable("items"), nullptr);
  EXPECT_THAT(findings_, HasSubstr("[E0310]"));  // the token is no ${env:…}
  EXPECT_THAT(ShowConfig(*project, {.resolved = true, .why = true}), Not(HasSubstr("secret-of-acme")));
  EXPECT_THAT(ProcessRedactor().Redact("token secret-of-acme"), Not(HasSubstr("secret-of-acme")));
}

TEST_F(ConnectorFileTest, OfflineNoVariableIsNeeded) {
  const std::string pipeline = Source("{token: \"${env:ACME_TOKEN}\", size: \"${env:SIZE}\"}");
  EXPECT_TRUE(Load(kAcme, pipeline, false).ok()) << findings_;
  EXPECT_FALSE(Load(kAcme, pipeline).ok());
  EXPECT_THAT(findings_, HasSubstr("environment variable `ACME_TOKEN` is not set"));
}

TEST_F(ConnectorFileTest, AValueThatDoesNotFitIsShownWhereItIsWritten) {
  EXPECT_FALSE(Load(kAcme, Source("{token: abcd1234, size: many}")).ok());
  EXPECT_THAT(findings_, HasSubstr("<stdin>:3:"));
  EXPECT_FALSE(Load(With("primary_key: id", "primry_key: id"), Source("{token: abcd1234}")).ok());
  EXPECT_THAT(findings_, HasSubstr("./acme.yaml:17:5"));
}

TEST_F(ConnectorFileTest, AnEnvironmentAndAVariableWinOverTheFile) {
  const std::string pipeline =
      Source("{token: abcd1234}") +
      "    tables: {orders: {paginate: {page_size: 5}}}\n"
      "environments: {dev: {pipelines: {shop: {source: {settings: {host: dev.acme.example}}}}}}\n";
  options_.environment = "dev";
  options_.env["FIRN__PIPELINES__SHOP__SOURCE__CONCURRENCY"] = "2";
  const auto project = Load(kAcme, pipeline);
  ASSERT_TRUE(project.ok()) << findings_;
  const auto& source = std::get<RestSourceConfig>(project->pipelines[0].source);
  EXPECT_EQ(source.base_url, "https://dev.acme.example");
  EXPECT_EQ(source.concurrency, 2);
  const TableConfig* orders = project->pipelines[0].FindTable("orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_EQ(orders->paginate.page_size, 5);
  EXPECT_EQ(orders->paginate.type, PaginateType::kPage);
  EXPECT_EQ(orders->partitions->values, (std::vector<std::string>{"eu", "us"}));
  options_.environment.clear();
  EXPECT_TRUE(Load(kAcme, pipeline).ok()) << findings_;  // the overrides that were not chosen are judged, too
}

TEST_F(ConnectorFileTest, FurtherTablesAreThoseOfAPipelineThatNamesThem) {
  const std::string further = kAcme + std::string("further_tables: {notes: {path: /notes, primary_key: id}}\n");
  const auto all = Load(further, Source("{token: abcd1234}"));
  ASSERT_TRUE(all.ok()) << findings_;
  EXPECT_EQ(all->pipelines[0].FindTable("notes"), nullptr);
  const auto chosen = Load(further, Source("{token: abcd1234}") + "    tables: {notes: }\n");
  ASSERT_TRUE(chosen.ok()) << findings_;
  ASSERT_EQ(chosen->pipelines[0].tables.size(), 1U);
  EXPECT_EQ(chosen->pipelines[0].tables[0].path, "/notes");
}

TEST_F(ConnectorFileTest, ATableNeedsItsParent) {
  EXPECT_FALSE(Load(kAcme, Source("{token: abcd1234}") + "    tables: {items: {}}\n").ok());
  EXPECT_THAT(findings_, HasSubstr("error[E0513]"));
  EXPECT_THAT(findings_, HasSubstr("add `orders: {}`"));
}

TEST_F(ConnectorFileTest, WhatMakesNoSenseInTheFileIsToldThere) {
  const auto refuses = [&](const std::string& connector, const std::string& code, const std::string& part) {
    EXPECT_FALSE(Load(connector, Source("{token: abcd1234}")).ok());
    EXPECT_THAT(findings_, HasSubstr("error[" + code + "]"));
    EXPECT_THAT(findings_, HasSubstr(part));
    EXPECT_THAT(findings_, HasSubstr("./acme.yaml:"));
  };
  refuses(With("connector: 1", "connector: 2"), "E0511", "not 2");
  refuses(With("type: rest", "type: process"), "E0208", "base_url");
  refuses(With("{default: api.acme.example, doc: Host}", "{doc: Host}"), "E0511", "not required, and has no default");
  refuses(With("required: true", "required: true, default: x"), "E0511", "required, and has a default");
  refuses(With("${setting:host}", "${env:HOST}"), "E0512", "no setting of the connector");
  refuses(With("${setting:host}", "${setting:hots}"), "E0512", "did you mean `${setting:host}`?");
  refuses(With("path: /orders", "path: \"/${setting:regions}\""), "E0512", "is a list");
}

}  // namespace
}  // namespace firn::config
