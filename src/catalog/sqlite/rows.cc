#include "catalog/sqlite/rows.h"

#include <utility>

#include "base/failpoint.h"

namespace firn::catalog::sqlite {
namespace {

constexpr char kCreateTables[] =
    "CREATE TABLE IF NOT EXISTS iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT "
    "NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location "
    "VARCHAR(1000), iceberg_type VARCHAR(5), PRIMARY KEY (catalog_name, table_namespace, table_name))";
constexpr char kCreateNamespaces[] =
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL, namespace "
    "VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL, PRIMARY KEY "
    "(catalog_name, namespace, property_key))";

std::string Key(const TableIdentifier& identifier) {
  std::string key;
  for (const std::string& level : identifier.ns) key += (key.empty() ? "" : ".") + level;
  return key;
}

}  // namespace

Result<std::string> NamespaceKey(const std::vector<std::string>& ns) {
  std::string key;
  for (const std::string& level : ns) {
    if (level.empty() || level.find('.') != std::string::npos) {
      return MakeError(Fault::kConfig, "a namespace must not be empty or contain a dot: \"" + level + "\"");
    }
    key += (key.empty() ? "" : ".") + level;
  }
  if (key.empty()) return MakeError(Fault::kConfig, "a table needs a namespace");
  return key;
}

std::vector<std::string> NamespaceLevels(const std::string& key) {
  std::vector<std::string> levels;
  size_t begin = 0;
  while (true) {
    const size_t end = key.find('.', begin);
    levels.push_back(key.substr(begin, end - begin));
    if (end == std::string::npos) return levels;
    begin = end + 1;
  }
}

Status CreateLayout(Database& database) {
  ARROW_RETURN_NOT_OK(database.Update("BEGIN IMMEDIATE").status());
  for (const char* sql : {kCreateTables, kCreateNamespaces}) {
    const auto made = database.Update(sql);
    if (made.ok()) continue;
    static_cast<void>(database.Update("ROLLBACK"));  // the first error is the one to report
    return made.status();
  }
  return database.Update("COMMIT").status();
}

Result<CatalogRows> CatalogRows::Open(Database& database, std::string name) {
  bool known = false;
  bool has_type = false;
  ARROW_ASSIGN_OR_RAISE(const auto columns, database.Query("SELECT name FROM pragma_table_info('iceberg_tables')"));
  for (const Row& column : columns) {
    if (column[0] == "metadata_location") known = true;
    if (column[0] == "iceberg_type") has_type = true;
  }
  if (!known) return MakeError(Fault::kConfig, "the file is no Iceberg catalog: it has no table iceberg_tables");
  return CatalogRows(database, std::move(name), has_type);
}

Result<std::optional<std::string>> CatalogRows::MetadataLocation(const TableIdentifier& identifier) {
  const char* sql = has_type_
                        ? "SELECT metadata_location FROM iceberg_tables WHERE catalog_name=?1 AND "
                          "table_namespace=?2 AND table_name=?3 AND (iceberg_type='TABLE' OR iceberg_type IS NULL)"
                        : "SELECT metadata_location FROM iceberg_tables WHERE catalog_name=?1 AND "
                          "table_namespace=?2 AND table_name=?3";
  ARROW_ASSIGN_OR_RAISE(const auto rows, database_->Query(sql, {name_, Key(identifier), identifier.name}));
  if (rows.empty()) return std::nullopt;
  return rows[0][0];
}

Result<std::vector<std::string>> CatalogRows::Namespaces() {
  ARROW_ASSIGN_OR_RAISE(const auto rows,
                        database_->Query("SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name=?1 "
                                         "UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name=?1 "
                                         "ORDER BY 1",
                                         {name_}));
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

Result<bool> CatalogRows::NamespaceExists(const std::string& ns) {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      database_->Query("SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name=?1 AND namespace=?2 UNION SELECT "
                       "1 FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 LIMIT 1",
                       {name_, ns}));
  return !rows.empty();
}

Status CatalogRows::CreateNamespace(const std::string& ns) {
  return database_
      ->Update(
          "INSERT OR IGNORE INTO iceberg_namespace_properties (catalog_name, namespace, property_key, "
          "property_value) VALUES (?1, ?2, 'exists', 'true')",
          {name_, ns})
      .status();
}

Result<std::vector<std::string>> CatalogRows::Tables(const std::string& ns) {
  const char* sql =
      has_type_ ? "SELECT table_name FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 AND "
                  "(iceberg_type='TABLE' OR iceberg_type IS NULL) ORDER BY 1"
                : "SELECT table_name FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 ORDER BY 1";
  ARROW_ASSIGN_OR_RAISE(const auto rows, database_->Query(sql, {name_, ns}));
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

Result<bool> CatalogRows::Drop(const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const auto location, MetadataLocation(identifier));  // never a view
  if (!location) return false;
  ARROW_ASSIGN_OR_RAISE(const int changed,
                        database_->Update("DELETE FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 AND "
                                          "table_name=?3",
                                          {name_, Key(identifier), identifier.name}));
  return changed == 1;
}

Result<bool> CatalogRows::Rename(const TableIdentifier& from, const TableIdentifier& to) {
  ARROW_ASSIGN_OR_RAISE(const int changed,
                        database_->Update("UPDATE iceberg_tables SET table_namespace=?4, table_name=?5 WHERE "
                                          "catalog_name=?1 AND table_namespace=?2 AND table_name=?3",
                                          {name_, Key(from), from.name, Key(to), to.name}));
  return changed == 1;
}

Status CatalogRows::SwapOne(const Swap& swap) {
  const std::string ns = Key(swap.identifier);
  const std::string& table = swap.identifier.name;
  if (!swap.before) {
    const char* sql = has_type_ ? "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
                                  "metadata_location, iceberg_type) VALUES (?1, ?2, ?3, ?4, 'TABLE')"
                                : "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
                                  "metadata_location) VALUES (?1, ?2, ?3, ?4)";
    return database_->Update(sql, {name_, ns, table, swap.after}).status();
  }
  ARROW_ASSIGN_OR_RAISE(
      const int changed,
      database_->Update("UPDATE iceberg_tables SET metadata_location=?4, previous_metadata_location=?5 WHERE "
                        "catalog_name=?1 AND table_namespace=?2 AND table_name=?3 AND metadata_location=?5",
                        {name_, ns, table, swap.after, *swap.before}));
  if (changed == 1) return Status::OK();
  return MakeError(Fault::kConflict, "metadata of " + swap.identifier.ToString() + " has changed");
}

SwapOutcome CatalogRows::SwapAll(const std::vector<Swap>& swaps, std::string& reason) {
  const auto not_committed = [&](const Status& status) {
    reason = status.message();
    static_cast<void>(database_->Update("ROLLBACK"));  // fails if no transaction is open; nothing was committed anyway
    return SwapOutcome::kNotCommitted;
  };
  const auto begun = database_->Update("BEGIN IMMEDIATE");
  if (!begun.ok()) return not_committed(begun.status());
  for (const Swap& swap : swaps) {
    const Status swapped = SwapOne(swap);
    if (!swapped.ok()) return not_committed(swapped);
  }
  const Status before_commit = failpoint::Hit("catalog.before_swap");
  if (!before_commit.ok()) return not_committed(before_commit);
  const auto committed = database_->Update("COMMIT");
  if (committed.ok()) return SwapOutcome::kCommitted;
  reason = committed.status().message();
  return SwapOutcome::kUnknown;
}

// Rewrites rows as they are: an empty transaction would put nothing into the log.
Status CatalogRows::Touch() {
  ARROW_RETURN_NOT_OK(
      database_
          ->Update("UPDATE iceberg_namespace_properties SET property_value=property_value WHERE catalog_name=?1",
                   {name_})
          .status());
  return database_->Update("UPDATE iceberg_tables SET table_name=table_name WHERE catalog_name=?1", {name_}).status();
}

SwapOutcome CatalogRows::Settle(const std::vector<Swap>& swaps, std::string& reason) {
  size_t num_after = 0;
  size_t num_before = 0;
  for (const Swap& swap : swaps) {
    const auto location = MetadataLocation(swap.identifier);
    if (!location.ok()) return SwapOutcome::kUnknown;
    if (*location == swap.after) ++num_after;
    if (*location == swap.before) ++num_before;
  }
  if (num_after != swaps.size() && num_before != swaps.size()) {
    reason += "; the rows have changed since";
    return SwapOutcome::kUnknown;
  }
  // Also where the swap is visible: only a transaction synced after it makes it durable for certain.
  const auto begun = database_->Update("BEGIN IMMEDIATE");
  if (!begun.ok()) return SwapOutcome::kUnknown;
  const auto touched = Touch();
  if (!touched.ok() || !database_->Update("COMMIT").ok()) {
    static_cast<void>(database_->Update("ROLLBACK"));
    return SwapOutcome::kUnknown;
  }
  return num_after == swaps.size() ? SwapOutcome::kCommitted : SwapOutcome::kNotCommitted;
}

}  // namespace firn::catalog::sqlite
