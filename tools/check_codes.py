"""Every error code used in src/ has exactly one explanation for `firn explain`, and every explanation is used."""
import pathlib
import re
import sys

CODE = re.compile(r'"(E0\d{3})"')
EXPLAINED = re.compile(r'Explanation\{\s*"(E0\d{3})"')

explained, used = [], set()
for file in sorted(pathlib.Path("src").rglob("*.cc")) + sorted(pathlib.Path("src").rglob("*.h")):
    if file.stem.endswith(("_test", "_fuzz", "_bench")):
        continue
    text = file.read_text()
    if file.name.startswith("explain"):
        explained += EXPLAINED.findall(text)
    else:
        used |= set(CODE.findall(text))
twice = sorted({code for code in explained if explained.count(code) > 1})
problems = [f"explained twice: {code}" for code in twice]
problems += [f"used but not explained: {code}" for code in sorted(used - set(explained))]
problems += [f"explained but not used: {code}" for code in sorted(set(explained) - used)]
print("\n".join(problems) if problems else f"codes: {len(used)} used and explained")
sys.exit(1 if problems else 0)
