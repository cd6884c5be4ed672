#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "io/raw_key.h"

namespace firn::io {

/// AES-256-GCM under the key of one segment of a raw archive, which a master key wraps. Format:
/// docs/spec/raw_archive.md. `context`: bytes that say whose segment it is; what was sealed in another context does not
/// open. Thread-compatible.
class RawCipher {
 public:
  static constexpr int64_t kTagBytes = 16;
  static constexpr char kEntry = 'E';
  static constexpr char kIndex = 'I';

  /// Makes a random key for a new segment.
  static Result<RawCipher> New(const RawKey& key, std::string context);
  /// Unwraps the key in a segment's head. Errors: kConfig E0866 when `keys` lack its key; kBadData when the head was
  /// changed or is of another context.
  static Result<RawCipher> Open(std::string_view head, const RawKeys& keys, std::string context);
  ~RawCipher();
  RawCipher(RawCipher&&) noexcept = default;
  RawCipher& operator=(RawCipher&&) noexcept = default;
  RawCipher(const RawCipher&) = delete;
  RawCipher& operator=(const RawCipher&) = delete;

  /// JSON for the head of the segment: what is needed to open it again, the master key excepted.
  const std::string& head() const { return head_; }
  /// Encrypts in place and appends the tag. Each (`kind`, `number`) once in a segment.
  Status Seal(char kind, uint64_t number, std::string* bytes) const;
  /// Returns the plain bytes. Errors: kBadData when they are not what was sealed under these.
  Result<std::string> Open(char kind, uint64_t number, std::string_view sealed) const;

 private:
  RawCipher() = default;

  std::array<uint8_t, 32> key_{};
  std::string context_;
  std::string head_;
};

/// What the head of a segment says it is sealed with.
struct RawSeal {
  std::string key_id;     // empty: the segment is plain
  bool of_state = false;  // the key is the state folder's
};
/// Reads it. Errors: kBadData when the head is not that of a sealed segment.
Result<RawSeal> ParseRawSeal(std::string_view head);

/// E0866: what is sealed with key `id` cannot be opened with these.
Status RawKeyMissing(const std::string& id, const RawKeys& keys);

/// Hex of a code over `text` that only who has the key can make.
std::string AuthenticateRaw(const RawKey& key, std::string_view text);

}  // namespace firn::io
