"""Cuts the power: after a kill, or after a run that ended well, everything that was not fsynced is gone (power_cut.cc). Then the
next run must still make table and source equal. The seeded mistake `no_fsync` must turn this red.

    power_cut_test.py [--full] [--seed N]      FIRN_POWER_CUT: the preloaded library (default: built with g++ on the spot)
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from source import SOURCES  # noqa: E402
from support.firn_project import binary, has_failpoints, skip  # noqa: E402
from support.table_reader import readers_python  # noqa: E402
from trial import PHASES, World  # noqa: E402

QUICK_SECONDS = 100


def build_library(folder):
    named = os.environ.get("FIRN_POWER_CUT")
    if named:
        return named
    if shutil.which("g++") is None:
        skip("power cut: no g++ to build the preloaded library")
    library = os.path.join(folder, "power_cut.so")
    subprocess.run(["g++", "-std=c++20", "-O1", "-shared", "-fPIC", os.path.join(HERE, "power_cut.cc"), "-o", library, "-ldl"],
                   check=True)
    return library


class Disk:
    """What would be left of a folder."""

    def __init__(self, root, library):
        self.root, self.shadow, self.library = root, root + ".shadow", library

    def env(self):
        return {"LD_PRELOAD": self.library, "FIRN_POWER_CUT_ROOT": self.root, "FIRN_POWER_CUT_SHADOW": self.shadow}

    def settle(self):
        """Everything there is counts as synced."""
        shutil.rmtree(self.shadow, ignore_errors=True)
        for kind in ("files", "folders", "kept"):
            os.makedirs(os.path.join(self.shadow, kind))
        for folder, folders, files in os.walk(self.root):
            entries = b""
            for name in folders + files:
                path = os.path.join(folder, name)
                inode = os.lstat(path).st_ino
                entries += f"{'d' if name in folders else 'f'} {inode} {name}\0".encode()
                if name in files:
                    shutil.copyfile(path, os.path.join(self.shadow, "files", str(inode)))
            with open(os.path.join(self.shadow, "folders", str(os.stat(folder).st_ino)), "wb") as out:
                out.write(entries)

    def cut(self):
        """Leaves only what was synced."""
        left = self.root + ".left"
        shutil.rmtree(left, ignore_errors=True)
        self.restore(os.stat(self.root).st_ino, left)
        shutil.rmtree(self.root)
        os.rename(left, self.root)
        shutil.rmtree(self.shadow)

    def restore(self, inode, target):
        os.makedirs(target)
        listing = os.path.join(self.shadow, "folders", str(inode))
        if not os.path.exists(listing):
            return
        with open(listing, "rb") as file:
            entries = file.read().decode().split("\0")[:-1]
        for kind, number, name in (entry.split(" ", 2) for entry in entries):
            path = os.path.join(target, name)
            if kind == "d":
                self.restore(number, path)
            elif os.path.exists(os.path.join(self.shadow, "files", number)):
                shutil.copyfile(os.path.join(self.shadow, "files", number), path)
            else:
                open(path, "wb").close()  # the name was synced, the bytes never were


def cut_at(point, hit, library, lost):
    """Kills at a failpoint (or lets the run end well: point None) and cuts the power."""

    def hurt(project):
        disk = Disk(project.folder, library)
        disk.settle()
        env = {**disk.env(), **({"FIRN_FAILPOINTS": f"{point}=kill@{hit}"} if point else {})}
        run = project.firn("run", env=env)
        if run.code not in (0, -9):
            raise AssertionError(f"with a synced disk: {run}")
        before = sum(1 for _ in project.files())
        disk.cut()
        lost.append(before - sum(1 for _ in project.files()))

    return hurt


def finished_is_kept(world, mode, phase, library):
    """A run that ended well is whole after a power cut: judged before anything runs again."""
    lost, found = [], []
    hurt = cut_at(None, 0, library, lost)

    def hurt_and_judge(project):
        hurt(project)
        found.extend(world.judge(world.source, project, (), final=True))

    differences = world.trial(mode, phase, hurt_and_judge)
    return [f"after a run that ended well: {d}" for d in found] + differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FIRN_TEST_SEED", "1")))
    arguments = parser.parse_args()
    binary()
    if not has_failpoints():
        skip("power cut: the binary was built without failpoints")
    if readers_python() is None:
        skip("power cut: no readers' venv (tools/prepare test)")
    print(f"power cut: seed {arguments.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="firn-power-")
    failures, trials, lost = [], 0, []
    begin = time.monotonic()
    try:
        library = build_library(folder)
        world = World(os.path.join(folder, "world"), arguments.seed)

        def attempt(name, differences):
            if differences:
                failures.append(name)
                print(f"FAILED {name}\n    " + "\n    ".join(d[:1500] for d in differences[:5]), flush=True)

        for mode in SOURCES:
            for phase in PHASES:
                attempt(f"{mode}:{phase}:finished", finished_is_kept(world, mode, phase, library))
                trials += 1
        world.env = {"FIRN_SEEDED_BUG": "no_fsync"}
        noticed = finished_is_kept(world, "append", "second", library)
        if noticed:
            print(f"no_fsync was noticed: {noticed[0][:150]}", flush=True)
        else:
            attempt("seeded mistake no_fsync", ["was not noticed"])
        world.env = {}
        pairs = [(mode, phase, point, hit) for mode in SOURCES for phase in PHASES
                 for point, hits in world.count(mode, phase)[0].items() for hit in range(1, hits + 1)]
        random.Random(arguments.seed).shuffle(pairs)
        for mode, phase, point, hit in pairs:
            if not arguments.full and time.monotonic() - begin > QUICK_SECONDS:
                break
            attempt(f"{mode}:{phase}:{point}@{hit}", world.trial(mode, phase, cut_at(point, hit, library, lost)))
            trials += 1
        world.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"power cut: {trials} trials, {sum(n > 0 for n in lost)} lost files, {len(failures)} failed, seed {arguments.seed}")
    if not any(n > 0 for n in lost):
        sys.exit("power cut: no trial lost a file, so nothing was tried")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
