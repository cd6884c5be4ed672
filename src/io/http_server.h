#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "io/http_headers.h"

namespace firn::io {

/// A complete request.
struct ServedRequest {
  std::string method;
  std::string path;                                        // still percent-encoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  HttpHeaders headers;
  std::string body;

  /// First value of a query parameter.
  std::optional<std::string> Query(std::string_view name) const;
};

struct ServedResponse {
  int status = 200;
  std::string body;  // not sent to HEAD; its length is
  HttpHeaders headers;
};

/// Answers one request. Called from `threads` threads at once; blocks one of them. `stop`: the server ends, answer
/// soon.
using ServeRequest = std::function<ServedResponse(const ServedRequest&, std::stop_token stop)>;

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // a name or an address of this machine
  uint16_t port = 0;               // 0: any free one
  int threads = 8;                 // that answer requests
  int connections_max = 512;
  int connections_per_address_max = 256;
  std::chrono::seconds idle_max{60};              // a connection on which nothing moves is closed
  std::chrono::seconds request_read_max{300};     // from the first header to the end of the body
  int64_t body_bytes_max = int64_t{32} << 20;     // of one request; more is 413
  int64_t bodies_bytes_max = int64_t{256} << 20;  // of all requests being read or answered; more is 503
};

/// An HTTP/1.1 server on a socket of its own: one thread moves bytes, `threads` answer. The only caller of
/// libmicrohttpd besides the demo shop. Speaks plain HTTP; TLS is a proxy's matter.
class HttpServer {
 public:
  /// Errors: kConfig if host or port cannot be listened on.
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, ServeRequest serve);
  /// Stops at once, as Stop(0) does.
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  /// "http://127.0.0.1:8181"
  virtual std::string url() const = 0;
  /// Takes no more connections and requests, waits up to `grace` for those under way, then stops their handlers and
  /// ends all threads. Blocks until the handlers have returned. May be called more than once.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

/// Undoes percent-encoding; '+' is a space if `form` (queries, forms). nullopt: a broken escape.
enum class Decoding { kPath, kForm };
std::optional<std::string> PercentDecode(std::string_view text, Decoding decoding);
/// Parses "a=1&b=2" of a query or of application/x-www-form-urlencoded; broken escapes are left out.
std::vector<std::pair<std::string, std::string>> ParseForm(std::string_view text);

}  // namespace firn::io
