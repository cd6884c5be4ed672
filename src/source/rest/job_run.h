#pragma once

#include <stop_token>

#include "base/status.h"
#include "source/rest/page_stream.h"

namespace firn::source::rest {

/// Begins the job of a table, for one slice, and waits until it is done. Returns {id, result} for templates.
/// A request to begin it is made twice at most where it is not known whether the first one did. A job that is given up,
/// by a stop or a timeout, is cancelled if the plan says how; none is taken up by a later run.
/// Errors: those of requests and templates; kBadData E0542 for a job that failed, E0546 for answers that are not as
/// declared; kUnreachable E0543 after the timeout; kCancelled.
Result<expression::Value> RunJob(const TableContext& context, SliceScope scope, std::stop_token stop);

}  // namespace firn::source::rest
