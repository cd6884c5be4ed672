#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/status.h"

/// The frame and the fields of `index.state` and `files-<id>`: magic(8) version(4) check(4) length(8) payload(length)
/// checksum(16). `check` is the lower half of XXH3-64 of magic and version, so that "newer" and "torn" can be told
/// apart; `checksum` is XXH3-128 of everything before it. Little-endian.
namespace firn::table::index {

/// Appends fields to a payload.
class ByteWriter {
 public:
  template <typename Number>
  void Put(Number value) {
    static_assert(std::is_integral_v<Number>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void PutBytes(std::string_view bytes) { bytes_.append(bytes); }
  void PutText(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Takes them out again. Past the end everything is zero and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  template <typename Number>
  Number Take() {
    Number value = 0;
    const std::string_view taken = TakeBytes(sizeof value);
    if (ok_) std::memcpy(&value, taken.data(), sizeof value);
    return value;
  }
  std::string_view TakeBytes(size_t size) {
    ok_ = ok_ && size <= bytes_.size();
    if (!ok_) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view TakeText() { return TakeBytes(Take<uint32_t>()); }
  /// A count of items of at least `item_bytes` each; not ok if so many cannot follow.
  uint64_t TakeCount(size_t item_bytes) {
    const auto count = Take<uint64_t>();
    ok_ = ok_ && count <= bytes_.size() / item_bytes;
    return ok_ ? count : 0;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

/// `magic`: 8 characters.
std::string Frame(std::string_view magic, uint32_t version, std::string_view payload);
/// Returns the payload, borrowed from `bytes`. Errors: kConfig if the version is newer than `version`; kBadData if
/// anything is not as Frame made it. `what`: "the state of the key index".
Result<std::string_view> Unframe(std::string_view bytes, std::string_view magic, uint32_t version,
                                 std::string_view what);

}  // namespace firn::table::index
