#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "pipeline/run_context.h"
#include "state/leases.h"

namespace firn::pipeline {

/// Takes the lease `name` of this run: where the context keeps leases, else in the state folder. Errors: those of
/// state::Leases::Acquire.
Result<std::unique_ptr<state::HeldLease>> AcquireLease(const RunContext& context, const std::string& name);

/// Locks in the state folder, for a context that keeps no leases. Borrows its clock.
std::unique_ptr<state::Leases> MakeOwnLeases(const RunContext& context);

}  // namespace firn::pipeline
