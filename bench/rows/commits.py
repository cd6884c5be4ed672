"""Many small appends to one table: seconds against pyiceberg, and whether the last cost what the first did."""

import json
import os

from harness import data, measure, peers
from harness.context import remove
from harness.measure import median, ratio
from harness.table import Figure

ROWS = 1000
CYCLE = 20  # commits between two expiries of snapshots: a mean over that many holds the price of one


def rows(context):
    commits = 120 if context.quick else 300
    source = os.path.join(data.lineitem("0.1"), "lineitem.parquet")
    bench = context.program("commit_bench")
    slice_ = os.path.join(data.FOLDER, f"commits-{commits}.parquet")
    if not os.path.exists(slice_):
        data._tool("slice_parquet.py", source, slice_, commits * ROWS)
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

    ours, theirs = measure.alternate(context.pairs, lambda: load("ours", [bench]),
                                     lambda: load("pyiceberg", peers.script("pyiceberg_commits.py")))
    yield Figure(f"{commits} appends of {ROWS} rows, fsynced, against pyiceberg",
                 f"{commits / median(run.wall for run in ours):.0f} commits/s",
                 f"{commits / median(run.wall for run in theirs):.1f} commits/s (not fsynced)",
                 ratio([run.wall for run in theirs], [run.wall for run in ours]), "×", 15, 40)

    def mean(answer, begin, end):
        return sum(commit["ms"] for commit in answer["commits"][begin:end]) / (end - begin)

    early = [mean(answer, 1, 1 + CYCLE) for answer in answers["ours"][1:]]
    late = [mean(answer, commits - CYCLE, commits) for answer in answers["ours"][1:]]
    tenth, last = (answers["ours"][-1]["commits"][i] for i in (9, commits - 1))
    yield Figure(f"cost of commit {commits} over commit 10 (means of {CYCLE})",
                 f"{median(late):.2f} ms, {last['metadata_bytes'] // 1024} KiB metadata, {last['snapshots']} snapshots",
                 f"{median(early):.2f} ms, {tenth['metadata_bytes'] // 1024} KiB, {tenth['snapshots']} snapshots",
                 ratio(late, early), "×", 1.5, 1.2, at_most=True)
    remove(folder)
