"""Airbyte manifests made at random: firn's records, states and requests against those of Airbyte's own runtime.

    generated_test.py [--seeds 1-2] [--streams N] [--only NAME] [--phases full,inc1,inc2] [--out DIR] [--verbose]

Every manifest is read whole, then incrementally from nothing, then a week later from the reference's state. Needs a Python with
airbyte-cdk 7.28.2 and freezegun: FIRN_CDK_PYTHON, default .venv beside the oracle (FIRN_SHARED); without it the test is skipped (exit 77).
"""
import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("FIRN_SHARED", REPOSITORY.parent / "shared"))
PYTHON = os.environ.get("FIRN_CDK_PYTHON", str(SHARED / "oracle/.venv/bin/python"))
FIRN = os.environ.get("FIRN_BINARY", str(REPOSITORY / "build/dev/firn"))
SECONDS = 45  # of one run; afterwards it counts as unfinished
INDENT = "\n        "


class Reference:
    """The process of reference_runs.py."""

    def __init__(self):
        script = str(Path(__file__).with_name("reference_runs.py"))
        self.process = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, arguments, stdout, stderr, environment, now):
        job = {"arguments": arguments, "stdout": str(stdout), "stderr": str(stderr), "environment": environment, "now": now,
            "timeout": SECONDS}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run_firn(arguments, stdout, stderr, environment, now):
    inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        try:
            return subprocess.run([FIRN, "airbyte", *arguments], stdout=out, stderr=err, env={**inherited, **environment, "FIRN_NOW": now},
                timeout=SECONDS, check=False).returncode
        except subprocess.TimeoutExpired:
            return "time"


def canonical(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def normal_state(state):
    """Lists whose order means nothing, sorted."""
    if isinstance(state, dict):
        return {k: sorted(map(normal_state, v), key=canonical) if k in ("states", "slices") and isinstance(v,
            list) else normal_state(v) for k, v in state.items()}
    return [normal_state(item) for item in state] if isinstance(state, list) else state


def shown_request(text):
    """A request as it is compared: random signatures of tokens and spaces in JSON do not count."""
    *front, body = json.loads(text)
    try:
        body = canonical(json.loads(body))
    except ValueError:
        pass
    return re.sub(r"(eyJ[\w-]+)\.(eyJ[\w-]+)\.[\w-]+", lambda match: token_text(match[1]) + token_text(match[2]), canonical([*front, body]))


def token_text(part):
    return canonical(json.loads(base64.urlsafe_b64decode(part + "==")))


class Result:
    """What one run printed: records, last state and verdict per stream, the requests it made."""

    def __init__(self, output, log, code):
        self.records, self.states, self.status, self.errors, self.catalog, self.general = {}, {}, {}, {}, {}, []
        self.code, self.requests = code, {}
        for request in log:
            stream = re.match(r"/(s\d+)", json.loads(request)[2])  # those of streams from one template count as one
            if json.loads(request)[2].endswith("/schema"):
                continue  # the reference reads a dynamic schema also where nothing is made of it
            self.requests.setdefault(stream[1] if stream else "", Counter())[shown_request(request)] += 1
        for line in output.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                self.add(json.loads(line))
            except ValueError:
                continue

    def add(self, message):
        kind = message.get("type")
        if kind == "RECORD":
            self.records.setdefault(message["record"]["stream"], Counter())[canonical(message["record"]["data"])] += 1
        elif kind == "STATE" and message["state"].get("stream"):
            stream = message["state"]["stream"]
            self.states[stream["stream_descriptor"]["name"]] = stream.get("stream_state")
        elif kind == "CATALOG":
            self.catalog = {s["name"]: canonical(s) for s in message["catalog"]["streams"]}
        elif kind == "TRACE" and message["trace"].get("type") == "STREAM_STATUS":
            status = message["trace"]["stream_status"]
            self.status[status["stream_descriptor"]["name"]] = status["status"]
        elif kind == "TRACE" and message["trace"].get("type") == "ERROR":
            error = message["trace"]["error"]
            name = (error.get("stream_descriptor") or {}).get("name")
            text = f"{error.get('message')} | {error.get('internal_message')}"
            self.errors.setdefault(name, []).append(text) if name else self.general.append(text)

    def failed(self, name):
        return self.status.get(name) != "COMPLETE" or name in self.errors

    def broken(self, name):
        """Whether an error of the runtime's own ended the stream, not one that it reports of the API or the manifest."""
        return any("An unexpected error occurred" in text for text in self.errors.get(name, []))


def differences(name, reference, mine):
    """The kinds in which a stream's run differs, with a line of detail each."""
    if reference.failed(name) or mine.failed(name):
        if reference.failed(name) == mine.failed(name) or reference.broken(name):
            return []
        who = reference if reference.failed(name) else mine
        why = (who.errors.get(name) or who.general or [str(who.status.get(name))])[0]
        return [("only the reference fails" if who is reference else "only firn fails", why[:700])]
    found = []
    asked = name.split("_")[0]  # of the template's path, where a template made the stream
    compared = [("records", reference.records.get(name, Counter()), mine.records.get(name, Counter()))]
    if asked == name:  # streams of one template share their parents: whoever comes first asks
        compared.append(("requests", reference.requests.get(asked, Counter()), mine.requests.get(asked, Counter())))
    for kind, left, right in compared:
        missing, more = left - right, right - left
        if missing or more:
            lines = [f"{missing.total()} missing, {more.total()} more of {left.total()}"]
            lines += [f"reference: {text[:900]}" for text in list(missing.elements())[:2]]
            lines += [f"firn:      {text[:900]}" for text in list(more.elements())[:2]]
            found.append((kind, INDENT.join(lines)))
    left, right = (normal_state(r.states.get(name)) for r in (reference, mine))
    if left != right:
        found.append(("state", INDENT.join(["", f"reference: {canonical(left)[:900]}", f"firn:      {canonical(right)[:900]}"])))
    return found


class Comparison:
    def __init__(self, options, out):
        self.options, self.out = options, out
        self.reference = Reference()
        self.total = self.equal = self.failing = self.broken = 0
        self.kinds, self.shown = Counter(), set()

    def seed(self, seed):
        from generated_manifests import LATER, NOW, generate
        from scripted_api import serve

        manifest, config, script = generate(seed, self.options.streams)
        if self.options.only:
            manifest["streams"] = [s for s in manifest["streams"] if s.get("name") == self.options.only]
        folder = self.out / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (folder / "manifest.yaml").write_text(json.dumps(manifest, indent=1))
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "script.json").write_text(json.dumps(script, indent=1))
        self.server = serve(script)
        try:
            self.catalog = {}
            discovered = self.both("discover", NOW, [])
            self.catalog = discovered[0].catalog
            if not self.catalog:
                print(f"{seed}: the reference finds no streams: {(folder / 'discover.reference.stderr').read_text()[-300:]}")
            self.judge(seed, "discover", *discovered)
            if "full" in self.phases():
                self.judge(seed, "full", *self.both("full", NOW, []))
            if {"inc1", "inc2"} & self.phases():
                first = self.both("inc1", NOW, [])
                self.judge(seed, "inc1", *first)
            if "inc2" in self.phases():
                states = [{"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": state}}
                          for name, state in first[0].states.items()]
                (folder / "state.json").write_text(json.dumps(states, indent=1))
                self.judge(seed, "inc2", *self.both("inc2", LATER, ["--state", str(folder / "state.json")]))
        finally:
            self.server.shutdown()
            self.server.server_close()

    def phases(self):
        return set(self.options.phases.split(","))

    def both(self, phase, now, more):
        """The reference's result and firn's."""
        streams = []
        for name, found in self.catalog.items():
            incremental = "incremental" in json.loads(found)["supported_sync_modes"]
            stream = {"name": name, "json_schema": {"type": "object", "properties": {}},
                      "supported_sync_modes": ["full_refresh"] + ["incremental"] * incremental}
            mode = "incremental" if incremental and phase != "full" else "full_refresh"
            streams.append({"stream": stream, "sync_mode": mode, "destination_sync_mode": "append"})
        (self.folder / "catalog.json").write_text(json.dumps({"streams": streams}))
        proxy = f"http://127.0.0.1:{self.server.server_address[1]}"
        environment = {name: proxy for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
        environment |= {"no_proxy": "", "TZ": "UTC", "FIRN_SLEEP_SCALE": "0.001", "PYTHONDONTWRITEBYTECODE": "1"}
        results = []
        for who, run, option in (("reference", self.reference.run, "--manifest-path"), ("firn", run_firn, "--manifest")):
            config = self.folder / f"{who}.config.json"  # a run may rewrite it
            config.write_text((self.folder / "config.json").read_text())
            arguments = ["discover" if phase == "discover" else "read", option, str(self.folder / "manifest.yaml"), "--config", str(config)]
            if phase != "discover":
                arguments += ["--catalog", str(self.folder / "catalog.json"), *more]
            output = self.folder / f"{phase}.{who}.jsonl"
            self.server.api.reset()
            code = run(arguments, output, self.folder / f"{phase}.{who}.stderr", environment, now)
            output.with_suffix(".requests").write_text("\n".join(self.server.api.log))
            results.append(Result(output, list(self.server.api.log), code))
        return results

    def judge(self, seed, phase, reference, mine):
        for name in self.catalog:
            if phase == "discover":
                left, right = reference.catalog.get(name), mine.catalog.get(name)
                why = (mine.errors.get(name) or mine.general or [""])[0]
                lines = ["", f"reference: {left}", f"firn:      {right}", why]
                found = [] if left == right else [("discover", INDENT.join(lines))]
            else:
                if reference.status.get(name) not in ("COMPLETE", "INCOMPLETE") and not reference.errors.get(name):
                    continue  # the reference ended before it came to this stream, or to its end
                found = differences(name, reference, mine)
                self.failing += reference.failed(name)
                self.broken += reference.broken(name)
            self.total += 1
            self.equal += not found
            for kind, detail in found:
                self.kinds[kind] += 1
                if (seed, name, kind) in self.shown:
                    continue
                self.shown.add((seed, name, kind))
                print(f"{seed}/{phase} {name}: {kind}: {detail if self.options.verbose else detail.splitlines()[0][:200]}", flush=True)


def seeds(text):
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-2")
    parser.add_argument("--streams", type=int, default=8, help="of each manifest, besides dynamic ones")
    parser.add_argument("--only")
    parser.add_argument("--phases", default="full,inc1,inc2")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    try:
        import airbyte_cdk  # noqa: F401
        import freezegun  # noqa: F401
    except ImportError:
        if os.environ.get("FIRN_CDK_TRIED") or not os.path.exists(PYTHON):
            print(f"SKIPPED: no airbyte-cdk and freezegun at {PYTHON} (FIRN_CDK_PYTHON)")
            sys.exit(77)
        os.environ["FIRN_CDK_TRIED"] = "1"
        os.execv(PYTHON, [PYTHON, *sys.argv])
    with tempfile.TemporaryDirectory() as temporary:
        comparison = Comparison(options, options.out or Path(temporary))
        try:
            for seed in seeds(options.seeds):
                comparison.seed(seed)
        finally:
            comparison.reference.close()
    print(f"stream runs equal: {comparison.equal} / {comparison.total} ({comparison.failing} fail in the reference, "
          f"{comparison.broken} of them by an error of its own); differences: {dict(comparison.kinds)}")
    sys.exit(comparison.equal != comparison.total or not comparison.total)



if __name__ == "__main__":
    main()
