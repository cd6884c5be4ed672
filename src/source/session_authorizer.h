#pragma once

#include <memory>

#include "connector/plan.h"
#include "io/http_session.h"
#include "io/url.h"

namespace firn::source {

/// Logs in and sends the token of the answer; logs in again when it is due or refused. See MakeAuthorizer.
std::unique_ptr<io::HttpAuthorizer> MakeSessionAuthorizer(const connector::AuthPlan& plan, io::UrlParts origin,
                                                          io::HttpClient& client, const Clock& clock);

}  // namespace firn::source
