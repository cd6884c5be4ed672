#pragma once

#include <stop_token>

#include "source/registry.h"

namespace firn::source::files {

/// `source: {type: files}`. `stop`: of the process; breaks requests for files behind URLs.
SourceType Type(const std::stop_token& stop);

}  // namespace firn::source::files
