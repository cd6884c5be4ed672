#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "io/process_lock.h"
#include "state/leases.h"
#include "state/secret_documents.h"

namespace firn::state {

/// Refresh tokens that a server exchanged for new ones: whoever loses the newest cannot log in again. One file per
/// credential, mode 0600 in a folder of mode 0700, replaced at once and durable before the new access token is used.
/// The only secrets firn keeps; the redactor knows what is read from here. Thread-safe.
class RefreshTokens {
 public:
  /// `folder`: plain path, usually "<state>/secrets"; made at the first lock. `clock` outlives this.
  /// `elsewhere`: where there is no disk that stays: kept there, encrypted under the configured secret, and locked for
  /// all machines by a lease. Both borrowed, or null.
  RefreshTokens(std::string folder, const Clock& clock, const SecretDocuments* elsewhere = nullptr,
                Leases* leases = nullptr)
      : folder_(std::move(folder)), clock_(clock), elsewhere_(elsewhere), leases_(leases) {}

  /// Held from reading a token to keeping its successor, so that of two processes one exchanges it.
  struct Lock {
    io::ProcessLock here;
    std::unique_ptr<HeldLease> everywhere;
  };
  /// Waits at most `wait_max`. Errors: kBusy; kCancelled; kConfig for the folder; those of the leases.
  Result<Lock> Take(const std::string& name, std::chrono::milliseconds wait_max, std::stop_token stop) const;
  /// Returns the newest token of a credential, nullopt if none is kept. `configured`: the secret that the configuration
  /// has in its place. Errors: kConfig for a file that cannot be read; those of SecretDocuments.
  Result<std::optional<std::string>> Load(const std::string& name, const std::string& configured) const;
  /// Replaces the token of a credential.
  Status Keep(const std::string& name, const std::string& configured, const std::string& token) const;
  /// Where the token of a credential is.
  std::string PathOf(const std::string& name) const {
    return elsewhere_ != nullptr ? elsewhere_->LocationOf(name) : folder_ + "/" + name + ".token";
  }

 private:
  Status MakeFolder() const;
  Result<std::optional<std::string>> LoadHere(const std::string& name) const;
  Status KeepHere(const std::string& name, const std::string& token) const;

  const std::string folder_;
  const Clock& clock_;
  const SecretDocuments* const elsewhere_;
  Leases* const leases_;
};

}  // namespace firn::state
