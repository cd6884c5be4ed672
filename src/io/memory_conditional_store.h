#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/thread_annotations.h"
#include "io/conditional_store.h"

namespace firn::io {

/// For tests that ask a store some hundred thousand times: documents in memory, ordered as a store orders them.
class MemoryConditionalStore : public ConditionalStore {
 public:
  Result<std::optional<Document>> Read(const std::string& location) override {
    const MutexLock lock(mutex_);
    const auto found = documents_.find(location);
    if (found == documents_.end()) return std::nullopt;
    return found->second;
  }

  Result<std::string> Put(const std::string& location, std::string_view bytes,
                          const std::optional<std::string>& version) override {
    const MutexLock lock(mutex_);
    const auto found = documents_.find(location);
    const bool as_read = found == documents_.end() ? !version.has_value() : version == found->second.version;
    if (!as_read) return MakeError(Fault::kConflict, "the document is of another version");
    documents_[location] = {.bytes = std::string(bytes), .version = std::to_string(++num_writes_)};
    return std::to_string(num_writes_);
  }

 private:
  Mutex mutex_;
  std::map<std::string, Document> documents_ FIRN_GUARDED_BY(mutex_);
  int64_t num_writes_ FIRN_GUARDED_BY(mutex_) = 0;
};

/// A store as a process sees it that dies at one of its requests: before it, or after it and before the answer.
class DyingStore : public ConditionalStore {
 public:
  explicit DyingStore(ConditionalStore& inner) : inner_(inner) {}
  /// The `number`th request from now is the last, counted from 0; done or not.
  void DieAt(int number, bool done) {
    const MutexLock lock(mutex_);
    left_ = number;
    done_ = done;
  }
  bool is_dead() {
    const MutexLock lock(mutex_);
    return dead_;
  }

  Result<std::optional<Document>> Read(const std::string& location) override {
    if (const Fate fate = Next(); fate != Fate::kAnswered) return Unanswered();
    return inner_.Read(location);
  }

  Result<std::string> Put(const std::string& location, std::string_view bytes,
                          const std::optional<std::string>& version) override {
    const Fate fate = Next();
    if (fate == Fate::kNotDone) return Unanswered();
    auto put = inner_.Put(location, bytes, version);
    if (fate == Fate::kDoneUnanswered) return Unanswered();
    return put;
  }

 private:
  enum class Fate { kAnswered, kDoneUnanswered, kNotDone };

  static Status Unanswered() { return MakeError(Fault::kUnreachable, "no answer"); }
  Fate Next() {
    const MutexLock lock(mutex_);
    if (dead_) return Fate::kNotDone;
    if (!left_ || (*left_)-- > 0) return Fate::kAnswered;
    dead_ = true;
    return done_ ? Fate::kDoneUnanswered : Fate::kNotDone;
  }

  ConditionalStore& inner_;
  Mutex mutex_;
  std::optional<int> left_ FIRN_GUARDED_BY(mutex_);
  bool done_ FIRN_GUARDED_BY(mutex_) = false;
  bool dead_ FIRN_GUARDED_BY(mutex_) = false;
};

}  // namespace firn::io
