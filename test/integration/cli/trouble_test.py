"""Trouble from outside: full and read-only disks, other processes at the same table. What firn says, and that nothing is lost."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, clean_environment, run_firn  # noqa: E402

# Mounts need a namespace of their own, so that they vanish with the process.
UNSHARE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])


def can_mount():
    try:
        return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0
    except OSError:
        return False


class TroubleTest(unittest.TestCase):
    maxDiff = None

    def folder(self):
        folder = tempfile.mkdtemp(prefix="firn-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def in_namespace(self, script, folder):
        """Runs a shell script in `folder`; mounts made by it end with it. Commands print `== NAME` before what they print."""
        run = subprocess.run([*UNSHARE, "sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120,
                             env={**clean_environment(), "FIRN": binary()})
        parts = {}
        for part in run.stdout.split("== ")[1:]:
            name, _, rest = part.partition("\n")
            parts[name] = rest
        return parts, run

    def test_a_full_disk_is_named_and_loses_nothing(self):
        if not can_mount():
            self.skipTest("SKIPPED: no file system can be mounted here")
        with FakeApi() as api:
            api.table("orders").put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
            folder = self.folder()
            with open(os.path.join(folder, "firn.yaml"), "w") as file:
                file.write("lake: {warehouse: ./disk/lake}\npipelines: {shop: {source: {type: rest, base_url: '%s'}, "
                           "tables: {orders: {path: /v1/orders, primary_key: id, raw: off}}}}\n" % api.url)
            parts, run = self.in_namespace("""
                mkdir disk; mount -t tmpfs -o size=2m tmpfs disk
                $FIRN run --quiet || echo "== first failed"
                dd if=/dev/zero of=disk/fill bs=1k count=9999 2>/dev/null
                echo "== run"; $FIRN run 2>&1; echo "code $?"
                echo "== json"; $FIRN run --json 2>/dev/null; echo "code $?"
                echo "== sql"; $FIRN sql "select count(*) from shop.orders" 2>&1; echo "code $?"
                rm disk/fill
                echo "== again"; $FIRN run --quiet 2>&1; echo "code $?"
                echo "== count"; $FIRN sql "select count(*) as n from shop.orders" --format csv --quiet 2>&1""", folder)
        for name in ("run", "sql"):
            self.assertIn("error[E0802]", parts[name], run)
            self.assertIn("No space left on device", parts[name])
            self.assertIn("disk/lake", parts[name])
            self.assertIn("nothing was lost", parts[name])
            self.assertRegex(parts[name], r"next +free disk space")
            self.assertIn("code 2", parts[name])
        self.assertNotIn("there is no lake", parts["sql"])
        document, code = parts["json"].strip().split("\n")
        self.assertEqual(code, "code 2")
        result = json.loads(document)
        self.assertEqual((result["state"], result["exit_code"], result["tables"]), ("failed", 2, []))
        self.assertEqual(result["error"]["code"], "E0802")
        self.assertEqual(parts["again"].strip(), "code 0", run)
        self.assertEqual(parts["count"].split(), ["n", "1"], run)

    def test_a_read_only_disk_is_seen_by_doctor_and_named_by_copy(self):
        if not can_mount():
            self.skipTest("SKIPPED: no file system can be mounted here")
        folder = self.folder()
        with open(os.path.join(folder, "firn.yaml"), "w") as file:
            file.write("lake: {warehouse: ./disk/lake}\n")
        with open(os.path.join(folder, "rows.json"), "w") as file:
            file.write('{"a":1}\n')
        parts, run = self.in_namespace("""
            mkdir disk; mount -t tmpfs -o ro tmpfs disk
            echo "== doctor"; $FIRN doctor 2>&1; echo "code $?"
            echo "== copy"; $FIRN copy rows.json disk/x.parquet 2>&1; echo "code $?" """, folder)
        self.assertRegex(parts["doctor"], r"FAIL +lake +the first run cannot make .*disk/lake.*Read-only")
        self.assertIn("code 2", parts["doctor"])
        self.assertRegex(parts["copy"], r"disk/x\.parquet cannot be written.*Read-only", run)
        self.assertNotIn("remove", parts["copy"])

    def test_a_run_that_cannot_begin_prints_a_result(self):
        with FirnProject("pipelines: {shop: {source: {type: nonsense}}}\n") as project:
            result = project.firn("run", "--json")
            self.assertEqual(result.code, 2, result)
            self.assertEqual(result.json()["exit_code"], 2)
            self.assertTrue(result.json()["error"]["message"])
            self.assertEqual(result.err.count("error[E0205]"), 1, result)  # and says it once
            last = project.firn("run", "--json-stream").out.strip().split("\n")[-1]
            self.assertEqual(json.loads(last)["result"]["state"], "failed")

    def test_copies_into_one_table_at_the_same_time_all_arrive(self):
        with FirnProject("{}\n") as project:
            project.write('{"id":1}\n', "rows.json")
            self.assertEqual(project.firn("copy", "rows.json", "raw.t").code, 0)
            results = []
            threads = [threading.Thread(target=lambda: results.append(project.firn("copy", "rows.json", "raw.t", "--append")))
                       for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([result.code for result in results], [0] * 6, "\n".join(map(str, results)))
            self.assertEqual(project.firn("sql", "select count(*) as n from raw.t", "--format", "csv").out.split(), ["n", "7"])

    def test_copies_that_create_the_table_at_the_same_time_all_arrive(self):
        with FirnProject("{}\n") as project:
            project.write('{"id":1}\n', "rows.json")
            results = []
            threads = [threading.Thread(target=lambda: results.append(project.firn("copy", "rows.json", "raw.t", "--append")))
                       for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([result.code for result in results], [0] * 4, "\n".join(map(str, results)))
            self.assertEqual(project.firn("sql", "select count(*) as n from raw.t", "--format", "csv").out.split(), ["n", "4"])

    def test_what_comes_through_a_pipe_is_not_tried_again_and_says_so(self):
        with FirnProject("{}\n") as project:
            project.write('{"id":1}\n', "rows.json")
            self.assertEqual(project.firn("copy", "rows.json", "raw.t").code, 0)
            results = []
            threads = [threading.Thread(target=lambda: results.append(
                project.firn("copy", "-", "raw.t", "--append", input='{"id":2}\n'))) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for result in results:
                self.assertIn(result.code, (0, 7), result)
                if result.code == 7:
                    self.assertIn("the same copy again", result.err, result)
                    self.assertNotIn("firn run", result.err, result)
            arrived = sum(result.code == 0 for result in results)
            counted = project.firn("sql", "select count(*) as n from raw.t", "--format", "csv").out.split()
            self.assertEqual(counted, ["n", str(1 + arrived)])

    def test_a_key_of_another_type_is_quarantined_for_that_reason_and_makes_no_column(self):
        with FakeApi() as api:
            orders = api.table("orders", paging="none")
            orders.put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
            text = ("pipelines: {shop: {source: {type: rest, base_url: '%s'}, "
                    "tables: {orders: {path: /v1/orders, records: data, paginate: none, primary_key: id}}}}\n" % api.url)
            with FirnProject(text) as project:
                project.run()
                orders.put({"id": "2", "updated_at": "2025-01-02T00:00:00Z"})
                table = project.run().table("orders")
                self.assertEqual((table["rows"]["quarantined"], table["schema_changes"]), (1, []), table)
                reasons = project.firn("sql", "select reason from shop._quarantine", "--format", "csv", "--quiet").out
                self.assertIn("the primary key has a value of another type", reasons)

    def test_a_path_that_readers_mangle_is_refused_before_anything_is_made(self):
        folder = os.path.join(self.folder(), "c#")
        os.mkdir(folder)
        with open(os.path.join(folder, "rows.json"), "w") as file:
            file.write('{"a":1}\n')
        copied = run_firn(["copy", "rows.json", "raw.t"], folder)
        self.assertEqual(copied.code, 2, copied)
        self.assertIn("error[E0471]", copied.err)
        self.assertFalse(os.path.exists(os.path.join(folder, "lake")))
        self.assertIn("warning[E0471]", run_firn(["validate"], folder).err)

    def test_short_cursors_for_people_and_json_for_machines(self):
        with FakeApi() as api:
            api.table("orders").put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
            text = ("pipelines: {shop: {source: {type: rest, base_url: '%s'}, tables: {orders: {path: /v1/orders, records: data, "
                    "primary_key: id, incremental: {cursor: updated_at, param: since}}}}}\n" % api.url)
            with FirnProject(text) as project:
                project.run()
                self.assertRegex(project.firn("plan").out, r"read +on from cursor 2025-01-01T00:00:00Z\n")
                position = json.loads(project.firn("plan", "--json").out)["tables"][0]["position"]
                self.assertIn("splits", position)
                status = project.firn("status").out
                self.assertIn("cursor 2025-01-01T00:00:00Z", status)
                self.assertNotIn("{", status)

    def test_help_and_completion_name_each_group_and_word_once(self):
        help_text = run_firn(["--help"], "/").out
        for group in ("Start", "Run", "Look", "Author"):
            self.assertEqual(help_text.split("\n").count(group), 1, help_text)
        script = run_firn(["completion", "bash"], "/").out
        complete = ("COMP_WORDS=(firn %s); COMP_CWORD=%d; _firn; echo ${COMPREPLY[@]}")
        for words, at, expected in (("stat", 1, "state status"), ("state ''", 2, "get set reset accept unlock")):
            out = subprocess.run(["bash", "-c", script.replace("complete -F", ": ") + complete % (words, at)],
                                 capture_output=True, text=True)
            self.assertEqual(out.stdout.split(), expected.split(), out)


if __name__ == "__main__":
    unittest.main()
