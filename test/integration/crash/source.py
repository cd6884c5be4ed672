"""Sources of the crash test: one per way of writing. Each knows its project, how it changes, and what the lake must hold."""

import random

from support.comparator import compare, parse
from support.fake_api import Raw

STATUSES = ("open", "paid", "shipped")


class Source:
    """Base: one table `orders` of rows with a change time. A change is a new version; `versions` are all ever served."""

    name = ""
    env = {}    # of every run
    then = ()   # a command that follows every run that ends well
    tables = ("shop.orders",)
    key = ("id", "updated_at")
    extra = ("_firn_loaded_at", "_firn_run_id")

    def __init__(self, api, seed):
        self.api, self.random = api, random.Random(seed)
        self.tick, self.next_id = 0, 0
        self.versions = {}   # (id, updated_at) → text
        self.marks = {}      # mark of a row without key → text
        self.make()
        for _ in range(34):
            self.insert()

    def make(self):
        self.orders = self.api.table("orders", page_size=7)

    def project(self):
        return f"""version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}", retry: {{attempts: 2, total: 2s}}}}
    dataset: shop
    tables:
{self.table_text()}"""

    def next_project(self):
        """The project of runs that come after the first."""
        return self.project()

    def time(self, advance=True):
        self.tick += advance
        return f"2025-01-01T{self.tick // 3600:02d}:{self.tick // 60 % 60:02d}:{self.tick % 60:02d}Z"

    def order(self, number, changed):
        r = self.random
        return {"id": number, "updated_at": changed, "status": r.choice(STATUSES), "deleted": False,
                "total": Raw(f"{r.randrange(100000)}.{r.randrange(100):02d}"),
                "customer": {"name": r.choice(["Ada", "Bén", "陳", ""]), "tags": [r.choice("abc")] * r.randrange(1, 3)},
                "note": r.choice([None, "x" * r.randrange(60), 'q"\\\n'])}

    def put(self, row):
        self.orders.put(row)
        text = next(t for d, t in self.orders_entries() if d["id"] == row["id"])
        self.versions[(row["id"], row["updated_at"])] = text

    def orders_entries(self):
        return list(self.orders.rows)

    def insert(self, advance=True):
        self.next_id += 1
        self.put(self.order(self.next_id, self.time(advance)))

    def update(self):
        self.put(self.order(self.random.randint(1, self.next_id), self.time()))

    def change(self):
        """What happens between two runs: a late row in the newest tick, new rows, changed rows, another order."""
        self.insert(advance=False)
        for _ in range(self.random.randrange(4, 12)):
            self.random.choice([self.insert, self.update, self.update])()
        self.more_changes()
        self.insert()
        self.orders.shuffle(self.random)

    def more_changes(self):
        pass

    def current(self):
        return [text for row, text in self.orders_entries() if row["id"] is not None and not row["deleted"]]

    def judge(self, rows_of, committed=(), final=True):
        """Differences between the lake and the source. rows_of(table) → (rows, schema) or None. `committed`: versions that
        were in the table before. final False: after a kill, when rows may be missing but none may be wrong or double."""
        read = rows_of("shop.orders")
        if read is None:
            return ["shop.orders: no such table"] if final else []
        wanted, allowed = self.wanted(committed) if final else ([], list(self.versions.values()))
        differences, self.num_values = compare(wanted, read[0], read[1], self.key, allowed, extra=self.extra)
        return differences

    def wanted(self, committed):
        raise NotImplementedError


class Append(Source):
    """Rows in order of the change time, committed as they come; every version that stayed is one row."""

    name = "append"
    order_word = "order: asc, "

    def make(self):
        self.orders = self.api.table("orders", page_size=2)

    def table_text(self):
        return f"""      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, {self.order_word}format: "%Y-%m-%dT%H:%M:%SZ"}}
        write_disposition: append
        commit_bytes: 300B
        raw: archive
"""

    def wanted(self, committed):
        current = {(r["id"], r["updated_at"]) for r, _ in self.orders_entries()}
        must = current | set(committed)
        return [self.versions[v] for v in must], [t for v, t in self.versions.items() if v not in must]


class AppendUnordered(Append):
    """The same from an API that lists in any order: nothing is committed before the end of a slice."""

    name = "append_unordered"
    order_word = ""

    def make(self):
        self.orders = self.api.table("orders", page_size=7, ordered=False)


class Replace(Source):
    """Page numbers over rows that come, go and change place; the table is the newest whole reading."""

    name = "replace"

    def make(self):
        self.orders = self.api.table("orders", page_size=7, paging="page", changed=None)

    def table_text(self):
        return """      orders:
        path: /v1/orders
        records: data
        paginate: {type: page, total_pages: meta.pages}
        write_disposition: replace
"""

    def more_changes(self):
        self.orders.remove(self.random.choice(self.orders.dicts())["id"])

    def wanted(self, committed):
        return self.current(), []


class Merge(Source):
    """Upserts by key with tombstones, partitions that rows move between, and rows without a key in the quarantine."""

    name = "merge"
    tables = ("shop.orders", "shop._quarantine")

    def table_text(self):
        return """      orders:
        path: /v1/orders
        records: data
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        incremental: {cursor: updated_at, param: since, order: asc}
        write_disposition: merge
        delete_when: "{{ record.deleted }}"
        partition_by: [status]
"""

    def insert(self, advance=True):
        super().insert(advance)
        if self.next_id % 17 == 5 and advance:  # never the newest row: then it would rightly be read again
            mark = f"mark {self.next_id}"
            row = {**self.order(None, self.time()), "note": mark}
            self.orders.put(row)
            self.marks[mark] = None
            super().insert()

    def more_changes(self):
        row = dict(self.random.choice([r for r in self.orders.dicts() if r["id"] is not None]))
        self.put({**row, "deleted": True, "updated_at": self.time()})

    def wanted(self, committed):
        return self.current(), []

    def judge(self, rows_of, committed=(), final=True):
        differences = super().judge(rows_of, committed, final)
        read = rows_of("shop._quarantine")
        marks = [parse(row["record"])["note"] for row in read[0]] if read else []
        for mark in marks:
            if mark not in self.marks:
                differences.append(f"quarantine: {mark} is not in the source")
        for mark in self.marks:
            if marks.count(mark) > 1 or (final and marks.count(mark) == 0):
                differences.append(f"quarantine: {mark} is there {marks.count(mark)} times")
        return differences


class Family(Source):
    """Parent rows and one request per changed parent for its children: both tables in one commit."""

    name = "family"
    tables = ("shop.orders", "shop.items")

    def make(self):
        super().make()
        self.items = self.api.table("items", paging="none", changed=None, parent="order_id", key="line")

    def table_text(self):
        return """      orders:
        path: /v1/orders
        records: data
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        incremental: {cursor: updated_at, param: since, order: asc}
      items:
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        records: data
        paginate: none
        include: {parent_id: parent.id}
        primary_key: [order_id, line]
"""

    def put(self, row):
        r = self.random
        have = sum(1 for i in self.items.dicts() if i["order_id"] == row["id"])
        for line in range(1, have + 1 + r.randrange(2)):
            if line > have or r.random() < 0.3:
                self.items.put({"order_id": row["id"], "line": line, "sku": f"s{r.randrange(50)}",
                                "price": Raw(f"{r.randrange(1000)}.{r.randrange(10)}"), "version": row["updated_at"]})
        super().put(row)

    def wanted(self, committed):
        return self.current(), []

    def judge(self, rows_of, committed=(), final=True):
        differences = super().judge(rows_of, committed, final)
        read = rows_of("shop.items")
        if read is None:
            return differences + (["shop.items: no such table"] if final else [])
        if final:
            more, count = compare(self.items.texts(), read[0], read[1], ("order_id", "line"),
                                  extra=(*self.extra, "parent_id"))
            differences += ["items: " + d for d in more]
            self.num_values += count
            differences += [f"items: parent_id {row['parent_id']} of {row['order_id']}" for row in read[0]
                            if row["parent_id"] != row["order_id"]]
        elif len({(row["order_id"], row["line"]) for row in read[0]}) != len(read[0]):
            differences.append("items: a row is there twice")
        return differences


class MergeIndexed(Merge):
    """Upserts that find their rows by the key index, however small the table is."""

    name = "merge_indexed"
    env = {"FIRN_KEY_INDEX_RECORDS_MIN": "1"}


class Upgraded(Merge):
    """Upserts with deletion vectors into a table that the second run upgrades from format version 2."""

    name = "upgraded"
    version = 2

    def table_text(self):
        return super().table_text() + f"        format_version: {self.version}\n"

    def next_project(self):
        self.version = 3
        return self.project()


class Audited(Append):
    """Appends that go to a branch, are checked there and published."""

    name = "audited"

    def table_text(self):
        return super().table_text() + "        publish: audit\n        checks: [{not_null: id}]\n"


class Maintained(Append):
    """Appends, each followed by compaction and by an expiry of all snapshots but one. How many files a run writes depends on
    how its pages arrive; two are enough for a rewrite, so that one happens after every run but the first."""

    name = "maintained"
    then = ("table", "maintain", "shop.orders", "--retain", "1", "--min-files", "2")


SOURCES = {source.name: source for source in (Append, AppendUnordered, Replace, Merge, Family, MergeIndexed, Upgraded, Audited,
                                              Maintained)}
