#include "pipeline/pool_slots.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/backoff.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/redactor.h"
#include "pipeline/progress.h"
#include "pipeline/run_leases.h"
#include "state/slots.h"

namespace firn::pipeline {
namespace {

// Between two looks whether a slot is free: others use it for seconds to hours, and a look at an object store has its
// price. Not scaled as waits for servers are: who holds a slot takes its time whatever FIRN_SLEEP_SCALE says.
constexpr int64_t kFirstLookMs = 200;
constexpr int64_t kLookMsMax = 4'000;
constexpr int64_t kWaitMsMax = int64_t{2} * 86'400'000;  // looks are paced alone; `wait` ends them
constexpr std::chrono::minutes kTellEvery{1};

// Of its leases, which are files and documents. A name that holds a secret is not written down.
std::string NameOf(const config::PoolConfig& pool) {
  const std::string shown = ProcessRedactor().Redact(pool.name);
  if (shown == pool.name) return "pool-" + pool.name;
  return "pool-" + Sha256Hex(pool.name).substr(0, 32);
}

std::string TextOf(const state::LeaseHolder& holder) {
  std::string text = "run " + holder.run_id + " (process " + std::to_string(holder.process_id);
  if (!holder.host.empty()) text += " on " + holder.host;
  return text + ", since " + FormatTimestamp(holder.since) + ")";
}

// Answers as a server that cannot be asked.
class Refused : public io::PendingResponse {
 public:
  explicit Refused(Status why) : why_(std::move(why)) {}
  Result<io::HttpResponse> Wait(std::stop_token /*stop*/) override { return why_; }

 private:
  const Status why_;
};

}  // namespace

PoolSlots::PoolSlots(const RunContext& context, const std::vector<CommitGroup>& groups)
    : context_(context),
      own_leases_(context.leases == nullptr ? MakeOwnLeases(context) : nullptr),
      leases_(context.leases == nullptr ? *own_leases_ : *context.leases) {
  for (const CommitGroup& group : groups) ++pipelines_[group.pipeline].groups_left;
}

Status PoolSlots::Enter(const CommitGroup& group, std::stop_token stop) {
  {
    MutexLock lock(mutex_);
    Pipeline& pipeline = pipelines_.at(group.pipeline);
    const auto decided = [&]() FIRN_REQUIRES(mutex_) { return !pipeline.is_entering; };
    if (!changed_.wait(lock, stop, decided)) return MakeError(Fault::kCancelled, "stopped while waiting for a turn");
    if (pipeline.has_entered) return pipeline.entered;
    pipeline.is_entering = true;
  }
  auto slots = Acquire(group, stop);
  Status entered = slots.status();
  {
    const MutexLock lock(mutex_);
    Pipeline& pipeline = pipelines_.at(group.pipeline);
    pipeline.is_entering = false;
    pipeline.has_entered = true;
    pipeline.entered = entered;
    if (slots.ok()) pipeline.slots = *std::move(slots);
    pipeline.is_in = !pipeline.slots.empty();
  }
  changed_.notify_all();
  return entered;
}

void PoolSlots::Leave(const CommitGroup& group) {
  Slots slots;
  {
    const MutexLock lock(mutex_);
    Pipeline& pipeline = pipelines_.at(group.pipeline);
    if (--pipeline.groups_left == 0) slots = std::exchange(pipeline.slots, {});
  }
  if (slots.empty()) return;
  slots.clear();  // may write to a store
  {
    const MutexLock lock(mutex_);
    pipelines_.at(group.pipeline).is_in = false;
  }
  changed_.notify_all();
}

Status PoolSlots::Check(const config::PipelineConfig& of) {
  const MutexLock lock(mutex_);
  for (const auto& slot : pipelines_.at(&of).slots) ARROW_RETURN_NOT_OK(slot->Check());
  return Status::OK();
}

// All or none: who waits keeps nothing that others could use.
Result<PoolSlots::Slots> PoolSlots::Acquire(const CommitGroup& group, std::stop_token stop) {
  const auto& pools = group.pipeline->pools;
  const BackoffOptions looks{.base_ms = kFirstLookMs, .delay_ms_max = kLookMsMax, .total_ms = kWaitMsMax};
  std::optional<Backoff> pace(std::in_place, looks, context_.clock);
  auto began = context_.clock.Steady();
  auto tell_at = began;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool waited_for_own, WaitForOwn(pools, stop));
    if (waited_for_own) {
      pace.emplace(looks, context_.clock);
      began = context_.clock.Steady();
    }
    const config::PoolConfig* full = nullptr;
    ARROW_ASSIGN_OR_RAISE(auto slots, TryAcquire(pools, &full));
    if (full == nullptr) return slots;
    const auto now = context_.clock.Steady();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(began - now) + std::chrono::milliseconds(full->wait_ms);
    if (left.count() <= 0) return GiveUp(*full);
    if (now >= tell_at) {
      Tell(group, *full, left);
      tell_at = now + kTellEvery;
    }
    ARROW_RETURN_NOT_OK(pace->Wait(stop));
  }
}

Result<PoolSlots::Slots> PoolSlots::TryAcquire(const std::vector<config::PoolConfig>& pools,
                                               const config::PoolConfig** full) {
  Slots slots;
  for (const auto& pool : pools) {
    ARROW_ASSIGN_OR_RAISE(auto slot,
                          state::TryAcquireSlot(leases_, {.name = NameOf(pool), .count = pool.slots}, context_.run_id));
    if (slot == nullptr) {
      *full = &pool;
      return Slots();
    }
    slots.push_back(std::move(slot));
  }
  return slots;
}

// To come after another pipeline of this run is an order, and takes as long as that one.
Result<bool> PoolSlots::WaitForOwn(const std::vector<config::PoolConfig>& pools, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  bool waited = false;
  const auto have_room = [&]() FIRN_REQUIRES(mutex_) {
    const bool room = std::ranges::all_of(
        pools, [&](const auto& pool) FIRN_REQUIRES(mutex_) { return NumInHere(pool.name) < pool.slots; });
    waited = waited || !room;
    return room;
  };
  if (!changed_.wait(lock, stop, have_room)) return MakeError(Fault::kCancelled, "stopped while waiting for a turn");
  return waited;
}

int64_t PoolSlots::NumInHere(const std::string& pool) const {
  return std::ranges::count_if(pipelines_, [&](const auto& entry) {
    const auto& [config, pipeline] = entry;
    return pipeline.is_in && std::ranges::find(config->pools, pool, &config::PoolConfig::name) != config->pools.end();
  });
}

std::string PoolSlots::HoldersOf(const config::PoolConfig& pool) {
  const auto holders = state::FindSlotHolders(leases_, {.name = NameOf(pool), .count = pool.slots});
  if (!holders.ok()) return "others";
  std::string text;
  for (const state::LeaseHolder& holder : *holders) text += (text.empty() ? "" : ", ") + TextOf(holder);
  return text.empty() ? "others, who have just ended" : text;
}

Status PoolSlots::GiveUp(const config::PoolConfig& pool) {
  return MakeError(Fault::kBusy,
                   "no slot of the pool " + pool.name + " came free: it has " + std::to_string(pool.slots),
                   {.code = "E0626",
                    .where = context_.project.WhereIs(pool.config_path),
                    .why = "in it: " + HoldersOf(pool),
                    .state = "nothing of this pipeline was read",
                    .next = "firn retry when they have ended, or write a longer `wait:`"});
}

void PoolSlots::Tell(const CommitGroup& group, const config::PoolConfig& pool, std::chrono::milliseconds left) {
  const std::string why = "all slots of the pool " + pool.name + " are taken, by " + HoldersOf(pool);
  log::Info("waiting for a turn", {{"pipeline", group.pipeline->name}, {"gives_up_ms", left.count()}, {"reason", why}});
  const std::string table = IdentifierOf(*group.pipeline, *group.tables.front()).ToString();
  TableProgress* progress = context_.progress.Find(table);
  if (progress == nullptr) progress = &context_.progress.Add(table);
  const auto next = std::min<std::chrono::milliseconds>(left, kTellEvery);
  progress->Wait({.delay_ms = next.count(),
                  .gives_up_ms = (left - next).count(),
                  .attempt = static_cast<int>(progress->wait().number) + 2,
                  .why = why,
                  .until = context_.clock.Steady() + next});
}

std::unique_ptr<io::PendingResponse> LimitedHttp::SendAsync(io::HttpRequest request) {
  if (Status held = slots_.Check(pipeline_); !held.ok()) return std::make_unique<Refused>(std::move(held));
  return inner_.SendAsync(std::move(request));
}

}  // namespace firn::pipeline
