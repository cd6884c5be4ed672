#pragma once

#include <memory>

#include "base/clock.h"
#include "base/status.h"
#include "config/lake_config.h"
#include "io/http_session.h"
#include "io/storage_keys.h"

namespace firn::catalog::rest {

/// Makes what puts credentials on requests: SigV4 if a region is given (with `aws_keys`, asked before
/// each request), else OAuth2 client credentials, else a bearer token, else null. Tokens
/// are fetched when first needed, by one thread while others wait, and again shortly before they expire and on a 401.
/// Credentials go only to the origin of `uri` (and of the token endpoint). Registers secrets with the redactor.
/// Errors: kConfig (malformed credential or URL, no AWS keys).
Result<std::unique_ptr<io::HttpAuthorizer>> MakeAuthorizer(const config::RestCatalogConfig& config,
                                                           io::HttpClient& client, const Clock& clock,
                                                           io::AwsKeySource aws_keys);

}  // namespace firn::catalog::rest
