"""The Python that has Airbyte's own runtime (airbyte-cdk 7.28.2)."""

import os
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("FIRN_CACHE") or os.path.expanduser("~/.cache/firn-build"))
SHARED = Path(os.environ.get("FIRN_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))


def python():
    """Its path: FIRN_CDK_PYTHON, what `tools/prepare test` installs, or the environment beside the oracle; None if there is none."""
    for candidate in (os.environ.get("FIRN_CDK_PYTHON"), CACHE / "airbyte/bin/python", SHARED / "oracle/.venv/bin/python"):
        if candidate and Path(candidate).exists():
            if subprocess.run([str(candidate), "-c", "import airbyte_cdk"], capture_output=True, check=False).returncode == 0:
                return str(candidate)
    return None
