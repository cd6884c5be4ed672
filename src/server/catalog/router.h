#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/catalog/access.h"
#include "server/catalog/endpoints.h"

namespace firn::server {

using Endpoint = Answer (*)(Backend&, const Call&);

/// One endpoint of the protocol. `path` as the specification writes it: "/v1/{prefix}/namespaces/{namespace}".
struct Route {
  const char* method;
  const char* path;
  Endpoint endpoint;
  Scope scope;
  bool idempotent_key;  // honours Idempotency-Key
};

/// All endpoints there are; GET /v1/config lists exactly these.
const std::vector<Route>& Routes();

struct Match {
  const Route* route = nullptr;  // null: no such path, or not by this method
  bool path_known = false;
  const char* unsupported = nullptr;  // what the specification has and this server does not
  std::string ns;                     // raw path segments
  std::string name;
};

/// Finds the route of a raw path. This server has no prefix.
Match FindRoute(std::string_view method, std::string_view path);

}  // namespace firn::server
