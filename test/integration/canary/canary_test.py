"""Marked bytes in columns of personal data are found nowhere: not in files (data files decompressed), not on stdout or stderr."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi, Fault, Raw, to_json  # noqa: E402
from support.firn_project import FirnProject, binary  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

MARK = "KANARI9"
SECRET = "s3cret-K4NARI-token"
FORMS = {
    "string": f"{MARK}@example.org",
    "escaped": Raw('"\\u004bANARI9 x"'),
    "object": {"address": f"{MARK}", MARK: 1},
    "array": [MARK, {"deep": [MARK]}, 1],
    "long text": MARK + "x" * 40000,
}


class CanaryTest(unittest.TestCase):
    def setUp(self):
        self.reader = TableReader()
        self.addCleanup(self.reader.close)
        self.api = FakeApi(token=SECRET)
        self.addCleanup(self.api.close)
        self.outputs = []

    def project(self, mask, more=""):
        key = f"mask_key: {SECRET}\n" if mask == "hmac" else ""
        project = FirnProject(f"""version: 1
{key}pipelines:
  shop:
    source:
      type: rest
      base_url: {self.api.url}
      auth: {{type: bearer, token: "${{env:TOKEN}}"}}
      retry: {{attempts: 2, total: 2s}}
    tables:
      people:
        path: /v1/people
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        primary_key: id
        incremental: {{cursor: updated_at, param: since}}
        raw: archive
{more}        columns:
          mail: {{pii: email, mask_on_write: {mask}}}
          person.phone: {{pii: phone, mask_on_write: {mask}}}
          contacts.mail: {{pii: email, mask_on_write: {mask}}}
""", env={"TOKEN": SECRET})
        self.addCleanup(project.__exit__)
        return project

    def firn(self, project, *arguments, **options):
        result = project.firn(*arguments, **options)
        self.outputs.append((" ".join(arguments), result.out + result.err))
        return result

    def row(self, number, value, **more):
        return {"id": number, "updated_at": f"2025-01-01T00:00:{number % 60:02d}Z", "mail": value,
                "person": {"phone": value, "city": "Bonn"}, "contacts": [{"mail": value, "n": 1}, {"n": 2}], **more}

    def search(self, project):
        places = [f"output of {name}" for name, text in self.outputs if MARK in text or SECRET in text]
        number = 0
        for path in project.files():
            if path.endswith("firn.yaml"):
                continue
            number += 1
            with open(path, "rb") as file:
                data = file.read()
            texts = [data]
            if path.endswith(".parquet"):
                texts.append(self.reader.ask(parquet=path)["text"].encode())
            elif path.endswith(".avro"):
                texts.append(self.reader.ask(avro=path)["text"].encode())
            if any(mark.encode() in text for text in texts for mark in (MARK, SECRET)):
                places.append(os.path.relpath(path, project.folder))
        self.assertGreater(number, 3, "nothing was written")
        self.assertEqual(places, [])

    def test_the_search_would_find_it(self):
        people = self.api.table("people")
        people.put(self.row(1, FORMS["string"]))
        project = self.project("sha256")
        with open(project.path("firn.yaml")) as file:
            text = file.read()
        project.write(text.replace("person.phone", "person.other"))
        self.assertEqual(self.firn(project, "run", "--json").code, 0)
        with self.assertRaises(AssertionError):
            self.search(project)

    def test_every_form_of_a_value_under_every_mask(self):
        for mask in ("redact", "null", "sha256", "hmac", "ip"):
            with self.subTest(mask):
                people = self.api.table("people")
                project = self.project(mask)
                for number, value in enumerate(FORMS.values(), 1):
                    people.put(self.row(number, value))
                people.put({**self.row(5, FORMS["string"]), "id": None})  # no key: to the quarantine
                result = self.firn(project, "run", "--json", "--log", "debug")
                self.assertEqual(result.code, 0, "exit code of a run whose output is not shown here")
                for number, value in enumerate(FORMS.values(), 10):  # into tables whose types are fixed
                    people.put(self.row(number, value))
                self.assertEqual(self.firn(project, "run", "--json", "--log", "debug", "--log-format", "json").code, 0)
                for arguments in (("status", "--json"), ("runs",), ("logs",), ("plan",), ("config", "show", "--resolved"),
                                  ("sql", "from shop.people", "--json"), ("sql", "from shop._quarantine", "--json"),
                                  ("tables",), ("history", "shop.people"), ("preview", "people")):
                    self.firn(project, *arguments)
                self.search(project)
                stored = self.reader.rows(project, "shop.people")
                self.assertEqual(len(stored), 10)
                if mask == "sha256":
                    self.assertTrue(all(len(row["mail"]) == 64 for row in stored))

    def test_malformed_json_shows_structure_only(self):
        broken = [f'{{"id":1,"updated_at":"2025-01-01T00:00:01Z","mail":"{MARK}}}',
                  f'{{"id":2,"updated_at":"2025-01-01T00:00:02Z","mail":{MARK}}}',
                  f'{{"id":3,"updated_at":"2025-01-01T00:00:03Z","mail":["{MARK}",}}',
                  f'{{"id":4,"updated_at":"2025-01-01T00:00:04Z","mail":"{MARK}\\x"}}',
                  f'{{"id":5,"updated_at":"2025-01-01T00:00:05Z","{MARK}":tru}}']
        for policy in ("", "        on_error: quarantine\n"):
            for number, text in enumerate(broken):
                with self.subTest(policy=policy.strip(), form=number):
                    people = self.api.table("people")
                    people.put(self.row(8, "a"))
                    people.put_text(text)
                    people.put(self.row(9, "b"))
                    project = self.project("sha256", policy)
                    self.firn(project, "run", "--json", "--log", "debug")
                    self.firn(project, "logs")
                    self.firn(project, "status")
                    if project.tables():
                        self.search(project)
                    else:
                        self.assertEqual([n for n, t in self.outputs if MARK in t], [])

    def test_contracts_that_reject_values_do_not_show_them(self):
        for contract in ("{tables: evolve, columns: freeze, types: freeze}", "discard_row", "discard_value"):
            with self.subTest(contract):
                people = self.api.table("people")
                people.put(self.row(1, "first"))
                project = self.project("sha256", f"        schema_contract: {contract}\n")
                self.firn(project, "run", "--json")
                self.firn(project, "run", "--json")
                people.put(self.row(2, {"now": MARK}, extra={"mail": 1}))
                self.firn(project, "run", "--json", "--log", "debug")
                self.search(project)

    def test_errors_of_the_api_do_not_show_secrets(self):
        people = self.api.table("people")
        people.put(self.row(1, "x"))
        project = self.project("sha256")
        self.api.fail("people", Fault("400", body=f'{{"error":"bad token {SECRET}"}}'.encode()), times=9)
        self.assertNotEqual(self.firn(project, "run", "--log", "debug").code, 0)
        self.assertEqual([n for n, t in self.outputs if SECRET in t], [])


if __name__ == "__main__":
    binary()
    assert to_json({"a": Raw("1")}) == '{"a":1}'
    unittest.main()
