#pragma once

#include <string_view>

#include "base/status.h"

namespace firn::io {

/// Translates an error of arrow::fs about an object, once for the whole project: "read s3://b/k: access denied".
/// Missing object → IsNotFound; credentials, permissions → kAuth; missing bucket, malformed request → kConfig; slow
/// down, timeouts, 5xx, resets → kUnreachable (the retries are used up by then). An error that already is ours stays as
/// it is.
Status ObjectError(std::string_view what, std::string_view location, const Status& error);

/// The error for an object that is missing.
Status ObjectMissing(std::string_view what, std::string_view location);

}  // namespace firn::io
