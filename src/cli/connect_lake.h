#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/lake_config.h"
#include "query/tables.h"

namespace firn::cli {

/// What an engine has to know of the lake.
struct ConnectLake {
  const config::LakeConfig& config;
  std::string uri;  // of a REST catalog; empty: none was named, and the lake has a catalog of its own
  std::vector<query::TableInfo> tables;

  bool authenticated() const {
    const auto& rest = config.catalog.rest;
    return !uri.empty() && (!rest.token.empty() || !rest.credential.empty());
  }
};

/// Levels joined with dots, as all these engines show them.
std::string NamespaceOf(const catalog::TableIdentifier& identifier);

/// The statements that make Snowflake see the lake: an external volume, a catalog integration (of a REST catalog behind
/// https, of Glue, else of metadata files) and the tables. What firn cannot know stands in angle brackets. Errors:
/// kConfig if a table is in no object store that Snowflake reads.
Result<std::string> SnowflakeText(const ConnectLake& lake);

/// The commands that make Athena see the lake: it reads what the Glue Data Catalog has. Errors: kConfig if the tables
/// are not in S3 of AWS.
Result<std::string> AthenaText(const ConnectLake& lake);

}  // namespace firn::cli
