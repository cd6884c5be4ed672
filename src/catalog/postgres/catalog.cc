#include "catalog/postgres/catalog.h"

#include <utility>

#include "base/backoff.h"
#include "catalog/jdbc_catalog.h"
#include "catalog/postgres/connection.h"
#include "io/object_location.h"

namespace firn::catalog::postgres {
namespace {

bool MayComeBack(const Status& status) {
  return FaultOf(status) == Fault::kUnreachable || FaultOf(status) == Fault::kTransient;
}

class Server : public SqlDatabase {
 public:
  Server(PostgresCatalogOptions options, io::PostgresTarget target, const Clock& clock)
      : options_(std::move(options)), target_(std::move(target)), clock_(clock) {}

  // A server that restarts or fails over is back after some seconds.
  Result<std::unique_ptr<SqlConnection>> Connect() override {
    Backoff backoff(
        {.base_ms = 100, .delay_ms_max = 2'000, .total_ms = options_.reconnect_ms, .sleep_scale = SleepScale()},
        clock_);
    while (true) {
      auto connection = Connection::Open(target_, options_.statement_ms);
      if (connection.ok()) return std::unique_ptr<SqlConnection>(*std::move(connection));
      if (!MayComeBack(connection.status()) || !backoff.Wait({}).ok()) return connection.status();
    }
  }

  Status MakeCertain(SqlConnection& connection, const std::string& transaction, const std::string& catalog) override;
  std::string Describe() const override { return "catalog " + target_.shown; }

 private:
  const PostgresCatalogOptions options_;
  const io::PostgresTarget target_;
  const Clock& clock_;
};

// A COMMIT that was cut off may still be on its way, or be carried out now. The server knows each transaction by its
// id: only when it is no longer in progress can the rows be believed. The backend that holds it is ended if it is still
// there, for it may wait hours for a client that is gone.
Status Server::MakeCertain(SqlConnection& connection, const std::string& transaction, const std::string&) {
  const size_t space = transaction.find(' ');
  if (space == std::string::npos) return Status::OK();  // it was cut before COMMIT was sent: the server rolls back
  const std::string id = transaction.substr(0, space);
  const std::string process = transaction.substr(space + 1);
  Backoff backoff({.base_ms = 20, .delay_ms_max = 500, .total_ms = options_.settle_ms, .sleep_scale = SleepScale()},
                  clock_);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto status,
                          connection.Query("SELECT coalesce(txid_status(?1::bigint), 'forgotten')", {id}));
    if (status.size() == 1 && status[0][0] != "in progress") return Status::OK();
    ARROW_RETURN_NOT_OK(connection
                            .Query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid=?1::int AND "
                                   "backend_xid::text=(?2::bigint % 4294967296)::text",
                                   {process, id})
                            .status());
    if (!backoff.Wait({}).ok()) {
      return MakeError(Fault::kOutcomeUnknown, "the database still works on the transaction");
    }
  }
}

Result<std::unique_ptr<SqlDatabase>> MakeServer(PostgresCatalogOptions options, const Clock& clock) {
  ARROW_ASSIGN_OR_RAISE(auto target, io::ParsePostgresTarget(options.uri, options.password, "lake.catalog.uri"));
  return std::make_unique<Server>(std::move(options), std::move(target), clock);
}

PostgresCatalogOptions OptionsOf(const config::LakeConfig& lake, bool create) {
  return {.uri = lake.catalog.postgres.uri,
          .password = lake.catalog.postgres.password,
          .name = lake.catalog.name,
          .warehouse = lake.warehouse,
          .create_if_missing = create};
}

}  // namespace

Result<std::unique_ptr<Catalog>> OpenPostgresCatalog(PostgresCatalogOptions options, io::FileStore& files,
                                                     const Clock& clock) {
  JdbcCatalogOptions jdbc{
      .name = options.name, .warehouse = options.warehouse, .create_layout = options.create_if_missing};
  if (options.create_if_missing && !io::IsObjectLocation(options.warehouse)) {
    ARROW_RETURN_NOT_OK(files.CreateFolder(options.warehouse));
  }
  ARROW_ASSIGN_OR_RAISE(auto server, MakeServer(std::move(options), clock));
  jdbc.may_commit_late = true;
  return OpenJdbcCatalog(std::move(server), std::move(jdbc), files, clock);
}

Result<std::unique_ptr<Administration>> OpenPostgresAdministration(PostgresCatalogOptions options, const Clock& clock) {
  const std::string name = options.name;
  ARROW_ASSIGN_OR_RAISE(auto server, MakeServer(std::move(options), clock));
  return OpenJdbcAdministration(std::move(server), name);
}

CatalogKind Kind() {
  return {.name = "postgres",
          .open =
              [](const config::LakeConfig& lake, const CatalogContext& context) {
                return OpenPostgresCatalog(OptionsOf(lake, context.create_if_missing), context.files, context.clock);
              },
          .open_administration =
              [](const config::LakeConfig& lake, const CatalogContext& context) {
                return OpenPostgresAdministration(OptionsOf(lake, /*create=*/false), context.clock);
              }};
}

}  // namespace firn::catalog::postgres
