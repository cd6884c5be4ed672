#pragma once

#include "io/rate_budget.h"
#include "pipeline/run_context.h"

namespace firn::pipeline {

/// Shares the rates of a run (docs/guide/limits.md): with all machines where the state is theirs and the rate is
/// declared for at most a minute, else with the processes of this machine. Borrows the context.
io::RateSharing ShareRates(const RunContext& context);

}  // namespace firn::pipeline
