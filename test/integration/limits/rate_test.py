"""Processes that share a declared rate, against a server that counts every second of its clock and refuses what is too much."""

import json
import os
import subprocess
import sys
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, TOP)
from support.firn_project import FirnProject  # noqa: E402

PACED_API = os.path.join(os.path.dirname(TOP), "bench", "harness", "paced_api.py")
PER_SECOND = 100
REFUSED_ABOVE = 120  # a machine with other work handles requests in bursts; without sharing there would be twice as many
PAGES = 500  # of each list


class RateCase(unittest.TestCase):
    state = ".firn"

    def setUp(self):
        self.server = subprocess.Popen([sys.executable, PACED_API, "--limit", str(REFUSED_ABOVE)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.terminate)
        self.url = f"http://127.0.0.1:{int(self.server.stdout.readline())}"

    def make(self, pipelines):
        # Rates are those of the server's clock: nothing is scaled.
        made = FirnProject("version: 1\n", env={"FIRN_SLEEP_SCALE": "1"})
        self.addCleanup(made.__exit__)
        os.makedirs(made.path("shared"))
        source = f"{{type: rest, base_url: '{self.url}', auth: {{type: bearer, token: t}}, rate_limit: {{requests: {PER_SECOND}, per: 1s}}}}"
        text = f"version: 1\nstate: {self.state.format(folder=made.folder)}\nlake: {{warehouse: ./lake, catalog: {{path: ./catalog.db}}}}\n"
        text += "pipelines:\n"
        for name in pipelines:
            text += f"  {name}:\n    source: {source}\n    tables:\n      rows: {{path: /limited{name}, records: data, paginate: page, "
            text += "write_disposition: append, raw: off}\n"
        made.write(text)
        return made

    def seen(self):
        with urllib.request.urlopen(f"{self.url}/seen", timeout=10) as answer:
            seen = json.load(answer)
        used = (seen["requests"] - seen["refused"]) / seen["seconds"] / PER_SECOND
        print(f"{self.id()}: {100 * used:.1f} % used", file=sys.stderr)
        return seen


class RateTest(RateCase):
    def test_processes_stay_within_the_rate_together(self):
        made = self.make(("a", "b"))
        processes = [made.start("run", "--select", name, "--quiet") for name in ("a", "b")]
        self.assertEqual([process.wait(120) for process in processes], [0, 0])
        seen = self.seen()
        self.assertEqual(seen["refused"], 0)
        self.assertEqual(seen["requests"], 2 * (PAGES + 1))

    def test_a_full_refresh_beside_another_load_ends(self):
        made = self.make(("a", "b"))
        processes = [made.start("run", "--select", "b", "--quiet"), made.start("run", "--select", "a", "--full-refresh", "--quiet")]
        self.assertEqual([process.wait(120) for process in processes], [0, 0])
        seen = self.seen()
        self.assertEqual(seen["refused"], 0)
        self.assertEqual(seen["requests"], 2 * (PAGES + 1))


class StoredRateTest(RateTest):
    """The same through documents, as machines share a rate."""

    state = "file://{folder}/shared"


if __name__ == "__main__":
    unittest.main()
