#pragma once

#include <chrono>
#include <condition_variable>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "io/http_session.h"
#include "io/url.h"

namespace firn::source {

/// Puts a credential that ends into one header of the requests of one origin. It is fetched when first needed, by one
/// thread while the others wait, again when it is due (by the steady clock) and once when a request was rejected.
class RenewedAuthorizer : public io::HttpAuthorizer {
 public:
  Status Authorize(io::HttpRequest& request, std::stop_token stop) final;
  Result<bool> Renew(const io::HttpRequest& rejected, std::stop_token stop) final;

 protected:
  struct Credential {
    std::string value;  // of the header
    std::chrono::steady_clock::time_point renew_at;
  };
  /// `clock` is borrowed.
  RenewedAuthorizer(io::UrlParts origin, std::string header, const Clock& clock)
      : origin_(std::move(origin)), header_(std::move(header)), clock_(clock) {}

  const Clock& clock() const { return clock_; }
  /// When something that is good for `lifetime` from `begin` on is due: a tenth before its end, at most a minute, so
  /// that it does not end on its way.
  static std::chrono::steady_clock::time_point RenewAt(std::chrono::steady_clock::time_point begin,
                                                       std::chrono::milliseconds lifetime);

 private:
  /// Returns a new credential, known to the redactor. Called by one thread at a time.
  virtual Result<Credential> Fetch(std::stop_token stop) = 0;
  /// Returns a credential that is not due and not `rejected`.
  Result<std::string> Current(std::string_view rejected, std::stop_token stop);

  const io::UrlParts origin_;
  const std::string header_;
  const Clock& clock_;
  std::condition_variable_any changed_;
  Mutex mutex_;
  bool fetching_ FIRN_GUARDED_BY(mutex_) = false;
  std::optional<Credential> credential_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::source
