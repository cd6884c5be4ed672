#include "source/files/known_contents.h"

#include <utility>

namespace firn::source::files {

void KnownContents::Clear() {
  MutexLock lock(mutex_);
  by_size_.clear();
}

void KnownContents::Add(const Content& content, std::string path) {
  MutexLock lock(mutex_);
  by_size_[content.size].push_back({std::move(path), content.hash});
}

bool KnownContents::HasSize(int64_t size) const {
  MutexLock lock(mutex_);
  return by_size_.contains(size);
}

std::optional<std::string> KnownContents::Find(const Content& content) const {
  MutexLock lock(mutex_);
  const auto found = by_size_.find(content.size);
  if (found == by_size_.end()) return std::nullopt;
  for (const Known& known : found->second) {
    if (known.hash == content.hash) return known.path;
  }
  return std::nullopt;
}

}  // namespace firn::source::files
