"""Two races of a run with something else that writes, each as a function of the environment that returns the differences found."""

import signal

from support.fake_api import FakeApi
from support.firn_project import FirnProject, wait_until
from support.orders_case import TABLE, orders_project
from support.table_reader import TableReader
from trial import is_stopped


class Race:
    """A project with one table of rows (id, note), and its source."""

    def __init__(self, env, disposition):
        self.tick, self.reader = 0, TableReader()
        self.api = FakeApi().__enter__()
        self.orders = self.api.table("orders")
        self.project = FirnProject(orders_project(self.api.url, disposition), env=env)

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
        wait_until(lambda: process.poll() is not None or is_stopped(process.pid), f"firn stops at {point}")
        assert process.poll() is None, f"firn did not get to {point}"
        return process

    @staticmethod
    def go_on(process):
        process.send_signal(signal.SIGCONT)
        process.wait(60)


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
