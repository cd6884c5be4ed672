"""Runs programs as a user would start them and says what they cost: wall, CPU and peak memory of the whole process."""

import dataclasses
import os
import statistics
import subprocess
import tempfile
import threading
import time


class Failed(Exception):
    """A program failed or what it wrote differs from the source: the bench ends with exit code 1."""


class Missing(Exception):
    """Something a row needs cannot be had here: the row is skipped, loudly."""


@dataclasses.dataclass
class Run:
    wall: float  # seconds, start of the process included
    cpu: float   # seconds, user + system
    rss: float   # peak, MiB
    out: str


def run(command, cwd=None, env=None, cores=None, deadline=3600, stdin=None):
    """`cores`: the number of cores the program may use; None: all. Standard error is shown only if it fails."""
    if cores is not None:
        chosen = sorted(os.sched_getaffinity(0))[:cores]
        command = ["taskset", "-c", ",".join(map(str, chosen)), *command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=out, stderr=err,
                                   stdin=stdin or subprocess.DEVNULL)
        timer = threading.Timer(deadline, process.kill)  # not wait(timeout): that polls in steps of 50 ms
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text = out.read().decode(errors="replace")
        if process.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))}: exit {process.returncode}\n{text[-2000:]}\n"
                         f"{err.read().decode(errors='replace')[-4000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def alternate(pairs, ours, *others):
    """Calls ours, other, ours, other … `pairs` times after one round that only warms up.
    Returns one list of Runs for each function."""
    functions = (ours, *others)
    for function in functions:
        function()
    runs = [[] for _ in functions]
    for _ in range(pairs):
        for function, into in zip(functions, runs):
            into.append(function())
    return runs


def median(values):
    return statistics.median(values)


def ratio(tops, bottoms):
    """Median of the pairwise ratios."""
    return statistics.median(top / bottom for top, bottom in zip(tops, bottoms))
