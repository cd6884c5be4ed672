#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/schedule_forms.h"

namespace firn::cli {
namespace {

constexpr char kHead[] =
    R"py("""Made by `firn generate dagster`: one asset per table, one multi-asset and one schedule per pipeline.

Variables with secrets come from the environment of Dagster's process or the .env file of the project.
"""

import json
import signal
import subprocess

import dagster as dg

NEVER_BETTER = (2, 4, 6, 7)  # configuration, credentials, contract, at work already: trying again does not help


def load(context, command, tables):
    """Loads the tables that were asked for; yields what became of each. `tables`: asset key → selector of firn."""
    selected = [selector for key, selector in tables.items() if key in context.selected_asset_keys]
    for selector in selected:
        command = [*command, "--select", selector]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as process:
        try:
            out, _ = process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)  # what was read whole is committed first
            process.wait(120)
            raise
    result = json.loads(out) if out.strip() else {"tables": []}
    for table in result["tables"]:
        key = dg.AssetKey([*table["identifier"].split(".")])
        if table["state"] == "completed" and key in context.selected_asset_keys:
            metadata = {f"firn/{name}": count for name, count in table["rows"].items()}
            if table.get("snapshot_id"):
                metadata["firn/snapshot_id"] = str(table["snapshot_id"])
            metadata["firn/run_id"] = result["run_id"]
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    if process.returncode != 0:
        raise dg.Failure(
            description=f"firn ended with {process.returncode}; its messages are in the log of the process",
            allow_retries=process.returncode not in NEVER_BETTER,
        )

)py";

constexpr char kAsset[] = R"py(
@FUNCTION@_tables = @TABLES@


@dg.multi_asset(
    name=@NAME@,
    specs=[dg.AssetSpec(key, group_name=@GROUP@, kinds={"iceberg"}, tags=@TAGS@) for key in @FUNCTION@_tables],
    can_subset=True,
    retry_policy=dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL),
    op_tags={"dagster/concurrency_key": @NAME@},
)
def @FUNCTION@(context: dg.AssetExecutionContext):
    yield from load(context, @COMMAND@, @FUNCTION@_tables)


@FUNCTION@_schedule = dg.ScheduleDefinition(
    name=@SCHEDULE_NAME@,
    target=dg.AssetSelection.assets(*@FUNCTION@_tables),
    cron_schedule=@CRON@,
    execution_timezone=@ZONE@,
)
)py";

std::string Key(const GeneratedUnit& unit, const config::TableConfig& table) {
  std::string parts;
  std::string dataset = unit.pipeline->dataset + ".";
  for (size_t dot = dataset.find('.'); dot != std::string::npos; dot = dataset.find('.')) {
    parts += Quoted(dataset.substr(0, dot)) + ", ";
    dataset.erase(0, dot + 1);
  }
  return "dg.AssetKey([" + parts + Quoted(table.name) + "])";
}

std::string Tables(const GeneratedUnit& unit) {
  std::string text;
  for (const auto* table : unit.tables) {
    text += "    " + Key(unit, *table) + ": " + Quoted(unit.pipeline->name + "." + table->name) + ",\n";
  }
  return "{\n" + text + "}";
}

std::string Tags(const GeneratedUnit& unit) {
  std::string text;
  for (const std::string& tag : unit.tables.front()->tags) text += (text.empty() ? "" : ", ") + Quoted(tag) + ": \"\"";
  return "{" + text + "}";
}

}  // namespace

Result<std::vector<GeneratedFile>> GenerateDagster(const GenerateRequest& request) {
  std::string text = kHead, assets, schedules;
  for (const GeneratedUnit& unit : request.units) {
    ARROW_ASSIGN_OR_RAISE(const std::string cron, config::CronOf(unit.schedule));
    const std::string function = "firn_" + SafeName(unit.pipeline->name, '_');
    GeneratedUnit all = unit;
    all.select.clear();
    text += Filled(kAsset, {{"FUNCTION", function},
                            {"TABLES", Tables(unit)},
                            {"NAME", Quoted(function)},
                            {"GROUP", Quoted(SafeName(unit.pipeline->name, '_'))},
                            {"TAGS", Tags(unit)},
                            {"COMMAND", QuotedList(request.RunCommand(all))},
                            {"SCHEDULE_NAME", Quoted(function + "_schedule")},
                            {"CRON", Quoted(cron)},
                            {"ZONE", Quoted(request.zone)}});
    assets += (assets.empty() ? "" : ", ") + function;
    schedules += (schedules.empty() ? "" : ", ") + function + "_schedule";
  }
  text += "\ndefs = dg.Definitions(assets=[" + assets + "], schedules=[" + schedules + "])\n";
  return std::vector<GeneratedFile>{{.name = "firn_" + SafeName(request.name, '_') + ".py", .text = std::move(text)}};
}

}  // namespace firn::cli
