#include "catalog/jdbc_rows.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"

namespace firn::catalog {
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

Status CreateJdbcLayout(SqlConnection& connection) {
  ARROW_RETURN_NOT_OK(connection.Begin(SqlConnection::Purpose::kLayout));
  for (const char* sql : {kCreateTables, kCreateNamespaces}) {
    const auto made = connection.Update(sql);
    if (made.ok()) continue;
    connection.Rollback();
    return made.status();
  }
  bool in_doubt = false;
  return connection.Commit(&in_doubt);  // in doubt or not: the layout is looked for after this
}

Result<JdbcRows> JdbcRows::Open(SqlConnection& connection, std::string name) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, connection.Columns("iceberg_tables"));
  const auto has = [&](const char* column) { return std::ranges::find(columns, column) != columns.end(); };
  if (!has("metadata_location")) {
    return MakeError(Fault::kConfig, "this is no Iceberg catalog: there is no table iceberg_tables");
  }
  return JdbcRows(connection, std::move(name), has("iceberg_type"));
}

Result<std::optional<std::string>> JdbcRows::MetadataLocation(const TableIdentifier& identifier) {
  const char* sql = has_type_
                        ? "SELECT metadata_location FROM iceberg_tables WHERE catalog_name=?1 AND "
                          "table_namespace=?2 AND table_name=?3 AND (iceberg_type='TABLE' OR iceberg_type IS NULL)"
                        : "SELECT metadata_location FROM iceberg_tables WHERE catalog_name=?1 AND "
                          "table_namespace=?2 AND table_name=?3";
  ARROW_ASSIGN_OR_RAISE(const auto rows, connection_->Query(sql, {name_, Key(identifier), identifier.name}));
  if (rows.empty()) return std::nullopt;
  return rows[0][0];
}

Result<std::vector<std::string>> JdbcRows::Namespaces() {
  ARROW_ASSIGN_OR_RAISE(const auto rows,
                        connection_->Query("SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name=?1 "
                                           "UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name=?1",
                                           {name_}));
  std::vector<std::string> names;
  for (const SqlRow& row : rows) names.push_back(row[0].value_or(""));
  std::ranges::sort(names);  // the database may have an order of its own
  return names;
}

Result<bool> JdbcRows::NamespaceExists(const std::string& ns) {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      connection_->Query(
          "SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name=?1 AND namespace=?2 UNION SELECT "
          "1 FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 LIMIT 1",
          {name_, ns}));
  return !rows.empty();
}

Status JdbcRows::CreateNamespace(const std::string& ns) {
  return connection_
      ->Update(
          "INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) VALUES "
          "(?1, ?2, 'exists', 'true') ON CONFLICT DO NOTHING",
          {name_, ns})
      .status();
}

Result<std::vector<std::string>> JdbcRows::Tables(const std::string& ns) {
  const char* sql = has_type_
                        ? "SELECT table_name FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 AND "
                          "(iceberg_type='TABLE' OR iceberg_type IS NULL)"
                        : "SELECT table_name FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2";
  return Names(sql, ns);
}

Result<std::vector<std::string>> JdbcRows::Views(const std::string& ns) {
  if (!has_type_) return std::vector<std::string>();
  return Names(
      "SELECT table_name FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 AND iceberg_type='VIEW'", ns);
}

Result<std::vector<std::string>> JdbcRows::Names(const char* sql, const std::string& ns) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, connection_->Query(sql, {name_, ns}));
  std::vector<std::string> names;
  for (const SqlRow& row : rows) names.push_back(row[0].value_or(""));
  std::ranges::sort(names);  // the database may have an order of its own
  return names;
}

// Views share the names; none is ever dropped or renamed as a table.
Result<bool> JdbcRows::Drop(const TableIdentifier& identifier) {
  const char* sql = has_type_ ? "DELETE FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 AND "
                                "table_name=?3 AND (iceberg_type='TABLE' OR iceberg_type IS NULL)"
                              : "DELETE FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 AND "
                                "table_name=?3";
  ARROW_ASSIGN_OR_RAISE(const int changed, connection_->Update(sql, {name_, Key(identifier), identifier.name}));
  return changed == 1;
}

Result<bool> JdbcRows::Rename(const TableIdentifier& from, const TableIdentifier& to) {
  const char* sql = has_type_
                        ? "UPDATE iceberg_tables SET table_namespace=?4, table_name=?5 WHERE catalog_name=?1 AND "
                          "table_namespace=?2 AND table_name=?3 AND (iceberg_type='TABLE' OR iceberg_type IS NULL)"
                        : "UPDATE iceberg_tables SET table_namespace=?4, table_name=?5 WHERE catalog_name=?1 AND "
                          "table_namespace=?2 AND table_name=?3";
  ARROW_ASSIGN_OR_RAISE(const int changed, connection_->Update(sql, {name_, Key(from), from.name, Key(to), to.name}));
  return changed == 1;
}

Status JdbcRows::SwapOne(const Swap& swap) {
  const std::string ns = Key(swap.identifier);
  const std::string& table = swap.identifier.name;
  if (!swap.before) {
    const char* sql = has_type_ ? "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
                                  "metadata_location, iceberg_type) VALUES (?1, ?2, ?3, ?4, 'TABLE')"
                                : "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
                                  "metadata_location) VALUES (?1, ?2, ?3, ?4)";
    return connection_->Update(sql, {name_, ns, table, swap.after}).status();
  }
  ARROW_ASSIGN_OR_RAISE(
      const int changed,
      connection_->Update("UPDATE iceberg_tables SET metadata_location=?4, previous_metadata_location=?5 WHERE "
                          "catalog_name=?1 AND table_namespace=?2 AND table_name=?3 AND metadata_location=?5",
                          {name_, ns, table, swap.after, *swap.before}));
  if (changed == 1) return Status::OK();
  return MakeError(Fault::kConflict, "metadata of " + swap.identifier.ToString() + " has changed");
}

SwapOutcome JdbcRows::SwapAll(std::vector<Swap> swaps, std::string& reason) {
  // In one order, so that two commits of the same tables cannot wait for each other.
  std::ranges::sort(swaps, {}, &Swap::identifier);
  const auto not_committed = [&](const Status& status, SwapOutcome outcome) {
    reason = status.message();
    connection_->Rollback();
    return outcome;
  };
  const Status begun = connection_->Begin(SqlConnection::Purpose::kSwap);
  if (!begun.ok()) return not_committed(begun, SwapOutcome::kNotTried);
  for (const Swap& swap : swaps) {
    const Status swapped = SwapOne(swap);
    if (!swapped.ok()) return not_committed(swapped, SwapOutcome::kNotCommitted);
  }
  const Status before_commit = failpoint::Hit("catalog.before_swap");
  if (!before_commit.ok()) return not_committed(before_commit, SwapOutcome::kNotCommitted);
  bool in_doubt = false;
  const Status committed = connection_->Commit(&in_doubt);
  if (committed.ok()) return SwapOutcome::kCommitted;
  reason = committed.message();
  return in_doubt ? SwapOutcome::kUnknown : SwapOutcome::kNotCommitted;
}

SwapOutcome JdbcRows::Settle(const std::vector<Swap>& swaps, std::string& reason) {
  size_t num_after = 0;
  size_t num_before = 0;
  for (const Swap& swap : swaps) {
    const auto location = MetadataLocation(swap.identifier);
    if (!location.ok()) return SwapOutcome::kUnknown;
    if (*location == swap.after) ++num_after;
    if (*location == swap.before) ++num_before;
  }
  if (num_after == swaps.size()) return SwapOutcome::kCommitted;
  if (num_before == swaps.size()) return SwapOutcome::kNotCommitted;
  reason += "; the rows have changed since";
  return SwapOutcome::kUnknown;
}

Status JdbcSession::Start(bool create) {
  ARROW_RETURN_NOT_OK(Connection().status());
  if (create && !Rows().ok() && !lost()) ARROW_RETURN_NOT_OK(CreateJdbcLayout(*connection_));
  return Within(database_->Describe(), Rows().status());
}

Result<SqlConnection*> JdbcSession::Connection() {
  if (connection_ != nullptr && !connection_->usable()) Drop();
  if (connection_ == nullptr) {
    ARROW_ASSIGN_OR_RAISE(connection_, database_->Connect());
  }
  return connection_.get();
}

Result<JdbcRows*> JdbcSession::Rows() {
  ARROW_ASSIGN_OR_RAISE(SqlConnection * connection, Connection());
  if (!rows_) {
    ARROW_ASSIGN_OR_RAISE(rows_, JdbcRows::Open(*connection, name_));
  }
  return &*rows_;
}

void JdbcSession::Drop() {
  rows_.reset();
  connection_.reset();
}

SwapOutcome JdbcSession::SwapAll(const std::vector<Swap>& swaps, std::string& reason) {
  for (bool again = false;; again = true) {
    const auto rows = Rows();
    if (!rows.ok()) {
      reason = rows.status().message();
      return SwapOutcome::kNotCommitted;
    }
    const SwapOutcome outcome = (*rows)->SwapAll(swaps, reason);
    if (outcome == SwapOutcome::kUnknown) return LookAgain(swaps, reason);
    if (outcome != SwapOutcome::kNotTried) return outcome;
    // A connection that died while it was idle is noticed here: nothing was sent on it.
    if (again || !lost()) return SwapOutcome::kNotCommitted;
  }
}

SwapOutcome JdbcSession::LookAgain(const std::vector<Swap>& swaps, std::string& reason) {
  log::Warn("outcome of a catalog commit is unknown, looking", {{"reason", reason}});
  const std::string transaction = connection_->transaction();
  Drop();
  auto connection = Connection();
  if (!connection.ok()) return SwapOutcome::kUnknown;
  const Status certain = database_->MakeCertain(**connection, transaction, name_);
  if (!certain.ok()) {
    reason += "; " + certain.message();
    return SwapOutcome::kUnknown;
  }
  auto rows = Rows();
  return rows.ok() ? (*rows)->Settle(swaps, reason) : SwapOutcome::kUnknown;
}

}  // namespace firn::catalog
