"""Serves the fake API of a manifest until stdin ends: vendor_api.py ORACLE MANIFEST FOLDER NOW

Runs in the Python that has airbyte-cdk. Prints one line of JSON: the environment that a client needs, and its configuration."""
import json
import sys

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from harness import Run  # noqa: E402

VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "FIRN_CA_FILE", "FIRN_SLEEP_SCALE",
             "FIRN_NOW", "TZ")

with Run(sys.argv[2], sys.argv[3], now=sys.argv[4], chaos=None, config=None, scale=1, faults=None) as run:
    environment = run.environment()
    print(json.dumps({"environment": {name: environment[name] for name in VARIABLES}, "config": run.config}), flush=True)
    sys.stdin.read()
