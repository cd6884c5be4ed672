#include "config/fields.h"
#include "config/lake_catalogs.h"
#include "config/rest_catalog.h"
#include "config/storage_config.h"
#include "config/watch_fields.h"

namespace firn::config {
namespace {

ObjectTypePtr CatalogObject() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "catalog",
                 .doc = "Where the tables of the lake are listed.",
                 .fields = {Text("name").Default("firn").Doc("Name of the catalog inside its database.")},
                 .tag = "type",
                 .tag_default = "sqlite",
                 .variants = {SqliteCatalogVariant(), PostgresCatalogVariant(), RestCatalogVariant(),
                              GlueCatalogVariant(), HadoopCatalogVariant()},
                 .foreign = {{"url", "write `uri:`; the sqlite catalog has `path:`"},
                             {"database", "write `path:`, or name it in the `uri:`"}}});
  return type;
}

std::vector<Field> SharedFields() {
  return {
      Object("lake", LakeType()).Doc("Where tables are kept."),
      Text("state")
          .Default(".firn")
          .Doc("Folder of run history, locks and caches, relative to the project. For machines that keep no disk: "
               "s3://bucket/prefix or file:///shared/folder, or `lake` for <warehouse>/_firn/state. An environment "
               "that does not name its own has environments/<name> in it.")
          .Example("./.firn")
          .Example("s3://bucket/firn-state")
          .Example("lake"),
      Object("limits", LimitsType()).Doc("What one run may use."),
      Text("mask_key")
          .Secret()
          .Doc("Secret of `mask_on_write: hmac`; one for the project, so that equal values stay equal.")
          .Example("${env:FIRN_MASK_KEY}"),
      Text("dataset_prefix").Doc("Put before the dataset of every pipeline.").Example("dev_${env:USER}_"),
      Text("schedule")
          .Doc("Schedule of pipelines without one; inside an environment, of all pipelines.")
          .Example("off"),
      Enum("naming", {{"source", "exactly the source's names"},
                      {"snake_case", "OrderID is order_id"},
                      {"lower", "OrderID is orderid"}})
          .Default("source")
          .Doc("How column names are made from the source's names."),
      AlertsField(),
      Map("pipelines", Object("", PipelineType())).Doc("Name to pipeline: a source and the tables read from it."),
  };
}

std::vector<ForeignWord> RootForeign() {
  const std::string tables = "write `pipelines: {<name>: {source: {}, tables: {<name>: {}}}}`";
  return {{"streams", tables},
          {"resources", tables},
          {"sources", tables},
          {"source", "write `pipelines: {<name>: {source: {type: rest}}}`"},
          {"tables", tables},
          {"pipeline", "write `pipelines`, a mapping from name to pipeline"},
          {"target", "write `lake: {warehouse: <folder>}`"},
          {"destination", "write `lake: {warehouse: <folder>}`"},
          {"warehouse", "write `lake: {warehouse: …}`"},
          {"catalog", "write `lake: {catalog: {type: sqlite}}`"},
          {"namespace", "write `dataset:` in the pipeline"},
          {"profiles", "write `environments:`"},
          {"targets", "write `environments:`"},
          {"env", "write `environments:`, or put variables into a .env file"}};
}

}  // namespace

ObjectTypePtr LakeType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "lake",
      .doc = "The lake that all pipelines of the project write to.",
      .fields = {Text("warehouse")
                     .Default("./lake")
                     .Doc("Folder of the tables, relative to the project, or s3://bucket/prefix (gs://, abfss://).")
                     .Example("./lake")
                     .Example("s3://bucket/lake"),
                 Object("storage", StorageType()).Doc("How the object store of the warehouse is reached."),
                 Object("catalog", CatalogObject()).Doc("The list of tables.")},
      .foreign = {{"path", "write `warehouse:`"},
                  {"location", "write `warehouse:`"},
                  {"bucket", "write `warehouse: s3://<bucket>/<prefix>`"},
                  {"endpoint", "write `storage: {endpoint: …}`"},
                  {"uri", "write `catalog: {type: rest, uri: …}`"},
                  {"namespace", "write `dataset:` in the pipeline"}}});
  return type;
}

ObjectTypePtr LimitsType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "limits",
      .doc = "What one run may use.",
      .fields = {
          Int("max_rows").AtLeast(1).Doc("Rows read per table and run; reading stops there.").Example("1000"),
          Size("memory").AtLeast(64 << 20).Doc("Ceiling of memory. Default: chosen from the machine.").Example("1GiB"),
          Int("max_leaves").Range(1, 100'000).Default("10000").Doc("Columns of one table, nested ones included.")}});
  return type;
}

ObjectTypePtr PipelineType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "pipeline",
      .doc = "One source and the tables read from it.",
      .fields =
          {Object("source", SourceType())
               .Required()
               .Doc("What to read from.")
               .Example("{type: rest, base_url: https://…}"),
           Text("dataset").Doc("Namespace of the tables in the lake. Default: the pipeline's name.").Example("shop"),
           Text("schedule")
               .Doc("`every 15m`, a cron line, or off: what `firn generate` gives to a scheduler. firn itself has no "
                    "clock.")
               .Example("every 15m"),
           Enum("naming", {{"source", "exactly the source's names"},
                           {"snake_case", "OrderID is order_id"},
                           {"lower", "OrderID is orderid"}})
               .Doc("How column names are made; default: the project's."),
           Enum("system_columns", SystemColumnSets())
               .Default("firn")
               .Doc("Which columns every row gains: firn's, or those of a program whose tables were adopted."),
           Enum("tuning", {{"on", ""}, {"off", ""}})
               .Default("on")
               .Doc("Halve a page size whose requests get no answer, and a concurrency that is answered 429, from run "
                    "to "
                    "run, and go back when it is borne; never above what is written."),
           AlertsField(),
           OneOf("tags", {Text(""), List("", Text(""))})
               .Doc("Words that `--select tag:<word>` selects by; a pipeline's hold for all its tables.")
               .Example("[daily, finance]"),
           Map("tables", Object("", TableType()))
               .Required()
               .Doc("Name to table.")
               .Example("{orders: {path: /orders}}")},
      .foreign = {{"streams", "write `tables:`, a mapping from name to table"},
                  {"resources", "write `tables:`, a mapping from name to table"},
                  {"namespace", "write `dataset:`"},
                  {"schema", "write `dataset:`"},
                  {"dataset_name", "write `dataset:`"},
                  {"target", "write `lake: {warehouse: <folder>}` at the top of the project"},
                  {"destination", "write `lake: {warehouse: <folder>}` at the top of the project"},
                  {"cron", "write `schedule: \"…\"`"},
                  {"client", "write `source: {type: rest, base_url: …, auth: …}`"},
                  {"sync_mode", "write `write_disposition` and `incremental` in each table"},
                  {"write_disposition", "write it in each table"}}});
  return type;
}

const ObjectType& EnvironmentType() {
  static const ObjectType type{
      .name = "environment",
      .doc = "What is different in one environment; merged over the project, null removes a key.",
      .fields = SharedFields(),
      .foreign = RootForeign()};
  return type;
}

const ObjectType& ProjectType() {
  static const ObjectType type = [] {
    ObjectType project{
        .name = "project",
        .doc =
            "A firn project: `firn.yaml` and the other YAML files of its folder that have keys of a project; they "
            "are merged.",
        .fields = {Int("version").AtLeast(1).Default("1").Doc("Version of this format.")},
        .foreign = RootForeign()};
    for (Field& field : SharedFields()) project.fields.push_back(std::move(field));
    auto environment = std::make_shared<const ObjectType>(EnvironmentType());
    project.fields.push_back(Map("environments", Object("", std::move(environment)))
                                 .Doc("Name to overrides, chosen by --env, FIRN_ENV or ENVIRONMENT."));
    return project;
  }();
  return type;
}

const ObjectType& FlatType() {
  static const ObjectType type{
      .name = "flat project",
      .doc = "One table as a flat JSON object.",
      .fields = {
          Text("pipeline_name").Required().Doc("Name of the pipeline.").Example("shop"),
          Text("dataset_name").Required().Doc("Namespace of the table in the lake.").Example("shop"),
          Text("table_name")
              .Required()
              .Doc("Name of the table; also the request path, unless `path` says another.")
              .Example("orders"),
          Url("base_url").Required().Doc("URL that paths are joined to.").Example("https://api.shop.example"),
          Text("bearer_token")
              .Secret()
              .Doc("Token of `Authorization: Bearer`. Empty: no authentication.")
              .Example("${env:SHOP_TOKEN}"),
          Text("path").Doc("Request path instead of the table's name.").Example("/v1/orders"),
          Enum("write_disposition", {{"append", ""}, {"replace", ""}, {"merge", ""}})
              .Foreign(
                  {{"upsert", "write `merge`"}, {"overwrite", "write `replace`"}, {"full_refresh", "write `replace`"}})
              .Doc("How rows reach the table."),
          OneOf("primary_key", {Text(""), List("", Text("")).AtLeast(1)}).Doc("One path or a list of paths."),
          Int("buffer_max_items").Range(1, 1'000'000).Default("65536").Doc("Rows per batch."),
          Int("file_max_items").AtLeast(1).Doc("Rows per data file."),
          Size("file_max_bytes").AtLeast(1).Default("128MiB").Doc("Target size of a data file.")}};
  return type;
}

}  // namespace firn::config
