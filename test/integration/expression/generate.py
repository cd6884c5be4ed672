"""Random templates: expressions of the dialect over the scope of cases.py, most of them meaningful."""

ATOMS = ["1", "0", "-3", "2.5", "'a'", "'Abc'", "'12'", "''", "'2024-01-31'", "true", "false", "none", "[1, 2, 3]", "['b', 'a']", "{'a': 1}", "[]",
         "config.n", "config.neg", "config.price", "config.api_key", "config.start_date", "config.missing", "config['list']", "config.names",
         "config.nested.a.b", "config.unicode", "config.none", "config.flag", "config.zeros", "config.numeric", "config.big", "record.id", "record.name",
         "record.tags", "record['stats']", "record.amount", "record.user", "record.updated_at", "response.next", "response.data", "response.gone",
         "response.total", "response.meta", "stream_slice.id", "stream_partition['id']", "stream_interval.start_time", "next_page_token['next_page_token']",
         "last_page_size", "headers['link']", "parameters.path", "now_utc()", "today_utc()", "duration('P1D')", "duration('P1M')", "day_delta(-1)"]
FILTERS = ["int", "float", "string", "length", "first", "last", "list", "upper", "lower", "default('d')", "default(0, true)", "join(',')", "hash", "base64encode",
           "replace('a', 'b')", "unique | list", "sort", "sum", "round", "abs", "tojson", "urlencode", "map('upper') | list", "select | list", "trim", "title",
           "reverse | list", "max", "min", "int(7)", "regex_search('(\\\\d+)')", "count", "map(attribute='id') | list"]
METHODS = [".split(',')", ".split()", ".strip()", ".lower()", ".upper()", ".replace('a', 'x')", ".get('a')", ".get('id', 5)", "[0]", "[-1]", "[1:]", "[:2]",
           ".items() | list", ".keys() | list", ".strftime('%Y-%m-%d')", ".startswith('a')", ".endswith('c')", ".isoformat()", ".a", "['id']", ".join(['x', 'y'])",
           ".count('a')", ".year", ".title()", "[::-1]", ".find('a')", ".zfill(4)", ".days"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
TESTS = ["none", "defined", "not none", "undefined", "string", "number", "mapping", "sequence", "iterable", "true", "false", "odd", "divisibleby 2", "eq 1"]


def expression(rng, depth):
    kind = rng.random()
    if depth <= 0 or kind < 0.2:
        return rng.choice(ATOMS)
    inner = expression(rng, depth - 1)
    if kind < 0.4:
        return f"{atomic(inner)} {rng.choice(BINARY)} {atomic(expression(rng, depth - 1))}"
    if kind < 0.6:
        return f"{atomic(inner)} | {rng.choice(FILTERS)}"
    if kind < 0.8:
        return f"{atomic(inner)}{rng.choice(METHODS)}"
    if kind < 0.86:
        return f"{atomic(inner)} is {rng.choice(TESTS)}"
    if kind < 0.9:
        return f"not {atomic(inner)}"
    if kind < 0.96:
        return f"{inner} if {expression(rng, depth - 1)} else {expression(rng, depth - 1)}"
    return f"[{inner}, {expression(rng, depth - 1)}]"


def atomic(text):
    return f"({text})" if " " in text or text.startswith("-") else text


def templates(rng, count):
    for _ in range(count):
        text = "{{ " + expression(rng, rng.randint(1, 4)) + " }}"
        shape = rng.random()
        if shape < 0.1:
            text = "x/" + text
        elif shape < 0.15:
            text += text
        elif shape < 0.2:
            text = "{% if " + expression(rng, 2) + " %}" + text + "{% else %}" + rng.choice(["", "no", "0"]) + "{% endif %}"
        elif shape < 0.23:
            text = "{% for i in " + expression(rng, 2) + " %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}"
        elif shape < 0.26:
            text = "{% set v = " + expression(rng, 2) + " %}{{ v }}-{{ v }}"
        yield text
