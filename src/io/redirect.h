#pragma once

#include <string>

#include "base/status.h"
#include "io/http_client.h"

namespace firn::io {

/// True for 301, 302, 303, 307, 308.
bool IsRedirect(int status);

/// Makes the request that a redirect asks for, from the one that was answered by it. 303, and 301/302 to a POST, become
/// a GET without body. Off to another host, port or scheme (an upgrade http→https of one host excepted) only headers go
/// along that are known to carry no credentials. Errors: kConfig for https→http, a malformed or missing Location.
Result<HttpRequest> RedirectedRequest(const HttpRequest& request, const HttpResponse& response);

/// The error of redirects that lead nowhere: kConfig E0925.
Status EndlessRedirects(std::string message);

}  // namespace firn::io
