#pragma once

#include <string>
#include <string_view>

namespace firn {

enum class Digest { kSha1, kSha256, kSha384, kSha512 };

/// The keyed hash of RFC 2104: 20, 32, 48 or 64 bytes.
std::string Hmac(Digest digest, std::string_view key, std::string_view bytes);

}  // namespace firn
