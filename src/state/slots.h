#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "state/leases.h"

namespace firn::state {

/// A counting semaphore made of leases: `name` has the slots "<name>-1" to "<name>-<count>", and who holds the lease of
/// one is in. As leases, slots end with their holder: at once on one machine, else when its promise is over. All who
/// use a name have to agree on `count`.
struct SlotName {
  std::string_view name;
  int64_t count = 1;
};

/// Takes a free slot without waiting; null: all are held. Errors: those of Leases::Acquire but kBusy.
Result<std::unique_ptr<HeldLease>> TryAcquireSlot(Leases& leases, const SlotName& slots, std::string_view run_id);
/// Says who holds slots now. Errors: those of Leases::Find.
Result<std::vector<LeaseHolder>> FindSlotHolders(Leases& leases, const SlotName& slots);

}  // namespace firn::state
