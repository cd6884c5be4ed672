#pragma once

#include <string>

#include "base/status.h"

namespace firn::io {

/// The kind of error that a CURLcode means for one HTTP exchange.
Fault FaultFromCurl(int curl_code);

/// True if the code says that the connection was never made.
bool NeverConnected(int curl_code);

/// Translates a CURLcode. `detail`: libcurl's error text, may be empty. `url`: not yet redacted.
Status CurlError(int curl_code, const std::string& detail, const std::string& url);

}  // namespace firn::io
