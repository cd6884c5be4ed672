#include "config/explain.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "config/explain_running.h"
#include "config/explain_source.h"

namespace firn::config {
namespace {

constexpr std::array kExplanations = {
    Explanation{
        "E0101", "the file is not valid YAML",
        "Project files are YAML 1.2, and JSON is YAML too. The place is where the parser could not go on; the cause is "
        "often a missing quote or a wrong indentation one line above.",
        "records: \"data: items\"   # text that contains ': ' is quoted"},
    Explanation{"E0102", "a key appears twice",
                "Which of the two values counts would depend on the reader, so neither does.", ""},
    Explanation{"E0103", "nested too deeply", "A project file nests at most 64 levels, aliases expanded.", ""},
    Explanation{
        "E0104", "the file or a value is too large",
        "A project file has at most 16 MiB and a single value at most 1 MiB. Put large values into a file of their own "
        "and refer to it with ${file:…}.",
        ""},
    Explanation{
        "E0105", "too many values or aliases",
        "Aliases are expanded when read; the expanded document has at most 300,000 values, 1,000 aliases and 16 MiB. A "
        "connector's manifest has at most 300,000 values with its aliases, and 1,000,000 with its references.",
        ""},
    Explanation{"E0106", "a line is indented with a tab", "YAML allows spaces only. Most editors can convert the file.",
                ""},
    Explanation{"E0107", "characters that are not text", "Project files are UTF-8 without NUL and control characters.",
                ""},
    Explanation{"E0108", "YAML that project files do not use",
                "One document per file, keys that are plain text, no tags but !!str and no merge keys (<<).", ""},
    Explanation{
        "E0109", "an alias without an anchor",
        "An alias (*name) repeats a value marked earlier with an anchor (&name), and cannot stand inside it. Text that "
        "begins with * must be quoted.",
        "path: \"*\""},
    Explanation{"E0110", "the project cannot be read",
                "The project is the file or folder named by --config or FIRN_CONFIG, else the nearest firn.yaml from "
                "the working "
                "folder up to the root of the repository.",
                ""},
    Explanation{
        "E0111", "two files set the same key",
        "When the project is a folder, all its *.yaml files are merged. Mappings are joined; a value may be set once.",
        ""},
    Explanation{"E0201", "unknown key",
                "Every key is checked, because a misspelt key that is ignored means a setting that does not hold.", ""},
    Explanation{"E0202", "wrong type",
                "Quoted values are text, unquoted ones have the type they look like: 5, true, null.", "page_size: 100"},
    Explanation{"E0203", "out of range", "`firn schema` and the reference list the range of each number.", ""},
    Explanation{"E0204", "a required key is missing", "", ""},
    Explanation{"E0205", "not one of the known values", "", ""},
    Explanation{
        "E0206", "a size, duration, date or URL that cannot be read",
        "Sizes are a number and B, KiB, MiB, GiB, KB, MB or GB. Durations are numbers and ms, s, m, h or d, in any "
        "combination, or ISO 8601.",
        "lookback: 1h30m      # or PT1H30M\nfile_max_bytes: 64MiB"},
    Explanation{"E0207", "a key has no value", "Remove the key to get the default, or write its value.", ""},
    Explanation{"E0208", "a key of another type",
                "The key exists, but not for the `type` chosen here; it would have no effect.", ""},
    Explanation{"E0209", "a name that cannot be used",
                "Names of pipelines, datasets and tables become folder names and SQL identifiers: they begin with a "
                "letter or '_' and hold "
                "letters, digits, '_' and '-', at most 128.",
                ""},
    Explanation{"E0210", "a word of another tool",
                "dlt, Airbyte, Singer and dbt name the same thing differently. The help line has the exact firn word.",
                ""},
    Explanation{"E0211", "not in this build",
                "The key or value is part of firn's design but this binary cannot do it. It is refused, because "
                "ignoring it would promise something that does not happen.",
                ""},
    Explanation{"E0212", "a project version this firn does not know",
                "`version: 1` is the only one so far. A newer version needs a newer firn.", "version: 1"},
    Explanation{"E0213", "an empty or repeated list item", "", ""},
    Explanation{
        "E0301", "an environment variable is not set",
        "${env:X} needs X in the environment or in the .env file beside the project. An empty variable counts as set. "
        "${env:X:-text} gives a default.",
        "token: ${env:SHOP_TOKEN}\nuser: ${env:USER:-nobody}"},
    Explanation{"E0302", "a file named by ${file:…} cannot be read",
                "The path is relative to the project's folder. The file is UTF-8, at most 1 MiB; one newline at its "
                "end is dropped.",
                "token: ${file:/run/secrets/shop}"},
    Explanation{"E0303", "a ${…} that cannot be read",
                "References are ${env:NAME}, ${env:NAME:-default} and ${file:path}. A literal ${ is written $${.", ""},
    Explanation{"E0304", "a ${…} inside a key", "Keys are fixed: a project must have the same shape everywhere.", ""},
    Explanation{"E0305", "a secret store this build does not have", "This build reads ${env:…} and ${file:…}.", ""},
    Explanation{"E0306", "a line of .env that cannot be read",
                "Lines are NAME=value, with optional quotes and an optional leading `export`. Variables of the real "
                "environment win.",
                ""},
    Explanation{"E0307", "an unknown environment",
                "--env, FIRN_ENV or ENVIRONMENT names a key of `environments:`. A misspelt one must not run on "
                "production's lake.",
                ""},
    Explanation{"E0308", "an override that matches nothing",
                "FIRN__A__B=value sets a.b. The path must lead through mappings.", "FIRN__LAKE__WAREHOUSE=/data/lake"},
    Explanation{"E0309", "a secret too short to hide",
                "A secret shorter than four characters cannot be removed from logs without destroying ordinary text.",
                ""},
    Explanation{"E0310", "a secret written into the project file",
                "Project files are committed and shared. Refer to the secret instead.", "token: ${env:SHOP_TOKEN}"},
    Explanation{"E0401", "merge without a key", "merge replaces rows by primary_key. Without one it could only append.",
                "primary_key: id\nwrite_disposition: merge"},
    Explanation{"E0402", "replace of an incremental table",
                "An incremental read fetches only what changed; replacing the table with it would drop all other rows.",
                "write_disposition: merge"},
    Explanation{"E0403", "a mask that makes keys or cursors equal or unordered",
                "redact, null and ip give many rows the same value, so rows would overwrite each other. No mask keeps "
                "the order "
                "a cursor needs, and the state keeps cursor values.",
                "columns: {email: {pii: email, mask_on_write: sha256}}"},
    Explanation{
        "E0404", "raw bodies where readers of the lake can reach them",
        "The raw archive holds response bodies before masking. With personal data it must lie outside the warehouse.",
        "raw: {mode: archive, location: /secure/raw}"},
    Explanation{"E0405", "a parent that is no table of the pipeline",
                "parent names another table of the same pipeline, and parents cannot form a circle.", ""},
    Explanation{"E0406", "a partition field that cannot be read",
                "A column alone, or year, month, day, hour, bucket(n, column), truncate(width, column).",
                "partition_by: [day(created_at), \"bucket(16, id)\"]"},
    Explanation{"E0407", "incremental settings that do not fit together", "",
                "incremental: {cursor: updated_at, param: since, end_param: until, start: 2024-01-01, step: 7d}"},
    Explanation{"E0408", "hmac without a key",
                "mask_on_write: hmac needs a project-wide secret, so that equal values stay equal.",
                "mask_key: ${env:FIRN_MASK_KEY}"},
    Explanation{"E0409", "two tables with one name in the lake",
                "Two pipelines write the same dataset and table; their rows and states would mix.", ""},
    Explanation{"E0410", "pagination settings that do not fit together", "",
                "paginate: {type: cursor, next: meta.next, param: cursor}"},
    Explanation{"E0411", "an unclosed {{ }}", "Expressions stand in {{ and }}. A literal {{ is written {{ \"{{\" }}.",
                ""},
    Explanation{"E0412", "a key that needs a parent",
                "include of `parent.<path>` and replace_children belong to tables with a parent.",
                "parent: orders\ninclude: {order_id: parent.id}"},
    Explanation{"E0413", "a merge setting without merge",
                "Rows are deleted and compared by their key, in a table written with merge.", ""},
    Explanation{"E0414", "a request body that cannot be sent", "GET, HEAD and DELETE requests carry no body here.",
                "method: POST"},
    Explanation{"E0415", "an unknown column type",
                "Types are those of Iceberg: boolean, int, long, float, double, decimal(p,s), date, time, timestamp, "
                "timestamptz, "
                "string, uuid, binary, fixed(n); and json or map.",
                "columns: {total: {type: \"decimal(12,2)\"}}"},
    Explanation{"E0416", "a schedule that cannot be read", "", "schedule: every 15m   # or \"0 6 * * *\", or off"},
    Explanation{"E0417", "a URL that cannot be used",
                "URLs are absolute, http or https, and hold no user name or password.",
                "base_url: https://api.shop.example"},
    Explanation{"E0418", "an unknown time zone",
                "Time zones have IANA names: UTC, Europe/Berlin. An offset like +02:00 is one too.", ""},
    Explanation{"E0419", "a key that is not in the rows",
                "A primary key of a child table that begins with parent. must be brought in by include.", ""},
    Explanation{
        "E0420", "a status that cannot be judged",
        "on_status judges refusals: a status from 400 to 599, a class (4xx) or a range (500-504). The narrowest "
        "one that matches wins. 2xx is success and 3xx is followed; rules of `on_response` judge good statuses too, "
        "from "
        "200 on.",
        "on_status: {404: empty, 409: retry}"},
    Explanation{"E0421", "a key inside an object",
                "merge compares columns of the row itself. A key in an object below it (customer.id) is not one until "
                "`include` brings it out.",
                "include: {customer_id: customer.id}\nprimary_key: customer_id"},
    Explanation{"E0422", "a check that cannot be read",
                "Each item of `checks` has exactly one kind: not_null, unique, accepted_values, range, row_count, "
                "freshness or sql.",
                "checks:\n  - not_null: [id, email]\n  - range: {column: total, min: 0}"},
    Explanation{"E0423", "tables of one commit that are published differently",
                "A parent and its children are committed together; on different branches readers would see half of it.",
                "publish: audit"},
    Explanation{"E0424", "engines that cannot all read the table",
                "Merged tables of format version 2 have position deletes, those of version 3 deletion vectors. "
                "docs/reference/engines.md lists who reads what.",
                "engines: [snowflake, athena]"},
    Explanation{
        "E0425", "merge settings that do not fit together",
        "delete_insert replaces by merge_key; upsert, scd2 and insert_only go by primary_key; copy_on_write goes with "
        "upsert by arrival. A setting that would have no effect is refused.",
        "write_disposition: merge\nmerge_strategy: delete_insert\nmerge_key: day"},
    Explanation{"E0426", "overwrite_partitions without partitions to overwrite",
                "A replace of partitions needs write_disposition: replace and partition_by.",
                "write_disposition: replace\npartition_by: [day(created_at)]\noverwrite_partitions: true"},
    Explanation{
        "E0428", "a column that cannot become that",
        "name renames the table's column, renamed_from says that the source renamed its key, drop leaves the key "
        "out and drops the column, default needs a plain type and format_version 3. "
        "docs/reference/evolution.md has a table.",
        "columns: {total: {name: amount}, old_flag: {drop: true}}"},
    Explanation{
        "E0470", "a warehouse on an object store that cannot be used",
        "The warehouse is s3://bucket/prefix, gs://bucket/prefix or abfss://container@account.dfs.core.windows.net/"
        "prefix, in plain characters. `lake.storage` says how the store is reached; keys come in pairs, and what is "
        "left out comes from the provider's own chain.",
        "lake: {warehouse: s3://bucket/lake, storage: {endpoint: http://127.0.0.1:9000}}"},

    Explanation{
        "E0471", "a warehouse path that other readers misread",
        "Tables hold the paths of their files as URIs, and engines disagree on ?, #, %, *, brackets, braces and "
        "backslashes in them. firn makes no new lake at such a path; one that is there already goes on working "
        "in firn.",
        "lake: {warehouse: /data/lake}"},
    Explanation{
        "E0472", "credentials that cannot be handed out",
        "`firn catalog serve` can hand clients keys for the files of a table: those of `lake.storage` (static), "
        "or temporary ones for the one table (sts). Both need a warehouse on S3 or what speaks it.",
        "lake: {warehouse: s3://bucket/lake, catalog: {type: sqlite, vend_credentials: sts}}"},
    Explanation{
        "E0473", "state that is kept elsewhere, and what is not",
        "With `state: s3://bucket/prefix`, `file:///folder` or `lake` a machine keeps nothing between runs. Then "
        "nothing "
        "that matters may be a file on it: neither the catalog nor a raw archive.",
        "state: s3://bucket/firn-state\nlake: {warehouse: s3://bucket/lake, catalog: {type: rest, uri: https://…}}"},
    Explanation{
        "E0480", "a window without a time",
        "`dedupe_window` is counted by a time of each row. Without `dedupe_by` that is when it was loaded, which "
        "only the columns of `system_columns: firn` say.",
        "dedupe_by: created_at"},
    Explanation{"E0490", "a sort field that cannot be read",
                "A column or a transform of one, then asc or desc, then nulls first or nulls last; or zorder(a, b, …) "
                "alone.",
                "sort_by: [created_at desc nulls last, \"bucket(16, id)\"]"},
    Explanation{"E0491", "a share that is no number between 0 and 1", "", "bloom_filter: {fpp: 0.01}"},
    Explanation{
        "E0495", "an alert that cannot be sent or never happens",
        "`on:` names events; each has a webhook, a command, an email, or {} to do nothing. The late event needs "
        "`freshness`, the volume event `volume`.",
        "on: {failure: {webhook: '${env:ALERT_URL}'}}"},
    Explanation{"E0496", "limits of volume or freshness that make no sense", "",
                "freshness: {warn_after: 6h, error_after: 24h}"},
    Explanation{"E0497", "settings of files that do not fit together",
                "A source of `type: files` has a location; its tables have paths below it, and say how their files are "
                "written and what happens when one changes.",
                "source: {type: files, location: ./inbox}, tables: {orders: {path: \"orders/*.csv\"}}"},
    Explanation{"E0498", "a key of raw archives that is none",
                "It is 32 random bytes as 64 hex digits or base64: openssl rand -hex 32.",
                "raw: {key: \"${env:FIRN_RAW_KEY}\"}"},
    Explanation{"E0499", "settings of a program that make no sense",
                "A source of `type: process` has a command, a list of words that no shell reads, and a mapping of "
                "settings that the program gets as JSON.",
                "source: {type: process, command: [python3, extract.py], config: {token: \"${env:TOKEN}\"}}"},
    Explanation{"E0502", "a connector's manifest that cannot be used",
                "A source of `type: airbyte` names a manifest.yaml and a mapping of settings, as its `spec` says.",
                "source: {type: airbyte, manifest: ./source-x/manifest.yaml, config: {api_key: \"${env:KEY}\"}}"},
    Explanation{"E0503", "a stream that a manifest does not have, or that cannot be run",
                "firn airbyte discover names the streams there are. Parts that are Python classes run in Airbyte's own "
                "runtime alone.",
                "tables: {orders: {stream: Orders}}"},
    Explanation{"E0510", "a connector that is not there",
                "A source of `type: connector` names a connector of the library (firn connectors) or the path of a "
                "connector file.",
                "source: {type: connector, connector: hubspot, settings: {token: \"${env:HUBSPOT_TOKEN}\"}}"},
    Explanation{"E0511", "a connector file that makes no sense",
                "It is of version 1 and reads a REST API; each setting is required or has a default.",
                "settings: {token: {required: true, secret: true, doc: API token}}"},
    Explanation{"E0512", "a value in a connector file that is none of its settings",
                "A connector file knows nothing of the project: it takes ${setting:<name>}, and the project's settings "
                "take ${env:…} and ${file:…}.",
                "auth: {type: bearer, token: \"${setting:token}\"}"},
    Explanation{
        "E0513", "a table that a connector does not have",
        "`tables:` of a pipeline chooses tables of its connector and says more of them; a further one of your own "
        "needs `path:`. A table that is read for each row of another needs that one too.",
        "tables: {contacts: {}, companies: {columns: {name: {drop: true}}}}"},
    Explanation{
        "E0515", "an error rule that makes no sense",
        "A rule of `on_response` has a condition (`status`, `when` or both) that good pages do not meet, and says what "
        "such an answer means; only what is asked again is waited for, and only errors have a message.",
        "on_response: [{when: \"{{ response.ok == false }}\", action: fail, message: \"{{ response.error }}\"}]"},
    Explanation{"E0530", "a workflow that cannot be read",
                "A source of `type: steps` names a JSON or YAML file, relative to the project.",
                "source: {type: steps, workflow: ./orders.steps.json, inputs: {token: \"${env:TOKEN}\"}}"},
    Explanation{"E0531", "a workflow that makes no sense",
                "A workflow is of version 1 and has steps: requests with an id, and emits that name one of them.",
                "do: [{id: list, request: {url: \"https://…\"}, rows: \"{{ body }}\"}, {emit: orders, from: list}]"},
    Explanation{"E0532", "a table that a workflow does not emit",
                "The tables of a pipeline are among those that its workflow has an `emit` for.",
                "tables: {orders: {}}"},
    Explanation{"E0533", "inputs of a workflow that are no mapping",
                "`inputs` gives each input of the workflow a value.",
                "source: {type: steps, workflow: ./orders.steps.json, inputs: {token: \"${env:TOKEN}\"}}"},
    Explanation{
        "E0538", "customers of a workflow that make no sense",
        "They are the rows of a CSV file, or of a query to an SQLite file, a Postgres or a MySQL server; one column "
        "names a customer.",
        "customers: {file: ./customers.csv, key: id}"},
    Explanation{"E0541", "jobs and files that this build does not read so",
                "A table with a `job`, or whose answers are files, has no parent, no `graphql`, no raw archive and no "
                "declared order of rows; the next file is found by a header.",
                "format: csv"},
    Explanation{"E0554", "a GraphQL request with a method or body of its own",
                "`graphql:` is a POST of `query` and `variables`; there is nothing else to send.",
                "graphql: {query: \"{ orders { nodes { id } } }\"}"},
    Explanation{"E0627", "a pool of two sizes",
                "All pipelines that name a pool count together, so they say the same `slots`, each of them once.",
                "pool: {name: acme-exports, slots: 2}"},
    Explanation{
        "E0630", "a rate that machines do not share",
        "What a machine may use of a rate rests for a whole window when it changes hands, which for hours would "
        "leave most of it unused. Such a rate is shared by the processes of each machine.",
        "rate_limit: {requests: 80, per: 1m}"},
    Explanation{"E0990", "a place for bodies that are kept in a table",
                "`raw: table` keeps response bodies as rows of `<table>__raw` in the lake; only `raw: archive` has a "
                "location.",
                "raw: {mode: table, retention: 90d}"},
    Explanation{
        "E0993", "a setting that does not fit the connector",
        "The manifest's `spec` says which settings the connector takes, and of what type, form and choice. Airbyte's "
        "own runtime refuses to start with others; names that it does not know it passes over, so they are a "
        "warning. What a ${…} stands for is not judged.",
        "config: {start_date: \"2024-01-01T00:00:00Z\", page_size: 100}"},
};

constexpr bool IsSorted() {
  for (size_t i = 1; i < kExplanations.size(); ++i) {
    if (!(kExplanations[i - 1].code < kExplanations[i].code)) return false;
  }
  return true;
}
static_assert(IsSorted());

}  // namespace

std::span<const Explanation> Explanations() {
  return kExplanations;
}

const Explanation* FindExplanation(std::string_view code) {
  if (!code.empty() && std::tolower(static_cast<unsigned char>(code[0])) == 'e') code.remove_prefix(1);
  while (code.starts_with('0')) code.remove_prefix(1);
  for (const std::span<const Explanation> list :
       {std::span<const Explanation>(kExplanations), SourceExplanations(), RunningExplanations()}) {
    for (const Explanation& entry : list) {
      if (!code.empty() && entry.code.substr(2) == code) return &entry;
    }
  }
  return nullptr;
}

Result<std::string> RenderExplanation(std::string_view code) {
  const Explanation* entry = FindExplanation(code);
  if (entry == nullptr) return MakeError(Fault::kConfig, "there is no such code, expected for example E0201");
  std::string page = std::string(entry->code) + ": " + std::string(entry->title) + "\n";
  if (!entry->text.empty()) page += "\n" + std::string(entry->text) + "\n";
  if (!entry->example.empty()) page += "\nExample:\n\n" + std::string(entry->example) + "\n";
  return page;
}

}  // namespace firn::config
