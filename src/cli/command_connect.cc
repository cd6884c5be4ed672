#include "cli/app.h"
#include "cli/commands.h"
#include "cli/connect_lake.h"
#include "query/sql_text.h"
#include "query/tables.h"

namespace firn::cli {
namespace {

constexpr char kServed[] = "http://127.0.0.1:8181";

using Lake = ConnectLake;

// A REST catalog that is asked for, or the one `firn catalog serve` would be.
std::string UriOrServed(const Lake& lake) {
  return lake.uri.empty() ? kServed : lake.uri;
}

std::string ServeFirst(const Lake& lake, const char* comment) {
  return lake.uri.empty() ? std::string(comment) + " first: firn catalog serve\n" : "";
}

// A text of Python; JSON's escapes are Python's.
std::string PythonText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string AnyTable(const Lake& lake, const char* otherwise = "dataset.table") {
  return lake.tables.empty() ? otherwise : lake.tables.front().identifier.ToString();
}

Result<std::string> PyIceberg(const Lake& lake) {
  std::string out = "from pyiceberg.catalog import load_catalog\n\n";
  if (lake.uri.empty()) {
    out += "lake = load_catalog(" + PythonText(lake.config.catalog.name) +
           ", type=\"sql\", uri=" + PythonText("sqlite:///" + lake.config.catalog.path) +
           ", warehouse=" + PythonText("file://" + lake.config.warehouse) + ")\n";
  } else {
    const auto& rest = lake.config.catalog.rest;
    out = (lake.authenticated() ? "import os\n" : "") + out +
          "lake = load_catalog(\"lake\", type=\"rest\", uri=" + PythonText(lake.uri);
    if (!rest.warehouse.empty()) out += ", warehouse=" + PythonText(rest.warehouse);
    if (lake.authenticated()) out += ", token=os.environ[\"FIRN_CATALOG_TOKEN\"]";
    out += ")\n";
  }
  return out + "print(lake.load_table(" + PythonText(AnyTable(lake)) + ").scan(limit=10).to_arrow())\n";
}

Result<std::string> DuckDb(const Lake& lake) {
  std::string out = "INSTALL iceberg;\nLOAD iceberg;\n";
  if (!lake.uri.empty()) {
    const std::string how = lake.authenticated() ? "TOKEN getenv('FIRN_CATALOG_TOKEN')" : "AUTHORIZATION_TYPE 'none'";
    return out + "ATTACH " + query::QuoteText(lake.config.catalog.rest.warehouse) +
           " AS lake (TYPE iceberg, ENDPOINT " + query::QuoteText(lake.uri) + ", " + how + ");\n" +
           "SELECT count(*) FROM lake." + AnyTable(lake) + ";\n";
  }
  out +=
      "-- The tables as they are now. Tables that follow every load: `firn catalog serve`, then\n"
      "-- `firn connect duckdb --uri " +
      std::string(kServed) + "`.\n";
  std::string schema;
  for (const auto& table : lake.tables) {
    if (!table.error.ok()) continue;
    const std::string ns = query::QuoteName(NamespaceOf(table.identifier));
    if (ns != schema) out += "CREATE SCHEMA IF NOT EXISTS " + ns + ";\n";
    schema = ns;
    out += "CREATE OR REPLACE VIEW " + ns + "." + query::QuoteName(table.identifier.name) +
           " AS SELECT * FROM iceberg_scan(" + query::QuoteText(table.metadata_location) + ");\n";
  }
  return out;
}

Result<std::string> Spark(const Lake& lake) {
  const std::string conf = " \\\n  --conf spark.sql.catalog.lake";
  std::string out = ServeFirst(lake, "#") +
                    "spark-sql --packages org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.10.1 \\\n"
                    "  --conf spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions" +
                    conf + "=org.apache.iceberg.spark.SparkCatalog" + conf + ".type=rest" + conf +
                    ".uri=" + UriOrServed(lake);
  if (!lake.config.catalog.rest.warehouse.empty()) out += conf + ".warehouse=" + lake.config.catalog.rest.warehouse;
  if (lake.authenticated()) out += conf + ".token=\"$FIRN_CATALOG_TOKEN\"";
  return out + "\n";
}

Result<std::string> Trino(const Lake& lake) {
  std::string out = ServeFirst(lake, "#") +
                    "# etc/catalog/lake.properties\nconnector.name=iceberg\niceberg.catalog.type=rest\n"
                    "iceberg.rest-catalog.uri=" +
                    UriOrServed(lake) + "\n";
  if (!lake.config.catalog.rest.warehouse.empty()) {
    out += "iceberg.rest-catalog.warehouse=" + lake.config.catalog.rest.warehouse + "\n";
  }
  if (lake.authenticated()) {
    out += "iceberg.rest-catalog.security=OAUTH2\niceberg.rest-catalog.oauth2.token=${ENV:FIRN_CATALOG_TOKEN}\n";
  }
  if (lake.config.warehouse.starts_with('/')) out += "fs.native-local.enabled=true\nlocal.location=/\n";
  return out;
}

Result<std::string> Polars(const Lake& lake) {
  std::string out = "import polars\n\n# The tables as they are now.\n";
  for (const auto& table : lake.tables) {
    if (!table.error.ok()) continue;
    out += "print(polars.scan_iceberg(" + PythonText(table.metadata_location) + ").head(10).collect())\n";
  }
  return out;
}

struct Engine {
  const char* name;
  Result<std::string> (*text)(const Lake&);  // to be pasted into the engine
};
constexpr Engine kEngines[] = {{"athena", AthenaText},   {"duckdb", DuckDb},           {"polars", Polars},
                               {"pyiceberg", PyIceberg}, {"snowflake", SnowflakeText}, {"spark", Spark},
                               {"trino", Trino}};

Result<int> Connect(App& app, const Arguments& arguments) {
  const std::string name = arguments.Text("ENGINE");
  const Engine* engine = nullptr;
  for (const Engine& known : kEngines) {
    if (name == known.name) engine = &known;
  }
  if (engine == nullptr) {
    return MakeError(Fault::kConfig, "no text is known for the engine " + name,
                     {.why = "engines: athena, duckdb, polars, pyiceberg, snowflake, spark, trino",
                      .next = "firn catalog serve, and the engine's own way to an Iceberg REST catalog"});
  }
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  const config::LakeConfig& lake = project->lake;
  const std::string own = lake.catalog.type == config::CatalogType::kRest ? lake.catalog.rest.uri : "";
  Lake described{.config = lake, .uri = arguments.Text("--uri", own), .tables = {}};
  ARROW_ASSIGN_OR_RAISE(described.tables, query::ListTables(*catalog));
  ARROW_ASSIGN_OR_RAISE(const std::string text, engine->text(described));
  ARROW_RETURN_NOT_OK(app.Print(text));
  return 0;
}

}  // namespace

Command ConnectCommand() {
  return {.name = "connect",
          .reads_source = false,
          .reads_tables = true,
          .group = "Ask",
          .summary = "print the text that makes another engine see the lake",
          .options = {{.name = "ENGINE",
                       .kind = Option::Kind::kPositional,
                       .help = "athena, duckdb, polars, pyiceberg, snowflake, spark or trino",
                       .required = true},
                      {.name = "--uri", .help = "of an Iceberg REST catalog, such as `firn catalog serve` prints"}},
          .run = Connect};
}

}  // namespace firn::cli
