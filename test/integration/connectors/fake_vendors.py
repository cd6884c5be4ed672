"""APIs of the vendors of connectors/*.yaml, small: each pages, filters and authenticates as the vendor's documentation says, over rows of
shapes that we wrote. `VENDORS[name]()` makes one with fresh rows; `FakeVendor(vendor)` serves it.

A page holds two rows whatever is asked for, as a vendor may cap it. The first request of each table is throttled.
"""

import base64
import datetime
import gzip
import io
import json
import re
import threading
import urllib.parse
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "canary-secret-of-a-connector"
TOKEN = "canary-token-of-a-connector"  # what OAuth gives for SECRET
USER = "admin@example.com"
PAGE_ROWS = 2
ROWS = 6
DAYS_APART = 40  # more than any lookback of the library
CHANNEL = "C0123456789"


def iso(i):
    return (datetime.datetime(2023, 1, 1) + datetime.timedelta(days=DAYS_APART * i)).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch(i):
    return int(moment(iso(i)))


def day(i):
    """Days of reports: the one of i = ROWS + 1 is today, within the days that are read again."""
    return (datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=DAYS_APART * (ROWS + 1 - i))).isoformat()


def moment(value):
    """Seconds since 1970 of a time as APIs write it."""
    if isinstance(value, (int, float)) or re.fullmatch(r"\d+(\.\d+)?", str(value)):
        return float(value)
    if dotnet := re.fullmatch(r"/Date\((\d+)\+0000\)/", str(value)):
        return int(dotnet[1]) / 1000
    text = re.sub(r"\+(\d\d)(\d\d)$", r"+\1:\2", str(value).replace("Z", "+00:00"))
    time = datetime.datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)).timestamp()


def put(row, path, value):
    *folders, name = path.split(".")
    for folder in folders:
        row = row.setdefault(folder, {})
    row[name] = value


def get(row, path):
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


class Ask:
    """One request: query and body as Python values."""

    def __init__(self, base, path, query, body, headers):
        self.base, self.path, self.query, self.body, self.headers = base, path, query, body, headers

    def url(self, **changes):
        query = {name: value for name, value in {**self.query, **changes}.items() if value is not None}
        return f"{self.base}{self.path}?{urllib.parse.urlencode(query)}"


# Ways of paging: (rows, ask) → (rows of the page, what stands beside them in the body, headers).
def whole(rows, ask):
    return rows, {}, {}


def counted(begin, rows):
    begin = int(begin or 0)
    end = begin + PAGE_ROWS
    return rows[begin:end], end if end < len(rows) else None


def by_token(param, path, in_body=False):
    """A token at `path` of the body comes back as `param`."""
    def page(rows, ask):
        begin = get(ask.body, param) if in_body else ask.query.get(param)
        part, following = counted(begin, rows)
        extra = {}
        if following is not None:
            put(extra, path, str(following))
        return part, extra, {}
    return page


def by_last_record(rows, ask):
    ids = [row["id"] for row in rows]
    begin = ids.index(ask.query["starting_after"]) + 1 if "starting_after" in ask.query else 0
    part, following = counted(begin, rows)
    return part, {"object": "list", "has_more": following is not None}, {}


def by_link(rows, ask):
    part, following = counted(ask.query.get("page"), rows)
    return part, {}, {"Link": f'<{ask.url(page=following)}>; rel="next"'} if following else {}


def by_url(param, path, always=False, ends=None):
    """The URL of the next page stands at `path`."""
    def page(rows, ask):
        part, following = counted(ask.query.get(param), rows)
        extra = {}
        if following is not None or always:
            put(extra, path, ask.url(**{param: following if following is not None else len(rows)}))
        if ends:
            put(extra, *ends(following is None))
        return part, extra, {}
    return page


def by_offset(rows, ask):
    return counted(ask.query.get("offset"), rows)[0], {}, {}


def of_first(page):
    """Of children: those of the parent `key_0`; the others have none."""
    return lambda rows, ask: page(rows if "/key_0/" in ask.path else [], ask)


class Table:
    """`shape(i)`: the i-th row without key and cursor; `key`: its columns, `column=path` if the API's row has it elsewhere and
    `column:value` if the API's rows do not have it; `changed`: path and writer of the cursor; `since(ask)`: the lower bound that a
    request asks for, None without a filter; `finds_deleted`: whether a run takes rows away that are not listed any more;
    `never_changes`: rows of events; `takes(ask)`: of tables that share a path, whether the request is of this one."""

    def __init__(self, path, records, page=whole, shape=lambda i: {}, key="id", changed=None, since=None, method="GET",
                 finds_deleted=False, never_changes=False, takes=lambda ask: True):
        self.path, self.records, self.page = path, records, page
        self.places = [re.fullmatch(r"(\w+)(?:([=:])(.+))?", column).groups() for column in key.split(",")]
        self.key = [name for name, _, _ in self.places]
        self.changed, self.since, self.method = changed, since, method
        self.finds_deleted, self.never_changes, self.takes = finds_deleted, never_changes, takes
        self.shape, self.rows = shape, []
        for i in range(ROWS):
            self.add(i)

    def add(self, i):
        row = {}
        for name in [name for name, kind, _ in self.places if kind is None]:
            put(row, name, f"user{i}@example.com" if name == "email" else f"key_{i}")
        row.update(json.loads(json.dumps(self.shape(i))))
        if self.changed:
            put(row, self.changed[0], self.changed[1](i))
        self.rows.append(row)

    def keys(self):
        return sorted(self.key_of(row) for row in self.rows)

    def key_of(self, row):
        return tuple(place if kind == ":" else str(get(row, place or name)) for name, kind, place in self.places)

    def answer(self, ask):
        bound = self.since(ask) if self.since else None
        rows = self.rows
        if bound is not None:
            rows = [row for row in rows if moment(get(row, self.changed[0])) >= moment(bound)]
        part, extra, headers = self.page(rows, ask)
        if self.records == "":
            return part, headers, len(part)
        body = dict(extra)
        put(body, self.records, part)
        return body, headers, len(part)


class HourlyArchive(Table):
    """Rows of whole hours, both ends included, as gzip files in a zip archive; None where there are none."""

    def answer(self, ask):
        hour = lambda row: get(row, self.changed[0])[:13].replace("-", "").replace(" ", "T")
        rows = [row for row in self.rows if ask.query["start"] <= hour(row) <= ask.query["end"]]
        if not rows:
            return None, {}, 0
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for at in sorted({hour(row) for row in rows}):
                lines = "".join(json.dumps(row) + "\n" for row in rows if hour(row) == at)
                archive.writestr(f"12345/12345_{at}#0.json.gz", gzip.compress(lines.encode()))
        return packed.getvalue(), {"Content-Type": "application/zip"}, len(rows)


class Vendor:
    """`further`: the tables that a pipeline has to name; `overlay`: fields of the source that tests set beside base_url;
    `token_path`: where SECRET is exchanged for TOKEN; `rotates`: a refresh token is good for one exchange; `unauthorized`, `throttled`: status, body and
    headers of those answers; `by_clock`: what is read ends now, so that tests must say when that is."""

    def __init__(self, is_allowed, tables, further=None, overlay=None, token_path=None, rotates=False, by_clock=False,
                 unauthorized=(401, {"message": "unauthorized"}, {}),
                 throttled=(429, {"message": "too many requests"}, {"Retry-After": "0"})):
        self.is_allowed, self.tables, self.further = is_allowed, tables, further or {}
        self.overlay, self.token_path, self.rotates = overlay or {}, token_path, rotates
        self.unauthorized, self.throttled, self.by_clock = unauthorized, throttled, by_clock


class FakeVendor:
    def __init__(self, vendor):
        self.vendor, self.lock = vendor, threading.Lock()
        self.throttled, self.served, self.problems = set(), {}, []
        self.refresh_token, self.exchanges = SECRET, 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                fake.handle(self)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def take_served(self):
        """Rows sent of each table since the last call."""
        with self.lock:
            served, self.served = self.served, {}
        return served

    def handle(self, request):
        parts = urllib.parse.urlsplit(request.path)
        text = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        is_json = "json" in request.headers.get("Content-Type", "")
        body = json.loads(text) if text and is_json else dict(urllib.parse.parse_qsl(text.decode()))
        ask = Ask(self.url, parts.path, dict(urllib.parse.parse_qsl(parts.query)), body, request.headers)
        try:
            status, body, headers = self.respond(request, ask)
        except Exception as error:  # told by the test: a thread of the server cannot fail it
            self.problems.append(f"{request.command} {request.path}: {error!r}")
            status, body, headers = 500, {}, {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def respond(self, request, ask):
        if ask.path == self.vendor.token_path:
            return self.exchange(ask)
        if not self.vendor.is_allowed(request.headers):
            return self.vendor.unauthorized
        for name, table in {**self.vendor.tables, **self.vendor.further}.items():
            if request.command != table.method or not re.fullmatch(table.path, ask.path) or not table.takes(ask):
                continue
            with self.lock:
                first = name not in self.throttled
                self.throttled.add(name)
            if first:
                return self.vendor.throttled
            body, headers, count = table.answer(ask)
            with self.lock:
                self.served[name] = self.served.get(name, 0) + count
            return (404 if body is None else 200), body, headers
        self.problems.append(f"unknown request {request.command} {request.path}")
        return 404, {"message": "not found"}, {}

    def exchange(self, ask):
        if not basic(USER)(ask.headers) and ask.body.get("client_secret") != SECRET:
            return 400, {"error": "invalid_client"}, {}
        with self.lock:
            if "refresh_token" in ask.body and ask.body["refresh_token"] != self.refresh_token:
                return 400, {"error": "invalid_grant"}, {}
            if not self.vendor.rotates:
                return 200, {"access_token": TOKEN, "token_type": "Bearer"}, {}
            self.exchanges += 1
            self.refresh_token = f"refreshed-{self.exchanges}"
            return 200, {"access_token": TOKEN, "token_type": "Bearer", "refresh_token": self.refresh_token}, {}


def bearer(headers):
    return headers.get("Authorization") == "Bearer " + SECRET


def basic(user):
    expected = "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    return lambda headers: headers.get("Authorization") == expected


def query(name):
    return lambda ask: ask.query[name]


def linear():
    def connection(field, shape=lambda i: {}):
        def page(rows, ask):
            part, following = counted(get(ask.body, "variables.after"), rows)
            extra = {}
            put(extra, f"data.{field}.pageInfo", {"hasNextPage": following is not None, "endCursor": str(following or len(rows))})
            return part, extra, {}
        return Table("/", f"data.{field}.nodes", page, shape, changed=("updatedAt", iso), method="POST",
                     since=lambda ask: get(ask.body, "variables.since"), takes=lambda ask: f" {field}(" in ask.body["query"])

    team = {"id": "team_1"}
    return Vendor(lambda headers: headers.get("Authorization") == SECRET, {
        "issues": connection("issues", lambda i: {"title": f"Issue {i}", "labelIds": ["l1"], "team": team, "assignee": None}),
        "comments": connection("comments", lambda i: {"body": "text", "issue": {"id": "key_0"}}),
        "projects": connection("projects", lambda i: {"name": f"p{i}", "progress": 0.5}),
        "cycles": connection("cycles", lambda i: {"number": i, "team": team}),
        "users": connection("users", lambda i: {"name": "U", "displayName": "u", "email": f"u{i}@example.com"}),
        "teams": connection("teams", lambda i: {"key": f"T{i}"}), "labels": connection("issueLabels", lambda i: {"name": f"l{i}"}),
        "states": connection("workflowStates", lambda i: {"name": f"s{i}", "type": "started"})})


def amplitude():
    def shape(i):
        return {"event_type": "opened", "user_id": f"u{i}", "device_id": f"d{i}", "ip_address": "192.0.2.1", "event_properties": {"n": i},
                "event_time": iso(i).replace("T", " ").replace("Z", ".000000")}

    events = HourlyArchive("/api/2/export", "", whole, shape, key="uuid", never_changes=True, since=lambda ask: None,
                           changed=("server_upload_time", lambda i: iso(i).replace("T", " ").replace("Z", ".123456")))
    return Vendor(basic(SECRET), {"events": events}, overlay={"SETTINGS__START": "2022-12-31T00:00:00Z", "SETTINGS__STEP": "10d"}, by_clock=True)


def hubspot():
    page = by_token("after", "paging.next.after")

    def table(path, properties):
        return Table(path, "results", page, lambda i: {"archived": False, "createdAt": iso(i), "properties": {
            name: f"{name} {i}" for name in properties}}, finds_deleted=True)

    objects = "/crm/v3/objects/"
    return Vendor(bearer, {
        "contacts": table(objects + "contacts", ["email", "firstname", "lastname", "phone", "lifecyclestage"]),
        "companies": table(objects + "companies", ["name", "domain", "phone"]),
        "deals": table(objects + "deals", ["dealname", "amount"]),
        "tickets": table(objects + "tickets", ["subject"]),
        "products": table(objects + "products", ["price"]),
        "line_items": table(objects + "line_items", ["quantity"]),
        "owners": Table("/crm/v3/owners", "results", page, finds_deleted=True,
                        shape=lambda i: {"email": f"o{i}@example.com", "firstName": "O", "lastName": f"N{i}"}),
        "deal_pipelines": Table("/crm/v3/pipelines/deals", "results", whole, lambda i: {"label": f"p{i}"}, finds_deleted=True)})


def stripe():
    def listed(path, shape=lambda i: {}):
        return Table(path, "data", by_last_record, lambda i: {"created": epoch(i), **shape(i)}, finds_deleted=True)

    def dated(path, shape=lambda i: {}):
        return Table(path, "data", by_last_record, shape, changed=("created", epoch), since=query("created[gte]"),
                     never_changes=True)  # the time it was made

    subscriptions = listed("/v1/subscriptions")
    subscriptions.finds_deleted = False
    return Vendor(bearer, {
        "customers": listed("/v1/customers", lambda i: {"email": f"c{i}@example.com", "name": "C", "phone": None,
                                                        "address": {"city": "X"}}),
        "products": listed("/v1/products"), "prices": listed("/v1/prices"), "coupons": listed("/v1/coupons"),
        "subscriptions": subscriptions,
        "charges": dated("/v1/charges", lambda i: {"amount": 100 * i, "receipt_email": f"c{i}@example.com"}),
        "payment_intents": dated("/v1/payment_intents"), "refunds": dated("/v1/refunds"), "disputes": dated("/v1/disputes"),
        "invoices": dated("/v1/invoices", lambda i: {"customer_email": f"c{i}@example.com", "total": i}),
        "payouts": dated("/v1/payouts"), "balance_transactions": dated("/v1/balance_transactions"),
        "events": dated("/v1/events", lambda i: {"type": "charge.updated", "data": {"object": {"id": f"ch_{i}"}}})})


def github():
    repository = "/repos/my-organisation/my-repository"
    user = {"login": "octocat"}

    def changing(path):
        return Table(repository + path, "", by_link, lambda i: {"body": "text", "user": user}, changed=("updated_at", iso),
                     since=query("since"))

    def listed(path, shape=lambda i: {}):
        return Table(repository + path, "", by_link, shape)

    repositories = Table(repository, "", whole, lambda i: {"full_name": "my-organisation/my-repository"})
    del repositories.rows[1:]
    return Vendor(bearer, {
        "repositories": repositories, "issues": changing("/issues"), "issue_comments": changing("/issues/comments"),
        "pull_requests": listed("/pulls", lambda i: {"user": user}), "review_comments": changing("/pulls/comments"),
        "commits": Table(repository + "/commits", "", by_link, lambda i: {"commit": {
            "author": {"name": "A", "email": "a@example.com"}, "committer": {"name": "A", "email": "a@example.com"}}}, key="sha",
            changed=("commit.committer.date", iso), since=query("since")),
        "releases": listed("/releases"), "labels": listed("/labels"), "milestones": listed("/milestones")})


def pipedrive():
    page = by_token("cursor", "additional_data.next_cursor")

    def changing(name, shape=lambda i: {}):
        return Table(f"/api/v2/{name}", "data", page, shape, changed=("update_time", iso), since=query("updated_since"))

    def listed(name):
        return Table(f"/api/v2/{name}", "data", page, finds_deleted=True)

    return Vendor(lambda headers: headers.get("x-api-token") == SECRET, {
        "deals": changing("deals", lambda i: {"value": i}), "archived_deals": listed("deals/archived"),
        "persons": changing("persons", lambda i: {"name": "P", "emails": [{"value": f"p{i}@example.com"}]}),
        "organizations": changing("organizations"), "activities": changing("activities"),
        "products": listed("products"), "pipelines": listed("pipelines"), "stages": listed("stages"),
        "users": Table("/api/v1/users", "data", whole, lambda i: {"name": "U", "email": f"u{i}@example.com"}, finds_deleted=True)})


def zendesk():
    def export(path, name, link, param, changed, shape):
        page = by_url(param, link, always=True, ends=lambda last: ("end_of_stream", last))
        return Table(f"/api/v2/incremental/{path}.json", name, page, shape, changed=changed, since=query("start_time"))

    def listed(name, finds_deleted=True):
        page = by_url("page[after]", "links.next", ends=lambda last: ("meta.has_more", not last))
        return Table(f"/api/v2/{name}.json", name, page, lambda i: {"name": f"n{i}"}, finds_deleted=finds_deleted)

    return Vendor(basic(USER + "/token"), {
        "tickets": export("tickets/cursor", "tickets", "after_url", "cursor", ("generated_timestamp", epoch),
                          lambda i: {"status": "open", "subject": "S", "description": "D"}),
        "users": export("users/cursor", "users", "after_url", "cursor", ("updated_at", iso),
                        lambda i: {"name": "U", "email": f"u{i}@example.com"}),
        "organizations": export("organizations", "organizations", "next_page", "page", ("updated_at", iso), lambda i: {"name": "O"}),
        "ticket_metric_events": export("ticket_metric_events", "ticket_metric_events", "next_page", "page", ("time", iso),
                                       lambda i: {"metric": "reply_time"}),
        "groups": listed("groups"), "ticket_fields": listed("ticket_fields"), "brands": listed("brands"),
        "satisfaction_ratings": listed("satisfaction_ratings", finds_deleted=False)}, further={
            "ticket_comments": Table(r"/api/v2/tickets/key_\d+/comments.json", "comments", of_first(
                by_url("page[after]", "links.next", ends=lambda last: ("meta.has_more", not last))), lambda i: {"body": "text"})})


def sendgrid():
    def suppressions(name):
        return Table(f"/v3/suppression/{name}", "", by_offset, lambda i: {"reason": "r"}, key="email,created",
                     changed=("created", epoch), since=query("start_time"), never_changes=True)  # it is part of the key

    def listed(path):
        return Table(path, "result", by_url("page_token", "_metadata.next"), lambda i: {"name": f"n{i}"}, finds_deleted=True)

    return Vendor(bearer, {
        **{name: suppressions(name) for name in ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")},
        "lists": listed("/v3/marketing/lists"), "single_sends": listed("/v3/marketing/singlesends"),
        "templates": listed("/v3/templates"), "unsubscribe_groups": Table("/v3/asm/groups", "", whole, finds_deleted=True)})


def klaviyo():
    page = by_url("page[cursor]", "links.next")

    def filtered(function, field):
        def since(ask):
            return re.fullmatch(re.escape(function) + r"\(" + field + r",(.*)\)", ask.query["filter"])[1]
        return since

    def listed(name):
        return Table(f"/api/{name}", "data", page, lambda i: {"type": name, "attributes": {"name": f"n{i}"}}, finds_deleted=True)

    return Vendor(lambda headers: headers.get("Authorization") == "Klaviyo-API-Key " + SECRET and headers.get("revision"), {
        "profiles": Table("/api/profiles", "data", page, lambda i: {"type": "profile", "attributes": {
            "email": f"p{i}@example.com", "first_name": "P", "properties": {}}}, changed=("attributes.updated", iso),
            since=filtered("greater-than", "updated")),
        "events": Table("/api/events", "data", page, lambda i: {"type": "event", "attributes": {"event_properties": {"a": i}}},
                        changed=("attributes.datetime", iso), since=filtered("greater-or-equal", "datetime"), never_changes=True),
        **{name: listed(name) for name in ("metrics", "lists", "segments", "flows")}})


def intercom():
    def since(ask):
        bounds = {item["operator"]: item["value"] for item in ask.body["query"]["value"]}
        assert ask.body["query"]["operator"] == "OR" and isinstance(bounds[">"], int) and bounds[">"] == bounds["="], ask.body
        return bounds["="]

    def search(name, records, shape):
        page = by_token("pagination.starting_after", "pages.next.starting_after", in_body=True)
        return Table(f"/{name}/search", records, page, shape, changed=("updated_at", epoch), since=since, method="POST")

    def listed(name, records, shape=lambda i: {}):
        return Table("/" + name, records, whole, shape, finds_deleted=True)

    return Vendor(bearer, {
        "contacts": search("contacts", "data", lambda i: {"email": f"c{i}@example.com", "name": "C", "custom_attributes": {}}),
        "conversations": search("conversations", "conversations", lambda i: {"source": {"body": "text"}}),
        "admins": listed("admins", "admins", lambda i: {"email": f"a{i}@example.com", "name": "A"}),
        "teams": listed("teams", "teams"), "tags": listed("tags", "data"), "segments": listed("segments", "segments")})


def jira():
    def by_start(total=None):
        def page(rows, ask):
            part, _ = counted(ask.query.get("startAt"), rows)
            return part, {total: len(rows)} if total else {}, {}
        return page

    def since(ask):
        return re.match(r'updated >= "(.*)" order by updated asc$', ask.query["jql"])[1]

    return Vendor(basic(USER), {
        "issues": Table("/rest/api/3/search/jql", "issues", by_token("nextPageToken", "nextPageToken"), lambda i: {
            "key": f"ABC-{i}", "fields": {"summary": "S"}}, changed=("fields.updated", lambda i: iso(i).replace("Z", ".123+0000")),
            since=since),
        "projects": Table("/rest/api/3/project/search", "values", by_start("total"), lambda i: {"name": "P"}, finds_deleted=True),
        "users": Table("/rest/api/3/users/search", "", by_start(), lambda i: {"emailAddress": f"u{i}@example.com", "displayName": "U"},
                       key="accountId", finds_deleted=True),
        "issue_fields": Table("/rest/api/3/field", "", whole, lambda i: {"name": f"n{i}"}, finds_deleted=True),
        "statuses": Table("/rest/api/3/status", "", whole, lambda i: {"name": f"n{i}"}, finds_deleted=True)}, further={
            f"issue_{name}s": Table(rf"/rest/api/3/issue/key_\d+/{name}", f"{name}s", of_first(by_start("total")), lambda i: {
                "author": {"displayName": "U"}}) for name in ("comment", "worklog")})


def notion():
    def paged(in_body):
        token = by_token("start_cursor", "next_cursor", in_body=in_body)

        def page(rows, ask):
            part, extra, headers = token(rows, ask)
            return part, {"object": "list", "next_cursor": None, **extra, "has_more": "next_cursor" in extra}, headers
        return page

    def search(kind):
        return Table("/v1/search", "results", paged(True), lambda i: {"object": kind, "properties": {}}, method="POST",
                     changed=("last_edited_time", iso), takes=lambda ask: ask.body["filter"]["value"] == kind)

    return Vendor(lambda headers: bearer(headers) and headers.get("Notion-Version"), {
        "pages": search("page"), "databases": search("database"),
        "users": Table("/v1/users", "results", paged(False), lambda i: {"name": "U", "person": {"email": f"u{i}@example.com"}},
                       finds_deleted=True)}, further={
            "blocks": Table(r"/v1/blocks/key_\d+/children", "results", of_first(paged(False)), lambda i: {"type": "divider"})})


def airtable():
    return Vendor(bearer, {
        "records": Table("/v0/appXXXXXXXXXXXXXX/Customers", "records", by_token("offset", "offset"), lambda i: {
            "createdTime": iso(i), "fields": {"Name": f"n{i}"}}),
        "schema": Table("/v0/meta/bases/appXXXXXXXXXXXXXX/tables", "tables", whole, lambda i: {"name": f"t{i}", "fields": []},
                        finds_deleted=True)})


def mailchimp():
    def paged(rows, ask):
        return counted(ask.query.get("offset"), rows)[0], {"total_items": len(rows)}, {}

    def listed(path, records, shape=lambda i: {}, key="id", finds_deleted=True):
        return Table(path, records, paged, shape, key=key, finds_deleted=finds_deleted)

    lists = listed("/lists", "lists", lambda i: {"name": f"n{i}", "contact": {"address1": "street"}})
    del lists.rows[1:]
    lists.finds_deleted = False  # its only row
    return Vendor(basic("firn"), {
        "lists": lists,
        "members": listed("/lists/key_0/members", "members", lambda i: {
            "email_address": f"m{i}@example.com", "ip_opt": "192.0.2.1", "merge_fields": {"FNAME": "M"}}),
        "campaigns": listed("/campaigns", "campaigns", lambda i: {"settings": {"reply_to": "a@example.com"}}),
        "reports": listed("/reports", "reports", finds_deleted=False),
        "automations": listed("/automations", "automations")})


def salesforce():
    def since(ask):
        return re.search(r"WHERE SystemModstamp >= (\S+) ORDER BY SystemModstamp$", ask.query["q"])[1]

    def page(rows, ask):
        part, following = counted(ask.query.get("from"), rows)
        path = ask.url(**{"from": following}).removeprefix(ask.base)
        return part, {"totalSize": len(rows), "done": following is None, **({"nextRecordsUrl": path} if following else {})}, {}

    def records(name, endpoint="queryAll", shape=lambda i: {}):
        return Table(f"/services/data/v61.0/{endpoint}", "records", page, lambda i: {
            "attributes": {"type": name}, **({"IsDeleted": False} if endpoint == "queryAll" else {}), **shape(i)}, key="Id",
            changed=("SystemModstamp", lambda i: iso(i).replace("Z", ".000+0000")), since=since,
            takes=lambda ask: f" FROM {name} " in ask.query["q"])

    def person(i):
        return {"FirstName": "F", "LastName": "L", "Email": f"p{i}@example.com", "Phone": "1"}

    return Vendor(lambda headers: headers.get("Authorization") == "Bearer " + TOKEN, {
        "accounts": records("Account", shape=lambda i: {"Name": f"A{i}", "Phone": "1"}), "contacts": records("Contact", shape=person),
        "leads": records("Lead", shape=person), "opportunities": records("Opportunity"),
        "opportunity_line_items": records("OpportunityLineItem"), "products": records("Product2"),
        "campaigns": records("Campaign"), "cases": records("Case"), "tasks": records("Task"),
        "users": records("User", "query", lambda i: {"Username": f"u{i}@example.com", "Email": f"u{i}@example.com"})},
        overlay={"AUTH__TOKEN_URL": "{url}/services/oauth2/token"}, token_path="/services/oauth2/token")


def shopify():
    def changing(name, shape=lambda i: {}):
        return Table(f"/admin/api/2026-07/{name}.json", name, by_link, shape, changed=("updated_at", iso), since=query("updated_at_min"))

    def listed(name, page=by_link):
        return Table(f"/admin/api/2026-07/{name}.json", name, page, finds_deleted=True)

    return Vendor(lambda headers: headers.get("X-Shopify-Access-Token") == SECRET, {
        "orders": changing("orders", lambda i: {"email": f"c{i}@example.com", "total_price": "9.50"}),
        "customers": changing("customers", lambda i: {"email": f"c{i}@example.com", "first_name": "C", "phone": None}),
        "products": changing("products", lambda i: {"title": f"p{i}"}),
        "custom_collections": listed("custom_collections"), "smart_collections": listed("smart_collections"),
        "locations": listed("locations", whole)}, further={
            "transactions": Table(r"/admin/api/2026-07/orders/key_\d+/transactions.json", "transactions", of_first(whole))})


def slack():
    by_cursor = by_token("cursor", "response_metadata.next_cursor")

    def paged(rows, ask):
        part, extra, headers = by_cursor(rows, ask)
        return part, {"ok": True, "response_metadata": {"next_cursor": ""}, **extra, "has_more": bool(extra)}, headers

    def of_channel(rows, ask):
        assert ask.query["channel"] == CHANNEL, ask.query
        return paged(rows, ask)

    def of_thread(rows, ask):
        return of_channel(rows if ask.query["ts"] == f"{epoch(0)}.000100" else [], ask)

    def message(i):
        return {"type": "message", "user": "U1", "text": "text"}

    def at(i):
        return f"{epoch(i)}.000100"

    user = {"name": "u", "real_name": "U", "deleted": False, "profile": {"email": "u@example.com", "phone": "1"}}
    refused = {"ok": False, "error": "invalid_auth"}
    return Vendor(bearer, {
        "channels": Table("/conversations.list", "channels", paged, lambda i: {"name": f"c{i}", "topic": {"value": ""}},
                          finds_deleted=True),
        "users": Table("/users.list", "members", paged, lambda i: user),
        "messages": Table("/conversations.history", "messages", of_channel, message, key=f"channel:{CHANNEL},ts",
                          changed=("ts", at), since=query("oldest"), never_changes=True)}, further={
            "replies": Table("/conversations.replies", "messages", of_thread, lambda i: {
                **message(i), "ts": at(i), "thread_ts": at(0)}, key=f"channel:{CHANNEL},ts")},
        unauthorized=(200, refused, {}), throttled=(200, {"ok": False, "error": "ratelimited"}, {}))


def xero():
    tenant = "45e4708e-d862-4111-ab3a-dd8cd03913e1"

    def by_page(rows, ask):
        part, _ = counted((int(ask.query["page"]) - 1) * PAGE_ROWS, rows)
        return part, {"Status": "OK", "pagination": {"pageCount": -(-len(rows) // PAGE_ROWS)}}, {}

    def documents(path, key, shape=lambda i: {}, page=by_page):
        return Table(f"/api.xro/2.0/{path}", path, page, shape, key=f"tenant_id:{tenant},{key}", changed=("UpdatedDateUTC", lambda i: f"/Date({epoch(i) * 1000}+0000)/"),
                     since=lambda ask: ask.headers["If-Modified-Since"])

    def listed(path, key, shape=lambda i: {}, records=None):
        return Table(f"/api.xro/2.0/{path}", records or path, whole, shape, key=f"tenant_id:{tenant},{key}", finds_deleted=True)

    person = {"FirstName": "F", "LastName": "L", "EmailAddress": "f@example.com"}
    dated = {"Date": "/Date(1518652800000+0000)/", "Contact": {"ContactID": "c", "Name": "N", "EmailAddress": "c@example.com"}}
    return Vendor(lambda headers: headers.get("Authorization") == "Bearer " + TOKEN and headers.get("xero-tenant-id") == tenant, {
        "invoices": documents("Invoices", "InvoiceID", lambda i: {**dated, "Total": i, "DueDate": "/Date(1518652800000)/"}),
        "contacts": documents("Contacts", "ContactID", lambda i: {"Name": "N", **person, "Phones": [{"PhoneNumber": "1"}]}),
        "payments": documents("Payments", "PaymentID", lambda i: {"Date": dated["Date"], "Amount": 9.5}),
        "bank_transactions": documents("BankTransactions", "BankTransactionID", lambda i: dated),
        "credit_notes": documents("CreditNotes", "CreditNoteID", lambda i: dated),
        "purchase_orders": documents("PurchaseOrders", "PurchaseOrderID", lambda i: dated),
        "manual_journals": documents("ManualJournals", "ManualJournalID", lambda i: {"Date": dated["Date"]}),
        "bank_transfers": listed("BankTransfers", "BankTransferID", lambda i: {"CreatedDateUTC": f"/Date({epoch(i) * 1000}+0000)/"}),
        "accounts": listed("Accounts", "AccountID", lambda i: {"Name": "A", "BankAccountNumber": "1"}),
        "items": listed("Items", "ItemID"), "users": listed("Users", "UserID", lambda i: person),
        "organisations": listed("Organisation", "OrganisationID", lambda i: {"Phones": [], "Addresses": []}, "Organisations"),
        "tax_rates": listed("TaxRates", "Name"), "currencies": listed("Currencies", "Code"),
        "tracking_categories": listed("TrackingCategories", "TrackingCategoryID")},
        overlay={"AUTH__TOKEN_URL": "{url}/connect/token"}, token_path="/connect/token", rotates=True)


def meta_ads():
    def by_after(rows, ask):
        part, following = counted(ask.query.get("after"), rows)
        cursors = {"paging": {"cursors": {"before": "b", "after": str(following or len(rows))}}}
        if following is not None:
            cursors["paging"]["next"] = ask.url(after=following, access_token=SECRET)  # as Meta does
        return part, cursors if rows else {}, {}

    def until(rows, ask):
        last = json.loads(ask.query["time_range"])["until"]
        return by_after([row for row in rows if row["date_start"] <= last], ask)

    def listed(path):
        return Table(f"/act_1234567890/{path}", "data", by_after, lambda i: {"account_id": "1234567890", "name": f"n{i}"})

    refused = {"error": {"message": "Invalid OAuth access token", "type": "OAuthException", "code": 190}}
    busy = {"error": {"message": "There have been too many calls", "type": "OAuthException", "code": 80004}}
    return Vendor(bearer, {
        "campaigns": listed("campaigns"), "ad_sets": listed("adsets"), "ads": listed("ads"), "creatives": listed("adcreatives"),
        "insights": Table("/act_1234567890/insights", "data", until, lambda i: {
            "account_id": "1234567890", "impressions": "1200", "spend": "3.45", "date_stop": day(i)}, key="account_id,ad_id,date_start",
            changed=("date_start", day), since=lambda ask: json.loads(ask.query["time_range"])["since"], never_changes=True)},
        overlay={"SETTINGS__START": day(-3)}, unauthorized=(400, refused, {}), throttled=(400, busy, {}))


def google_ads():
    def page(rows, ask):
        part, following = counted(ask.body.get("pageToken"), rows)
        return part, {"fieldMask": "campaign.id", **({"nextPageToken": str(following)} if following is not None else {})}, {}

    def bounds(ask):
        return re.search(r"segments.date BETWEEN '(\S+)' AND '(\S+)'$", ask.body["query"])

    def until(rows, ask):
        return page([row for row in rows if row["segments"]["date"] <= bounds(ask)[2]], ask)

    def table(resource, shape, key, by_day=False):
        dated = {"changed": ("segments.date", day), "since": lambda ask: bounds(ask)[1], "never_changes": True} if by_day else {}
        return Table("/customers/9876543210/googleAds:search", "results", until if by_day else page, shape, key=key, method="POST",
                     takes=lambda ask: re.search(rf" FROM {resource}\b", ask.body["query"]) and by_day == bool(bounds(ask)), **dated)

    def campaign(i):
        return {"campaign": {"resourceName": f"customers/1/campaigns/{i}", "id": str(i), "name": f"c{i}"}}

    def group(i):
        return {"adGroup": {"id": str(i)}, "campaign": {"id": "1"}}

    def keyword(i):
        return {**group(1), "adGroupCriterion": {"criterionId": str(i), "keyword": {"text": "t"}}}

    metrics = {"metrics": {"impressions": "10", "clicks": "1", "costMicros": "1000000", "conversions": 0.5}}
    return Vendor(lambda headers: headers.get("Authorization") == "Bearer " + TOKEN and headers.get("developer-token") == SECRET
                  and headers.get("login-customer-id") == "1234567890", {
        "campaigns": table("campaign", campaign, "customer_id:9876543210,campaign_id=campaign.id"),
        "ad_groups": table("ad_group", group, "customer_id:9876543210,ad_group_id=adGroup.id"),
        "ads": table("ad_group_ad", lambda i: {**group(1), "adGroupAd": {"ad": {"id": str(i)}}},
                     "customer_id:9876543210,ad_group_id=adGroup.id,ad_id=adGroupAd.ad.id"),
        "keywords": table("ad_group_criterion", keyword, "customer_id:9876543210,ad_group_id=adGroup.id,criterion_id=adGroupCriterion.criterionId"),
        "campaign_days": table("campaign", lambda i: {**campaign(1), **metrics},
                               "customer_id:9876543210,campaign_id=campaign.id,date=segments.date", by_day=True),
        "ad_group_days": table("ad_group", lambda i: {**group(1), **metrics},
                               "customer_id:9876543210,ad_group_id=adGroup.id,date=segments.date", by_day=True),
        "keyword_days": table("keyword_view", lambda i: {**keyword(1), **metrics},
                              "customer_id:9876543210,criterion_id=adGroupCriterion.criterionId,date=segments.date", by_day=True)},
        overlay={"SETTINGS__START": day(-3), "AUTH__TOKEN_URL": "{url}/token"}, token_path="/token")


def segment():
    page = by_token("pagination.cursor", "data.pagination.next")

    def listed(path, records, shape=lambda i: {}):
        return Table(path, f"data.{records}", page, shape, finds_deleted=True)

    return Vendor(bearer, {
        "sources": listed("/sources", "sources", lambda i: {"slug": f"s{i}", "settings": {}}),
        "destinations": listed("/destinations", "destinations"), "warehouses": listed("/warehouses", "warehouses"),
        "tracking_plans": listed("/tracking-plans", "trackingPlans"), "reverse_etl_models": listed("/reverse-etl-models", "models"),
        "users": listed("/users", "users", lambda i: {"name": "U", "email": f"u{i}@example.com"}),
        "audit_events": Table("/audit-events", "data.events", page, lambda i: {"type": "t", "actorEmail": "a@example.com"},
                              changed=("timestamp", iso), since=lambda ask: ask.query.get("startTime"), never_changes=True),
        "api_calls": Table("/usage/api-calls/sources/daily", "data.dailyPerSourceAPICallsUsage", page, lambda i: {"apiCalls": str(i)},
                           key="sourceId,timestamp")})


VENDORS = {make.__name__: make for make in (airtable, amplitude, github, google_ads, hubspot, intercom, jira, klaviyo, linear, mailchimp, meta_ads, notion,
                                            pipedrive, salesforce, segment, sendgrid, shopify, slack, stripe, xero, zendesk)}
