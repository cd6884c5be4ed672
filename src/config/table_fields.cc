#include "config/engines.h"
#include "config/fields.h"
#include "config/files_fields.h"
#include "config/job_fields.h"
#include "config/merge_fields.h"
#include "config/process_fields.h"
#include "config/response_rule_fields.h"
#include "config/watch_fields.h"

namespace firn::config {
namespace {

constexpr int64_t kDayMs = 86'400'000;

std::vector<EnumValue> Contracts() {
  return {{"evolve", "the table changes to take it"},
          {"freeze", "the table stops with an error"},
          {"discard_row", "the row goes to quarantine"},
          {"discard_value", "the value goes to quarantine, the row stays"}};
}

ObjectTypePtr ContractObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "schema_contract",
      .doc = "What happens when data does not fit the table.",
      .fields =
          {Enum("tables", {{"evolve", ""}, {"freeze", ""}}).Default("evolve").Doc("A table that does not exist yet."),
           Enum("columns", Contracts()).Default("evolve").Doc("A column that does not exist yet."),
           Enum("types", Contracts()).Default("evolve").Doc("A value that does not fit its column.")},
      .foreign = {{"data_type", "write `types:`"}}});
  return type;
}

std::vector<EnumValue> RawModes() {
  return {{"off", "nothing is kept"},
          {"archive", "response bodies are kept, compressed, outside the warehouse"},
          {"table", "they are kept as rows of `<table>__raw`, committed with the rows that came of them"}};
}

ObjectTypePtr RawObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "raw",
      .doc = "Keeps response bodies as received, so that tables can be derived again without the source.",
      .fields = {
          Enum("mode", RawModes()).Default("archive").Doc("What is kept."),
          Text("location")
              .Doc("Of `archive`: folder outside the warehouse, or `s3://bucket/prefix` (reached as `lake.storage` "
                   "says); default: the warehouse's name with -raw; of an object store the folder "
                   "raw in `state`.")
              .Example("./raw"),
          Duration("retention").Range(0, 36'500 * kDayMs).Default("30d").Doc("How long."),
          Text("key")
              .Secret()
              .Doc("Encrypts the bodies: 32 bytes as 64 hex digits or base64. "
                   "Default: those of a pipeline with `pii` or `mask_on_write` "
                   "are encrypted with the key in `state`/keys/raw.key, others not.")
              .Example("${env:FIRN_RAW_KEY}"),
          List("previous_keys", Text("").Secret())
              .Doc("Keys of what was archived before `key` changed.")
              .Example("[\"${env:FIRN_RAW_KEY_2024}\"]")}});
  return type;
}

ObjectTypePtr PartitionsObject() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "partitions",
                 .doc = "One sequence of requests per value.",
                 .fields = {Text("name").Default("value").Doc("The value is `{{ partition.<name> }}`."),
                            Text("param").Doc("Query parameter that carries the value.").Example("region"),
                            Text("column").Doc("Column of every row that takes the value.").Example("region"),
                            List("values", Text("")).Required().AtLeast(1).Doc("The values.").Example("[eu, us]")},
                 .foreign = {{"cursor_field", "write `name:`"}, {"slicer", "write `values:`"}}});
  return type;
}

ObjectTypePtr GraphQlObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "graphql",
      .doc = "A GraphQL request: `query` and `variables`, sent with POST; `path` defaults to base_url itself.",
      .fields = {Text("query")
                     .Required()
                     .Doc("The query.")
                     .Example("query($after: String) { orders(first: 100, after: $after) { nodes { id } pageInfo { "
                              "endCursor hasNextPage } } }"),
                 Json("variables")
                     .InterpolatedIsSecret()
                     .Doc("Its variables; their texts may hold {{ }}.")
                     .Example("{since: \"{{ incremental.start }}\"}"),
                 Enum("errors", {{"refuse", "the table fails"}, {"ignore", "what came beside them is taken"}})
                     .Default("refuse")
                     .Doc("What an answer with `errors` means; one that says THROTTLED is asked again.")}});
  return type;
}

std::vector<Field> RequestFields() {
  std::vector<EnumValue> types;
  for (const Variant& variant : PaginateObjectType()->variants) types.push_back({variant.tag_value, variant.doc});
  return {
      OneOf("path", {Expression(""), List("", Text("")).AtLeast(1)})
          .Doc("Of `type: rest`: joined to base_url; default: the table's name. Of `type: files`: a path below the "
               "location, or a list of them, with `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any folders.")
          .Example("/v1/orders"),
      Enum("method", {{"GET", ""}, {"POST", ""}, {"PUT", ""}}).OnlyFor("rest").Default("GET").Doc("HTTP method."),
      Map("params", Expression("").InterpolatedIsSecret())
          .OnlyFor("rest")
          .Doc("Query parameters, added to the source's.")
          .Example("{status: any}"),
      Map("headers", Expression("").InterpolatedIsSecret())
          .OnlyFor("rest")
          .Doc("Headers, added to the source's.")
          .Example("{Accept: text/json}"),
      Json("body")
          .OnlyFor("rest")
          .InterpolatedIsSecret()
          .Doc("JSON body of the request; its texts may hold {{ }}.")
          .Example("{query: all}"),
      Object("graphql", GraphQlObject())
          .OnlyFor("rest")
          .Doc("A GraphQL request, instead of `method` and `body`.")
          .Example("{query: \"{ orders { nodes { id } } }\"}"),
      Text("records")
          .Default("auto")
          .Doc("Path to the rows in the body; `.` is the whole body, `*` all items; `auto` takes a list only out of an "
               "envelope.")
          .Example("data.items"),
      OneOf("paginate", {Enum("", std::move(types)), Object("", PaginateObjectType())})
          .OnlyFor("rest")
          .Doc("How the next page is asked for; default: the source's, else auto.")
          .Example("{type: cursor, next: meta.next, param: cursor}"),
      Map("on_status", Enum("", {{"empty", "the request has no rows"},
                                 {"retry", "asked again, within the limits of `retry:`"},
                                 {"fail", "the table fails"}}))
          .OnlyFor("rest")
          .Doc("What a status means: 404, 4xx or 500-599. A child request answered 404 or 410 has no rows by default.")
          .Example("{404: empty, 409: retry}"),
      ResponseRulesField(
          "What answers mean, those with a good status too; before the rules of the source and `on_status`.")
          .OnlyFor("rest"),
      Enum("empty_body", {{"error", "never taken for an empty table"}, {"no_records", "the request has no rows"}})
          .OnlyFor("rest")
          .Default("error")
          .Doc("What a good status with an empty body means."),
      Object("partitions", PartitionsObject())
          .OnlyFor("rest")
          .Doc("A list of values, each read on its own.")
          .Example("{param: region, values: [eu, us]}"),
      Text("parent").OnlyFor("rest").Doc("Table of the same pipeline; one request per row of it.").Example("orders"),
      Map("include", Text(""))
          .OnlyFor("rest")
          .Doc("Columns taken from the parent row, or out of an object of the row itself, so that they can be its key.")
          .Example("{order_id: parent.id, customer_id: customer.id}"),
      Bool("replace_children")
          .OnlyFor("rest")
          .Default("false")
          .Doc("The rows that a parent row gives replace all it had before, also if it gives none or is deleted."),
  };
}

std::vector<Field> MeaningFields() {
  return {
      OneOf("primary_key", {Text(""), List("", Text("")).AtLeast(1)})
          .Doc("Path or paths that identify a row.")
          .Example("id"),
      Object("incremental", IncrementalType())
          .OnlyFor("rest")
          .Doc("Reads only what changed.")
          .Example("{cursor: updated_at, param: since}"),
      Enum("write_disposition", {{"append", "rows are added"},
                                 {"replace", "rows replace the table"},
                                 {"merge", "rows replace those of equal key"}})
          .Doc("Default: merge with a key; replace without key and incremental; append without key, with incremental.")
          .Foreign({{"upsert", "write `merge`"},
                    {"overwrite", "write `replace`"},
                    {"truncate", "write `replace`"},
                    {"full_refresh", "write `replace`"},
                    {"full-refresh", "write `replace`"},
                    {"full_refresh_overwrite", "write `replace`"},
                    {"full_refresh_append", "write `append` and remove `incremental`"},
                    {"incremental", "write `merge` with `primary_key`, else `append`, and `incremental: {cursor: …}`"},
                    {"incremental_append", "write `append` and `incremental: {cursor: …}`"},
                    {"incremental_append_dedup", "write `merge`, `primary_key` and `incremental: {cursor: …}`"},
                    {"append_dedup", "write `merge` and `primary_key`"},
                    {"scd2", "write `merge` and `merge_strategy: scd2`"}}),
      Expression("delete_when")
          .OnlyFor("rest")
          .Doc("true deletes the row's key; false, null and a missing field do not; anything else is an error.")
          .Example("{{ record.deleted }}"),
      Map("columns", Object("", ColumnType()))
          .Doc("Source path to what is known of the column.")
          .Example("{email: {pii: email}}"),
      OneOf("schema_contract", {Enum("", Contracts()), Object("", ContractObject())})
          .Default("evolve")
          .Doc("What happens when data does not fit the table."),
      Enum("on_error", {{"fail", "the table fails"}, {"quarantine", "the record goes to quarantine"}})
          .Default("fail")
          .Doc("What happens to a record that cannot be read.")
          .Foreign({{"skip", "write `quarantine`; rows are never dropped without a trace"},
                    {"ignore", "write `quarantine`; rows are never dropped without a trace"}}),
      Bool("allow_empty").Default("false").Doc("A replace may publish no rows over a table that has some."),
  };
}

std::vector<Field> WriteFields() {
  return {
      List("partition_by", Text(""))
          .Doc("Iceberg partition fields; an existing table is partitioned so from its next commit on, and [] ends its "
               "partitioning.")
          .Example("[day(created_at)]"),
      Enum("system_columns", SystemColumnSets())
          .Doc("Which columns every row gains; default: the pipeline's.")
          .Example("dlt"),
      OneOf("raw", {Enum("", RawModes()), Object("", RawObject())})
          .Doc("Default: archive for merge and replace, else off.")
          .Example("archive"),
      Int("batch_rows").Range(1, 1'000'000).Default("65536").Doc("Rows per batch."),
      Int("file_max_rows").AtLeast(1).Doc("Rows per data file."),
      Size("file_max_bytes").Range(1, int64_t{64} << 30).Default("128MiB").Doc("Target size of a data file."),
      Size("commit_bytes")
          .AtLeast(1)
          .Default("256MiB")
          .Doc("A stable table commits after so much of the source. Unless written here, up to 16 times as much while "
               "files would be below half of file_max_bytes."),
      Duration("commit_interval")
          .Range(100, 7 * kDayMs)
          .Default("1m")
          .Doc("A stable table commits at least this often."),
      Int("format_version")
          .Range(2, 3)
          .Doc("Iceberg format version. Default: 2 for a new table, else the table's. 3 upgrades a table for good.")
          .Example("3"),
      List("engines", Enum("", EngineValues()))
          .AtLeast(1)
          .Doc("Who must be able to read the table; derives `format_version`, or says that no table will do.")
          .Example("[snowflake, athena]"),
      Enum("publish", {{"direct", "each commit is on main"},
                       {"audit", "loads go to the branch firn_audit, which becomes main when all checks passed"}})
          .Default("direct")
          .Doc("When readers see what was loaded."),
      List("checks", Object("", CheckType()))
          .Doc("What must hold after a load.")
          .Example("[{not_null: id}, {row_count: {min: 1}}]"),
      Text("groups").Unbuilt().Doc("a parent and its children form a commit group by themselves"),
  };
}

std::vector<ForeignWord> TableForeign() {
  return {{"endpoint", "write `path:`"},
          {"location", "write `location:` in the source of files, and `path:` here for the files below it"},
          {"files", "write `path:`, one pattern or a list"},
          {"glob", "write `path:`"},
          {"file", "write `path:`"},
          {"url_path", "write `path:`"},
          {"url", "write `path:`, joined to the source's base_url"},
          {"data_selector", "write `records:`"},
          {"record_selector", "write `records: <path>`"},
          {"extractor", "write `records: <path>`"},
          {"field_path", "write `records: <path>`"},
          {"paginator", "write `paginate:`"},
          {"cursor_field", "write `incremental: {cursor: …}`"},
          {"cursor_path", "write `incremental: {cursor: …}`"},
          {"replication_key", "write `incremental: {cursor: …}`"},
          {"update_key", "write `incremental: {cursor: …}`"},
          {"incremental_sync", "write `incremental: {cursor: …}`"},
          {"initial_value", "write `incremental: {start: …}`"},
          {"start_date", "write `incremental: {start: …}`"},
          {"sync_mode",
           "write `write_disposition: replace` for full refresh, `incremental: {cursor: <path>}` for incremental"},
          {"destination_sync_mode", "write `write_disposition`: overwrite is `replace`, append_dedup is `merge`"},
          {"replication_method",
           "write `write_disposition: replace` for FULL_TABLE, `incremental: {cursor: <path>}` for INCREMENTAL"},
          {"full_refresh_overwrite", "write `write_disposition: replace`"},
          {"mode", "write `write_disposition`, one of append, replace, merge"},
          {"disposition", "write `write_disposition:`"},
          {"primary_keys", "write `primary_key:`, one path or a list"},
          {"unique_key", "write `primary_key:`"},
          {"key_properties", "write `primary_key:`"},
          {"query", "write `params:`"},
          {"query_params", "write `params:`"},
          {"request_parameters", "write `params:`"},
          {"request_headers", "write `headers:`"},
          {"json", "write `body:`"},
          {"request_body_json", "write `body:`"},
          {"http_method", "write `method:`"},
          {"include_from_parent", "write `include: {<column>: parent.<path>}`"},
          {"partition_router", "write `parent:` for child requests, `partitions:` for a list of values"},
          {"schema", "write `columns:`"},
          {"quality", "write `checks:`"},
          {"order_by", "write `sort_by:`"},
          {"sort_order", "write `sort_by:`"},
          {"cluster_by", "write `sort_by:`; `zorder(a, b)` orders by several columns alike"},
          {"zorder", "write `sort_by: zorder(a, b)`"},
          {"compaction", "write `maintenance:`"},
          {"target_file_size", "write `file_max_bytes:`, or `maintenance: {target_file_size: …}` for compaction alone"},
          {"notify", "write `on: {failure: {webhook: …}}`"},
          {"alerts", "write `on: {failure: {webhook: …}}`"},
          {"tests", "write `checks:`"},
          {"expectations", "write `checks:`"},
          {"namespace", "write `dataset:` in the pipeline"},
          {"target", "the table's key is its name; the namespace is `dataset` of the pipeline"},
          {"table_name", "the table's key is its name"},
          {"name", "the table's key is its name"},
          {"streams", "write each as a table of its own"},
          {"resources", "write each as a table of its own"}};
}

}  // namespace

std::vector<EnumValue> SystemColumnSets() {
  return {{"firn", "_firn_loaded_at and _firn_run_id"},
          {"dlt", "_dlt_load_id and _dlt_id"},
          {"airbyte", "_airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta and _airbyte_generation_id"}};
}

ObjectTypePtr IncrementalType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "incremental",
      .doc = "Reads only what changed: inclusive, boundary rows removed by key, else by row hash.",
      .fields = {Text("cursor").Required().Doc("Path of the value that grows.").Example("updated_at"),
                 Text("param").Doc("Query parameter of the lower bound.").Example("since"),
                 Text("end_param").Doc("Query parameter of the upper bound.").Example("until"),
                 Text("format")
                     .Default("iso")
                     .Doc("iso, epoch_s, epoch_ms or a strftime pattern, of sent bounds and values; values like "
                          "`/Date(1518685950940+0000)/` are times with any of them.")
                     .Example("%Y-%m-%d"),
                 Timezone("timezone")
                     .Default("UTC")
                     .Doc("Of values without an offset: a name like Europe/Berlin, or an offset."),
                 Text("start").Doc("First lower bound.").Example("2024-01-01"),
                 Duration("step").Range(1'000, 36'500 * kDayMs).Doc("Length of one request window.").Example("7d"),
                 Duration("lookback")
                     .Range(0, 36'500 * kDayMs)
                     .Default("0")
                     .Doc("Read again before the last value.")
                     .Example("1h"),
                 Duration("lag")
                     .Range(0, 36'500 * kDayMs)
                     .Default("0")
                     .Doc("Rows from now minus this on are left for a later run; also sent as the upper bound."),
                 Enum("order", {{"unordered", ""}, {"asc", "rows come by cursor"}})
                     .Default("unordered")
                     .Doc("In which order the source returns rows.")
                     .Foreign(
                         {{"desc", "write `unordered`"}, {"none", "write `unordered`"}, {"ascending", "write `asc`"}})},
      .foreign = {{"cursor_field", "write `cursor:`"},
                  {"cursor_path", "write `cursor:`"},
                  {"initial_value", "write `start:`"},
                  {"start_value", "write `start:`"},
                  {"start_date", "write `start:`"},
                  {"start_datetime", "write `start:`"},
                  {"start_param", "write `param:`"},
                  {"end_datetime", "write `lag:`; the end is now minus lag"},
                  {"end_value", "use `firn run --to` for one run"},
                  {"datetime_format", "write `format:`"},
                  {"lookback_window", "write `lookback:`"},
                  {"row_order", "write `order:`"}}});
  return type;
}

ObjectTypePtr ColumnType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "column",
      .doc = "What is known of a column. Its key is the source path.",
      .fields =
          {Text("type").Doc("Iceberg type, json or map; default: inferred.").Example("decimal(12,2)"),
           Text("format")
               .Doc("Of dates and times: iso, epoch_s, epoch_ms, dotnet (`/Date(1518685950940+0000)/`) or a strftime "
                    "pattern; of "
                    "binary and fixed: base64 (default) or hex.")
               .Example("%d.%m.%Y"),
           Timezone("timezone")
               .Doc("Of times without an offset; of an hour that comes twice the earlier, an hour that is skipped does "
                    "not fit.")
               .Example("Europe/Berlin"),
           Enum("pii", {{"email", ""},
                        {"phone", ""},
                        {"name", ""},
                        {"address", ""},
                        {"ip", ""},
                        {"id", ""},
                        {"card", ""},
                        {"iban", ""},
                        {"birth_date", ""},
                        {"location", ""},
                        {"health", ""},
                        {"credential", ""},
                        {"other", ""}})
               .Doc("Class of personal data."),
           Enum("mask_on_write", {{"redact", "a fixed text"},
                                  {"null", "no value"},
                                  {"sha256", "a hash"},
                                  {"hmac", "a hash keyed by mask_key"},
                                  {"ip", "the network part"}})
               .Doc("Irreversible; runs before anything else sees the value.")
               .Foreign({{"hash", "write `sha256`, or `hmac` with `mask_key:`"},
                         {"drop", "write `null`"},
                         {"nullify", "write `null`"}}),
           BloomFilterField(),
           Text("name").Doc("What the column is called in the table; an existing one is renamed.").Example("amount"),
           Text("renamed_from")
               .Doc("Source path that this key had before: its column goes on under the new name.")
               .Example("total"),
           Bool("drop").Doc("The key is not loaded, and the table's column is dropped."),
           Text("doc").Doc("What the column says to readers of the table."),
           Text("default")
               .Doc("Value of rows without the key, and of rows from before the column; format_version 3. A null stays "
                    "null.")
               .Example("EUR"),
           Text("mask").Unbuilt().Doc("query-time masks come later; `mask_on_write` is irreversible and works now")},
      .foreign = {{"data_type", "write `type:`"},
                  {"masking", "write `mask_on_write:`"},
                  {"primary_key", "write `primary_key:` in the table"},
                  {"nullable", "columns are optional; use `schema_contract` to refuse rows"}}});
  return type;
}

ObjectTypePtr TableType() {
  static const auto type = [] {
    ObjectType table{.name = "table", .doc = "One table: what is requested, what it means, how it is written."};
    for (auto group : {RequestFields(), JobFields(), FilesFields(), ProcessFields(), MeaningFields(), MergeFields(),
                       WriteFields(), LayoutFields(), WatchFields()}) {
      for (Field& field : group) table.fields.push_back(std::move(field));
    }
    table.foreign = TableForeign();
    return std::make_shared<const ObjectType>(std::move(table));
  }();
  return type;
}

}  // namespace firn::config
