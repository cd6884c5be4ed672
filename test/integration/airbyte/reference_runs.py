"""Runs of the reference runtime: one process loads airbyte-cdk and forks for each run, which saves its start of some seconds.

    reference_runs.py       reads lines of JSON {arguments, stdout, stderr, environment, now} and answers each with the exit code
"""
import functools
import json
import os
import sys
import time
import traceback

SLEEP_SECONDS_MAX = 0.2
REAL_CLOCK = ["pyrate_limiter", "airbyte_cdk.sources.streams.call_rate", "urllib3", "requests_cache", "concurrent.futures"]


def remember_schema():
    """The runtime parses the schema of its components (a second of work) for each source that it makes."""
    from airbyte_cdk.sources.declarative import concurrent_declarative_source as module

    if not hasattr(module._get_declarative_component_schema, "cache_info"):
        module._get_declarative_component_schema = functools.cache(module._get_declarative_component_schema)
        module._get_declarative_component_schema()


def child(job, run, freeze_time):
    for name, number in (("stdout", 1), ("stderr", 2)):
        file = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, number)
    os.environ.update(job["environment"])
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds * 0.001, SLEEP_SECONDS_MAX))
    sys.argv = ["source-declarative-manifest", *job["arguments"]]
    code = 0
    with freeze_time(job["now"], ignore=REAL_CLOCK):
        try:
            run()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:  # noqa: BLE001 - as the interpreter would do
            traceback.print_exc()
            code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main():
    import airbyte_cdk.sources.declarative.parsers.model_to_component_factory  # noqa: F401 - loaded once for all
    from airbyte_cdk.cli.source_declarative_manifest._run import run
    from freezegun import freeze_time

    remember_schema()
    for line in sys.stdin:
        job = json.loads(line)
        process = os.fork()
        if process == 0:
            child(job, run, freeze_time)
        deadline, code = time.monotonic() + job.get("timeout", 60), None
        while code is None:
            done, status = os.waitpid(process, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(process, 9)
                os.waitpid(process, 0)
                code = "time"
            else:
                time.sleep(0.02)
        print(json.dumps(code), flush=True)


if __name__ == "__main__":
    main()
