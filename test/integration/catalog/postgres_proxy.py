"""A proxy before a Postgres server that cuts connections at COMMIT. `plan`: one entry per COMMIT, in order: "pass", "drop"
(cut, not forwarded), "lose" (forwarded and answered, then cut), "hold" (kept back: the client is cut, the server goes on
waiting inside the transaction, and is sent the COMMIT when the client asks for the transaction's status)."""

import socket
import threading


class PostgresProxy:
    def __init__(self, port, plan):
        self.target, self.plan, self.commits = port, list(plan), 0
        self.lock, self.held = threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def next_action(self):
        with self.lock:
            self.commits += 1
            return self.plan.pop(0) if self.plan else "pass"

    def release(self):
        with self.lock:
            held, self.held = self.held, []
        for server, data in held:
            try:
                server.sendall(data)
                server.recv(4096)  # the answer, which nobody hears
            except OSError:
                pass
            server.close()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        quiet = threading.Event()

        def back():
            try:
                while data := server.recv(65536):
                    if not quiet.is_set():
                        client.sendall(data)
            except OSError:
                pass
            if not quiet.is_set():
                client.close()

        answers = threading.Thread(target=back, daemon=True)
        answers.start()
        try:
            while data := client.recv(65536):
                if b"txid_status" in data:
                    self.release()
                action = self.next_action() if b"COMMIT\0" in data else "pass"
                if action == "drop":
                    break
                if action == "hold":
                    quiet.set()
                    with self.lock:
                        self.held.append((server, data))
                    client.shutdown(socket.SHUT_RDWR)
                    client.close()
                    return
                if action == "lose":
                    quiet.set()
                    server.sendall(data)
                    server.shutdown(socket.SHUT_WR)  # the server answers what it was sent, then ends
                    answers.join()
                    break
                server.sendall(data)
        except OSError:
            pass
        for end in (client, server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
