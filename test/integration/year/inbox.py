"""A folder into which others put files. Times of files are those of the simulated day."""

import json
import os
import shutil
import tempfile

from shop import BEGIN

DAYS_OF_A_LOG = 10


class Inbox:
    """Tables: log (lines that are added to a file for some days, then to the next; now and then a copy of an old one), prices
    (a list of each shop, replaced by another one of other rows)."""

    def __init__(self, random):
        self.random, self.day, self.tick, self.next_line = random, 0, 0, 1
        self.folder = tempfile.mkdtemp(prefix="firn-inbox-")
        self.lines = []   # texts of all logs
        self.prices = {}  # by shop: texts
        self.live(0)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def touch(self, name):
        """Later than any file before, and long ago."""
        self.tick += 1
        time = BEGIN.timestamp() + self.day * 86_400 + self.tick
        os.utime(self.path(name), (time, time))

    def add_lines(self):
        name = f"log-{self.day // DAYS_OF_A_LOG:03}.ndjson"
        new = [json.dumps({"id": self.next_line + i, "day": self.day, "text": "x" * self.random.randrange(40)}, separators=(",", ":"))
               for i in range(self.random.randrange(1, 6))]
        self.next_line += len(new)
        self.lines += new
        with open(self.path(name), "a") as file:
            file.write("".join(line + "\n" for line in new))
        self.touch(name)

    def copy_log(self):
        """What was loaded from one file is not loaded from another of the same content."""
        if self.day < DAYS_OF_A_LOG:
            return
        old = self.random.randrange(self.day // DAYS_OF_A_LOG)
        shutil.copy(self.path(f"log-{old:03}.ndjson"), self.path(f"log-copy-{self.day}.ndjson"))
        self.touch(f"log-copy-{self.day}.ndjson")

    def replace_prices(self, shop):
        rows = [{"shop": shop, "product": i, "price": self.random.randrange(1000)} for i in
                self.random.sample(range(100), self.random.randrange(1, 20))]
        self.prices[shop] = [json.dumps(row, separators=(",", ":")) for row in rows]
        with open(self.path(f"prices-{shop}.csv"), "w") as file:
            file.write("shop,product,price\n" + "".join(f"{row['shop']},{row['product']},{row['price']}\n" for row in rows))
        self.touch(f"prices-{shop}.csv")

    def live(self, day):
        """One day."""
        self.day, self.tick = day, 0
        self.add_lines()
        if self.random.random() < 0.1:
            self.copy_log()
        for shop in ("bern", "köln", "graz"):
            if day == 0 or self.random.random() < 0.2:
                self.replace_prices(shop)

    def wanted(self, table):
        """Texts of the rows that the table must hold now."""
        return self.lines if table == "log" else [text for texts in self.prices.values() for text in texts]
