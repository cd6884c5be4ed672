"""Templates for every syntax item, operator, filter, test, macro and method that connectors use, and their edges."""
import re

CONFIG = {"api_key": "s3cr3t", "start_date": "2024-01-31T00:00:00Z", "start": "2024-03-05", "n": 5, "zero": 0, "neg": -7,
          "price": 12.5, "tiny": 1e-7, "huge": 1e22, "big": 123456789012345678901234567890, "flag": True, "off": False,
          "none": None, "empty": "", "list": [3, 1, 2], "names": ["b", "A", "c", "a"], "nested": {"a": {"b": [10, 20, {"c": "deep"}]}},
          "domain": "shop.example.com", "camel": "someCamelCaseName", "unicode": "ÄÖü ß é 日本", "spaces": "  a b  c ", "items": 9,
          "quote": "it's \"q\"", "numeric": "123", "zeros": "007", "real": "1.50", "truth": "True", "json": "{\"a\": [1, 2]}",
          "listtext": "['a', 'b']", "date": "2024-10-11", "long": "x" * 300, "nl": "a\nb\n", "empty_list": [], "empty_map": {},
          "tuple_text": "(1, 2)", "under": "1_000", "hexa": "0x10", "nulltext": "null", "pct": "100%", "a b": "space", "12": "num"}
RECORD = {"id": 7, "name": "Ann", "tags": ["x", "y"], "stats": [{"field_type": "A", "field_value": 4}, {"field_type": "B"}],
          "updated_at": "2024-05-06T07:08:09.123456+02:00", "amount": "19.99", "is_deleted": False, "note": None,
          "ts": 1700000000, "ms": 1700000000123, "user": {"email": "a@b.c", "age": 30}}
RESPONSE = {"next": "https://api.example.com/p?page=2", "data": [{"id": 1}, {"id": 2}], "total": 2, "has_more": True,
            "meta": {"page": 3, "pages": 9}, "cursor": None, "empty": ""}
SCOPE = {"config": CONFIG, "record": RECORD, "response": RESPONSE,
         "headers": {"link": "<https://x/y?c=1>; rel=\"next\"", "X-Next": "abc", "retry-after": "30"},
         "last_record": {"id": 99}, "last_page_size": 100, "next_page_token": {"next_page_token": 3},
         "stream_slice": {"partition": {"id": "p1", "parent_slice": {}}, "cursor_slice": {"start_time": "2024-01-01", "end_time": "2024-02-01"},
                          "extra_fields": {"name": "Big Base", "a.b": 1}},
         "parameters": {"path": "/v1/x", "name": "orders"}}

EXPRESSIONS = """
config['api_key'] | config.api_key | config["nested"]["a"]["b"][0] | config.nested.a.b[2].c | config.nested['a'].b[-1]['c']
config.missing | config['missing'] | config.missing.deeper | config.missing['x'] | config['a b'] | config.12 | config.list.0
config.list[0] | config.list[-1] | config.list[5] | config.list[-9] | config.list['x'] | config.list[1.5] | config.list[true]
config.list[0:2] | config.list[::-1] | config.list[1:] | config.list[:-1] | config.list[::2] | config.list[5:] | config.list[::0]
config.start_date[:10] | config.start_date[0] | config.start_date[-1] | config.unicode[1:4] | config.unicode[::-1] | config.n[0]
config.none[1:2] | config.missing[1:2] | config.list['0':] | record.id | record['name'] | record.get('name') | record.get('zip')
record.get('zip', 'none') | record.get('user', {}).get('email') | record.get('gone', {}).get('email') | record.get() | record.items
config.items | config['items'] | config.get('items') | config.keys | config.values() | config['values'] | record.user.items()
record.user.keys() | record.user.values() | record.user | record.user | list | record.user.items() | list | record.user.copy()
1 + 2 | 1 - 2 | 2 * 3 | 7 / 2 | 6 / 2 | 7 // 2 | -7 // 2 | 7 % 3 | -7 % 3 | 7 % -3 | 2 ** 10 | 2 ** -1 | 2 ** 3 ** 2 | -2 ** 2
1.5 + 1 | 0.1 + 0.2 | 1e3 | 1e16 | 1e15 | 123456789.123456789 | 1.0 | 100.0 | 1e-5 | 0.0001 | -0.0 | 1e400 | -7.5 % 2 | 7.5 // 2
-7.5 // 2 | 1 / 0 | 1 // 0 | 1 % 0 | 1.0 / 0 | 5 / 2.0 | config.big + 1 | config.big * config.big | config.big // 7 | config.big % 7
9223372036854775807 + 1 | -9223372036854775808 - 1 | 4611686018427387904 * 4 | 10 ** 30 | config.huge | config.tiny | config.huge + 1
config.neg | -config.n | +config.n | -config.missing | not config.missing | not config.n | -true | +true | true + true | true == 1
'a' + 'b' | 'a' + 1 | 1 + 'a' | 'a' * 3 | 3 * 'a' | 'a' * -1 | [1] + [2] | [1] * 2 | (1, 2) + (3,) | [1] + (2,) | 'a' - 'b'
'a' ~ 1 | 1 ~ 2 | none ~ 'x' | config.missing ~ 'x' | 1.0 ~ '' | true ~ false | [1, 'a'] ~ {} | 'a' ~ 'b' ~ 3 + 1 | 1 ~ 2 * 3
1 == 1.0 | 'a' == 'a' | 1 == '1' | none == none | [1, 2] == [1, 2] | {'a': 1} == {'a': 1.0} | 1 != 2 | 'a' < 'b' | 1 < 'a'
1 < 2 < 3 | 1 < 3 < 2 | 1 <= 1 | 2 >= 3 | none < 1 | config.missing < 1 | 1 < config.missing | config.missing == config.other
[1, 2] < [1, 3] | [1] < ['a'] | (1, 2) < (1, 2, 3) | true < 2 | 'Z' < 'a' | config.big > config.huge | 2 > 1.5 | 1 == true
'a' in 'abc' | 1 in 'abc' | 'x' not in config | 'n' in config | 1 in [1, 2] | [1] in [[1]] | 'a' in config.missing | 'a' in none
'a' in 5 | [] in {} | 1.0 in [1] | none in [none] | 'start_date' in config | config.missing in [1] | 'k' in record.user.keys()
true and false | 1 and 0 | 1 or 2 | '' or 'x' | none or 0 | not 1 | not '' | not none | 1 and 'a' and [] | config.missing or 'd'
config.missing and 'd' | 'a' if true | 'a' if false | 'a' if config.n else 'b' | 'a' if config.missing else 'b' | 1 if 0 else 2 if 0 else 3
true | false | none | None | True | False | 5 | 'x' | "x" | [] | {} | () | (1,) | (1, 2) | [1, 'a', none] | {'a': 1, 'b': [2]} | {1: 2}
{'a': {'b': 1}} | {[1]: 2} | {none: 1, true: 2, 1.5: 3} | 'a' 'b' | 'it\\'s' | 'a\\nb' | 'a\\x41' | '\\u00e9' | 'tab\\t' | '\\q' | 1_000 | 0x1F
0b11 | 0o17 | 1_0.5 | 5. | .5 | config.quote | config.unicode | config.nl | config.spaces | config.numeric | config.zeros | config.real
config.truth | config.json | config.listtext | config.date | config.tuple_text | config.under | config.hexa | config.nulltext | config.pct
config.long | config.empty | config.empty_list | config.empty_map | config.none | config.flag | config.off | config | record
stream_slice | stream_slice.id | stream_slice['start_time'] | stream_partition.id | stream_partition['id'] | stream_interval.start_time
stream_interval['end_time'] | stream_interval.get('start_time', '') | stream_slice.partition | stream_slice.cursor_slice | stream_slice.extra_fields
stream_slice.extra_fields['a.b'] | stream_slice.extra_fields.name.replace(' ', '_').lower().strip() | stream_slice._partition | stream_slice.get('x')
stream_slice.keys() | list | stream_slice.items() | list | 'id' in stream_slice | stream_slice.parent_slice | stream_slice == {} | parameters.path
next_page_token['next_page_token'] | next_page_token.next_page_token + 1 | next_page_token or 0 | last_record['id'] | last_page_size == 100
headers['link'] | headers.link | headers['X-Next'] | headers['missing'] | response.next | response.get('next') | response.get('none', {}) | response.none
response.data[0].id | response.data | length | response['data'] | map(attribute='id') | list | response.meta.page < response.meta.pages
response.meta.page + 1 | response.cursor | response.get('cursor') | not response.has_more | response.total is none | response.cursor is none
unknown_name | unknown_name is defined | config.x is defined | config.n is defined | config.none is defined | config.x is undefined
config.__class__ | config.__class__.__mro__ | ''.__class__ | config['__class__'] | config.n.__add__ | ''.__class__.__base__ | config.__foo__
self | self.x | loop | config._private | record.get.__self__ | now_utc.__globals__ | ().__class__.__bases__[0].__subclasses__()
now_utc() | today_utc() | now_utc().strftime('%Y-%m-%dT%H:%M:%SZ') | now_utc().strftime('%Y-%m-%d') | today_utc().strftime('%Y-%m-%d')
now_utc().strftime('%s') | now_utc().strftime('%a %A %b %B %c %d %e %f %H %I %j %m %M %p %S %U %w %W %x %X %y %Y %z %Z %%')
now_utc().strftime('%-d %_d %02d %^a %#Z %5Y %-H %G-W%V-%u %C %D %F %g %h %k %l %n %P %r %R %t %T %s %Q %') | now_utc().isoformat()
now_utc().isoformat(' ') | now_utc().isoformat(timespec='seconds') | now_utc().isoformat(sep='_', timespec='milliseconds') | now_utc().isoformat(timespec='bad')
now_utc().timestamp() | now_utc().timestamp() | int | now_utc().weekday() | now_utc().isoweekday() | now_utc().year | now_utc().month
now_utc().date() | now_utc().hour | now_utc().microsecond | now_utc().tzinfo | now_utc().replace(microsecond=0) | now_utc().replace(hour=0, minute=0)
now_utc().replace(month=13) | now_utc().replace(tzinfo=none) | now_utc().astimezone() | now_utc().missing | today_utc().isoformat() | today_utc().year
now_utc() - duration('P1D') | now_utc() - duration('P1M') | now_utc() + duration('PT1H') | now_utc() - duration('P1Y2M3DT4H5M6S') | now_utc() - now_utc()
today_utc() - duration('P1D') | today_utc() - duration('PT36H') | today_utc() - duration('P1M') | today_utc() - today_utc() | now_utc() + 1
(now_utc() - duration('P30D')).strftime('%Y-%m-%d') | now_utc() > str_to_datetime('2020-01-01') | now_utc() == now_utc() | now_utc() < today_utc()
duration('P1D') | duration('PT1H30M') | duration('P1W') | duration('P1M') | duration('P1Y6M') | duration('-P1D') | duration('P') | duration('x') | duration('PT')
duration('P0.5D') | duration('PT0.000001S') | duration('P1DT') | duration('P1,5D') | duration('+P2D') | duration('1D') | duration(5) | duration(none)
duration('P1D') * 2 | duration('P1D') + duration('PT1H') | duration('P1D') - duration('PT25H') | duration('P1D') / 2 | duration('P1D') // duration('PT1H')
duration('P1D').days | duration('P1D').total_seconds() | duration('PT90M').seconds | -duration('P1D') | duration('P1M') + duration('P1D') | duration('P1M') == duration('P1M')
day_delta(0) | day_delta(-1) | day_delta(25) | day_delta(-30, format='%Y-%m-%d') | day_delta(-30, '%Y-%m-%dT%H:%M:%SZ') | day_delta(1.5) | day_delta('1')
day_delta() | day_delta(10000000) | day_delta(num_days=-1, format='%Y') | day_delta(1, 2, 3) | day_delta(1, foo=2) | day_delta(true)
timestamp(1658505815.223235) | timestamp('2022-07-22T16:03:35Z') | timestamp('2022-07-22') | timestamp(5) | timestamp(-1.9) | timestamp('x') | timestamp(none)
timestamp('2022-07-22T16:03:35.123456+02:00') | timestamp(config.start_date) | timestamp(config.start_date) | int | timestamp(true) | timestamp(config.missing)
str_to_datetime('2022-01-14') | str_to_datetime('2022-01-01T13:45:30+00:00') | str_to_datetime('2022-01-01 13:45:30') | str_to_datetime('20220101')
str_to_datetime('2022-01-01T13:45:30.123+05:30') | str_to_datetime('2022') | str_to_datetime('2022-02') | str_to_datetime('2022-W05') | str_to_datetime('2022-W05-3')
str_to_datetime('2022-045') | str_to_datetime('2022-13-01') | str_to_datetime('2022-01-01T24:00') | str_to_datetime('2022-01-01T24:01') | str_to_datetime('2022-1-1')
str_to_datetime('2022-01-01T10') | str_to_datetime('2022-01-01T1030') | str_to_datetime('2022-01-01T10:30:15,5') | str_to_datetime('2022-01-01T10:30Z')
str_to_datetime('2022-01-01T10:30:61') | str_to_datetime('2022-01-01T10:30:00-0800') | str_to_datetime('2022-01-01T10:30:00-08') | str_to_datetime('2022-01-01T') | str_to_datetime('')
str_to_datetime('2022-01-01T10:30:00.1234567Z') | str_to_datetime(5) | str_to_datetime(none) | str_to_datetime('2022-01-01x10:00') | str_to_datetime('2022-02-30')
str_to_datetime(config.start_date) - duration('P89D') | (str_to_datetime(config.start) - duration('P1M')).strftime('%Y-%m-%d') | str_to_datetime('2024-03-31') - duration('P1M')
format_datetime('2022-01-01T00:00:00Z', '%Y-%m-%d') | format_datetime(config.start_date, '%Y-%m-%dT%H:%M:%SZ') | format_datetime(now_utc(), '%Y-%m-%d') | format_datetime(1640995200, '%Y-%m-%d')
format_datetime('2022-01-01', '%s') | format_datetime('2022-01-01T00:00:00.123456Z', '%ms') | format_datetime('2022-01-01', '%s_as_float') | format_datetime('2022-01-01', '%epoch_microseconds')
format_datetime('2022-01-01T00:00:00.123456Z', '%Y-%m-%dT%H:%M:%S.%_msZ') | format_datetime('01/02/2022', '%Y-%m-%d', '%d/%m/%Y') | format_datetime('2022', '%Y', input_format='%Y')
format_datetime(1640995200000, '%Y-%m-%d', '%ms') | format_datetime('1640995200', '%Y-%m-%d', '%s') | format_datetime('x', '%Y') | format_datetime(none, '%Y') | format_datetime('2022-01-01')
format_datetime('Jan 5 2022 3:04 PM', '%Y-%m-%dT%H:%M:%S', '%b %d %Y %I:%M %p') | format_datetime('2022-01-01T10:00:00+0530', '%Y-%m-%dT%H:%M:%S%z', '%Y-%m-%dT%H:%M:%S%z')
format_datetime('2022-01-01 ', '%Y', '%Y-%m-%d') | format_datetime('20220131', '%d', '%Y%m%d') | format_datetime('2022-1-5', '%j', '%Y-%m-%d') | format_datetime(record.updated_at, '%Y-%m-%d')
format_datetime(record.updated_at, '%s') | format_datetime(today_utc(), '%Y') | format_datetime(record.ts, '%Y-%m-%dT%H:%M:%SZ') | format_datetime(1.5, '%Y') | format_datetime(true, '%s')
format_datetime('2022-060', '%m-%d', '%Y-%j') | format_datetime('22-01-01', '%Y', '%y-%m-%d') | format_datetime('99-01-01', '%Y', '%y-%m-%d') | format_datetime('2022-W05-3', '%m-%d', '%G-W%V-%u')
format_datetime('monday 3 january 2022', '%Y-%m-%d', '%A %d %B %Y') | format_datetime('10:11', '%Y-%H', '%H:%M') | format_datetime('a', 'b', 'a') | format_datetime('2022-01-01', '%Y', '%Y-%m-%d %Y')
max(1, 2) | max([1, 5, 2]) | max('a', 'b') | max(1, 'a') | max([]) | max() | max(1) | max('abc') | max(1, 1.0) | max(none, 1) | max(day_delta(-1), config.start_date) | max(1, 2, key=3)
min(1, 2) | min([3, 1]) | min('b', 'a') | min(config.list) | min(1.5, 1) | min({}) | max(config.missing, 1) | min(now_utc(), str_to_datetime('2020-01-01'))
sanitize_url('https://a.b/c d?e=f&g') | sanitize_url('é ~-_.!*') | sanitize_url(5) | sanitize_url(none) | camel_case_to_snake_case('CamelCaseName') | camel_case_to_snake_case('HTTPServer')
camel_case_to_snake_case(config.camel) | camel_case_to_snake_case('') | camel_case_to_snake_case(5) | generate_uuid() | length | range(3) | lipsum | dict(a=1, b=2) | dict({'a': 1}, b=2)
today_with_timezone('UTC') | today_with_timezone('Pacific/Kiritimati') | today_with_timezone('Nope/Zone') | namespace(a=1).a | now_utc | config.api_key | base64encode | (config.api_key ~ ':') | base64encode
'aGVsbG8=' | base64decode | 'aGVsbG8' | base64decode | '!!aGVs bG8=' | base64decode | 5 | base64encode | none | base64encode | config.missing | base64encode | 'é' | base64encode | '/w==' | base64decode
'hi' | base64binascii_decode | 'é' | base64binascii_decode | 'abc' | hash | 'abc' | hash('md5', 'salt') | 'abc' | hash('sha1') | 'abc' | hash('sha256') | 'abc' | hash('nope') | 5 | hash
none | hash | config.missing | hash | record.user | hash | 1.0 | hash | 'é' | hash('sha512') | 'abc' | hash('sha3_256') | 'abc' | hash('blake2b') | 'a' | hash(hash_type='sha256', salt=5)
'msg' | hmac('key') | 'msg' | hmac('key', 'sha256') | 'msg' | hmac('key', 'md5') | 5 | hmac(6) | 'msg' | hmac
'a' | string | 5 | string | none | string | [1, 'a'] | string | {'a': none} | string | config.missing | string | 1.5 | string | true | string | config.unicode | string | [config.unicode] | string | now_utc() | string
headers.link | regex_search('<(.*?)>') | headers.link | regex_search('rel="(\\\\w+)"') | 'abc' | regex_search('b') | 'abc' | regex_search('(x)') | 'abc' | regex_search('(x)?a') | 5 | regex_search('a')
'2024-01-31' | regex_search('^(\\\\d{4})-(\\\\d{2})') | 'aXbX' | regex_search('(?P<n>b)') | 'abc' | regex_search('(') | 'ABC' | regex_search('(?i)(b)') | 'a\\nb' | regex_search('^(b)') | 'foo.bar' | regex_search('([^.]+)$')
'page=12&x' | regex_search('page=(\\\\d+)') | 'aaa' | regex_search('(a{2})') | 'aaa' | regex_search('(a+?)') | 'ab' | regex_search('(?=.*b)(a)') | 'xay' | regex_search('(?<=x)(a)') | 'aa' | regex_search('(a)\\\\1')
'a1b22' | regex_replace('\\\\d+', '#') | 'abc' | regex_replace('', '-') | 'John Smith' | regex_replace('(\\\\w+) (\\\\w+)', '\\\\2 \\\\1') | 'aaa' | regex_replace('a*', 'x') | 'a.b' | regex_replace('\\\\.', '') | 'x' | regex_replace('(x)', '\\\\g<1>y')
'5' | int | '5.7' | int | 'x' | int | 'x' | int(9) | none | int | '' | int | 5.9 | int | -5.9 | int | true | int | '0x1F' | int(0, 16) | '0b11' | int(base=2) | ' 12 ' | int | '1_000' | int | config.missing | int | [] | int | '1e3' | int
record.amount | float | '1.5' | float | 'x' | float | 'x' | float(2.5) | none | float | 5 | float | 'inf' | float | 'nan' | float | '1e5' | float | ' 2 ' | float | '1_0.5' | float | config.missing | float | true | float
config.missing | default('d') | config.none | default('d') | config.none | default('d', true) | config.empty | default('d', true) | config.missing | default | config.missing.x | default('d') | config.n | default(1) | config.missing | d(5)
config.list | length | config.unicode | length | config.missing | length | 5 | length | none | length | {} | length | config.list | count | config.names | join(',') | config.list | join | config.list | join('-') | config.missing | join
record.stats | join(',', attribute='field_type') | 5 | join(',') | 'abc' | join('-') | config.list | join(1) | config.names | first | config.names | last | [] | first | [] | last | 'abc' | first | config.missing | first | 5 | first | [] | first | default('none')
config.list | list | 'abc' | list | record.user | list | config.missing | list | 5 | list | config.names | map('upper') | list | config.names | map('replace', 'a', 'z') | list | config.names | map | list | config.names | map('nope') | list
record.stats | map(attribute='field_value') | list | record.stats | map(attribute='field_value', default=0) | list | record.stats | map(attribute='x.y') | list | config.names | map('upper') | config.names | map('upper') | join(',') | config.list | map('string') | list
record.stats | selectattr('field_type', 'equalto', 'A') | map(attribute='field_value') | first | default(0) | record.stats | selectattr('field_type', 'equalto', 'Z') | map(attribute='field_value') | first | default(0) | record.stats | selectattr('field_value') | list
record.stats | rejectattr('field_value', 'defined') | list | config.list | select('odd') | list | config.list | reject('gt', 1) | list | config.list | select | list | config.names | select('equalto', 'b') | list | config.list | select('in', [1, 2]) | list | config.list | select('nope') | list
config.names | unique | list | ['a', 'A', 'b'] | unique | list | ['a', 'A'] | unique(true) | list | [1, 1.0, true] | unique | list | record.stats | unique(attribute='field_type') | list | config.names | sort | config.names | sort(reverse=true) | config.names | sort(case_sensitive=true)
config.list | sort | [1, 'a'] | sort | record.stats | sort(attribute='field_type', reverse=true) | config.list | sum | record.stats | sum(attribute='field_value') | [] | sum | [1.5, 2] | sum | ['a'] | sum | config.list | max | config.list | min | [] | max | config.names | max
config.list | reverse | list | 'abc' | reverse | config.list | reverse | first | 5 | reverse | config.price | round | 42.55 | round | 42.55 | round(1) | 2.5 | round | 3.5 | round | 2.675 | round(2) | 42.55 | round(1, 'floor') | 42.51 | round(1, 'ceil') | 5 | round | 15 | round(-1) | 'x' | round
-5 | abs | (-5) | abs | config.neg | abs | 'x' | abs | config.camel | lower | config.camel | upper | 5 | upper | none | lower | 'hello world-foo' | title | 'hELLO' | capitalize | '  x ' | trim | 'xxaxx' | trim('x') | config.unicode | upper | 'ﬁß' | upper | 'ΑΣ' | lower
'a-b' | replace('-', '_') | 5 | replace(5, 6) | 'aaa' | replace('a', 'b', 2) | 'aaa' | replace('', 'x') | config.missing | replace('a', 'b') | 'a' | replace('a') | 'a b&c/d' | urlencode | {'a': 'b c', 'd': 1} | urlencode | [('a', 1)] | urlencode | 5 | urlencode | 'é' | urlencode | none | urlencode
{'b': 1, 'a': [none, true, 1.0]} | tojson | 'a<b>&\\'' | tojson | config.unicode | tojson | now_utc() | tojson | record.user | tojson(indent=2) | config.missing | tojson | ('a' | tojson) ~ '<' | ('a' | tojson) + '<' | [1, 2] | tojson | {1: 2} | tojson
'%s and %d' | format('a', 5) | '%(a)s' | format(a=1) | '%05.1f|%x|%r' | format(1.25, 255, 'q') | '%s' | format | '%d' | format('x') | 'a' % 1 | '%s' % 'a' | '%s %s' % ('a', 'b') | '%s' % none | '%5s|%-5s|' % ('a', 'b') | '%%' % () | '%s' % [1]
'abcdefghijklmnopqrstuvwxyz' | truncate(10) | 'foo bar baz qux' | truncate(9) | 'foo bar' | truncate(5, true, '', 0) | 'hello there' | wordcount | 'a' | center(5) | 1500 | filesizeformat | {'b': 1, 'a': 2} | dictsort | {'a': 1} | items | list | [1, 2, 3] | batch(2) | list | [1, 2, 3] | slice(2) | list
record.stats | groupby('field_type') | list | 'x' | nope | 'x' is nope | 5 is divisibleby 5 | 5 is divisibleby(2) | 4 is even | 5 is odd | 'x' is odd | none is none | config.none is none | config.n is none | config.off is false | config.flag is true | 0 is false | 1 is true
'a' is string | 5 is number | true is number | 5 is integer | true is integer | 5.0 is float | {} is mapping | [] is sequence | 'a' is sequence | 5 is sequence | {} is iterable | 5 is iterable | 'a' is lower | 'A' is upper | 5 is lower | none is sameas none | 5 is eq 5 | 5 is gt(4) | 5 is lt 4 | 'a' is in ['a'] | config is defined and config.n is not none | 5 is not none | none is not defined | 'join' is filter | 'odd' is test | config.get is callable
'a,b,c'.split(',') | 'a b  c'.split() | 'a,b,c'.split(',', 1) | 'a,b,c'.split(',')[0] | 'a,b'.split(',')[-1] | 'a'.split('') | 'a,b'.split(sep=',') | 'a b c'.split(maxsplit=1) | 'a,b,c'.rsplit(',', 1) | ''.split(',') | ''.split() | config.start_date.split('T')[0] | 5.split(',') | config.n.split(',') | config.none.split(',') | config.missing.split(',')
','.join(['a', 'b']) | ','.join([1]) | ','.join('abc') | ','.join(config.names) | ';'.join([]) | 'abc'.replace('b', 'x') | 'aaa'.replace('a', 'b', 1) | ' x '.strip() | 'xxax'.strip('x') | 'xa'.lstrip('x') | 'ax/'.rstrip('/') | 'ABC'.lower() | 'abc'.upper() | 'abc'.startswith('a') | 'abc'.startswith(('x', 'a')) | 'abc'.endswith('c') | 'abc'.endswith(5) | 'abc'.startswith(['a'])
'{} {}'.format(1, 'a') | '{0} {1} {0}'.format('a', 'b') | '{a}'.format(a=1) | '{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c') | '{:.2f} {:d} {:05d} {:,} {:x} {:%}'.format(1.234, 5, 42, 1234567, 255, 0.5) | '{!r}'.format('a') | '{'.format() | '{}'.format() | '{0.year}'.format(now_utc()) | '{a[b]}'.format(a={'b': 5}) | '{{}}'.format()
'abc'.count('b') | 'abcabc'.find('c') | 'abc'.find('z') | 'abc'.index('z') | 'abc'.title() | 'abc'.capitalize() | 'aBc'.swapcase() | 'abc'.isdigit() | '123'.isdigit() | '²'.isdigit() | 'abc'.isalpha() | 'a1'.isalnum() | '5'.zfill(3) | '-5'.zfill(4) | 'a'.center(4) | 'ab'.ljust(4, '.') | 'ab'.rjust(4) | 'a-b-c'.partition('-') | 'a-b-c'.rpartition('-') | 'abc'.removeprefix('a') | 'abc'.removesuffix('c') | 'a\\nb'.splitlines() | 'abc'.nope() | 'abc'.upper | 'a'.encode() | 'ab cd'.title()
[1, 2].append(3) | [1, 2].count(1) | [1, 2].index(2) | [1, 2].index(5) | (1, 2).count(1) | {'a': 1}.get('a') | {'a': 1}.items() | list | {}.update({'a': 1}) | {'a': 1}.pop('a') | {'a': 1}['a'] | {'a': 1}.a | [1, 2, 3][1] | (1, 2)[0] | 'abc'[1] | {'get': 1}.get | {'get': 1}['get'] | config['nested'].get('a', {}).get('b', [])[0] | 1.real | config.n.real | config.price.is_integer() | config.n.bit_length() | true.real
config.start_date.lower().upper().strip().replace('T', ' ') | (config.n + 1) * 2 | (record.id | string) ~ '-x' | record.tags[0] ~ record.tags[1] | (config.start_date if 'start_date' in config else day_delta(-30)) | config['start_date'] or '1970' | config.get('x') or config.get('n') | config.n is defined | not config.get('flag', false) | (1, 'a', none) | config.n > 3 and config.n < 9
config.items() | length | config() | config.n() | config.get.x | 'a'.join | now_utc().strftime() | now_utc().strftime(5) | now_utc(1) | config.get('a', 'b', 'c') | config.get(key='a') | record | length | record.tags | tojson | record.user.email.split('@')[1] | [config.n, record.id] | {'k': config.n} | {config.api_key: 1}
"""

TEMPLATES = [
    "", "plain", "plain\n", "plain\n\n", " 5 ", "5", "1_000", "0x10", "007", "'x'", "True", "None", "[1, 2]", "{'a': 1}", "(1,)", "1,2",
    "1.5", "1e5", ".5", "5.", "-5", "+5", "--5", "- 5", "1+2j", "3j", "1-2", "2024-10-11", "2024-01-01T00:00:00Z", "null", "true",
    "{1, 2}", "set()", "b'x'", "r'a\\n'", "u'x'", "f'x'", "'a' 'b'", "'a' b'b'", "'''x\ny'''", "\"\"\"{\"a\": 1}\"\"\"", "'\\x41\\u00e9'",
    "5 # note", "# note", "...", "[1, 2", "[1 2]", "{'a': 1, 'a': 2}", "{[1]: 2}", "[[[[1]]]]", "(1", "((1))", "{'a': [1, (2, {3})]}", "1 2",
    "nan", "inf", "-inf", "1e999", "True ", "true", "False", "not True", "1 if 1 else 2", "[x]", "{'a': x}", "a", "é", "\"é\"", "0b11", "0o7", "0x",
    "00", "0_0", "1__0", "1_", "0777", "1e", "1e+5", "1E5", "[1,]", "[,]", "{}", "{,}", "()", "[]", "''", "'", "'a", "'a\\'", "'a\\\\'", "\\", "5\n",
    "\n5", " \n5", "\t5", "5;", "{'a':1}\n", "[1,\n2]", "1\n2", "-'a'", "-True", "-(5)", "+(1)", "'a' + 'b'", "[1] + [2]", "99999999999999999999999",
    "{{ 1 }}{{ 2 }}", "{{ 1 }} {{ 2 }}", "a{{ config.n }}b", "/x/{{ record.id }}/y", "{{ config.n }}", " {{ config.n }} ", "{{ config.n }}\n", "{{config.n}}",
    "[{{ config.n }}, {{ record.id }}]", "{'a': {{ config.n }}}", "\"{{ config.n }}\"", "{{ '{{' }}", "{{ '}}' }}", "{{ {'a': {}} }}", "{{ {} }}", "{{ {'a': {'b': 1}}}}",
    "{# comment #}x", "a{#- c -#} b", "a {{- 1 -}} b", "a {%- if true -%} b {%- endif -%} c", "{{-1}}", "{{ -1 }}", "{{+1}}", "a\n{% if true %}\nb\n{% endif %}\nc",
    "{% raw %}{{ x }}{% endraw %}", "{%- raw -%} {{ x }} {%- endraw -%}", "{% if config.n > 3 %}yes{% endif %}", "{% if config.n > 9 %}yes{% else %}no{% endif %}",
    "{% if false %}a{% elif config.n == 5 %}b{% else %}c{% endif %}", "{% if false %}a{% endif %}", "{% if config.missing %}a{% else %}b{% endif %}",
    "{% for x in config.list %}{{ x }}{% endfor %}", "{% for x in config.list %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% for x in [] %}a{% else %}none{% endfor %}", "{% for k, v in record.user.items() %}{{ k }}={{ v }};{% endfor %}", "{% for x in config.list if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}",
    "{% for x in 'ab' %}{{ loop.index0 }}{{ loop.first }}{{ loop.length }}{{ loop.revindex }}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for x in config.missing %}a{% endfor %}",
    "{% for a in [[1, 2], [3]] %}{% for b in a %}{{ loop.index }}{{ b }}{% endfor %}{% endfor %}", "{% for x in config.list %}{{ loop.previtem }}-{{ loop.nextitem }},{% endfor %}",
    "{% for x in config.list %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1] %}{{ x }}{% endfor %}{{ x }}", "{% set x = 5 %}{{ x }}", "{% set x = 5 %}{{ x + 1 }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}",
    "{% set x = [] %}{% for i in config.list %}{% set _ = x.append(i) %}{% endfor %}{{ x }}", "{% set x = 1 %}{% for i in [1, 2] %}{% set x = i %}{% endfor %}{{ x }}",
    "{% set ns = namespace(v=0) %}{% for i in config.list %}{% set ns.v = ns.v + i %}{% endfor %}{{ ns.v }}", "{% if true %}{% set y = 1 %}{% endif %}{{ y }}", "{% set y = 0 %}{% if true %}{% set y = 1 %}{% endif %}{{ y }}",
    "{% set x %}a{{ config.n }}{% endset %}{{ x }}", "{% set x | upper %}abc{% endset %}{{ x }}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}", "{% filter upper %}abc{% endfilter %}",
    "{% set d = {} %}{% set _ = d.update({'a': 1}) %}{{ d }}", "{% set x = config.list %}{{ x[0] }}", "{% print 5 %}", "{% if x is defined %}a{% endif %}", "{% set x = x %}{{ x }}",
    "{{ stream_state }}", "stream_state", "{{ config.stream_state }}", "{{ unknown }}", "{{ 1 if true else unknown }}", "{{ config.a.b }}", "x{{ config.a.b }}y", "{{ config.a }}", "x{{ config.a }}y",
    "{{ 1 + 'a' }}", "x{{ 1 + 'a' }}\n", "{{ config.n + record.name }}", "{{ [1] + 'a' }}", "{{ 1/0 }}", "{{ 'a' | int + 1 }}", "{{", "}}", "{{ }}", "{% %}", "{{ 1 + }}", "{{ (1 }}", "{% if %}", "{% if true %}",
    "{% endif %}", "{% nope %}", "{{ a b }}", "{{ 'a }}", "{# x", "{{ 1 | }}", "{{ 1 is }}", "{{ config[ }}", "{{ config. }}", "{{ [1, }}", "{{ {1} }}", "{{ 'a' 'b' }}", "{{ 1, 2 }}", "{{ 1, }}", "{{ 012 }}", "{{ 1 2 }}",
    "{{ config['n'] }}", "{{ config['zeros'] }}", "{{ config['truth'] }}", "{{ config['listtext'] }}", "{{ config['quote'] }}", "\"{{ config['quote'] }}\"", "'{{ config['zeros'] }}'", "{{ \"'\" ~ config.n ~ \"'\" }}",
    "{{ config.n }}.5", "-{{ config.n }}", "{{ config.n }}e3", "0x{{ config.n }}", "{{ record.id }},{{ config.n }}", "Bearer {{ config.api_key }}", "{{ '' }}", "{{ none }}", "{{ [] }}", "{{ {} }}", "{{ 0 }}", "{{ false }}",
    "{{ 'False' }}", "{{ 'false' }}", "{{ '0' }}", "{{ '0.0' }}", "{{ 0.0 }}", "{{ '[]' }}", "{{ () }}", "{{ response.get('gone') }}", "{{ response.gone }}", "{{ response.has_more }}", "{{ not response.has_more }}", "{{ response.data }}",
    "{{ response.data | length < 2 }}", "{{ last_page_size == 100 and response.next }}", "{{ 'x' }}", "{{ ' ' }}", "{{ '\\n' }}", "a\r\nb\rc", "{{ 'a\r\nb' }}", "{{ \"\\n\\n\" }}x", "é{{ 'ü' }}", "{{ 'a' ~\n 'b' }}",
    "{{ config.spaces }}", "{{ config.nl }}", "{{ config.unicode }}", "{{ record.stats }}", "{{ record.user }}", "{{ config.big }}", "{{ config.huge }}", "{{ config.json }}", "{{ config.json }} ", "{{ '\"\"\"a\"\"\"' }}",
    "{{ true and }}", "{{ not }}", "{{ not not true }}", "{{ 1 == 1 == true }}", "{{ (1 == 1) == true }}", "{{ 'a' if }}", "{{ 2**3 }}", "{{ -5 | abs }}", "{{ 'abc' | upper | lower }}", "{{ ['a'] | first | upper }}",
    "{{ x.y.z }}", "{{ self.foo() }}", "{{ config.get('a').b }}", "{{ (config.a).b }}", "{{ config['a']['b'] | default('z') }}", "{{ (config.a | default({})).b | default('z') }}", "{{ config.a is defined }}", "{{ config.a.b is defined }}",
]


def expressions():
    for line in EXPRESSIONS.strip().splitlines():
        yield from split(line)


FILTERS = re.compile(r"(int|float|string|default|d|length|count|join|first|last|list|map|select|reject|selectattr|rejectattr|unique|sort|sum|max|min|"
                     r"reverse|round|abs|lower|upper|title|capitalize|trim|replace|urlencode|tojson|format|truncate|wordcount|center|hash|hmac|"
                     r"filesizeformat|dictsort|items|batch|slice|groupby|base64\w+|regex_\w+|nope)(\(|$| [=<>!+*%-])")


def split(line):
    """Cases of a line are set off by " | ", which filters also use: a case, and each longer one that goes on with a filter."""
    parts = line.replace("\\\\", "\\").split(" | ")
    for i, part in enumerate(parts):
        yield part
        for end in range(i + 1, min(i + 6, len(parts))):
            if not FILTERS.match(parts[end]):
                break
            yield " | ".join(parts[i:end + 1])


# A scope in which most templates of connectors find something.
MANIFEST_SCOPE = {
    **SCOPE,
    "config": {**CONFIG, "end_date": "2024-03-01", "tickers": "AAPL, MSFT", "credentials": {"auth_method": "api_key", "client_id": "c"},
               "targets": ["a", "b"], "targets_type": "street addresses", "subdomain": "acme", "site": "eu", "limit": 10},
    "record": {**RECORD, "campaign_id": 1, "line_item_id": 2, "creative_id": 3, "properties": {"createdAt": 5}},
    "response": {**RESPONSE, "paging": {"next": {"after": "x"}}, "errorDetails": "e", "pagination": {"page": 1, "total_pages": 3}},
    "components_values": {"id": "tbl1", "name": " My Table "}, "raw_schema": {"type": "url", "options": {"result": {"type": "number"}}},
    "download_target": "https://d/x", "creation_response": {"id": 5}, "polling_response": {"id": 6},
    "stream_slice": {"partition": {"id": "p1", "organization_id": "o1", "ad_account_id": "a1", "advertiser_campaign_id": "1-2", "base_id": "b",
                                   "advertiser_campaign_line_item_id": "1-2-3"},
                     "cursor_slice": {"start_time": "1700000000", "end_time": "1700086400"}, "extra_fields": {"name": "Big Base"}},
}
