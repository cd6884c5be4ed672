"""Tests of the test support itself: the judge must see every kind of wrong value, the API must page without loss."""

import datetime
import decimal
import json
import os
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.comparator import compare, micros_of, parse  # noqa: E402
from support.fake_api import FakeApi, Fault, Raw  # noqa: E402


def schema(*fields):
    return {"type": "struct", "fields": [{"id": i + 1, "name": n, "type": t, "required": False, "doc": d}
                                         for i, (n, t, d) in enumerate(f if len(f) == 3 else (*f, None) for f in fields)]}


UTC = datetime.timezone.utc


class ComparatorTest(unittest.TestCase):
    def judge(self, text, stored, *fields):
        differences, _ = compare(['{"id":1,' + text + "}"], [{"id": 1, **stored}], schema(("id", "long"), *fields), ["id"])
        return differences

    def same(self, text, stored, *fields):
        self.assertEqual(self.judge(text, stored, *fields), [])

    def differs(self, text, stored, *fields):
        self.assertNotEqual(self.judge(text, stored, *fields), [])

    def test_numbers_are_compared_as_text(self):
        self.same('"a":0.1', {"a": 0.1}, ("a", "double"))
        self.differs('"a":0.1000000000000000001', {"a": 0.1}, ("a", "double"))
        self.same('"a":9007199254740993', {"a": 9007199254740993}, ("a", "long"))
        self.differs('"a":9007199254740993', {"a": 9007199254740992}, ("a", "long"))
        self.differs('"a":9007199254740993', {"a": 9007199254740992.0}, ("a", "double"))
        self.same('"a":12.50', {"a": decimal.Decimal("12.50")}, ("a", "decimal(12, 2)"))
        self.same('"a":1e400', {"a__string": "1e400"}, ("a", "double"), ("a__string", "string", "firn:sibling key=a"))
        self.differs('"a":1e400', {"a__string": "1E400"}, ("a", "double"), ("a__string", "string", "firn:sibling key=a"))
        self.differs('"a":true', {"a": 1}, ("a", "long"))

    def test_one_column_of_a_key_holds_the_value(self):
        fields = (("a", "long"), ("a__string", "string"))
        self.same('"a":1', {"a": 1, "a__string": None}, *fields)
        self.same('"a":"1"', {"a": None, "a__string": "1"}, *fields)
        self.differs('"a":"1"', {"a": 1, "a__string": "1"}, *fields)
        self.differs('"a":"1"', {"a": None, "a__string": None}, *fields)
        self.same('"a":null', {"a": None, "a__string": None}, *fields)
        self.differs('"a":null', {"a": 0, "a__string": None}, *fields)
        self.differs('"b":1', {"a": 1, "a__string": None}, *fields)

    def test_times_are_equal_at_a_microsecond_in_utc(self):
        at = datetime.datetime(2025, 1, 1, 10, 0, 0, 123000, UTC)
        self.same('"t":"2025-01-01T12:00:00.123+02:00"', {"t": at}, ("t", "timestamptz"))
        self.differs('"t":"2025-01-01T12:00:00.123Z"', {"t": at}, ("t", "timestamptz"))
        self.differs('"t":"2025-01-01T10:00:00.1230001Z"', {"t": at}, ("t", "timestamptz"))
        self.differs('"t":"2025-01-01T10:00:00.123"', {"t": at}, ("t", "timestamptz"))
        self.same('"t":"2025-01-01T10:00:00.123"', {"t": at.replace(tzinfo=None)}, ("t", "timestamp"))
        self.same('"d":"2025-01-01"', {"d": datetime.date(2025, 1, 1)}, ("d", "date"))
        self.assertEqual(micros_of("1970-01-01T00:00:00.000001Z"), (1, True))

    def test_nested_values(self):
        inner = schema(("x", "long"), ("y", {"type": "list", "element": "string"}))
        field = ("o", {"type": "struct", "fields": inner["fields"]})
        self.same('"o":{"x":1,"y":["a",null]}', {"o": {"x": 1, "y": ["a", None]}}, field)
        self.differs('"o":{"x":1,"y":["a",null]}', {"o": {"x": 1, "y": ["a"]}}, field)
        self.differs('"o":{"x":1,"z":2}', {"o": {"x": 1, "y": None}}, field)
        self.same('"o":{}', {"o": {"x": None, "y": None}}, field)
        self.differs('"o":{}', {"o": None}, field)
        self.differs('"o":{"y":[]}', {"o": {"x": None, "y": None}}, field)

    def test_json_text_is_compared_by_value_with_its_digits(self):
        field = ("j", "string", "firn:json")
        self.same('"j":{"a":[1.10,"x"]}', {"j": '{"a": [1.10, "x"]}'}, field)
        self.differs('"j":{"a":[1.10,"x"]}', {"j": '{"a": [1.11, "x"]}'}, field)
        self.same('"j":"x"', {"j": '"x"'}, field)
        self.differs('"j":"x"', {"j": "x"}, field)
        mixed = ("m", {"type": "list", "element": "string"})
        self.same('"m":[1,"a",null]', {"m": ["1", '"a"', None]}, mixed)
        self.differs('"m":[1,"a"]', {"m": ["1", "a"]}, mixed)
        self.same('"m":["a"]', {"m": ["a"]}, mixed)

    def test_lost_doubled_and_foreign_rows(self):
        one = schema(("id", "long"))
        self.assertEqual(len(compare(['{"id":1}', '{"id":2}'], [{"id": 1}, {"id": 1}, {"id": 3}], one, ["id"])[0]), 3)
        self.assertEqual(compare(['{"id":1}'], [{"id": 1}, {"id": 2}], one, ["id"], optional_texts=['{"id":2}'])[0], [])

    def test_values_of_personal_data_are_not_printed(self):
        differences, _ = compare(['{"id":1,"mail":"secret"}'], [{"id": 1, "mail": "other"}],
                                 schema(("id", "long"), ("mail", "string")), ["id"], pii=["mail"])
        self.assertEqual(len(differences), 1)
        self.assertNotIn("secret", differences[0])
        self.assertNotIn("other", differences[0])

    def test_the_last_of_duplicate_keys_wins(self):
        self.assertEqual(parse('{"a":1,"a":2}'), {"a": "2"})


class FakeApiTest(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)

    def get(self, url):
        with urllib.request.urlopen(url if url.startswith("http") else self.api.url + url) as answer:
            return json.load(answer), answer.headers

    def fill(self, **options):
        table = self.api.table("orders", page_size=3, **options)
        for i in range(8):
            table.put({"id": i, "updated_at": f"2025-01-01T00:00:0{i % 4}Z", "n": Raw("1.0")})
        return table

    def test_every_paging_gives_every_row_once(self):
        for paging in ("cursor", "page", "offset", "next_url", "link_header"):
            self.fill(paging=paging)
            ids, url, number = [], "/v1/orders", 0
            while url:
                body, headers = self.get(url)
                ids += [row["id"] for row in body["data"]]
                number += 1
                meta = body.get("meta", {})
                url = {"cursor": f"/v1/orders?cursor={meta.get('next')}" if meta.get("next") else None,
                       "page": f"/v1/orders?page={number + 1}" if number < meta.get("pages", 0) else None,
                       "offset": f"/v1/orders?offset={len(ids)}" if len(ids) < meta.get("total", 0) else None,
                       "next_url": meta.get("next"),
                       "link_header": headers.get("Link", "<>").split(">")[0][1:]}[paging]
            self.assertEqual(sorted(ids), list(range(8)), paging)

    def test_rows_replace_by_key_and_faults_are_served_once(self):
        table = self.fill(paging="none")
        table.put({"id": 3, "updated_at": "2025-01-01T00:00:09Z"})
        self.api.fail("/v1/orders", Fault("429", retry_after="0"))
        with self.assertRaises(urllib.error.HTTPError):
            self.get("/v1/orders")
        body, _ = self.get("/v1/orders?since=2025-01-01T00:00:04Z")
        self.assertEqual([row["id"] for row in body["data"]], [3])
        self.assertEqual(len(self.api.requests("/v1/orders")), 2)


if __name__ == "__main__":
    unittest.main()
