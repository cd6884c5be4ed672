#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/thread_annotations.h"
#include "source/airbyte/moment.h"
#include "source/airbyte/request_parts.h"
#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

/// Credentials of a requester. Used by one thread; tokens are shared through the run's TokenStore.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// What goes into each request. May fetch a token. Errors: kConfig, kAuth, kTransient.
  virtual Result<RequestParts> Parts() = 0;
  /// Renews a token that the API no longer takes; nothing for others.
  virtual Status Renew() { return Status::OK(); }

  /// `name`: of the stream; `url_base`: of the requester. A component that is not present makes none (null).
  static Result<std::unique_ptr<Authenticator>> Make(const Component& component, const RunContext& run,
                                                     const std::string& name, const Interpolated& url_base);
};

/// Tokens fetched during a run, by what they were fetched with: streams of one credential share one token, and a
/// single-use refresh token is used once. Thread-safe.
class TokenStore {
 public:
  struct Token {
    std::string text;
    std::optional<Moment> expires;  // nullopt: never
  };
  /// Returns the token of `key` that is still good at `now`, else the one `fetch` gives (one fetch at a time).
  Result<std::string> Get(const std::string& key, Moment now, const std::function<Result<Token>()>& fetch);
  void Forget(const std::string& key);

 private:
  // Recursive: a login may itself need a token. Held while a token is fetched, so that each is fetched once.
  std::recursive_mutex mutex_;
  std::map<std::string, Token> tokens_;
};

}  // namespace firn::source::airbyte
