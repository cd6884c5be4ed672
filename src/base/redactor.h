#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace firn {

/// Knows every resolved secret and removes it from text that leaves the process: logs, errors, plans, results.
/// Thread-safe. A value shorter than kSecretBytesMin is not registered, because it would redact ordinary text; the
/// caller warns about such a secret.
class Redactor {
 public:
  static constexpr size_t kSecretBytesMin = 4;

  /// Returns false if the value is too short to be redacted. Also registers its URL-encoded and base64 forms.
  bool AddSecret(std::string_view value);
  /// Returns `text` with each registered secret replaced by "***".
  std::string Redact(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> secrets_;  // guarded by mutex_; longest first
};

/// The redactor that log lines and error output pass. One for the process: a secret must not escape because some
/// layer was given another redactor.
Redactor& ProcessRedactor();

}  // namespace firn
