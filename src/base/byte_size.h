#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace firn {

inline namespace literals {
constexpr int64_t operator""_KiB(unsigned long long n) {
  return static_cast<int64_t>(n) << 10;
}
constexpr int64_t operator""_MiB(unsigned long long n) {
  return static_cast<int64_t>(n) << 20;
}
constexpr int64_t operator""_GiB(unsigned long long n) {
  return static_cast<int64_t>(n) << 30;
}
}  // namespace literals

/// Parses "1048576", "64MiB", "1.5 GiB", "10MB", "512 B": K/M/G/T, with "i" for powers of 1024 and without for powers
/// of 1000; a bare number is bytes. Unit letters in any case. Errors: kConfig if malformed, negative or over 2^63-1.
Result<int64_t> ParseByteSize(std::string_view text);

/// Formats with powers of 1024 and at most one fraction digit: "512 B", "1.5 GiB".
std::string FormatByteSize(int64_t bytes);

}  // namespace firn
