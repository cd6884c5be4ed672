"""A shop and what happens to its data day by day. Times are those of the simulated day; everything random is of one seed."""

import datetime
import random

from support.fake_api import Raw

BEGIN = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
WINDOW_DAYS = 30  # of the reconcile pass of orders


def text_of(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Shop:
    """Tables: orders (changes, tombstones, silent deletions, rows that come late), items (children of orders), events (only
    new ones), products (a whole list, from which some vanish), rates (a whole list, replaced)."""

    def __init__(self, api, seed):
        self.random = random.Random(seed)
        self.orders = api.table("orders", page_size=11)
        self.items = api.table("items", paging="none", changed=None, parent="order_id", key="line")
        self.events = api.table("events", page_size=9)
        self.products = api.table("products", page_size=13, paging="page", changed=None)
        self.rates = api.table("rates", paging="none", changed=None)
        self.day, self.next_order, self.next_event, self.next_product = 0, 1, 1, 1
        self.tick, self.seen_until = 0, ""  # what changed before that time a run has taken
        self.drift = set()  # what the vendor has done to its rows so far
        for _ in range(60):
            self.new_order()
        for _ in range(40):
            self.new_product()

    def time(self):
        """A time of the day that is later than all before."""
        self.tick += 1
        return text_of(BEGIN + datetime.timedelta(days=self.day, seconds=self.tick))

    def was_read(self):
        """A run has just ended well."""
        self.seen_until = self.time()

    def earlier(self, days):
        """A time some days ago."""
        return text_of(BEGIN + datetime.timedelta(days=self.day - days, hours=13, seconds=self.random.randrange(3000)))

    # orders

    def order(self, number, changed):
        r, day = self.random, self.drift
        row = {"id": number, "updated_at": changed, "deleted": False, "status": r.choice(["open", "paid", "sent"]),
               "total": Raw(f"{r.randrange(10000)}" + (f".{r.randrange(100):02d}" if "cents" in day else "")),
               "customer": {"name": r.choice(["Ada", "Bén", "陳", ""]), "tags": [r.choice("abc")] * r.randrange(3)},
               "note": r.choice([None, "x" * r.randrange(30), 'q"\\\n'])}
        if "coupon" in day:
            row["coupon"] = r.choice([None, f"C{r.randrange(99)}"])
        if "nested" in day:
            row["customer"]["address"] = {"city": r.choice(["Bern", "Köln"]), "zip": r.randrange(10000)}
        if "count as text" in day:
            row["pieces"] = r.choice([str(r.randrange(9)), "many"])
        elif "count" in day:
            row["pieces"] = r.randrange(9)
        if "big" in day:
            row["weight"] = r.choice([r.randrange(10**12), Raw(f"{r.randrange(1000)}.5")])
        return row

    def put_order(self, number, changed, deleted=False):
        row = {**self.order(number, changed), "deleted": deleted}
        have = [item["line"] for item in self.items.dicts() if item["order_id"] == number]
        for line in have:
            if self.random.random() < 0.2:
                self.remove_item(number, line)
        for _ in range(self.random.randrange(2)):
            line = self.random.randrange(1, 6)
            self.items.put({"order_id": number, "line": line, "sku": f"s{self.random.randrange(50)}",
                            "price": Raw(f"{self.random.randrange(100)}.{self.random.randrange(10)}")})
        self.orders.put(row)

    def remove_item(self, order, line):
        with self.items.lock:
            self.items.rows = [e for e in self.items.rows if (e[0]["order_id"], e[0]["line"]) != (order, line)]

    def remove_items(self, order):
        with self.items.lock:
            self.items.rows = [e for e in self.items.rows if e[0]["order_id"] != order]

    def new_order(self, changed=None):
        self.put_order(self.next_order, changed or self.time())
        self.next_order += 1

    def some_order(self):
        return self.random.choice(self.orders.dicts())

    def change_order(self):
        row = self.some_order()
        if not row["deleted"]:
            self.put_order(row["id"], self.time())

    def mark_deleted(self):
        self.put_order(self.some_order()["id"], self.time(), deleted=True)

    def drop_silently(self):
        """A recent order vanishes without a trace: a pass finds it. One that changed and vanished between two runs would
        still have the time of its older version in the table, which may lie before the window: no pass with a window can
        find that (docs/guide/deletes.md), so it does not happen here."""
        young = text_of(BEGIN + datetime.timedelta(days=self.day - WINDOW_DAYS // 3))
        recent = [row["id"] for row in self.orders.dicts() if young <= row["updated_at"] < self.seen_until]
        if len(recent) > 20:
            number = self.random.choice(recent)
            self.orders.remove(number)
            self.remove_items(number)

    def come_late(self):
        """A new row with a time long before the position: a pass finds it."""
        if self.day > 10:
            self.new_order(self.earlier(self.random.randrange(2, 8)))

    # the others

    def new_event(self):
        self.events.put({"id": self.next_event, "updated_at": self.time(), "kind": self.random.choice(["view", "buy"]),
                         "payload": {"n": self.next_event, "ref": self.random.choice([None, "ad"])}})
        self.next_event += 1

    def new_product(self):
        self.products.put({"id": self.next_product, "name": f"p{self.next_product}", "price": Raw(f"{self.random.randrange(99)}.5")})
        self.next_product += 1

    def change_products(self):
        for _ in range(self.random.randrange(3)):
            self.new_product()
        row = self.random.choice(self.products.dicts())
        self.products.put({**row, "price": Raw(f"{self.random.randrange(99)}.{self.random.randrange(1, 9)}")})
        if self.random.random() < 0.3 and len(self.products.dicts()) > 20:
            self.products.remove(self.random.choice(self.products.dicts())["id"])

    def new_rates(self):
        with self.rates.lock:
            self.rates.rows = []
        for code in ("CHF", "JPY", "USD", "SEK")[:self.random.randrange(2, 5)]:
            self.rates.put({"id": code, "rate": Raw(f"{self.random.randrange(1, 200)}.{self.random.randrange(1, 10)}")})

    def live(self, day):
        """One day."""
        self.day, self.tick = day, 0
        drift = {20: "coupon", 45: "cents", 80: "count", 120: "nested", 160: "count as text", 210: "big"}
        if day in drift:
            self.drift.add(drift[day])
        for _ in range(self.random.randrange(2, 7)):
            self.random.choice([self.new_order, self.change_order, self.change_order])()
        for _ in range(self.random.randrange(0, 6)):
            self.new_event()
        if self.random.random() < 0.3:
            self.mark_deleted()
        if self.random.random() < 0.15:
            self.drop_silently()
        if self.random.random() < 0.2:
            self.come_late()
        self.change_products()
        self.new_rates()

    def wanted(self, table):
        """Texts of the rows that the table must hold now."""
        if table == "orders":
            return [text for row, text in self.orders.rows if not row["deleted"]]
        if table == "items":
            alive = {row["id"] for row, _ in self.orders.rows if not row["deleted"]}
            return [text for row, text in self.items.rows if row["order_id"] in alive]
        return getattr(self, table).texts()
