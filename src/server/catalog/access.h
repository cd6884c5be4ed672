#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "io/http_server.h"

namespace firn::server {

/// What a bearer may do. "catalog" (the scope that clients ask for by default) allows all.
enum class Scope { kRead, kWrite };

struct ClientCredential {
  std::string id;
  std::string secret;
  std::set<Scope> scopes = {Scope::kRead, Scope::kWrite};
};

struct AccessOptions {
  std::vector<ClientCredential> clients;  // of POST /v1/oauth/tokens
  std::vector<ClientCredential> tokens;   // fixed bearer tokens: `secret` is the token, `id` its name in logs
  std::chrono::seconds token_lifetime{3600};

  bool required() const { return !clients.empty() || !tokens.empty(); }
};

/// Reads {"tokens":[{"name","token","scopes":["catalog"|"catalog:read"]}],"clients":[{"id","secret","scopes"}]}.
/// Errors: kConfig naming the entry; secrets under 16 bytes are refused.
Result<AccessOptions> ParseAccessFile(std::string_view json);

/// Knows who may call. Tokens are kept and compared as SHA-256, never logged. Thread-safe.
class Access {
 public:
  Access(AccessOptions options, const Clock& clock);

  bool required() const { return options_.required(); }
  /// Errors: 401 NotAuthorizedException (missing, unknown, expired), 403 ForbiddenException (scope).
  Status Check(const io::ServedRequest& request, Scope needed) FIRN_EXCLUDES(mutex_);
  /// Who is calling, for what belongs to a caller: the name of the token or the id of the client; empty without
  /// authentication. The same after a restart, whatever token a client has by then.
  std::string Caller(const io::ServedRequest& request) FIRN_EXCLUDES(mutex_);
  /// POST /v1/oauth/tokens: client_credentials and token exchange (a refresh). RFC 6749 §5.
  io::ServedResponse Token(const io::ServedRequest& request) FIRN_EXCLUDES(mutex_);

 private:
  struct Grant {
    std::string caller;
    std::set<Scope> scopes;
    std::optional<Timestamp> expires;
  };
  std::optional<Grant> Bearer(const io::ServedRequest& request) FIRN_EXCLUDES(mutex_);
  std::optional<Grant> Find(std::string_view token) FIRN_EXCLUDES(mutex_);
  io::ServedResponse Issue(const std::string& caller, const std::set<Scope>& allowed, std::string_view asked)
      FIRN_EXCLUDES(mutex_);

  const AccessOptions options_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<Sha256Digest, Grant> grants_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::server
