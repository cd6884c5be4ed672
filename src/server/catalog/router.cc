#include "server/catalog/router.h"

#include <array>
#include <optional>

namespace firn::server {
namespace {

constexpr char kNamespaces[] = "/v1/{prefix}/namespaces";
constexpr char kNamespace[] = "/v1/{prefix}/namespaces/{namespace}";
constexpr char kTables[] = "/v1/{prefix}/namespaces/{namespace}/tables";
constexpr char kTable[] = "/v1/{prefix}/namespaces/{namespace}/tables/{table}";
constexpr char kViews[] = "/v1/{prefix}/namespaces/{namespace}/views";
constexpr char kView[] = "/v1/{prefix}/namespaces/{namespace}/views/{view}";

// In the specification, not here.
struct Unsupported {
  std::string_view path;
  const char* what;
};
constexpr std::array<Unsupported, 6> kUnsupported = {{
    {"/v1/{prefix}/namespaces/{namespace}/tables/{table}/plan", "planning of scans"},
    {"/v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}", "planning of scans"},
    {"/v1/{prefix}/namespaces/{namespace}/tables/{table}/tasks", "planning of scans"},
    {"/v1/{prefix}/namespaces/{namespace}/tables/{table}/sign", "remote signing: ask for vended-credentials"},
    {"/v1/{prefix}/namespaces/{namespace}/functions", "functions"},
    {"/v1/{prefix}/namespaces/{namespace}/functions/{function}", "functions"},
}};

std::string_view NextSegment(std::string_view& path) {
  const size_t end = path.find('/', 1);
  const std::string_view segment = path.substr(1, end == std::string_view::npos ? end : end - 1);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return segment;
}

// Fits a raw path to a pattern; {namespace} goes to `ns`, any other parameter to `name`.
struct Fitted {
  std::string ns, name;
};
std::optional<Fitted> Fit(std::string_view pattern, std::string_view path) {
  Fitted fitted;
  while (!pattern.empty()) {
    const std::string_view wanted = NextSegment(pattern);
    if (wanted == "{prefix}") continue;
    if (path.empty() || path[0] != '/') return std::nullopt;
    const std::string_view segment = NextSegment(path);
    if (segment.empty()) return std::nullopt;
    if (wanted == "{namespace}") {
      fitted.ns = std::string(segment);
    } else if (wanted.starts_with("{")) {
      fitted.name = std::string(segment);
    } else if (wanted != segment) {
      return std::nullopt;
    }
  }
  if (!path.empty()) return std::nullopt;
  return fitted;
}

}  // namespace

const std::vector<Route>& Routes() {
  static const std::vector<Route> routes = {
      {"GET", kNamespaces, ListNamespaces, Scope::kRead, false},
      {"POST", kNamespaces, CreateNamespace, Scope::kWrite, true},
      {"GET", kNamespace, LoadNamespace, Scope::kRead, false},
      {"HEAD", kNamespace, NamespaceExists, Scope::kRead, false},
      {"DELETE", kNamespace, DropNamespace, Scope::kWrite, true},
      {"POST", "/v1/{prefix}/namespaces/{namespace}/properties", UpdateNamespace, Scope::kWrite, true},
      {"GET", kTables, ListTables, Scope::kRead, false},
      {"POST", kTables, CreateTable, Scope::kWrite, true},
      {"POST", "/v1/{prefix}/namespaces/{namespace}/register", RegisterTable, Scope::kWrite, true},
      {"GET", kTable, LoadTable, Scope::kRead, false},
      {"HEAD", kTable, TableExists, Scope::kRead, false},
      {"POST", kTable, CommitTable, Scope::kWrite, true},
      {"DELETE", kTable, DropTable, Scope::kWrite, true},
      {"POST", "/v1/{prefix}/namespaces/{namespace}/tables/{table}/unregister", UnregisterTable, Scope::kWrite, true},
      {"GET", "/v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials", TableCredentials, Scope::kRead, false},
      {"POST", "/v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics", TableMetrics, Scope::kRead, false},
      {"POST", "/v1/{prefix}/tables/rename", RenameTable, Scope::kWrite, true},
      {"POST", "/v1/{prefix}/transactions/commit", CommitTransaction, Scope::kWrite, true},
      {"GET", kViews, ListViews, Scope::kRead, false},
      {"POST", kViews, CreateView, Scope::kWrite, true},
      {"GET", kView, LoadView, Scope::kRead, false},
      {"HEAD", kView, ViewExists, Scope::kRead, false},
      {"POST", kView, ReplaceView, Scope::kWrite, true},
      {"DELETE", kView, DropView, Scope::kWrite, true},
      {"POST", "/v1/{prefix}/views/rename", RenameView, Scope::kWrite, true},
      {"POST", "/v1/{prefix}/namespaces/{namespace}/register-view", RegisterView, Scope::kWrite, true},
  };
  return routes;
}

Match FindRoute(std::string_view method, std::string_view path) {
  Match match;
  for (const Route& route : Routes()) {
    const auto fitted = Fit(route.path, path);
    if (!fitted) continue;
    match.path_known = true;
    if (method != route.method) continue;
    match.route = &route;
    match.ns = fitted->ns;
    match.name = fitted->name;
    return match;
  }
  for (const Unsupported& endpoint : kUnsupported) {
    if (Fit(endpoint.path, path)) match.unsupported = endpoint.what;
  }
  return match;
}

}  // namespace firn::server
