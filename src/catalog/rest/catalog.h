#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/registry.h"
#include "config/lake_config.h"
#include "io/http_client.h"

/// A catalog behind the Iceberg REST protocol (apache/iceberg, open-api/rest-catalog-open-api.yaml).
namespace firn::catalog::rest {

/// What a server hands out to reach the files below `prefix`: s3.access-key-id and so on. Secret values.
struct StorageCredential {
  std::string prefix;
  std::map<std::string, std::string> config;
};

class RestCatalog : public Catalog {
 public:
  /// The credentials for a table's files as the server vended them, asked for again shortly before they expire. Empty:
  /// the server vends none, use your own.
  virtual Result<std::vector<StorageCredential>> StorageCredentials(const TableIdentifier& identifier) = 0;
};

struct RestCatalogOptions {
  config::RestCatalogConfig config;
  /// Where tables go if the server does not say (a server that cannot stage a create): "<warehouse>/<ns>/<name>".
  std::string warehouse;
  io::AwsKeySource aws_keys = {};  // to sign requests with, where the configuration wants that
  /// Told of credentials that the server hands out (CatalogContext::offer_credentials); null: they are not wanted, and
  /// not asked for.
  std::function<void(const std::string& location, VendedCredentials current)> offer_credentials = {};
  int64_t total_ms = 60'000;  // of one call: attempts and waits together
  int64_t backoff_base_ms = 200;
};

/// Asks the server for its configuration. `client` null: one of its own. `clock`, `client` outlive it.
///
/// Commit answers kCommitted, kConflict (409: somebody else was first) or kUnknown (timeout, reset, any 5xx: it may
/// have been applied). A request that surely never arrived and a 429 are tried again; one of unknown outcome only under
/// an Idempotency-Key, if the server keeps those; and then a 409 proves nothing and stays unknown. Never deletes
/// anything. More than one table per commit needs the server's transactions/commit. Errors: kConfig (no such warehouse,
/// malformed answer, not REST), kAuth, kUnreachable.
Result<std::unique_ptr<RestCatalog>> OpenRestCatalog(RestCatalogOptions options, const Clock& clock,
                                                     io::HttpClient* client = nullptr);

CatalogKind Kind();

}  // namespace firn::catalog::rest
