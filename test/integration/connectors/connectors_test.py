"""Every connector of the library against a fake of its API (fake_vendors.py): see README.md."""

import json
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from fake_vendors import ROWS, SECRET, TOKEN, USER, VENDORS, FakeVendor, iso, put  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject  # noqa: E402

PERSONAL = re.compile(r"(e?mails?$|phone|first_?name|last_?name|(^|\.)ip$|address)", re.IGNORECASE)


class Project(FirnProject):
    """What `firn init NAME` writes, with the source at the fake."""

    def __init__(self, name, fake=None, secret=SECRET):
        super().__init__("")
        os.remove(self.path("firn.yaml"))
        made = self.firn("init", name)
        assert made.code == 0, str(made)
        if fake is None:
            return
        with open(self.path(".env.example")) as file:
            variables = [line.partition("=")[0] for line in file if "=" in line]
        is_secret = re.compile("TOKEN|KEY|SECRET")
        self.env = {variable: secret if is_secret.search(variable) else USER for variable in variables}
        source = f"FIRN__PIPELINES__{name.upper()}__SOURCE__"
        self.env[source + "BASE_URL"] = fake.url
        self.env[source + "RATE_LIMIT"] = "{requests: 1000, per: 1s}"
        if fake.vendor.by_clock:
            self.env["FIRN_NOW"] = iso(ROWS)
        for field, value in fake.vendor.overlay.items():
            self.env[source + field] = value.replace("{url}", fake.url)

    def keys(self, name, table, columns):
        chosen = ", ".join(f'"{column}"' for column in columns)
        rows = self.sql(f"select {chosen} from {name}.{table}")
        return sorted(tuple(str(row[column]) for column in columns) for row in rows)


class EachConnector:
    """The suite of one connector; `name` is set by the classes below."""

    name = ""

    def setUp(self):
        self.vendor = VENDORS[self.name]()
        self.fake = self.enterContext(FakeVendor(self.vendor))

    def tearDown(self):
        self.assertEqual(self.fake.problems, [])

    def project(self, **options):
        return self.enterContext(Project(self.name, self.fake, **options))

    def later(self, project):
        if self.vendor.by_clock:
            project.env["FIRN_NOW"] = iso(ROWS + 2)

    def assert_tables(self, project):
        for table, rows in self.vendor.tables.items():
            self.assertEqual(project.keys(self.name, table, rows.key), rows.keys(), table)

    def test_is_valid_without_secrets_and_complete(self):
        project = self.enterContext(Project(self.name))
        result = project.firn("validate", "--offline")
        self.assertEqual(result.code, 0, result)
        self.assertIn("0 warnings", result.err)
        page = project.firn("connectors", self.name)
        declared = re.findall(r"^\| `(\w+)` \|", page.out.partition("## Tables")[2], re.M)
        self.assertEqual(declared, [*self.vendor.tables, *self.vendor.further])

    def test_bad_credentials_are_the_users_to_mend(self):
        project = self.project(secret="wrong-credential-0123")
        result = project.firn("run", "--json")
        self.assertEqual(result.code, 4, result)
        self.assert_silent(project, result, "wrong-credential-0123")

    def test_reads_everything_then_what_changed(self):
        project = self.project()
        first = project.run()
        self.assert_tables(project)
        self.fake.take_served()
        for table in self.vendor.tables.values():
            if table.changed:
                if not table.never_changes:
                    put(table.rows[0], table.changed[0], table.changed[1](ROWS))
                table.add(ROWS + 1)
            elif table.finds_deleted:
                del table.rows[1]
        self.later(project)
        second = project.run()
        served = self.fake.take_served()
        self.assert_tables(project)
        for name, table in self.vendor.tables.items():
            if table.since:
                self.assertLess(served[name], ROWS, f"{name}: the API was asked for more than what changed")
        for result in (first, second):
            self.assert_silent(project, result, SECRET)
            self.assert_silent(project, result, TOKEN)

    def test_an_account_without_rows_is_no_trouble(self):
        for table in self.vendor.tables.values():
            del table.rows[:]
        project = self.project()
        project.run()
        self.fake.take_served()
        project.run()

    def test_further_tables_are_read_if_they_are_named(self):
        chosen = {**self.vendor.tables, **self.vendor.further}
        project = self.project()
        project.env[f"FIRN__PIPELINES__{self.name.upper()}__TABLES"] = json.dumps({table: {} for table in chosen})
        project.run()
        for table, rows in self.vendor.further.items():
            self.assertEqual(project.keys(self.name, table, rows.key), rows.keys(), table)

    def test_a_time_far_in_the_future_hides_nothing(self):
        changing = {name: table for name, table in self.vendor.tables.items() if table.changed}
        for table in changing.values():
            put(table.rows[2], table.changed[0], table.changed[1](2000))  # in the year 2242
        project = self.project()
        project.run()
        for table in changing.values():
            table.add(ROWS + 1)
        self.later(project)
        project.run()
        for name, table in changing.items():
            missing = set(table.keys()) - set(project.keys(self.name, name, table.key))
            self.assertLessEqual(missing, {table.key_of(table.rows[2])}, name)

    def test_columns_that_are_personal_are_declared_so(self):
        page = self.enterContext(Project(self.name)).firn("connectors", self.name).out
        for name, table in self.vendor.tables.items():
            line = re.search(rf"^\| `{name}` \|.*$", page, re.M)[0]
            declared = re.findall(r"`([^`]+)`", line.split("|")[5])
            for path in paths_of(table.rows[0]):
                if PERSONAL.search(path):
                    covered = any(path == known or path.startswith(known + ".") for known in declared)
                    self.assertTrue(covered, f"{name}.{path} is not declared pii: {declared}")

    def assert_silent(self, project, result, secret):
        self.assertNotIn(secret, result.out + result.err)
        for path in project.files():
            with open(path, "rb") as file:
                self.assertNotIn(secret.encode(), file.read(), path)


def paths_of(value, above=""):
    for name, below in value.items():
        path = f"{above}.{name}" if above else name
        yield path
        if isinstance(below, dict):
            yield from paths_of(below, path)


for each in VENDORS:
    globals()[f"{each.capitalize()}Test"] = type(f"{each.capitalize()}Test", (EachConnector, unittest.TestCase), {"name": each})


class LibraryTest(unittest.TestCase):
    def test_each_file_has_a_fake(self):
        files = sorted(name.removesuffix(".yaml") for name in os.listdir(os.path.join(REPOSITORY, "connectors")) if name.endswith(".yaml"))
        self.assertEqual(files, sorted(VENDORS))

    def test_connectors_lists_them(self):
        with FirnProject("") as project:
            listed = json.loads(project.firn("connectors", "--json").out)
        self.assertEqual([connector["name"] for connector in listed], sorted(VENDORS))
        self.assertTrue(all(connector["tables"] for connector in listed))

    def test_init_takes_a_file_of_ones_own(self):
        with FirnProject("") as project:
            os.remove(project.path("firn.yaml"))
            os.makedirs(project.path("own"))
            with open(os.path.join(REPOSITORY, "connectors", "pipedrive.yaml")) as file:
                text = file.read().replace("name: pipedrive", "name: acme")
            with open(project.path("own/acme.yaml"), "w") as file:
                file.write(text)
            self.assertIn("firn init --from connector:./own/acme.yaml", project.firn("connectors", "./own/acme.yaml").out)
            self.assertEqual(project.firn("init", "--from", "connector:own/acme.yaml").code, 0)
            with open(project.path("firn.yaml")) as file:
                self.assertIn('connector: "./own/acme.yaml"', file.read())
            self.assertEqual(project.firn("validate", "--offline").code, 0)
            self.assertIn("firn init pipedrive", project.firn("init", "Pipedriv", "--dir", "other").err)


if __name__ == "__main__":
    unittest.main()
