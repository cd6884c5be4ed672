#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "io/http_session.h"

/// GraphQL says with status 200 what others say with a status of its own (GraphQL specification, §7.1 "Response
/// Format").
namespace firn::source::rest {

/// Finds an answer that says to come back later: an error with the code THROTTLED (Shopify), RATE_LIMITED (GitHub)
/// or RATELIMITED (Linear).
/// The delay is the one in which `extensions.cost.throttleStatus` restores what the query costs, if it is there.
std::optional<io::HttpVerdict> JudgeGraphQlThrottle(const io::HttpResponse& response);

/// Fails (E0553, kConfig) if the body has errors: data that came beside them is not complete. `where`: of the table.
Status RefuseGraphQlErrors(std::string_view body, const std::string& where);

}  // namespace firn::source::rest
