"""NDJSON with known types → Arrow on one thread, against a simdjson On-Demand visit of every field, key order known."""

import os
import re

from harness import data, measure
from harness.table import Figure


def rows(context):
    bench = context.program("decode_bench")  # alternates both by itself, and fails if what it decoded differs
    source = os.path.join(data.lineitem("0.1"), "lineitem.ndjson")
    found = []
    for _ in range(context.pairs):
        out = measure.run([bench, source], cores=1).out
        found.append({name: float(value) for name, value in re.findall(r"^(rows|visit|decode|ratio) +([\d.]+)", out, re.M)})
    expected = data.expected("flat_hash.py", "ndjson", source)["rows"]
    if any(one["rows"] != expected for one in found):
        raise measure.Failed(f"decode_bench: {found[0]['rows']:.0f} rows, source {expected}")
    middle = {name: measure.median(one[name] for one in found) for name in ("visit", "decode", "ratio")}
    yield Figure("NDJSON → Arrow, types known, 1 thread", f"{middle['decode']:.0f} MB/s",
                 f"typed simdjson visit {middle['visit']:.0f} MB/s", middle["ratio"], "×", 0.4, 0.6)
