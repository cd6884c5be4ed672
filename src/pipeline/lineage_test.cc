#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/redactor.h"
#include "pipeline/lineage_event.h"
#include "pipeline/lineage_settings.h"

namespace firn::pipeline {
namespace {

using Environment = std::map<std::string, std::string>;

TEST(LineageSettings, AreThoseOfOpenLineagesClients) {
  EXPECT_FALSE(ReadLineageSettings({})->enabled());
  EXPECT_FALSE(ReadLineageSettings({{"OPENLINEAGE_URL", "http://x"}, {"OPENLINEAGE_DISABLED", "True"}})->enabled());
  EXPECT_EQ(ReadLineageSettings({{"OPENLINEAGE_URL", "http://marquez:5000/"}})->url,
            "http://marquez:5000/api/v1/lineage");
  const auto settings =
      *ReadLineageSettings({{"OPENLINEAGE__TRANSPORT__TYPE", "http"},
                            {"OPENLINEAGE__TRANSPORT__URL", "https://lineage.example.com"},
                            {"OPENLINEAGE__TRANSPORT__ENDPOINT", "/v2/events"},
                            {"OPENLINEAGE__TRANSPORT__AUTH", R"({"type":"api_key","apiKey":"k-12345678"})"},
                            {"OPENLINEAGE_PARENT_ID", "space/dag/task/run-1"}});
  EXPECT_EQ(settings.url, "https://lineage.example.com/v2/events");
  EXPECT_EQ(settings.api_key, "k-12345678");
  EXPECT_EQ(ProcessRedactor().Redact("k-12345678"), "***");
  EXPECT_EQ(settings.parent->job_namespace, "space");
  EXPECT_EQ(settings.parent->job_name, "dag/task");
  EXPECT_EQ(settings.parent->run_id, "run-1");
}

TEST(LineageSettings, WhatIsNotUnderstoodIsAnError) {
  for (const Environment& environment :
       {Environment{{"OPENLINEAGE__TRANSPORT__TYPE", "kafka"}}, Environment{{"OPENLINEAGE__TRANSPORT__TYPE", "http"}},
        Environment{{"OPENLINEAGE__TRANSPORT__TYPE", "file"}}, Environment{{"OPENLINEAGE_CONFIG", "openlineage.yml"}},
        Environment{{"OPENLINEAGE_URL", "marquez:5000"}}, Environment{{"OPENLINEAGE_PARENT_ID", "job/run"}},
        Environment{{"OPENLINEAGE__TRANSPORT__TYPE", "file"},
                    {"OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", "x"},
                    {"OPENLINEAGE__TRANSPORT__APPEND", "false"}}}) {
    const auto settings = ReadLineageSettings(environment);
    ASSERT_FALSE(settings.ok()) << environment.begin()->second;
    EXPECT_EQ(ContextOf(settings.status())->code, "E0980");
  }
}

class LineageEventTest : public testing::Test {
 protected:
  LineageSubject subject() const { return {settings_, project_, pipeline_, table_, "0190-run"}; }

  LineageSettings settings_;
  config::Project project_;
  config::PipelineConfig pipeline_{.name = "shop",
                                   .source = config::RestSourceConfig{.base_url = "https://api.example.com/v1"}};
  config::TableConfig table_{.name = "orders", .path = "/orders?token=abc"};
};

TEST_F(LineageEventTest, TheRunOfATableHasOneIdInAllItsEvents) {
  const auto start = nlohmann::json::parse(LineageStart(subject(), {}));
  const auto end = nlohmann::json::parse(LineageEnd(subject(), {}, nullptr, {}));
  EXPECT_EQ(start["eventType"], "START");
  EXPECT_EQ(end["eventType"], "COMPLETE");
  EXPECT_EQ(start["run"]["runId"], end["run"]["runId"]);
  table_.name = "items";
  EXPECT_NE(LineageRunId(subject()), start["run"]["runId"].get<std::string>());
}

TEST_F(LineageEventTest, TheSourceIsNamedWithoutItsQuery) {
  const auto event = nlohmann::json::parse(LineageStart(subject(), {}));
  EXPECT_EQ(event["inputs"][0]["namespace"], "https://api.example.com");
  EXPECT_EQ(event["inputs"][0]["name"], "/v1/orders");
}

TEST_F(LineageEventTest, AFailureSaysWhyInOneLineAndAStopIsNone) {
  TableResult result{.state = TableState::kFailed, .error = MakeError(Fault::kTransient, "503\nsecond line")};
  const auto failed = nlohmann::json::parse(LineageEnd(subject(), result, nullptr, {}));
  EXPECT_EQ(failed["eventType"], "FAIL");
  EXPECT_EQ(failed["run"]["facets"]["errorMessage"]["message"], "503");
  result.state = TableState::kCancelled;
  EXPECT_EQ(nlohmann::json::parse(LineageEnd(subject(), result, nullptr, {}))["eventType"], "ABORT");
}

}  // namespace
}  // namespace firn::pipeline
