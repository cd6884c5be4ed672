#pragma once

#include "source/registry.h"

namespace firn::source::files {

/// `source: {type: files}`.
SourceType Type();

}  // namespace firn::source::files
