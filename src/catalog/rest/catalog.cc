#include "catalog/rest/catalog.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "base/backoff.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/redactor.h"
#include "base/thread_annotations.h"
#include "base/uuid.h"
#include "catalog/rest/authorizer.h"
#include "catalog/rest/protocol.h"
#include "io/http_session.h"
#include "io/url.h"
#include "table/metadata/metadata_json.h"

namespace firn::catalog::rest {
namespace {

constexpr size_t kCachedTablesMax = 256;
constexpr int kPagesMax = 100'000;
constexpr size_t kNamespacesMax = 100'000;
constexpr int64_t kCredentialSlackMs = 5 * 60'000;  // asked for again that long before they expire
constexpr char kTransactionEndpoint[] = "POST /v1/{prefix}/transactions/commit";
constexpr char kCredentialsEndpoint[] = "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials";
constexpr char kViewsEndpoint[] = "GET /v1/{prefix}/namespaces/{namespace}/views";

// Of a commit: only what surely had no effect is tried again by the session itself; the rest is judged by us. 401 is
// left to the session, which renews credentials once.
std::optional<io::HttpVerdict> LeaveToCaller(const io::HttpResponse& response) {
  if (response.status == 401 || response.status == 429) return std::nullopt;
  return io::HttpVerdict{.action = io::HttpVerdict::Action::kAccept};
}

// Of a read: 4xx is told to the caller, the rest is tried again.
std::optional<io::HttpVerdict> AcceptClientErrors(const io::HttpResponse& response) {
  const bool told = response.status == 304 || response.status == 400 || response.status == 404 ||
                    response.status == 406 || response.status == 409 || response.status == 422;
  if (!told) return std::nullopt;
  return io::HttpVerdict{.action = io::HttpVerdict::Action::kAccept};
}

bool IsSuccess(const io::HttpResponse& response) {
  return response.status >= 200 && response.status < 300;
}

bool MayBeApplied(int status) {
  return status >= 500 || status == 408;
}

class HttpRestCatalog : public RestCatalog {
 public:
  HttpRestCatalog(RestCatalogOptions options, const Clock& clock, io::HttpClient& client,
                  std::unique_ptr<io::HttpClient> own_client, std::unique_ptr<io::HttpAuthorizer> authorizer)
      : options_(std::move(options)),
        clock_(clock),
        own_client_(std::move(own_client)),
        authorizer_(std::move(authorizer)),
        reads_(client, clock, SessionOptions(AcceptClientErrors)),
        writes_(client, clock, SessionOptions(LeaveToCaller)) {}

  Status Start();

  CatalogTraits traits() const override {
    return {.multi_table_commit = server_.Has(kTransactionEndpoint), .may_commit_late = true};
  }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override;
  Status CreateNamespace(const std::vector<std::string>& ns) override;
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override;
  Result<std::optional<LoadedTable>> LoadTable(const TableIdentifier& identifier) override;
  Result<CommitResult> Commit(std::span<const TableCommit> commits, std::stop_token stop) override;
  Status DropTable(const TableIdentifier& identifier) override;
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override;
  std::string DefaultLocation(const TableIdentifier& identifier) const override;
  Result<std::vector<TableIdentifier>> ListViews(const std::vector<std::string>& ns) override;
  Result<std::vector<StorageCredential>> StorageCredentials(const TableIdentifier& identifier) override;

 private:
  struct Cached {
    LoadedTable table;
    std::string etag;
    std::vector<StorageCredential> credentials;
  };

  io::HttpSessionOptions SessionOptions(io::HttpClassifier classify) const {
    return {.backoff = {.base_ms = options_.backoff_base_ms, .total_ms = options_.total_ms, .attempts_max = 8},
            .server_delay_max = std::chrono::milliseconds(options_.total_ms),
            .authorizer = authorizer_.get(),
            .classify = std::move(classify)};
  }
  std::string Url(std::string_view path) const;
  std::string NamespacePath(const std::vector<std::string>& ns) const;
  std::string TablePath(const TableIdentifier& identifier) const;
  io::HttpRequest Request(std::string method, std::string url, std::string body = "") const;
  Result<io::HttpResponse> Write(const io::HttpRequest& request, std::stop_token stop, bool* in_doubt) const;
  Result<std::vector<Page>> Pages(const std::string& url, bool missing_is_empty);
  Result<std::vector<std::vector<std::string>>> Children(const std::vector<std::string>& parent);
  Result<CommitResult> Judge(std::span<const TableCommit> commits, const io::HttpResponse& response, bool in_doubt);
  Result<CommitResult> Committed(std::span<const TableCommit> commits, const io::HttpResponse& response);
  Result<ParsedTable> Stage(const TableIdentifier& identifier) const;
  Result<std::vector<StorageCredential>> Refreshed(const TableIdentifier& identifier);
  void Offer(const TableIdentifier& identifier, const ParsedTable& parsed) const;
  Result<StoreCredentials> Current(const TableIdentifier& identifier, const std::string& prefix);
  void Remember(const TableIdentifier& identifier, const io::HttpResponse& response, const ParsedTable& parsed)
      FIRN_EXCLUDES(mutex_);
  std::optional<Cached> Recall(const TableIdentifier& identifier) FIRN_EXCLUDES(mutex_);
  void Forget(const TableIdentifier& identifier) FIRN_EXCLUDES(mutex_);

  const RestCatalogOptions options_;
  const Clock& clock_;
  const std::unique_ptr<io::HttpClient> own_client_;  // null: borrowed
  const std::unique_ptr<io::HttpAuthorizer> authorizer_;
  mutable io::HttpSession reads_;
  mutable io::HttpSession writes_;
  ServerConfig server_;  // constant after Start
  std::string base_url_;
  mutable Mutex mutex_;
  std::map<TableIdentifier, Cached> cache_ FIRN_GUARDED_BY(mutex_);
  mutable std::map<TableIdentifier, std::string> locations_ FIRN_GUARDED_BY(mutex_);  // that the server would choose
};

Status HttpRestCatalog::Start() {
  base_url_ = options_.config.uri;
  while (base_url_.ends_with('/')) base_url_.pop_back();
  std::string url = base_url_ + "/v1/config";
  if (!options_.config.warehouse.empty()) url = io::WithQuery(url, "warehouse", options_.config.warehouse);
  ARROW_ASSIGN_OR_RAISE(const auto response, reads_.Send(Request("GET", std::move(url)), {}));
  if (!IsSuccess(response)) return ErrorOf(response);
  ARROW_ASSIGN_OR_RAISE(server_, ParseConfig(response.text(), options_.config.prefix));
  if (server_.uri.empty()) return Status::OK();
  // The server sends its clients elsewhere: only within its own origin, because credentials go there.
  ARROW_ASSIGN_OR_RAISE(const auto here, io::ParseUrl(base_url_));
  ARROW_ASSIGN_OR_RAISE(const auto there, io::ParseUrl(server_.uri));
  if (!here.SameOrigin(there)) {
    return MakeError(Fault::kConfig, "the catalog names another server as its address",
                     {.next = "write that address to lake.catalog.uri"});
  }
  base_url_ = server_.uri;
  while (base_url_.ends_with('/')) base_url_.pop_back();
  return Status::OK();
}

std::string HttpRestCatalog::Url(std::string_view path) const {
  return base_url_ + "/v1" + (server_.prefix.empty() ? "" : "/" + server_.prefix) + std::string(path);
}

std::string HttpRestCatalog::NamespacePath(const std::vector<std::string>& ns) const {
  std::string text;
  for (const std::string& level : ns) text += (text.empty() ? "" : server_.namespace_separator) + level;
  return "/namespaces/" + io::UrlEncode(text);
}

std::string HttpRestCatalog::TablePath(const TableIdentifier& identifier) const {
  return NamespacePath(identifier.ns) + "/tables/" + io::UrlEncode(identifier.name);
}

io::HttpRequest HttpRestCatalog::Request(std::string method, std::string url, std::string body) const {
  io::HttpRequest request{.method = std::move(method),
                          .url = std::move(url),
                          .headers = {{"Accept", "application/json"}},
                          .body = std::move(body),
                          .body_bytes_max = table::kMetadataBytesMax + (int64_t{16} << 20)};
  if (!request.body.empty()) request.headers.Set("Content-Type", "application/json");
  request.timeouts.total = std::chrono::milliseconds(options_.total_ms);
  return request;
}

// Sends a change. What surely did not arrive is repeated by the session. What may have been applied is repeated only
// under a key by which the server knows it again; `in_doubt` then stays true: a later "conflict" may be our own doing.
Result<io::HttpResponse> HttpRestCatalog::Write(const io::HttpRequest& given, std::stop_token stop,
                                                bool* in_doubt) const {
  io::HttpRequest request = given;
  request.repeatable = false;
  if (server_.idempotency_keys) request.headers.Set("Idempotency-Key", MakeUuid7(clock_).ToString());
  Backoff backoff({.base_ms = options_.backoff_base_ms,
                   .total_ms = options_.total_ms,
                   .attempts_max = 4,
                   .sleep_scale = SleepScale()},
                  clock_);
  while (true) {
    auto response = writes_.Send(request, stop);
    const bool unknown =
        response.ok() ? MayBeApplied(response->status) : FaultOf(response.status()) == Fault::kOutcomeUnknown;
    if (!unknown) return response;
    *in_doubt = true;
    if (!server_.idempotency_keys || !backoff.Wait(stop).ok()) return response;
  }
}

Result<std::vector<Page>> HttpRestCatalog::Pages(const std::string& url, bool missing_is_empty) {
  std::vector<Page> pages;
  std::string token;
  for (int i = 0; i < kPagesMax; ++i) {
    const std::string paged = io::WithQuery(io::WithQuery(url, "pageToken", token), "pageSize", "1000");
    ARROW_ASSIGN_OR_RAISE(const auto response, reads_.Send(Request("GET", paged), {}));
    if (response.status == 404 && missing_is_empty) return pages;
    if (!IsSuccess(response)) return ErrorOf(response);
    ARROW_ASSIGN_OR_RAISE(Page page, ParsePage(response.text()));
    const std::string next = page.next;
    pages.push_back(std::move(page));
    if (next.empty()) return pages;
    if (next == token) return MakeError(Fault::kBadData, "the catalog gives the same page again and again");
    token = next;
  }
  return MakeError(Fault::kBadData, "the catalog's list has no end");
}

Result<std::vector<std::vector<std::string>>> HttpRestCatalog::Children(const std::vector<std::string>& parent) {
  std::string url = Url("/namespaces");
  if (!parent.empty()) {
    std::string text;
    for (const std::string& level : parent) text += (text.empty() ? "" : server_.namespace_separator) + level;
    url = io::WithQuery(url, "parent", text);
  }
  std::vector<std::vector<std::string>> children;
  auto pages = Pages(url, /*missing_is_empty=*/true);
  // A server without nested namespaces may refuse to be asked for them.
  if (!pages.ok() && !parent.empty() && FaultOf(pages.status()) == Fault::kConfig) return children;
  ARROW_RETURN_NOT_OK(pages.status());
  for (Page& page : *pages) {
    for (auto& ns : page.namespaces) children.push_back(std::move(ns));
  }
  return children;
}

Result<std::vector<std::vector<std::string>>> HttpRestCatalog::ListNamespaces() {
  std::set<std::vector<std::string>> seen;
  std::deque<std::vector<std::string>> open = {{}};
  while (!open.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto children, Children(open.front()));
    open.pop_front();
    for (auto& child : children) {
      if (seen.insert(child).second) open.push_back(std::move(child));
    }
    if (seen.size() > kNamespacesMax) return MakeError(Fault::kBadData, "the catalog has over 100,000 namespaces");
  }
  return std::vector<std::vector<std::string>>(seen.begin(), seen.end());
}

Status HttpRestCatalog::CreateNamespace(const std::vector<std::string>& ns) {
  bool in_doubt = false;
  ARROW_ASSIGN_OR_RAISE(const auto response,
                        Write(Request("POST", Url("/namespaces"), WriteNamespace(ns)), {}, &in_doubt));
  if (IsSuccess(response) || response.status == 409) return Status::OK();
  return ErrorOf(response);
}

Result<std::vector<TableIdentifier>> HttpRestCatalog::ListTables(const std::vector<std::string>& ns) {
  ARROW_ASSIGN_OR_RAISE(auto pages, Pages(Url(NamespacePath(ns) + "/tables"), /*missing_is_empty=*/true));
  std::vector<TableIdentifier> tables;
  for (Page& page : pages) tables.insert(tables.end(), page.identifiers.begin(), page.identifiers.end());
  std::sort(tables.begin(), tables.end());
  return tables;
}

Result<std::vector<TableIdentifier>> HttpRestCatalog::ListViews(const std::vector<std::string>& ns) {
  std::vector<TableIdentifier> views;
  if (!server_.Has(kViewsEndpoint)) return views;
  ARROW_ASSIGN_OR_RAISE(auto pages, Pages(Url(NamespacePath(ns) + "/views"), /*missing_is_empty=*/true));
  for (Page& page : pages) views.insert(views.end(), page.identifiers.begin(), page.identifiers.end());
  std::sort(views.begin(), views.end());
  return views;
}

Result<std::optional<LoadedTable>> HttpRestCatalog::LoadTable(const TableIdentifier& identifier) {
  io::HttpRequest request = Request("GET", io::WithQuery(Url(TablePath(identifier)), "snapshots", "all"));
  if (options_.offer_credentials) request.headers.Set("X-Iceberg-Access-Delegation", "vended-credentials");
  const auto cached = Recall(identifier);
  if (cached && !cached->etag.empty()) request.headers.Set("If-None-Match", cached->etag);
  ARROW_ASSIGN_OR_RAISE(const auto response, reads_.Send(request, {}));
  if (response.status == 304 && cached) return cached->table;
  if (response.status == 404) {
    const ErrorBody error = ParseError(response.text());
    Forget(identifier);
    if (error.type == "NoSuchTableException" || error.type == "NoSuchNamespaceException") return std::nullopt;
    // An address that is no catalog must not look like a catalog without tables.
    return Within("table " + identifier.ToString(), ErrorOf(response));
  }
  if (!IsSuccess(response)) return Within("table " + identifier.ToString(), ErrorOf(response));
  ARROW_ASSIGN_OR_RAISE(const ParsedTable parsed, ParseTable(response.text()));
  Remember(identifier, response, parsed);
  Offer(identifier, parsed);
  return parsed.table;
}

Result<CommitResult> HttpRestCatalog::Commit(std::span<const TableCommit> commits, std::stop_token stop) {
  if (commits.empty()) return MakeError(Fault::kBug, "commit of no table");
  if (commits.size() > 1 && !traits().multi_table_commit) {
    return MakeError(Fault::kConfig, "this catalog cannot commit several tables at once");
  }
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped before the swap");
  io::HttpRequest request = commits.size() == 1
                                ? Request("POST", Url(TablePath(commits[0].identifier)), WriteCommit(commits[0]))
                                : Request("POST", Url("/transactions/commit"), WriteTransaction(commits));
  FIRN_FAILPOINT("catalog.before_swap");
  bool in_doubt = false;
  // Not stoppable from here on: an answer that nobody waits for would be an unknown outcome.
  const auto response = Write(request, {}, &in_doubt);
  for (const TableCommit& commit : commits) Forget(commit.identifier);
  if (!response.ok()) {
    if (!in_doubt) return response.status();  // it never arrived
    return CommitResult{.outcome = CommitOutcome::kUnknown, .reason = response.status().message()};
  }
  return Judge(commits, *response, in_doubt);
}

Result<CommitResult> HttpRestCatalog::Judge(std::span<const TableCommit> commits, const io::HttpResponse& response,
                                            bool in_doubt) {
  if (IsSuccess(response)) return Committed(commits, response);
  const Status error = ErrorOf(response);
  const std::string type = ParseError(response.text()).type;
  const bool conflict = response.status == 409 || (response.status == 404 && type == "NoSuchTableException");
  if (MayBeApplied(response.status) || (in_doubt && conflict)) {
    return CommitResult{.outcome = CommitOutcome::kUnknown, .reason = error.message()};
  }
  if (conflict) return CommitResult{.outcome = CommitOutcome::kConflict, .reason = error.message()};
  if (in_doubt) return CommitResult{.outcome = CommitOutcome::kUnknown, .reason = error.message()};
  return error;  // refused as it is: 400, 401, 403, 404 of the namespace, 406, 422
}

// The answer to one table is its new metadata; a transaction's has no body, so the tables are loaded. If that fails the
// commit is made all the same, and whoever looks for it finds it.
Result<CommitResult> HttpRestCatalog::Committed(std::span<const TableCommit> commits,
                                                const io::HttpResponse& response) {
  CommitResult result{.outcome = CommitOutcome::kCommitted};
  if (commits.size() == 1) {
    const auto parsed = ParseTable(response.text());
    if (parsed.ok()) {
      Remember(commits[0].identifier, response, *parsed);
      result.tables.push_back(parsed->table);
      return result;
    }
  }
  for (const TableCommit& commit : commits) {
    const auto loaded = LoadTable(commit.identifier);
    if (!loaded.ok() || !*loaded) {
      return CommitResult{.outcome = CommitOutcome::kUnknown, .reason = "committed, but the table cannot be loaded"};
    }
    result.tables.push_back(**loaded);
  }
  return result;
}

Status HttpRestCatalog::DropTable(const TableIdentifier& identifier) {
  bool in_doubt = false;
  const std::string url = io::WithQuery(Url(TablePath(identifier)), "purgeRequested", "false");
  ARROW_ASSIGN_OR_RAISE(const auto response, Write(Request("DELETE", url), {}, &in_doubt));
  Forget(identifier);
  if (IsSuccess(response) || (in_doubt && response.status == 404)) return Status::OK();
  return ErrorOf(response);
}

Status HttpRestCatalog::RenameTable(const TableIdentifier& from, const TableIdentifier& to) {
  bool in_doubt = false;
  ARROW_ASSIGN_OR_RAISE(const auto response,
                        Write(Request("POST", Url("/tables/rename"), WriteRename(from, to)), {}, &in_doubt));
  Forget(from);
  Forget(to);
  if (IsSuccess(response)) return Status::OK();
  const Status error = ErrorOf(response);
  // A name that is taken is the caller's to correct, not a race of commits.
  return FaultOf(error) == Fault::kConflict ? MakeError(Fault::kConfig, error.message()) : error;
}

// The server chooses where its tables are, and says so when a create is staged. Nothing is made by that.
std::string HttpRestCatalog::DefaultLocation(const TableIdentifier& identifier) const {
  {
    MutexLock lock(mutex_);
    const auto known = locations_.find(identifier);
    if (known != locations_.end()) return known->second;
  }
  std::string location = options_.warehouse;
  for (const std::string& level : identifier.ns) location += "/" + level;
  location += "/" + identifier.name;
  if (location.starts_with("/")) location = "file://" + location;
  const auto staged = Stage(identifier);
  if (!staged.ok()) {
    log::Warn("the catalog does not say where tables go", {{"table", identifier.ToString()}, {"location", location}});
    return location;
  }
  Offer(identifier, *staged);
  MutexLock lock(mutex_);
  if (locations_.size() >= kCachedTablesMax) locations_.clear();
  return locations_[identifier] = staged->table.metadata->location;
}

Result<ParsedTable> HttpRestCatalog::Stage(const TableIdentifier& identifier) const {
  io::HttpRequest request =
      Request("POST", Url(NamespacePath(identifier.ns) + "/tables"), WriteStageCreate(identifier.name));
  request.repeatable = true;
  if (options_.offer_credentials) request.headers.Set("X-Iceberg-Access-Delegation", "vended-credentials");
  auto response = reads_.Send(request, {});
  if (response.ok() && response->status == 404) {
    const auto made = reads_.Send(Request("POST", Url("/namespaces"), WriteNamespace(identifier.ns)), {});
    if (made.ok()) response = reads_.Send(request, {});
  }
  ARROW_RETURN_NOT_OK(response.status());
  if (!IsSuccess(*response)) return ErrorOf(*response);
  return ParseTable(response->text());
}

// A credential names what it is for; servers that say only "s3" mean the table it came with.
void HttpRestCatalog::Offer(const TableIdentifier& identifier, const ParsedTable& parsed) const {
  if (!options_.offer_credentials) return;
  const std::string& location = parsed.table.metadata->location;
  for (const StorageCredential& credential : parsed.credentials) {
    if (!StoreCredentialsOf(credential)) continue;
    const bool is_place = credential.prefix.find("://") != std::string::npos;
    auto* self = const_cast<HttpRestCatalog*>(this);  // what is offered asks the server again later
    options_.offer_credentials(is_place ? credential.prefix : location, [self, identifier, prefix = credential.prefix] {
      return self->Current(identifier, prefix);
    });
  }
}

Result<StoreCredentials> HttpRestCatalog::Current(const TableIdentifier& identifier, const std::string& prefix) {
  auto credentials = StorageCredentials(identifier);
  if (!credentials.ok() && FaultOf(credentials.status()) == Fault::kConfig) {  // a table that is about to be made
    ARROW_ASSIGN_OR_RAISE(const ParsedTable staged, Stage(identifier));
    credentials = staged.credentials;
  }
  ARROW_RETURN_NOT_OK(credentials.status());
  for (const StorageCredential& credential : *credentials) {
    auto keys = StoreCredentialsOf(credential);
    if (!keys || credential.prefix != prefix) continue;
    ProcessRedactor().AddSecret(keys->settings.secret_key);
    ProcessRedactor().AddSecret(keys->settings.session_token);
    return *std::move(keys);
  }
  return MakeError(Fault::kAuth, "the catalog no longer hands out credentials for table " + identifier.ToString());
}

Result<std::vector<StorageCredential>> HttpRestCatalog::StorageCredentials(const TableIdentifier& identifier) {
  auto cached = Recall(identifier);
  if (!cached) {
    ARROW_RETURN_NOT_OK(LoadTable(identifier).status());
    cached = Recall(identifier);
  }
  if (!cached) return MakeError(Fault::kConfig, "Table does not exist: " + identifier.ToString());
  const auto expiry = ExpiryOf(cached->credentials);
  const int64_t now_ms = clock_.Now().micros / 1000;
  if (!expiry || *expiry - kCredentialSlackMs > now_ms) return cached->credentials;
  return Refreshed(identifier);
}

Result<std::vector<StorageCredential>> HttpRestCatalog::Refreshed(const TableIdentifier& identifier) {
  if (!server_.Has(kCredentialsEndpoint)) {  // then they come with the table
    Forget(identifier);
    ARROW_RETURN_NOT_OK(LoadTable(identifier).status());
    const auto loaded = Recall(identifier);
    return loaded ? loaded->credentials : std::vector<StorageCredential>{};
  }
  ARROW_ASSIGN_OR_RAISE(const auto response,
                        reads_.Send(Request("GET", Url(TablePath(identifier) + "/credentials")), {}));
  if (!IsSuccess(response)) return ErrorOf(response);
  ARROW_ASSIGN_OR_RAISE(auto credentials, ParseCredentials(response.text()));
  MutexLock lock(mutex_);
  const auto entry = cache_.find(identifier);
  if (entry != cache_.end()) entry->second.credentials = credentials;
  return credentials;
}

void HttpRestCatalog::Remember(const TableIdentifier& identifier, const io::HttpResponse& response,
                               const ParsedTable& parsed) {
  MutexLock lock(mutex_);
  if (cache_.size() >= kCachedTablesMax) cache_.clear();
  cache_[identifier] = {.table = parsed.table,
                        .etag = std::string(response.headers.Get("ETag").value_or("")),
                        .credentials = parsed.credentials};
}

std::optional<HttpRestCatalog::Cached> HttpRestCatalog::Recall(const TableIdentifier& identifier) {
  MutexLock lock(mutex_);
  const auto found = cache_.find(identifier);
  if (found == cache_.end()) return std::nullopt;
  return found->second;
}

void HttpRestCatalog::Forget(const TableIdentifier& identifier) {
  MutexLock lock(mutex_);
  cache_.erase(identifier);
}

}  // namespace

Result<std::unique_ptr<RestCatalog>> OpenRestCatalog(RestCatalogOptions options, const Clock& clock,
                                                     io::HttpClient* client) {
  std::unique_ptr<io::HttpClient> own;
  if (client == nullptr) {
    ARROW_ASSIGN_OR_RAISE(own, io::MakeHttpClient());
    client = own.get();
  }
  while (options.config.uri.ends_with('/')) options.config.uri.pop_back();
  ARROW_ASSIGN_OR_RAISE(auto authorizer, MakeAuthorizer(options.config, *client, clock, options.aws_keys));
  auto catalog =
      std::make_unique<HttpRestCatalog>(std::move(options), clock, *client, std::move(own), std::move(authorizer));
  const Status started = catalog->Start();
  if (!started.ok()) return Within("lake.catalog", started);
  return catalog;
}

CatalogKind Kind() {
  return {
      .name = "rest",
      .open = [](const config::LakeConfig& lake, const CatalogContext& context) -> Result<std::unique_ptr<Catalog>> {
        return OpenRestCatalog({.config = lake.catalog.rest,
                                .warehouse = lake.warehouse,
                                .aws_keys = context.aws_keys,
                                .offer_credentials = context.offer_credentials},
                               context.clock);
      }};
}

}  // namespace firn::catalog::rest
