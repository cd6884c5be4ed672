"""Manifests by chance: `generate(seed)` gives (manifest, config, script of the API), each stream with components and options drawn at random."""
import copy
import os
import re

from generated_components import CONFIG, HOST, Components

NOW = "2025-06-15T10:20:30.456789Z"
LATER = "2025-06-22T10:20:30.456789Z"


class Generator(Components):
    # ---- streams of other kinds
    def asked_properties(self, name):
        """A stream that names the properties it wants, in one or in several requests."""
        stream = self.stream(name)
        requester = stream["retriever"]["requester"]
        stream["retriever"].pop("decoder", None)
        wanted = {"type": "QueryProperties", "property_list": self.some(["name", "flag", "amount", "tags", "nested", "when", "created",
            "odd", "value"], 1, 9)}
        if self.chance(0.6):
            wanted["always_include_properties"] = self.some(["id", "created"], 1, 2)
        if self.chance(0.7):
            wanted["property_chunking"] = {"type": "PropertyChunking",
                **self.pick([{"property_limit_type": "property_count", "property_limit": self.rng.randint(1, 4)},
                {"property_limit_type": "characters", "property_limit": self.rng.randint(12, 40)},
                {"property_limit_type": "property_count"}]),
                                           **({"record_merge_strategy": {"type": "GroupByKeyMergeStrategy",
                                               "key": self.pick(["id", ["id"], ["id", "count"]])}} if self.chance(0.7) else {})}
        if self.chance(0.2):
            wanted["property_selector"] = {"type": "JsonSchemaPropertySelector",
                **({"transformations": [{"type": "KeysToLower"}]} if self.chance(0.3) else {})}
        given = requester.get("request_parameters") if isinstance(requester.get("request_parameters"), dict) else {}
        if self.chance(0.5):
            requester["request_parameters"] = {**given, "fields": wanted}
        else:
            requester["query_properties"] = wanted
            requester["request_parameters"] = {**given,
                "fields": self.pick(["{{ stream_slice.extra_fields['query_properties'] | join(',') }}",
                "{{ stream_partition.extra_fields.query_properties }}"])}
        return stream

    def asynchronous(self, name):
        stream = self.stream(name)
        simple = stream["retriever"]
        if isinstance(simple.get("partition_router"), list):
            del simple["partition_router"]
        entry = {"rows": self.rows(7, ("%Y-%m-%dT%H:%M:%SZ",)), "form": self.pick(["json", "jsonl", "csv"])}
        if entry["form"] == "csv":
            entry["rows"] = [{k: v for k, v in row.items() if not isinstance(v,
                (dict, list)) and "\n" not in str(v)} for row in entry["rows"]]
        decoder = {"json": "JsonDecoder", "jsonl": "JsonlDecoder", "csv": "CsvDecoder"}[entry["form"]]
        if self.chance(0.3):
            entry["pack"] = ["gzip"]
        self.script[f"/{name}/file.*"] = entry
        url = f"{HOST}/{name}/file"
        targets = self.pick([url, [url + "1", url + "2"]])
        states = self.pick([["wait", "done"], ["done"], ["wait", "wait", "done"], ["odd", "done"]])
        self.script[f"/{name}/poll.*"] = {"errors": [[200, {}, {"state": {"s": state}, "urls": targets}] for state in states] + [[200, {},
            {"state": {"s": "done"}, "urls": targets}]] * 400}
        self.script[f"/{name}/make.*"] = {"errors": [[201, {}, {"id": "job-1", "link": f"{HOST}/{name}/poll/job-1"}]] * 400}
        self.script[f"/{name}/delete.*"] = {"errors": [[200, {}, {}]] * 400}

        def requester(path, method):
            return {"type": "HttpRequester", "url_base": HOST, "path": path, "http_method": method,
                **({"request_parameters": {"p": self.pick(["{{ stream_slice.get('part') }}", "{{ stream_interval.get('start_time') }}",
                "{{ config['limit'] }}"])}} if self.chance(0.4) else {})}

        made = {"type": "AsyncRetriever", "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor",
            "field_path": []}},
                "status_mapping": {"running": ["wait", "odd"], "completed": ["done"], "failed": ["bad"], "timeout": ["late"]},
                    "status_extractor": {"type": "DpathExtractor", "field_path": ["state", "s"]},
                "download_target_extractor": {"type": "DpathExtractor", "field_path": ["urls"]},
                    "creation_requester": requester(f"/{name}/make", self.pick(["POST", "GET"])),
                "polling_requester": requester(self.pick(["{{ creation_response['link'] }}",
                    f"/{name}/poll/{{{{ creation_response['id'] }}}}"]), "GET"),
                    "download_requester": requester("{{ download_target }}", "GET"),
                "download_decoder": {"type": decoder} if "pack" not in entry else {"type": "GzipDecoder", "decoder": {"type": decoder}}}
        made["polling_requester"]["url_base"] = "" if "link" in made["polling_requester"]["path"] else HOST
        made["download_requester"]["url_base"] = ""
        for part in ("polling_requester", "download_requester"):
            if not made[part]["url_base"]:
                made[part] = {k: v for k, v in made[part].items() if k not in ("path", "url_base")} | {"url": made[part]["path"]}
        if self.chance(0.3):
            made["delete_requester"] = requester(f"/{name}/delete/{{{{ creation_response['id'] }}}}", "POST")
        if self.chance(0.3):
            made["partition_router"] = {"type": "ListPartitionRouter", "cursor_field": "part", "values": ["a", "b"]}
        stream["retriever"] = made
        sync = stream.get("incremental_sync")
        if sync and sync["type"] != "DatetimeBasedCursor":
            del stream["incremental_sync"]
        elif sync:
            sync.update(datetime_format="%Y-%m-%dT%H:%M:%SZ", start_datetime="2025-05-10T00:00:00Z")
            for key in ("cursor_datetime_formats", "is_data_feed", "end_datetime"):
                sync.pop(key, None)
        return stream

    def with_reset(self, name):
        stream = self.stream(name)
        retriever = stream["retriever"]
        path = f"/{name}"
        for pattern in [p for p in self.script if p.startswith(path + "/")]:  # once only: a reset for ever has no end
            self.script[pattern]["errors"] = [[429, {}, {"error": "reset"}]]
        requester = retriever["requester"]
        requester["error_handler"] = {"type": "DefaultErrorHandler",
            "response_filters": [{"type": "HttpResponseFilter", "action": "RESET_PAGINATION", "http_codes": [429]}]}
        retriever["pagination_reset"] = {"type": "PaginationReset", "action": self.pick(["RESET", "SPLIT_USING_CURSOR"]),
            **({"limits": {"type": "PaginationResetLimits", "number_of_records": 100}} if self.chance(0.6) else {})}
        return stream

    def by_parameters(self, name):
        """A stream whose fields come from $parameters."""
        stream = self.stream(name)
        parameters = stream.setdefault("$parameters", {})
        for key in ("name", "primary_key"):
            if key in stream and stream[key] and self.chance(0.8):
                parameters[key] = stream.pop(key)
        requester = stream["retriever"]["requester"]
        for key in ("path", "http_method", "url_base"):
            if key in requester and self.chance(0.4):
                parameters[key] = requester.pop(key)
        if "incremental_sync" in stream and self.chance(0.5):
            for key in ("cursor_field", "lookback_window", "step", "cursor_granularity"):
                if key in stream["incremental_sync"] and self.chance(0.5):
                    parameters[key] = stream["incremental_sync"].pop(key)
        return stream

    def delegating(self, name):
        full, incremental = self.stream(name), self.stream(name)
        incremental.setdefault("incremental_sync", self.cursor(False, ["%Y-%m-%dT%H:%M:%SZ"]))
        return {"type": "StateDelegatingStream", "name": name, "full_refresh_stream": full, "incremental_stream": incremental,
            **({"api_retention_period": self.pick(["P10D", "P1Y"])} if self.chance(0.4) else {})}

    def discovered_schema(self, name):
        stream = self.stream(name)
        kinds = ["text", "num", "yes", "list", "when", "string", "boolean"]
        fields = [{"name": f"Field {i}", "kind": {"of": self.pick(kinds)}, "hidden": self.chance(0.2), "n": i} for i in range(6)]
        self.script[f"/{name}/schema"] = {"rows": fields, "envelope": ["fields"]}
        mapping = [{"target_type": target, "current_type": kind} for kind, target in
                   (("text", "string"), ("num", self.pick(["number", "integer", ["number", "string"]])), ("yes", "boolean"),
                       ("list", self.pick(["array", {"field_type": "array", "items": "string"},
                       {"field_type": "array", "items": {"field_type": "array", "items": "integer"}}])),
                       ("when", self.pick(["timestamp_with_timezone", "date"])))]
        loader = {"type": "DynamicSchemaLoader", "retriever": {"type": "SimpleRetriever", "requester": {"type": "HttpRequester",
            "url_base": HOST, "path": f"/{name}/schema"}, "record_selector": {"type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": []}}},
                  "schema_type_identifier": {"schema_pointer": ["fields"], "key_pointer": ["name"], "type_pointer": ["kind", "of"],
                      "types_mapping": mapping}}
        if self.chance(0.4):
            loader["schema_filter"] = {"type": "RecordFilter", "condition": self.pick(["{{ not record['Field 1'] }}", "{{ record }}"])}
        if self.chance(0.5):
            loader["schema_transformations"] = [self.pick([{"type": "KeysToSnakeCase"},
                {"type": "AddFields", "fields": [{"type": "AddedFieldDefinition", "path": ["made"],
                "value": "{{ {'type': ['null', 'string']} }}"}]}, {"type": "KeysReplace", "old": " ", "new": "_"}])]
        stream["schema_loader"] = loader if self.chance(0.7) else [loader, stream["schema_loader"]]
        return stream

    def dynamic(self, name):
        """Streams made from a template: by the configuration, by parameters, or by what an API answers."""
        template = self.stream(name)
        pattern = next(p for p in self.script if re.fullmatch(re.escape(f"/{name}") + r"(/\.\*)?/\?", p))
        self.script[f"/{name}[^p].*"] = self.script[pattern]
        mapping = [{"type": "ComponentMappingDefinition", "field_path": ["name"], "value": name + "_{{ components_values['name'] }}"},
                   {"type": "ComponentMappingDefinition", "field_path": ["retriever", "requester", "request_parameters"],
                       "value": "{{ {'table': components_values['path']} }}", "create_or_update": True}]
        if self.chance(0.5):
            mapping.append({"type": "ComponentMappingDefinition", "field_path": ["primary_key"],
                "value": self.pick(["{{ components_values.get('key', 'count') }}", "{{ [components_values['name']] }}",
                "{{ components_values['key'] }}"]), "create_or_update": self.chance(0.7),
                            **({"condition": "{{ components_values['name'] == 'alpha' }}"} if self.chance(0.3) else {})})
        if self.chance(0.3):
            mapping.append({"type": "ComponentMappingDefinition", "field_path": ["$parameters"],
                "value": "{{ {'p': components_values['path']} }}", "create_or_update": True})
        style = self.pick(["config", "parameters", "http"])
        if style == "config":
            resolver = {"type": "ConfigComponentsResolver", "stream_config": {"type": "StreamConfig", "configs_pointer": ["tables"],
                **({"default_values": [{"name": "more", "path": "m", "key": "id"}]} if self.chance(0.4) else {})}}
        elif style == "parameters":
            resolver = {"type": "ParametrizedComponentsResolver",
                "stream_parameters": {"type": "StreamParametersDefinition", "list_of_parameters_for_stream": CONFIG["tables"]}}
        else:
            self.script[f"/{name}!tables"] = {"rows": CONFIG["tables"], "envelope": ["tables"]}
            resolver = {"type": "HttpComponentsResolver", "retriever": {"type": "SimpleRetriever", "requester": {"type": "HttpRequester",
                "url_base": HOST, "path": f"/{name}!tables"}, "record_selector": {"type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": ["tables"]}}}}
        resolver["components_mapping"] = mapping
        return {"type": "DynamicDeclarativeStream", "name": f"dynamic_{name}", "stream_template": template, "components_resolver": resolver}

    def any_stream(self, name):
        kind = self.pick(["plain"] * 9 + ["asked", "async", "reset", "parameters", "parameters", "delegating", "schema"])
        return {"plain": self.stream, "asked": self.asked_properties, "async": self.asynchronous, "reset": self.with_reset,
            "parameters": self.by_parameters, "delegating": self.delegating, "schema": self.discovered_schema}[kind](name)

    def loosened(self, node):
        """Leaves out types that have a default."""
        if isinstance(node, dict):
            made = {k: self.loosened(v) for k, v in node.items()}
            if made.get("type") in ("AddedFieldDefinition", "HttpResponseFilter", "MinMaxDatetime",
                "ParentStreamConfig") and self.chance(0.3):
                del made["type"]
            return made
        return [self.loosened(item) for item in node] if isinstance(node, list) else node

    def referenced(self, stream, number):
        """Moves parts into definitions; what stands beside a reference wins."""
        if stream.get("type") != "DeclarativeStream" or self.chance(0.7):
            return stream
        requester = stream["retriever"].get("requester")
        if not requester:
            return stream
        part = copy.deepcopy(requester)
        siblings = {k: part[k] for k in self.some(sorted(set(part) - {"type"}), 0, 2)}
        for key, value in siblings.items():
            part[key] = "/wrong" if key == "path" and self.chance(0.5) else value
        self.definitions[f"requester/{number}"] = part
        stream["retriever"]["requester"] = {"$ref": f"#/definitions/requester/{number}", **siblings}
        loader = stream.get("schema_loader")
        if isinstance(loader, dict) and loader.get("type") == "InlineSchemaLoader":
            self.definitions.setdefault("schemas", {})[f"s{number}"] = stream["schema_loader"]["schema"]
            stream["schema_loader"]["schema"] = {"$ref": f"#/definitions/schemas/s{number}"}
        return stream

    def config_rules(self):
        rules = {"type": "ConfigNormalizationRules"}
        changes = [{"type": "ConfigAddFields", "fields": [{"type": "AddedFieldDefinition", "path": self.pick([["made", "deep"], ["text"],
            ["limit2"]]), "value": self.pick(["{{ config['limit'] + 1 }}", "new", "{{ config['user'] }}"])}],
            **({"condition": self.pick(["{{ config['flag'] }}", "{{ config['off'] }}",
            "{{ config.get('nothing') }}"])} if self.chance(0.5) else {})},
                   {"type": "ConfigRemoveFields", "field_pointers": [["empty"], ["nested", "nothing"]],
                       **({"condition": "{{ config['flag'] }}"} if self.chance(0.5) else {})},
                   {"type": "ConfigRemapField", "field_path": ["nested", "deep"],
                       "map": self.pick([{"down": "below", "x": "y"}, {"{{ config['text'] }}": 1, "down": "{{ config['user'] }}"}])}]
        if self.chance(0.6):
            rules["config_migrations"] = [{"type": "ConfigMigration", "description": "d", "transformations": self.some(changes, 1, 3)}]
        if self.chance(0.6):
            rules["transformations"] = self.some(changes, 1, 3)
        return rules

    def manifest(self):
        streams = []
        while len(streams) < self.count:
            stream = self.loosened(self.any_stream(f"s{len(streams)}"))
            if runs(stream):
                streams.append(stream)
        dynamic = [d for d in (self.dynamic(f"s{self.count + i}") for i in range(self.rng.randint(0, 2))) if runs(streams[0], [d],
            self.script)]
        streams = [self.referenced(stream, i) for i, stream in enumerate(streams)]
        spec = {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}}
        if self.chance(0.3):
            spec["config_normalization_rules"] = self.config_rules()
        made = {"version": "7.28.2", "type": "DeclarativeSource", "check": {"type": "CheckStream", "stream_names": ["s0"]},
            "definitions": self.definitions, "streams": streams, "spec": spec}
        if dynamic:
            made["dynamic_streams"] = dynamic
        if self.chance(0.3):
            last = streams.pop()
            streams.append({"type": "ConditionalStreams", "condition": self.pick(["{{ config['flag'] }}", "{{ config['off'] }}",
                "{{ config.get('nothing') }}"]), "streams": [last]})
        return made


def runs(stream, dynamic=None, script=None):
    """Whether the reference can make the stream at all: one that it cannot ends its whole run."""
    from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
    from reference_runs import remember_schema
    from scripted_api import serve

    remember_schema()
    manifest = {"version": "7.28.2", "type": "DeclarativeSource", "check": {"type": "CheckStream", "stream_names": ["s0"]},
        "streams": [stream]}
    server = None
    if dynamic:
        manifest["dynamic_streams"] = dynamic
        server = serve(script)
        os.environ["http_proxy"] = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        source = ConcurrentDeclarativeSource(catalog=None, config=copy.deepcopy(CONFIG), state=[], source_config=copy.deepcopy(manifest))
        return len(source.streams(copy.deepcopy(CONFIG))) > (1 if dynamic else 0)
    except Exception:  # noqa: BLE001 - whatever it is, such a stream tells nothing
        return False
    finally:
        if server:
            os.environ.pop("http_proxy", None)
            server.shutdown()
            server.server_close()


def generate(seed, count=10):
    generator = Generator(seed, count)
    manifest = generator.manifest()
    return manifest, CONFIG, generator.script
