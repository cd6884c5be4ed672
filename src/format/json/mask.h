#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// Write-time masks (DESIGN.md §5.7): bound to the *source path* and applied before anything else sees a value.
namespace firn::format::json {

enum class MaskMethod {
  kRedact,  // "***"
  kNull,    // null
  kSha256,  // lower-case hex SHA-256 of the value
  kHmac,    // lower-case hex HMAC-SHA-256 of the value with `key`
  kIp,      // last 8 bits of IPv4, last 80 bits of IPv6 set to zero; anything else is redacted
};

/// `path`: source keys joined by dots; array levels are passed through ("users.email" covers each element of users).
/// A masked value becomes one string whatever its kind: objects and arrays are masked as a whole, so siblings, child
/// keys and renames cannot escape. What is hashed: a string's unescaped bytes, else the JSON text of the value.
struct MaskRule {
  std::string path;
  MaskMethod method = MaskMethod::kRedact;
  std::string key;  // kHmac
};

/// A trie of mask rules. Immutable after Make; shared between threads.
class MaskTree {
 public:
  /// Errors: kConfig for an empty path or an HMAC without key.
  static Result<std::shared_ptr<const MaskTree>> Make(const std::vector<MaskRule>& rules);

  /// Returns the subtree of `key`, or null if nothing at or under it is masked. Borrowed.
  const MaskTree* Child(std::string_view key) const;
  /// True if the value at this place itself is masked (then nothing under it matters).
  bool masks_value() const { return rule_.has_value(); }
  bool is_null_mask() const { return rule_ && rule_->method == MaskMethod::kNull; }

  /// Returns the masked form of a value. `text`: unescaped bytes of a string or JSON text of anything else but null.
  /// nullopt means null. Only when masks_value().
  std::optional<std::string> Apply(std::string_view text) const;

 private:
  std::optional<MaskRule> rule_;
  std::vector<std::pair<std::string, std::unique_ptr<MaskTree>>> children_;
};

/// Returns the JSON text `value` with every masked value replaced, whitespace kept. `value`: one valid JSON value (the
/// decoder has checked it); `masks` may be null, then the text is returned as it is.
/// Errors: kBadData if it is no valid JSON after all.
Result<std::string> MaskedText(std::string_view value, const MaskTree* masks);

}  // namespace firn::format::json
