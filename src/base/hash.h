#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace firn {

using Sha256Digest = std::array<uint8_t, 32>;

/// SHA-256 over several pieces. Used by one thread.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void Update(std::string_view bytes);
  /// Called once, last.
  Sha256Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// Lower-case hex, 64 characters.
std::string Sha256Hex(std::string_view bytes);
Sha256Digest HmacSha256(std::string_view key, std::string_view bytes);
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);

/// 128 bits of XXH3: fast, not for secrets. Ordered by (high, low).
struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  /// 32 lower-case hex digits, high first: the canonical form of the algorithm.
  std::string Hex() const;
};
Hash128 Xxh3(std::string_view bytes, uint64_t seed = 0);

/// Lower-case hex of any bytes.
std::string HexOf(const uint8_t* bytes, size_t size);

}  // namespace firn

template <>
struct std::hash<firn::Hash128> {
  size_t operator()(const firn::Hash128& value) const noexcept { return static_cast<size_t>(value.low); }
};
