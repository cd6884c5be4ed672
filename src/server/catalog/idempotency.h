#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "io/append_log.h"
#include "io/http_server.h"
#include "io/process_lock.h"

namespace firn::server {

/// Remembers what became of requests that carry an Idempotency-Key, so that a repeated one gets the same answer and has
/// no effect. Kept: 2xx and 4xx that stay; not 401, 403, 408, 429 and 5xx. A second request with a key that is being
/// answered waits for that answer. In memory: bounded by count and bytes, oldest out first; and in a file, so that a
/// restart does not forget. A crash between a commit and its line leaves the commit guarded by its requirements alone.
/// Answers with credentials, and those over 4 MiB, are in memory only. Thread-safe.
class Idempotency {
 public:
  static constexpr std::chrono::minutes kLifetime{30};
  static constexpr size_t kEntriesMax = 100'000;
  static constexpr size_t kBytesMax = size_t{64} << 20;

  /// `path`: of the file that keeps answers over a restart (one server at a time: another one keeps its own in memory,
  /// and says so); empty: none. Errors: kConfig, kTransient if it cannot be made or read.
  static Result<std::unique_ptr<Idempotency>> Open(const Clock& clock, const std::string& path);
  explicit Idempotency(const Clock& clock) : clock_(clock) {}

  /// `caller` (Access::Caller) and `request` are what the key belongs to: another request under the same key is 422. A
  /// key that is no UUID is 400. Without the header just calls `serve`.
  io::ServedResponse Once(const io::ServedRequest& request, const std::string& caller, std::stop_token stop,
                          const std::function<io::ServedResponse()>& serve) FIRN_EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string fingerprint;  // of method, path, query, caller and body
    bool done = false;
    io::ServedResponse response;
    Timestamp made;
    std::list<std::string>::iterator age;
  };
  Status Load(const std::string& path) FIRN_EXCLUDES(mutex_);
  void Keep(const std::string& key, const Entry& entry) FIRN_EXCLUDES(log_mutex_, mutex_);
  std::vector<std::string> Lines() FIRN_EXCLUDES(mutex_);
  void Forget(Timestamp now) FIRN_REQUIRES(mutex_);
  void Erase(std::map<std::string, Entry>::iterator entry) FIRN_REQUIRES(mutex_);

  const Clock& clock_;
  Mutex log_mutex_;  // taken before mutex_
  std::optional<io::ProcessLock> lock_ FIRN_GUARDED_BY(log_mutex_);
  std::optional<io::AppendLog> log_ FIRN_GUARDED_BY(log_mutex_);
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Entry> entries_ FIRN_GUARDED_BY(mutex_);
  std::list<std::string> ages_ FIRN_GUARDED_BY(mutex_);  // keys, oldest first
  size_t bytes_ FIRN_GUARDED_BY(mutex_) = 0;
};

}  // namespace firn::server
