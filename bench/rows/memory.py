"""Peak memory of the whole process with `--memory 256MiB`, whatever comes in."""

import glob
import os
import shutil

from harness import context as projects
from harness import data, measure, web
from harness.context import remove
from harness.measure import Failed
from harness.table import Figure, skipped

MEMORY = "256MiB"
MUST, AIM = 420, 310  # MiB
PARTITION_PAGES = 200
LONG_ROW = 100_000_000


def rows(context):
    for case in (lines, pages, partitions, leaves, long_row, gzip_body):
        try:
            yield case(context)
        except measure.Missing as reason:
            yield skipped(f"peak RSS: {case.__name__}", str(reason))
        except Failed as reason:  # the other cases are still worth knowing
            yield reason


def figure(what, run, rows_written, note=""):
    return Figure(f"peak RSS: {what}", f"{run.rss:.0f} MiB, {rows_written:,} rows in {run.wall:.1f} s", f"--memory {MEMORY}",
                  run.rss, "MiB", MUST, AIM, at_most=True, note=note)


def copied(context, what, source, tool, kind):
    """`source` copied to a Parquet file."""
    folder = context.folder()
    out = os.path.join(folder, "out.parquet")
    run = context.copy(source, out, 2, memory=MEMORY)
    written = data.check(what, data.expected(tool, kind, source), tool, "parquet", out)
    remove(folder)
    return figure(what, run, written["rows"])


def loaded(context, what, folder_of_pages, expected, note=lambda files: "", **project):
    """Pages from nginx into a table."""
    folder = context.folder()
    with web.serve(folder_of_pages) as url:
        home = projects.project(os.path.join(folder, "project"), url, **project)
        run = context.run(["run", "--memory", MEMORY], cwd=home)
    written = data.check(what, expected, "rows_hash.py", "table", projects.metadata(context, home))
    text = note([os.path.getsize(file) for file in written["files"]])
    remove(folder)
    return figure(what, run, written["rows"], text)


def lines(context):
    scale = "0.1" if context.quick else "1"
    source = os.path.join(data.lineitem(scale), "lineitem.ndjson")
    return copied(context, f"{os.path.getsize(source) / 1e9:.2g} GB NDJSON", source, "flat_hash.py", "ndjson")


def pages(context):
    count = 2_000 if context.quick else 20_000
    base = data.made("pages", 500)
    expected = data.expected("rows_hash.py", "json", f"{base}/*.json", "--path", "data", "--times", str(count // 500))
    return loaded(context, f"{count:,} pages", data.repeated(base, count), expected, path="/again")


def partitions(context):
    base = data.made("partition_pages", PARTITION_PAGES // 10 if context.quick else PARTITION_PAGES)
    size = sum(os.path.getsize(file) for file in glob.glob(f"{base}/*.json"))
    times = 1
    if context.partition_gib:
        times = max(1, round(context.partition_gib * 2**30 / size))
        needed = times * size * 2  # what is spilled, and the files
        free = shutil.disk_usage(context.build).free
        if free < needed + (5 << 30):
            raise measure.Missing(f"{context.partition_gib} GiB of partitioned rows want {needed >> 30} GiB of free disk")
    expected = data.expected("rows_hash.py", "json", f"{base}/*.json", "--path", "data", "--times", str(times))

    def note(files):
        if len(files) != 1000:
            raise Failed(f"1,000 partitions were written as {len(files)} files")
        return (f"1,000 files for 1,000 partitions, {sum(files) / len(files) / 2**20:.2f} MiB on average: each partition's "
                "rows are in one file, so the average is the load's size / 1,000 (--partition-gib 48 makes it 32 MiB)")

    what = f"1,000 partitions shuffled, {times * size / 1e9:.2g} GB"
    source = data.repeated(base, times * len(os.listdir(base))) if times > 1 else base
    return loaded(context, what, source, expected, note=note, path="/again",
                  more="partition_by: [region]")


def leaves(context):
    source = data.made("leaves", 20_000_000 if context.quick else 200_000_000)
    return copied(context, f"3,000 leaves, {os.path.getsize(source) / 1e6:.0f} MB", source, "rows_hash.py", "json")


def long_row(context):
    return copied(context, "one row of 100 MB", data.made("long_row", LONG_ROW), "rows_hash.py", "json")


def gzip_body(context):
    body = data.made("gzip_body", 100_000_000)
    folder = context.folder()
    os.link(body + ".gz", os.path.join(folder, "body.gz"))
    ratio = os.path.getsize(body) / os.path.getsize(body + ".gz")
    expected = data.expected("rows_hash.py", "json", body, "--path", "data")
    made = loaded(context, f"a gzip body of 100 MB, {ratio:.0f}:1", folder, expected, path="/gzip", paginate="none")
    remove(folder)
    return made
