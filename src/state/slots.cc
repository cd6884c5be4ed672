#include "state/slots.h"

#include <utility>

namespace firn::state {
namespace {

std::string NameOf(const SlotName& slots, int64_t number) {
  return std::string(slots.name) + "-" + std::to_string(number);
}

}  // namespace

Result<std::unique_ptr<HeldLease>> TryAcquireSlot(Leases& leases, const SlotName& slots, std::string_view run_id) {
  for (int64_t number = 1; number <= slots.count; ++number) {
    auto held = leases.Acquire(NameOf(slots, number), run_id);
    if (held.ok() || FaultOf(held.status()) != Fault::kBusy) return held;
  }
  return nullptr;
}

Result<std::vector<LeaseHolder>> FindSlotHolders(Leases& leases, const SlotName& slots) {
  std::vector<LeaseHolder> holders;
  for (int64_t number = 1; number <= slots.count; ++number) {
    ARROW_ASSIGN_OR_RAISE(auto holder, leases.Find(NameOf(slots, number)));
    if (holder) holders.push_back(*std::move(holder));
  }
  return holders;
}

}  // namespace firn::state
