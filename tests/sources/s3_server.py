"""An S3 server with the files of folders in it.

`python s3_server.py BUCKET=FOLDER ...` prints its port. The buckets are filled without requests,
which would take most of the time of a test.
"""

import sys
from pathlib import Path

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import get_canned_acl, s3_backends


def main(arguments):
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for bucket, _, folder in (argument.partition("=") for argument in arguments):
        backend.create_bucket(bucket, "us-east-1")
        for path in sorted(Path(folder).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file():
                key = backend.put_object(bucket, name, path.read_bytes())
                if name.startswith("public/"):
                    key.set_acl(get_canned_acl("public-read"))
            else:
                backend.put_object(bucket, f"{name}/", b"")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()  # until the test closes it


if __name__ == "__main__":
    main(sys.argv[1:])
