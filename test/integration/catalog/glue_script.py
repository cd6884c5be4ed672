"""Run by a Python that has pyiceberg and boto3: glue_script.py ids|touch URL TABLE | create URL LOCATION | entry URL DATABASE TABLE."""

import json
import sys


def glue_catalog(url):
    from pyiceberg.catalog import load_catalog

    return load_catalog("glue", type="glue", **{"glue.endpoint": url, "glue.region": "eu-west-1", "glue.access-key-id": "testing-key",
                                                "glue.secret-access-key": "testing-secret"})


def print_ids(url, name):
    print(json.dumps(sorted(glue_catalog(url).load_table(name).scan().to_arrow()["id"].to_pylist())))


def touch(url, name):
    table = glue_catalog(url).load_table(name)
    with table.transaction() as change:
        change.set_properties(touched="by pyiceberg")
    print("ok")


def create(url, location):
    import pyarrow as pa

    catalog = glue_catalog(url)
    catalog.create_namespace("py", {"location": location})
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64())})
    catalog.create_table("py.t", rows.schema).append(rows)
    print("ok")


def entry(url, database, name):
    import boto3

    glue = boto3.client("glue", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="testing-key",
                        aws_secret_access_key="testing-secret")
    table = glue.get_table(DatabaseName=database, Name=name)["Table"]
    print(json.dumps(table, default=str))


if __name__ == "__main__":
    {"ids": print_ids, "touch": touch, "create": create, "entry": entry}[sys.argv[1]](*sys.argv[2:])
