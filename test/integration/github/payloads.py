"""The GitHub webhook examples: fetched with npm, checked against the pinned hash, kept in the build cache."""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile

from support.comparator import json_text, parse
from support.firn_project import REPOSITORY, skip


def pins():
    with open(os.path.join(REPOSITORY, "tools", "pins.env")) as file:
        return dict(line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#"))


def fetch():
    """Path of the examples' JSON file; ends the test as skipped where they cannot be had."""
    cache = os.environ.get("FIRN_CACHE", os.path.expanduser("~/.cache/firn-build"))
    package, wanted = pins()["WEBHOOKS_PACKAGE"], pins()["WEBHOOKS_SHA512"]
    target = os.path.join(cache, "webhooks-" + package.rpartition("@")[2] + ".json")
    if os.path.exists(target):
        return target
    if shutil.which("npm") is None:
        skip(f"real payloads: npm is not there to fetch {package}")
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, capture_output=True, text=True, timeout=120)
        files = [name for name in os.listdir(folder) if name.endswith(".tgz")]
        if run.returncode != 0 or not files:
            skip(f"real payloads: {package} could not be downloaded")
        path = os.path.join(folder, files[0])
        with open(path, "rb") as file:
            digest = base64.b64encode(hashlib.sha512(file.read()).digest()).decode()
        if digest != wanted:
            raise SystemExit(f"{package}: checksum differs from tools/pins.env")
        with tarfile.open(path) as archive, tempfile.NamedTemporaryFile(dir=os.path.dirname(target), delete=False) as out:
            shutil.copyfileobj(archive.extractfile("package/api.github.com/index.json"), out)
        os.rename(out.name, target)
    return target


def examples():
    """[(event name, JSON text)]; numbers keep the digits of the file."""
    with open(fetch(), "rb") as file:
        events = parse(file.read())
    return [(event["name"], json_text(example)) for event in events for example in event["examples"]]
