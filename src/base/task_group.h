#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/thread_annotations.h"

namespace firn {

/// Threads that live and end together. The first error of any task stops the rest and is the one reported; a real error
/// wins over kCancelled. No thread outlives the group: the destructor stops, then joins. For blocking work; CPU work
/// goes to Arrow's pool.
class TaskGroup {
 public:
  TaskGroup();
  /// A group that also stops when `parent` does.
  explicit TaskGroup(std::stop_token parent);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts a thread that runs `task(stop_token)`, which returns Status. Thread-safe; tasks may spawn tasks, before
  /// they end. What the task throws becomes kBug. If no thread can be started, Join reports it.
  template <typename Task>
  void Spawn(Task&& task) {
    auto shared = std::make_shared<std::decay_t<Task>>(std::forward<Task>(task));  // so that move-only tasks fit
    Start([shared](std::stop_token stop) { return (*shared)(std::move(stop)); });
  }

  /// Waits for all tasks. Returns the first error. Called by the owner; the group may be used again after an ok Join.
  Status Join();

  /// Asks all tasks to end.
  void Stop();
  std::stop_token stop_token() const { return stop_.get_token(); }

 private:
  void Start(std::function<Status(std::stop_token)> task);
  void Record(const Status& status) FIRN_EXCLUDES(mutex_);

  std::stop_source stop_;
  std::stop_callback<std::function<void()>> parent_;
  Mutex mutex_;
  std::vector<std::thread> threads_ FIRN_GUARDED_BY(mutex_);
  Status first_error_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn
