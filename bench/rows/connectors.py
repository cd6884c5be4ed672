"""Connectors: Airbyte manifests against Airbyte's own runtime and dlt, an API that is slow, one that counts requests."""

import contextlib
import glob
import hashlib
import json
import os
import subprocess
import sys
import urllib.request

from harness import context as projects
from harness import data, measure, peers, web
from harness.measure import Failed, Missing, median, ratio
from harness.table import Figure, skipped

HARNESS = os.path.dirname(os.path.abspath(measure.__file__))
MANIFEST = """version: 6.0.0
type: DeclarativeSource
check: {{type: CheckStream, stream_names: [rows]}}
streams:
  - type: DeclarativeStream
    name: rows
    retriever:
      type: SimpleRetriever
      requester: {{type: HttpRequester, url_base: "{url}", path: {path}, http_method: GET}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [data]}}}}
{more}    schema_loader: {{type: InlineSchemaLoader, schema: {{type: object, additionalProperties: true, properties: {{}}}}}}
spec: {{type: Spec, connection_specification: {{type: object, properties: {{}}}}}}
"""
PAGED = """      paginator:
        type: DefaultPaginator
        page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}
        pagination_strategy: {type: PageIncrement, start_from_page: 1, page_size: 200, inject_on_first_request: true}
"""
PARTITIONED = """      partition_router:
        type: SubstreamPartitionRouter
        parent_stream_configs:
          - type: ParentStreamConfig
            parent_key: id
            partition_field: part
            request_option: {{type: RequestOption, inject_into: request_parameter, field_name: part}}
            stream:
              type: DeclarativeStream
              name: parents
              retriever:
                type: SimpleRetriever
                requester: {{type: HttpRequester, url_base: "{url}", path: rows, http_method: GET}}
                record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [data]}}}}
                paginator:
                  type: DefaultPaginator
                  page_token_option: {{type: RequestOption, inject_into: request_parameter, field_name: page}}
                  pagination_strategy: {{type: PageIncrement, start_from_page: 1, page_size: 200, inject_on_first_request: true}}
              schema_loader: {{type: InlineSchemaLoader, schema: {{type: object, properties: {{}}}}}}
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: updated_at
      datetime_format: "%Y-%m-%d"
      start_datetime: "2024-01-01"
"""
PIPELINE = """version: 1
lake: {lake}
pipelines:
  bench:
    source: {{type: airbyte, manifest: ./manifest.yaml, config: {{}}}}
    dataset: bench
    tables: {{rows: {{write_disposition: append}}}}
"""
CURSOR_PAGES, DELAY_MS, PER_SECOND, LIMITED_PAGES, SHARING = 60, 50, 100, 500, 4


def rows(context):
    yield from partitions(context)  # first: a process counts the peak of the driver that starts it as its own
    for pages in (100,) if context.quick else (100, 1000):
        yield from manifests(context, pages)
    yield slow_api(context)
    yield shared_limit(context)
    yield interpolation(context)


def written(folder, url, path, more=PAGED):
    """A fresh folder with a manifest, its empty configuration and a pipeline that reads it."""
    projects.remove(folder)
    os.makedirs(folder)
    for name, text in (("manifest.yaml", MANIFEST.format(url=url, path=path, more=more)), ("config.json", "{}"),
                       ("firn.yaml", PIPELINE.format(lake="{warehouse: ./lake}"))):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    return folder


def records(text):
    """Number and order-independent hash of the records among protocol messages."""
    count, total = 0, 0
    for line in text.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            canonical = json.dumps(message["record"]["data"], sort_keys=True).encode()
            total += int.from_bytes(hashlib.blake2b(canonical, digest_size=16).digest(), "big")
            count += 1
    return count, total % 2**128


def manifests(context, count):
    base = data.made("pages", 500)
    pages = base if count == 500 else data.repeated(base, count)
    expected = data.expected("rows_hash.py", "json", f"{pages}/*.json", "--path", "data")
    folder, num = context.folder(), f"{count * 200:,} records"
    judged = []

    def judge(done):
        if len(judged) < 2:  # the first of each side; later ones by their number, to spare minutes
            judged.append(records(done.out))
            if judged[0] != judged[-1] or judged[0][0] != expected["rows"]:
                raise Failed(f"records differ: firn {judged[0]}, airbyte-cdk {judged[-1]}, source {expected['rows']}")
        elif done.out.count('"type":"RECORD"') != expected["rows"]:
            raise Failed(f"{done.out.count(chr(34) + 'RECORD' + chr(34))} records, source {expected['rows']}")
        done.out = ""
        return done

    with web.serve(pages) as url:
        def to_stdout():
            home = written(os.path.join(folder, "firn"), url, "rows")
            return judge(measure.run([context.firn, "airbyte", "read", "--manifest", "manifest.yaml", "--config", "config.json"],
                                     cwd=home))

        def airbyte():
            out = os.path.join(folder, "airbyte")
            projects.remove(out)
            os.makedirs(out)
            return judge(measure.run(peers.script("airbyte_read.py", url, "/rows", out)))

        def to_table():
            home = written(os.path.join(folder, "table"), url, "rows")
            done = context.run(["run"], cwd=home)
            data.check("table of the manifest", expected, "rows_hash.py", "table", projects.metadata(context, home))
            return done

        def dlt():
            out = os.path.join(folder, "dlt")
            projects.remove(out)
            os.makedirs(out)
            done = measure.run(peers.script("dlt_rest.py", url, "rows", out))
            have = data.count_parquet(glob.glob(f"{out}/out/bench/rows/*.parquet"))
            if have != expected["rows"]:
                raise Failed(f"dlt: {have} rows, source {expected['rows']}")
            return done

        for what, ours, peer in ((f"Airbyte manifest, {num} → stdout, against airbyte-cdk", to_stdout, airbyte),
                                 (f"Airbyte manifest, {num} → Iceberg, against dlt → Parquet", to_table, dlt)):
            try:
                own, other = measure.alternate(context.pairs, ours, peer)
            except Missing as reason:
                yield skipped(what, str(reason))
                continue
            yield Figure(what, f"{median(run.wall for run in own):.3f} s", f"{median(run.wall for run in other):.2f} s",
                         ratio([run.wall for run in other], [run.wall for run in own]), "×", 20, 50)
    projects.remove(folder)


@contextlib.contextmanager
def paced_api():
    process = subprocess.Popen([sys.executable, os.path.join(HARNESS, "paced_api.py"), "--delay", str(DELAY_MS), "--limit",
                                str(PER_SECOND)], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


def slow_api(context):
    """Pages that name the next one can only be asked for one after another."""
    folder = os.path.join(context.folder(), "project")
    perfect = CURSOR_PAGES * DELAY_MS / 1000
    times = []
    with paced_api() as url:
        for _ in range(context.pairs):
            home = projects.project(folder, url, paginate="{type: cursor, param: cursor, next: next}")
            times.append(context.run(["run"], cwd=home).wall)
            have = json.loads(context.run(["sql", "--json", "select count(*) n, count(distinct id) d from bench.rows"], cwd=home).out)
            if str(CURSOR_PAGES * 200) not in json.dumps(have):
                raise Failed(f"slow API: {have}")
    projects.remove(os.path.dirname(folder))
    return Figure(f"{CURSOR_PAGES} cursor pages of an API that takes {DELAY_MS} ms", f"{median(times):.2f} s", f"perfect {perfect:.2f} s",
                  median(times) / perfect, "×", 1.1, 1.05, at_most=True)


def shared_limit(context):
    """Processes of one project that share a credential's declared rate."""
    folder = context.folder()
    with paced_api() as url:
        source = f"{{type: rest, base_url: '{url}', auth: {{type: bearer, token: paced-api-token}}, rate_limit: {{requests: {PER_SECOND}, per: 1s}}}}"
        table = "{path: /limited%d, records: data, paginate: {type: page, param: page}, write_disposition: append}"
        pipelines = "".join(f"  p{i}:\n    source: {source}\n    tables: {{rows: {table % i}}}\n" for i in range(SHARING))
        with open(os.path.join(folder, "firn.yaml"), "w") as file:
            file.write("version: 1\nlake: {warehouse: ./lake}\npipelines:\n" + pipelines)
        running = [subprocess.Popen([context.firn, "run", "--select", f"p{i}", "--quiet", "--log", "off"], cwd=folder,
                                    stdout=subprocess.DEVNULL) for i in range(SHARING)]
        codes = [process.wait(timeout=300) for process in running]
        with urllib.request.urlopen(f"{url}/seen", timeout=10) as answer:
            seen = json.load(answer)
    if any(codes):
        raise Failed(f"shared limit: exit codes {codes}")
    projects.remove(folder)
    used = 100 * (seen["requests"] - seen["refused"]) / seen["seconds"] / PER_SECOND
    if seen["refused"]:
        raise Failed(f"shared limit: {seen['refused']} of {seen['requests']} requests were above the rate")
    return Figure(f"{PER_SECOND} requests/s declared, {SHARING} processes share it: used", f"{seen['requests']} requests, none refused",
                  f"{seen['seconds']:.1f} s", used, "%", 95, 99)


def partitions(context):
    """One request for each record of another stream, whose cursor is kept by partition."""
    pages = data.made("pages", 500)
    if context.quick:
        pages = data.repeated(pages, 50)
    count = len(os.listdir(pages)) * 200
    folder = context.folder()
    with web.serve(pages) as url:
        home = written(os.path.join(folder, "partitions"), url, "one", PARTITIONED.format(url=url))
        done = measure.run([context.firn, "airbyte", "read", "--manifest", "manifest.yaml", "--config", "config.json"], cwd=home)
    kinds = [line[:20] for line in done.out.splitlines()]
    projects.remove(folder)
    have = sum('"RECORD"' in kind for kind in kinds)
    if have != count:
        raise Failed(f"partitions: {have} records of {count}")
    yield Figure(f"{count:,} partitions, one request each: peak RSS",
                 f"{done.rss:.0f} MiB, {done.wall:.0f} s, {sum('STATE' in kind for kind in kinds)} states", "-", done.rss, "MiB",
                 300, 300, at_most=True)


def interpolation(context):
    what = "Jinja evaluations of typical strings, 1 core"
    try:
        program = context.program("jinja_bench")
    except Missing as reason:
        return skipped(what, str(reason))
    done = measure.run([program, "--benchmark_filter=EvaluateAll", "--benchmark_format=json"], cores=1)
    rate = json.loads(done.out[done.out.index("{"):])["benchmarks"][0]["items_per_second"]
    return Figure(what, f"{rate / 1e6:.2f} M/s", "-", rate / 1e6, "M/s", 2, 5)
