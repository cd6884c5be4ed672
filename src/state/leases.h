#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "io/conditional_store.h"
#include "io/file_store.h"
#include "state/lease.h"

namespace firn::state {

/// A lease while it is held; given back by the destructor. Thread-safe.
class HeldLease {
 public:
  virtual ~HeldLease() = default;
  /// Error kBusy E0755 once the lease is lost: expired without a renewal, or taken by somebody else.
  virtual Status Check() = 0;
};

/// Leases by name, on this machine (flock) or for all machines (documents with conditional writes,
/// docs/decisions/0012-stateless-runs.md). They keep runs from working in vain; that no row is written twice is the
/// business of the token. Thread-safe.
class Leases {
 public:
  virtual ~Leases() = default;
  /// Takes the lease `name` without waiting. `run_id` is shown to others. Errors: kBusy E0752 (exit code 7) naming the
  /// holder; kConfig E0756 where leases cannot be had, E0753 of a newer firn; those of the store.
  virtual Result<std::unique_ptr<HeldLease>> Acquire(std::string_view name, std::string_view run_id) = 0;
  /// Checks all leases that were taken here and not given back. For whoever is about to commit.
  virtual Status Check() = 0;
  /// Says who holds a lease now; nullopt: nobody.
  virtual Result<std::optional<LeaseHolder>> Find(std::string_view name) = 0;
  /// Ids of the runs that hold a lease now. nullopt: not known here.
  virtual Result<std::optional<std::vector<std::string>>> RunsAtWork() = 0;
  /// Ends the lease of a holder that is dead, as the person says. Returns who held it; nullopt: nobody. A holder that
  /// lives loses it, and stops before its next commit. Error kBusy for a lease on this machine, which ends by itself.
  virtual Result<std::optional<LeaseHolder>> Unlock(std::string_view name) = 0;
};

/// Locks in `folder` (see Lease). `clock` outlives it.
std::unique_ptr<Leases> MakeLocalLeases(const Clock& clock, std::string folder);

struct StoredLeasesOptions {
  std::string folder;                          // location; "<state>/leases"
  std::chrono::milliseconds lifetime{60'000};  // renewed every third of it
  std::chrono::milliseconds margin{15'000};    // by how much clocks may differ
};
/// Documents `<folder>/<name>.json`. Everything borrowed outlives it and all its leases.
std::unique_ptr<Leases> MakeStoredLeases(const Clock& clock, io::ConditionalStore& documents, io::FileStore& files,
                                         StoredLeasesOptions options);

}  // namespace firn::state
