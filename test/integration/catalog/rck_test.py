"""The official REST Compatibility Kit against `firn catalog serve`: every test it does not skip itself must pass."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer, toolbox  # noqa: E402
from support.firn_project import FirnProject, binary, skip  # noqa: E402

PASSED_MIN = 140  # of kit 1.10.1, as many as the Java reference server passes

def run(text, env, arguments):
    with FirnProject(text, env=env) as project:
        # The kit asks for tables in file:/tmp/<namespace>/<table>.
        with FirnServer(project, "--allow-location", "file:///tmp") as server:
            return subprocess.run([os.path.join(toolbox(), "rck"), server.url, *arguments], capture_output=True, text=True, timeout=800)


if __name__ == "__main__":
    binary()
    if toolbox() is None:
        skip("no Java or no toolbox")
    arguments = [argument for argument in sys.argv[1:] if argument != "--postgres"]
    if "--postgres" in sys.argv:  # the same, on a catalog in a database
        from support.postgres_server import PostgresServer
        with PostgresServer() as database:
            done = run('lake: {warehouse: ./lake, catalog: {type: postgres, uri: "${env:CATALOG_URI}"}}\n', {"CATALOG_URI": database.uri()},
                       arguments)
    else:
        done = run("lake: {warehouse: ./lake}\n", {}, arguments)
    print(done.stdout[-6000:], done.stderr[-2000:])
    counts = re.search(r"(\d+) passed, (\d+) failed", done.stdout)
    if counts is None or int(counts[2]) != 0:
        sys.exit("the kit failed")
    if not arguments and int(counts[1]) < PASSED_MIN:
        sys.exit(f"only {counts[1]} tests passed: {PASSED_MIN} were expected")
