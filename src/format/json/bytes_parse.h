#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace firn::format::json {

/// Bytes written as text: the standard alphabet of base64 with padding (RFC 4648, section 4). Text whose last bits are
/// not zero, or with anything between, is none: two texts never give the same bytes.
std::optional<std::string> ParseBase64(std::string_view text);

/// Pairs of hexadecimal digits of either case.
std::optional<std::string> ParseHex(std::string_view text);

}  // namespace firn::format::json
