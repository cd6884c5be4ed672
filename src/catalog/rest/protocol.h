#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/rest/catalog.h"
#include "io/http_client.h"

/// The bodies of the protocol, written and read. Pure.
namespace firn::catalog::rest {

/// What a server said it is.
struct ServerConfig {
  std::string prefix;               // "" or "a/b", not encoded again
  std::set<std::string> endpoints;  // "GET /v1/{prefix}/namespaces"; those a server has that does not say, if absent
  bool idempotency_keys = false;
  std::string uri;                           // of all further requests; empty: the same
  std::string namespace_separator = "\x1f";  // of levels, decoded
  bool Has(std::string_view endpoint) const { return endpoints.contains(std::string(endpoint)); }
};

/// GET /v1/config: defaults, overrides, endpoints. `prefix`: the client's own. Errors: kBadData.
Result<ServerConfig> ParseConfig(std::string_view body, const std::string& prefix);

/// What a server says about an error; both empty if the body is not of the protocol.
struct ErrorBody {
  std::string type;
  std::string message;
};
ErrorBody ParseError(std::string_view body);
/// The error a status outside 2xx means, with the server's message: 401, 403, 419 kAuth; 404 kConfig; 409 kConflict;
/// 429, 503 kThrottled; 408, 5xx kTransient; else kConfig.
Status ErrorOf(const io::HttpResponse& response);

struct ParsedTable {
  LoadedTable table;
  std::vector<StorageCredential> credentials;
};
/// LoadTableResult. Errors: kBadData.
Result<ParsedTable> ParseTable(std::string_view body);
Result<std::vector<StorageCredential>> ParseCredentials(std::string_view body);
/// The keys of S3 in a credential; nullopt if it has none.
std::optional<StoreCredentials> StoreCredentialsOf(const StorageCredential& credential);
/// When the first of them expires, in ms since 1970: s3.session-token-expires-at-ms and its likes.
std::optional<int64_t> ExpiryOf(const std::vector<StorageCredential>& credentials);

struct Page {
  std::vector<std::vector<std::string>> namespaces;  // of "namespaces"
  std::vector<TableIdentifier> identifiers;          // of "identifiers"
  std::string next;                                  // empty: the last page
};
Result<Page> ParsePage(std::string_view body);

/// CommitTableRequest of one table, CommitTransactionRequest of several.
std::string WriteCommit(const TableCommit& commit);
std::string WriteTransaction(std::span<const TableCommit> commits);
std::string WriteNamespace(const std::vector<std::string>& ns);
std::string WriteRename(const TableIdentifier& from, const TableIdentifier& to);
/// A CreateTableRequest that stages a table of one column, to learn where the server would put it.
std::string WriteStageCreate(const std::string& name);

}  // namespace firn::catalog::rest
