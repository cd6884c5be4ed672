"""A MinIO of the toolbox on a port and folder of its own."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.firn_project import PATIENCE, REPOSITORY, skip, wait_until  # noqa: E402
from support.free_port import free_port  # noqa: E402

KEY, SECRET = "firn", "firn-secret"
BUCKET = "lake"


def toolbox():
    """The toolbox's folder; ends as skipped where MinIO is not installed."""
    path = os.path.abspath(os.environ.get("FIRN_TOOLBOX", os.path.join(REPOSITORY, "..", "shared", "toolbox")))
    home = os.environ.get("TOOLBOX_HOME", os.path.expanduser("~/.cache/firn-toolbox"))
    if not os.path.exists(os.path.join(path, "minio-server")):
        skip("no toolbox with MinIO: set FIRN_TOOLBOX")
    if not os.path.exists(os.path.join(home, "bin", "minio")):
        skip("MinIO is not installed: run toolbox-install minio")
    return path


class Minio:
    def __init__(self):
        self.tool = os.path.join(toolbox(), "minio-server")
        self.folder = tempfile.mkdtemp(prefix="firn-minio-")
        done = subprocess.run([self.tool, "start", str(free_port()), self.folder], stdout=subprocess.PIPE, text=True, timeout=120,
                              env={**os.environ, "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET})
        if done.returncode != 0:
            raise AssertionError("MinIO did not start")
        self.url = done.stdout.strip()
        wait_until(self.make_bucket, "a bucket in MinIO", 60 * PATIENCE)  # it says that it is ready, and refuses at first

    def make_bucket(self):
        curl = ["curl", "-sf", "-o", "/dev/null", "--max-time", "10", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u", f"{KEY}:{SECRET}"]
        return any(subprocess.run([*curl, *verb, f"{self.url}/{BUCKET}"], check=False).returncode == 0 for verb in (["-X", "PUT"], ["-I"]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        subprocess.run([self.tool, "stop", self.folder], check=True, timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def keys(self, prefix=""):
        """Keys of the bucket below a prefix: MinIO keeps each object in a folder of its name."""
        top = os.path.join(self.folder, "data", BUCKET, prefix)
        return sorted(os.path.relpath(folder, os.path.join(self.folder, "data", BUCKET))
                      for folder, _, names in os.walk(top) if "xl.meta" in names)

    def reader_settings(self):
        return {"endpoint": self.url, "key": KEY, "secret": SECRET}
