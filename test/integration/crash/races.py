"""Races of a run with something else that writes, and a listing with a part missing, each as a function of the environment that
returns the differences found."""

import signal

from support.fake_api import FakeApi
from support.firn_project import PATIENCE, FirnProject, wait_until_stopped
from support.orders_case import TABLE, orders_project
from support.table_reader import TableReader


class Race:
    """A project with one table of rows (id, note), and its source."""

    def __init__(self, env, disposition, settings=""):
        self.tick, self.reader = 0, TableReader()
        self.api = FakeApi().__enter__()
        self.orders = self.api.table("orders")
        self.project = FirnProject(orders_project(self.api.url, disposition, settings), env=env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.project.__exit__()
        self.api.__exit__()
        self.reader.close()

    def put(self, *numbers, note="n"):
        for number in numbers:
            self.tick += 1
            self.orders.put({"id": number, "updated_at": f"2025-01-01T00:{self.tick // 60:02d}:{self.tick % 60:02d}Z", "note": note})

    def rows(self):
        return sorted((row["id"], row["note"]) for row in self.reader.rows(self.project, TABLE))

    def source(self):
        return sorted((row["id"], row["note"]) for row in self.orders.dicts())

    def stopped(self, point, *arguments):
        process = self.project.start(*arguments, env={"FIRN_FAILPOINTS": f"{point}=stop"})
        assert wait_until_stopped(process, f"firn stops at {point}"), f"firn did not get to {point}"
        return process

    @staticmethod
    def go_on(process):
        process.send_signal(signal.SIGCONT)
        process.wait(60 * PATIENCE)


def load_under_a_rollback(env):
    """A load that began before a rollback must not bring back what the rollback took away."""
    with Race(env, "append") as race:
        race.put(1, 2)
        race.project.run()
        first = race.project.metadata(TABLE)["current-snapshot-id"]
        before = race.rows()
        race.put(3, note="taken back")
        zombie = race.stopped("run.before_commit", "run")
        race.project.run("--set", "state=./other-state")
        back = race.project.firn("table", "rollback", TABLE, "--to-snapshot", str(first))
        assert back.code == 0, str(back)
        race.put(3, note="mended")
        race.go_on(zombie)  # it may begin anew, but not end what it began
        found = race.rows()
        return [] if found in (before, before + [(3, "mended")]) else [f"after the rollback: {found}"]


def compaction_under_a_merge(env):
    """Rows that are deleted or changed while their files are compacted must not come back."""
    with Race(env, "merge") as race:
        for load in range(6):
            race.put(*range(load * 10, load * 10 + 12), note=f"load {load}")
            race.project.run()
        compaction = race.stopped("maintain.before_commit", "table", "maintain", TABLE)
        race.put(*range(0, 60, 5), note="meanwhile")
        race.project.run("--set", "state=./other-state")
        race.go_on(compaction)
        found, wanted = race.rows(), race.source()
        return [] if found == wanted else [f"after the compaction {found}, not {wanted}"]


def a_listing_with_a_row_that_cannot_be_read(env):
    """What goes to quarantine is at the source: its key is not missing, and stays in the table."""
    with Race(env, "merge", "        deletes: missing\n        reconcile: {every: 1d}\n") as race:
        race.put(*range(20))
        race.project.run()
        wanted = race.source()
        race.orders.remove(7)
        race.orders.put_text('{"id": null, "updated_at": "2025-01-01T00:00:01Z", "note": "n"}')  # it lost its key on the way
        race.project.run("--reconcile")
        found = race.rows()
        return [] if found == wanted else [f"after a listing with a row in quarantine {found}, not {wanted}"]
