"""A Postgres of the installed package on a port and folder of its own. Postgres refuses to run as root: there the server
runs as the user `postgres`, or `nobody`."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from support.firn_project import PATIENCE, skip
from support.free_port import free_port

PASSWORD = "a-password-nobody-may-see"


def find(program):
    """The newest installed `program` of Postgres; ends as skipped where there is none."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"), key=lambda path: int(path.split("/")[4]))
    path = found[-1] if found else shutil.which(program)
    return path or skip("Postgres is not installed (package postgresql)")


def unprivileged():
    """Arguments that run a program as somebody else than root, and that somebody; empty if we are not root."""
    if os.getuid() != 0:
        return [], None
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"], user
    skip("Postgres does not run as root, and there is no user to run it as")


class PostgresServer:
    """`settings`: of postgresql.conf. Users firn (with a password, owner of the database `lake`) and nobody else."""

    def __init__(self, **settings):
        self.folder = tempfile.mkdtemp(prefix="firn-postgres-")
        self.settings = settings
        self.prefix, user = unprivileged()
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.port = free_port()
        secret = os.path.join(self.folder, "password")
        with open(secret, "w") as file:
            file.write(PASSWORD)
        os.chmod(secret, 0o644)
        self.tool("initdb", "-D", self.data, "-U", "firn", "-A", "scram-sha-256", "--pwfile", secret, "--no-sync", "-E", "UTF8",
                  "--locale=C.UTF-8")
        self.process = None
        self.start()
        self.sql("CREATE DATABASE lake", database="postgres")

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    def tool(self, program, *arguments):
        done = subprocess.run([*self.prefix, find(program), *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=120 * PATIENCE, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
        if done.returncode != 0:
            raise AssertionError(f"{program}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def start(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "on",
                    "synchronous_commit": "on", "max_connections": 50, **self.settings}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen([*self.prefix, find("postgres"), "-D", self.data, *arguments], cwd=self.folder,
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 60 * PATIENCE
        while True:
            try:
                self.sql("SELECT 1", database="postgres")
                return
            except AssertionError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def stop(self, how=signal.SIGQUIT):
        """SIGQUIT: at once, as a crash; SIGINT: after cutting all clients."""
        self.process.send_signal(how)
        self.process.wait(60 * PATIENCE)

    def sql(self, text, database="lake"):
        done = subprocess.run([find("psql"), "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
                               "-U", "firn", "-d", database, "-c", text], capture_output=True, text=True, timeout=60 * PATIENCE,
                              env={"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD, "PGSSLMODE": "disable"})
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def uri(self, port=None, scheme="postgresql", password=PASSWORD):
        return f"{scheme}://firn:{password}@127.0.0.1:{port or self.port}/lake"

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
