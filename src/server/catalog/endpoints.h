#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/administration.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "io/http_server.h"
#include "server/catalog/access.h"
#include "server/catalog/location_policy.h"
#include "server/catalog/vending.h"

/// The endpoints of the REST catalog protocol, one function each. They are called from several threads at once and
/// block theirs. Errors: those of rest_error.h.
namespace firn::server {

/// What the endpoints work on; borrowed.
struct Backend {
  catalog::Catalog& catalog;
  catalog::Administration& administration;
  io::FileStore& files;
  const Clock& clock;
  const LocationPolicy& locations;
  CredentialVendor& vendor;
};

/// One request, its path taken apart. Names as the protocol shows them (names.h).
struct Call {
  const io::ServedRequest& request;
  std::stop_token stop;
  catalog::Namespace ns;  // {namespace}
  std::string name;       // {table}, {view}
  bool may_write = true;  // the caller's scope

  catalog::TableIdentifier identifier() const { return {.ns = ns, .name = name}; }
};

using Answer = Result<io::ServedResponse>;

// namespaces.cc
Answer ListNamespaces(Backend& backend, const Call& call);
Answer CreateNamespace(Backend& backend, const Call& call);
Answer LoadNamespace(Backend& backend, const Call& call);
Answer NamespaceExists(Backend& backend, const Call& call);
Answer DropNamespace(Backend& backend, const Call& call);
Answer UpdateNamespace(Backend& backend, const Call& call);

// tables.cc
Answer ListTables(Backend& backend, const Call& call);
Answer LoadTable(Backend& backend, const Call& call);
Answer TableExists(Backend& backend, const Call& call);
Answer DropTable(Backend& backend, const Call& call);
Answer RenameTable(Backend& backend, const Call& call);
Answer UnregisterTable(Backend& backend, const Call& call);
Answer TableCredentials(Backend& backend, const Call& call);
Answer TableMetrics(Backend& backend, const Call& call);

// create_table.cc
Answer CreateTable(Backend& backend, const Call& call);
Answer RegisterTable(Backend& backend, const Call& call);

// commits.cc
Answer CommitTable(Backend& backend, const Call& call);
Answer CommitTransaction(Backend& backend, const Call& call);

// views.cc
Answer ListViews(Backend& backend, const Call& call);
Answer CreateView(Backend& backend, const Call& call);
Answer LoadView(Backend& backend, const Call& call);
Answer ViewExists(Backend& backend, const Call& call);
Answer ReplaceView(Backend& backend, const Call& call);
Answer DropView(Backend& backend, const Call& call);
Answer RenameView(Backend& backend, const Call& call);
Answer RegisterView(Backend& backend, const Call& call);

// Shared by the above, in answers.cc.

io::ServedResponse JsonAnswer(std::string body, int status = 200);
io::ServedResponse NoContent();
/// {"metadata-location", "metadata", "config", "storage-credentials"} with an ETag. `location` empty: staged.
/// Credentials are in it if the client asks for them (X-Iceberg-Access-Delegation) and some are handed out.
Answer TableAnswer(Backend& backend, const Call& call, const catalog::LoadedTable& table);
/// [{"prefix", "config"}]; the same config goes to `config`, where older clients look, if that is not null.
Result<std::string> CredentialsJson(Backend& backend, const Call& call, const std::string& location,
                                    std::string* config);
/// One page of sorted `names` by the query's pageToken and pageSize: {"next-page-token", `key`: […]}.
/// `names` are JSON texts with the sort key to go on from.
struct ListItem {
  std::string key;
  std::string json;
};
Answer PageAnswer(const Call& call, const char* key, std::vector<ListItem> items);
/// The identifiers of a list of tables or views.
Answer IdentifiersAnswer(const Call& call, std::vector<catalog::TableIdentifier> identifiers);
Status CheckNamespaceExists(Backend& backend, const catalog::Namespace& ns);
/// Errors: 409 if a table or view of this name exists; `what` is what is to be made.
Status CheckNameIsFree(Backend& backend, const catalog::TableIdentifier& identifier, catalog::EntryKind what);
/// Reads a metadata file that a catalog entry names. Errors: 404 NotFoundException if it is missing.
Result<std::string> ReadMetadataFile(Backend& backend, const std::string& location);
/// The table, by Catalog::LoadTable. Errors: 404 NoSuchTableException; 404 NotFoundException if its file is missing.
Result<catalog::LoadedTable> RequireTable(Backend& backend, const catalog::TableIdentifier& identifier);

/// Commits as Catalog::Commit, retries lost races and removes retired metadata files if the table wants that.
/// `commits` name tables as shown. Errors: 409 CommitFailedException, 500 CommitStateUnknownException.
Result<std::vector<catalog::LoadedTable>> CommitAll(Backend& backend, std::vector<catalog::TableCommit> commits,
                                                    std::stop_token stop);

}  // namespace firn::server
