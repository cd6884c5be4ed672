"""What a table must hold under each strategy of merging: plain Python, nothing of how firn does it."""

import datetime

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(2025, 1, 1, tzinfo=UTC)


def at(second):
    return EPOCH + datetime.timedelta(seconds=second)


def text(time):
    return None if time is None else time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Model:
    """`rows` of a load are dicts as the source serves them; `expected` and `seen` make comparable tuples."""

    settings = ""
    by_key = True         # by a primary key, so that there may be a key index
    indexed = True        # and it is used
    repeats = True        # a load that is taken twice leaves the same table
    may_conflict = False  # the model knows what a row of another writer means
    columns = ("id", "day", "version", "value", "note")
    keys, days = 12, 4
    plan_words = ()
    fails_at = ("merge.decide", "overwrite.plan")  # a load reaches one of these failpoints
    leaves_deletes = True                          # snapshots may have delete files

    def __init__(self, rng):
        self.random, self.tick = rng, 0
        self.rows = []

    def make_row(self):
        r = self.random
        self.tick += 1
        return {"id": r.randrange(self.keys), "day": f"2025-02-{r.randrange(self.days) + 1:02d}", "version": self.tick,
                "value": r.choice([None, r.randrange(3)]), "note": r.choice("ab"), "changed": text(at(self.tick)),
                "deleted": r.random() < 0.15}

    def make_load(self):
        return [self.make_row() for _ in range(self.random.randrange(1, 25))]

    def stored(self, row):
        return tuple(datetime.date.fromisoformat(row["day"]) if name == "day" else row[name] for name in self.columns)

    def expected(self):
        return [self.stored(row) for row in self.rows]

    def seen(self, rows):
        return [tuple(row[name] for name in self.columns) for row in rows]

    def check(self, rows, fail):
        pass

    def take(self, load, now):
        """Changes the model as a load that ran at `now`; returns counters to compare."""
        raise NotImplementedError

    # A row of another writer, as Python values of the table's columns.
    def foreign(self, load):
        return self.make_row() | {"deleted": False}

    def as_stored(self, row):
        return {"id": row["id"], "day": datetime.date.fromisoformat(row["day"]), "version": row["version"],
                "value": row["value"], "note": row["note"], "changed": datetime.datetime.fromisoformat(row["changed"])}

    def take_foreign(self, row):
        self.rows.append(row)


class InsertOnly(Model):
    settings = "        primary_key: id\n        merge_strategy: insert_only\n"
    keys = 60
    may_conflict = True
    plan_words = ("insert_only", "effectively once by key")

    def take(self, load, now):
        known = {row["id"] for row in self.rows}
        before = len(self.rows)
        for row in load:
            if row["id"] not in known:
                known.add(row["id"])
                self.rows.append(row)
        inserted = len(self.rows) - before
        return {"inserted": inserted, "updated": 0, "deleted": 0, "skipped": len(load) - inserted}

    def foreign(self, load):
        known = {row["id"] for row in self.rows}
        fresh = [row["id"] for row in load if row["id"] not in known]
        return super().foreign(load) | {"id": fresh[0] if fresh else 1000}


class DeleteInsert(Model):
    settings = """        write_disposition: merge
        merge_strategy: delete_insert
        merge_key: day
        delete_when: "{{ record.deleted }}"
"""
    by_key = indexed = False
    may_conflict = True
    plan_words = ("delete_insert", "merge_key (day)")

    def take(self, load, now):
        days = {row["day"] for row in load}
        kept = [row for row in self.rows if row["day"] not in days]
        came = [row for row in load if not row["deleted"]]
        deleted = len(self.rows) - len(kept)
        self.rows = kept + came
        return {"inserted": len(came), "deleted": deleted, "updated": 0}

    def foreign(self, load):
        return super().foreign(load) | {"day": load[0]["day"]}


class DeleteInsertWithKey(DeleteInsert):
    settings = DeleteInsert.settings + "        primary_key: id\n"
    may_conflict = False
    plan_words = ("delete_insert", "one row per id")

    def take(self, load, now):
        days, ids = {row["day"] for row in load}, {row["id"] for row in load}
        kept = [row for row in self.rows if row["day"] not in days and row["id"] not in ids]
        last = {row["id"]: row for row in load}
        came = [row for row in last.values() if not row["deleted"]]
        deleted = len(self.rows) - len(kept)
        self.rows = kept + came
        return {"inserted": len(came), "deleted": deleted, "duplicates": len(load) - len(last)}

    def check(self, rows, fail):
        if len({row["id"] for row in rows}) != len(rows):
            fail("a primary key is there twice")


class CopyOnWrite(Model):
    """The last row of a key stays; files of replaced and deleted rows are written again."""

    settings = """        primary_key: id
        merge_mode: copy_on_write
        delete_when: "{{ record.deleted }}"
"""
    by_key = False
    may_conflict = True
    plan_words = ("copy_on_write", "effectively once by key")
    fails_at = ("merge.rewrite", "merge.remove_replaced")
    leaves_deletes = False

    def take(self, load, now):
        table = {row["id"]: row for row in self.rows}
        counts = dict.fromkeys(("inserted", "updated", "deleted"), 0)
        for key, row in {row["id"]: row for row in load}.items():
            known = key in table
            if row["deleted"]:
                counts["deleted"] += known
                table.pop(key, None)
            else:
                counts["updated" if known else "inserted"] += 1
                table[key] = row
        self.rows = list(table.values())
        return counts

    def foreign(self, load):
        known = {row["id"] for row in self.rows}
        fresh = [row["id"] for row in load if row["id"] not in known]
        return super().foreign(load) | {"id": fresh[0] if fresh else 1000}


class Sequence(Model):
    """Rows arrive in any order; hard deletions."""

    settings = """        primary_key: id
        sequence_by: version
        delete_when: "{{ record.deleted }}"
"""
    plan_words = ("the greatest version wins",)

    def make_load(self):
        rows = [self.make_row() for _ in range(self.random.randrange(1, 25))]
        for row in rows:
            row["version"] = max(1, self.tick + self.random.randrange(-30, 10))
        return rows

    def take(self, load, now):
        table = {row["id"]: row for row in self.rows}
        counts = dict.fromkeys(("inserted", "updated", "deleted", "skipped"), 0)
        for key in {row["id"] for row in load}:
            ours = [row for row in load if row["id"] == key]
            best = max(row["version"] for row in ours)
            winner = [row for row in ours if row["version"] == best][-1]
            live = table.get(key)
            if live is not None and winner["version"] < live["version"]:
                counts["skipped"] += 1
            elif winner["deleted"]:
                counts["deleted"] += live is not None
                table.pop(key, None)
            else:
                counts["inserted" if live is None else "updated"] += 1
                table[key] = winner
        self.rows = list(table.values())
        return counts


class SoftDelete(Model):
    settings = """        primary_key: id
        deletes: soft
        delete_when: "{{ record.deleted }}"
"""
    columns = ("id", "day", "value", "note", "version")
    plan_words = ("deleted rows stay with _firn_deleted_at",)

    def take(self, load, now):
        table = {row["id"]: dict(row) for row in self.rows}
        for row in load:
            if not row["deleted"]:
                table[row["id"]] = dict(row, gone=False)
            elif row["id"] in table:
                table[row["id"]]["gone"] = True
        self.rows = list(table.values())
        return {}

    def expected(self):
        return [self.stored(row) + (row.get("gone", False),) for row in self.rows]

    def seen(self, rows):
        return [tuple(row[name] for name in self.columns) + (row["_firn_deleted_at"] is not None,) for row in rows]


class SoftSequence(Sequence):
    """The state of a key is its event of the greatest sequence; the values are those of its last row that is none."""

    settings = """        primary_key: id
        sequence_by: version
        deletes: {mode: soft, column: gone_at}
        delete_when: "{{ record.deleted }}"
"""
    plan_words = ("the greatest version wins", "gone_at")

    def take(self, load, now):
        table = {row["id"]: dict(row) for row in self.rows}
        for key in {row["id"] for row in load}:
            ours = sorted((row for row in load if row["id"] == key), key=lambda row: row["version"])  # stable
            live = table.get(key)
            newest = ours[-1]
            if live is not None and newest["version"] < live["version"]:
                continue
            if not newest["deleted"]:
                table[key] = dict(newest, gone=False)
                continue
            values = [row for row in ours if not row["deleted"]]
            if values and (live is None or values[-1]["version"] >= live["version"]):
                live = dict(values[-1])
            if live is not None:
                table[key] = dict(live, gone=True, version=newest["version"])
        self.rows = list(table.values())
        return {}

    def expected(self):
        return [self.stored(row) + (row.get("gone", False),) for row in self.rows]

    def seen(self, rows):
        return [tuple(row[name] for name in self.columns) + (row["gone_at"] is not None,) for row in rows]


class Dedupe(Model):
    settings = "        write_disposition: append\n        dedupe_key: [id, note]\n"
    keys = 60
    may_conflict = True
    plan_words = ("rows with a known id, note dropped", "effectively once by key")

    def make_row(self):
        row = super().make_row()
        if self.random.random() < 0.1:
            row["note"] = None  # such a row is like no other
        return row

    def make_load(self):
        return [row for row in super().make_load() if row["note"] is not None]

    def is_known(self, row, others):
        return any((row["id"], row["note"]) == (other["id"], other["note"]) for other in others)

    def take(self, load, now):
        before = len(self.rows)
        for row in load:
            if row["note"] is None or not self.is_known(row, self.rows):
                self.rows.append(row)
        appended = len(self.rows) - before
        return {"appended": appended, "skipped": len(load) - appended, "inserted": 0}

    def foreign(self, load):
        fresh = [row for row in load if not self.is_known(row, self.rows)]
        same = fresh[0] if fresh else {"id": 1000, "note": "z"}
        return super().foreign(load) | {"id": same["id"], "note": same["note"]}


class DedupeNulls(Dedupe):
    repeats = False

    def make_load(self):
        return Model.make_load(self)


class DedupeWindow(Dedupe):
    settings = """        write_disposition: append
        dedupe_key: id
        dedupe_window: 20s
        dedupe_by: changed
"""
    repeats = True
    indexed = False
    plan_words = ("rows with a known id dropped within 20 s of changed",)

    def make_load(self):
        rows = Model.make_load(self)
        for row in rows:
            row["changed"] = text(at(self.tick + self.random.randrange(-40, 10)))
            row["note"] = row["note"] or "n"
        return rows

    def is_known(self, row, others):
        time = datetime.datetime.fromisoformat(row["changed"])
        return any(row["id"] == other["id"] and abs(time - datetime.datetime.fromisoformat(other["changed"])).total_seconds() <= 20
                   for other in others)

    columns = Model.columns + ("changed",)

    def stored(self, row):
        return super().stored(row)[:-1] + (datetime.datetime.fromisoformat(row["changed"]),)


class OverwritePartitions(Model):
    settings = """        write_disposition: replace
        partition_by: [day]
        overwrite_partitions: true
"""
    by_key = indexed = False
    may_conflict = True
    days = 8
    plan_words = ("of the partitions that occur in the load", "exactly once")

    def make_load(self):
        return super().make_load()[:6]

    def take(self, load, now):
        days = {row["day"] for row in load}
        kept = [row for row in self.rows if row["day"] not in days]
        deleted = len(self.rows) - len(kept)
        self.rows = kept + load
        return {"appended": len(load), "deleted": deleted}

    def foreign(self, load):
        return super().foreign(load) | {"day": load[0]["day"]}


class OverwriteMonths(OverwritePartitions):
    settings = OverwritePartitions.settings.replace("[day]", '["truncate(1, note)", "bucket(3, id)"]')
    may_conflict = False

    def make_row(self):
        return super().make_row() | {"note": self.random.choice(["", "a", "ab", "b", "陳x"])}

    def take(self, load, now):
        # What the partition of a row is comes from bucket(3, id): murmur3, so keys are compared by what firn must do.
        import struct

        def murmur3(data):
            h, c1, c2 = 0, 0xCC9E2D51, 0x1B873593
            for i in range(0, len(data), 4):
                k = struct.unpack("<I", data[i:i + 4])[0] * c1 & 0xFFFFFFFF
                k = ((k << 15 | k >> 17) & 0xFFFFFFFF) * c2 & 0xFFFFFFFF
                h ^= k
                h = ((h << 13 | h >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
            h ^= len(data)
            for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
                h = (h ^ h >> shift) * factor & 0xFFFFFFFF
            return h

        def partition(row):
            return row["note"][:1], (murmur3(struct.pack("<q", row["id"])) & 0x7FFFFFFF) % 3

        places = {partition(row) for row in load}
        self.rows = [row for row in self.rows if partition(row) not in places] + load
        return {"appended": len(load)}


class History(Model):
    """Versions by changed_at: a list of (time, content or None for absent) per key."""

    settings = """        primary_key: id
        merge_strategy: scd2
        scd2: {changed_at: changed, track: [value, note]}
        delete_when: "{{ record.deleted }}"
"""
    late = 30
    columns = ("id", "value", "note")
    names = ("_firn_valid_from", "_firn_valid_to", "_firn_is_current", "_firn_version_key")
    plan_words = ("scd2", "valid from changed")

    def __init__(self, rng):
        super().__init__(rng)
        self.points = {}  # id → {time: content or None}, all that is stored
        self.surrogates = {}

    def make_row(self):
        row = super().make_row()
        row["changed"] = text(at(max(0, self.tick + self.random.randrange(-self.late, 5))))
        return row

    @staticmethod
    def before(points, time):
        earlier = [t for t in points if t < time]
        return points[max(earlier)] if earlier else None

    def put(self, points, time, content):
        if time in points and points[time] == content:
            return
        if self.before(points, time) == content:
            points.pop(time, None)
        else:
            points[time] = content
    def forget_absence_twice(self):
        for points in self.points.values():
            for time in sorted(points):
                if points[time] is None and self.before(points, time) is None:
                    del points[time]

    def time_of(self, row, now):
        return datetime.datetime.fromisoformat(row["changed"])

    def take(self, load, now):
        last = {}
        for row in load:
            last[(row["id"], self.time_of(row, now))] = row
        for (key, time), row in sorted(last.items(), key=lambda item: item[0][1]):
            content = None if row["deleted"] else (row["value"], row["note"])
            self.put(self.points.setdefault(key, {}), time, content)
        self.forget_absence_twice()
        return {"duplicates": len(load) - len(last)}

    def versions(self):
        for key, points in self.points.items():
            times = sorted(points)
            for time, following in zip(times, times[1:] + [None]):
                if points[time] is not None:
                    yield key, points[time], time, following

    def expected(self):
        return [(key, *content, begin, end, end is None) for key, content, begin, end in self.versions()]

    def seen(self, rows):
        begin, end, current, _ = self.names
        return [tuple(row[name] for name in (*self.columns, begin, end, current)) for row in rows]

    def check(self, rows, fail):
        begin, end, current, surrogate = self.names
        if len({row[surrogate] for row in rows}) != len(rows):
            fail("two versions have one surrogate key")
        for row in rows:  # a version keeps its surrogate key for good
            if self.surrogates.setdefault((row["id"], row[begin]), row[surrogate]) != row[surrogate]:
                fail("a surrogate key changed")
        by_key = {}
        for row in rows:
            by_key.setdefault(row["id"], []).append(row)
        for key, versions in by_key.items():
            versions.sort(key=lambda row: row[begin])
            for one, other in zip(versions, versions[1:]):
                if one[end] is None or one[end] > other[begin]:
                    fail(f"versions of {key} overlap")
            if sum(row[current] for row in versions) > 1:
                fail(f"{key} has two current versions")


class HistoryOfAll(History):
    """Without track all columns but changed_at make a version; other names of columns."""

    settings = """        primary_key: id
        merge_strategy: scd2
        scd2: {changed_at: changed, valid_from: since, valid_to: until, is_current: now, surrogate_key: version_key}
"""
    names = ("since", "until", "now", "version_key")

    def make_row(self):
        return super().make_row() | {"day": "2025-02-01", "version": 1, "deleted": False}


class HistoryOfRuns(History):
    """Without changed_at a version holds from the run on, and a key that is missing ends."""

    settings = """        primary_key: id
        merge_strategy: scd2
        scd2: {track: [value, note]}
        deletes: {mode: missing, max_percent: 100}
"""
    repeats = indexed = False
    plan_words = ("valid from the run's time", "a key that is missing ends")

    def make_load(self):
        # A row of its own tells when the run was: it is new with each.
        return [self.make_row() | {"deleted": False} for _ in range(10)] + [self.make_row() | {"id": 1000 + self.tick, "deleted": False}]

    def time_of(self, row, now):
        return now

    def take(self, load, now):
        super().take(load, now)
        given = {row["id"] for row in load}
        for key, points in self.points.items():
            if key not in given:
                self.put(points, now, None)
        self.forget_absence_twice()
        return {}


MODELS = {
    "copy_on_write": CopyOnWrite,
    "insert_only": InsertOnly,
    "delete_insert": DeleteInsert,
    "delete_insert_with_key": DeleteInsertWithKey,
    "sequence": Sequence,
    "soft_delete": SoftDelete,
    "soft_sequence": SoftSequence,
    "dedupe": Dedupe,
    "dedupe_nulls": DedupeNulls,
    "dedupe_window": DedupeWindow,
    "overwrite_partitions": OverwritePartitions,
    "overwrite_transformed": OverwriteMonths,
    "scd2": History,
    "scd2_of_all": HistoryOfAll,
    "scd2_of_runs": HistoryOfRuns,
}
