"""Reads a JUnit file of ctest; fails on a skip that test/allowed_skips.txt does not name; prints the end of what each
failed test said, then the closing line.

test/allowed_skips.txt: one line per allowed skip, `regular expression of the test name: reason`.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

root = ET.parse(sys.argv[1]).getroot()
allowed = []
for line in pathlib.Path(__file__).parent.parent.joinpath("test/allowed_skips.txt").read_text().splitlines():
    if line.strip() and not line.startswith("#"):
        pattern, _, reason = line.partition(":")
        if not reason.strip():
            sys.exit(f"allowed_skips.txt: no reason given for {pattern}")
        allowed.append((re.compile(pattern.strip()), reason.strip()))

passed = failed = skipped = 0
unexpected = []
for case in root.iter("testcase"):
    status, name = case.get("status"), case.get("name")
    if case.find("failure") is not None or status == "fail":
        failed += 1
        said = (case.findtext("system-out") or "").rstrip().splitlines()[-20:]
        print(f"failed: {name}", *said, sep="\n    ")
    elif case.find("skipped") is not None or status in ("notrun", "disabled"):
        skipped += 1
        reason = next((reason for pattern, reason in allowed if pattern.fullmatch(name)), None)
        print(f"skipped: {name}: {reason or 'NOT ALLOWED'}")
        if reason is None:
            unexpected.append(name)
    else:
        passed += 1
if passed == 0:
    print("no test ran")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or unexpected or not passed else 0)
