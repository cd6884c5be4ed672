"""Pipelines that share a pool: whose turn it is, over processes and kills."""

import contextlib
import glob
import json
import os
import pathlib
import signal
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.firn_project import FirnProject, wait_until  # noqa: E402

PAGES = 3


class GatedApi:
    """GET /<pipeline>/<table>?page=N: one row a page, PAGES pages; answers wait while the gate of the pipeline is closed."""

    def __init__(self):
        api = self
        self.seen, self.gates, self.lock = [], {}, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path, _, query = self.path.partition("?")
                pipeline = path.split("/")[1]
                with api.lock:
                    api.seen.append(pipeline)
                api.gate(pipeline).wait(60)
                page = int(query.partition("page=")[2] or 1)
                body = json.dumps({"data": [{"id": f"{path}{page}"}] if page <= PAGES else []}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # of a run that was killed
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def gate(self, pipeline):
        with self.lock:
            if pipeline not in self.gates:
                self.gates[pipeline] = threading.Event()
                self.gates[pipeline].set()
            return self.gates[pipeline]

    def turns(self):
        """The pipelines in the order they asked, each as often as it came back."""
        with self.lock:
            return [name for i, name in enumerate(self.seen) if i == 0 or self.seen[i - 1] != name]

    def close(self):
        for gate in self.gates.values():
            gate.set()
        self.server.shutdown()
        self.server.server_close()


def project(url, pipelines, pool, state=".firn"):
    text = f"version: 1\nstate: {state}\nlake: {{warehouse: ./lake, catalog: {{path: ./catalog.db}}}}\npipelines:\n"
    for name in pipelines:
        text += f"  {name}:\n    source:\n      type: rest\n      base_url: {url}/{name}\n      pool: {pool}\n    tables:\n"
        for table in ("orders", "stores"):
            text += f"      {table}: {{path: /{table}, records: data, paginate: page, write_disposition: append, raw: off}}\n"
    return text


class PoolCase(unittest.TestCase):
    state = ".firn"

    def setUp(self):
        self.api = GatedApi()
        self.addCleanup(self.api.close)

    def make(self, pipelines, pool):
        made = FirnProject("version: 1\n")
        self.addCleanup(made.__exit__)
        os.makedirs(made.path("shared"))
        made.write(project(self.api.url, pipelines, pool, self.state.format(folder=made.folder)))
        return made

    def start(self, made, pipeline):
        """A run that stands in the middle of its first answer."""
        self.api.gate(pipeline).clear()
        process = made.start("run", "--select", pipeline)
        self.addCleanup(lambda: process.poll() is not None or process.kill())
        wait_until(lambda: pipeline in self.api.seen or process.poll() is not None, f"{pipeline} asks")
        self.assertIsNone(process.poll())
        return process

    def logs(self, made):
        return "".join(pathlib.Path(path).read_text() for path in glob.glob(made.path(".firn", "runs", "*", "log.jsonl")))


class PoolTest(PoolCase):
    def test_a_secret_in_its_name_is_not_written_down(self):
        made = self.make(["a"], '"customer-${env:KEY}"')
        text = project(self.api.url, ["a"], '"customer-${env:KEY}"').replace(
            "      type: rest\n", '      type: rest\n      auth: {type: bearer, token: "${env:KEY}"}\n')
        made.write(text)
        made.env["KEY"] = "canary-key-of-a-customer"
        made.run()
        kept = [path for path in pathlib.Path(made.path(".firn")).rglob("*") if path.is_file()]
        self.assertTrue(any(path.name.startswith("pool-") for path in kept), kept)
        for path in kept:
            self.assertNotIn("canary-key", str(path))
            self.assertNotIn(b"canary-key", path.read_bytes(), path)

    def test_one_waits_until_the_other_has_ended(self):
        made = self.make(("shop", "crm"), "acme")
        one = self.start(made, "shop")
        other = made.start("run", "--select", "crm", "--quiet")
        wait_until(lambda: "waiting for a turn" in self.logs(made), "crm waits")
        self.assertEqual(self.api.turns(), ["shop"])
        self.api.gate("shop").set()
        self.assertEqual((one.wait(60), other.wait(60)), (0, 0))
        self.assertEqual(self.api.turns(), ["shop", "crm"])

    def test_two_may_and_the_third_hears_who_they_are(self):
        made = self.make(("shop", "crm", "ads"), "{name: acme, slots: 2, wait: 0s}")
        one, other = self.start(made, "shop"), self.start(made, "crm")
        third = made.run("--select", "ads", code=7)
        error = third.table("orders")["error"]
        self.assertEqual(error["code"], "E0626")
        self.assertIn("pool acme", error["message"])
        for process in (one, other):
            self.assertIn(f"process {process.pid}", error["why"])
        self.assertIn("firn.yaml", error["where"])
        self.assertNotIn("ads", self.api.seen)
        self.api.gate("shop").set()
        self.api.gate("crm").set()
        self.assertEqual((one.wait(60), other.wait(60)), (0, 0))
        made.run("--select", "ads")

    def test_pipelines_of_one_run_take_their_turns(self):
        made = self.make(("shop", "crm", "ads"), "{name: acme, wait: 0s}")
        result = made.run()
        self.assertEqual(result.json()["state"], "completed")
        self.assertEqual(sorted(self.api.turns()), ["ads", "crm", "shop"])

    def test_a_killed_holder_makes_room_slots(self):
        made = self.make(("shop", "crm"), "acme")
        one = self.start(made, "shop")
        one.send_signal(signal.SIGKILL)
        one.wait()
        made.run("--select", "crm")
        self.api.gate("shop").set()
        made.run()

    def test_who_is_stopped_while_he_waits_ends_slots(self):
        made = self.make(("shop", "crm"), "acme")
        one = self.start(made, "shop")
        other = made.start("run", "--select", "crm", "--quiet")
        wait_until(lambda: "waiting for a turn" in self.logs(made), "crm waits")
        other.send_signal(signal.SIGTERM)
        self.assertEqual(other.wait(60), 143)
        self.api.gate("shop").set()
        self.assertEqual(one.wait(60), 0)


class StoredPoolTest(PoolTest):
    """The same with leases as documents, as machines share them."""

    state = "file://{folder}/shared"


if __name__ == "__main__":
    unittest.main()
