#pragma once

#include "source/registry.h"

namespace firn::source::steps {

/// `type: steps`: a workflow of requests.
SourceType Type();

}  // namespace firn::source::steps
