#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/glue/catalog.h"
#include "io/http_session.h"

namespace firn::catalog::glue {

/// One call each of Glue's JSON interface, signed. Thread-safe.
class GlueClient {
 public:
  static Result<std::unique_ptr<GlueClient>> Make(const GlueCatalogOptions& options, const Clock& clock);
  ~GlueClient();

  /// A call that changes nothing, or may be repeated: tried again until it is answered. Any 4xx is an answer.
  Result<io::HttpResponse> Read(const std::string& operation, std::string body);
  /// A change: repeated only if it surely had no effect (throttled, never sent). Error kOutcomeUnknown and any 5xx: it
  /// may have been applied.
  Result<io::HttpResponse> Write(const std::string& operation, std::string body);

 private:
  class Signer;
  GlueClient(const GlueCatalogOptions& options, const Clock& clock, std::unique_ptr<io::HttpClient> client);
  io::HttpRequest Request(const std::string& operation, std::string body) const;

  const std::string endpoint_;
  const int64_t total_ms_;
  const std::unique_ptr<io::HttpClient> client_;
  const std::unique_ptr<Signer> signer_;
  io::HttpSession reads_;
  io::HttpSession writes_;
};

}  // namespace firn::catalog::glue
