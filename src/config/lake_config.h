#pragma once

#include <cstdint>
#include <optional>
#include <string>

/// Where tables live. Plain data; defaults are those of the descriptors in lake_fields.cc.
namespace firn::config {

enum class CatalogType { kSqlite };  // others are refused: not in this build

struct CatalogConfig {
  CatalogType type = CatalogType::kSqlite;
  std::string name = "firn";  // catalog_name in the JDBC layout
  std::string path;           // kSqlite: absolute path of the database file; default <warehouse>/catalog.db
};

struct LakeConfig {
  std::string warehouse;  // absolute local path, no trailing slash
  CatalogConfig catalog;
};

/// What one run may use. From `limits:`.
struct LimitsConfig {
  std::optional<int64_t> max_rows;      // per table and run; reading stops there
  std::optional<int64_t> memory_bytes;  // ceiling of the memory budget; nullopt: chosen at start from the machine
  std::optional<int64_t> max_leaves;    // columns of one table, nested leaves included; default 10,000
};

}  // namespace firn::config
