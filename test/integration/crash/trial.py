"""One trial: bring the lake to a known state, run firn and hurt it, change the source, run again, judge."""

import os
import shutil
import signal
import subprocess
import time

from support.fake_api import FakeApi
from support.firn_project import FirnProject, wait_until
from support.table_reader import ReadError, TableReader

from source import SOURCES

PHASES = ("first", "second")  # hurt the run that makes the tables, or one that adds to them


class World:
    """API, folder and readers that the trials of one process share. Locations in a lake are absolute, so every trial works
    in the same folder: it is emptied, or filled from a copy of the state after the first run."""

    def __init__(self, folder, seed):
        self.folder, self.seed, self.reader = folder, seed, TableReader()
        self.env = {}  # added to that of every run
        self.num_values = self.num_trials = 0

    def close(self):
        self.reader.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def trial(self, mode, phase, hurt):
        """hurt(project) runs firn in some harmful way. Returns the differences found; empty is good."""
        with FakeApi() as api:
            source = self.source = SOURCES[mode](api, self.seed)
            shutil.rmtree(self.folder, ignore_errors=True)
            project = FirnProject(source.project(), env=self.env, folder=self.folder)
            committed = ()
            if phase == "second":
                first = project.firn("run", "--json")
                if first.code != 0:
                    return [f"the first run failed: {first}"]
                committed = tuple(source.versions)
                source.change()
            hurt(project)
            self.num_trials += 1
            differences = self.judge(source, project, (), final=False)
            if differences:
                return ["after the kill: " + d for d in differences]
            source.change()
            second = project.firn("run", "--json")
            if second.code != 0:
                return [f"the next run ended with {second.code}: {second}"]
            differences = self.judge(source, project, committed, final=True)
            self.num_values += getattr(source, "num_values", 0)
            return differences

    def judge(self, source, project, committed, final):
        tables = project.tables()

        def rows_of(table):
            if table not in tables:
                return None
            answer = self.reader.read(project, table)
            return answer["rows"], answer["schema"]

        try:
            return source.judge(rows_of, committed, final)
        except ReadError as error:
            return [f"unreadable: {error}"]

    def count(self, mode, phase):
        """Returns the hits of every failpoint in a run that nothing happens to, and how long the run took."""
        log = self.folder + ".hits"
        result = {}

        def run(project):
            begin = time.monotonic()
            counted = project.firn("run", env={"FIRN_FAILPOINTS": "*=count", "FIRN_FAILPOINTS_LOG": log})
            result["seconds"] = time.monotonic() - begin
            if counted.code != 0:
                raise AssertionError(f"the counting run failed: {counted}")

        differences = self.trial(mode, phase, run)
        if differences:
            raise AssertionError(f"{mode}:{phase} is wrong without any failure:\n" + "\n".join(differences))
        hits = {}
        with open(log) as file:
            for line in file:
                _, name, number = line.split()
                hits[name] = int(number)
        os.remove(log)
        return hits, result["seconds"]


def at_failpoint(point, hit, action, unreached=None):
    """Hurts by a failpoint. `unreached`: list that takes failpoints that were not hit after all."""

    def hurt(project):
        run = project.firn("run", env={"FIRN_FAILPOINTS": f"{point}={action}@{hit}"})
        if action == "kill" and run.code != -9:
            if run.code != 0:
                raise AssertionError(f"killed at {point}@{hit}, but: {run}")
            if unreached is not None:
                unreached.append(f"{point}@{hit}")
        if action != "kill" and run.code < 0:
            raise AssertionError(f"died of a signal at {point}={action}@{hit}: {run}")

    return hurt


def after_seconds(seconds):
    """Hurts by kill -9 at a moment."""

    def hurt(project):
        process = project.start("run")
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    return hurt


def as_zombie(point="commit.before_swap", hit=1):
    """Hurts by a writer that stops at a failpoint, while another one with a state folder of its own (as on another machine)
    reads and commits the same; then the first goes on with what it knew."""

    def hurt(project):
        zombie = project.start("run", env={"FIRN_FAILPOINTS": f"{point}=stop@{hit}"})
        try:
            wait_until(lambda: zombie.poll() is not None or is_stopped(zombie.pid), f"firn stops at {point}")
            other = project.firn("run", "--set", "state=./other-state")
            if other.code != 0:
                raise AssertionError(f"the second writer failed: {other}")
            zombie.send_signal(signal.SIGCONT)
            zombie.wait(30)
        finally:
            zombie.kill()
            zombie.wait()

    return hurt


def is_stopped(process_id):
    with open(f"/proc/{process_id}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
