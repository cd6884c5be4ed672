#pragma once

#include <mutex>

#include "source/airbyte/values.h"

namespace firn::source::airbyte {

/// The configuration as it changes during a run (renewed single-use tokens). Thread-safe.
class ConfigKeeper {
 public:
  explicit ConfigKeeper(Value config) : config_(std::move(config)) {}
  Value config() const {
    const std::lock_guard lock(mutex_);
    return config_;
  }
  void Keep(Value config) {
    const std::lock_guard lock(mutex_);
    config_ = std::move(config);
  }

 private:
  mutable std::mutex mutex_;
  Value config_;
};

}  // namespace firn::source::airbyte
