"""Components of Airbyte manifests, drawn at random; generated_manifests.py makes streams and manifests of them."""
import random

HOST = "http://api.test"
FORMATS = [
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d", "%s", "%ms", "%s_as_float", "%epoch_microseconds", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%S.%_msZ",
    "%Y-%m-%dT%H:%M:%S%z", "%d/%m/%Y %H:%M", "%Y%m%d", "%b %d, %Y", "%Y-%m-%d %H:%M:%S.%f", "%I:%M %p %d.%m.%y", "%Y-%m-%dT%H:%M:%S+00:00",
    "%a, %d %b %Y %H:%M:%S %z", "%Y-%m", "%Y-%m-%dT%H", "%Y-%m-%dT%H:%M:%S.%f%z", "%A %d %B %Y",
]
STRINGS = [
    "", " padded ", "Zoë", "日本語", 'quote " in', "it's", "line\nbreak", "back\\slash", "00123", "1e5", "True", "null", "None", "[1, 2]",
        "{'a': 1}",
    "0.10", "1_000", "0x1F", "a,b", "a;b", "plain", "Two Words", "camelCaseName", "HTTPServer", "x" * 40, "-7", "1.0", "nan", "a/b?c=d&e#f",
        "50%", "false",
]
VALUES = [0, 1, -1, 2**53 + 1, 0.0, -0.5, 1e-7, 1e21, 100.0, 123456.789, True, False, None, [], {}, [1, "a", None], {"k": "v"},
    [{"x": 1}, {"x": 2}], {"d": {"e": [1]}}]
KEYS = ["Camel Case", "camelCaseKey", "UPPER", "with-dash", "with.dot", "9lives", "ünïcode", "HTTPStatus2xx", "a__b", "_lead", "trail_",
    "date$time", "Käse Brot", "id2Name", "$sign", "x y  z"]
RECORD_EXPRESSIONS = [
    "{{ record['id'] }}", "{{ record.name }}", "{{ record['nested']['a'] }}", "{{ record.get('missing') }}", "{{ record.missing }}",
        "{{ record['missing']['deep'] }}",
    "{{ record['id'] | string }}", "{{ record['id'] * 2 + 1 }}", "{{ record['name'] | upper }}",
        "{{ record['name'] ~ '-' ~ record['id'] }}", "{{ record['tags'] | length }}",
    "{{ record['tags'] | join(',') }}", "{{ record['tags'][0] }}", "{{ record['when'][:10] }}", "{{ 'yes' if record['flag'] else 'no' }}",
        "{{ record['flag'] }}",
    "static text", "123", "1.50", "True", "[1, 2, 'x']", "{'a': 1}", "{{ config['start_date'] }}", "{{ config.get('nothing', 'default') }}",
        "{{ config['limit'] }}",
    "{{ stream_slice }}", "{{ stream_slice.get('part') }}", "{{ stream_partition.part }}", "{{ record['amount'] / 3 }}",
        "{{ record['amount'] | int }}", "{{ record['amount'] | round(1) }}",
    "{{ record['nested'] }}", "{{ record['nested'] | tojson }}", "{{ record['nested'].items() | list }}",
        "{{ record['name'] | hash('md5') }}", "{{ record['name'] | base64encode }}",
    "{{ record['when'] | default('x', true) }}", "{{ format_datetime(record['when'], '%Y/%m/%d') }}", "{{ timestamp(record['when']) }}",
        "{{ str_to_datetime(record['when']).year }}",
    "{{ now_utc() }}", "{{ now_utc().strftime('%s') }}", "{{ today_utc() }}", "{{ day_delta(-3, '%Y-%m-%d') }}",
        "{{ (now_utc() - duration('P1DT2H')).isoformat() }}",
    "{{ record['id'] }} and {{ record['name'] }}", "{% if record['flag'] %}on{% else %}off{% endif %}",
        "{% for t in record['tags'] %}{{ t }};{% endfor %}", "{{ parameters.get('p') }}",
    "{{ record['name'] | regex_search('([a-z]+)') }}", "{{ camel_case_to_snake_case(record['name']) }}",
        "{{ sanitize_url(record['name']) }}", "{{ max(record['id'], 3) }}", "{{ record }}",
    "{{ record['name'].split(' ')[0] }}", "{{ record['name'] | replace('a', 'b') }}", "{{ none }}", "{{ '' }}", "{{ '00123' }}",
        "{{ \"'quoted'\" }}", "{{ record['maybe'] }}",
    "{{ record['maybe'] is none }}", "{{ record['maybe'] is defined }}", "{{ record.id == 3 }}", "{{ record['odd'] }}",
        "{{ record['odd'] }} ", "{{ record['value'] }}", "{{ [record['id'], record['value']] }}",
    "{{ record['value'] or 'else' }}", "{{ {'id': record['id'], 'v': record['value']} }}",
]
CONDITIONS = [
    "{{ record['id'] > 4 }}", "{{ record['flag'] }}", "{{ record['name'] }}", "{{ record.get('maybe') }}", "{{ record['id'] % 2 == 0 }}",
        "{{ record.missing }}", "{{ record['tags'] }}",
    "{{ 'a' in record['name'] }}", "{{ record['amount'] | int }}", "{{ record['value'] }}", "{{ record['odd'] }}",
        "{{ record['when'] >= '2025-05-20' }}", "{{ not record['flag'] }}", "true", "",
    "{{ record['nested']['a'] is defined and record['id'] < 9 }}", "{{ stream_slice.get('part') != 'b' }}",
        "{{ config['limit'] > record['id'] }}", "{{ record['id'] in [1, 3, 5, 7] }}", "False", "0",
    "{{ record['when'] > stream_interval.get('start_time', '') }}", "{{ record['created'] != none }}",
]
CONFIG_EXPRESSIONS = [
    "{{ config['limit'] }}", "{{ config['start_date'] }}", "{{ config['nested']['deep'] }}", "{{ config.get('nothing') }}",
        "{{ config['nothing'] }}", "fixed", "7", "00123", "1.50", "True", "{{ config['flag'] }}",
    "{{ config['list'] }}", "{{ config['list'] | join(',') }}", "{{ now_utc().strftime('%Y-%m-%d') }}", "{{ config['start_date'][:10] }}",
        "{{ 'a' if config['flag'] else 'b' }}", "{{ [1, 2] }}", "a b&c=d/ü",
    "{{ config['limit'] + 1 }}", "{{ {'a': 1} }}", "{{ parameters['p'] }}", "{{ '' }}", "{{ none }}", "['x', 'y']",
        "{{ config['limit'] / 3 }}", "1e5", "{{ next_page_token }}", "{{ stream_slice }}", "{{ stream_interval }}",
    "{{ next_page_token['next_page_token'] }}", "{{ stream_slice.get('part') }}", "{{ stream_slice['part'] }}",
        "{{ stream_interval.get('start_time') }}", "{{ stream_partition.get('part', 'none') }}", "{{ stream_interval['end_time'] }}",
        " spaced ",
]
CONFIG = {
    "api_key": "key-1", "start_date": "2025-05-10T00:00:00Z", "end_date": "2025-06-10T12:00:00Z", "limit": 7, "flag": True, "off": False,
        "list": ["a", "b", "c"], "numbers": [1, 2, 3],
    "nested": {"deep": "down", "auth": "bearer"}, "user": "me@x.y", "password": "p:ä", "secret": "s3cret-s3cret-s3cret-s3cret-s3cret",
        "secret64": "czNjcmV0", "empty": "", "text": "Some Text",
    "tables": [{"name": "alpha", "path": "alpha", "key": "id"}, {"name": "beta", "path": "beta"}],
}


class Components:
    """Draws from one seed; `script` gathers what the API must answer (scripted_api.py)."""

    def __init__(self, seed, count):
        self.seed, self.rng, self.count = seed, random.Random(seed), count
        self.script = {}
        self.definitions = {}

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, values):
        return self.rng.choice(values)

    def some(self, values, low, high):
        return self.rng.sample(values, self.rng.randint(low, min(high, len(values))))

    # ---- records
    def moment(self, index):
        from datetime import datetime, timedelta, timezone

        day = datetime(2025, 5, 8, tzinfo=timezone.utc) + timedelta(days=index * 3 + self.rng.randint(0, 2),
            seconds=self.rng.randint(0, 86399))
        return day + timedelta(microseconds=self.pick([0, 0, 123000, 123456]))

    def rows(self, count, formats=("%Y-%m-%dT%H:%M:%SZ",), clean=False):
        from airbyte_cdk.sources.declarative.datetime.datetime_parser import DatetimeParser

        rows = []
        for i in range(count):
            form = formats[i % len(formats)]
            moment = self.moment(i)
            row = {
                "id": i + 1, "name": self.pick(STRINGS[2:] if clean else STRINGS), "flag": self.chance(0.5),
                    "amount": self.pick([1, 2.5, 10, 0.1, 33.333, 1e3]),
                "tags": self.some(["a", "b", "c", "d"], 0, 3), "nested": {"a": self.pick(["x", 1, None]), "b": {"c": self.rng.randint(0,
                    9)}, "list": [{"x": 1, "y": [1, 2]}, {"x": 2}]},
                "when": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "created": DatetimeParser().format(moment, form),
                    "count": i * 10 + self.rng.randint(0, 3),
            }
            if form in ("%s", "%ms", "%epoch_microseconds") and self.number_cursor:
                row["created"] = int(row["created"])
            if not clean:
                row["odd"] = self.pick(STRINGS)
                row["value"] = self.pick(VALUES)
                if self.chance(0.6):
                    row["maybe"] = self.pick([None, "x", 0, ""])
                for key in self.some(KEYS, 0, 3):
                    row[key] = self.pick(VALUES + STRINGS)
                if self.chance(0.1):
                    del row["created"]
                elif self.chance(0.04):
                    row["created"] = self.pick([None, "", "not a date"])
            rows.append(row)
        self.rng.shuffle(rows)
        return rows

    # ---- components
    def schema(self):
        kinds = [
            {"type": "string"}, {"type": ["null", "string"]}, {"type": "integer"}, {"type": ["null", "number"]}, {"type": "boolean"},
                {"type": ["string", "integer"]}, {"type": "object"}, {"type": ["array", "null"]},
            {"type": "array", "items": {"type": "string"}}, {"type": "object", "properties": {"k": {"type": "string"},
                "a": {"type": "string"}}}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, {},
            {"oneOf": [{"type": "integer"}, {"type": "string"}]}, {"type": "object", "additionalProperties": {"type": "string"}},
                {"type": ["null", "boolean"]}, {"type": ["object", "string"]},
            {"type": "string", "format": "date-time"}, {"type": "number"}, {"enum": ["a", 1]}, {"type": ["null", "integer"]},
                {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}},
        ]
        names = ["id", "name", "flag", "amount", "tags", "nested", "when", "created", "odd", "value", "maybe", *KEYS[:6], "added", "count"]
        return {"type": "object", "properties": {name: self.pick(kinds) for name in self.some(names, 4, len(names))},
            **({"additionalProperties": True} if self.chance(0.3) else {})}

    def transformation(self):
        kind = self.rng.randrange(11)
        if kind <= 3:
            fields = []
            for _ in range(self.rng.randint(1, 3)):
                path = self.pick([["added"], ["nested", "added"], ["nested", "b", "c"], ["new", "deep", "er"], ["id"], ["name"],
                    ["{{ config['text'] }}"], ["tags", "0"], ["{{ record['name'] }}"], ["x.y"]])
                field = {"type": "AddedFieldDefinition", "path": path, "value": self.pick(RECORD_EXPRESSIONS)}
                if self.chance(0.35):
                    field["value_type"] = self.pick(["string", "integer", "number", "boolean"])
                fields.append(field)
            return {"type": "AddFields", "fields": fields, **({"condition": self.pick(CONDITIONS)} if self.chance(0.25) else {})}
        if kind <= 5:
            pointers = self.some([["odd"], ["nested", "a"], ["nested", "**"], ["*"], ["tags"], ["nested", "list", "0"],
                ["nested", "list", "*", "x"], ["missing"], ["**", "x"], ["nested", "b", "c"], ["Camel*"], ["{{ config['text'] }}"],
                ["value", "k"], ["name", "x"]], 1, 2)
            condition = self.pick(["{{ property is none }}", "{{ property == 'x' }}", "{{ property }}", "{{ record['flag'] }}",
                "{{ property is string }}", "{{ not property }}"])
            return {"type": "RemoveFields", "field_pointers": pointers, **({"condition": condition} if self.chance(0.5) else {})}
        if kind == 6:
            return {"type": "FlattenFields", **({"flatten_lists": self.chance(0.5)} if self.chance(0.6) else {})}
        if kind == 7:
            made = {"type": "DpathFlattenFields", "field_path": self.pick([["nested"], ["nested", "b"], ["nested", "list", "*"], ["nested",
                "*"], ["{{ config['text'] }}"], ["missing"], ["value"], ["nested", "**"]])}
            if self.chance(0.5):
                made["delete_origin_value"] = self.chance(0.7)
            if self.chance(0.4):
                made["replace_record"] = self.chance(0.7)
            if self.chance(0.5):
                made["key_transformation"] = {"type": "KeyTransformation",
                    **({"prefix": self.pick(["pre_", "{{ config['text'] }}"])} if self.chance(0.6) else {}),
                    **({"suffix": "_{{ parameters.get('p', 's') }}"} if self.chance(0.6) else {})}
            return made
        if kind == 8:
            return {"type": self.pick(["KeysToLower", "KeysToSnakeCase"])}
        if kind == 9:
            return {"type": "KeysReplace", "old": self.pick([" ", "a", "-", "{{ config['text'][0] }}", ".", "id"]),
                "new": self.pick(["_", "", "{{ record['id'] }}", "x"])}
        return {"type": "AddFields", "fields": [{"path": ["slice_of"],
            "value": self.pick(["{{ stream_slice }}", "{{ stream_partition }}", "{{ stream_slice.get('parent_slice') }}",
            "{{ stream_slice.extra_fields }}", "{{ stream_slice.get('start_time') }}"])}]}

    def selector(self, path, transformations=True):
        made = {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": path}}
        if self.chance(0.25):
            made["record_filter"] = {"type": "RecordFilter", "condition": self.pick(CONDITIONS)}
        if self.chance(0.2):
            made["schema_normalization"] = self.pick(["Default", "None", "Default"])
        if self.chance(0.2):
            made["transform_before_filtering"] = self.chance(0.5)
        if self.chance(0.12) and path and path[-1] != "*":
            made["extractor"]["record_expander"] = {
                "type": "RecordExpander", "expand_records_from_field": self.pick([["nested", "list"], ["tags"],
                    ["nested", "list", "*", "y"], ["missing"], ["nested"]]),
                **({"remain_original_record": True} if self.chance(0.5) else {}),
                    **({"on_no_records": self.pick(["skip", "emit_parent"])} if self.chance(0.5) else {})}
        return made

    def option(self, name, post, path=True):
        where = self.pick(["request_parameter", "request_parameter",
            "header"] + ([self.body_place] * 2 if post and self.body_place else []))
        if where in ("body_json", "request_parameter") and path and self.chance(0.15):
            return {"type": "RequestOption", "inject_into": where,
                "field_path": self.pick([["opts", name], [name],
                ["opts", "{{ config['limit'] }}", name]])} if where == "body_json" else {"type": "RequestOption", "inject_into": where,
                "field_name": f"{name}[]"}
        return {"type": "RequestOption", "inject_into": where, "field_name": ("X-" if where == "header" else "") + name}

    def paginator(self, entry, post):
        kind = self.pick(["page", "page", "offset", "offset", "cursor", "cursor", "cursor", "none"])
        if kind == "none":
            return {"type": "NoPagination"} if self.chance(0.5) else None
        size = self.rng.randint(2, 6)
        made = {"type": "DefaultPaginator"}
        page = {"size": size, "kind": kind, "name": "token"}
        entry["page"] = page
        token = self.option("token", post)
        page["name"] = (token.get("field_path") or [token["field_name"]])[-1]
        stated = self.pick([size, size, size, str(size), "{{ config['limit'] - " + str(7 - size) + " }}", size + 1, size - 1])
        if kind == "page":
            strategy = {"type": "PageIncrement"}
            if self.chance(0.5):
                page["start"] = strategy["start_from_page"] = self.pick([0, 1, 2])
        elif kind == "offset":
            strategy = {"type": "OffsetIncrement"}
        else:
            return self.cursor_paginator(entry, page, made, token, post)
        if self.chance(0.7):
            strategy["page_size"] = stated
        if self.chance(0.4):
            strategy["inject_on_first_request"] = self.chance(0.7)
        made.update(pagination_strategy=strategy, page_token_option=token)
        if "page_size" in strategy and self.chance(0.6):
            made["page_size_option"] = self.option("size", post)
        return made

    def cursor_paginator(self, entry, page, made, token, post):
        stop = None
        style = self.pick(["next", "next", "next_url", "link", "last_record", "more", "header", "sum", "deep"])
        if style == "next_url":
            page["next_url"] = ["links", "next"]
            value = self.pick(["{{ response['links']['next'] }}", "{{ response.links.next }}",
                "{{ response.get('links', {}).get('next') }}"])
            token = {"type": "RequestPath"}
            if self.chance(0.2):
                page["relative_url"] = True
            stop = self.pick([None, "{{ not response.get('links', {}).get('next') }}", "{{ 'next' not in response.get('links', {}) }}"])
        elif style == "link":
            page["link"] = True
            value = self.pick(["{{ headers['link']['next']['url'] }}", "{{ headers.link.next.url }}"])
            stop = self.pick(["{{ 'next' not in headers['link'] }}", None, "{{ headers['link']['next'] is not defined }}"])
            token = {"type": "RequestPath"}
        elif style == "last_record":
            value = self.pick(["{{ last_record['id'] }}", "{{ last_record.id }}", "{{ last_record['count'] }}"])
            page.update(kind="offset", name="no_such")  # the API does not understand it: what stops is the size
            stop = self.pick(["{{ last_page_size < 99 }}", "{{ last_page_size == 0 or true }}", "{{ response.get('total', 0) < 5 }}"])
        elif style == "header":
            page["next_header"] = "X-Next"
            value = self.pick(["{{ headers['X-Next'] }}", "{{ headers.get('X-Next') }}", "{{ headers.get('X-Next') }}"])
        elif style == "more":
            page.update(more=["more"], next=["next"], prefix=self.pick(["", "t"]))
            value = "{{ response['next'] }}"
            stop = self.pick(["{{ not response['more'] }}", "{{ response.more is false }}", "{{ response['more'] == False }}",
                "{{ not response.get('more', False) }}"])
        else:
            page.update(next=["meta", "next"] if style == "deep" else ["next"], prefix=self.pick(["", "t", "c="]), text=self.chance(0.7),
                last=self.pick(["absent", None, "", 0, False]))
            value = "{{ response['meta']['next'] }}" if style == "deep" else self.pick(["{{ response['next'] }}", "{{ response.next }}",
                "{{ response.get('next', '') }}", "{{ response.get('next') or none }}"])
            stop = self.pick([None, None, "{{ not response.get('next') }}" if style != "deep" else "{{ not response.get('meta', {}).get('next') }}", "{{ response.get('next') is none }}" if style != "deep" else None])
        strategy = {"type": "CursorPagination", "cursor_value": value, **({"stop_condition": stop} if stop else {})}
        if self.chance(0.4):
            strategy["page_size"] = page["size"]
            if self.chance(0.7):
                made["page_size_option"] = self.option("size", post)
        made["pagination_strategy"] = strategy
        if self.chance(0.95):
            made["page_token_option"] = token
        return made

    def authenticator(self, depth=0):
        kind = self.pick(["none", "no", "api", "api", "bearer", "basic", "oauth", "jwt", "session", "legacy",
            "selective"][: 10 if depth else 11])
        key = self.pick(["{{ config['api_key'] }}", "{{ config['limit'] }}", "{{ config['nested']['deep'] }}", "00123",
            "{{ config['password'] }}"])
        if kind == "none":
            return None
        if kind == "no":
            return {"type": "NoAuth"}
        if kind == "api":
            if self.chance(0.4):
                return {"type": "ApiKeyAuthenticator", "api_token": key.replace("password", "text"),
                    "header": self.pick(["X-Api-Key", "Authorization", "X-{{ config['limit'] }}"])}
            return {"type": "ApiKeyAuthenticator", "api_token": key.replace("password", "text"),
                "inject_into": self.option("apikey", self.post)}
        if kind == "bearer":
            return {"type": "BearerAuthenticator", "api_token": key.replace("password", "text")}
        if kind == "basic":
            return {"type": "BasicHttpAuthenticator", "username": self.pick(["{{ config['user'] }}", key]),
                **({"password": self.pick(["{{ config['password'] }}", "", "{{ config['limit'] }}"])} if self.chance(0.7) else {})}
        if kind == "oauth":
            return self.oauth()
        if kind == "jwt":
            return self.jwt()
        if kind == "session":
            self.script["/login"] = {"errors": [[200, {}, {"data": {"token": "sess-1"}}]] * 400}
            use = {"type": "Bearer"} if self.chance(0.5) else {"type": "ApiKey", "inject_into": self.option("session", self.post),
                **({"api_token": "Tok {{ session_token }}"} if self.chance(0.4) else {})}
            return {"type": "SessionTokenAuthenticator", "expiration_duration": self.pick(["P1D", "PT1H"]),
                "session_token_path": ["data", "token"], "request_authentication": use,
                    "login_requester": {"type": "HttpRequester", "url_base": HOST, "path": "/login", "http_method": "POST",
                        **self.body(True)}}
        if kind == "legacy":
            self.script["/legacy/login"] = {"errors": [[200, {}, {"id": "legacy-1"}]] * 400}
            self.script["/legacy/me"] = {"errors": [[200 if self.chance(0.5) else 401, {}, {}]] * 400}
            return {"type": "LegacySessionTokenAuthenticator", "header": "X-Session", "login_url": "legacy/login",
                "validate_session_url": "legacy/me", "session_token_response_key": "id", "username": "{{ config['user'] }}",
                "password": "{{ config['password'] }}",
                    **({"session_token": "{{ config['api_key'] }}"} if self.chance(0.4) else {})}
        return {"type": "SelectiveAuthenticator", "authenticator_selection_path": ["nested", "auth"],
            "authenticators": {"bearer": self.authenticator(1) or {"type": "NoAuth"}, "other": {"type": "NoAuth"}}}

    def oauth(self):
        name = self.pick(["access_token", "data.token", "token"])
        answer = {"expires_in": self.pick([3600, "3600"]), "refresh_token": "r2"}
        answer.update({"data": {"token": "tok-1"}} if "." in name else {name: "tok-1"})
        number = len(self.script)
        self.script[f"/oauth{number}"] = {"errors": [[200, {}, answer]] * 400}
        made = {"type": "OAuthAuthenticator", "token_refresh_endpoint": f"{HOST}/oauth{number}",
            "client_id": self.pick(["{{ config['user'] }}", "cid"]), "client_secret": "{{ config['secret'] }}", "access_token_name": name}
        if self.chance(0.5):
            made["refresh_token"] = "{{ config['api_key'] }}"
        else:
            made["grant_type"] = "client_credentials"
        for key, value in (("scopes", ["a.read", "b:write"]), ("client_id_name", "cid"), ("client_secret_name", "csec"),
            ("grant_type_name", "gt"), ("refresh_request_body", {"audience": "{{ config['text'] }}", "n": 7, "list": [1, 2]}),
                           ("refresh_request_headers", {"X-Extra": "{{ config['text'] }}",
                               "Authorization": "Basic {{ (config['user'] ~ ':' ~ config['limit']) | base64encode }}"}),
                               ("send_refresh_request_as_query_params", True)):
            if self.chance(0.25):
                made[key] = value
        if self.chance(0.2):
            made.update(token_expiry_date=self.pick(["2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "{{ config['end_date'] }}"]),
                access_token_value="{{ config['api_key'] }}")
        return made

    def jwt(self):
        made = {"type": "JwtAuthenticator", "secret_key": self.pick(["{{ config['secret'] }}", "{{ config['secret64'] }}"]),
            "algorithm": self.pick(["HS256", "HS384", "HS512"])}
        for key, value in (("base64_encode_secret_key", True), ("token_duration", self.pick([60, 3600])),
            ("header_prefix", self.pick(["JWT", "Bearer", "{{ config['text'] }}"])),
                           ("jwt_headers", {"kid": "{{ config['text'] }}", "typ": "JWT", "cty": "x"}),
                               ("additional_jwt_headers", {"extra": "{{ config['user'] }}", "n": 1}),
                               ("jwt_payload", {"iss": "{{ config['user'] }}", "sub": "s", "aud": "a"}),
                           ("additional_jwt_payload", {"scope": "{{ config['list'] }}", "num": "{{ config['limit'] }}",
                               "nested": {"a": "{{ config['text'] }}"}}),
                               ("request_option", {"type": "RequestOption", "inject_into": "header", "field_name": "X-Jwt"})):
            if self.chance(0.35):
                made[key] = value
        return made

    def mapping(self, names, low, high):
        return {name: self.pick(CONFIG_EXPRESSIONS) for name in self.some(names, low, high)}

    def body(self, post):
        if not post:
            return {}
        kind = self.rng.randrange(9)
        nested = {"deep": {"x": self.pick(CONFIG_EXPRESSIONS), "n": 5,
            "list": ["{{ config['limit'] }}", 1, None, {"q": "{{ config['text'] }}"}]},
            "{{ config['text'] }}": self.pick(CONFIG_EXPRESSIONS)}
        values = self.mapping(["a", "b", "c", "d", "e"], 0, 4)
        self.body_place = "body_json"
        if kind == 0:
            return {"request_body_json": values}
        if kind == 1:
            return {"request_body_json": {**values, **nested}}
        if kind == 2:
            self.body_place = "body_data"
            return {"request_body_data": values}
        if kind == 3:
            self.body_place = None
            return {"request_body_data": self.pick(["a=1&b={{ config['limit'] }}", "text {{ config['text'] }}", "{'a': 1}"])}
        if kind == 4:
            return {"request_body": {"type": "RequestBodyJsonObject", "value": {**values, **nested}}}
        if kind == 5:
            self.body_place = "body_data"
            return {"request_body": {"type": "RequestBodyUrlEncodedForm", "value": values}}
        if kind == 6:
            self.body_place = None
            return {"request_body": {"type": "RequestBodyPlainText",
                "value": self.pick(["text {{ config['limit'] }}", "{\"a\": {{ config['limit'] }} }", "q"])}}
        if kind == 7:
            return {"request_body": {"type": "RequestBodyGraphQL",
                "value": {"query": "query { items(first: {{ config['limit'] }}) { id } }",
                **({"variables": {"v": "{{ config['limit'] }}"}} if self.chance(0.5) else {})}}}
        return {"request_body_json": self.pick(["{\"a\": 1, \"b\": \"{{ config['text'] }}\"}", "{'x': {{ config['limit'] }}}"])}

    def error_filter(self):
        made = {"type": "HttpResponseFilter"}
        if self.chance(0.85):
            made["action"] = self.pick(["SUCCESS", "FAIL", "RETRY", "RETRY", "IGNORE", "IGNORE", "RATE_LIMITED"])
        for key, value in (("http_codes", self.some([400, 401, 403, 404, 409, 422, 429, 500, 503, 200], 1, 3)),
            ("predicate", self.pick(["{{ response.get('code') == 'busy' }}", "{{ 'error' in response }}",
            "{{ headers['x-reason'] == 'r' }}", "{{ response['code'] == 'busy' }}", "{{ response.error.code == 5 }}"])),
                           ("error_message_contains", self.pick(["wait", "bad", "busy"])),
                               ("error_message", self.pick(["failed: {{ response.get('error') }}", "plain"])),
                               ("failure_type", self.pick(["config_error", "transient_error"]))):
            if self.chance(0.45):
                made[key] = value
        if not set(made) & {"http_codes", "predicate", "error_message_contains"}:
            made["http_codes"] = [self.pick([400, 404, 429, 500])]
        if "action" not in made and not set(made) & {"error_message", "failure_type"}:
            made["error_message"] = "said so"
        return made

    def error_handler(self, entry):
        bodies = [{"error": "bad things"}, {"code": "busy", "message": "please wait"}, {"error": {"code": 5, "message": "bad"}},
            {"errors": [{"message": "busy"}, "x"]}, "not json", "", [], {"data": [{"id": 77, "created": "2025-05-20"}]}]
        headers = [{}, {"Retry-After": self.pick(["1", "2.5", "soon", "wait 3 s"])},
            {"X-Reset": self.pick(["1749982835", "1749982832.5", "x"])}, {"X-Reason": "r"}]
        entry["errors"] = [[self.pick([400, 401, 403, 404, 408, 409, 422, 429, 429, 500, 502, 503, 504, 501, 200, 204, 302, 418]),
            self.pick(headers), self.pick(bodies)] for _ in range(self.rng.randint(1, 3))]

        def simple():
            made = {"type": "DefaultErrorHandler"}
            if self.chance(0.8):
                made["response_filters"] = [self.error_filter() for _ in range(self.rng.randint(1, 3))]
            if self.chance(0.4):
                made["max_retries"] = self.pick([0, 1, 2, "{{ config['limit'] }}", 3])
            if self.chance(0.5):
                made["backoff_strategies"] = [self.pick([
                    {"type": "ConstantBackoffStrategy", "backoff_time_in_seconds": self.pick([1, 0.5, "{{ config['limit'] }}"])},
                        {"type": "ExponentialBackoffStrategy", **({"factor": self.pick([1,
                        "{{ config['limit'] }}"])} if self.chance(0.5) else {})},
                    {"type": "WaitTimeFromHeader", "header": "Retry-After",
                        **({"regex": self.pick(["([0-9]+)", "[0-9]+"])} if self.chance(0.5) else {}),
                        **({"max_waiting_time_in_seconds": self.pick([1, 100])} if self.chance(0.3) else {})},
                    {"type": "WaitUntilTimeFromHeader", "header": "X-Reset", **({"min_wait": 2} if self.chance(0.5) else {}),
                        **({"regex": "[0-9]+"} if self.chance(0.4) else {})}]) for _ in range(self.rng.randint(1, 2))]
            return made

        if self.chance(0.35):
            return {"type": "CompositeErrorHandler", "error_handlers": [simple() for _ in range(self.rng.randint(1, 3))]}
        return simple()

    def requester(self, path, entry, plain=False):
        self.post = self.chance(0.3)
        self.body_place = "body_json"
        made = {"type": "HttpRequester", "http_method": "POST" if self.post else "GET"}
        style = self.rng.randrange(6)
        if style == 0:
            made["url"] = HOST + path
        elif style == 1:
            made["url_base"] = HOST + path
        else:
            made.update(url_base=HOST + self.pick(["", "/"]), path=path if self.chance(0.5) else path.lstrip("/"))
        if self.chance(0.1) and "path" in made:
            made["path"] += self.pick(["?fixed=1", "?a=b&c={{ config['limit'] }}", "/"])
        if plain:
            return made
        made.update(self.body(self.post))
        if self.chance(0.5):
            made["request_parameters"] = self.mapping(["q", "r", "s t", "arr[]", "{{ config['text'] }}", "fixed"], 0, 4)
        elif self.chance(0.1):
            made["request_parameters"] = self.pick(["a=1&b={{ config['limit'] }}", "{{ {'z': 1} }}", "x={{ config['text'] }}"])
        if self.chance(0.35):
            made["request_headers"] = {f"X-{k}": v for k, v in self.mapping(["H1", "H2", "H3"], 1, 3).items() if "ü" not in v}
        auth = self.authenticator()
        if auth:
            made["authenticator"] = auth
        if self.chance(0.3):
            made["error_handler"] = self.error_handler(entry)
        return made

    def duration(self):
        return self.pick(["P1M", "P1W", "P1Y", "P3D", "P10D", "PT36H", "P{{ config['limit'] }}D", "P2W", "P1M15D", "P30D"])

    def cursor(self, post, formats):
        form = formats[0]
        made = {"type": "DatetimeBasedCursor", "cursor_field": "created",
            "datetime_format": form if self.chance(0.8) else self.pick(FORMATS),
            "start_datetime": self.bound("start_date", "2025-05-10T00:00:00Z")}
        if isinstance(made["start_datetime"], str) and made["datetime_format"] != "%Y-%m-%dT%H:%M:%SZ":
            made["start_datetime"] = {"type": "MinMaxDatetime", "datetime": made["start_datetime"], "datetime_format": "%Y-%m-%dT%H:%M:%SZ"}
        if len(formats) > 1 or made["datetime_format"] != form or self.chance(0.3):
            made["cursor_datetime_formats"] = list(formats)
        if self.chance(0.45):
            made["end_datetime"] = self.bound("end_date", "2025-06-10T12:00:00Z")
            if isinstance(made["end_datetime"], str) and made["datetime_format"] != "%Y-%m-%dT%H:%M:%SZ":
                del made["end_datetime"]
        if self.chance(0.5):
            made.update(step=self.duration(), cursor_granularity=self.granularity(made["datetime_format"]))
        if self.chance(0.3):
            made["lookback_window"] = self.pick(["P5D", "PT1H", "P1M", "P{{ config['limit'] }}D", "{{ config['nothing'] }}", "P1W"])
        if self.chance(0.4):
            made["start_time_option"] = self.option("since", post)
        if self.chance(0.4):
            made["end_time_option"] = self.option("until", post)
        for key, probability in (("is_data_feed", 0.12), ("is_client_side_incremental", 0.2), ("global_substream_cursor", 0.25),
            ("is_compare_strictly", 0.1)):
            if self.chance(probability):
                made[key] = self.chance(0.8)
        if made.get("is_data_feed") and made.get("is_client_side_incremental"):
            del made["is_client_side_incremental"]
        if self.chance(0.15):
            made.update(partition_field_start="begin", partition_field_end="finish")
        if self.chance(0.12) and "step" in made:
            weekday = self.pick(["MONDAY", "SUNDAY", "FRIDAY"])
            made["clamping"] = {"target": self.pick(["DAY", "WEEK", "MONTH"]), "target_details": {"weekday": weekday}}
        return made

    def granularity(self, form):
        if "%f" in form or "microseconds" in form:
            return "PT0.000001S"
        if "%ms" in form or "%_ms" in form:
            return "PT0.001S"
        if "%s" in form or "%S" in form:
            return "PT1S"
        return "PT1M" if "%M" in form else "PT1H" if "%H" in form or "%I" in form else "P1D"

    def bound(self, name, text):
        style = self.rng.randrange(6)
        if style == 0:
            return "{{ config['" + name + "'] }}"
        made = {"type": "MinMaxDatetime", "datetime": self.pick(["{{ config['" + name + "'] }}", text,
            "{{ config.get('nothing', '" + text + "') }}"])}
        made["datetime_format"] = "%Y-%m-%dT%H:%M:%SZ"
        if style == 1:
            made["min_datetime"] = self.pick(["2025-05-12T00:00:00Z", "{{ config['start_date'] }}"])
        if style == 2:
            made["max_datetime"] = self.pick(["{{ day_delta(-4, '%Y-%m-%dT%H:%M:%SZ') }}", "2025-06-01T00:00:00Z"])
        if style == 3:
            made = {"type": "MinMaxDatetime", "datetime": self.pick([text[:10], "{{ config['" + name + "'][:10] }}"]),
                "datetime_format": "%Y-%m-%d"}
        return made

    def router(self, name, depth=0):
        kind = self.pick(["list", "list", "sub", "sub", "sub", "product", "group", "union"][: 5 if depth else 8])
        if kind == "list":
            made = {"type": "ListPartitionRouter", "cursor_field": "part",
                "values": self.pick([["a", "b"], "{{ config['list'] }}", "{{ config['numbers'] }}", ["1", "{{ config['limit'] }}"],
                "['x', 'y']", ["a b", "a/b", "ü"], ["00123", "True"]])}
            if self.chance(0.5):
                made["request_option"] = self.option("part", self.post)
            return made
        if kind == "sub":
            return {"type": "SubstreamPartitionRouter", "parent_stream_configs": [self.parent(f"{name}p{i}", depth,
                "part" if i == 0 else f"part{i}") for i in range(2 if self.chance(0.1) else 1)]}
        if kind == "product":
            second = self.router(name + "y", 1)
            rename(second, "part", "other")
            return [self.router(name + "x", 1), second]
        if kind == "group":
            return {"type": "GroupingPartitionRouter", "group_size": self.pick([1, 2, 10]),
                "underlying_partition_router": self.router(name + "g", 1),
                **({"deduplicate": self.chance(0.5)} if self.chance(0.6) else {})}
        return {"type": "UnionPartitionRouter", "partition_field": "part",
            "partition_routers": [self.router(name + "u", 1), self.router(name + "v", 1)]}

    def parent(self, name, depth, field):
        key = self.pick(["id", "name", "id", "nested/b/c", "id"])
        made = {"type": "ParentStreamConfig", "parent_key": key, "partition_field": field}
        if self.chance(0.4):
            made["request_option"] = self.option(field, self.post)
        if self.chance(0.3):
            made["extra_fields"] = self.pick([[["name"]], [["nested", "b", "c"], ["flag"]], [["missing", "x"]]])
        saved = self.post, self.body_place
        made["stream"] = self.stream(name, parent=True, depth=depth + 1)
        self.post, self.body_place = saved
        if made["stream"].get("incremental_sync") and self.chance(0.6):
            made["incremental_dependency"] = True
        if self.chance(0.08) and depth == 0:
            made["lazy_read_pointer"] = ["nested", "list"]
        return made

    def stream(self, name, parent=False, depth=0):
        path = f"/{name}"
        self.number_cursor = self.chance(0.5)
        formats = [self.pick(FORMATS)]
        if self.chance(0.2):
            formats.append(self.pick(FORMATS))
        partitioned = not parent and self.chance(0.4) or parent and depth < 2 and self.chance(0.2)
        entry = {"rows": self.rows(self.rng.randint(2, 4) if parent else self.rng.randint(6, 13), formats,
            clean=parent and self.chance(0.7)), "extra": {"total": 12}}
        envelope = self.pick([[], ["data"], ["data"], ["data", "items"]])
        entry["envelope"] = envelope
        requester = self.requester(path, entry, plain=parent and self.chance(0.5))
        post = self.post
        retriever = {"type": "SimpleRetriever", "requester": requester, "record_selector": self.selector(list(envelope))}
        if envelope and self.chance(0.08):
            retriever["record_selector"]["extractor"]["field_path"] = [*envelope, self.pick(["*", "0", "missing", "{{ config['text'] }}"])]
        pattern = path
        if partitioned:
            retriever["partition_router"] = self.router(name, depth)
            if self.chance(0.5):
                self.post = post
                where = self.pick(["path", "param", "body"])
                text = self.pick(["{{ stream_slice['part'] }}", "{{ stream_partition.part }}", "{{ stream_slice.part }}",
                    "{{ stream_partition['part'] }}"])
                if where == "path" and "path" in requester and "?" not in requester["path"]:
                    requester["path"] = requester["path"].rstrip("/") + "/" + text
                    pattern = path + "/.*"
                elif isinstance(requester.get("request_parameters", {}), dict):
                    requester.setdefault("request_parameters", {})["of"] = text
        if self.chance(0.6):
            saved = self.post, self.body_place
            self.post = post
            paginator = self.paginator(entry, post and "request_body_data" not in requester)
            self.post, self.body_place = saved
            if paginator:
                retriever["paginator"] = paginator
        if not entry.get("page") and not envelope and "error_handler" not in requester:  # a filter that looks eats a streamed answer
            self.encoding(entry, retriever)
        if "error_handler" not in requester and self.chance(0.12):
            entry["errors"] = [[self.pick([429, 500, 503, 408, 409]), self.pick([{}, {"Retry-After": "1"}]),
                self.pick([{"error": "later"}, "later"])] for _ in range(self.rng.randint(1, 3))]
        self.script[pattern + "/?"] = entry
        stream = {"type": "DeclarativeStream", "name": name, "retriever": retriever,
            "schema_loader": {"type": "InlineSchemaLoader", "schema": self.schema()}}
        if self.chance(0.7):
            stream["primary_key"] = self.pick(["id", ["id"], [["id"]], ["id", "name"], []])
        if self.chance(0.45 if not parent else 0.3):
            stream["incremental_sync"] = self.cursor(post, formats)
        elif self.chance(0.08):
            stream["incremental_sync"] = {"type": "IncrementingCountCursor", "cursor_field": "count",
                **({"start_value": self.pick([0, 25, "{{ config['limit'] }}"])} if self.chance(0.6) else {}),
                **({"start_value_option": self.option("from", post)} if self.chance(0.5) else {})}
        if self.chance(0.5 if not parent else 0.15):
            made = [self.transformation() for _ in range(self.rng.randint(1, 3))]
            if any(one["type"] == "FlattenFields" for one in made):  # it minds the order of keys, which lowering makes random
                made = [one for one in made if one["type"] != "KeysToLower"]
            stream["transformations"] = made
        if self.chance(0.15):
            stream["$parameters"] = {"p": self.pick(["pv", 5, "{{ config['limit'] }}"])}
        return stream

    def encoding(self, entry, retriever):
        kind = self.pick(["json"] * 6 + ["jsonl", "csv", "xml", "lines", "items", "gzip", "zip"])
        flat = [{k: v for k, v in row.items() if not isinstance(v, (dict, list)) and "\n" not in str(v)} for row in entry["rows"]]
        if kind == "jsonl":
            entry["form"], retriever["decoder"] = "jsonl", {"type": "JsonlDecoder"}
        elif kind == "csv":
            decoder = {"type": "CsvDecoder"}
            entry.update(form="csv", rows=flat)
            if self.chance(0.6):
                decoder["delimiter"] = self.pick([",", ";", "\t", "\\t", "|"])
                entry["delimiter"] = decoder["delimiter"].replace("\\t", "\t")
            if self.chance(0.4):
                decoder["encoding"] = entry["encoding"] = self.pick(["utf-8", "utf-16", "utf-8-sig"])
            if self.chance(0.3):
                decoder["set_values_to_none"] = self.pick([[""], ["True", "null"], ["0"]])
            retriever["decoder"] = decoder
        elif kind == "xml":
            text = self.pick(["<r><item id='1'>a</item><item id='2'><x>1</x><x>2</x></item><item/></r>",
                "<r><item><id>1</id><n> t </n><e></e></item></r>", "<r xmlns:h='u'><h:item><![CDATA[<b>]]></h:item><item>5</item></r>",
                "<r><item a='1'>t<b/>u</item></r>"])
            entry.update(form="raw", text=text, kind="application/xml")
            retriever["decoder"] = {"type": "XmlDecoder"}
            retriever["record_selector"]["extractor"]["field_path"] = self.pick([["r", "item"], ["r"], [], ["r", "item", "*"]])
        elif kind == "lines":
            entry.update(form="lines", rows=[row["name"].replace("\n", "") for row in entry["rows"]])
            retriever["decoder"] = {"type": "IterableDecoder"}
        elif kind == "items":
            entry["envelope"] = ["data"]
            retriever["decoder"] = {"type": "JsonItemsDecoder", "items_path": "data.item"}
        elif kind in ("gzip", "zip"):
            inner = self.pick([("json", "JsonDecoder"), ("jsonl", "JsonlDecoder"), ("csv", "CsvDecoder")])
            entry.update(form=inner[0], pack=[kind])
            if inner[0] == "csv":
                entry["rows"] = flat
            retriever["decoder"] = {"type": "GzipDecoder" if kind == "gzip" else "ZipfileDecoder", "decoder": {"type": inner[1]}}


def rename(node, old, new):
    """Gives a router and its parents' fields another name."""
    for key in ("cursor_field", "partition_field"):
        if node.get(key) == old:
            node[key] = new
    for parent in node.get("parent_stream_configs") or []:
        rename(parent, old, new)
    for part in [node.get("request_option") or {}] + [p.get("request_option") or {} for p in node.get("parent_stream_configs") or []]:
        if part.get("field_name") == old:
            part["field_name"] = new
