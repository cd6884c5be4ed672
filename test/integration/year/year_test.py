"""A year of one project: daily runs with FIRN_NOW, and what happens in a year: columns that come and change their type, rows
that come late and vanish, edits of the configuration, crashes, faults of the API, lost and moved state, a moved lake, a
restored backup, a new format version, maintenance. At checkpoints and in the end every table is the source."""

import argparse
import datetime
import os
import random
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from inbox import Inbox  # noqa: E402
from shop import BEGIN, Shop, WINDOW_DAYS  # noqa: E402
from support.comparator import compare  # noqa: E402
from support.fake_api import FakeApi, Fault  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints, skip  # noqa: E402
from support.table_reader import TableReader, readers_python  # noqa: E402

KEYS = {"shop.orders": ["id"], "shop.items": ["order_id", "line"], "shop.events": ["id"], "shop.products": ["id"],
        "shop.rates": ["id"], "inbox.log": ["id"], "inbox.prices": ["shop", "product"], "kept.visits": ["id"], "kept.stock": ["id"]}
RUN_COLUMNS = ("_firn_loaded_at", "_firn_run_id", "_file")
CRASHES = ("commit.before_swap", "commit.after_swap", "catalog.before_swap", "run.before_commit", "run.committed", "run.stage")
PASSES_EVERY = 7
REDERIVE_DAYS = (13, 41, 69, 155, 251, 333)
BACKFILL_DAYS = (17, 47, 110, 205, 305)


class Project:
    """What firn.yaml says today."""

    def __init__(self, url, inbox):
        self.inbox = inbox
        self.url, self.orders, self.events, self.top, self.state = url, [], [], [], ""
        self.products = True

    def text(self):
        lines = ["version: 1", "lake: {warehouse: ./lake}", *self.top, "pipelines:", "  shop:",
                 f"    source: {{type: rest, base_url: \"{self.url}\", retry: {{attempts: 2, total: 2s}}}}", "    tables:"]
        lines += ["      orders:", "        path: /v1/orders", "        records: data",
                  "        paginate: {type: cursor, next: meta.next, param: cursor}", "        primary_key: id",
                  "        incremental: {cursor: updated_at, param: since, order: asc}",
                  '        delete_when: "{{ record.deleted }}"', "        deletes: {mode: missing, max_percent: 60}",
                  f"        reconcile: {{every: {PASSES_EVERY}d, window: {WINDOW_DAYS}d}}", *("        " + o for o in self.orders)]
        lines += ["      items:", "        parent: orders", '        path: "/v1/orders/{{ parent.id }}/items"', "        records: data",
                  "        paginate: none", "        include: {order_id: parent.id}", "        primary_key: [order_id, line]",
                  "        replace_children: true"]
        lines += ["      events:", "        path: /v1/events", "        records: data",
                  "        paginate: {type: cursor, next: meta.next, param: cursor}", "        write_disposition: append",
                  "        incremental: {cursor: updated_at, param: since, order: asc}", "        allow_empty: true",
                  *("        " + o for o in self.events)]
        lines += ["      rates:", "        path: /v1/rates", "        records: data", "        paginate: none", "        write_disposition: replace"]
        if self.products:
            lines += ["      products:", "        path: /v1/products", "        records: data",
                      "        paginate: {type: page, total_pages: meta.pages}", "        primary_key: id", "        deletes: missing"]
        lines += ["  inbox:", f"    source: {{type: files, location: {self.inbox}}}", "    tables:",
                  '      log: {path: "log-*.ndjson", settle: 0}',
                  '      prices: {path: "prices-*.csv", settle: 0, file_changes: replace}']
        lines += ["  kept:", f"    source: {{type: rest, base_url: \"{self.url}\", retry: {{attempts: 2, total: 2s}}}}", "    tables:",
                  "      visits:", "        path: /v1/events", "        records: data", "        raw: table",
                  "        paginate: {type: cursor, next: meta.next, param: cursor}", "        write_disposition: append",
                  "        incremental: {cursor: updated_at, param: since, order: asc}", "        allow_empty: true",
                  "      stock:", "        path: /v1/products", "        records: data", "        raw: table",
                  "        paginate: {type: page, total_pages: meta.pages}", "        primary_key: id", "        deletes: missing"]
        return "\n".join(lines) + "\n"


class Year:
    def __init__(self, api, seed, verbose):
        self.seed, self.random, self.verbose = seed, random.Random(seed + 1), verbose
        self.shop, self.inbox = Shop(api, seed), Inbox(random.Random(seed + 2))
        self.says = Project(api.url, self.inbox.folder)
        self.api, self.reader, self.counts = api, TableReader(), {}
        self.project = FirnProject(self.says.text())
        self.day = 0

    def close(self):
        self.reader.close()
        self.project.__exit__()
        self.inbox.close()

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1
        if self.verbose:
            print(f"day {self.day}: {what}", flush=True)

    def env(self, **more):
        now = BEGIN + datetime.timedelta(days=self.day, hours=23)
        return {"FIRN_NOW": now.strftime("%Y-%m-%dT%H:%M:%SZ"), **more}

    def firn(self, *arguments, code=0, **env):
        result = self.project.firn(*arguments, env=self.env(**env))
        if result.code != code:
            raise AssertionError(f"day {self.day}, seed {self.seed}: {result}")
        if arguments[0] == "run":
            self.shop.was_read()
        return result

    # what an operator's days are made of

    def plain(self):
        self.firn("run")

    def crash(self):
        point = self.random.choice(CRASHES)
        hurt = self.project.firn("run", env=self.env(FIRN_FAILPOINTS=f"{point}=kill@{self.random.randrange(1, 4)}"))
        if hurt.code not in (0, -9):
            raise AssertionError(f"day {self.day}, seed {self.seed}: {hurt}")
        self.count("crash" if hurt.code == -9 else "crash that did not happen")
        if self.random.random() < 0.5:
            self.firn("run")  # else tomorrow's run clears up

    def killed(self):
        process = subprocess.Popen([binary(), "run"], cwd=self.project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, **self.env()})
        try:
            process.wait(self.random.random() * 0.3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.count("kill -9")

    def faults(self):
        for kind in self.random.sample(["500", "429", "reset", "truncated", "close"], 2):
            self.api.fail(self.random.choice(["/v1/orders", "/v1/events", "/v1/products"]), Fault(kind, retry_after="0"), times=3)
        hurt = self.project.firn("run", env=self.env())
        if hurt.code not in (0, 3, 5, 1):
            raise AssertionError(f"day {self.day}, seed {self.seed}: {hurt}")
        self.api.faults.clear()
        self.count("faults of the API")

    def twice(self):
        other = self.project.start("run", env=self.env())
        hurt = self.project.firn("run", env=self.env())
        first = other.wait(120)
        if {first, hurt.code} - {0, 7}:
            raise AssertionError(f"day {self.day}, seed {self.seed}: {first} and {hurt}")
        self.count("two runs at once")

    def nothing(self):
        self.count("day without a run")

    def lost_state(self):
        for name in (".firn", "local-state"):
            shutil.rmtree(self.project.path(name), ignore_errors=True)
        self.count("lost state folder")
        self.firn("run")

    def maintain(self):
        self.firn("table", "maintain", "--retain", "3")
        self.count("maintenance")
        self.firn("run")

    def rows_of(self, table):
        """What a rederive must not change."""
        rows = self.reader.rows(self.project, table)
        return sorted(repr(sorted((name, value) for name, value in row.items() if name not in RUN_COLUMNS)) for row in rows)

    def rederive(self):
        self.firn("run")
        for table in ("visits", "stock"):
            before = self.rows_of("kept." + table)
            self.firn("rederive", table, "--yes")
            if self.rows_of("kept." + table) != before:
                raise AssertionError(f"day {self.day}, seed {self.seed}: {table} is another one after rederive")
        self.count("rederive")

    def backfill(self):
        """Rows of some weeks are read again, by slices."""
        self.firn("run")
        first = self.random.randrange(self.day)
        day = lambda number: (BEGIN + datetime.timedelta(days=number)).strftime("%Y-%m-%d")  # noqa: E731
        self.firn("backfill", "orders", "--from", day(first), "--to", day(first + self.random.randrange(1, 30)), "--step", "6d")
        self.count("backfill")

    def move(self):
        """The folder goes elsewhere, with all that is in it."""
        old = self.project.folder
        self.project.folder = old + "m"
        os.rename(old, self.project.folder)
        refused = self.project.firn("run", env=self.env())
        if refused.code == 0:
            raise AssertionError(f"day {self.day}: a run over a lake that is not where its metadata says: {refused}")
        self.firn("lake", "relocate", "--from", os.path.join(old, "lake"))
        self.count("moved lake")
        self.firn("run")

    def restore(self):
        """The lake is lost after a backup, and two days of runs with it."""
        self.firn("backup", self.project.path("backup.tar.zst"))
        self.firn("run")
        shutil.rmtree(self.project.path("lake"))
        self.firn("restore", self.project.path("backup.tar.zst"), self.project.path("restored"))
        os.remove(self.project.path("backup.tar.zst"))
        self.project.write(self.says.text())
        restored = self.project.path("restored")
        inner = os.path.join(restored, "lake") if os.path.isdir(os.path.join(restored, "lake")) else restored
        os.rename(inner, self.project.path("lake"))
        self.firn("lake", "relocate", "--from", inner)
        self.count("restored backup")
        self.firn("run")

    def edits(self):
        """Edits of the configuration, each on its day."""
        says = self.says
        change = {
            30: lambda: says.orders.append("partition_by: [status]"),
            50: lambda: says.orders.append("sort_by: [id]"),
            70: lambda: says.events.append("commit_bytes: 2KB"),
            100: lambda: says.orders.append("columns: {status: {doc: \"what became of it\"}}"),
            130: lambda: says.orders.append("format_version: 3"),
            150: lambda: says.top.append("state: ./local-state"),
            175: lambda: setattr(says, "products", False),
            185: lambda: setattr(says, "products", True),
            230: lambda: says.top.remove("state: ./local-state"),
            260: lambda: says.events.append("raw: archive"),
        }.get(self.day)
        if change:
            change()
            self.project.write(says.text())
            self.count("edit of the configuration")
        if self.day == 190:  # the vendor's pieces became text at day 160: one column again
            retyped = self.firn("table", "retype", "shop.orders.pieces", "string")
            self.count("retype" if retyped.code == 0 else "no retype")

    def live(self, days):
        for self.day in range(days):
            if self.day:
                self.shop.live(self.day)
                self.inbox.live(self.day)
            self.edits()
            special = {60: self.maintain, 140: self.maintain, 220: self.move, 280: self.restore, 330: self.maintain,
                       **dict.fromkeys(REDERIVE_DAYS, self.rederive), **dict.fromkeys(BACKFILL_DAYS, self.backfill)}.get(self.day)
            if special is None:
                special = self.random.choices(
                    [self.plain, self.crash, self.killed, self.faults, self.twice, self.nothing, self.lost_state],
                    [60, 12, 6, 8, 5, 4, 5])[0] if self.day else self.plain
            special()
            if self.day % 50 == 49:
                self.judge()
        self.judge()

    def wanted(self, table):
        dataset, name = table.split(".")
        if dataset == "inbox":
            return self.inbox.wanted(name)
        return self.shop.wanted({"visits": "events", "stock": "products"}.get(name, name))

    def judge(self):
        """A pass, then all tables are the source."""
        self.firn("run", "--reconcile")
        differences, values = [], 0
        tables = [name for name in KEYS if name != "shop.products" or self.says.products]
        for table in tables:
            for engine in ("pyiceberg", "duckdb"):
                if engine == "duckdb" and self.day % 100 != 99:
                    continue
                answer = self.reader.read(self.project, table, engine=engine)
                found, count = compare(self.wanted(table), answer["rows"], answer["schema"], KEYS[table], extra=RUN_COLUMNS)
                differences += [f"{table} by {engine}: {difference}" for difference in found]
                values += count
        if differences:
            raise AssertionError(f"day {self.day}, seed {self.seed}:\n" + "\n".join(differences[:20]))
        self.count("checkpoint")
        print(f"day {self.day}: {len(tables)} tables are the source, {values} values", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FIRN_TEST_SEED", "1")))
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    binary()
    if readers_python() is None:
        skip("year: no readers' venv (tools/prepare test)")
    if not has_failpoints():
        skip("year: the binary was built without failpoints")
    print(f"seed {given.seed}, {given.days} days", flush=True)
    begin = time.monotonic()
    with FakeApi() as api:
        year = Year(api, given.seed, given.verbose)
        try:
            year.live(given.days)
        finally:
            year.close()
    what = ", ".join(f"{count} × {name}" for name, count in sorted(year.counts.items()))
    print(f"year ok: {given.days} days, seed {given.seed}, {what}, {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
