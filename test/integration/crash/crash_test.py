"""Kills firn at every failpoint × hit and at random moments; see README.md.

    crash_test.py [--quick | --full] [--kills N] [--seed N] [--jobs N] [--modes a,b] [--only mode:phase:point@hit:action]
                  [--report FILE]
                  [--stateless lost|lake|s3] [--seconds N]
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from forgetful import KINDS, start_minio  # noqa: E402
from source import SOURCES  # noqa: E402
from support.failpoint_walks import check_walk  # noqa: E402
from support.firn_project import binary, has_failpoints, skip  # noqa: E402
from support.table_reader import readers_python  # noqa: E402
from trial import PHASES, World, after_seconds, as_zombie, at_failpoint, killed_again  # noqa: E402

QUICK_SECONDS = 150
ACTIONS = ("kill", "error", "unknown")
CLEARING = ("garbage.before_remove", "garbage.before_settle")  # hit by a run that follows one that was killed


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a sample that ends within 4 minutes (the default)")
    parser.add_argument("--full", action="store_true", help="every failpoint, hit and action")
    parser.add_argument("--kills", type=int, help="kills at random moments (quick: 20, full: 200)")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FIRN_TEST_SEED", "1")))
    parser.add_argument("--jobs", type=int, default=min(3, (os.cpu_count() or 1) + 1))
    parser.add_argument("--modes", default=",".join(SOURCES))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--report", help="counts as JSON")
    parser.add_argument("--stateless", choices=KINDS, help="the state folder is gone before every run")
    parser.add_argument("--seconds", type=float, default=QUICK_SECONDS, help="of the trials, unless --full")
    arguments = parser.parse_args()
    arguments.url = ""
    return arguments


def count_hits(job):
    folder, seed, mode, phase, stateless, url = job
    world = World(folder, seed, stateless, url)
    try:
        return mode, phase, *world.count(mode, phase)
    finally:
        world.close()


def plan(counts, arguments, rng):
    """The trials as (mode, phase, point, hit, action), the most telling first."""
    trials = [(mode, phase, point, hit, action) for mode, phase, hits, _ in counts for point, number in sorted(hits.items())
              for hit in range(1, number + 1) for action in ACTIONS]
    if arguments.full:
        return trials
    rng.shuffle(trials)
    first, rest, seen = [], [], set()
    for trial in trials:  # each failpoint of each mode is killed at once, then each in each phase, then the others
        mode, phase, point, _, action = trial
        if action == "kill" and (mode, point) not in seen:
            seen.add((mode, point))
            first.append(trial)
        else:
            rest.append(trial)
    rest.sort(key=lambda t: t[4] != "kill" and not t[2].startswith(("commit", "catalog")))
    return first + rest


def run_trials(job):
    """One process: takes trials from the queue until it is empty or time is up."""
    number, folder, seed, queue, results, deadline, stateless, url = job
    world = World(os.path.join(folder, f"world{number}"), seed, stateless, url)
    failures, unreached, done = [], [], 0
    while time.monotonic() < deadline:
        trial = queue.get()
        if trial is None:
            break
        mode, phase, point, hit, action = trial
        name = f"{mode}:{phase}:{point}@{hit}:{action}"
        if point == "random":
            hurt = after_seconds(float(hit))
        elif action in CLEARING:
            hurt = killed_again(point, hit, action)
        elif action == "zombie":
            hurt = as_zombie(point, hit)
        else:
            hurt = at_failpoint(point, hit, action, unreached)
        try:
            differences = world.trial(mode, phase, hurt)
        except Exception:  # a hang, an unexpected exit code: a finding like the others
            differences = [traceback.format_exc(limit=3)]
        done += 1
        if done % 200 == 0:
            print(f"crash test: process {number} did {done} trials, {len(failures)} failed", flush=True)
        if differences:
            failures.append((name, differences[:8]))
            print(f"FAILED --only '{name}' --seed {seed}\n    " + "\n    ".join(d[:1500] for d in differences[:5]), flush=True)
    values = world.num_values
    world.close()
    results.put((done, failures, unreached, values))


def drive(trials, arguments, folder, seconds):
    context = multiprocessing.get_context("fork")
    queue, results = context.Queue(), context.Queue()
    for trial in trials + [None] * arguments.jobs:
        queue.put(trial)
    deadline = time.monotonic() + seconds
    workers = [context.Process(target=run_trials, args=((i, folder, arguments.seed, queue, results, deadline,
                                                          arguments.stateless, arguments.url),))
               for i in range(arguments.jobs)]
    for worker in workers:
        worker.start()
    answers = [results.get() for _ in workers]
    queue.cancel_join_thread()
    for worker in workers:
        worker.join()
    return (sum(a[0] for a in answers), sum((a[1] for a in answers), []), sum((a[2] for a in answers), []),
            sum(a[3] for a in answers))


def main():
    arguments = parse_arguments()
    binary()
    if not has_failpoints():
        skip("crash test: the binary was built without failpoints")
    if readers_python() is None:
        skip("crash test: no readers' venv (tools/prepare test)")
    print(f"crash test: seed {arguments.seed}", flush=True)
    rng = random.Random(arguments.seed)
    folder = tempfile.mkdtemp(prefix="firn-crash-")
    begin = time.monotonic()
    minio = start_minio() if arguments.stateless == "s3" else None
    arguments.url = minio.url if minio else ""
    try:
        with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
            counts = pool.map(count_hits, [(os.path.join(folder, f"count-{m}-{p}"), arguments.seed, m, p, arguments.stateless,
                                            arguments.url) for m in arguments.modes.split(",") for p in PHASES], chunksize=1)
        points = sorted({point for _, _, hits, _ in counts for point in hits})
        pairs = sum(number for _, _, hits, _ in counts for number in hits.values())
        points = sorted({*points, *CLEARING})
        if arguments.modes == ",".join(SOURCES):
            check_walk("crash" if arguments.stateless is None else f"crash_{arguments.stateless}", points)
        print(f"crash test: {len(points)} failpoints, {pairs} failpoint × hit pairs: {' '.join(points)}", flush=True)
        kills = arguments.kills if arguments.kills is not None else 200 if arguments.full else 20
        random_kills = []
        for _ in range(kills):
            mode, phase, _, took = rng.choice(counts)
            random_kills.append((mode, phase, "random", f"{rng.uniform(0, took):.4f}", "kill"))
        zombies = [(mode, phase, point, 1, "zombie") for mode, phase, hits, _ in counts
                   for point in ("commit.before_swap", "run.before_commit") if point in hits]
        again = [(mode, phase, "commit.before_swap", 1, point) for mode, phase, hits, _ in counts for point in CLEARING
                 if "commit.before_swap" in hits]
        trials = zombies + again + random_kills + plan(counts, arguments, rng)
        if arguments.only:
            trials = [parse_only(text) for text in arguments.only]
        done, failures, unreached, values = drive(trials, arguments, folder, 1e9 if arguments.full or arguments.only else
                                                  arguments.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if minio:
            minio.close()
    print(f"crash test: {done} of {len(trials)} trials ({kills} random kills, {len(zombies)} zombies), {values} values compared, "
          f"{len(unreached)} failpoints not reached again, {len(failures)} failed, {time.monotonic() - begin:.0f} s, "
          f"seed {arguments.seed}")
    if arguments.report:
        with open(arguments.report, "w") as file:
            json.dump({"seed": arguments.seed, "failpoints": len(points), "pairs": pairs, "trials": done, "random_kills": kills,
                       "values": values, "failed": len(failures), "unreached": len(unreached)}, file)
    if done == 0 or len(unreached) > done // 5:
        sys.exit("crash test: too little was tried")
    sys.exit(1 if failures else 0)


def parse_only(text):
    mode, phase, rest = text.split(":", 2)
    place, action = rest.rsplit(":", 1)
    point, hit = place.split("@")
    return mode, phase, point, hit if point == "random" else int(hit), action


if __name__ == "__main__":
    main()
