"""Files of `firn generate`, each judged by the program it is for, or by that program's own schema."""

import glob
import json
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), os.path.join(os.path.dirname(HERE), "catalog"), HERE]
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, clean_environment, skip  # noqa: E402
from catalog_service import FirnServer  # noqa: E402

CACHE = os.environ.get("FIRN_CACHE", os.path.expanduser("~/.cache/firn-build"))
AIRFLOW = os.path.join(CACHE, "orchestrators-airflow", "bin")
OTHERS = os.path.join(CACHE, "orchestrators-others", "bin")
TOKEN = {"SHOP_TOKEN": "t0ken-t0ken"}
PATIENCE = float(os.environ.get("FIRN_TEST_PATIENCE", "1"))

PROJECT = """version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    schedule: every 15m
    tags: [core]
    source: {{type: rest, base_url: "{url}", auth: {{type: bearer, token: "${{env:SHOP_TOKEN}}"}}}}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        primary_key: id
        freshness: {{warn_after: 1h, error_after: 24h, of: loads}}
      later: {{path: /v1/later, records: data, write_disposition: append}}
  other-one:
    schedule: "30 6 * * 1-5"
    dataset: other
    source: {{type: rest, base_url: "{url}"}}
    tables:
      people: {{path: /v1/people, records: data, primary_key: id}}
  asleep:
    schedule: off
    source: {{type: rest, base_url: "{url}"}}
    tables:
      nothing: {{path: /v1/nothing, primary_key: id}}
"""


def call(program, *arguments, env=None, cwd=None, seconds=240):
    return subprocess.run([program, *arguments], env=clean_environment(env), cwd=cwd, timeout=seconds * PATIENCE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class GenerateTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.api = FakeApi()
        for table, count in (("orders", 30), ("later", 3), ("people", 5)):
            rows = cls.api.table(table, page_size=10)
            for number in range(1, count + 1):
                rows.put({"id": number, "updated_at": f"2025-01-01T00:{number:02d}:00Z", "name": f"n{number}"})
        cls.project = FirnProject(PROJECT.format(url=cls.api.url))

    @classmethod
    def tearDownClass(cls):
        cls.project.__exit__()
        cls.api.close()

    def generate(self, target, *options):
        folder = self.project.path("made", target + "-".join(options).replace("/", "_"))
        made = self.project.firn("generate", target, "--output", folder, *options)  # no secret is needed
        self.assertEqual(made.code, 0, str(made))
        self.assertNotIn("t0ken", "".join(open(path).read() for path in glob.glob(folder + "/*")))
        return folder

    def test_airflow_imports_the_dags_and_runs_one(self):
        folder = self.generate("airflow", "--firn", binary(), "--timezone", "Europe/Berlin")
        env = {"AIRFLOW_HOME": self.project.path("airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
               "AIRFLOW__CORE__DAGS_FOLDER": folder, **TOKEN, "PATH": AIRFLOW + ":" + os.environ["PATH"]}
        for command in (("db", "migrate"), ("dags", "reserialize")):
            done = call(os.path.join(AIRFLOW, "airflow"), *command, env=env)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        judged = call(os.path.join(AIRFLOW, "python"), os.path.join(HERE, "airflow_judge.py"), folder, "firn_other_one", env=env)
        lines = [line for line in judged.stdout.splitlines() if line.startswith("JUDGE ")]
        self.assertTrue(lines, judged.stdout[-3000:])
        found = json.loads(lines[0][6:])
        self.assertEqual(found["errors"], {})
        self.assertEqual(found["dags"]["firn_shop"],
                         {"tasks": ["load"], "outlets": ["x-firn://lake/shop/orders", "x-firn://lake/shop/later"],
                          "schedule": "*/15 * * * *", "tags": ["core", "firn"]})
        self.assertEqual(set(found["dags"]), {"firn_shop", "firn_other_one"})
        self.assertEqual(found["ran"], {"state": "success", "returned": {"other.people": 5}}, judged.stdout[-3000:])

    def test_dagster_loads_the_definitions_and_materializes_a_table(self):
        folder = self.generate("dagster", "--firn", binary(), "--name", "shop")
        code = """
import dagster as dg, firn_shop as made, json
dg.Definitions.validate_loadable(made.defs)
done = dg.materialize([made.firn_shop], selection=[dg.AssetKey(["shop", "orders"])])
events = done.get_asset_materialization_events()
print("JUDGE", json.dumps([[str(e.asset_key.to_user_string()), e.materialization.metadata["firn/written"].value] for e in events]))
failed = dg.materialize([made.firn_broken], raise_on_error=False) if hasattr(made, "firn_broken") else None
print("SCHEDULES", json.dumps([[s.name, s.cron_schedule, s.execution_timezone] for s in made.defs.schedules]))
"""
        env = {**TOKEN, "DAGSTER_HOME": self.project.path("made"), "DAGSTER_DISABLE_TELEMETRY": "1"}
        done = call(os.path.join(OTHERS, "python"), "-c", code, env=env, cwd=folder)
        self.assertIn('JUDGE [["shop/orders", 30]]', done.stdout, done.stdout[-3000:])
        self.assertIn('SCHEDULES [["firn_shop_schedule", "*/15 * * * *", "UTC"], '
                      '["firn_other_one_schedule", "30 6 * * 1-5", "UTC"]]', done.stdout)

    def test_kubernetes_manifests_fit_their_schema(self):
        folder = self.generate("k8s", "--name", "Shop_EU")
        paths = glob.glob(folder + "/*.yaml")
        checked = call(os.path.join(OTHERS, "kubernetes-validate"), "--strict", *paths)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertEqual(checked.stdout.count("passed for resource cronjob/"), 2, checked.stdout)
        text = open(paths[0]).read()
        self.assertIn("--from-literal=SHOP_TOKEN=…", text)
        self.assertIn('["firn", "run", "--config", "/project/firn.yaml", "--select", "shop.*"]', text)

    def test_ecs_files_fit_the_services_models(self):
        folder = self.generate("ecs")
        code = """
import botocore.loaders, botocore.model, botocore.validate, json, sys, glob
def check(service, operation, path):
    model = botocore.model.ServiceModel(botocore.loaders.create_loader().load_service_model(service, "service-2"))
    shape = model.operation_model(operation).input_shape
    value = json.load(open(path))
    report = botocore.validate.ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
    return value
task = check("ecs", "RegisterTaskDefinition", "task-definition.json")
schedules = [check("scheduler", "CreateSchedule", path) for path in sorted(glob.glob("schedule-*.json"))]
print("JUDGE", task["containerDefinitions"][0]["secrets"][0]["name"], [s["ScheduleExpression"] for s in schedules])
"""
        done = call(os.path.join(OTHERS, "python"), "-c", code, cwd=folder)
        self.assertIn("JUDGE SHOP_TOKEN ['cron(30 6 ? * MON,TUE,WED,THU,FRI *)', 'rate(15 minutes)']", done.stdout, done.stdout)

    def test_the_workflow_of_github_fits_its_schema(self):
        folder = self.generate("github-actions")
        checked = call(os.path.join(OTHERS, "check-jsonschema"), "--builtin-schema", "vendor.github-workflows",
                       *glob.glob(folder + "/*.yml"))
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_systemd_takes_the_units(self):
        folder = self.generate("systemd", "--timezone", "Europe/Berlin")
        self.assertEqual(sorted(os.listdir(folder)), ["firn-other-one.service", "firn-other-one.timer", "firn-shop.service",
                                                      "firn-shop.timer"])
        judge = shutil.which("systemd-analyze")
        if judge is None:
            self.skipTest("no systemd-analyze on this machine")
        checked = call(judge, "verify", "--man=no", *sorted(glob.glob(folder + "/*")))
        self.assertNotIn(folder, checked.stdout, checked.stdout)
        timer = open(os.path.join(folder, "firn-other-one.timer")).read()
        calendar = next(line.split("=", 1)[1] for line in timer.splitlines() if line.startswith("OnCalendar="))
        shown = call(judge, "calendar", calendar)
        self.assertIn("Normalized form: Mon..Fri *-*-* 06:30:00 Europe/Berlin", shown.stdout)

    def test_cron_lines_run_in_a_shell(self):
        folder = self.generate("cron", "--select", "shop.orders")
        line = [line for line in open(glob.glob(folder + "/*")[0]) if line[0] not in "#SC"][0]
        fields = line.split(" ", 5)
        self.assertEqual(fields[:5], ["*/15", "*", "*", "*", "*"])
        done = call("/bin/sh", "-c", fields[5], env=TOKEN)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_dbt_builds_on_the_sources(self):
        run = self.project.firn("run", "--select", "shop.orders", env=TOKEN)
        self.assertEqual(run.code, 0, str(run))
        with FirnServer(self.project) as service:
            folder = self.project.path("dbt")
            os.makedirs(os.path.join(folder, "models"), exist_ok=True)
            made = self.project.firn("generate", "dbt-sources", "--select", "shop.orders", "--output",
                                     os.path.join(folder, "models"))
            self.assertEqual(made.code, 0, str(made))
            self.write(folder, "dbt_project.yml", "name: judge\nversion: 1.0.0\nprofile: judge\nmodel-paths: [models]\n"
                                                  "flags: {send_anonymous_usage_stats: false}\n")
            self.write(folder, "profiles.yml", "judge:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n"
                       "      path: judge.duckdb\n      extensions: [iceberg]\n      config_options: {allow_unsigned_extensions: true}\n      attach:\n"
                       "        - {path: lake, alias: lake, type: iceberg, options: {endpoint: \"" + service.url +
                       "\", authorization_type: none}}\n")
            self.write(folder, "models/counted.sql", "select count(*) as orders from {{ source('shop', 'orders') }}")
            install = """
import duckdb, glob, os
import duckdb_extension_avro, duckdb_extension_httpfs, duckdb_extension_iceberg
db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
for module in (duckdb_extension_avro, duckdb_extension_httpfs, duckdb_extension_iceberg):
    found = glob.glob(os.path.dirname(module.__file__) + "/**/*.duckdb_extension", recursive=True)
    db.execute(f"INSTALL '{found[0]}'")
"""
            env = {"HOME": folder, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
            done = call(os.path.join(OTHERS, "python"), "-c", install, env=env)
            self.assertEqual(done.returncode, 0, done.stdout)
            built = call(os.path.join(OTHERS, "dbt"), "build", "--project-dir", folder, "--profiles-dir", folder, env=env,
                         cwd=folder)
            self.assertEqual(built.returncode, 0, built.stdout[-3000:])
            self.assertIn("PASS=3", built.stdout)  # the model, and two tests of the key
            fresh = call(os.path.join(OTHERS, "dbt"), "source", "freshness", "--project-dir", folder, "--profiles-dir", folder,
                         env=env, cwd=folder)
            self.assertEqual(fresh.returncode, 0, fresh.stdout[-3000:])
            self.assertIn("PASS freshness of shop.orders", fresh.stdout)

    def write(self, folder, name, text):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)

    def test_what_a_target_cannot_express_is_refused_by_name(self):
        for arguments, words in ((("cron", "--schedule", "every 7m"), "every 7m"),
                                 (("github-actions", "--timezone", "Europe/Berlin"), "UTC"),
                                 (("ecs", "--schedule", "0 0 13 * fri"), "either of both"),
                                 (("systemd",), "--output"), (("cron", "--schedule", "sometimes"), "sometimes"),
                                 (("cron", "--select", "asleep"), "no pipeline to run")):
            refused = self.project.firn("generate", *arguments)
            self.assertEqual(refused.code, 2, str(refused))
            self.assertIn("E0981", refused.err)
            self.assertIn(words, refused.err)

    def test_pipelines_that_would_have_one_name_are_refused(self):
        pipeline = "    source: {type: process, command: [true]}\n    schedule: every 1h\n    tables: {t: {}}\n"
        with FirnProject(f"version: 1\nlake: {{warehouse: ./lake}}\npipelines:\n  a_b:\n{pipeline}  a-b:\n{pipeline}") as project:
            refused = project.firn("generate", "systemd", "--output", "units")
            self.assertEqual(refused.code, 2, str(refused))
            self.assertIn("a_b and a-b would have one name", refused.err)
            self.assertEqual(project.firn("generate", "systemd", "--output", "units", "--select", "a_b").code, 0)

    def test_systemd_takes_a_folder_with_blanks(self):
        judge = shutil.which("systemd-analyze")
        if judge is None:
            self.skipTest("no systemd-analyze on this machine")
        folder = self.project.path("two words $x 100% FOLDER @COMMAND@")
        os.makedirs(folder)
        text = ("version: 1\nlake: {warehouse: ./lake}\npipelines:\n  a:\n    source: {type: process, command: [true]}\n"
                "    schedule: every 1h\n    tables: {t: {}}\n")
        with FirnProject(text, folder=folder) as project:
            self.assertEqual(project.firn("generate", "systemd", "--output", "units").code, 0)
            checked = call(judge, "verify", "--man=no", *glob.glob(os.path.join(glob.escape(folder), "units", "*")))
            self.assertNotIn("path is not absolute", checked.stdout)
            self.assertNotIn("Failed", checked.stdout)

    def test_files_that_were_changed_are_not_overwritten(self):
        folder = self.generate("cron")
        path = glob.glob(folder + "/*")[0]
        self.write(folder, os.path.basename(path), "mine\n")
        refused = self.project.firn("generate", "cron", "--output", folder)
        self.assertIn("E0851", refused.err)
        self.assertEqual(open(path).read(), "mine\n")
        self.assertEqual(self.project.firn("generate", "cron", "--output", folder, "--force").code, 0)

    def test_events_are_those_of_openlineage(self):
        events = self.project.path("events.jsonl")
        run = self.project.firn("run", "--select", "shop.later", "--full-refresh", env={
            **TOKEN,            "OPENLINEAGE__TRANSPORT__TYPE": "file", "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": events,
            "OPENLINEAGE_NAMESPACE": "test", "OPENLINEAGE_PARENT_ID": "airflow/dag.load/3fa85f64-5717-4562-b3fc-2c963f66afa6"})
        self.assertEqual(run.code, 0, str(run))
        code = """
import importlib, json, pkgutil, re, sys
import openlineage.client.generated as generated
from openlineage.client.event_v2 import RunEvent, RunState, Run, Job, InputDataset, OutputDataset
classes = {}
for module in pkgutil.iter_modules(generated.__path__):
    for value in vars(importlib.import_module("openlineage.client.generated." + module.name)).values():
        if isinstance(value, type) and hasattr(value, "_get_schema"):
            classes[value._get_schema()] = value
def facet(one):
    made = classes[one["_schemaURL"]]
    known = {a.name for a in made.__attrs_attrs__}
    given = {k: v for k, v in one.items() if not k.startswith("_")}
    assert set(given) <= known, (made, set(given) - known)
    return made(**given)
own = ("firn",)
def facets(all): return {k: facet(v) for k, v in all.items() if k not in own}
for line in open(sys.argv[1]):
    e = json.loads(line)
    event = RunEvent(eventType=RunState[e["eventType"]], eventTime=e["eventTime"], producer=e["producer"],
                     run=Run(e["run"]["runId"], facets(e["run"]["facets"])),
                     job=Job(e["job"]["namespace"], e["job"]["name"], facets(e["job"]["facets"])),
                     inputs=[InputDataset(d["namespace"], d["name"], facets(d["facets"])) for d in e["inputs"]],
                     outputs=[OutputDataset(d["namespace"], d["name"], facets=facets(d["facets"]), outputFacets=facets(d["outputFacets"]))
                              for d in e["outputs"]])
    assert set(e) <= {a.name for a in RunEvent.__attrs_attrs__}, set(e)
    rows = [o.outputFacets["outputStatistics"].rowCount for o in event.outputs]
    print("JUDGE", event.eventType.name, event.job.name, event.run.facets["parent"].run.get("runId"), rows)
"""
        judged = call(os.path.join(OTHERS, "python"), "-c", code, events)
        said = [line for line in judged.stdout.splitlines() if line.startswith("JUDGE ")]
        parent = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
        self.assertEqual(said, [f"JUDGE START shop.later {parent} []", f"JUDGE COMPLETE shop.later {parent} [3]"], judged.stdout)

    def test_a_lineage_server_that_is_away_stops_no_load(self):
        run = self.project.firn("run", "--select", "shop.later", env={**TOKEN, "OPENLINEAGE_URL": "http://127.0.0.1:9"})
        self.assertEqual(run.code, 0, str(run))
        self.assertIn("lineage event not delivered", run.err)
        wrong = self.project.firn("run", env={**TOKEN, "OPENLINEAGE_CONFIG": "openlineage.yml"})
        self.assertEqual(wrong.code, 2, str(wrong))
        self.assertIn("E0980", wrong.err)


if __name__ == "__main__":
    for program in (os.path.join(AIRFLOW, "airflow"), os.path.join(OTHERS, "dagster")):
        if not os.path.exists(program):
            skip(f"{program} is missing: run tools/prepare test")
    unittest.main()
