#pragma once

#include <vector>

#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

/// The streams that a DynamicDeclarativeStream stands for: its template filled with what an API, the configuration or
/// the manifest lists. Errors: kConfig; those of the requests it makes.
Result<std::vector<Component>> MakeDynamicStreams(const Component& component, const RunContext& run);

}  // namespace firn::source::airbyte
