"""Machines that keep nothing: a project whose local state folder is gone before every run.

`lost`: `state` is not configured, so that history and locks are lost with it. `lake`: it is kept beside the tables. `s3`: in a
bucket of a real MinIO."""

import os
import shutil
import sys

from support.firn_project import FirnProject

KINDS = ("lost", "lake", "s3")


def start_minio():
    sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "object_store"))
    import minio
    return minio.Minio()


def with_state(text, kind, place, url):
    """The text of a project whose state is of that kind. `place`: makes one state of many in a bucket."""
    if kind == "lake":
        return text.replace("version: 1\n", "version: 1\nstate: lake\n", 1)
    if kind == "s3":
        storage = f'storage: {{endpoint: "{url}", access_key: firn, secret_key: firn-secret, region: us-east-1}}'
        text = text.replace("lake: {warehouse: ./lake}", f"lake: {{warehouse: ./lake, {storage}}}", 1)
        return text.replace("version: 1\n", f"version: 1\nstate: s3://lake/{place}\n", 1)
    return text


class ForgetfulProject(FirnProject):
    """`kind`: one of KINDS."""

    def __init__(self, text, kind, place="", url="", **options):
        self.kind, self.place, self.url = kind, place, url
        super().__init__(text, **options)

    def write(self, text, file=None):
        super().write(with_state(text, self.kind, self.place, self.url), file)

    def firn(self, *arguments, forget=True, **options):
        if forget:
            self.forget()
        return super().firn(*arguments, **options)

    def start(self, *arguments, **options):
        self.forget()
        return super().start(*arguments, **options)

    def forget(self):
        shutil.rmtree(self.path(".firn"), ignore_errors=True)
