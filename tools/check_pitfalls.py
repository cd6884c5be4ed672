"""Every test that docs/pitfalls.md names exists, and one of each row names one of the threads the row is about."""
import pathlib
import re
import sys

GUARD = re.compile(r"`((?:src|test)/[^`]+)` `([^`]+)`")
THREAD = re.compile(r"\[([\w./-]+#\d+)\]\(https://github\.com/[\w.-]+/[\w.-]+/(?:issues|pull)/\d+\)")


def has_test(text, path, name):
    """`Suite.Name` of a C++ test, `Class.test_name` of a Python one, or a seeded mistake."""
    if path.endswith(".py"):
        case, _, method = name.rpartition(".")
        return (f"class {case}(" in text and f"def {method}(" in text) if case else f'"{name}":' in text
    suite, _, test = name.partition(".")
    return re.search(rf"TEST(?:_F|_P)?\({suite},\s*{test}\)", text) is not None


def numbers_in(text):
    """Thread numbers named in comments and docstrings: `repo#1, #2` counts both."""
    return set(re.findall(r"#(\d{2,})", text))


problems, rows = [], 0
for line in pathlib.Path("docs/pitfalls.md").read_text().splitlines():
    if not line.startswith("|") or line.startswith(("| what", "|---")):
        continue
    rows += 1
    threads, guards = THREAD.findall(line), GUARD.findall(line)
    short = line[2:70]
    if not threads or not guards:
        problems.append(f"without a thread or a test: {short}")
    named = set()
    for path, name in guards:
        file = pathlib.Path(path)
        text = file.read_text() if file.is_file() else ""
        if not has_test(text, path, name):
            problems.append(f"no test {name} in {path}")
        named |= numbers_in(text)
    if not named & {thread.rpartition("#")[2] for thread in threads}:
        problems.append(f"no test names a thread: {short}")
if rows == 0:
    problems.append("docs/pitfalls.md has no rows")
print("\n".join(problems) if problems else f"pitfalls: {rows} rows, each with a test that names its thread")
sys.exit(1 if problems else 0)
