"""Views of a catalog: firn lists them, by REST and in its own catalog, refuses to query them, and a server that is killed while
it stores one leaves the one before."""

import json
import os
import signal
import sys
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints, wait_until  # noqa: E402


def send(url, body=None):
    """The status and the answer; status 0 if the connection was cut."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"}), timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")
    except OSError:
        return 0, {}


def version(sql):
    return {"version-id": 1, "timestamp-ms": 1, "schema-id": 0, "summary": {"engine-name": "x"}, "default-namespace": ["shop"],
            "representations": [{"type": "sql", "sql": sql, "dialect": "spark"}]}


CREATE = {"name": "recent", "view-version": version("select 1"), "properties": {},
          "schema": {"type": "struct", "fields": [{"id": 0, "name": "id", "type": "long", "required": False}]}}


class ViewsTest(unittest.TestCase):
    def setUp(self):
        self.lake = FirnProject("lake: {warehouse: ./lake}\n")
        self.addCleanup(self.lake.__exit__)
        done = self.lake.firn("copy", "-", "shop.orders", input='{"id": 1}\n')
        self.assertEqual(done.code, 0, str(done))

    def test_views_are_listed_and_not_queried(self):
        with FirnServer(self.lake) as server:
            self.assertEqual(send(f"{server.url}/v1/namespaces/shop/views", CREATE)[0], 200)
            with FirnProject(f'lake: {{warehouse: ./own, catalog: {{type: rest, uri: "{server.url}"}}}}\n') as client:
                for project in (self.lake, client):
                    listed = project.firn("tables", "--json").json()
                    self.assertEqual([(t["table"], t["kind"]) for t in listed], [("shop.orders", "table"), ("shop.recent", "view")])
                    self.assertRegex(project.firn("tables").out, r"shop\.recent +view")
                    for name in ("shop.recent", "recent", "SHOP.Recent"):
                        refused = project.firn("sql", f"select * from {name}")
                        self.assertEqual(refused.code, 2, str(refused))
                        self.assertIn("E0709", refused.err)
                        self.assertIn("shop.recent is a view", refused.err)
                    unknown = project.firn("sql", "select * from shop.recents")
                    self.assertIn("E0704", unknown.err, str(unknown))
                    self.assertEqual(project.firn("history", "shop.recent").code, 2)

    @unittest.skipUnless(has_failpoints(), "the binary has no failpoints")
    def test_a_kill_while_a_view_is_stored_leaves_the_one_before(self):
        for point in ("catalog.view_written", "catalog.before_administration_commit"):
            self.kill_during("", CREATE, point)
        with FirnServer(self.lake) as server:
            views = f"{server.url}/v1/namespaces/shop/views"
            self.assertEqual(send(views)[1]["identifiers"], [])
            self.assertEqual(send(views, CREATE)[0], 200)
        replace = {"requirements": [], "updates": [{"action": "add-view-version", "view-version": version("select 2")},
                                                   {"action": "set-current-view-version", "view-version-id": -1}]}
        self.kill_during("/recent", replace)
        with FirnServer(self.lake) as server:
            view = f"{server.url}/v1/namespaces/shop/views/recent"
            self.assertEqual(send(view)[1]["metadata"]["current-version-id"], 1)
            self.assertEqual(send(view, replace)[0], 200)
            loaded = send(view)[1]["metadata"]
            self.assertEqual(loaded["current-version-id"], 2)
            self.assertEqual(loaded["versions"][-1]["representations"][0]["sql"], "select 2")
        self.assertEqual(self.lake.sql("select count(*) as n from shop.orders"), [{"n": 1}])

    def kill_during(self, path, body, point="catalog.view_written"):
        server = FirnServer(self.lake, env={"FIRN_FAILPOINTS": f"{point}=kill"})
        self.addCleanup(server.process.kill)
        self.assertEqual(send(f"{server.url}/v1/namespaces/shop/views{path}", body)[0], 0)
        wait_until(lambda: server.process.poll() is not None, "the server's death")
        self.assertEqual(server.process.returncode, -signal.SIGKILL)


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
