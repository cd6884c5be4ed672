#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/administration.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "io/http_server.h"
#include "server/catalog/access.h"
#include "server/catalog/vending.h"

namespace firn::server {

struct CatalogServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8181;  // 0: any free one
  AccessOptions access;  // none: only on a loopback address
  /// Absolute path or URI; tables may be here and below the allowed locations.
  std::string warehouse;
  std::vector<std::string> allowed_locations;
  VendingOptions vending;       // what clients get for the tables' files; by default nothing
  std::string idempotency_log;  // absolute path of the file that keeps Idempotency-Keys; empty: in memory alone
  io::HttpServerOptions http;   // limits; host and port are taken from above
};

/// Serves a catalog over the Iceberg REST catalog protocol (apache/iceberg, open-api/rest-catalog-open-api.yaml): every
/// endpoint but planning on the server, functions and remote signing. Without authentication it listens on loopback
/// alone, and then refuses requests that a browser sends for a page (Origin) or that name another host (DNS rebinding).
class CatalogServer {
 public:
  /// The collaborators outlive the server. Errors: kConfig (host that needs access options, address in use, locations).
  static Result<std::unique_ptr<CatalogServer>> Start(CatalogServerOptions options, catalog::Catalog& catalog,
                                                      catalog::Administration& administration, io::FileStore& files,
                                                      const Clock& clock);
  virtual ~CatalogServer() = default;
  virtual uint16_t port() const = 0;
  virtual std::string url() const = 0;
  /// As HttpServer::Stop.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

/// True for "localhost", 127.0.0.0/8 and ::1.
bool IsLoopback(std::string_view host);

}  // namespace firn::server
