#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"
#include "io/file_store.h"

namespace firn::io {

/// Makes files and folders durable on threads of its own, so that who needs several of them waits for the slowest fsync
/// and not for their sum. Everything is fsynced one by one, as without it; only Wait() says that it is done.
/// Thread-safe. Destroyed before Wait(), it waits; what failed then is lost, so nothing may refer to the files.
class BackgroundSync {
 public:
  /// `files` outlives it.
  explicit BackgroundSync(FileStore& files) : files_(files) {}
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;

  /// Creates a file with these bytes; its name exists on return. Its folder is to be synced after that. Errors: those
  /// of creating and writing; those of syncing come from Wait().
  Status Write(const std::string& location, std::string_view bytes);
  /// Syncs the names that exist in the folder now.
  void SyncFolder(const std::string& folder);
  /// Waits for everything begun before the call. An error stays: each later call returns it again.
  Status Wait();

 private:
  static constexpr int kThreadsMax = 8;

  void Begin(std::function<Status()> task) FIRN_EXCLUDES(mutex_);
  Status Work() FIRN_EXCLUDES(mutex_);

  FileStore& files_;
  Mutex mutex_;
  std::deque<std::function<Status()>> waiting_ FIRN_GUARDED_BY(mutex_);
  int num_threads_ FIRN_GUARDED_BY(mutex_) = 0;
  Mutex join_mutex_;  // one joins at a time, the others find nothing left to join
  TaskGroup group_;   // last: ends before what its threads use
};

}  // namespace firn::io
