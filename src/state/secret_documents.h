#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "io/conditional_store.h"

namespace firn::state {

/// Secrets that outlive the machine: `<folder>/<name>.json`, each encrypted (AES-256-GCM) under a key made of a secret
/// that its owner has anyway, as the refresh token of the configuration is: the store alone gives nothing away. Borrows
/// the store. Thread-safe.
class SecretDocuments {
 public:
  /// `folder`: location; "<state>/secrets".
  SecretDocuments(io::ConditionalStore& documents, std::string folder)
      : documents_(documents), folder_(std::move(folder)) {}

  /// Returns nullopt if there is none, or none that `secret` opens. Errors: those of the store; kConfig E0753.
  Result<std::optional<std::string>> Load(std::string_view name, std::string_view secret) const;
  /// Replaces it, durably.
  Status Keep(std::string_view name, std::string_view secret, std::string_view text) const;
  std::string LocationOf(std::string_view name) const { return folder_ + "/" + std::string(name) + ".json"; }

 private:
  io::ConditionalStore& documents_;
  const std::string folder_;
};

}  // namespace firn::state
