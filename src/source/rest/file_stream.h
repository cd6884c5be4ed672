#pragma once

#include <functional>
#include <stop_token>

#include "base/status.h"
#include "source/rest/page_stream.h"

namespace firn::source::rest {

/// Reads the files of one slice of a table whose answers are files: those that its job names, or those that its own
/// requests are answered with. `push` gets their pages in order. `seen_public`: as PageStream keeps it.
/// Credentials and headers of the source go to the origin of base_url alone.
/// Errors: those of requests, templates and files; kBadData E0546 for a job that names no file, E0547 for other rows
/// than it made; those of `push`.
Status ReadFiles(const TableContext& context, const SliceScope& scope, bool* seen_public,
                 const std::function<Status(FetchedPage)>& push, std::stop_token stop);

}  // namespace firn::source::rest
