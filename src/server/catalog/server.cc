#include "server/catalog/server.h"

#include <utility>

#include "base/log.h"
#include "server/catalog/endpoints.h"
#include "server/catalog/idempotency.h"
#include "server/catalog/json.h"
#include "server/catalog/location_policy.h"
#include "server/catalog/names.h"
#include "server/catalog/rest_error.h"
#include "server/catalog/router.h"

namespace firn::server {
namespace {

// "localhost:8181" → "localhost", "[::1]:8181" → "::1".
std::string HostOf(std::string_view header) {
  if (header.starts_with("[")) return std::string(header.substr(1, header.find(']') - 1));
  return std::string(header.substr(0, header.find(':')));
}

std::string WithoutLastSlash(std::string text) {
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

class RestCatalogServer : public CatalogServer {
 public:
  RestCatalogServer(CatalogServerOptions options, catalog::Catalog& catalog, catalog::Administration& administration,
                    io::FileStore& files, const Clock& clock, LocationPolicy locations,
                    std::unique_ptr<Idempotency> idempotency)
      : options_(std::move(options)),
        locations_(std::move(locations)),
        vendor_(options_.vending, clock),
        backend_{catalog, administration, files, clock, locations_, vendor_},
        access_(options_.access, clock),
        idempotency_(std::move(idempotency)) {}
  ~RestCatalogServer() override { Stop(std::chrono::milliseconds(0)); }

  Status Listen();
  uint16_t port() const override { return http_->port(); }
  std::string url() const override { return http_->url(); }
  void Stop(std::chrono::milliseconds grace) override {
    if (http_ != nullptr) http_->Stop(grace);
  }

 private:
  io::ServedResponse Serve(const io::ServedRequest& request, std::stop_token stop);
  io::ServedResponse Route(const io::ServedRequest& request, std::stop_token stop);
  Status CheckLocal(const io::ServedRequest& request) const;
  Answer Config(const io::ServedRequest& request) const;

  const CatalogServerOptions options_;
  const LocationPolicy locations_;
  CredentialVendor vendor_;
  Backend backend_;
  Access access_;
  const std::unique_ptr<Idempotency> idempotency_;
  std::unique_ptr<io::HttpServer> http_;  // last: its threads use the others
};

Status RestCatalogServer::Listen() {
  io::HttpServerOptions http = options_.http;
  http.host = options_.host;
  http.port = options_.port;
  ARROW_ASSIGN_OR_RAISE(http_,
                        io::HttpServer::Start(http, [this](const io::ServedRequest& request, std::stop_token stop) {
                          return Serve(request, stop);
                        }));
  return Status::OK();
}

io::ServedResponse RestCatalogServer::Serve(const io::ServedRequest& request, std::stop_token stop) {
  io::ServedResponse response = Route(request, stop);
  response.headers.Add("X-Content-Type-Options", "nosniff");
  if (response.status == 401) response.headers.Add("WWW-Authenticate", "Bearer");
  log::Debug("catalog request", {{"method", request.method}, {"path", request.path}, {"status", response.status}});
  return response;
}

// A server without authentication must not be driven by web pages that the user looks at.
Status RestCatalogServer::CheckLocal(const io::ServedRequest& request) const {
  if (access_.required()) return Status::OK();
  if (request.headers.Has("Origin")) {
    return RestError(403, "ForbiddenException", "Forbidden: requests of web pages need authentication");
  }
  const auto host = request.headers.Get("Host");
  if (host && !IsLoopback(HostOf(*host))) {
    return RestError(403, "ForbiddenException", "Forbidden: without authentication only a loopback host is served");
  }
  return Status::OK();
}

io::ServedResponse RestCatalogServer::Route(const io::ServedRequest& request, std::stop_token stop) {
  const Status local = CheckLocal(request);
  if (!local.ok()) return ErrorAnswer(local);
  if (request.path == "/v1/oauth/tokens" && request.method == "POST" && access_.required()) {
    return access_.Token(request);
  }
  if (request.path == "/v1/config" && request.method == "GET") {
    const Status allowed = access_.Check(request, Scope::kRead);
    const Answer answer = allowed.ok() ? Config(request) : Answer(allowed);
    return answer.ok() ? *answer : ErrorAnswer(answer.status());
  }
  const Match match = FindRoute(request.method, request.path);
  const Status allowed = access_.Check(request, match.route == nullptr ? Scope::kRead : match.route->scope);
  if (!allowed.ok()) return ErrorAnswer(allowed);
  if (match.route == nullptr) {
    if (match.unsupported) {
      return ErrorAnswer(RestError(406, "UnsupportedOperationException",
                                   std::string("The server does not support ") + match.unsupported));
    }
    return ErrorAnswer(RestError(match.path_known ? 405 : 400, "BadRequestException",
                                 "No route for request: " + request.method + " " + request.path));
  }
  Call call{.request = request, .stop = stop, .may_write = access_.Check(request, Scope::kWrite).ok()};
  const auto take_names = [&]() -> Status {
    if (!match.ns.empty()) {
      ARROW_ASSIGN_OR_RAISE(call.ns, NamespaceOfPath(match.ns));
    }
    if (!match.name.empty()) {
      ARROW_ASSIGN_OR_RAISE(call.name, NameOfPath(match.name));
    }
    return Status::OK();
  };
  const Status names = take_names();
  if (!names.ok()) return ErrorAnswer(names);
  const auto serve = [&] {
    Answer answer = match.route->endpoint(backend_, call);
    return answer.ok() ? *std::move(answer) : ErrorAnswer(answer.status());
  };
  return match.route->idempotent_key ? idempotency_->Once(request, access_.Caller(request), stop, serve) : serve();
}

Answer RestCatalogServer::Config(const io::ServedRequest& request) const {
  const std::string asked = WithoutLastSlash(request.Query("warehouse").value_or(""));
  const std::string warehouse = WithoutLastSlash(options_.warehouse);
  // This server has one warehouse, so any name is a name for it; a location is one particular place.
  const bool is_location = asked.find_first_of("/:") != std::string::npos;
  const bool known =
      !is_location || asked == warehouse || asked == "file://" + warehouse || asked == "file:" + warehouse;
  if (!known) return RestError(404, "NoSuchWarehouseException", "Warehouse does not exist: " + asked);
  Json endpoints = Json::array();
  for (const struct Route& route : Routes()) endpoints.push_back(std::string(route.method) + " " + route.path);
  // The compatibility kit reads from here what kind of catalog it meets: namespaces are made before their tables.
  const Json defaults = {{"rck.requires-namespace-create", "true"}};
  return JsonAnswer(Dump({{"defaults", defaults},
                          {"overrides", Json::object()},
                          {"endpoints", endpoints},
                          {"idempotency-key-lifetime", "PT" + std::to_string(Idempotency::kLifetime.count()) + "M"}}));
}

}  // namespace

bool IsLoopback(std::string_view host) {
  if (io::EqualsIgnoringCase(host, "localhost") || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<std::unique_ptr<CatalogServer>> CatalogServer::Start(CatalogServerOptions options, catalog::Catalog& catalog,
                                                            catalog::Administration& administration,
                                                            io::FileStore& files, const Clock& clock) {
  if (!options.access.required() && !IsLoopback(options.host)) {
    return MakeError(Fault::kConfig,
                     "a catalog without authentication is served on loopback only, not on " + options.host,
                     {.why = "anybody who can reach the host could read, change and drop every table",
                      .next = "set FIRN_CATALOG_TOKEN or give --access FILE"});
  }
  std::vector<std::string> roots = {options.warehouse};
  roots.insert(roots.end(), options.allowed_locations.begin(), options.allowed_locations.end());
  ARROW_ASSIGN_OR_RAISE(auto locations, LocationPolicy::Make(roots));
  ARROW_ASSIGN_OR_RAISE(auto idempotency, Idempotency::Open(clock, options.idempotency_log));
  auto server = std::make_unique<RestCatalogServer>(std::move(options), catalog, administration, files, clock,
                                                    std::move(locations), std::move(idempotency));
  ARROW_RETURN_NOT_OK(server->Listen());
  return server;
}

}  // namespace firn::server
