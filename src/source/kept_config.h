#pragma once

#include <stop_token>
#include <string>

#include "base/status.h"

namespace firn::state {
class RefreshTokens;
}

namespace firn::source {

/// The configuration of a connector as the connector left it: tokens that are good for one use are renewed while it
/// runs. What the user writes anew wins. Thread-safe.
class KeptConfig {
 public:
  /// `kept`: where changes are kept, borrowed; null: nowhere. `written`: the user's, JSON text.
  KeptConfig(const state::RefreshTokens* kept, const std::string& pipeline, std::string written);

  /// Returns the newest one, JSON text.
  Result<std::string> Get() const;
  /// Keeps a change for later runs. Errors: kConfig E0655 if there is no place for it.
  Status Set(const std::string& config, std::stop_token stop) const;

 private:
  const state::RefreshTokens* const kept_;
  const std::string written_, name_;
};

}  // namespace firn::source
