"""Whoever alerts are sent to: an HTTP server and a mail server, both on a free port of 127.0.0.1."""

import base64
import email
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook:
    """Keeps what is posted. `status`: what it answers; `hold`: it answers only when the test ends."""

    def __init__(self, status=200, hold=False):
        self.status, self.posts, self.headers = status, [], []
        self.released = threading.Event()
        if not hold:
            self.released.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append(json.loads(body))
                hook.headers.append(dict(self.headers))
                hook.released.wait(60)
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/services/T0/B0/s3cretpathtoken"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class MailServer:
    """Speaks enough of SMTP (RFC 5321, AUTH PLAIN of RFC 4954). `refuse`: the answer to RCPT."""

    def __init__(self, user="", password="", refuse=None):
        self.mails, self.logins = [], []
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                self.say("220 test ESMTP")
                sender, recipients, known = None, [], not user
                for line in iter(lambda: self.rfile.readline().decode().strip(), ""):
                    verb = line.split(" ")[0].upper()
                    if verb == "EHLO":
                        self.say("250-test")
                        self.say("250 AUTH PLAIN")
                    elif verb == "AUTH":
                        text = line.split(" ")[2] if len(line.split(" ")) > 2 else self.ask()
                        _, name, secret = base64.b64decode(text).decode().split("\0")
                        server.logins.append(name)
                        known = (name, secret) == (user, password)
                        self.say("235 welcome" if known else "535 wrong")
                    elif verb == "MAIL" and not known:
                        self.say("530 log in first")
                    elif verb == "MAIL":
                        sender = line
                        self.say("250 ok")
                    elif verb == "RCPT":
                        recipients.append(line)
                        self.say(refuse or "250 ok")
                    elif verb == "DATA":
                        self.say("354 go on")
                        lines = []
                        for data in iter(self.rfile.readline, b".\r\n"):
                            lines.append(data[1:] if data.startswith(b"..") else data)
                        server.mails.append((sender, recipients, email.message_from_bytes(b"".join(lines))))
                        self.say("250 kept")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

            def ask(self):
                self.say("334 ")
                return self.rfile.readline().decode().strip()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
