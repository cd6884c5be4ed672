"""What answers mean by the rules of `on_response`, against a chat that tells its errors in answers of status 200."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from judging_server import JudgingServer  # noqa: E402
from support.firn_project import FirnProject  # noqa: E402

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]


class ResponsesTest(unittest.TestCase):
    def setUp(self):
        self.before, self.refused = [], {}

        def judge(request):
            if self.before:
                return self.before.pop(0)
            query = dict(item.split("=") for item in request.query.split("&"))
            if (query["channel"], query["since"]) in self.refused:
                return self.refused[query["channel"], query["since"]]
            return {"ok": True, "messages": [{"id": f"{query['channel']}-{day}", "day": day} for day in DAYS
                                             if query["since"] <= day < query["until"]]}
        self.server = JudgingServer(judge)
        self.addCleanup(self.server.close)

    def project(self, rules="", more=""):
        project = FirnProject(f"""version: 1
pipelines:
  chat:
    source:
      type: rest
      base_url: "{self.server.url}"
      on_response:
        - {{when: "{{{{ response.error == 'ratelimited' }}}}", action: rate_limited, wait: 30s}}
        - {{when: "{{{{ response.error == 'invalid_auth' }}}}", action: auth_failed, message: "the API says {{{{ response.error }}}}"}}
        - {{when: "{{{{ response.ok == false }}}}", action: fail, message: "the API says {{{{ response.error }}}}"}}
    tables:
      messages:
        records: messages
        paginate: none
        partitions: {{param: channel, column: channel, values: [A, B]}}
        primary_key: [channel, id]
        incremental: {{cursor: day, param: since, end_param: until, format: "%Y-%m-%d", start: 2024-01-01, step: 1d, lookback: 0s}}
        on_response: [{rules}]
        {more}
""")
        self.addCleanup(project.__exit__)
        return project

    def rows(self, project):
        return sorted((row["channel"], str(row["day"])) for row in project.sql("select channel, day from chat.messages"))

    def run_to(self, project, day="2024-01-04"):
        return project.run("--to", day).table("messages")

    def test_a_rate_limit_is_waited_out(self):
        self.before = [{"ok": False, "error": "ratelimited"}, {"ok": False, "error": "ratelimited"}]
        project = self.project()
        table = self.run_to(project)
        self.assertEqual(table["requests"]["throttled"], 2)
        self.assertEqual(len(self.rows(project)), 6)

    def test_errors_stop_the_table_with_the_words_of_the_rule(self):
        for error, code in (("invalid_auth", 4), ("channel_not_found", 2)):
            self.refused = {("A", DAYS[0]): {"ok": False, "error": error, "user": "bob"}}
            project = self.project()
            result = project.firn("run")
            self.assertEqual(result.code, code, str(result))
            self.assertIn("E0514", result.err)
            self.assertIn(f"the API says {error}", result.err)
            self.assertNotIn("bob", result.out + result.err)
            self.assertEqual(project.tables(), {})

    def test_a_skipped_partition_is_asked_for_again(self):
        self.refused = {("B", DAYS[1]): {"ok": False, "error": "not_in_channel"}}
        project = self.project("{when: \"{{ response.error == 'not_in_channel' }}\", action: skip}")
        result = project.run("--to", "2024-01-04")
        self.assertEqual(result.table("messages")["requests"]["skipped"], 1)
        self.assertIn("read no further in this run", result.err)
        self.assertEqual(self.rows(project), [("A", day) for day in DAYS] + [("B", DAYS[0])])
        self.refused = {}
        table = self.run_to(project)
        self.assertEqual(table["requests"]["skipped"], 0)
        self.assertEqual(self.rows(project), [(channel, day) for channel in "AB" for day in DAYS])

    def test_a_skip_fails_where_it_would_double_rows(self):
        self.refused = {("B", DAYS[1]): {"ok": False, "error": "not_in_channel"}}
        project = self.project("{when: \"{{ response.error == 'not_in_channel' }}\", action: skip}", "write_disposition: append")
        project.env["FIRN_NOW"] = "2024-01-04T00:00:00Z"
        result = project.firn("run")
        self.assertEqual(result.code, 2, result)
        self.assertIn("E0514", result.err)
        self.refused = {}
        project.run()
        self.assertEqual(self.rows(project), [(channel, day) for channel in "AB" for day in DAYS])

    def test_answers_that_are_files_are_judged_too(self):
        rule = "{when: \"{{ response.error == 'no_report' }}\", action: fail, message: \"the API says {{ response.error }}\"}"
        for rules, form, word in ((rule, "csv", "the API says no_report"), (rule, "ndjson", "the API says no_report"), ("", "csv", "E0989")):
            with self.subTest(rules=rules, form=form):
                project = FirnProject(f"""version: 1
pipelines:
  chat:
    source: {{type: rest, base_url: "{self.server.url}"}}
    tables: {{report: {{format: {form}, write_disposition: append, on_response: [{rules}]}}}}
""")
                self.addCleanup(project.__exit__)
                self.before = [{"error": "no_report"}]
                failed = project.firn("run")
                self.assertNotEqual(failed.code, 0, failed)
                self.assertIn(word, failed.err)
                self.assertEqual(project.tables(), {})

    def test_an_answer_without_rows_is_counted(self):
        self.refused = {("B", DAYS[1]): (404, {})}
        project = self.project("{status: 404, action: empty}")
        table = self.run_to(project)
        self.assertEqual(table["requests"]["empty"], 1)
        self.assertEqual(self.rows(project), [("A", day) for day in DAYS] + [("B", DAYS[0]), ("B", DAYS[2])])


if __name__ == "__main__":
    unittest.main()
