"""GraphQL tables against a server that follows Relay's connections."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from judging_server import JudgingServer  # noqa: E402
from support.firn_project import FirnProject, binary  # noqa: E402

QUERY = "query($first: Int, $after: String, $since: String) { orders(first: $first, after: $after) { nodes { id at } pageInfo { endCursor hasNextPage } } }"
ROWS = [{"id": n, "at": f"2024-01-{n + 1:02}T00:00:00Z"} for n in range(7)]


class GraphQlTest(unittest.TestCase):
    def setUp(self):
        self.before, self.variables = [], []

        def judge(request):
            if request.method != "POST" or request.path != "/graphql" or request.json()["query"] != QUERY:
                return 400, {}
            if self.before:
                return self.before.pop(0)
            variables = request.json()["variables"]
            self.variables.append(variables)
            rows = [row for row in ROWS if row["at"] >= variables.get("since", "")]
            begin = int((variables.get("after") or "c0")[1:])
            end = begin + variables["first"]
            info = {"endCursor": f"c{end}", "hasNextPage": end < len(rows)}
            return {"data": {"orders": {"nodes": rows[begin:end], "pageInfo": info}}}
        self.server = JudgingServer(judge)
        self.addCleanup(self.server.close)

    def project(self, variables="{first: 3}", graphql="", further=""):
        project = FirnProject(f"""version: 1
pipelines:
  p:
    source: {{type: rest, base_url: "{self.server.url}/graphql"}}
    tables:
      orders:
        graphql: {{query: "{QUERY}", variables: {variables}{graphql}}}
        records: data.orders.nodes
        paginate: {{type: graphql, page_info: data.orders.pageInfo}}
        primary_key: id
{further}""")
        self.addCleanup(project.__exit__)
        return project

    def ids(self, project):
        return sorted(row["id"] for row in project.sql("select id from p.orders"))

    def test_connections_are_followed(self):
        project = self.project()
        project.run()
        self.assertEqual(self.ids(project), list(range(7)))
        self.assertEqual(self.variables, [{"first": 3}, {"first": 3, "after": "c3"}, {"first": 3, "after": "c6"}])

    def test_variables_carry_the_cursor(self):
        project = self.project('{first: 3, since: "{{ incremental.start }}"}',
                               further="        incremental: {cursor: at, start: 2024-01-04T00:00:00Z}\n")
        project.run()
        self.assertEqual(self.ids(project), [3, 4, 5, 6])
        self.variables.clear()
        project.run()
        self.assertEqual([each["since"] for each in self.variables], ["2024-01-07T00:00:00Z"])

    def test_errors_are_refused_unless_ignored(self):
        partial = {"data": {"orders": {"nodes": [{"id": 1}], "pageInfo": {"hasNextPage": False, "endCursor": None}}},
                   "errors": [{"message": "the field `total` timed out", "path": ["orders"]}]}
        self.before = [partial]
        project = self.project()
        result = project.firn("run")
        self.assertEqual(result.code, 2, str(result))
        self.assertIn("E0553", result.err)
        self.assertIn("timed out", result.err)
        self.assertEqual(project.tables(), {})
        self.before = [partial]
        lenient = self.project(graphql=", errors: ignore")
        lenient.run()
        self.assertEqual(self.ids(lenient), [1])

    def test_a_throttled_query_is_asked_again(self):
        shopify = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                   "extensions": {"cost": {"requestedQueryCost": 100, "throttleStatus": {"currentlyAvailable": 50, "restoreRate": 50.0}}}}
        github = {"data": None, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
        self.before = [shopify, github]
        project = self.project()
        result = project.run()
        self.assertEqual(self.ids(project), list(range(7)))
        self.assertEqual(len(self.server.requests), 5, str(result))


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
