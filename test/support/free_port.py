"""Ports for servers that have to be told theirs."""

import random
import socket

FIRST, LAST = 20_000, 32_000  # below those that the system gives to outgoing connections (32,768 and up on Linux)


def free_port():
    """A port of 127.0.0.1 that nobody listens on. One of the system's own choice could be given to a connection of another
    test before the server listens on it."""
    while True:
        port = random.SystemRandom().randrange(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
