"""Catalog servers for tests: `firn catalog serve`, and the Java reference server of the toolbox."""

import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.firn_project import REPOSITORY, wait_until  # noqa: E402
from support.free_port import free_port  # noqa: E402


def toolbox():
    """The toolbox's folder, or None if it or Java is missing."""
    path = os.environ.get("FIRN_TOOLBOX", os.path.join(REPOSITORY, "..", "shared", "toolbox"))
    return os.path.abspath(path) if os.path.exists(os.path.join(path, "rck")) and shutil.which("java") else None


class FirnServer:
    """`project.start("catalog", "serve", …)` on a free port."""

    def __init__(self, project, *arguments, env=None):
        self.project = project
        self.process = project.start("catalog", "serve", "--port", "0", *arguments, env=env)
        wait_until(lambda: self.text("stdout.txt").endswith("\n") or self.process.poll() is not None, "the address", 60)
        self.url = self.text("stdout.txt").strip()
        if not self.url:
            raise AssertionError("the server did not start: " + self.text("stderr.txt"))

    def text(self, name):
        with open(self.project.path(name)) as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        code = self.process.wait(40)
        assert code == 143, f"ended with {code}: " + self.text("stderr.txt")


class ReferenceServer:
    """The Java reference implementation, in `folder`."""

    def __init__(self, folder):
        self.tool, self.folder = os.path.join(toolbox(), "rest-reference-server"), folder
        done = subprocess.run([self.tool, "start", str(free_port()), folder], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise AssertionError("the reference server did not start: " + done.stderr)
        self.url = done.stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([self.tool, "stop", self.folder], timeout=60, check=False)
