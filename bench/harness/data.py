"""The data sets, made once and kept in the build's cache, and what they must hold: rows and hash."""

import glob
import hashlib
import json
import os
import shutil
import subprocess

from . import peers
from .measure import Failed, Missing

HARNESS = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(peers.CACHE, "data-1")  # another number when make_data.py makes other bytes
OCTOKIT = "@octokit/webhooks-examples@7.6.1"


def _tool(script, *arguments):
    done = subprocess.run([peers.python(), os.path.join(HARNESS, script), *map(str, arguments)], stdout=subprocess.PIPE,
                          text=True)
    if done.returncode != 0:
        raise Failed(f"{script} {' '.join(map(str, arguments))[:300]} failed")
    return done.stdout


def _made(name, make):
    """The path of a data set; `make(path)` makes it aside first."""
    path = os.path.join(FOLDER, name)
    if not os.path.exists(path):
        os.makedirs(FOLDER, exist_ok=True)
        aside = path + ".new"
        shutil.rmtree(aside, ignore_errors=True)
        print(f"bench: making {name}", flush=True)
        make(aside)
        os.rename(aside, path)
    return path


def lineitem(scale):
    """Folder with lineitem.ndjson and lineitem.parquet."""
    def make(folder):
        os.makedirs(folder)
        _tool("make_data.py", "lineitem", folder, scale)
    return _made(f"lineitem-{scale}", make)


def lineitem_csv(scale):
    source = os.path.join(lineitem(scale), "lineitem.parquet")
    return _made(f"lineitem-{scale}.csv", lambda out: _tool("make_data.py", "lineitem_csv", source, out))


def drift(scale):
    source = os.path.join(lineitem(scale), "lineitem.ndjson")
    return _made(f"drift-{scale}.ndjson", lambda out: _tool("make_data.py", "drift", source, out))


def nested(size):
    def unpack(folder):
        os.makedirs(folder)
        try:
            subprocess.run(["npm", "pack", "--silent", OCTOKIT], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["tar", "-xzf", *(os.path.basename(f) for f in glob.glob(f"{folder}/*.tgz"))], cwd=folder, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"{OCTOKIT} could not be had from npm ({error})") from error
    package = _made("octokit", unpack)
    examples = next((f for f in glob.glob(f"{package}/package/**/index.json", recursive=True) if "api.github.com" in f), None)
    if examples is None:
        raise Missing(f"{OCTOKIT} holds no api.github.com/index.json")
    return _made(f"nested-{size}.ndjson", lambda out: _tool("make_data.py", "nested", examples, out, size))


def made(kind, *arguments):
    """`kind`: pages, partition_pages, leaves, long_row, gzip_body."""
    def make(out):
        _tool("make_data.py", kind, out, *arguments)
        if os.path.exists(out + ".gz"):
            os.rename(out + ".gz", os.path.join(FOLDER, f"{name}.gz"))
    name = "-".join([kind, *map(str, arguments)])
    return _made(name, make)


def expected(tool, *arguments):
    """Rows and hash of a source, remembered beside the data."""
    name = "-".join(os.path.relpath(a, FOLDER) if str(a).startswith(FOLDER) else str(a) for a in arguments)
    if len(name) > 150:
        name = hashlib.sha256(name.encode()).hexdigest()
    memo = os.path.join(FOLDER, "hash-" + name.replace("/", "_").replace("*", "all") + f"-{tool}.json")
    if not os.path.exists(memo):
        text = _tool(tool, *arguments)
        with open(memo, "w") as file:
            file.write(text)
    with open(memo) as file:
        return json.load(file)


def check(what, source, tool, *arguments):
    """Compares what was written with the source; returns the reader's whole answer."""
    written = json.loads(_tool(tool, *arguments))
    same = all(written[key] == source[key] for key in ("rows", "hash"))
    if not same:
        raise Failed(f"{what}: written {written['rows']} rows, hash {written['hash']}; "
                     f"source {source['rows']} rows, hash {source['hash']}")
    return written


def check_file(what, source, tool, path, accepted):
    """Like `check` for one Parquet file; a file whose bytes were `accepted` (a set of digests) before is not read again."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest not in accepted:
        check(what, source, tool, "parquet", path)
        accepted.add(digest)


def table_files(metadata):
    """Paths of the live data files."""
    return json.loads(_tool("count_table.py", metadata.removeprefix("file://"), "paths"))


def repeated(folder, count):
    """A folder with pages 1 … `count`, which are those of `folder` over and over (as links)."""
    have = len(os.listdir(folder))

    def make(out):
        os.makedirs(out)
        for page in range(count):
            os.link(f"{folder}/{page % have + 1}.json", f"{out}/{page + 1}.json")
    return _made(f"{os.path.basename(folder)}-repeated-{count}", make)


def count_parquet(files):
    return int(_tool("count_parquet.py", *files))
