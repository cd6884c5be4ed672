#include "pipeline/run_leases.h"

#include <filesystem>
#include <system_error>

namespace firn::pipeline {

Result<std::unique_ptr<state::HeldLease>> AcquireLease(const RunContext& context, const std::string& name) {
  // Whoever works needs the folder for spills and the log, wherever its lease is.
  std::error_code error;
  std::filesystem::create_directories(context.project.state_folder, error);
  if (error) {
    return MakeError(Fault::kConfig,
                     "the state folder cannot be made: " + context.project.state_folder + ": " + error.message());
  }
  if (context.leases != nullptr) return context.leases->Acquire(name, context.run_id);
  return MakeOwnLeases(context)->Acquire(name, context.run_id);
}

std::unique_ptr<state::Leases> MakeOwnLeases(const RunContext& context) {
  return state::MakeLocalLeases(context.clock, context.project.state_folder + "/locks");
}

}  // namespace firn::pipeline
