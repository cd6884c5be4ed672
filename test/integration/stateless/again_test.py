"""Tests of other folders once more, on a machine that keeps nothing: the local state folder is gone before every command.

    again_test.py [lost|lake] [name of a test …]"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [os.path.dirname(TOP), os.path.join(TOP, "crash"), os.path.join(TOP, "watching"), os.path.join(TOP, "deletes"),
                os.path.join(TOP, "run"), os.path.join(TOP, "change")]
import support.firn_project  # noqa: E402
from forgetful import ForgetfulProject  # noqa: E402

# What looks into the local state folder itself, or into what a default project keeps there.
ABOUT_THE_FOLDER = ()
MODULES = ("watching_test", "deletes_test", "test_dispositions", "change_test")


def main():
    kind = next((word for word in sys.argv[1:] if word in ("lost", "lake")), "lake")
    names = [word for word in sys.argv[1:] if word not in ("lost", "lake", "--failfast")]

    class Forgetful(ForgetfulProject):
        def __init__(self, text, env=None, folder=None, file="firn.yaml"):
            super().__init__(text, kind, env=env, folder=folder, file=file)

    support.firn_project.FirnProject = Forgetful
    modules = sorted({name.split(".")[0] for name in names}) or MODULES
    suite = unittest.TestSuite()
    for module in modules:
        loaded = unittest.defaultTestLoader.loadTestsFromName(module)
        suite.addTest(loaded)
    chosen = unittest.TestSuite(test for test in flat(suite) if test.id() not in ABOUT_THE_FOLDER and
                                (not names or any(test.id().startswith(name) for name in names)))
    result = unittest.TextTestRunner(verbosity=2, failfast="--failfast" in sys.argv).run(chosen)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


if __name__ == "__main__":
    main()
