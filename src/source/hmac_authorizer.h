#pragma once

#include <memory>

#include "connector/plan.h"
#include "io/http_session.h"
#include "io/url.h"

namespace firn::source {

/// Signs each request anew. `clock` is borrowed. Errors: kConfig (E0552) for a template or key that cannot be read.
Result<std::unique_ptr<io::HttpAuthorizer>> MakeHmacAuthorizer(const connector::AuthPlan& plan, io::UrlParts origin,
                                                               const Clock& clock);

}  // namespace firn::source
