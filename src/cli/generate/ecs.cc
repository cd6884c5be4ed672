#include <nlohmann/json.hpp>

#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/schedule_forms.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kAccount[] = "arn:aws:iam::111122223333:role/";  // to be replaced; AWS's own example account
constexpr char kRegion[] = "eu-central-1";

Json TaskDefinition(const GenerateRequest& request, const std::string& family) {
  Json container = {
      {"name", "firn"},
      {"image", request.image},
      {"essential", true},
      {"command", request.RunCommand(request.units.front())},
      {"stopTimeout", 120},
      {"linuxParameters", {{"initProcessEnabled", true}}},
      {"logConfiguration",
       {{"logDriver", "awslogs"},
        {"options",
         {{"awslogs-group", "/firn/" + family}, {"awslogs-region", kRegion}, {"awslogs-stream-prefix", "firn"}}}}}};
  for (const std::string& name : request.variables) {
    container["secrets"].push_back(
        {{"name", name},
         {"valueFrom", std::string("arn:aws:ssm:") + kRegion + ":111122223333:parameter/firn/" + family + "/" + name}});
  }
  return {{"family", family},
          {"requiresCompatibilities", {"FARGATE"}},
          {"networkMode", "awsvpc"},
          {"cpu", "1024"},
          {"memory", "2048"},
          {"executionRoleArn", std::string(kAccount) + "firn-execution"},
          {"taskRoleArn", std::string(kAccount) + "firn-task"},
          {"containerDefinitions", Json::array({container})}};
}

Json ScheduleOf(const GenerateRequest& request, const GeneratedUnit& unit, const std::string& family,
                const std::string& expression) {
  const Json overrides = {
      {"containerOverrides", Json::array({{{"name", "firn"}, {"command", request.RunCommand(unit)}}})}};
  Json target = {{"Arn", std::string("arn:aws:ecs:") + kRegion + ":111122223333:cluster/firn"},
                 {"RoleArn", std::string(kAccount) + "firn-scheduler"},
                 {"Input", overrides.dump()},
                 {"RetryPolicy", {{"MaximumRetryAttempts", 2}, {"MaximumEventAgeInSeconds", 600}}}};
  target["EcsParameters"] = {
      {"TaskDefinitionArn", std::string("arn:aws:ecs:") + kRegion + ":111122223333:task-definition/" + family},
      {"LaunchType", "FARGATE"},
      {"TaskCount", 1},
      {"NetworkConfiguration",
       {{"awsvpcConfiguration", {{"Subnets", {"subnet-replace"}}, {"AssignPublicIp", "DISABLED"}}}}}};
  Json schedule = {{"Name", family + "-" + SafeName(unit.pipeline->name, '-')},
                   {"ScheduleExpression", expression},
                   {"FlexibleTimeWindow", {{"Mode", "OFF"}}},
                   {"State", "ENABLED"}};
  if (expression.starts_with("cron")) schedule["ScheduleExpressionTimezone"] = request.zone;
  schedule["Target"] = std::move(target);
  return schedule;
}

}  // namespace

// What stands for an account, a network or a role is AWS's example number or says "replace".
Result<std::vector<GeneratedFile>> GenerateEcs(const GenerateRequest& request) {
  const std::string family = "firn-" + SafeName(request.name, '-');
  std::vector<GeneratedFile> files = {
      {.name = "task-definition.json", .text = TaskDefinition(request, family).dump(2) + "\n"}};
  for (const GeneratedUnit& unit : request.units) {
    ARROW_ASSIGN_OR_RAISE(const std::string expression, config::EventBridgeOf(unit.schedule));
    files.push_back({.name = "schedule-" + SafeName(unit.pipeline->name, '-') + ".json",
                     .text = ScheduleOf(request, unit, family, expression).dump(2) + "\n"});
  }
  return files;
}

}  // namespace firn::cli
