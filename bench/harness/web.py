"""nginx with one worker, serving files as pages: GET /NAME?page=N gives FOLDER/N.json, beyond the last an empty page.
GET /again?page=N gives the same rows with a number inside, GET /one?part=P one row that names P."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time

from .measure import Failed, Missing

CONFIG = """
worker_processes 1;
daemon off;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  default_type application/json;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  server {{
    listen 127.0.0.1:{port};
    root {folder};
    location = /rows {{ try_files /$arg_page.json @empty; }}
    # The same pages over and over, each with a number of its own in its first record: a page whose records repeat to
    # the byte is refused. The number is a key that the record has again behind it, and the last of them counts.
    location = /again {{
      tcp_nopush off;  # else its last packet waits 40 ms for an acknowledgement
      sub_filter_types application/json;
      sub_filter_once on;
      sub_filter '"data":[{{' '"data":[{{"id":$arg_page,';
      try_files /$arg_page.json @empty;
    }}
    location = /one {{ return 200 '{{"data":[{{"id":"$arg_part","updated_at":"2024-05-06"}}]}}'; }}
    location = /gzip {{ add_header Content-Encoding gzip; try_files /body.gz =404; }}
    location @empty {{ return 200 '{{"data":[]}}'; }}
  }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve(folder):
    """Gives the base URL."""
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if nginx is None:
        raise Missing("nginx is not installed (Debian package nginx-light)")
    root = tempfile.mkdtemp(prefix="firn-bench-nginx-")
    os.chmod(root, 0o755)
    port = free_port()
    config = os.path.join(root, "nginx.conf")
    user = "user root;" if os.getuid() == 0 else ""  # the data lies in the home folder
    with open(config, "w") as file:
        file.write(user + CONFIG.format(root=root, port=port, folder=folder))
    server = subprocess.Popen([nginx, "-c", config, "-p", root], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(root, ignore_errors=True)


def _wait(server, port):
    end = time.monotonic() + 10
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise Failed("nginx did not start")
