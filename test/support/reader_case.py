"""A test case whose tables are read by pyiceberg and DuckDB, in one process for all its tests."""

import unittest

from support.table_reader import TableReader


class ReaderCase(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.reader = TableReader()

    @classmethod
    def tearDownClass(cls):
        cls.reader.close()
