#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/http_client.h"
#include "table/metadata/metadata.h"

/// Bodies of the Glue Data Catalog's JSON interface (AWS Glue Web API Reference, "Database API", "Table API"), as far
/// as Iceberg tables need them: a table's entry has the parameters table_type=ICEBERG, metadata_location and
/// previous_metadata_location, which Java, pyiceberg, Athena and Spark share. Pure.
namespace firn::catalog::glue {

/// An entry as Glue has it.
struct GlueTable {
  std::string name;
  std::string version_id;         // what an update must name
  std::string table_type;         // parameter, upper case: "ICEBERG"; empty: none
  std::string metadata_location;  // parameter
  std::string parameters;         // JSON object, all of them: an update keeps what others put there
  std::string description;
};

struct NamePage {
  std::vector<std::string> names;
  std::string next;  // empty: the last page
};

/// Errors of all three: kBadData.
Result<GlueTable> ParseTable(std::string_view body);
Result<NamePage> ParseDatabases(std::string_view body);
/// Names of Iceberg tables alone.
Result<NamePage> ParseTables(std::string_view body);

/// "ConcurrentModificationException" of an error's body, without the namespace before it; empty if it says none.
std::string ErrorType(const io::HttpResponse& response);
/// Who must act on an error of this type and status.
Status ErrorOf(const io::HttpResponse& response);

/// {"CatalogId"?, "DatabaseName", "TableInput": {…}} and with `replaces` VersionId and SkipArchive: of CreateTable and
/// UpdateTable. Columns are described in Hive's types for engines that list them; readers go by the metadata.
struct TableEntry {
  std::string catalog_id;
  std::string database;
  std::string name;
  std::string metadata_location;
  const table::TableMetadata& metadata;
  std::optional<GlueTable> replaces;  // UpdateTable
};
std::string WriteTableEntry(const TableEntry& entry);

/// Type of Hive for the column list: "decimal(12,2)", "struct<a:int,b:array<string>>".
std::string HiveType(const schema::Type& type);

}  // namespace firn::catalog::glue
