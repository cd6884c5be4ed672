#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/object_settings.h"

/// Where tables live. Plain data; defaults are those of the descriptors in lake_fields.cc.
namespace firn::config {

enum class CatalogType { kSqlite, kRest, kPostgres, kGlue, kHadoop };

/// kRest. Empty texts: not given.
struct RestCatalogConfig {
  std::string uri;
  std::string warehouse;
  std::string prefix;
  std::string token;       // secret
  std::string credential;  // secret, "id:secret"
  std::string oauth2_server_uri;
  std::string scope = "catalog";
  std::string sigv4_region;
  std::string sigv4_service = "execute-api";
  bool vended_credentials = true;  // use those the server hands out, unless lake.storage has its own
};

/// kPostgres. Secret where they hold a password.
struct PostgresCatalogConfig {
  std::string uri;
  std::string password;
};

/// kGlue. Empty texts: not given.
struct GlueCatalogConfig {
  std::string region;
  std::string endpoint;
  std::string catalog_id;
};

/// What a served catalog hands to its clients for the files of a table.
struct VendConfig {
  enum class Kind { kNone, kStatic, kSts };
  Kind kind = Kind::kNone;
  std::string role_arn;
  int64_t lifetime_ms = 3'600'000;
};

struct CatalogConfig {
  CatalogType type = CatalogType::kSqlite;
  std::string name = "firn";  // catalog_name in the JDBC layout
  std::string path;           // kSqlite: absolute path of the database file; default <warehouse>/catalog.db, of an
                              // object store <state>/catalog.db
  RestCatalogConfig rest;
  PostgresCatalogConfig postgres;
  GlueCatalogConfig glue;
  VendConfig vend;  // kSqlite, kPostgres
};

struct LakeConfig {
  std::string warehouse;  // absolute local path or "s3://bucket/prefix" (gs://, abfss://); no trailing slash
  io::ObjectStoreSettings storage;
  CatalogConfig catalog;
};

/// What one run may use. From `limits:`.
struct LimitsConfig {
  std::optional<int64_t> max_rows;      // per table and run; reading stops there
  std::optional<int64_t> memory_bytes;  // ceiling of the memory budget; nullopt: chosen at start from the machine
  std::optional<int64_t> max_leaves;    // columns of one table, nested leaves included; default 10,000
};

}  // namespace firn::config
