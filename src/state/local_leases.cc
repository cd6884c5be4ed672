#include <utility>

#include "state/leases.h"

namespace firn::state {
namespace {

/// Lost only with the process.
class LocalHeld : public HeldLease {
 public:
  explicit LocalHeld(Lease lease) : lease_(std::move(lease)) {}
  Status Check() override { return Status::OK(); }

 private:
  Lease lease_;
};

class LocalLeases : public Leases {
 public:
  LocalLeases(const Clock& clock, std::string folder) : clock_(clock), folder_(std::move(folder)) {}

  Result<std::unique_ptr<HeldLease>> Acquire(std::string_view name, std::string_view run_id) override {
    ARROW_ASSIGN_OR_RAISE(Lease lease, Lease::Acquire(clock_, folder_, name, run_id));
    return std::make_unique<LocalHeld>(std::move(lease));
  }
  Status Check() override { return Status::OK(); }
  Result<std::optional<LeaseHolder>> Find(std::string_view name) override { return FindHolder(folder_, name); }
  Result<std::optional<std::vector<std::string>>> RunsAtWork() override { return std::nullopt; }

  Result<std::optional<LeaseHolder>> Unlock(std::string_view name) override {
    ARROW_ASSIGN_OR_RAISE(const auto holder, FindHolder(folder_, name));
    if (!holder) return holder;
    return MakeError(Fault::kBusy, std::string(name) + " is held by process " + std::to_string(holder->process_id),
                     {.code = "E0752",
                      .why = "a lock on this machine ends with its holder, so this one lives",
                      .state = "nothing was changed",
                      .next = "kill " + std::to_string(holder->process_id) + ": it ends at a clean commit"});
  }

 private:
  const Clock& clock_;
  const std::string folder_;
};

}  // namespace

std::unique_ptr<Leases> MakeLocalLeases(const Clock& clock, std::string folder) {
  return std::make_unique<LocalLeases>(clock, std::move(folder));
}

}  // namespace firn::state
