#pragma once

#include <string>
#include <string_view>

namespace firn {

/// The text of any bytes, padded (RFC 4648 §4).
std::string Base64(std::string_view bytes);
/// The same with the alphabet of URLs and without padding (RFC 4648 §5, RFC 7515 §2).
std::string Base64Url(std::string_view bytes);

}  // namespace firn
