#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "io/process_lock.h"

namespace firn::state {

/// Keeps two runs of one pipeline apart on one machine. Void at once when its holder dies, however it dies (the kernel
/// drops the lock); there is no expiry to wait for. Files: "<folder>/<name>.lock" and beside it "<name>.holder", which
/// says who holds it and since when and means nothing without the lock.
class Lease {
 public:
  /// Takes the lease `name` without waiting; makes `folder` if missing. `name`: any text; what a file name cannot hold
  /// is replaced and a hash added. `run_id` is shown to others. Errors: kBusy (exit code 7) naming process id and since
  /// when; kConfig and kTransient if the files cannot be made.
  static Result<Lease> Acquire(const Clock& clock, const std::string& folder, std::string_view name,
                               std::string_view run_id);

  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&& other) noexcept = default;
  bool held() const { return lock_.held(); }
  void Release() { lock_.Release(); }

 private:
  explicit Lease(io::ProcessLock lock) : lock_(std::move(lock)) {}
  io::ProcessLock lock_;
};

/// Says who holds a lease, for `status` and `doctor`; empty if nobody does. Takes nothing.
struct LeaseHolder {
  int64_t process_id = 0;
  std::string run_id;
  Timestamp since;
  std::string host;   // of a lease that is not on this machine
  Timestamp expires;  // the same; renewed until then
};
Result<std::optional<LeaseHolder>> FindHolder(const std::string& folder, std::string_view name);

}  // namespace firn::state
