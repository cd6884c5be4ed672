"""Switches on one deliberate mistake after the other (FIRN_SEEDED_BUG) and demands that the trials that pass without it fail
with it: the proof that the crash test can fail. Mistakes that the sources do not have are named and fail the test.
"""

import os
import re
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from support.firn_project import REPOSITORY, binary, has_failpoints, skip  # noqa: E402
from support.table_reader import readers_python  # noqa: E402
from races import a_listing_with_a_row_that_cannot_be_read, compaction_under_a_merge, load_under_a_rollback  # noqa: E402
from trial import World, as_zombie, at_failpoint, run_all  # noqa: E402

# Name → trials of which at least one must turn red: (mode, phase, failpoint, hit, action), or a function that gets the
# environment and returns the differences.
BUGS = {
    "ack_before_commit": [("append", "second", "commit.before_swap", 1, "kill"),
                          ("append", "second", "run.before_commit", 1, "kill"),
                          ("merge", "second", "commit.before_swap", 1, "kill")],
    "skip_token_check": [("append", "second", "commit.before_swap", 1, "zombie"),
                         ("append_unordered", "second", "commit.before_swap", 1, "zombie")],
    "delete_on_unknown": [("append", "second", "commit.after_swap", 1, "unknown"),
                          ("merge", "second", "commit.after_swap", 1, "unknown")],
    # A library that rebases a commit onto another parent without looking at the token there
    # (apache/iceberg#14425, #17901).
    "rebase_unjudged": [("append_unordered", "second", "commit.before_swap", 1, "zombie"),
                        ("merge", "second", "commit.before_swap", 1, "zombie"),
                        ("append", "second", "commit.before_swap", 1, "zombie")],
    # Files are known by their names; rows that are read again are in files of other names.
    "dedupe_by_name": [("append_unordered", "second", "commit.before_swap", 1, "zombie"),
                       ("append", "second", "commit.before_swap", 1, "zombie")],
    # The position goes with the snapshot that brought the rows.
    "token_not_carried": [("maintained", "second", "", 0, "none"), ("maintained", "first", "", 0, "none")],
    # A position that is ahead of the rows that are written.
    "state_before_flush": [("append", "second", "catalog.before_swap", hit, "kill") for hit in (2, 3, 4)],
    "no_epoch": [load_under_a_rollback],
    "compact_over_new_deletes": [compaction_under_a_merge],
    # A key that was not read is taken for one that is gone.
    "delete_what_was_not_read": [a_listing_with_a_row_that_cannot_be_read],
    "exclusive_cursor": [("append", "second", "run.committed", 1, "kill"), ("merge", "second", "run.committed", 1, "kill")],
}
# no_fsync needs a power cut: power_cut_test.py.


def bugs_in_sources():
    found = set()
    for folder, _, names in os.walk(os.path.join(REPOSITORY, "src")):
        for name in names:
            if name.endswith((".cc", ".h")) and not name.endswith("_test.cc"):
                with open(os.path.join(folder, name)) as file:
                    found.update(re.findall(r'SeededBug\("([a-z_]+)"\)', file.read()))
    return found


class SeededBugsTest(unittest.TestCase):
    seed = int(os.environ.get("FIRN_TEST_SEED", "1"))

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="firn-bugs-")
        cls.world = World(os.path.join(cls.folder.name, "world"), cls.seed)

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.folder.cleanup()

    def differences(self, trial, bug):
        env = {"FIRN_SEEDED_BUG": bug} if bug else {}
        if callable(trial):
            return trial(env)
        mode, phase, point, hit, action = trial
        self.world.env = env
        # A run whose pages arrive together commits less often; the other trials of the mistake then have to show it.
        unreached = []
        hurt = {"zombie": lambda: as_zombie(point, hit),
                "none": lambda: run_all}.get(action, lambda: at_failpoint(point, hit, action, unreached))
        return self.world.trial(mode, phase, hurt())

    def must_turn_red(self, bug):
        self.assertIn(bug, bugs_in_sources(), f"the mistake {bug} is not in the sources, so nothing shows that it would be seen")
        red = []
        for trial in BUGS[bug]:
            self.assertEqual(self.differences(trial, None), [], f"{trial} fails without any mistake, seed {self.seed}")
            red += self.differences(trial, bug)
        self.assertNotEqual(red, [], f"{bug} was not noticed by {BUGS[bug]}, seed {self.seed}")
        print(f"{bug} was noticed: {red[0][:200]}", flush=True)


for _bug in BUGS:
    setattr(SeededBugsTest, f"test_{_bug}_turns_the_test_red", lambda self, bug=_bug: self.must_turn_red(bug))

if __name__ == "__main__":
    binary()
    if not has_failpoints():
        skip("seeded bugs: the binary was built without failpoints")
    if readers_python() is None:
        skip("seeded bugs: no readers' venv (tools/prepare test)")
    unittest.main()
