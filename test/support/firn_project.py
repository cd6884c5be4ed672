"""A firn project in a temporary folder and the binary FIRN_BINARY run in it."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

SKIP = 77  # exit code that ctest counts as skipped
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def skip(reason):
    """Ends the process as skipped, with one loud line."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIP)


def binary():
    path = os.environ.get("FIRN_BINARY", "")
    if not path:
        skip("FIRN_BINARY does not name the firn binary")
    if not os.access(path, os.X_OK):
        sys.exit(f"FIRN_BINARY={path} cannot be run")
    return os.path.abspath(path)


def has_failpoints():
    """Whether the binary was built with failpoints (the dev preset)."""
    with open(binary(), "rb") as file:
        return b"FIRN_FAILPOINTS_LOG" in file.read()


def clean_environment(extra=None):
    keep = ("PATH", "LANG", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "FIRN_DUCKDB_LIBRARY", "TMPDIR")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    environment.update({"HOME": tempfile.gettempdir(), "CI": "1", "FIRN_SLEEP_SCALE": "0.01", "no_proxy": "127.0.0.1"})
    environment.update(extra or {})
    return environment


class Result:
    """What one run of the binary gave: code (negative: killed by that signal), out, err."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def json(self):
        return json.loads(self.out)

    def table(self, name):
        """The named table of a `--json` run result."""
        for table in self.json()["tables"]:
            if name in (table["table"], table["identifier"]):
                return table
        raise KeyError(name)

    def __str__(self):
        return f"firn {' '.join(self.arguments)}: exit {self.code}\n--- stdout\n{self.out[-4000:]}\n--- stderr\n{self.err[-6000:]}"


# On a machine that has other work to do: how many times longer a process may take before it counts as hung.
PATIENCE = float(os.environ.get("FIRN_TEST_PATIENCE", "1"))


def run_firn(arguments, cwd, env=None, timeout=60, input=None):
    timeout *= PATIENCE
    process = subprocess.Popen([binary(), *arguments], cwd=cwd, env=clean_environment(env), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(input.encode() if input is not None else b"", timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        try:
            out, err = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        raise AssertionError(f"hung for {timeout} s: " + str(
            Result(arguments, "none", out.decode(errors="replace"), err.decode(errors="replace")))) from None
    return Result(list(arguments), process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


# A small process of its own: the peak of a child begins with what its parent holds.
LAUNCHER = """import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def peak_bytes(project, *arguments):
    run = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, binary(), *arguments], cwd=project.folder, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env=clean_environment(project.env), timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return int(run.stdout) * 1024


class FirnProject:
    """`text`: firn.yaml. The folder is removed at the end unless FIRN_KEEP is set."""

    def __init__(self, text, env=None, folder=None, file="firn.yaml"):
        self.own = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="firn-test-")
        os.makedirs(self.folder, exist_ok=True)
        self.env = dict(env or {})
        self.file = file
        self.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.own and not os.environ.get("FIRN_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, text, file=None):
        with open(self.path(file or self.file), "w") as out:
            out.write(text)

    def firn(self, *arguments, env=None, timeout=60, input=None):
        return run_firn(arguments, self.folder, {**self.env, **(env or {})}, timeout, input)

    def run(self, *arguments, code=0, **options):
        """`firn run --json …`; fails unless it ends with `code`."""
        result = self.firn("run", "--json", *arguments, **options)
        assert result.code == code, f"expected exit {code}\n{result}"
        return result

    def start(self, *arguments, env=None):
        """Starts the binary in the background, output to stdout.txt and stderr.txt."""
        with open(self.path("stdout.txt"), "wb") as out, open(self.path("stderr.txt"), "wb") as err:
            return subprocess.Popen([binary(), *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    env=clean_environment({**self.env, **(env or {})}))

    @property
    def catalog(self):
        return self.path("lake", "catalog.db")

    def tables(self):
        """Identifier → location of the current metadata, from the catalog file itself."""
        return tables_of(self.catalog)

    def metadata(self, table):
        with open(self.tables()[table].removeprefix("file://")) as file:
            return json.load(file)

    def sql(self, query, *arguments):
        result = self.firn("sql", query, "--json", *arguments)
        assert result.code == 0, str(result)
        return result.json()

    def files(self, *folders):
        """All regular files below the project (or below the given folders of it)."""
        for top in folders or ("",):
            for folder, _, names in os.walk(self.path(top)):
                for name in names:
                    yield os.path.join(folder, name)


def tables_of(catalog):
    if not os.path.exists(catalog):
        return {}
    with sqlite3.connect(f"file:{catalog}?mode=ro", uri=True) as db:
        try:
            rows = db.execute("select table_namespace, table_name, metadata_location from iceberg_tables").fetchall()
        except sqlite3.OperationalError:
            return {}
    return {f"{namespace}.{name}": location for namespace, name, location in rows}


def wait_until(condition, what, seconds=30):
    """Polls a condition of another process, with a deadline."""
    end = time.monotonic() + seconds * PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * PATIENCE} s: {what}")
        time.sleep(0.01)


def wait_until_stopped(process, what="firn stops at its failpoint"):
    """Waits until a process that `FirnProject.start` began stands still (failpoint action `stop`); False if it ended instead."""
    def is_stopped():
        with open(f"/proc/{process.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    wait_until(lambda: process.poll() is not None or is_stopped(), what, 60)
    return process.poll() is None
