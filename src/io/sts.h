#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "io/aws_signature.h"
#include "io/http_client.h"

/// Temporary keys of a role (AWS Security Token Service, API version 2011-06-15; MinIO and others speak it too).
namespace firn::io {

struct TemporaryKeys {
  AwsKeys keys;
  int64_t expires_ms = 0;  // since 1970; 0: never
};

struct RoleRequest {
  std::string endpoint;              // "https://sts.eu-west-1.amazonaws.com"
  std::string region = "us-east-1";  // to sign for
  std::string role_arn;              // stores other than AWS need none
  std::string external_id;
  std::string session_name = "firn";
  std::string policy;  // JSON; narrows what the role may do
  int64_t lifetime_s = 3600;
  std::string web_identity_token;  // secret; if given the request is not signed (AssumeRoleWithWebIdentity)
};

/// Asks for temporary keys, with retries. `signer`: the caller's own keys, where there is no web identity token.
/// Registers the keys with the redactor. Errors: kAuth (refused), kConfig, kUnreachable, kBadData.
Result<TemporaryKeys> AssumeRole(HttpClient& client, const Clock& clock, const RoleRequest& request,
                                 const std::optional<AwsKeys>& signer, std::stop_token stop = {});

/// Keys that are fetched when first needed and again before they expire. Thread-safe; one thread fetches.
class RenewingKeys {
 public:
  using Fetch = std::function<Result<TemporaryKeys>()>;
  RenewingKeys(Fetch fetch, const Clock& clock) : fetch_(std::move(fetch)), clock_(clock) {}
  /// Keys that are still good for a while. Errors: those of fetching, once the keys there are have expired.
  Result<TemporaryKeys> Current() FIRN_EXCLUDES(mutex_);

 private:
  const Fetch fetch_;
  const Clock& clock_;
  Mutex mutex_;
  std::optional<TemporaryKeys> keys_ FIRN_GUARDED_BY(mutex_);
  int64_t renew_ms_ FIRN_GUARDED_BY(mutex_) = 0;
};

/// When something that is valid from `now_ms` to `expires_ms` is to be renewed: five minutes before, of short lives at
/// their half.
int64_t RenewalOf(int64_t now_ms, int64_t expires_ms);

}  // namespace firn::io
