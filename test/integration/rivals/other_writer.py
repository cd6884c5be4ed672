"""Writes to a table in a loop until a file appears: other_writer.py PROPERTIES TABLE FIRST_ID STOP_FILE LEDGER

Adds rows with ids from FIRST_ID on and deletes some of its own. LEDGER gets, as JSON, the ids that must be in the table in the end,
those that may be (commits whose outcome it never learnt), and the counts of commits and conflicts."""

import json
import os
import random
import sys
import time

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException, ValidationException

SCHEMA = pa.schema([pa.field("id", pa.int64(), nullable=False), ("note", pa.string())])  # a key that firn made is required


class Writer:
    def __init__(self, properties, name, first):
        self.catalog, self.name, self.following = load_catalog("firn", **json.loads(properties)), name, int(first)
        self.must, self.may, self.commits, self.conflicts = set(), set(), 0, 0

    def append(self, table):
        new = [self.following + i for i in range(3)]
        self.following += 3
        self.commit(lambda: table.append(pa.table([new, [f"other {n}" for n in new]], schema=SCHEMA)), set(), set(new))

    def delete(self, table, number):
        self.commit(lambda: table.delete(f"id = {number}"), {number}, set())

    def commit(self, change, gone, new):
        try:
            change()
        except (CommitFailedException, ValidationException):
            self.conflicts += 1
        except CommitStateUnknownException:
            self.must -= gone
            self.may |= gone | new
        else:
            self.commits += 1
            self.must = self.must - gone | new
            print(self.commits, flush=True)

    def run(self, stop):
        pick = random.Random(7)
        while not os.path.exists(stop):
            table = self.catalog.load_table(self.name)
            if self.must and pick.random() < 0.3:
                self.delete(table, pick.choice(sorted(self.must)))
            else:
                self.append(table)
            time.sleep(0.02)  # another engine's pace; nothing is awaited


def main(properties, name, first, stop, ledger):
    writer = Writer(properties, name, first)
    writer.run(stop)
    with open(ledger + ".new", "w") as out:
        json.dump({"must": sorted(writer.must), "may": sorted(writer.may), "commits": writer.commits,
                   "conflicts": writer.conflicts}, out)
    os.rename(ledger + ".new", ledger)


if __name__ == "__main__":
    main(*sys.argv[1:])
