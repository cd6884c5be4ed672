"""REST pages from nginx into an Iceberg table, whole process, against dlt, airbyte-cdk (reading only) and plain Python."""

import glob
import os

from harness import context as projects
from harness import data, measure, peers, web
from harness.measure import Failed, median, ratio
from harness.table import Figure, skipped

PAGES = 500


def rows(context):
    pages = data.made("pages", PAGES)
    expected = data.expected("rows_hash.py", "json", f"{pages}/*.json", "--path", "data")
    size = sum(os.path.getsize(file) for file in glob.glob(f"{pages}/*.json"))
    folder = context.folder()
    with web.serve(pages) as url:
        def ours():
            project = projects.project(os.path.join(folder, "firn"), url)
            done = context.run(["run"], cwd=project)
            data.check("table of the REST pages", expected, "rows_hash.py", "table", projects.metadata(context, project))
            return done

        def fresh(name):
            path = os.path.join(folder, name)
            projects.remove(path)
            os.makedirs(path)
            return path

        def dlt():
            out = fresh("dlt")
            done = measure.run(peers.script("dlt_rest.py", url, "rows", out))
            _same_rows("dlt", data.count_parquet(glob.glob(f"{out}/out/bench/rows/*.parquet")), expected)
            return done

        def airbyte():
            done = measure.run(peers.script("airbyte_read.py", url, "/rows", fresh("airbyte")))
            _same_rows("airbyte-cdk", done.out.count('"type":"RECORD"'), expected)
            done.out = ""
            return done

        def python():
            out = os.path.join(fresh("python"), "out.parquet")
            done = measure.run(peers.script("plain_python.py", f"{url}/rows", out))
            _same_rows("plain Python", data.count_parquet([out]), expected)
            return done

        for name, peer, must, aim in (("dlt", dlt, 20, 50), ("airbyte-cdk, reading only", airbyte, 12, 30),
                                      ("25 lines of Python", python, 4, 10)):
            what = f"REST {PAGES} pages of {size / PAGES / 1e3:.0f} KB → Iceberg, against {name}"
            try:
                own, other = measure.alternate(context.pairs, ours, peer)
            except measure.Missing as reason:
                yield skipped(what, str(reason))
                continue
            yield Figure(what, f"{median(run.wall for run in own):.3f} s", f"{median(run.wall for run in other):.2f} s",
                         ratio([run.wall for run in other], [run.wall for run in own]), "×", must, aim)
    projects.remove(folder)


def _same_rows(name, written, expected):
    if written != expected["rows"]:
        raise Failed(f"{name}: {written} rows, source {expected['rows']}")
