"""One trial: bring the lake to a known state, run firn and hurt it, change the source, run again, judge."""

import glob
import os
import shutil
import signal
import subprocess
import time

from support.fake_api import FakeApi
from support.firn_project import PATIENCE, FirnProject, wait_until_stopped
from support.table_reader import ReadError, TableReader

from forgetful import ForgetfulProject
from source import SOURCES

PHASES = ("first", "second")  # hurt the run that makes the tables, or one that adds to them


class World:
    """API, folder and readers that the trials of one process share. Locations in a lake are absolute, so every trial works
    in the same folder: it is emptied, or filled from a copy of the state after the first run. `stateless`: a kind of
    forgetful.py; then the state folder is gone before every run. `url`: of the MinIO of kind s3."""

    def __init__(self, folder, seed, stateless=None, url=""):
        self.folder, self.seed, self.reader = folder, seed, TableReader()
        self.stateless, self.url = stateless, url
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
            project = self.new_project(source)
            project.then = source.then
            committed = ()
            if phase == "second":
                first = run_all(project)
                if first.code != 0:
                    return [f"the first run failed: {first}"]
                committed = tuple(source.versions)
                source.change()
                project.write(source.next_project())
            hurt(project)
            self.num_trials += 1
            differences = self.judge(source, project, (), final=False)
            if differences:
                return ["after the kill: " + d for d in differences]
            source.change()
            project.write(source.next_project())
            second = run_all(project)
            if second.code != 0:
                return [f"the next run ended with {second.code}: {second}"]
            differences = self.judge(source, project, committed, final=True)
            self.num_values += getattr(source, "num_values", 0)
            return differences

    def new_project(self, source):
        env = {**self.env, **source.env}
        if self.stateless is None:
            return FirnProject(source.project(), env=env, folder=self.folder)
        place = f"{os.path.basename(self.folder)}-{os.getpid()}-{self.num_trials}"
        return ForgetfulProject(source.project(), self.stateless, place, self.url, folder=self.folder,
                                env={**env, "FIRN_LEASE_SECONDS": "3"})

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
            counted = run_all(project, env={"FIRN_FAILPOINTS": "*=count", "FIRN_FAILPOINTS_LOG": log})
            result["seconds"] = time.monotonic() - begin
            if counted.code != 0:
                raise AssertionError(f"the counting run failed: {counted}")

        differences = self.trial(mode, phase, run)
        if differences:
            raise AssertionError(f"{mode}:{phase} is wrong without any failure:\n" + "\n".join(differences))
        hits = {}
        for written in glob.glob(log + "*"):  # of each process one: a failpoint counts anew in each
            with open(written) as file:
                for line in file:
                    _, name, number = line.split()
                    hits[name] = max(hits.get(name, 0), int(number))
            os.remove(written)
        return hits, result["seconds"]


def run_all(project, env=None):
    """A run, and the command that follows it. Returns the result of the last that ran."""
    result = project.firn("run", "--json", env=env)
    if result.code == 0 and project.then:
        env = {name: value + ".then" if name == "FIRN_FAILPOINTS_LOG" else value for name, value in (env or {}).items()}
        result = project.firn(*project.then, env=env)
    return result


def at_failpoint(point, hit, action, unreached=None):
    """Hurts by a failpoint. `unreached`: list that takes failpoints that were not hit after all."""

    def hurt(project):
        run = run_all(project, env={"FIRN_FAILPOINTS": f"{point}={action}@{hit}"})
        if action == "kill" and run.code != -9:
            if run.code != 0:
                raise AssertionError(f"killed at {point}@{hit}, but: {run}")
            if unreached is not None:
                unreached.append(f"{point}@{hit}")
        if action != "kill" and run.code < 0:
            raise AssertionError(f"died of a signal at {point}={action}@{hit}: {run}")

    return hurt


def killed_again(point, hit, second):
    """Hurts by a kill, and by another one while the next run clears up what the first left."""

    def hurt(project):
        at_failpoint(point, hit, "kill")(project)
        project.firn("run", env={"FIRN_FAILPOINTS": f"{second}=kill"})

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
            wait_until_stopped(zombie, f"firn stops at {point}")
            other = as_another_machine(project)
            if other.code != 0:
                raise AssertionError(f"the second writer failed: {other}")
            zombie.send_signal(signal.SIGCONT)
            zombie.wait(60 * PATIENCE)
        finally:
            zombie.kill()
            zombie.wait()

    return hurt


def as_another_machine(project):
    """With a state in common the lease of the zombie has to end first."""
    if getattr(project, "kind", "lost") == "lost":
        return project.firn("run", "--set", "state=./other-state", **({"forget": False} if hasattr(project, "kind") else {}))
    end = time.monotonic() + 60 * PATIENCE
    while True:
        other = project.firn("run", forget=False)
        if other.code != 7 or time.monotonic() > end:
            return other
        time.sleep(0.2)  # a poll of another process's promise
