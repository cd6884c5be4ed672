#pragma once

#include <string>

#include "base/status.h"

namespace firn::io {

/// The kind of error that a CURLcode means for one HTTP exchange.
Fault FaultFromCurl(int curl_code);

/// The `state` of errors after which no byte of the request has left this machine; see WasNotSent in http_client.h.
inline constexpr char kNotSentState[] = "the request was not sent";

/// Translates a CURLcode; marks those that mean no connection with kNotSentState. `detail`: libcurl's error text, may
/// be empty. `url`: not yet redacted.
Status CurlError(int curl_code, const std::string& detail, const std::string& url);

}  // namespace firn::io
