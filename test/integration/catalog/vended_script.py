"""Run by a Python that has pyarrow: vended_script.py CONFIG BUCKET FOLDER OTHER. What keys that a catalog handed out can do."""

import json
import sys

from pyarrow import fs


def can(call):
    try:
        call()
        return True
    except OSError:
        return False


def main(config, bucket, folder, other):
    config = json.loads(config)
    store = fs.S3FileSystem(access_key=config["s3.access-key-id"], secret_key=config["s3.secret-access-key"],
                            session_token=config["s3.session-token"], region=config["client.region"],
                            endpoint_override=config["s3.endpoint"].split("://")[1], scheme="http", allow_bucket_creation=False)

    def write(key):
        with store.open_output_stream(f"{bucket}/{key}/probe") as file:
            file.write(b"x")

    def names(key):
        return [info.path for info in store.get_file_info(fs.FileSelector(f"{bucket}/{key}", recursive=True)) if info.is_file]

    def read():
        with store.open_input_file(names(folder)[0]) as file:
            file.read(1)

    print(json.dumps({"list": can(lambda: names(folder)), "read": can(read), "write": can(lambda: write(folder)),
                      "list_other": can(lambda: names(other)), "write_other": can(lambda: write(other))}))


main(*sys.argv[1:])
