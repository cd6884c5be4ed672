"""A run with nothing to do: history and locks in a local folder, and in the bucket of a MinIO on this machine."""

import os
import shutil
import sys
import time

from harness.measure import Missing, median
from harness.table import Figure

TEST = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "test")
RUNS = 20
PROJECT = """version: 1
state: {state}
lake: {{warehouse: ./lake{storage}}}
pipelines:
  shop:
    source: {{type: files, location: ./inbox}}
    tables:
      orders: {{path: "*.ndjson", primary_key: id}}
"""


def project(folder, state, storage=""):
    os.makedirs(os.path.join(folder, "inbox"))
    with open(os.path.join(folder, "inbox", "rows.ndjson"), "w") as file:
        file.write('{"id": 1}\n{"id": 2}\n')
    with open(os.path.join(folder, "firn.yaml"), "w") as file:
        file.write(PROJECT.format(state=state, storage=storage))


def time_of_runs(context, folder, forget):
    """Milliseconds of runs that find nothing new. `forget`: the local folder is removed before each."""
    context.run(["run"], cwd=folder)
    times = []
    for _ in range(RUNS):
        if forget:
            shutil.rmtree(os.path.join(folder, ".firn"), ignore_errors=True)
        begin = time.perf_counter()
        context.run(["run"], cwd=folder)
        times.append((time.perf_counter() - begin) * 1000)
    return median(times)


def rows(context):
    sys.path[:0] = [TEST, os.path.join(TEST, "integration", "object_store")]
    try:
        from minio import Minio
        from s3_proxy import S3Proxy
        minio = Minio()
    except (SystemExit, ImportError) as missing:
        raise Missing("no MinIO: see test/integration/object_store") from missing
    try:
        folder = context.folder()
        project(os.path.join(folder, "local"), ".firn")
        local = time_of_runs(context, os.path.join(folder, "local"), forget=False)
        yield Figure("run with nothing to do, state in a folder", f"{local:.0f} ms", "-", local, "ms", 200, 100, at_most=True)

        storage = ', storage: {{endpoint: "{0}", access_key: firn, secret_key: firn-secret, region: us-east-1}}'
        project(os.path.join(folder, "s3"), "s3://lake/bench", storage.format(minio.url))
        remote = time_of_runs(context, os.path.join(folder, "s3"), forget=True)
        yield Figure("run with nothing to do, state on S3", f"{remote:.0f} ms", "-", remote, "ms", 500, 300, at_most=True)

        requests = []
        with S3Proxy(minio.url, lambda method, path: requests.append(method) or "pass") as proxy:
            project(os.path.join(folder, "counted"), "s3://lake/counted", storage.format(proxy.url))
            context.run(["run"], cwd=os.path.join(folder, "counted"))
            requests.clear()
            context.run(["run"], cwd=os.path.join(folder, "counted"))
        yield Figure("requests of that run to the state", str(len(requests)), "-", len(requests), "", 20, 14, at_most=True)
    finally:
        minio.close()
