#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/thread_annotations.h"
#include "catalog/jdbc_catalog.h"
#include "catalog/jdbc_rows.h"

namespace firn::catalog {
namespace {

// The row that makes a namespace without properties exist (Java's JdbcCatalog). It is not shown as a property.
constexpr char kMarkerKey[] = "exists";
constexpr char kMarkerValue[] = "true";

constexpr char kIsView[] = "VIEW";

class JdbcAdministration : public Administration {
 public:
  JdbcAdministration(std::unique_ptr<SqlDatabase> database, const std::string& name)
      : name_(name), session_(std::move(database), name) {}

  Status Start() {
    MutexLock lock(mutex_);
    ARROW_RETURN_NOT_OK(session_.Start(/*create=*/false));
    ARROW_ASSIGN_OR_RAISE(JdbcRows * rows, session_.Rows());
    has_type_ = rows->has_views();
    return Status::OK();
  }

  Result<std::optional<Properties>> LoadNamespace(const Namespace& ns) override;
  Status CreateNamespace(const Namespace& ns, const Properties& properties) override;
  Result<bool> UpdateNamespace(const Namespace& ns, const Properties& set,
                               const std::vector<std::string>& remove) override;
  Result<bool> DropNamespace(const Namespace& ns) override;
  Result<std::optional<Entry>> Find(const TableIdentifier& identifier) override;
  Status RegisterTable(const TableIdentifier& identifier, const std::string& metadata_location,
                       const std::optional<std::string>& replaces) override;
  Result<std::vector<TableIdentifier>> ListViews(const Namespace& ns) override;
  Status SwapView(const TableIdentifier& identifier, const std::optional<std::string>& before,
                  const std::string& after) override;
  Result<bool> Drop(EntryKind kind, const TableIdentifier& identifier,
                    const std::optional<std::string>& expected) override;
  Result<bool> Rename(EntryKind kind, const TableIdentifier& from, const TableIdentifier& to) override;

 private:
  // Runs `change` in a transaction: committed if it is ok, else rolled back.
  template <typename Change>
  Status InTransaction(Change&& change) FIRN_REQUIRES(mutex_);
  Result<SqlConnection*> Begun() FIRN_REQUIRES(mutex_);
  Result<std::vector<SqlRow>> Query(const char* sql, std::initializer_list<std::string_view> values)
      FIRN_REQUIRES(mutex_);
  Result<int> Update(const char* sql, std::initializer_list<std::string_view> values) FIRN_REQUIRES(mutex_);
  Result<bool> Exists(const std::string& key) FIRN_REQUIRES(mutex_);
  Result<std::optional<Entry>> Look(const TableIdentifier& identifier) FIRN_REQUIRES(mutex_);
  Status Put(const std::string& key, const std::string& property, const std::string& value) FIRN_REQUIRES(mutex_);
  Status NeedViews() const;
  Status Swap(EntryKind kind, const TableIdentifier& identifier, const std::optional<std::string>& before,
              const std::string& after) FIRN_EXCLUDES(mutex_);
  Status Insert(EntryKind kind, const std::string& key, const std::string& name, const std::string& location)
      FIRN_REQUIRES(mutex_);

  const std::string name_;  // catalog_name
  bool has_type_ = false;   // layout version 1; constant after Start
  Mutex mutex_;
  JdbcSession session_ FIRN_GUARDED_BY(mutex_);
  SqlConnection* open_ FIRN_GUARDED_BY(mutex_) = nullptr;  // of session_, while a transaction is open
};

template <typename Change>
Status JdbcAdministration::InTransaction(Change&& change) {
  ARROW_ASSIGN_OR_RAISE(open_, Begun());
  Status changed = change();
  if (changed.ok()) changed = failpoint::Hit("catalog.before_administration_commit");
  bool in_doubt = false;
  if (changed.ok()) changed = open_->Commit(&in_doubt);
  if (!changed.ok()) open_->Rollback();  // the first error is the one to report
  const bool lost = !open_->usable();
  open_ = nullptr;
  if (in_doubt && lost) return MakeError(Fault::kOutcomeUnknown, changed.message());
  return changed;
}

// A connection on which a transaction was begun. One that died while it was idle is noticed here.
Result<SqlConnection*> JdbcAdministration::Begun() {
  for (bool again = false;; again = true) {
    ARROW_ASSIGN_OR_RAISE(SqlConnection * connection, session_.Connection());
    const Status begun = connection->Begin(SqlConnection::Purpose::kAdministration);
    if (begun.ok()) return connection;
    if (again || connection->usable()) return begun;
  }
}

// Inside a transaction never on another connection: there a change would stand alone.
Result<std::vector<SqlRow>> JdbcAdministration::Query(const char* sql, std::initializer_list<std::string_view> values) {
  if (open_ != nullptr) return open_->Query(sql, values);
  for (bool again = false;; again = true) {
    ARROW_ASSIGN_OR_RAISE(SqlConnection * connection, session_.Connection());
    auto rows = connection->Query(sql, values);
    if (rows.ok() || connection->usable() || again) return rows;
  }
}

Result<int> JdbcAdministration::Update(const char* sql, std::initializer_list<std::string_view> values) {
  FIRN_CHECK(open_ != nullptr);
  return open_->Update(sql, values);
}

// As Java: also if only a namespace below it, or a table in it, has rows.
Result<bool> JdbcAdministration::Exists(const std::string& key) {
  ARROW_ASSIGN_OR_RAISE(const auto rows,
                        Query("SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name=?1 AND (namespace=?2 OR "
                              "substr(namespace,1,length(?2)+1)=?2||'.') UNION SELECT 1 FROM iceberg_tables WHERE "
                              "catalog_name=?1 AND (table_namespace=?2 OR substr(table_namespace,1,length(?2)+1)="
                              "?2||'.') LIMIT 1",
                              {name_, key}));
  return !rows.empty();
}

Result<std::optional<Properties>> JdbcAdministration::LoadNamespace(const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(key));
  if (!exists) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const auto rows,
                        Query("SELECT property_key, property_value FROM iceberg_namespace_properties WHERE "
                              "catalog_name=?1 AND namespace=?2",
                              {name_, key}));
  Properties properties;
  for (const SqlRow& row : rows) {
    if (row[0] == kMarkerKey && row[1] == kMarkerValue) continue;
    properties[row[0].value_or("")] = row[1].value_or("");
  }
  return properties;
}

Status JdbcAdministration::Put(const std::string& key, const std::string& property, const std::string& value) {
  return Update(
             "INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) VALUES "
             "(?1, ?2, ?3, ?4) ON CONFLICT (catalog_name, namespace, property_key) DO UPDATE SET "
             "property_value=excluded.property_value",
             {name_, key, property, value})
      .status();
}

Status JdbcAdministration::CreateNamespace(const Namespace& ns, const Properties& properties) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  return InTransaction([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS -> Status {
    ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(key));
    if (exists) return MakeError(Fault::kConflict, "Namespace already exists: " + key);
    for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      ARROW_RETURN_NOT_OK(Put(key.substr(0, dot), kMarkerKey, kMarkerValue));
    }
    ARROW_RETURN_NOT_OK(Put(key, kMarkerKey, kMarkerValue));
    for (const auto& [property, value] : properties) ARROW_RETURN_NOT_OK(Put(key, property, value));
    return Status::OK();
  });
}

Result<bool> JdbcAdministration::UpdateNamespace(const Namespace& ns, const Properties& set,
                                                 const std::vector<std::string>& remove) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  bool exists = false;
  ARROW_RETURN_NOT_OK(InTransaction([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS -> Status {
    ARROW_ASSIGN_OR_RAISE(exists, Exists(key));
    if (!exists) return Status::OK();
    for (const std::string& property : remove) {
      ARROW_RETURN_NOT_OK(Update("DELETE FROM iceberg_namespace_properties WHERE catalog_name=?1 AND "
                                 "namespace=?2 AND property_key=?3",
                                 {name_, key, property})
                              .status());
    }
    ARROW_RETURN_NOT_OK(Put(key, kMarkerKey, kMarkerValue));
    for (const auto& [property, value] : set) ARROW_RETURN_NOT_OK(Put(key, property, value));
    return Status::OK();
  }));
  return exists;
}

Result<bool> JdbcAdministration::DropNamespace(const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  MutexLock lock(mutex_);
  bool exists = false;
  ARROW_RETURN_NOT_OK(InTransaction([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS -> Status {
    ARROW_ASSIGN_OR_RAISE(exists, Exists(key));
    if (!exists) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(
        const auto held,
        Query("SELECT 1 FROM iceberg_tables WHERE catalog_name=?1 AND (table_namespace=?2 OR "
              "substr(table_namespace,1,length(?2)+1)=?2||'.') UNION SELECT 1 FROM iceberg_namespace_properties WHERE "
              "catalog_name=?1 AND substr(namespace,1,length(?2)+1)=?2||'.' LIMIT 1",
              {name_, key}));
    if (!held.empty()) return MakeError(Fault::kConflict, "Namespace is not empty: " + key);
    return Update("DELETE FROM iceberg_namespace_properties WHERE catalog_name=?1 AND namespace=?2", {name_, key})
        .status();
  }));
  return exists;
}

Result<std::optional<Entry>> JdbcAdministration::Look(const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(identifier.ns));
  const char* sql = has_type_ ? "SELECT metadata_location, iceberg_type FROM iceberg_tables WHERE catalog_name=?1 AND "
                                "table_namespace=?2 AND table_name=?3"
                              : "SELECT metadata_location, 'TABLE' FROM iceberg_tables WHERE catalog_name=?1 AND "
                                "table_namespace=?2 AND table_name=?3";
  ARROW_ASSIGN_OR_RAISE(const auto rows, Query(sql, {name_, key, identifier.name}));
  if (rows.empty()) return std::nullopt;
  return Entry{.kind = rows[0][1] == kIsView ? EntryKind::kView : EntryKind::kTable,
               .metadata_location = rows[0][0].value_or("")};
}

Result<std::optional<Entry>> JdbcAdministration::Find(const TableIdentifier& identifier) {
  MutexLock lock(mutex_);
  return Look(identifier);
}

Status JdbcAdministration::NeedViews() const {
  if (has_type_) return Status::OK();
  return MakeError(Fault::kConfig, "the catalog has the layout of version 0, which has no views");
}

Status JdbcAdministration::Insert(EntryKind kind, const std::string& key, const std::string& name,
                                  const std::string& location) {
  if (!has_type_) {
    return Update(
               "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location) VALUES "
               "(?1, ?2, ?3, ?4)",
               {name_, key, name, location})
        .status();
  }
  return Update(
             "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, "
             "iceberg_type) VALUES (?1, ?2, ?3, ?4, ?5)",
             {name_, key, name, location, kind == EntryKind::kView ? kIsView : "TABLE"})
      .status();
}

Status JdbcAdministration::Swap(EntryKind kind, const TableIdentifier& identifier,
                                const std::optional<std::string>& before, const std::string& after) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(identifier.ns));
  MutexLock lock(mutex_);
  return InTransaction([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto found, Look(identifier));
    if (!before) {
      if (!found) return Insert(kind, key, identifier.name, after);
      return MakeError(Fault::kConflict, "name is taken: " + identifier.ToString());
    }
    if (!found || found->kind != kind || found->metadata_location != *before) {
      return MakeError(Fault::kConflict, "metadata of " + identifier.ToString() + " has changed");
    }
    return Update(
               "UPDATE iceberg_tables SET metadata_location=?4, previous_metadata_location=?5 WHERE catalog_name=?1 "
               "AND table_namespace=?2 AND table_name=?3",
               {name_, key, identifier.name, after, *before})
        .status();
  });
}

Status JdbcAdministration::RegisterTable(const TableIdentifier& identifier, const std::string& metadata_location,
                                         const std::optional<std::string>& replaces) {
  return Swap(EntryKind::kTable, identifier, replaces, metadata_location);
}

Result<std::vector<TableIdentifier>> JdbcAdministration::ListViews(const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(ns));
  std::vector<TableIdentifier> views;
  if (!has_type_) return views;
  MutexLock lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const auto rows, Query("SELECT table_name FROM iceberg_tables WHERE catalog_name=?1 AND "
                                               "table_namespace=?2 AND iceberg_type='VIEW'",
                                               {name_, key}));
  for (const SqlRow& row : rows) views.push_back({.ns = ns, .name = row[0].value_or("")});
  std::ranges::sort(views);
  return views;
}

Status JdbcAdministration::SwapView(const TableIdentifier& identifier, const std::optional<std::string>& before,
                                    const std::string& after) {
  ARROW_RETURN_NOT_OK(NeedViews());
  return Swap(EntryKind::kView, identifier, before, after);
}

Result<bool> JdbcAdministration::Drop(EntryKind kind, const TableIdentifier& identifier,
                                      const std::optional<std::string>& expected) {
  ARROW_ASSIGN_OR_RAISE(const std::string key, NamespaceKey(identifier.ns));
  MutexLock lock(mutex_);
  bool dropped = false;
  ARROW_RETURN_NOT_OK(InTransaction([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto found, Look(identifier));
    dropped = found && found->kind == kind;
    if (!dropped) return Status::OK();
    if (expected && found->metadata_location != *expected) {
      return MakeError(Fault::kConflict, "metadata of " + identifier.ToString() + " has changed");
    }
    return Update("DELETE FROM iceberg_tables WHERE catalog_name=?1 AND table_namespace=?2 AND table_name=?3",
                  {name_, key, identifier.name})
        .status();
  }));
  return dropped;
}

Result<bool> JdbcAdministration::Rename(EntryKind kind, const TableIdentifier& from, const TableIdentifier& to) {
  ARROW_ASSIGN_OR_RAISE(const std::string from_key, NamespaceKey(from.ns));
  ARROW_ASSIGN_OR_RAISE(const std::string to_key, NamespaceKey(to.ns));
  MutexLock lock(mutex_);
  bool renamed = false;
  ARROW_RETURN_NOT_OK(InTransaction([&]() FIRN_NO_THREAD_SAFETY_ANALYSIS -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto found, Look(from));
    renamed = found && found->kind == kind;
    if (!renamed) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto taken, Look(to));
    if (taken) return MakeError(Fault::kConflict, "name is taken: " + to.ToString());
    return Update(
               "UPDATE iceberg_tables SET table_namespace=?4, table_name=?5 WHERE catalog_name=?1 AND "
               "table_namespace=?2 AND table_name=?3",
               {name_, from_key, from.name, to_key, to.name})
        .status();
  }));
  return renamed;
}

}  // namespace

Result<std::unique_ptr<Administration>> OpenJdbcAdministration(std::unique_ptr<SqlDatabase> database,
                                                               std::string name) {
  auto administration = std::make_unique<JdbcAdministration>(std::move(database), name);
  ARROW_RETURN_NOT_OK(administration->Start());
  return administration;
}

}  // namespace firn::catalog
