#include "cli/generate/generator.h"
#include "cli/generate/quoting.h"
#include "config/schedule_forms.h"

namespace firn::cli {
namespace {

constexpr char kHead[] =
    R"py("""Made by `firn generate airflow`: one DAG per pipeline, for Airflow 2.9 and later, and 3.

Exit codes of firn decide what Airflow does: 2 (configuration), 4 (credentials) and 6 (contract) fail at once, 7 (a load of
the pipeline is at work already) skips, all others are tried again. A load that is tried again goes on where the last commit
ended; no row is lost or doubled. Variables with secrets come from the worker's environment or the .env file of the project.
"""

import json
import os
import signal
import subprocess
from datetime import timedelta

import pendulum

try:
    from airflow.sdk import DAG, Asset, get_current_context, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task
    from airflow.operators.python import get_current_context
try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
except ImportError:
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException

)py";

constexpr char kLoad[] = R"py(

def parent_of(context):
    """The task as the parent of the load's OpenLineage runs, if Airflow tells OpenLineage about itself."""
    try:
        from airflow.providers.openlineage.plugins import macros

        return {"OPENLINEAGE_PARENT_ID": macros.lineage_parent_id(context["ti"])}
    except Exception:
        return {}


def load(command):
    """Runs firn and returns the rows written per table; stopping the task lets firn commit what it read whole."""
    env = {**os.environ, **parent_of(get_current_context())}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as process:
        try:
            out, _ = process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait(120)
            raise
    code = process.returncode
    if code == 7:
        raise AirflowSkipException("a load of this pipeline is at work already")
    if code in (2, 4, 6):
        raise AirflowFailException(f"firn ended with {code}; its messages are above")
    if code != 0:
        raise AirflowException(f"firn ended with {code}; its messages are above")
    tables = json.loads(out)["tables"]
    return {table["identifier"]: table["rows"]["written"] for table in tables}

)py";

// NAME, CRON, ZONE, TAGS, OUTLETS and COMMAND are put in.
constexpr char kDag[] = R"py(
with DAG(
    dag_id=@NAME@,
    description=@DESCRIPTION@,
    schedule=@CRON@,
    start_date=pendulum.datetime(2025, 1, 1, tz=ZONE),
    catchup=False,  # a load reads all that is new, whenever it runs
    max_active_runs=1,
    tags=@TAGS@,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=2), "retry_exponential_backoff": True},
):
    task(task_id="load", execution_timeout=timedelta(hours=6), outlets=[@OUTLETS@])(load)(@COMMAND@)
)py";

std::string Outlets(const GeneratedUnit& unit) {
  std::string text;
  for (const auto* table : unit.tables) {
    text += (text.empty() ? "" : ", ") +
            ("Asset(" + Quoted("x-firn://lake/" + unit.pipeline->dataset + "/" + table->name) + ")");
  }
  return text;
}

}  // namespace

Result<std::vector<GeneratedFile>> GenerateAirflow(const GenerateRequest& request) {
  std::string text = kHead;
  text += "ZONE = " + Quoted(request.zone) + "\n";
  text += kLoad;
  for (const GeneratedUnit& unit : request.units) {
    ARROW_ASSIGN_OR_RAISE(const std::string cron, config::CronOf(unit.schedule));
    auto command = request.RunCommand(unit);
    command.emplace_back("--json");
    std::vector<std::string> tags = {"firn"};
    for (const std::string& tag : unit.tables.front()->tags) tags.push_back(tag);
    text += Filled(kDag, {{"NAME", Quoted("firn_" + SafeName(unit.pipeline->name, '_'))},
                          {"DESCRIPTION", Quoted("firn: load " + unit.pipeline->name)},
                          {"CRON", Quoted(cron)},
                          {"TAGS", QuotedList(tags)},
                          {"OUTLETS", Outlets(unit)},
                          {"COMMAND", QuotedList(command)}}) +
            "\n";
  }
  return std::vector<GeneratedFile>{{.name = "firn_" + SafeName(request.name, '_') + ".py", .text = std::move(text)}};
}

}  // namespace firn::cli
