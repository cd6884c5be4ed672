#pragma once

#include <arrow/type_fwd.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"
#include "source/files/file_list.h"

namespace firn::source::files {

/// All bytes of a file that did not change meanwhile.
struct FetchedFile {
  std::shared_ptr<arrow::Buffer> bytes;
  std::string etag;          // of an object
  int64_t begun_micros = 0;  // when it was first looked at
};

/// Reads a file whole. nullopt: it is gone, or not as it was listed. Errors: those of the store.
Result<std::optional<FetchedFile>> FetchFile(const FilePlace& place, const FoundFile& file, const Clock& clock);

/// Fetches files before it is their turn, several at a time: in an object store each takes some round trips, and
/// small ones little else. What they are taken for stays in order, with whoever takes them. Used by one thread.
class FetchAhead {
 public:
  struct Options {
    int threads = 1;
    int64_t bytes_max = 0;  // of files that were fetched and not taken; a larger one is fetched alone
  };
  /// `files`: in the order in which they are taken; some may be left out. `place` and `clock` are borrowed.
  FetchAhead(const FilePlace& place, const Clock& clock, std::vector<FoundFile> files, Options options);

  /// Returns the file as FetchFile does. Those before it are dropped. Errors: as FetchFile; kCancelled.
  Result<std::optional<FetchedFile>> Take(const FoundFile& file, std::stop_token stop) FIRN_EXCLUDES(mutex_);

 private:
  using Fetched = Result<std::optional<FetchedFile>>;
  std::optional<size_t> PlaceOf(const FoundFile& file) const FIRN_REQUIRES(mutex_);
  std::optional<Fetched> Await(const FoundFile& file, std::stop_token stop) FIRN_EXCLUDES(mutex_);
  Status Work(std::stop_token stop) FIRN_EXCLUDES(mutex_);
  bool HasRoom() const FIRN_REQUIRES(mutex_);
  void DropBefore(size_t index) FIRN_REQUIRES(mutex_);

  const FilePlace& place_;
  const Clock& clock_;
  const std::vector<FoundFile> files_;
  const Options options_;
  std::condition_variable_any changed_;
  Mutex mutex_;
  size_t taken_ FIRN_GUARDED_BY(mutex_) = 0;  // files before it are done with
  size_t next_ FIRN_GUARDED_BY(mutex_) = 0;   // to be fetched
  int64_t held_bytes_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<size_t, Fetched> fetched_ FIRN_GUARDED_BY(mutex_);
  TaskGroup workers_;  // last: they end first
};

}  // namespace firn::source::files
