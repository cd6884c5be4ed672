"""The judge of "every value equals the source": JSON text as the API sent it against rows as a foreign reader gave them.

Numbers of the source stay text (`Number`), never floats. The rules are those of docs/reference/typing, not firn's code:

  null and a missing key are equal; `{}` is a struct all of whose fields are null but `_empty`; `[]` has no column until
  the type of its elements is known; one value lives in exactly one of the columns of its key: `<key>` or a sibling
  `<key>__<type>`; a key that cannot keep its name is `<key>__<n>` (the field's doc names it: `key=…`); JSON-text columns
  and lists of JSON text hold text whose value is that of the source; timestamps equal at µs, in UTC if they have an offset.

`compare` returns the differences as texts: path and both values, but of fields named in `pii` only the path.
"""

import base64
import datetime
import decimal
import json
import re
import uuid

DIFFERENCES_MAX = 20
EPOCH = datetime.datetime(1970, 1, 1)


class Number(str):
    """The text of a JSON number."""

    @property
    def value(self):
        return decimal.Decimal(str(self))


def parse(text):
    """JSON text → dict, list, str, bool, None and Number. Of duplicate keys the last wins."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    return json.loads(text, parse_float=Number, parse_int=Number,
                      parse_constant=lambda name: (_ for _ in ()).throw(ValueError(f"{name} is no JSON")))


def records_of(body, path):
    """The record texts of a body cannot be cut out by json; gives the parsed records at `path` ("." or "a.b")."""
    value = parse(body)
    for name in [] if path == "." else path.split("."):
        value = value[name]
    return value if isinstance(value, list) else [value]


def same_json(a, b):
    """Equal as JSON values; numbers by value, with equal text for what a decimal would not tell apart only by exponent."""
    if isinstance(a, Number) and isinstance(b, Number):
        return a == b or a.value == b.value
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_json(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same_json(x, y) for x, y in zip(a, b))
    return a == b


def typeless(value):
    """Whether a value needs no column: null, {}, [] and lists of those, objects of those."""
    if value is None:
        return True
    if isinstance(value, (list, dict)):
        return all(typeless(v) for v in (value.values() if isinstance(value, dict) else value))
    return False


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|z|[+-]\d\d(?::?\d\d)?)?$")


def micros_of(text):
    """(µs since the epoch, whether there was an offset) of an RFC 3339 text; None if it is none or finer than a µs."""
    match = _TIME.match(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(g) for g in match.groups()[:6])
    fraction, zone = match.group(7) or "", match.group(8)
    if fraction[6:].strip("0"):
        return None
    try:
        moment = datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    micros = (moment - EPOCH) // datetime.timedelta(microseconds=1) + int(fraction[:6].ljust(6, "0"))
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * 60_000_000
        micros += -offset if zone[0] == "+" else offset
    return micros, zone is not None


class Columns:
    """The columns of one struct by source key, from an Iceberg struct as JSON."""

    _SUFFIX = re.compile(r"(.*)__(bool|string|long|double|decimal|struct|list|map|json|date|timestamp|timestamptz|int)(__\d+)?$")

    def __init__(self, struct, top):
        self.by_key, self.has_empty = {}, False
        for field in struct["fields"]:
            name, note = field["name"], self.note(field)
            if top and name.startswith("_firn_"):
                continue
            if name == "_empty" and not top:
                self.has_empty = True
                continue
            key = note.get("key")
            if key is None:
                key = name
            self.by_key.setdefault(key, []).append((field, note))
        for name in [k for k in self.by_key if self._SUFFIX.match(k)]:  # siblings without a note
            base = self._SUFFIX.match(name).group(1)
            if base in self.by_key and not any("key" in note for _, note in self.by_key[name]):
                self.by_key[base] += self.by_key[name]
        # A source key that looks like a sibling's name keeps its own entry as well.

    @staticmethod
    def note(field):
        doc = field.get("doc") or ""
        if not doc.startswith("firn:"):
            return {}
        words, _, key = doc[5:].partition("key=")
        note = dict.fromkeys(words.split(), True)
        if "key=" in doc:
            note["key"] = key
        return note


class Comparator:
    """`schema`: of the table as pyiceberg dumps it. `masked`: paths whose stored value must be anything but the source's.
    `ignore`: paths not compared. `pii`: paths whose values are never printed. `engine`: pyiceberg gives [] for a null list
    (or map) of structs that have got a field since; only there [] passes for null, other readers judge strictly. `deferred`: a [] may be null, because it came before any
    element told the type of its column."""

    def __init__(self, schema, pii=(), masked=(), ignore=(), engine="", deferred=False):
        self.schema, self.pii, self.masked, self.ignore = schema, set(pii) | set(masked), set(masked), set(ignore)
        self.differences, self.num_values = [], 0
        self.lenient, self.deferred = engine == "pyiceberg", deferred
        self.text_modes = {}  # path of a list of strings → whether its elements are JSON text

    def difference(self, path, what, source=None, stored=None):
        if len(self.differences) < DIFFERENCES_MAX:
            hidden = any(path == p or path.startswith(p + ".") for p in self.pii)
            shown = "" if hidden else f": source {str(source)[:200]!r}, stored {str(stored)[:200]!r}"
            self.differences.append(f"{path}: {what}{shown}")
        else:
            self.differences.append("…")

    def row(self, source, stored, where="", extra=()):
        """`source`: parsed record. `stored`: dict of a reader. `extra`: columns that are not from the record."""
        kept = {k: v for k, v in stored.items() if k not in extra}
        schema = {"fields": [f for f in self.schema["fields"] if f["name"] not in extra]}
        self.struct(schema, source, kept, where, top=True)

    def struct(self, struct, source, stored, path, top=False):
        cache = struct.get("_columns")
        if cache is None:
            cache = struct["_columns"] = Columns(struct, top)
        for key, value in source.items():
            self.key(cache.by_key.get(key, []), value, stored, f"{path}.{key}" if path and not top else key)
        for key, columns in cache.by_key.items():
            if key in source or (Columns._SUFFIX.match(key) and Columns._SUFFIX.match(key).group(1) in cache.by_key):
                continue
            for field, _ in columns:
                if not self.absent(field, stored):
                    self.difference(f"{path}.{field['name']}", "the source has no such key", None, stored[field["name"]])

    def key(self, columns, value, stored, path):
        if path in self.ignore:
            return
        self.num_values += 1
        filled = [(f, n) for f, n in columns if stored.get(f["name"]) is not None]
        if len(filled) > 1 or value is None:
            filled = [(f, n) for f, n in filled if not self.absent(f, stored)]
        if path in self.masked:
            for field, _ in filled:
                if isinstance(value, str) and len(value) > 3 and value in str(stored[field["name"]]):
                    self.difference(path, "is not masked")
            return
        if value is None:
            if filled:
                self.difference(path, "is null in the source", value, stored[filled[0][0]["name"]])
            return
        if not filled:
            if isinstance(value, list) and typeless(value) and (self.deferred or not any(self.is_list(f) for f, _ in columns)):
                return  # [] of a type not yet known: deferred
            if isinstance(value, dict) and typeless(value) and not any(self.is_struct(f) for f, _ in columns):
                if any(not v == [] and v is not None for v in value.values()) or not value:
                    self.difference(path, "an empty object left no trace", value, None)
                return
            self.difference(path, "is missing in the table", value, None)
            return
        if len(filled) > 1:
            self.difference(path, "is in several columns: " + ", ".join(f["name"] for f, _ in filled), value, None)
            return
        field, note = filled[0]
        self.value(field["type"], note, value, stored[field["name"]], path)

    def absent(self, field, stored):
        value, type_ = stored.get(field["name"]), field["type"]
        if value is None:
            return True
        return self.lenient and value == [] and isinstance(type_, dict) and isinstance(
            type_.get("element", type_.get("value")), dict)

    @staticmethod
    def is_list(field):
        return isinstance(field["type"], dict) and field["type"]["type"] == "list"

    @staticmethod
    def is_struct(field):
        return isinstance(field["type"], dict) and field["type"]["type"] == "struct"

    def value(self, type_, note, source, stored, path):
        if isinstance(type_, dict):
            return self.nested(type_, note, source, stored, path)
        if type_ == "string":
            return self.text(note, source, stored, path)
        if not self.scalar(type_, source, stored):
            self.difference(path, f"differs ({type_})", source, stored)
        return None

    def nested(self, type_, note, source, stored, path):
        kind = type_["type"]
        if kind == "struct":
            if not isinstance(source, dict) or not isinstance(stored, dict):
                return self.difference(path, "is no object", source, stored)
            return self.struct(type_, source, stored, path)
        if kind == "list":
            if not isinstance(source, list) or len(source) != len(stored):
                return self.difference(path, "list of another length", source, stored)
            for i, (one, other) in enumerate(zip(source, stored)):
                self.element(type_["element"], note.get("json-elements"), one, other, f"{path}[]", i)
            return None
        if kind == "map":
            pairs = dict(stored)
            if not isinstance(source, dict) or pairs.keys() != source.keys():
                return self.difference(path, "map of other keys", source, stored)
            for key, one in source.items():
                self.element(type_["value"], note.get("json-elements"), one, pairs[key], f"{path}.{key}", key)
            return None
        return self.difference(path, f"unknown type {kind}", source, stored)

    def element(self, type_, json_elements, source, stored, path, index):
        self.num_values += 1
        if source is None or stored is None:
            if not (source is None and stored is None):
                self.difference(path, f"null at {index}", source, stored)
            return
        if type_ != "string":
            self.value(type_, {}, source, stored, path)
            return
        is_json = bool(json_elements) or not plain(source) or stored != source
        if self.text_modes.setdefault(path, is_json) != is_json:
            self.difference(path, f"JSON text and plain text in one list, at {index}", source, stored)
        self.text({"json": True} if is_json else {}, source, stored, path)

    def text(self, note, source, stored, path):
        if note.get("json") or isinstance(source, (dict, list)):
            try:
                same = same_json(source, parse(stored))
            except (ValueError, TypeError):
                same = False
            if not same:
                self.difference(path, "JSON text differs", json_text(source), stored)
        elif isinstance(source, bool):
            if stored != ("true" if source else "false"):
                self.difference(path, "differs (bool as text)", source, stored)
        elif stored != str(source):
            self.difference(path, "text differs", source, stored)

    @staticmethod
    def scalar(type_, source, stored):
        if type_ == "boolean":
            return isinstance(source, bool) and stored is source
        if type_ in ("int", "long"):
            return number(source) is not None and not isinstance(stored, bool) and number(source) == stored
        if type_ in ("float", "double"):
            return number(source) is not None and decimal.Decimal(repr(stored)) == number(source)
        if type_.startswith("decimal"):
            return number(source) is not None and number(source) == stored
        if type_ == "date":
            return isinstance(source, str) and source == stored.isoformat()
        if type_ == "time":
            return isinstance(source, str) and datetime.time.fromisoformat(source) == stored
        if type_ in ("timestamp", "timestamptz"):
            at = micros_of(source) if isinstance(source, str) and not isinstance(source, Number) else None
            if at is None or (type_ == "timestamptz") != at[1] or (stored.tzinfo is not None) != at[1]:
                return False
            return (stored.replace(tzinfo=None) - EPOCH) // datetime.timedelta(microseconds=1) == at[0]
        if type_ == "uuid":
            value = uuid.UUID(bytes=stored) if isinstance(stored, bytes) else uuid.UUID(str(stored))
            return uuid.UUID(source) == value
        if type_ == "binary" or type_.startswith("fixed"):
            return base64.b64decode(source) == stored
        return False


def plain(source):
    return isinstance(source, str) and not isinstance(source, Number)


def number(source):
    """Decimal of a Number, or of a string that a declared numeric column took; None if it is neither."""
    if isinstance(source, bool):
        return None
    try:
        return decimal.Decimal(str(source)) if isinstance(source, str) else None
    except decimal.InvalidOperation:
        return None


def json_text(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + json_text(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(v) for v in value) + "]"
    return json.dumps(value)


def _key_text(value):
    if isinstance(value, datetime.datetime):
        return str((value.replace(tzinfo=None) - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(value, Number):
        return format(value.value.normalize(), "f")
    if isinstance(value, str):
        at = micros_of(value)
        return value if at is None else str(at[0])
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, decimal.Decimal)):
        return format(decimal.Decimal(value).normalize(), "f")
    if isinstance(value, float):
        return format(decimal.Decimal(repr(value)).normalize(), "f")
    return str(value)


def compare(source_texts, stored_rows, schema, key, optional_texts=(), extra=(), **options):
    """Matches rows by `key` (names of top-level fields that together tell rows apart) and compares every value.

    `source_texts`: JSON text of the rows that must be there, each once. `optional_texts`: rows that may be there, once.
    Returns (differences, number of values compared)."""
    judge = Comparator(schema, **options)
    wanted, allowed, seen = {}, {}, set()
    for texts, into in ((source_texts, wanted), (optional_texts, allowed)):
        for text in texts:
            record = parse(text)
            into[tuple(_key_text(record.get(k)) for k in key)] = record
    if len(wanted) != len(source_texts):
        raise AssertionError(f"the key {key} does not tell the source's rows apart")
    for stored in stored_rows:
        at = tuple(_key_text(stored.get(k)) for k in key)
        if at in seen:
            judge.difference("row " + "/".join(at), "is in the table twice", "", "")
            continue
        seen.add(at)
        record = wanted.get(at) or allowed.get(at)
        if record is None:
            judge.difference("row " + "/".join(at), "is not in the source", "", "")
            continue
        before = len(judge.differences)
        judge.row(record, stored, extra=extra)
        for i in range(before, len(judge.differences)):
            judge.differences[i] = f"row {'/'.join(at)}: {judge.differences[i]}"
    for at in wanted:
        if at not in seen:
            judge.difference("row " + "/".join(at), "is lost", "", "")
    return judge.differences, judge.num_values
