#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_annotations.h"
#include "io/http_client.h"
#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "state/leases.h"

namespace firn::pipeline {

/// The slots that the pipelines of a run hold of their pools (docs/guide/limits.md): a pipeline has one of each while
/// any of its groups is at work. Thread-safe.
class PoolSlots {
 public:
  /// `groups`: all that will be entered. Borrows both. Does no I/O.
  PoolSlots(const RunContext& context, const std::vector<CommitGroup>& groups);

  /// Before a group is run: the first of a pipeline waits for the slots, the others wait for it. Errors: kBusy E0626
  /// naming the holders, for all groups of the pipeline; kCancelled; those of state::Leases.
  Status Enter(const CommitGroup& group, std::stop_token stop);
  /// After it, whether it was let in or not: the last of a pipeline gives the slots back.
  void Leave(const CommitGroup& group);
  /// Error kBusy E0755 once a slot of the pipeline is lost.
  Status Check(const config::PipelineConfig& pipeline);

 private:
  using Slots = std::vector<std::unique_ptr<state::HeldLease>>;
  struct Pipeline {
    size_t groups_left = 0;
    bool is_entering = false;
    bool has_entered = false;
    Status entered;      // once it has
    bool is_in = false;  // its slots are not free yet
    Slots slots;
  };

  Result<Slots> Acquire(const CommitGroup& group, std::stop_token stop);
  Result<Slots> TryAcquire(const std::vector<config::PoolConfig>& pools, const config::PoolConfig** full);
  Result<bool> WaitForOwn(const std::vector<config::PoolConfig>& pools, const std::stop_token& stop);
  int64_t NumInHere(const std::string& pool) const FIRN_REQUIRES(mutex_);
  std::string HoldersOf(const config::PoolConfig& pool);
  Status GiveUp(const config::PoolConfig& pool);
  void Tell(const CommitGroup& group, const config::PoolConfig& pool, std::chrono::milliseconds left);

  const RunContext& context_;
  std::unique_ptr<state::Leases> own_leases_;  // where the context has none
  state::Leases& leases_;
  std::condition_variable_any changed_;
  Mutex mutex_;
  std::map<const config::PipelineConfig*, Pipeline> pipelines_ FIRN_GUARDED_BY(mutex_);
};

/// A client that sends for a pipeline only while it holds its slots: a process that was frozen until others took them
/// over asks for nothing more. Thread-safe; borrows what it is made of.
class LimitedHttp : public io::HttpClient {
 public:
  LimitedHttp(io::HttpClient& inner, PoolSlots& slots, const config::PipelineConfig& pipeline)
      : inner_(inner), slots_(slots), pipeline_(pipeline) {}
  std::unique_ptr<io::PendingResponse> SendAsync(io::HttpRequest request) override;

 private:
  io::HttpClient& inner_;
  PoolSlots& slots_;
  const config::PipelineConfig& pipeline_;
};

}  // namespace firn::pipeline
