"""What tells a person or a monitor how the loads go, by judges that are not ours."""

import glob
import json
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from support.fake_api import FakeApi, Fault  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject, binary, run_firn, skip  # noqa: E402
from support.free_port import free_port  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

try:
    import jsonschema
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    if readers_python() is None or os.environ.get("FIRN_WATCHING_TEST_AGAIN"):
        skip("no Python with jsonschema and prometheus_client: run tools/prepare test")
    os.environ["FIRN_WATCHING_TEST_AGAIN"] = "1"
    os.execv(readers_python(), [readers_python(), *sys.argv])
from receivers import Hook, MailServer  # noqa: E402

PROJECT = """version: 1
lake: {{warehouse: ./lake}}
{on}
pipelines:
  shop:
    source: {{type: rest, base_url: "{url}", retry: {{attempts: 2}}}}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        {table}
"""
APPEND = "incremental: {cursor: updated_at, param: since}"
MERGE = "primary_key: id"


def at(minute):
    return f"2025-01-01T{minute // 60:02d}:{minute % 60:02d}:00Z"


def closed(schema):
    """The schema in which every field that is not described is an error."""
    if isinstance(schema, dict):
        schema = {key: closed(value) for key, value in schema.items()}
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    elif isinstance(schema, list):
        schema = [closed(item) for item in schema]
    return schema


class WatchingTest(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders", page_size=50)
        self.minute = 0

    def project(self, table=APPEND, on="", **options):
        project = FirnProject(PROJECT.format(url=self.api.url, table=table, on=on), **options)
        self.addCleanup(project.__exit__)
        return project

    def hook(self, **options):
        hook = Hook(**options)
        self.addCleanup(hook.close)
        return hook

    def put(self, count=1, **more):
        for _ in range(count):
            self.minute += 1
            self.orders.put({"id": self.minute, "updated_at": at(self.minute), "total": self.minute, **more})

    def put_bad(self):
        """A row without a key beside a good one: it goes to quarantine."""
        self.put()
        self.orders.put({"id": None, "updated_at": at(9), "total": 1})

    def load(self, project, rows=1, **options):
        self.put(rows)
        return project.run(**options)

    def fits(self, text, kind):
        schema = json.loads(run_firn(["schema", "result"], "/").out)
        jsonschema.Draft202012Validator.check_schema(schema)
        value = json.loads(text)
        jsonschema.validate(value, schema, jsonschema.Draft202012Validator)
        strict = {**closed({"$defs": schema["$defs"]}), "$ref": f"#/$defs/{kind}"}
        jsonschema.validate(value, strict, jsonschema.Draft202012Validator)
        return value

    def test_the_published_schema_is_the_one_of_the_binary(self):
        with open(os.path.join(REPOSITORY, "docs", "reference", "result.schema.json")) as file:
            self.assertEqual(file.read(), run_firn(["schema", "result"], "/").out)
        self.assertEqual(run_firn(["schema", "results"], "/").code, 2)

    def test_the_schema_refuses_what_is_no_result(self):
        project = self.project()
        good = self.load(project).json()
        self.fits(json.dumps(good), "run")
        for spoil in (lambda r: r["tables"][0].pop("reason_code"), lambda r: r["tables"][0].update(state="fine"),
                      lambda r: r["tables"][0]["rows"].update(read=-1), lambda r: r.update(started="yesterday")):
            bad = json.loads(json.dumps(good))
            spoil(bad)
            with self.assertRaises(jsonschema.ValidationError):
                self.fits(json.dumps(bad), "run")

    def test_every_json_output_fits_the_schema(self):
        project = self.project(MERGE + "\n        freshness: {of: loads, warn_after: 1h}\n"
                               "      later: {path: /v1/orders, records: data, freshness: {error_after: 1h}}")
        self.put(2)
        self.put_bad()
        first = project.run("--select", "orders")
        table = self.fits(first.out, "run")["tables"][0]
        self.assertEqual((table["state"], table["condition"], table["reason_code"]), ("completed", "ok", ""))
        self.assertEqual((table["rows"]["read"], table["rows"]["written"], table["rows"]["quarantined"]), (4, 3, 1))
        with open(project.path(".firn", "runs", first.json()["run_id"], "result.json")) as file:
            self.fits(file.read(), "run")
        latest = self.fits(project.firn("status", "--json").out, "status")
        self.assertEqual([(t["table"], t["state"], t["condition"]) for t in latest],
                         [("orders", "completed", "ok"), ("later", "never", "error")])
        self.put(2, coupon="a")
        self.fits(project.run().out, "run")
        self.api.fail("/v1/orders", Fault("401"), times=100)
        failed = self.fits(project.run(code=4).out, "run")["tables"][0]
        self.assertEqual((failed["state"], failed["condition"]), ("failed", "error"))
        self.assertEqual(failed["reason_code"], failed["error"].get("code", failed["error"]["fault"]))
        self.api.faults.clear()
        self.fits(project.firn("retry", "--json").out, "run")
        self.fits(project.firn("run", "--json", "--select", "nothing").out, "run_not_begun")
        runs = self.fits(project.firn("runs", "--json").out, "runs")
        self.assertEqual([run["state"] for run in runs], ["completed", "failed", "completed", "completed"])
        self.fits(project.firn("runs", "--json", "--table", "orders").out, "runs")
        self.fits(project.firn("status", "--json").out, "status")
        project.write('{"a": 1}\n{"a": 2}\n', "rows.ndjson")
        for target in ("shop.rows", "rows.parquet"):
            copied = project.firn("copy", "rows.ndjson", target, "--json")
            self.assertEqual(copied.code, 0, copied)
            self.assertEqual(self.fits(copied.out, "copy")["rows"], 2)
        self.fits(project.firn("rederive", "orders", "--yes", "--json").out, "run")

    def test_freshness_is_the_newest_value_that_is_in_the_table(self):
        project = self.project()
        table = self.load(project, 3).table("orders")
        self.assertEqual(table["freshness"]["newest"], at(3))
        table = project.run().table("orders")  # nothing new: what is known stays
        self.assertEqual((table["rows"]["read"], table["freshness"]["newest"]), (0, at(3)))
        self.put(1)
        self.api.fail("/v1/orders", Fault("401"), times=100)
        self.assertEqual(project.run(code=4).table("orders")["freshness"]["newest"], at(3), "its rows are not in the table")
        self.api.faults.clear()
        self.orders.put({"id": 99, "updated_at": "2999-01-01T00:00:00Z", "total": 1})
        table = project.run().table("orders")
        self.assertEqual(table["freshness"]["newest"], at(4), "a time to come is a mistake of the source")

    def test_status_check_is_for_monitors(self):
        project = self.project(APPEND + "\n        freshness: {warn_after: 6h, error_after: 24h}")
        check = lambda now, *more: project.firn("status", "--check", *more, env={"FIRN_NOW": now})  # noqa: E731
        never = check("2025-01-01T00:30:00Z")
        self.assertEqual(never.code, 6, never)
        self.assertRegex(never.out, r"shop\.orders +never ")
        self.load(project, 30, env={"FIRN_NOW": "2025-01-01T00:40:00Z"})
        for now, code, strict, word in (("2025-01-01T06:29:00Z", 0, 0, "ok"), ("2025-01-01T06:31:00Z", 0, 6, "warning"),
                                        ("2025-01-02T00:29:00Z", 0, 6, "warning"), ("2025-01-02T00:31:00Z", 6, 6, "late")):
            result = check(now)
            self.assertEqual((result.code, check(now, "--strict").code), (code, strict), result)
            self.assertRegex(result.out, rf"shop\.orders +{word} ")
        self.api.fail("/v1/orders", Fault("401"), times=100)
        project.run(code=4)
        self.assertEqual(check("2025-01-01T06:00:00Z").code, 3)

    def test_zero_rows_and_volume_are_warnings(self):
        hook = self.hook()
        project = self.project(APPEND + "\n        volume: {min_percent: 50, max_percent: 200}\n"
                               f"        on: {{zero_rows: {{webhook: '{hook.url}'}}, volume: {{webhook: '{hook.url}'}}}}")
        for _ in range(5):
            self.assertEqual(self.load(project, 10).table("orders")["findings"], [])
        self.assertEqual(hook.posts, [])
        cases = (("few", 4, "E0941"), ("usual", 5, ""), ("many", 25, "E0941"), ("none", 0, "E0940"))
        for what, rows, code in cases:
            with self.subTest(what):
                table = self.load(project, rows).table("orders")
                self.assertEqual((table["rows"]["read"], table["state"], table["reason_code"]), (rows, "completed", code))
                self.assertEqual(table["condition"], "warning" if code else "ok")
        self.assertEqual([post["event"] for post in hook.posts], ["volume", "volume", "zero_rows"])
        self.assertRegex(project.firn("status").out, r"shop\.orders +warning .*E0940")
        again = self.load(project, 0).table("orders")
        self.assertEqual(again["reason_code"], "E0941", "not five loads with rows before it, but far from the median")

    def test_loads_of_a_window_say_nothing_of_what_is_usual(self):
        project = self.project()
        for _ in range(4):
            self.load(project, 2)
        project.run("--from", at(1), "--to", at(2), "--yes")
        self.assertEqual(project.run().table("orders")["findings"], [])

    def test_events_reach_a_webhook_once_each(self):
        hook = self.hook()
        entry = f"{{webhook: {{url: '{hook.url}', headers: {{X-Team: data}}}}}}"
        on = "on: {" + ", ".join(f"{event}: {entry}" for event in ("failure", "schema_change", "quarantine")) + "}"
        project = self.project(MERGE + f"\n        freshness: {{of: loads, error_after: 1h}}\n        on: {{late: {entry}}}", on)
        first = self.load(project, 2)
        self.assertEqual(hook.posts, [], first)
        self.put(1, coupon="a")
        self.put_bad()
        result = project.run()
        self.assertCountEqual([post["event"] for post in hook.posts], ["schema_change", "quarantine"])  # sent side by side
        self.assertEqual([(a["event"], a["by"], a["delivered"]) for a in result.table("orders")["alerts"]],
                         [("schema_change", "webhook", True), ("quarantine", "webhook", True)])
        self.assertEqual(hook.headers[0]["X-Team"], "data")
        for post in hook.posts:
            self.fits(json.dumps(post), "alert_message")
            self.assertEqual(post["table"]["identifier"], "shop.orders")
            self.assertFalse([key for key in post["table"] if key.startswith(("cursor", "position"))], "values of rows")
        self.api.fail("/v1/orders", Fault("401"), times=100)
        project.run(code=4, env={"FIRN_NOW": "2100-01-01T00:00:00Z"})
        self.assertCountEqual([post["event"] for post in hook.posts[2:]], ["failure", "late"])

    def test_a_run_that_cannot_begin_is_told(self):
        hook = self.hook()
        project = self.project(on=f"on: {{failure: {{webhook: '{hook.url}'}}}}")
        project.write("not a folder", "lake")
        result = project.firn("run", "--json")
        self.assertNotEqual(result.code, 0)
        self.assertEqual([post["event"] for post in hook.posts], ["failure"], result)
        self.fits(json.dumps(hook.posts[0]), "alert_message")
        os.remove(project.path("lake"))
        project.firn("run", "--select", "nothing")
        self.assertEqual(len(hook.posts), 1, "a slip at the keyboard")

    def test_a_table_says_otherwise_than_its_project(self):
        hook, other = self.hook(), self.hook()
        project = self.project(MERGE + f"\n        on: {{failure: {{webhook: '{other.url}'}}, quarantine: {{}}}}",
                               f"on: {{failure: {{webhook: '{hook.url}'}}, quarantine: {{webhook: '{hook.url}'}}}}")
        self.put_bad()
        self.assertEqual(project.run().table("orders")["rows"]["quarantined"], 1)
        self.api.fail("/v1/orders", Fault("401"), times=100)
        project.run(code=4)
        self.assertEqual((len(hook.posts), len(other.posts)), (0, 1))

    def command(self, project, text):
        path = project.path("tell.sh")
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)

    def test_a_command_gets_the_event_on_stdin_without_a_shell(self):
        project = self.project(MERGE, "on: {quarantine: {command: [./tell.sh, 'a b; $(touch pwned)', '*']}}")
        self.command(project, 'cat > got.json\nprintf "%s\\n" "$#" "$1" "$2" > arguments\n')
        self.put_bad()
        alerts = project.run().table("orders")["alerts"]
        self.assertEqual(alerts, [{"event": "quarantine", "by": "command", "delivered": True}])
        with open(project.path("got.json")) as file:
            self.fits(file.read(), "alert_message")
        with open(project.path("arguments")) as file:
            self.assertEqual(file.read(), "2\na b; $(touch pwned)\n*\n")
        self.assertFalse(os.path.exists(project.path("pwned")))

    def test_what_is_not_delivered_never_fails_the_run(self):
        self.put_bad()
        hold, refuses = self.hook(hold=True), self.hook(status=500)
        dead = f"http://127.0.0.1:{free_port()}/services/T0/B0/s3cretpathtoken"
        cases = {"hangs": (f"webhook: '{hold.url}', timeout: 1s", "did not answer in time"),
                 "refuses": (f"webhook: '{refuses.url}'", "answered 500"),
                 "is not there": (f"webhook: '{dead}'", "could not be reached"),
                 "ends badly": ("command: [./tell.sh]", "ended with 3: it hurts"),
                 "never ends": ("command: [sh, -c, 'sleep 1000 & wait'], timeout: 1s", "did not end within 1000 ms"),
                 "is missing": ("command: [./nobody]", "cannot be started"),
                 "no mail": (f"email: {{server: 'smtp://u:s3cretpathtoken@127.0.0.1:{free_port()}', from: a@b, to: c@d}}",
                             "mail server 127.0.0.1")}
        for what, (alert, error) in cases.items():
            with self.subTest(what):
                project = self.project(MERGE, f"on: {{quarantine: {{{alert}}}}}")
                self.command(project, "echo it hurts\nexit 3\n")
                result = project.run()
                sent = result.table("orders")["alerts"]
                self.assertEqual([a["delivered"] for a in sent], [False], result)
                self.assertIn(error, sent[0]["error"])
                self.assertIn("was not delivered", result.err)
                with open(glob.glob(project.path(".firn", "runs", "*", "log.jsonl"))[0]) as log:
                    events = [json.loads(line)["event"] for line in log]
                self.assertIn("alert not delivered", events)
                self.holds_no_secret(project, result)

    def holds_no_secret(self, project, result):
        self.assertNotIn("s3cretpathtoken", result.out + result.err)
        for shown in (project.firn("config", "show", "--resolved"), project.firn("logs"), project.firn("runs", "--json")):
            self.assertNotIn("s3cretpathtoken", shown.out + shown.err)
        for path in project.files(".firn", "lake"):
            with open(path, "rb") as file:
                self.assertNotIn(b"s3cretpathtoken", file.read(), path)

    def test_email(self):
        server = MailServer("firn", "pass:word/1")
        self.addCleanup(server.close)
        url = f"smtp://firn:pass%3Aword%2F1@127.0.0.1:{server.port}"
        project = self.project(MERGE, "on: {quarantine: {email: {server: '${env:SMTP_URL}', from: firn@shop.example, "
                               "to: [a@shop.example, b@shop.example]}}}", env={"SMTP_URL": url})
        self.put_bad()
        alerts = project.run().table("orders")["alerts"]
        self.assertEqual(alerts, [{"event": "quarantine", "by": "email", "delivered": True}])
        sender, recipients, mail = server.mails[0]
        self.assertEqual(server.logins, ["firn"])
        self.assertIn("<firn@shop.example>", sender)
        self.assertEqual(recipients, ["RCPT TO:<a@shop.example>", "RCPT TO:<b@shop.example>"])
        self.assertEqual(mail["Subject"], "firn: quarantine of shop.orders")
        text = mail.get_payload(decode=True).decode()
        self.assertTrue(text.startswith("shop.orders: quarantine: 1 rows in quarantine\n\n{"), text)
        self.fits(text.split("\n\n", 1)[1], "alert_message")
        wrong = project.run(env={"SMTP_URL": url.replace("word", "w0rd")}).table("orders")["alerts"]
        self.assertFalse(wrong[0]["delivered"])
        self.assertNotIn("w0rd", wrong[0]["error"])
        self.assertEqual(len(server.mails), 1)

    def metrics(self, project, name="firn.prom"):
        with open(project.path(name)) as file:
            text = file.read()
        found = {}
        for family in text_string_to_metric_families(text):
            self.assertIn(family.type, ("counter", "gauge"))
            self.assertTrue(family.documentation)
            for sample in family.samples:
                self.assertEqual(family.type == "counter", sample.name.endswith("_total"), sample.name)
                key = (sample.name, sample.labels.get("table"), sample.labels.get("state") or sample.labels.get("severity"))
                self.assertNotIn(key, found)
                found[key] = sample.value
        return found

    def test_metrics_for_prometheus(self):
        project = self.project(APPEND + "\n      other: {path: /v1/other, records: data, paginate: none}")
        self.api.table("other", changed=None, paging="none").put({"id": 1})
        written = lambda: self.metrics(project)[("firn_run_rows_written_total", "shop.orders", None)]  # noqa: E731
        self.put(3)
        project.run("--metrics-file", "firn.prom")
        first = self.metrics(project)
        self.assertEqual(written(), 3)
        self.assertEqual(first[("firn_run_tables_total", "shop.orders", "completed")], 1)
        self.assertEqual(first[("firn_table_newest_timestamp_seconds", "shop.orders", None)], 1735689780)
        self.put(2)
        project.run("--metrics-file", "firn.prom", "--select", "orders")
        self.assertEqual(written(), 5, "counters go on")
        self.assertIn(("firn_run_rows_written_total", "shop.other", None), self.metrics(project), "other tables stay")
        self.api.fail("/v1/orders", Fault("401"), times=100)
        project.run("--metrics-file", "firn.prom", "--select", "orders", code=4)
        failed = self.metrics(project)
        self.assertEqual(failed[("firn_table_last_run_completed", "shop.orders", None)], 0)
        self.assertEqual(failed[("firn_run_tables_total", "shop.orders", "failed")], 1)
        self.assertEqual(failed[("firn_last_run_exit_code", None, None)], 4)
        self.assertEqual(failed[("firn_table_last_success_timestamp_seconds", "shop.orders", None)],
                         self.metrics(project)[("firn_table_last_success_timestamp_seconds", "shop.orders", None)])
        project.firn("run", "--metrics-file", "firn.prom", "--select", "nothing")
        self.assertEqual(self.metrics(project)[("firn_last_run_exit_code", None, None)], 2)
        self.assertEqual(written(), 5)
        project.write("what is this\n", "foreign.prom")
        self.api.faults.clear()
        project.run("--metrics-file", "foreign.prom")
        self.metrics(project, "foreign.prom")
        missing = project.run("--metrics-file", "firn.yaml/firn.prom")
        self.assertIn("the metrics are not written", missing.err)
        self.assertEqual(sorted(n for n in os.listdir(project.folder) if "prom" in n), ["firn.prom", "foreign.prom"])

    def test_runs_of_a_table(self):
        project = self.project(APPEND + "\n      other: {path: /v1/other, records: data, paginate: none}")
        self.api.table("other", changed=None, paging="none").put({"id": 1})
        self.load(project, 2)
        project.run("--select", "other")
        for name in ("orders", "shop.orders"):
            runs = self.fits(project.firn("runs", "--table", name, "--json").out, "runs")
            self.assertEqual([[t["table"] for t in run["tables"]] for run in runs], [["orders"]])
        text = project.firn("runs", "--table", "orders").out
        self.assertRegex(text, r"shop\.orders .*\bok +2 +2 +0 +0")
        self.assertNotIn("shop.other", text)

    def test_the_examples_of_the_guide(self):
        with open(os.path.join(REPOSITORY, "docs", "guide", "watching.md")) as file:
            guide = file.read()
        blocks = re.findall(r"```yaml\n(.*?)```", guide, re.S)
        self.assertGreaterEqual(len(blocks), 2)
        environment = {"ALERT_URL": "http://127.0.0.1:1/hook", "ALERT_TOKEN": "abcdefgh", "SHOP_TOKEN": "abcdefgh",
                       "SMTP_URL": "smtps://firn:password@127.0.0.1:1"}
        for block in blocks:
            with FirnProject(block, env=environment) as project:
                result = project.firn("validate")
                self.assertEqual((result.code, "warning[" in result.err), (0, False), f"{block}\n{result}")
        for name in set(re.findall(r"`(firn_\w+)`", guide)):
            with open(os.path.join(REPOSITORY, "src", "pipeline", "metrics_text.cc")) as file:
                self.assertIn(f'"{name}"', file.read())


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
