#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "config/lake_config.h"
#include "io/object_settings.h"
#include "io/storage_keys.h"

namespace firn::server {

struct VendingOptions {
  config::VendConfig config;
  io::ObjectStoreSettings storage;  // of the lake; also where clients reach the store
  io::AwsKeySource keys;            // of the lake's own keys: to ask for a role with
};

/// What a client is given for the files below `prefix`: "s3.access-key-id" and so on. Secret values.
struct VendedCredential {
  std::string prefix;
  std::map<std::string, std::string> config;
};

/// Hands out credentials for the files of a table (rest-catalog-open-api.yaml, "StorageCredential"). Thread-safe.
class CredentialVendor {
 public:
  CredentialVendor(VendingOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

  /// `location`: of a table, and checked to be one of ours. `may_write`: whether the caller may change it. Empty: there
  /// is nothing to hand out (not configured, a local table, static keys for somebody who may only read).
  /// Errors: those of the token service; kConfig for a location whose name would mean more in a policy.
  Result<std::vector<VendedCredential>> Vend(const std::string& location, bool may_write) FIRN_EXCLUDES(mutex_);

 private:
  std::map<std::string, std::string> Place() const;
  Result<io::TemporaryKeys> Narrowed(const std::string& location, bool may_write) FIRN_EXCLUDES(mutex_);
  Result<io::TemporaryKeys> Ask(const std::string& policy) const;

  const VendingOptions options_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<io::RenewingKeys>> narrowed_ FIRN_GUARDED_BY(mutex_);
};

/// The session policy that lets its bearer read, and change if `may_write`, objects below s3://bucket/key alone.
/// Errors: kConfig for a name with characters that policies read as patterns or variables.
Result<std::string> TablePolicy(const std::string& location, bool may_write);

}  // namespace firn::server
