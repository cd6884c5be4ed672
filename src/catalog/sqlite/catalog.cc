#include "catalog/sqlite/catalog.h"

#include <atomic>
#include <filesystem>
#include <utility>

#include "catalog/jdbc_catalog.h"
#include "catalog/sqlite/administration.h"
#include "catalog/sqlite/database.h"
#include "io/object_location.h"

namespace firn::catalog::sqlite {
namespace {

class SqliteFile : public SqlDatabase {
 public:
  explicit SqliteFile(SqliteCatalogOptions options)
      : options_(std::move(options)), create_(options_.create_if_missing) {}

  Result<std::unique_ptr<SqlConnection>> Connect() override {
    ARROW_ASSIGN_OR_RAISE(auto database, Database::Open({.path = options_.path,
                                                         .busy_timeout_ms = options_.busy_timeout_ms,
                                                         .create = create_.exchange(false),  // not again
                                                         .vfs = options_.vfs}));
    return database;
  }

  // Writes once: only a transaction synced after the one in doubt makes its outcome durable, and only then frames of it
  // that may still be in the log can never come back. Rows are rewritten as they are, because an empty transaction
  // would put nothing into the log.
  Status MakeCertain(SqlConnection& connection, const std::string&, const std::string& catalog) override {
    ARROW_RETURN_NOT_OK(connection.Begin(SqlConnection::Purpose::kSwap));
    Status touched =
        connection
            .Update("UPDATE iceberg_namespace_properties SET property_value=property_value WHERE catalog_name=?1",
                    {catalog})
            .status();
    if (touched.ok()) {
      touched = connection.Update("UPDATE iceberg_tables SET table_name=table_name WHERE catalog_name=?1", {catalog})
                    .status();
    }
    bool in_doubt = false;
    if (touched.ok()) touched = connection.Commit(&in_doubt);
    if (!touched.ok()) connection.Rollback();
    return touched;
  }

  std::string Describe() const override { return "catalog " + options_.path; }

 private:
  const SqliteCatalogOptions options_;
  std::atomic<bool> create_;
};

// Every table made below would hold that path, for readers that take it for another.
Status CheckNewFolder(const std::string& warehouse) {
  return WithContext(io::FileUri(std::filesystem::path(warehouse).lexically_normal().string()).status(),
                     {.code = "E0471", .where = "lake.warehouse", .state = "nothing was created"});
}

SqliteCatalogOptions OptionsOf(const config::LakeConfig& lake, bool create) {
  SqliteCatalogOptions options{
      .path = lake.catalog.path, .name = lake.catalog.name, .warehouse = lake.warehouse, .create_if_missing = create};
  if (options.path.empty()) options.path = lake.warehouse + "/catalog.db";
  return options;
}

}  // namespace

Result<std::unique_ptr<Catalog>> OpenSqliteCatalog(SqliteCatalogOptions options, io::FileStore& files,
                                                   const Clock& clock) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, files.Exists(options.path));
  if (!exists && !options.create_if_missing) {
    return MakeError(Fault::kConfig, "there is no catalog: " + options.path,
                     {.code = "E0801", .state = "nothing was created", .next = "firn run"});
  }
  if (!exists && !io::IsObjectLocation(options.warehouse)) ARROW_RETURN_NOT_OK(CheckNewFolder(options.warehouse));
  const std::string folder = io::FolderOf(options.path);
  if (!exists) ARROW_RETURN_NOT_OK(files.CreateFolder(folder));
  JdbcCatalogOptions jdbc{
      .name = options.name, .warehouse = options.warehouse, .create_layout = options.create_if_missing};
  ARROW_ASSIGN_OR_RAISE(
      auto catalog, OpenJdbcCatalog(std::make_unique<SqliteFile>(std::move(options)), std::move(jdbc), files, clock));
  if (!exists) ARROW_RETURN_NOT_OK(files.SyncFolder(folder));
  return catalog;
}

Result<std::unique_ptr<Administration>> OpenSqliteAdministration(const SqliteCatalogOptions& options) {
  SqliteCatalogOptions existing = options;
  existing.create_if_missing = false;
  return OpenJdbcAdministration(std::make_unique<SqliteFile>(std::move(existing)), options.name);
}

CatalogKind Kind() {
  return {.name = "sqlite",
          .open =
              [](const config::LakeConfig& lake, const CatalogContext& context) {
                return OpenSqliteCatalog(OptionsOf(lake, context.create_if_missing), context.files, context.clock);
              },
          .open_administration = [](const config::LakeConfig& lake,
                                    const CatalogContext&) -> Result<std::unique_ptr<Administration>> {
            return OpenSqliteAdministration(OptionsOf(lake, /*create=*/false));
          }};
}

}  // namespace firn::catalog::sqlite
