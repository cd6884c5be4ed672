"""The environment of the peers: a venv with pinned packages in the build's cache."""

import hashlib
import os
import shutil
import subprocess
import sys

from .measure import Missing

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(os.environ.get("FIRN_CACHE") or os.path.expanduser("~/.cache/firn-build"), "bench")
SCRIPTS = os.path.join(HERE, "peers")
_said = set()


def loud(text):
    if text not in _said:
        print(f"*** bench: {text}", file=sys.stderr, flush=True)
    _said.add(text)


def python():
    """Path of the venv's python; installs what is missing, once. Raises Missing."""
    home = os.path.join(CACHE, "venv")
    requirements = os.path.join(HERE, "requirements.txt")
    with open(requirements, "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()
    done = os.path.join(home, ".done")
    if os.path.exists(done) and open(done).read() == wanted:
        return os.path.join(home, "bin", "python")
    os.makedirs(CACHE, exist_ok=True)
    print(f"bench: installing the peers into {home}", file=sys.stderr, flush=True)
    shutil.rmtree(home, ignore_errors=True)
    pip = [os.path.join(home, "bin", "pip"), "install", "-q", "--disable-pip-version-check", "-r", requirements]
    try:
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run(pip, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"the peers of bench/requirements.txt could not be installed ({error})") from error
    with open(done, "w") as file:
        file.write(wanted)
    return os.path.join(home, "bin", "python")


def script(name, *arguments):
    """Command line of one peer's script."""
    return [python(), os.path.join(SCRIPTS, name), *map(str, arguments)]
