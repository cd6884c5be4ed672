"""engine_bench as a process that is asked one thing after the other, and Spark, if it is here."""

import glob
import json
import os
import subprocess
import tempfile

from . import data, measure, peers
from .measure import Failed, Missing


class Engine:
    """One table, `bench.rows` of the lake in `folder`; the folder is a project's, so that `firn` finds the lake."""

    def __init__(self, context, folder, keys="id", index_mib=64, threads=2):
        self.folder, self.lake = folder, os.path.join(folder, "lake")
        cores = sorted(os.sched_getaffinity(0))[:threads]
        self.err = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), context.program("engine_bench"), self.lake, keys,
             str(index_mib), str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err, text=True)
        self.metadata = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.err.close()

    def do(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.err.seek(0)
            raise Failed(f"engine_bench {words[0]}: {self.err.read().decode(errors='replace')[-2000:]}")
        answer = json.loads(line)
        self.metadata = answer["metadata"]
        return answer

    def check(self, what, expected):
        """By DuckDB's own reader; prints what it found."""
        found = data.check(what, expected, "keyed_hash.py", "table", self.metadata)
        said(what, found)


def said(what, found):
    print(f"  {what}: {found['rows']} rows, hash {found['hash']}, as the source", flush=True)


def keyed(kind, name, *arguments):
    """A data set of make_keyed.py."""
    return data._made(name, lambda out: data._tool("make_keyed.py", kind, out, *arguments))


def expected(*arguments):
    """Rows and hash of what keyed_hash.py finds; remembered."""
    return data.expected("keyed_hash.py", *arguments)


def spark(folder, *arguments, deadline=900):
    """The answer of peers/spark.py. Raises Missing without the Spark that toolbox-install puts into TOOLBOX_HOME."""
    home = os.environ.get("TOOLBOX_HOME", os.path.expanduser("~/.cache/firn-toolbox"))
    python = os.path.join(home, "venv", "bin", "python")
    jars = sorted(glob.glob(f"{home}/jars/iceberg-spark-runtime-*.jar"))
    if not jars or not os.path.exists(python) or not glob.glob(f"{home}/venv/lib/python3*/site-packages/pyspark"):
        raise Missing(f"no Spark with Iceberg in {home} (toolbox-install spark; needs Java)")
    os.makedirs(folder)
    script = os.path.join(peers.SCRIPTS, "spark.py")
    return json.loads(measure.run([python, script, jars[0], folder, *map(str, arguments)], deadline=deadline).out)
