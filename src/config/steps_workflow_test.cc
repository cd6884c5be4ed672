#include "config/steps_workflow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/project.h"

namespace firn::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kShop[] = R"json({"steps": 1, "inputs": {"token": {"secret": true}, "start": {"default": "2024-01-01"}},
 "do": [
  {"id": "list", "request": {"url": "https://api.example/v1/orders"}, "rows": "{{ body }}"},
  {"emit": "orders", "from": "list", "key": "id"},
  {"emit": "lines", "from": "list", "key": ["order", "line"]}]}
)json";

class WorkflowTest : public testing::Test {
 protected:
  WorkflowTest() : folder_(fs::temp_directory_path() / ("firn-workflow-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~WorkflowTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  Result<Project> Load(const std::string& workflow, const std::string& inputs, const std::string& tables = "") {
    std::ofstream(folder_ / "shop.json") << workflow;
    LoadOptions options;
    options.config = "-";
    options.working_folder = folder_.string();
    options.stdin_text =
        "pipelines:\n  shop:\n    source: {type: steps, workflow: ./shop.json, inputs: " + inputs + "}\n";
    if (!tables.empty()) options.stdin_text += "    tables: " + tables + "\n";
    Diagnostics diagnostics;
    auto project = LoadProject(options, &diagnostics);
    findings_ = Render(diagnostics);
    return project;
  }

  const fs::path folder_;
  std::string findings_;
};

TEST_F(WorkflowTest, EmitsAreTablesWithTheirKeys) {
  const auto project = Load(kShop, "{token: secret-of-the-shop}");
  ASSERT_TRUE(project.ok()) << findings_;
  const auto& tables = project->pipelines[0].tables;
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_THAT(tables[0].primary_key, ElementsAre("id"));
  EXPECT_THAT(tables[1].primary_key, ElementsAre("order", "line"));
}

TEST_F(WorkflowTest, WhatAPipelineWritesWins) {
  const auto project = Load(kShop, "{token: secret-of-the-shop}", "{lines: {primary_key: line}}");
  ASSERT_TRUE(project.ok()) << findings_;
  ASSERT_EQ(project->pipelines[0].tables.size(), 1U);
  EXPECT_THAT(project->pipelines[0].tables[0].primary_key, ElementsAre("line"));
}

TEST_F(WorkflowTest, ATableThatIsNotEmittedIsNamed) {
  EXPECT_FALSE(Load(kShop, "{token: secret-of-the-shop}", "{order: {}}").ok());
  EXPECT_THAT(findings_, testing::AllOf(HasSubstr("E0532"), HasSubstr("did you mean `orders`?")));
}

TEST_F(WorkflowTest, InputsAreJudgedAsDeclared) {
  EXPECT_FALSE(Load(kShop, "{start: 2025-01-01}").ok());
  EXPECT_THAT(findings_, HasSubstr("no `token`"));
  EXPECT_FALSE(Load(kShop, "{token: secret-of-the-shop, strat: x}").ok());
  EXPECT_THAT(findings_, HasSubstr("`start`"));
  EXPECT_FALSE(Load(kShop, "[a, b]").ok());
  EXPECT_THAT(findings_, HasSubstr("E0533"));
}

TEST_F(WorkflowTest, RowsOfCustomersHaveTheirNameInTheKey) {
  const auto project = Load(kShop, "{}, customers: {file: ./all.csv, key: id, column: tenant}");
  ASSERT_TRUE(project.ok()) << findings_;
  EXPECT_THAT(project->pipelines[0].tables[0].primary_key, ElementsAre("tenant", "id"));
  for (const char* customers : {"{key: id}", "{file: a.csv, query: q, key: id}", "{database: a.db, key: id}"}) {
    EXPECT_FALSE(Load(kShop, "{}, customers: " + std::string(customers)).ok());
    EXPECT_THAT(findings_, HasSubstr("E0538"));
  }
  EXPECT_FALSE(Load(kShop, "{}, customers: {file: ./all.csv, key: id}", "{orders: {primary_key: id}}").ok());
  EXPECT_THAT(findings_, HasSubstr("the key has no `customer`"));
}

TEST_F(WorkflowTest, TheFileIsPointedAt) {
  EXPECT_FALSE(Load(R"({"steps": 2, "do": [{"emit": "a b", "from": "x"}]})", "{}").ok());
  EXPECT_THAT(findings_,
              testing::AllOf(HasSubstr("E0531"), HasSubstr("./shop.json:1:11"), HasSubstr("not a table name")));
  EXPECT_FALSE(Load(R"({"steps": 1, "do": [{"id": "x", "requst": {}}]})", "{}").ok());
  EXPECT_THAT(findings_, testing::AllOf(HasSubstr("./shop.json"), HasSubstr("`request`")));
  EXPECT_FALSE(Load("[]", "{}").ok());
  EXPECT_THAT(findings_, HasSubstr("a workflow must be a mapping"));
}

}  // namespace
}  // namespace firn::config
