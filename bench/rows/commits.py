"""Many small appends to one table: against pyiceberg, against bare writes and fsyncs, and whether the last cost what the
first did."""

import json
import os

from harness import data, measure, peers
from harness.context import remove
from harness.measure import median, ratio
from harness.table import Figure

ROWS = 1000
CYCLE = 32  # commits between two merges of manifests, more than between two expiries: a mean holds the price of one
OURS = 4  # runs: one to warm up, then around pyiceberg's one, which takes a minute
BARE_EVERY = 4


def mean(answer, begin, end, of="ms"):
    return sum(commit[of] for commit in answer["commits"][begin:end]) / (end - begin)


def cpu_note(answer, early, late):
    """CPU alone tells whether a ratio of wall times is the engine's or the machine's."""
    first, last = (mean(answer, *window, of="cpu_ms") for window in (early, late))
    return f"in CPU time {last:.2f} over {first:.2f} ms, {last / first:.2f}×"


def size(commit):
    return f"{commit['metadata_bytes'] // 1024} KiB metadata, {commit['snapshots']} snapshots"


def slices(count):
    path = os.path.join(data.FOLDER, f"commits-{count}.parquet")
    if not os.path.exists(path):
        data._tool("slice_parquet.py", os.path.join(data.lineitem("0.1"), "lineitem.parquet"), path, count * ROWS)
    return path


def rows(context):
    commits = 120 if context.quick else 300
    bench = context.program("commit_bench")
    slice_ = slices(commits)
    expected = data.expected("rows_hash.py", "parquet", slice_)
    folder = context.folder()
    answers = {"ours": [], "pyiceberg": []}

    def load(name, command):
        lake = os.path.join(folder, name)
        remove(lake)
        os.makedirs(lake)
        done = measure.run([*command, lake, slice_, str(commits), str(ROWS)])
        answer = json.loads(done.out)
        answers[name].append(answer)
        data.check(f"table of {commits} commits by {name}", expected, "rows_hash.py", "table",
                   answer["metadata"].removeprefix("file://"))
        done.wall = sum(commit["ms"] for commit in answer["commits"]) / 1000
        return done

    load("ours", [bench])
    ours = [load("ours", [bench])]
    theirs = [load("pyiceberg", peers.script("pyiceberg_commits.py"))]
    ours += [load("ours", [bench]) for _ in range(OURS - 2)]
    yield Figure(f"{commits} appends of {ROWS} rows, fsynced, against pyiceberg",
                 f"{commits / median(run.wall for run in ours):.0f} commits/s",
                 f"{commits / median(run.wall for run in theirs):.1f} commits/s (not fsynced)",
                 theirs[0].wall / median(run.wall for run in ours), "×", 15, 40)

    early = [mean(answer, 1, 1 + CYCLE) for answer in answers["ours"][1:]]
    late = [mean(answer, commits - CYCLE, commits) for answer in answers["ours"][1:]]
    tenth, last = (answers["ours"][-1]["commits"][i] for i in (9, commits - 1))
    yield Figure(f"cost of commit {commits} over commit 10 (means of {CYCLE})",
                 f"{median(late):.2f} ms, {size(last)}",
                 f"{median(early):.2f} ms, {size(tenth)}",
                 ratio(late, early), "×", 1.5, 1.2, at_most=True,
                 note=cpu_note(answers["ours"][-1], (1, 1 + CYCLE), (commits - CYCLE, commits)))
    remove(folder)


def many(context):
    """10,000 commits under the default retention, and between them the bare loop, so that both see the same disk."""
    commits = 1000 if context.quick else 10_000
    lake = os.path.join(context.folder(), "lake")
    remove(lake)
    os.makedirs(lake)
    done = measure.run([context.program("commit_bench"), lake, slices(600), str(commits), str(ROWS), str(BARE_EVERY)])
    answer = json.loads(done.out)
    found = json.loads(data._tool("count_table.py", answer["metadata"].removeprefix("file://")))
    if found != {"rows": commits * ROWS, "files": commits, "distinct": commits, "missing": 0}:
        raise measure.Failed(f"table of {commits} commits: found {found}")
    ours = sum(commit["ms"] for commit in answer["commits"]) / commits
    bare = sum(answer["bare_ms"]) / len(answer["bare_ms"])
    yield Figure(f"{commits} appends of {ROWS} rows against writing and syncing four files",
                 f"{1000 / ours:.0f} commits/s, {done.cpu / commits * 1000:.1f} ms CPU each",
                 f"{1000 / bare:.0f} of four files/s", bare / ours, "×", 0.15, 0.35)
    early, late = mean(answer, 200, 300), mean(answer, commits - 100, commits)
    yield Figure(f"cost of the last 100 of {commits} commits over commits 200–300",
                 f"{late:.2f} ms, {size(answer['commits'][-1])}", f"{early:.2f} ms, {size(answer['commits'][250])}",
                 late / early, "×", 1.3, 1.1, at_most=True, note=cpu_note(answer, (200, 300), (commits - 100, commits)))
    remove(lake)
