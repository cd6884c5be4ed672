"""A Singer tap over a JSON file of rows (config: {"rows": path, "token": secret}); notes how it was called in calls.jsonl."""

import argparse
import json
import sys

parser = argparse.ArgumentParser()
for name in ("--config", "--catalog", "--state"):
    parser.add_argument(name)
parser.add_argument("--discover", action="store_true")
arguments = parser.parse_args()


def load(path):
    with open(path) as file:
        return json.load(file)


config = load(arguments.config)
assert load(arguments.config) == config  # taps read it more than once
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps({"argv": sys.argv, "discover": arguments.discover}) + "\n")
streams = {"shop-orders": "orders", "shop-people": "people"}
if arguments.discover:
    print(json.dumps({"streams": [{"tap_stream_id": i, "stream": s, "schema": {"type": "object"}, "metadata": []} for i, s in streams.items()]}))
    sys.exit()
chosen = [s["tap_stream_id"] for s in load(arguments.catalog)["streams"] if s["metadata"][0]["metadata"].get("selected")]
state = load(arguments.state) if arguments.state else {"bookmarks": {}}
print("INFO this is no message", flush=True)
for stream in chosen:
    name, done = streams[stream], state["bookmarks"].get(stream, -1)
    print(json.dumps({"type": "SCHEMA", "stream": name, "schema": {"type": "object"}, "key_properties": ["id"]}))
    for row in load(config["rows"])[name]:
        if row["id"] <= done:
            continue
        print(json.dumps({"type": "RECORD", "stream": name, "record": row, "time_extracted": "2025-01-01T00:00:00Z"}))
        state["bookmarks"][stream] = row["id"]
        if row["id"] % 10 == 9:
            print(json.dumps({"type": "STATE", "value": state}))
    print(json.dumps({"type": "STATE", "value": state}))
