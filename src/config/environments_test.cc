#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "config/project.h"
#include "io/temporary_folder.h"

namespace firn::config {
namespace {

constexpr char kProject[] = R"(
pipelines:
  shop:
    source: {type: rest, base_url: "https://${env:HOST:-none}.example"}
    tags: [daily]
    tables: {orders: {tags: [money, daily]}, people: {tags: private}}
environments:
  dev: {lake: {warehouse: ./dev-lake}}
  prod: {state: /var/lib/firn}
)";

class Environments : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  Project Load(const std::string& environment) const {
    Diagnostics diagnostics;
    const LoadOptions options{.environment = environment, .working_folder = folder_.path()};
    auto project = LoadProject(options, &diagnostics);
    EXPECT_TRUE(project.ok()) << Render(diagnostics);
    return project.ok() ? *std::move(project) : Project();
  }
  std::string Host(const std::string& environment) const {
    return std::get<RestSourceConfig>(Load(environment).pipelines.at(0).source).base_url;
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  io::TemporaryFolder folder_;
};

TEST_F(Environments, HaveVariablesOfTheirOwn) {
  Write("firn.yaml", kProject);
  Write(".env", "HOST=common\n");
  Write(".env.dev", "HOST=development\n");
  EXPECT_EQ(Host(""), "https://common.example");
  EXPECT_EQ(Host("dev"), "https://development.example");
  EXPECT_EQ(Host("prod"), "https://common.example");
}

TEST_F(Environments, HaveStateFoldersOfTheirOwn) {
  Write("firn.yaml", kProject);
  EXPECT_EQ(Load("").state_folder, path(".firn"));
  EXPECT_EQ(Load("dev").state_folder, path(".firn/environments/dev"));
  EXPECT_EQ(Load("prod").state_folder, "/var/lib/firn");
  Write("firn.yaml", std::string(kProject) + "state: ./kept\n");
  EXPECT_EQ(Load("").state_folder, path("kept"));
  EXPECT_EQ(Load("dev").state_folder, path("kept/environments/dev"));
}

TEST_F(Environments, AreNamedLikeEverythingElse) {
  Write("firn.yaml", std::string(kProject) + "  ../up: {}\n");
  Diagnostics diagnostics;
  EXPECT_FALSE(LoadProject({.working_folder = folder_.path()}, &diagnostics).ok());
  EXPECT_NE(Render(diagnostics).find("`../up` is not an environment's name"), std::string::npos) << Render(diagnostics);
}

TEST_F(Environments, WhatSourcesNeedMayBeUnsetWhereNoneIsAsked) {
  Write("firn.yaml",
        "lake: {warehouse: \"${env:LAKE:-./lake}\"}\npipelines:\n  shop:\n    dataset: \"${env:SET:-kept}\"\n"
        "    source: {type: rest, base_url: \"${env:UNSET}\", auth: {type: bearer, token: \"${env:UNSET}\"}}\n"
        "    tables: {orders: {headers: {x: \"${env:UNSET}\"}}}\n");
  Diagnostics diagnostics;
  const LoadOptions look{.working_folder = folder_.path(), .resolve_sources = false};
  const auto project = LoadProject(look, &diagnostics);
  ASSERT_TRUE(project.ok()) << Render(diagnostics);
  EXPECT_EQ(project->pipelines[0].dataset, "kept");
  EXPECT_FALSE(LoadProject({.working_folder = folder_.path()}, &diagnostics).ok());
  Write("firn.yaml", "lake: {warehouse: \"${env:UNSET}\"}\n");
  EXPECT_FALSE(LoadProject(look, &diagnostics).ok());
}

TEST_F(Environments, TagsOfAPipelineHoldForItsTables) {
  Write("firn.yaml", kProject);
  const Project project = Load("");
  EXPECT_EQ(project.pipelines[0].FindTable("orders")->tags, (std::vector<std::string>{"daily", "money"}));
  EXPECT_EQ(project.pipelines[0].FindTable("people")->tags, (std::vector<std::string>{"daily", "private"}));
}

}  // namespace
}  // namespace firn::config
