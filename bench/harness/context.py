"""What every row gets: where firn is, how large the data are, where to write."""

import dataclasses
import os
import shutil
import tempfile

from . import measure
from .measure import Failed, Missing


@dataclasses.dataclass
class Context:
    build: str         # folder of the bench preset
    firn: str
    quick: bool
    pairs: int
    partition_gib: float | None  # size of the partitioned load; None: by free disk
    full: bool = False  # the sizes of the bars also where they take long
    cap: int | None = None  # seconds a slow peer is waited for; None: the row's own

    def program(self, name):
        path = os.path.join(self.build, name)
        if not os.access(path, os.X_OK):
            raise Missing(f"{path} is not built (cmake --preset bench, then build)")
        return path

    def folder(self):
        """An empty folder beside the build, on the same disk."""
        os.makedirs(os.path.join(self.build, "work"), exist_ok=True)
        return tempfile.mkdtemp(dir=os.path.join(self.build, "work"))

    def run(self, arguments, **options):
        """firn with the log off."""
        return measure.run([self.firn, *map(str, arguments), "--quiet", "--log", "off"], **options)

    def copy(self, source, target, threads, memory=None, **options):
        limits = ["--threads", threads, *(["--memory", memory] if memory else [])]
        return self.run(["copy", source, target, *limits], cores=threads, **options)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


PROJECT = """version: 1
lake: {{warehouse: ./lake}}
pipelines:
  bench:
    source: {{type: rest, base_url: "{url}"}}
    dataset: bench
    tables:
      rows:
        path: {path}
        records: data
        paginate: {paginate}
        write_disposition: append
{more}"""


def project(folder, url, path="/rows", paginate="{type: page, param: page}", more=""):
    """A project of one table in `folder`; anything of a run before is removed."""
    remove(folder)
    os.makedirs(folder)
    with open(os.path.join(folder, "firn.yaml"), "w") as file:
        file.write(PROJECT.format(url=url, path=path, paginate=paginate,
                                  more="".join(f"        {line}\n" for line in more.splitlines())))
    return folder


def metadata(context, folder, table="bench.rows"):
    """Path of the table's current metadata file."""
    path = context.run(["table", "metadata", table], cwd=folder).out.strip()
    if not path:
        raise Failed(f"table metadata {table}: no answer")
    return path.removeprefix("file://")
