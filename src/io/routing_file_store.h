#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/thread_annotations.h"
#include "io/file_store.h"
#include "io/object_location.h"

namespace firn::io {

/// Gives each location to the store of its scheme: paths and file URIs to the local one, s3://, gs://, abfss:// to
/// object stores, opened when first needed, one per bucket. Thread-safe.
class RoutingFileStore : public FileStore {
 public:
  using Opener = std::function<Result<std::unique_ptr<FileStore>>(const ObjectLocation& location)>;
  explicit RoutingFileStore(std::unique_ptr<FileStore> local);
  ~RoutingFileStore() override;

  /// How object stores are opened from now on. Those open already stay.
  void UseOpener(Opener opener) FIRN_EXCLUDES(mutex_);
  /// The same for object locations at or below `prefix` ("s3://bucket/lake/orders"), of several the longest: where a
  /// catalog hands out credentials for one table. Does nothing if the prefix has one.
  void UseOpenerBelow(std::string prefix, Opener opener) FIRN_EXCLUDES(mutex_);

  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override;
  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override;
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) override;
  Result<std::shared_ptr<OutputFile>> OpenOutput(const std::string& location, OutputOptions options) override;
  Status WriteAtomic(const std::string& location, std::string_view bytes) override;
  Status CreateExclusive(const std::string& location, std::string_view bytes) override;
  Result<bool> Exists(const std::string& location) override;
  Result<int64_t> Size(const std::string& location) override;
  Result<std::vector<FileInfo>> List(const std::string& folder, int64_t entries_max) override;
  Status Remove(const std::string& location) override;
  Status CreateFolder(const std::string& folder) override;
  Status SyncFolder(const std::string& folder) override;
  Result<LockPlace> LockOf(const std::string& location) override;

 private:
  Result<FileStore*> StoreOf(const std::string& location) FIRN_EXCLUDES(mutex_);
  const std::pair<const std::string, Opener>* Below(const std::string& location) const FIRN_REQUIRES(mutex_);

  const std::unique_ptr<FileStore> local_;
  Mutex mutex_;
  Opener opener_ FIRN_GUARDED_BY(mutex_);
  std::map<std::string, Opener> below_ FIRN_GUARDED_BY(mutex_);                       // by prefix
  std::map<std::string, std::unique_ptr<FileStore>> stores_ FIRN_GUARDED_BY(mutex_);  // by bucket, or prefix of below_
};

}  // namespace firn::io
