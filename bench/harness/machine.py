"""One line that names the machine a figure was made on."""

import os
import platform


def _first(path, key):
    try:
        with open(path) as file:
            for line in file:
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "?"


def line():
    memory = int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024
    return (f"{len(os.sched_getaffinity(0))} × {_first('/proc/cpuinfo', 'model name')}, {memory:.0f} GiB, "
            f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}")
