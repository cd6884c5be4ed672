"""Random histories of a table, judged after every step by pyiceberg and DuckDB against a model in Python; see README.md.

    histories_test.py [--histories N] [--seed S] [--only SEED]

A failing history is repeated without steps that are not needed, and printed with the seed that repeats it.
"""

import argparse
import collections
import datetime
import json
import os
import random
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject  # noqa: E402
from support.table_reader import TableReader, readers_python  # noqa: E402

TABLE = "shop.orders"
BASE = 10_000_000  # keys from here on belong to the other writer
TOOLBOX = os.path.join(os.path.dirname(HERE), "..", "..", "..", "shared", "toolbox")


def canonical(row):
    """A row without its nulls and firn's own columns, as text: null and missing are equal."""
    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in sorted(value.items()) if plain(v) is not None}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        if isinstance(value, datetime.datetime):
            return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return value
    return json.dumps({k: plain(v) for k, v in sorted(row.items()) if not k.startswith("_firn") and plain(v) is not None})


class History:
    """One table under a random list of steps. `table`: key → row as the table must hold it, by column id: a column keeps its
    id when it is renamed, and one that was dropped comes back under another. `names`: source key → (column id, name in
    the table). `past`: snapshot → (such rows, names by column id)."""

    def __init__(self, seed, reader):
        self.reader = reader
        self.random = random.Random(seed)
        self.version = self.random.choice((2, 3))
        self.maintenance = self.random.choice(("auto", "off"))
        self.partition = self.random.choice((None, '"bucket(3, id)"', "kind"))
        self.file_rows = self.random.choice((7, 40, 100_000))
        self.sort = self.random.choice((None, "[kind desc, id]", '"bucket(3, id), updated_at desc nulls last"', "zorder(id, kind)"))
        index = {"FIRN_KEY_INDEX_RECORDS_MIN": "1"} if self.random.random() < 0.5 else {}
        self.api = FakeApi()
        self.orders = self.api.table("orders", page_size=19)
        self.second = 0
        self.columns = ["note", "total", "place", "tags"]
        self.names = {key: (key, key) for key in ["id", "kind", "deleted", "updated_at"] + self.columns}
        self.repartitioned = False
        self.table, self.pending, self.past = {}, {}, {}
        self.project = FirnProject(self.text(), env=index)

    def close(self):
        self.api.close()
        self.project.__exit__()

    def text(self):
        partition = f"\n        partition_by: [{self.partition or ''}]" if self.partition or self.repartitioned else ""
        if self.sort:
            partition += f"\n        sort_by: {self.sort}"
        return f"""version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
        primary_key: id
        delete_when: "{{{{ record.deleted }}}}"
        format_version: {self.version}
        maintenance: {self.maintenance}
        file_max_rows: {self.file_rows}{partition}
"""

    def describe(self):
        return f"v{self.version}, maintenance {self.maintenance}, partition {self.partition}, sorted by {self.sort}, files of {self.file_rows} rows"

    # ---- steps ----

    def put(self, number, deleted=False):
        self.second += 1
        row = {"id": number, "kind": f"k{number % 4}", "deleted": deleted,
               "updated_at": f"2025-01-01T{self.second // 3600:02d}:{self.second // 60 % 60:02d}:{self.second % 60:02d}Z"}
        for column in self.columns:
            if self.random.random() < 0.8:
                row[column] = self.value(column)
        self.orders.put(row)
        self.pending[number] = row

    def value(self, column):
        pick = self.random
        if column == "note":
            return "".join(pick.choice("abcö\\\" ") for _ in range(pick.randrange(12)))
        if column == "total":
            return pick.randrange(-10**12, 10**12)
        if column == "place" or column.startswith("s"):
            return {"city": pick.choice(("Ulm", "Köln")), "at": {"x": pick.randrange(9), "y": pick.random() < 0.5}}
        if column == "tags":
            return [pick.choice("xyz") for _ in range(pick.randrange(3))] + ["t"]
        return pick.choice((1, 2, 3)) if column.startswith("i") else pick.choice(("p", "q"))

    def load(self):
        self.project.run()
        for number, row in self.pending.items():
            if row["deleted"]:
                self.table.pop(number, None)
            else:
                self.table[number] = {self.names[key][0]: value for key, value in row.items() if key in self.names}
        self.pending = {}

    def upsert(self):
        for _ in range(self.random.randrange(1, 60)):
            self.put(self.random.randrange(120))
        self.load()

    def delete(self):
        for number in self.random.sample(range(120), self.random.randrange(1, 30)):
            self.put(number, deleted=True)
        self.load()

    def add_column(self):
        key = self.random.choice("ist") + str(len(self.columns))
        self.columns.append(key)
        self.names[key] = (key, key)
        self.upsert()

    def loaded(self):
        """Keys of columns that the table has, but for those it stands on."""
        schemas = self.project.metadata(TABLE)
        current = next(s for s in schemas["schemas"] if s["schema-id"] == schemas["current-schema-id"])
        there = {field["name"] for field in current["fields"]}
        return [key for key in self.columns if key in self.names and self.names[key][1] in there]

    def rename_column(self):
        """The name changes, the source's key and the column do not."""
        keys = self.loaded()
        if not keys:
            return
        key = self.random.choice(keys)
        column, name = self.names[key]
        new = f"r{self.random.randrange(10**6)}_{key}"
        self.firn("table", "alter", TABLE, "rename-column", name, new)
        self.names[key] = (column, new)
        if self.random.random() < 0.5:
            self.upsert()

    def drop_column(self):
        """The source goes on sending the key; now and then the column comes back, without its old values."""
        keys = self.loaded()
        if not keys:
            return
        key = self.random.choice(keys)
        _, name = self.names.pop(key)
        self.firn("table", "alter", TABLE, "drop-column", name)
        if self.random.random() < 0.5:
            self.upsert()
        if key in ("note", "total") and self.random.random() < 0.5:
            self.firn("table", "alter", TABLE, "add-column", key, "string" if key == "note" else "long")
            self.names[key] = (f"{key}#{self.random.randrange(10**6)}", key)
            self.upsert()

    def move_column(self):
        keys = self.loaded()
        if not keys:
            return
        place = self.random.choice((("first",), ("after", "kind"), ("before", "updated_at")))
        self.firn("table", "alter", TABLE, "move-column", self.names[self.random.choice(keys)][1], *place)
        self.upsert()

    def repartition(self):
        """Files from now on are of another spec; now and then the older ones follow."""
        self.repartitioned = True
        self.partition = self.random.choice((None, '"bucket(3, id)"', '"bucket(5, id)"', "kind", '"truncate(1, kind)"'))
        self.project.write(self.text())
        self.upsert()
        if self.random.random() < 0.3:
            self.firn("table", "maintain", TABLE, "--repartition")

    def nothing(self):
        self.load()

    def compact(self):
        self.firn("table", "maintain", TABLE, *self.random.choice((
            (), ("--compact",), ("--rewrite-manifests",), ("--rewrite-all",), ("--sort", "id desc"), ("--sort", "zorder(kind, id)"))))

    def expire(self):
        self.firn("table", "maintain", TABLE, "--expire", "--retain", str(self.random.randrange(1, 5)))

    def upgrade(self):
        self.version = 3
        self.project.write(self.text())
        self.upsert()

    def other_writer(self):
        """pyiceberg adds rows of its own, and deletes some of them and of ours in ways of its own."""
        if self.version == 3:  # which it cannot write
            return
        first = BASE + self.random.randrange(50)
        gone = [n for n in self.table if self.random.random() < 0.1 and n < BASE]
        note = {self.names["note"][1]: "other"} if "note" in self.loaded() else {}
        rows = [{"id": n, "kind": "other", **note} for n in range(first, first + 5) if n not in self.table]
        script = os.path.join(HERE, "other_writer.py")
        done = subprocess.run([readers_python(), script, self.project.catalog, self.project.path("lake"), TABLE,
                               json.dumps(rows), json.dumps(gone)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        columns = {name: column for column, name in self.names.values()}
        for row in rows:
            self.table[row["id"]] = {columns[name]: value for name, value in row.items()}
        for number in gone:
            del self.table[number]

    def tag(self):
        self.firn("table", "tag", TABLE, "create", f"t{self.second}_{self.random.randrange(10**6)}")

    def branch(self):
        self.firn("table", "branch", TABLE, "create", f"b{self.second}_{self.random.randrange(10**6)}")

    def rollback(self):
        """To an older snapshot of main; the next load brings what the source has changed since."""
        metadata = self.project.metadata(TABLE)
        parents = {s["snapshot-id"]: s.get("parent-snapshot-id") for s in metadata["snapshots"]}
        ancestors, at = [], metadata.get("current-snapshot-id")
        while at in parents:
            ancestors.append(at)
            at = parents[at]
        candidates = [s for s in ancestors[1:] if s in self.past]
        if not candidates:
            return
        target = self.random.choice(candidates)
        self.firn("table", "rollback", TABLE, "--to-snapshot", str(target))
        self.table = dict(self.past[target][0])
        self.check("rollback")
        # The rows of the source that the table no longer holds come again.
        self.firn("state", "accept", "orders", code=None)
        for row in self.orders.dicts():
            if self.table.get(row["id"], {}).get("updated_at") != row["updated_at"]:  # others are not read again
                self.pending[row["id"]] = row
        self.load()

    # ---- judging ----

    def firn(self, *arguments, code=0):
        result = self.project.firn(*arguments)
        assert code is None or result.code == code, str(result)
        return result

    def step(self, name, seed):
        self.random.seed(seed)
        getattr(self, name)()
        self.check(name)

    def check(self, name):
        current = self.compare(name, None, self.table)
        if current is not None:  # a change of columns alone makes no snapshot, and an older one keeps its columns
            self.past.setdefault(current, (dict(self.table), self.column_names()))

    def column_names(self):
        return {column: name for column, name in self.names.values()}

    def compare(self, name, snapshot, table, names=None):
        names = names or self.column_names()
        want = collections.Counter(canonical({names[c]: v for c, v in row.items() if c in names}) for row in table.values())
        current = None
        for engine in ("pyiceberg", "duckdb", "firn"):
            if engine == "duckdb" and self.version == 3 and self.repartitioned:
                continue  # see README.md: it applies deletion vectors to other files than they name
            if engine == "firn":
                at = f" at (version => {snapshot})" if snapshot else ""
                rows = self.project.sql(f"select * from {TABLE}{at}")
            else:
                answer = self.reader.read(self.project, TABLE, engine, snapshot)
                rows, current = answer["rows"], answer["current"]
            got = collections.Counter(canonical(row) for row in rows)
            assert got == want, (f"after {name}, snapshot {snapshot}: {engine} has {sum(got.values())} rows, the model "
                                 f"{sum(want.values())}; only {engine}: {list((got - want))[:3]}; only the model: {list((want - got))[:3]}")
        return current

    def check_past(self):
        kept = {s["snapshot-id"] for s in self.project.metadata(TABLE)["snapshots"]}
        for snapshot in self.random.sample(sorted(kept & set(self.past)), min(3, len(kept & set(self.past)))):
            self.compare("time travel", snapshot, *self.past[snapshot])

    def lint(self):
        tool = os.path.join(TOOLBOX, "iceberg-lint")
        if not os.path.exists(tool):
            return
        location = self.project.tables()[TABLE].removeprefix("file://")
        done = subprocess.run([tool, location], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"iceberg-lint: {done.stdout[-2000:]}{done.stderr[-500:]}"


WEIGHTS = {"upsert": 6, "delete": 3, "add_column": 1, "nothing": 1, "compact": 2, "expire": 1, "upgrade": 1, "other_writer": 1,
           "tag": 1, "branch": 1, "rollback": 1, "rename_column": 1, "drop_column": 1, "move_column": 1, "repartition": 2}


def steps_of(seed, count):
    pick = random.Random(seed * 7919)
    names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
    return [("upsert", seed)] + [(pick.choice(names), pick.randrange(2**32)) for _ in range(count)]


def play(seed, steps, reader, judge_all=True):
    """None, or what was wrong."""
    history = History(seed, reader)
    try:
        for number, (name, step_seed) in enumerate(steps):
            try:
                history.step(name, step_seed)
            except Exception as error:  # whatever it was, it is the finding
                return f"step {number} {name} ({history.describe()}): {type(error).__name__}: {error}"
        history.check_past()
        if judge_all:
            history.lint()
    except Exception as error:
        return f"at the end ({history.describe()}): {type(error).__name__}: {error}"
    finally:
        history.close()
    return None


def shrink(seed, steps, reader, tries=25):
    """The shortest list of steps found that still fails."""
    end = time.monotonic() + 120
    shorter = True
    while shorter and tries > 0 and time.monotonic() < end:
        shorter = False
        for at in range(len(steps) - 1, 0, -1):
            tries -= 1
            candidate = steps[:at] + steps[at + 1:]
            if play(seed, candidate, reader) is not None:
                steps, shorter = candidate, True
                break
            if tries <= 0 or time.monotonic() > end:
                break
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=20)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FIRN_TEST_SEED", "1")))
    parser.add_argument("--only", type=int, help="the history of this seed alone")
    chosen = parser.parse_args()
    seeds = [chosen.only] if chosen.only is not None else [chosen.seed * 100_000 + i for i in range(chosen.histories)]
    failed, played = [], collections.Counter()
    with TableReader() as reader:
        for seed in seeds:
            steps = steps_of(seed, chosen.steps)
            played.update(name for name, _ in steps)
            problem = play(seed, steps, reader)
            if problem is None:
                continue
            shortest = shrink(seed, steps, reader)
            print(f"FAILED --only {seed}: {problem}\n  shortest: {[name for name, _ in shortest]}: "
                  f"{play(seed, shortest, reader)}", flush=True)
            failed.append(seed)
    print(f"histories: {len(seeds)}, seed {chosen.seed}, steps {dict(played)}; {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
