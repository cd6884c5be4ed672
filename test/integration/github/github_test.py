"""Real nested payloads end in tables whose every value equals the source."""

import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from payloads import examples  # noqa: E402
from support.comparator import compare  # noqa: E402
from support.fake_api import FakeApi, Fault  # noqa: E402
from support.firn_project import FirnProject, binary  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

SEED = int(os.environ.get("FIRN_TEST_SEED", "1"))
OWN = ("_firn_loaded_at", "_firn_run_id")
EXAMPLES = []


class GithubTest(unittest.TestCase):
    def setUp(self):
        self.reader, self.api = TableReader(), FakeApi()
        self.addCleanup(self.reader.close)
        self.addCleanup(self.api.close)

    def project(self, tables):
        project = FirnProject("version: 1\npipelines:\n  github:\n    source: {type: rest, base_url: \"" + self.api.url +
                              "\"}\n    tables:\n" + tables)
        self.addCleanup(project.__exit__)
        return project

    def check(self, project, table, texts, **options):
        for engine in ("pyiceberg", "duckdb"):
            read = self.reader.read(project, table, engine)
            differences, values = compare(texts, read["rows"], read["schema"], ["n"], extra=OWN, engine=engine, **options)
            print(f"{table}: {len(texts)} rows, {values} values compared with {engine}", flush=True)
            self.assertEqual(differences, [], f"{table} by {engine}, seed {SEED}")
            self.assertGreater(values, 10 * len(texts))

    def serve(self, name, texts, **options):
        table = self.api.table(name, key="n", changed=None, **options)
        for text in texts:
            table.put_text(text)
        return table

    def numbered(self, chosen):
        return ['{"n":%d,' % n + text[1:] for n, (_, text) in enumerate(chosen)]

    def test_one_table_per_event(self):
        names = sorted({name for name, _ in EXAMPLES})
        lines = ""
        for name in names:
            self.serve(name, self.numbered([e for e in EXAMPLES if e[0] == name]), paging="page", page_size=3)
            lines += f"      {name}: {{path: /v1/{name}, records: data, paginate: {{type: page, total_pages: meta.pages}}, primary_key: n}}\n"
        project = self.project(lines)
        project.run(timeout=200)
        for name in names:
            self.check(project, f"github.{name}", self.api.tables[name].texts())

    def test_all_events_in_one_table_over_faults(self):
        texts = self.numbered(EXAMPLES)
        self.serve("events", texts, paging="link_header", page_size=20)
        for kind in ("429", "500", "reset", "truncated"):
            self.api.fail("/v1/events", Fault(kind, retry_after="0"), skip=2)
        project = self.project("      events: {path: /v1/events, records: data, paginate: link_header, write_disposition: replace}\n")
        project.run(timeout=200)
        self.check(project, "github.events", texts)

    def test_the_schema_grows_from_run_to_run(self):
        texts = self.numbered(EXAMPLES)
        random.Random(SEED).shuffle(texts)
        table = self.serve("events", [], paging="cursor", page_size=20)
        project = self.project("      events: {path: /v1/events, records: data, paginate: {type: cursor, next: meta.next, "
                               "param: cursor}, primary_key: n}\n")
        for part in range(4):
            for text in texts[part::4]:
                table.put_text(text)
            project.run(timeout=200)
        self.check(project, "github.events", texts, deferred=True)
        project.run(timeout=200)  # upserts all rows once more, now that every type is known
        self.check(project, "github.events", texts)


if __name__ == "__main__":
    binary()
    EXAMPLES = examples()
    print(f"{len(EXAMPLES)} payloads, seed {SEED}", flush=True)
    unittest.main()
