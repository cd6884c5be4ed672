#pragma once

#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

/// The run's configuration after the migrations of a ConfigNormalizationRules component: what is kept by the platform.
Result<Value> MigratedConfig(const Component& rules, const RunContext& run);
/// The same after its transformations: for this run only.
Result<Value> TransformedConfig(const Component& rules, const RunContext& run);

}  // namespace firn::source::airbyte
