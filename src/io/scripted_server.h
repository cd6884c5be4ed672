#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "io/http_headers.h"

namespace firn::io {

/// For tests: what a scripted server received.
struct ScriptedRequest {
  std::string method;
  std::string target;  // path and query
  HttpHeaders headers;
  std::string body;
  int ordinal = 0;     // 0-based, over all connections
  int connection = 0;  // 0-based
};

/// Bytes to answer with, exactly as they are, right or wrong.
struct ScriptedReply {
  enum class End { kKeepAlive, kClose, kReset, kHang };  // kHang: silence until the client or the server goes
  std::string bytes;
  End end = End::kKeepAlive;
  size_t piece_bytes = 0;  // 0: all at once; else in pieces with a pause after each
  std::chrono::milliseconds piece_pause{0};
};

/// Makes a correct response with Content-Length.
ScriptedReply Reply(int status, std::string body, const HttpHeaders& headers = {});

/// For tests: an HTTP/1.1 server on a port of its own at 127.0.0.1 whose answers are bytes from a script. Its
/// destructor ends all connections and threads.
class ScriptedServer {
 public:
  using Handler = std::function<ScriptedReply(const ScriptedRequest&)>;  // called from several threads
  /// `host`: another address of this machine, for example 127.0.0.2.
  static Result<std::unique_ptr<ScriptedServer>> Start(Handler handler, const std::string& host = "127.0.0.1");
  virtual ~ScriptedServer() = default;
  virtual int port() const = 0;
  virtual int num_requests() const = 0;
  virtual int num_connections() const = 0;
  /// "http://127.0.0.1:port" + target
  std::string Url(const std::string& target, const std::string& host = "127.0.0.1") const;
};

}  // namespace firn::io
