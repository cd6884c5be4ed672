#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "source/files/file_position.h"

namespace firn::source::files {

/// What a table has of its files, and what this read says about it. Thread-safe.
class KnownContents {
 public:
  struct Known {
    std::string path;  // empty: of a file that is gone
    Hash128 hash;
  };
  void Clear() FIRN_EXCLUDES(mutex_);
  void Add(const Content& content, std::string path) FIRN_EXCLUDES(mutex_);
  /// True if a file of that size is known: only then its hash needs to be looked for.
  bool HasSize(int64_t size) const FIRN_EXCLUDES(mutex_);
  /// Returns the path that the content was loaded from; nullopt if it was not.
  std::optional<std::string> Find(const Content& content) const FIRN_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<int64_t, std::vector<Known>> by_size_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::source::files
