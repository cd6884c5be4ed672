#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "base/redactor.h"
#include "catalog/registry.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "server/catalog/server.h"

namespace firn::cli {
namespace {

constexpr int64_t kAccessFileBytesMax = int64_t{1} << 20;
constexpr std::chrono::seconds kGrace{20};

// FIRN_CATALOG_TOKEN is one token that may do everything; --access names a file for more.
Result<server::AccessOptions> ReadAccess(App& app, const Arguments& arguments) {
  server::AccessOptions access;
  if (const auto file = arguments.Given("--access")) {
    auto text = app.files().ReadText(std::filesystem::absolute(*file).string(), kAccessFileBytesMax);
    if (!text.ok()) return Within("--access " + *file, text.status());
    ARROW_ASSIGN_OR_RAISE(access, server::ParseAccessFile(*text));
  }
  const char* token = std::getenv("FIRN_CATALOG_TOKEN");
  if (token != nullptr && *token != '\0') {
    if (std::string_view(token).size() < 16) {
      return MakeError(Fault::kConfig, "FIRN_CATALOG_TOKEN has fewer than 16 characters");
    }
    access.tokens.push_back({.id = "FIRN_CATALOG_TOKEN", .secret = token});
  }
  for (const auto* list : {&access.tokens, &access.clients}) {
    for (const auto& entry : *list) ProcessRedactor().AddSecret(entry.secret);
  }
  return access;
}

void WaitFor(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [] { return false; });
}

Result<int> Serve(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  const int64_t port = arguments.Integer("--port").value_or(8181);
  if (port < 0 || port > 65535) return MakeError(Fault::kConfig, "--port must be from 0 to 65535");
  server::CatalogServerOptions options{.host = arguments.Text("--host", "127.0.0.1"),
                                       .port = static_cast<uint16_t>(port),
                                       .warehouse = project->lake.warehouse,
                                       .allowed_locations = arguments.All("--allow-location")};
  ARROW_ASSIGN_OR_RAISE(options.access, ReadAccess(app, arguments));
  if (!options.allowed_locations.empty()) app.Outside(OutsideTables::kAdopted);
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/true));
  catalog::CatalogRegistry registry;
  ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
  ARROW_ASSIGN_OR_RAISE(const auto administration,
                        registry.OpenAdministration(project->lake, {.files = app.files(), .clock = app.clock()}));
  options.vending = {.config = project->lake.catalog.vend, .storage = project->lake.storage, .keys = app.AwsKeys()};
  if (options.vending.config.kind == config::VendConfig::Kind::kStatic && !options.access.required()) {
    return MakeError(
        Fault::kConfig, "keys of the lake's storage are handed out to authenticated clients only",
        {.why = "anybody on this machine could ask for them", .next = "set FIRN_CATALOG_TOKEN or give --access FILE"});
  }
  ARROW_RETURN_NOT_OK(app.files().CreateFolder(project->state_folder));
  options.idempotency_log = project->state_folder + "/catalog-keys.jsonl";
  const bool authenticated = options.access.required();
  ARROW_ASSIGN_OR_RAISE(const auto server, server::CatalogServer::Start(std::move(options), *catalog, *administration,
                                                                        app.files(), app.clock()));
  ARROW_RETURN_NOT_OK(app.Print(server->url() + "\n"));
  if (!app.quiet()) {
    app.Say("serving the catalog of " + project->lake.warehouse +
            (authenticated ? ", with authentication\n" : ", without authentication\n"));
  }
  WaitFor(app.stop());
  server->Stop(kGrace);
  return 0;
}

}  // namespace

Command CatalogServeCommand() {
  return {
      .name = "catalog serve",
      .reads_source = false,
      .group = "Serve",
      .summary = "serve the lake's catalog to Spark, Trino, DuckDB, pyiceberg … (Iceberg REST)",
      .options = {{.name = "--host", .help = "address to listen on (default 127.0.0.1); others need --access"},
                  {.name = "--port", .kind = Option::Kind::kInteger, .help = "port (default 8181), 0 for any free one"},
                  {.name = "--allow-location",
                   .kind = Option::Kind::kList,
                   .help = "where tables may be besides the warehouse (repeatable)"},
                  {.name = "--access",
                   .help = "JSON file of tokens, clients and scopes; FIRN_CATALOG_TOKEN is one token for all"}},
      .run = Serve};
}

}  // namespace firn::cli
