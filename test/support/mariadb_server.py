"""A MariaDB of the installed package on a port and folder of its own, as the user `mysql` or `nobody` where we are root."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from support.firn_project import PATIENCE, skip
from support.free_port import free_port

PASSWORD = "a-password-of-mariadb"


def find(*programs):
    """The first of these programs that is installed; ends as skipped where there is none."""
    places = os.environ["PATH"] + ":/usr/sbin"
    found = [path for program in programs if (path := shutil.which(program, path=places))]
    return found[0] if found else skip("MariaDB is not installed (package mariadb-server)")


def unprivileged():
    """Arguments that make a server of root's run as somebody else, and that somebody; empty if we are not root."""
    if os.getuid() != 0:
        return [], None
    for name in ("mysql", "nobody"):
        try:
            return [f"--user={name}"], pwd.getpwnam(name)
        except KeyError:
            continue
    skip("MariaDB does not run as root, and there is no user to run it as")


class MariaDbServer:
    """Has the database `crm`, and the user `reader` with a password, who may change it."""

    def __init__(self):
        server, install = find("mariadbd", "mysqld"), find("mariadb-install-db", "mysql_install_db")
        self.folder = tempfile.mkdtemp(prefix="firn-mariadb-")
        as_user, user = unprivileged()
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.port = free_port()
        self.socket = os.path.join(self.folder, "socket")
        data = os.path.join(self.folder, "data")
        made = subprocess.run([install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                               "--skip-test-db", *as_user], capture_output=True, text=True, timeout=120 * PATIENCE)
        if made.returncode != 0:
            raise AssertionError(made.stdout[-2000:] + made.stderr[-2000:])
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([server, "--no-defaults", f"--datadir={data}", f"--socket={self.socket}", f"--port={self.port}",
                                         "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", *as_user],
                                        stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 60 * PATIENCE
        while True:
            try:
                self.sql("select 1", database="mysql")
                break
            except AssertionError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.sql(f"create database crm; create user reader@'127.0.0.1' identified by '{PASSWORD}'; "
                 "grant all on crm.* to reader@'127.0.0.1'", database="mysql")

    def sql(self, text, database="crm"):
        done = subprocess.run([find("mariadb", "mysql"), "--no-defaults", f"--socket={self.socket}", "-u", "root", "-N", "-B", database],
                              input=text, capture_output=True, text=True, timeout=60 * PATIENCE)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def uri(self, user="reader", database="crm"):
        return f"mysql://{user}@127.0.0.1:{self.port}/{database}"

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(60 * PATIENCE)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
