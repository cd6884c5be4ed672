#pragma once

#include <arrow/type_fwd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "io/http_headers.h"

namespace firn::io {

using std::chrono::milliseconds;

class BodyFile;

struct HttpTimeouts {
  milliseconds connect = std::chrono::seconds(15);     // name, TCP, TLS
  milliseconds first_byte = std::chrono::seconds(60);  // from request sent to status line
  milliseconds idle = std::chrono::seconds(60);        // between two pieces of the body
  milliseconds total = std::chrono::minutes(10);       // redirects included
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // absolute, http or https
  HttpHeaders headers;
  std::string body;
  HttpTimeouts timeouts;
  int64_t body_bytes_max = int64_t{256} << 20;  // decoded; more is kBadData
  /// Where the body of a 2xx goes, instead of into memory; it is empty in the response then. Each attempt begins it
  /// anew, and body_bytes_max is for other answers alone. Null: none.
  std::shared_ptr<BodyFile> body_file;
  bool follow_redirects = true;  // else a 3xx is returned as it is
  /// Whether repeating the request after an unknown outcome does no harm; nullopt: by method (all but POST and PATCH).
  std::optional<bool> repeatable;
  /// False: a redirect away from a server at a public address must not lead to a private one (IsPrivateAddress): an API
  /// must not be able to send us to the neighbours of this machine. Behind a proxy, which looks names up by itself,
  /// only addresses written in the URL are seen.
  bool private_redirects = true;
  /// True: no server at a private address at all.
  bool public_only = false;
};

struct HttpTiming {
  milliseconds first_byte{0};
  milliseconds total{0};
};

/// A complete answer: a body that is short in any way never gets here.
struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  // of the last response; Content-Encoding already undone, the field is kept
  /// Decoded; at least kBodyPaddingBytes zero bytes follow it. Never null.
  std::shared_ptr<arrow::Buffer> body;
  std::string effective_url;  // after redirects; not redacted
  HttpTiming timing;
  int64_t wire_bytes = 0;  // of the body, before decoding
  int num_redirects = 0;
  bool http2 = false;
  bool ends_by_close = false;  // no length was announced: where the connection ended, that was the end of the body
  bool from_public_address = false;  // known to be; never through a proxy

  std::string_view text() const;
};
inline constexpr int64_t kBodyPaddingBytes = 64;

/// A request under way. Destroying it cancels the request.
class PendingResponse {
 public:
  virtual ~PendingResponse() = default;
  /// Waits for the end; called once. Errors as HttpClient::Send; kCancelled when stopped.
  virtual Result<HttpResponse> Wait(std::stop_token stop) = 0;
};

/// Makes one HTTP exchange at a time per call, without retries (HttpSession retries). Thread-safe.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Starts a request. Errors come from Wait.
  virtual std::unique_ptr<PendingResponse> SendAsync(HttpRequest request) = 0;
  /// Sends and waits. Any status is a response, not an error (see HttpStatusError). Errors:
  ///   kTransient    reset, timeout, truncated body, wrong Content-Length, bad chunking, corrupt compression, DNS
  ///   kConfig       malformed URL, other scheme, redirect loop or https→http, TLS trust, unknown host name syntax
  ///   kBadData      body over body_bytes_max, or a compressed body that explodes (ratio cap), headers over the cap
  ///   kCancelled    stopped
  /// Messages carry the redacted URL.
  Result<HttpResponse> Send(HttpRequest request, std::stop_token stop);
};

struct HttpClientOptions {
  std::string user_agent;           // empty: "firn/<version>"
  std::string ca_file;              // empty: FIRN_CA_FILE, then the system's
  std::string client_cert_file;     // PEM; shown to servers that ask for one; empty: none
  std::string client_key_file;      // PEM; of the certificate
  std::string client_key_password;  // empty: the key is not encrypted
  std::string proxy;                // "http://host:port"; empty: http_proxy/https_proxy/no_proxy of the environment
  bool verify_tls = true;
  int connections_per_host_max = 16;
  int connections_max = 64;
  int redirects_max = 10;
  int64_t header_bytes_max = 256 << 10;
  int64_t decoded_ratio_max = 1000;   // decoded / wire bytes, looked at above 1 MiB decoded
  arrow::MemoryPool* pool = nullptr;  // of bodies; null: Arrow's default pool
  /// For tests: what counts as private; null: IsPrivateAddress.
  std::function<bool(const std::string& address)> is_private;
};

/// Errors: kConfig for a file named in the options that cannot be opened.
Status CheckFiles(const HttpClientOptions& options);

/// True if an error of Send says that no byte of the request left this machine, so that it surely had no effect.
bool WasNotSent(const Status& status);

/// The client on libcurl's multi interface: keep-alive, HTTP/2 where offered, one event-loop thread owned by the
/// client. Pending requests must end before the client is destroyed. Errors: kConfig for a missing CA file.
Result<std::unique_ptr<HttpClient>> MakeHttpClient(HttpClientOptions options = {});

/// The error that a status means, ok for 2xx and 304: 401, 403, 407 → kAuth; 408, 425, 5xx → kTransient; 429, and
/// 503 with Retry-After → kThrottled; 409, 412 → kConflict; other 3xx and 4xx → kConfig. The message has the redacted
/// URL and the shape of the first bytes of the body (digits→9, letters→x), never its text.
Status HttpStatusError(const HttpResponse& response);

/// Undoes gzip, zstd or a zlib header found in the first bytes of a body that no Content-Encoding announced
/// ("*.json.gz"). Returns the same buffer if there is none. Padded like a response body. `bytes_max`: of the result.
/// Errors: kTransient if the compressed data is cut or corrupt, kBadData above the limits.
Result<std::shared_ptr<arrow::Buffer>> DecompressIfNeeded(std::shared_ptr<arrow::Buffer> body, int64_t bytes_max,
                                                          arrow::MemoryPool* pool = nullptr);

}  // namespace firn::io
