"""`firn init` of folders, files, archives and object stores: the project it writes is run, and its rows are those of the files."""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from archives_test import archive, csv_of  # noqa: E402
from files_case import FilesCase, lines, rows_of  # noqa: E402
from support.firn_project import FirnProject, run_firn  # noqa: E402
from web_test import Plain  # noqa: E402


class Init(FilesCase):
    def init(self, what, *arguments, code=0, env=None):
        """Runs `firn init` in an empty folder; gives the project that it wrote there."""
        folder = tempfile.mkdtemp(prefix="firn-init-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        result = run_firn(["init", what, *arguments], cwd=folder, env=env)
        self.assertEqual(result.code, code, str(result))
        if code != 0:
            self.assertFalse(os.path.exists(os.path.join(folder, "firn.yaml")))
            return result
        with open(os.path.join(folder, "firn.yaml")) as file:
            project = FirnProject(file.read(), folder=folder, env=env)
        self.assertEqual(project.firn("validate", "--offline").code, 0)
        return project

    def rows(self, project):
        return {name.split(".")[-1]: sorted(row["id"] for row in self.reader.rows(project, name)) for name in project.tables()}

    def test_a_folder(self):
        self.put("orders-2024-01.csv", csv_of(0, 5))
        self.put("orders-2024-02.csv.gz", gzip.compress(csv_of(5, 5).encode()))
        self.put("orders-eu-2024.csv", csv_of(10, 5))
        self.put("2024/events/part-0001.ndjson", lines(rows_of(20, 5)))
        self.put("2025/events/part-0001.ndjson", lines(rows_of(25, 5)))
        self.put("all.zip", archive([("items.csv", csv_of(30, 5)), ("readme.txt", "no rows")]))
        self.put("notes.pdf", "%PDF")
        project = self.init(self.inbox)
        project.run("--yes")
        self.assertEqual(self.rows(project), {"orders": list(range(10)), "orders_eu": list(range(10, 15)),
                                              "events": list(range(20, 30)), "items": list(range(30, 35))})
        self.put("orders-2024-03.csv", csv_of(40, 2))
        project.run()
        self.assertEqual(self.rows(project)["orders"], [*range(10), 40, 41])

    def test_one_file_is_meant_alone(self):
        self.put("orders-2024.csv", csv_of(0, 5))
        self.put("orders-2025.csv", csv_of(5, 5))
        project = self.init(os.path.join(self.inbox, "orders-2024.csv"))
        project.run()
        self.assertEqual(self.rows(project), {"orders": list(range(5))})

    def test_a_folder_of_the_project_stays_relative(self):
        folder = tempfile.mkdtemp(prefix="firn-init-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "inbox"))
        with open(os.path.join(folder, "inbox", "a.csv"), "w") as file:
            file.write(csv_of(0, 2))
        printed = run_firn(["init", "./inbox/", "--print"], cwd=folder)
        self.assertEqual(printed.code, 0, str(printed))
        self.assertIn("location: ./inbox", printed.out.replace('"', ""))
        self.assertEqual(os.listdir(folder), ["inbox"])

    def test_what_makes_no_project_is_named(self):
        self.put("notes.pdf", "%PDF")
        self.assertIn("E0987", self.init(self.inbox, code=2).err)
        self.assertIn("E0852", self.init("./nowhere", code=2).err)
        self.assertIn("E0987", self.init("https://a.example/x.csv?key=1", code=2).err)

    def test_a_url_of_a_file(self):
        there = {"/x/orders-2024.csv.gz": gzip.compress(csv_of(0, 5).encode()),
                 "/x/all.zip": archive([("orders.csv", csv_of(0, 5)), ("2024/items.csv", csv_of(5, 5)), ("readme.txt", "no rows")]),
                 "/x/notes.zip": archive([("readme.txt", "no rows")])}

        def answer(request):
            if request.path.startswith("/mine/"):
                return request.give(b"", 401)
            body = there.get(request.path)
            request.give(body or b"", 200 if body else 404)

        server = Plain(answer)
        self.addCleanup(server.close)
        for path, rows in (("orders-2024.csv.gz", {"orders": list(range(5))}),
                           ("all.zip", {"orders": list(range(5)), "items": list(range(5, 10))}),
                           ("all.zip/o*.csv", {"orders": list(range(5))})):
            project = self.init(f"{server.url}/x/{path}")
            project.run("--yes")
            self.assertEqual(self.rows(project), rows, path)
        self.assertIn("E0987", self.init(f"{server.url}/x/notes.zip", code=2).err)
        for gone in ("gone.csv", "gone.zip"):
            self.assertIn("E0985", self.init(f"{server.url}/x/{gone}", code=2).err)
        with open(self.init(f"{server.url}/mine/orders.csv").path("firn.yaml")) as file:
            self.assertIn("path: orders.csv", file.read())
        self.init(f"{server.url}/mine/all.zip", code=4)

    def test_an_object_store(self):
        from minio import BUCKET, KEY, SECRET, Minio
        try:
            minio = Minio()
        except SystemExit:  # it has said why; the other tests go on
            self.skipTest("MinIO is not installed")
        self.addCleanup(minio.close)
        for key, data in (("in/orders/1.csv", csv_of(0, 5)), ("in/orders/2.csv", csv_of(5, 5))):
            path = self.put("upload", data)
            subprocess.run(["curl", "-sf", "-o", "/dev/null", "--max-time", "60", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u",
                            f"{KEY}:{SECRET}", "-T", path, f"{minio.url}/{BUCKET}/{key}"], check=True)
        env = {"AWS_ENDPOINT_URL": minio.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
        project = self.init(f"s3://{BUCKET}/in/", env=env)
        project.run()
        self.assertEqual(self.rows(project), {"orders": list(range(10))})


if __name__ == "__main__":
    unittest.main()
