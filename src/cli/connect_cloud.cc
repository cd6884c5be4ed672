// What `firn connect` prints for engines of the cloud, which run elsewhere and reach object stores alone.
#include <algorithm>
#include <string_view>

#include "cli/connect_lake.h"
#include "query/sql_text.h"

namespace firn::cli {
namespace {

using query::QuoteName;
using query::QuoteText;

constexpr char kVolume[] = "firn_lake";
constexpr char kIntegration[] = "firn_lake";

/// Where a location lies: "s3://bucket/" of "s3://bucket/shop/orders/…".
std::string RootOf(const std::string& location) {
  const size_t scheme = location.find("://");
  if (scheme == std::string::npos) return "";
  const size_t slash = location.find('/', scheme + 3);
  return location.substr(0, slash == std::string::npos ? std::string::npos : slash) + "/";
}

Status CannotReach(std::string_view engine, const std::string& location, std::string_view reads) {
  const bool local = location.starts_with('/') || location.starts_with("file:");
  return MakeError(
      Fault::kConfig,
      std::string(engine) + " cannot reach " + (local ? "a lake in a local folder" : "the lake's object store"),
      {.why = "the files are at " + location + "; " + std::string(engine) + " reads " + std::string(reads),
       .state = "nothing was changed",
       .next =
           "write `lake: {warehouse: s3://<bucket>/<prefix>}`, or connect an engine that runs here: duckdb, polars, "
           "pyiceberg, spark, trino"});
}

/// The tables that can be read, and where all of them lie. Errors: kConfig if they are in more than one bucket.
struct CloudTables {
  std::string root;
  std::string example;  // a place where files of the lake are
  std::vector<const query::TableInfo*> tables;
};

Result<CloudTables> TablesOf(const ConnectLake& lake) {
  CloudTables found{.root = RootOf(lake.config.warehouse + "/"), .example = lake.config.warehouse, .tables = {}};
  for (const auto& table : lake.tables) {
    if (!table.error.ok()) continue;
    const std::string root = RootOf(table.metadata_location);
    if (!found.tables.empty() && root != found.root) {
      return MakeError(Fault::kConfig, "the lake's tables are in more than one place",
                       {.why = found.root + " and " + root,
                        .state = "nothing was changed",
                        .next = "connect each by a project whose warehouse is there"});
    }
    if (found.tables.empty()) found.example = table.metadata_location;
    found.root = root;
    found.tables.push_back(&table);
  }
  return found;
}

/// Of "abfss://container@account.dfs.core.windows.net/": "azure://account.blob.core.windows.net/container/".
std::string AzureBase(const std::string& root) {
  const size_t begin = root.find("://") + 3;
  const size_t at = root.find('@');
  if (at == std::string::npos) return root;
  const std::string host = root.substr(at + 1, root.size() - at - 2);
  const std::string account = host.substr(0, host.find('.'));
  return "azure://" + account + ".blob.core.windows.net/" + root.substr(begin, at - begin) + "/";
}

Result<std::string> SnowflakeVolume(const ConnectLake& lake, const CloudTables& found) {
  const std::string& root = found.root;
  const std::string& endpoint = lake.config.storage.endpoint;
  std::string where;
  if (root.starts_with("s3://") && endpoint.empty()) {
    const std::string& role = lake.config.storage.role_arn;
    where = "STORAGE_PROVIDER = 'S3' STORAGE_BASE_URL = " + QuoteText(root) + "\n    STORAGE_AWS_ROLE_ARN = " +
            QuoteText(role.empty() ? "<ARN of a role that Snowflake may assume and that reads the bucket>" : role);
  } else if (root.starts_with("s3://") && endpoint.starts_with("https://")) {
    where = "STORAGE_PROVIDER = 'S3COMPAT' STORAGE_BASE_URL = " + QuoteText("s3compat" + root.substr(2)) +
            "\n    STORAGE_ENDPOINT = " + QuoteText(endpoint.substr(std::string_view("https://").size())) +
            "\n    CREDENTIALS = (AWS_KEY_ID = '<access key>' AWS_SECRET_KEY = '<secret key>')";
  } else if (root.starts_with("gs://")) {
    where = "STORAGE_PROVIDER = 'GCS' STORAGE_BASE_URL = " + QuoteText("gcs" + root.substr(2));
  } else if (root.starts_with("abfs")) {
    where = "STORAGE_PROVIDER = 'AZURE' STORAGE_BASE_URL = " + QuoteText(AzureBase(root)) +
            "\n    AZURE_TENANT_ID = '<tenant>'";
  } else {
    const std::string location = root.starts_with("s3://") ? endpoint : found.example;
    return CannotReach("Snowflake", location, "S3, Google Cloud Storage and Azure, and S3-compatible stores by https");
  }
  return std::string("CREATE EXTERNAL VOLUME IF NOT EXISTS ") + kVolume + "\n  STORAGE_LOCATIONS = ((NAME = 'lake' " +
         where + "))\n  ALLOW_WRITES = FALSE;\n";
}

std::string SnowflakeAuthentication(const config::RestCatalogConfig& rest) {
  if (!rest.sigv4_region.empty()) {
    return "TYPE = SIGV4 SIGV4_IAM_ROLE = '<ARN of a role>' SIGV4_SIGNING_REGION = " + QuoteText(rest.sigv4_region);
  }
  if (rest.credential.empty()) return "TYPE = BEARER BEARER_TOKEN = '<token>'";
  const std::string token_uri =
      rest.oauth2_server_uri.empty() ? "" : " OAUTH_TOKEN_URI = " + QuoteText(rest.oauth2_server_uri);
  return "TYPE = OAUTH" + token_uri + " OAUTH_CLIENT_ID = '<id>' OAUTH_CLIENT_SECRET = '<secret>'\n    " +
         "OAUTH_ALLOWED_SCOPES = (" + QuoteText(rest.scope) + ")";
}

std::string SnowflakeIntegration(const ConnectLake& lake) {
  std::string out = std::string("CREATE CATALOG INTEGRATION IF NOT EXISTS ") + kIntegration + "\n  CATALOG_SOURCE = ";
  const config::CatalogConfig& catalog = lake.config.catalog;
  if (lake.uri.starts_with("https://")) {
    out += "ICEBERG_REST TABLE_FORMAT = ICEBERG\n  REST_CONFIG = (CATALOG_URI = " + QuoteText(lake.uri);
    if (!catalog.rest.prefix.empty()) out += " PREFIX = " + QuoteText(catalog.rest.prefix);
    if (!catalog.rest.warehouse.empty()) out += " WAREHOUSE = " + QuoteText(catalog.rest.warehouse);
    out += ")\n  REST_AUTHENTICATION = (" + SnowflakeAuthentication(catalog.rest) + ")";
  } else if (lake.uri.empty() && catalog.type == config::CatalogType::kGlue) {
    out += "GLUE TABLE_FORMAT = ICEBERG\n  GLUE_AWS_ROLE_ARN = '<ARN of a role that Snowflake may assume>'";
    out +=
        "\n  GLUE_CATALOG_ID = " + QuoteText(catalog.glue.catalog_id.empty() ? "<account>" : catalog.glue.catalog_id);
    if (!catalog.glue.region.empty()) out += " GLUE_REGION = " + QuoteText(catalog.glue.region);
  } else {
    out += "OBJECT_STORE TABLE_FORMAT = ICEBERG";
  }
  return out + "\n  ENABLED = TRUE;\n";
}

std::string SnowflakeTable(const query::TableInfo& table, const std::string& root, bool by_catalog) {
  const std::string ns = NamespaceOf(table.identifier);
  const std::string head = "CREATE ICEBERG TABLE IF NOT EXISTS " + QuoteName(ns) + "." +
                           QuoteName(table.identifier.name) + "\n  EXTERNAL_VOLUME = " + QuoteText(kVolume) +
                           " CATALOG = " + QuoteText(kIntegration) + "\n  ";
  if (!by_catalog)
    return head + "METADATA_FILE_PATH = " + QuoteText(table.metadata_location.substr(root.size())) + ";\n";
  return head + "CATALOG_NAMESPACE = " + QuoteText(ns) + " CATALOG_TABLE_NAME = " + QuoteText(table.identifier.name) +
         " AUTO_REFRESH = TRUE;\n";
}

bool IsAthenaName(const std::string& name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// Why Athena cannot read a table; empty: it can.
std::string AthenaRefuses(const query::TableInfo& table) {
  const auto& identifier = table.identifier;
  if (identifier.ns.size() > 1) return "a database of Glue has one level";
  if (!IsAthenaName(identifier.ns[0]) || !IsAthenaName(identifier.name)) {
    return "names in Athena are of lower-case letters, digits and _";
  }
  return table.format_version > 2
             ? "Athena reads format version 2, and the table is of version " + std::to_string(table.format_version)
             : "";
}

std::string GlueEntry(const query::TableInfo& table, const std::string& region) {
  const std::string& name = table.identifier.name;
  return "aws glue create-table" + region + " --database-name " + table.identifier.ns[0] +
         " --table-input '{\"Name\": \"" + name + "\", \"TableType\": \"EXTERNAL_TABLE\", \"PartitionKeys\": [], " +
         "\"Parameters\": {\"table_type\": \"ICEBERG\", \"metadata_location\": \"" + table.metadata_location +
         "\"}}'\n";
}

}  // namespace

std::string NamespaceOf(const catalog::TableIdentifier& identifier) {
  std::string out;
  for (const std::string& level : identifier.ns) out += (out.empty() ? "" : ".") + level;
  return out;
}

Result<std::string> SnowflakeText(const ConnectLake& lake) {
  ARROW_ASSIGN_OR_RAISE(const CloudTables found, TablesOf(lake));
  ARROW_ASSIGN_OR_RAISE(std::string out, SnowflakeVolume(lake, found));
  out += SnowflakeIntegration(lake);
  const bool glue = lake.uri.empty() && lake.config.catalog.type == config::CatalogType::kGlue;
  const bool by_catalog = glue || lake.uri.starts_with("https://");
  if (!by_catalog) {
    out +=
        "-- The tables as they are now; after a load: ALTER ICEBERG TABLE … REFRESH '<new metadata file>'. Tables "
        "that\n"
        "-- follow every load: a REST catalog that Snowflake reaches, firn connect snowflake --uri https://…\n";
  }
  std::string schema;
  for (const query::TableInfo* table : found.tables) {
    const std::string ns = QuoteName(NamespaceOf(table->identifier));
    if (ns != schema) out += "CREATE SCHEMA IF NOT EXISTS " + ns + ";\n";
    schema = ns;
    out += SnowflakeTable(*table, found.root, by_catalog);
  }
  return out;
}

Result<std::string> AthenaText(const ConnectLake& lake) {
  ARROW_ASSIGN_OR_RAISE(const CloudTables found, TablesOf(lake));
  const auto& storage = lake.config.storage;
  const bool glue = lake.uri.empty() && lake.config.catalog.type == config::CatalogType::kGlue;
  const bool amazon = storage.endpoint.empty() || storage.endpoint.find(".amazonaws.com") != std::string::npos;
  if (!found.root.starts_with("s3://") || !amazon) {
    const std::string location = amazon ? found.example : storage.endpoint;
    return CannotReach("Athena", location, "S3 of AWS");
  }
  const std::string region = storage.region.empty() ? "" : " --region " + storage.region;
  std::string commands, queries, database;
  for (const query::TableInfo* table : found.tables) {
    const std::string name = table->identifier.ToString();
    if (const std::string why = AthenaRefuses(*table); !why.empty()) {
      queries += "-- not " + name + ": " + why + "\n";
      continue;
    }
    if (!glue && table->identifier.ns[0] != database) {
      database = table->identifier.ns[0];
      commands += "aws glue create-database" + region + " --database-input Name=" + database + "\n";
    }
    if (!glue) commands += GlueEntry(*table, region);
    queries += "SELECT count(*) FROM \"AwsDataCatalog\".\"" + table->identifier.ns[0] + "\".\"" +
               table->identifier.name + "\";\n";
  }
  if (glue) return "-- Athena sees the tables of the Glue Data Catalog as they are.\n" + queries;
  return "# Athena reads what the Glue Data Catalog has: the tables as they are now. Tables that follow every load:\n"
         "# lake: {catalog: {type: glue}}.\n" +
         commands + "-- then, in Athena:\n" + queries;
}

}  // namespace firn::cli
