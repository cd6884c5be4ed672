#pragma once

#include <memory>

#include "base/status.h"
#include "base/thread_annotations.h"
#include "io/s3_module.h"

namespace firn::io {

/// Arrow's S3 library as one object: loaded and started when first asked for, stopped by the destructor. One per
/// process, owned by main, because the SDK cannot be started again after it was stopped; it outlives every store made
/// with it. Thread-safe.
class S3Library {
 public:
  S3Library() = default;
  ~S3Library();
  S3Library(const S3Library&) = delete;
  S3Library& operator=(const S3Library&) = delete;

  /// Errors: kConfig if libfirn_s3.so is missing; kUnreachable if the bucket's region cannot be found out.
  Result<S3Connection> Connect(const S3ConnectOptions& options) FIRN_EXCLUDES(mutex_);
  /// The keys of the provider's chain, or of the settings: a function that returns current ones, empty if there are
  /// none. Thread-safe.
  Result<std::function<S3Keys()>> Keys(const ObjectStoreSettings& settings) FIRN_EXCLUDES(mutex_);

 private:
  Result<const S3Module*> Started() FIRN_EXCLUDES(mutex_);

  Mutex mutex_;
  const S3Module* module_ FIRN_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace firn::io
