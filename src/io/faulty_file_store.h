#pragma once

#include <atomic>
#include <memory>

#include "io/file_store.h"

namespace firn::io {

struct FaultyFileStoreOptions {
  enum class When { kBefore, kAfter };
  int fail_at = 0;  // 1-based call that fails; 0: none. Writes and Close of streams count as calls
  bool fail_from_then_on = false;
  When when = When::kBefore;  // fail without doing it, or do it and then say it failed
  Fault fault = Fault::kTransient;
};

/// For tests: passes calls on and lets the n-th fail (STYLE.md §8). Reads count too. Thread-safe.
class FaultyFileStore : public FileStore {
 public:
  FaultyFileStore(FileStore& store, FaultyFileStoreOptions options);
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
  Result<LockPlace> LockOf(const std::string& location) override { return store_.LockOf(location); }

  /// Calls so far; a walk over fail_at ends when a run makes fewer.
  int num_calls() const { return num_calls_; }

  /// Counts one call; used by the streams this store hands out.
  bool Fails();
  Status Error(std::string_view call) const;
  FaultyFileStoreOptions::When when() const { return options_.when; }

 private:
  FileStore& store_;
  const FaultyFileStoreOptions options_;
  std::atomic<int> num_calls_{0};
};

}  // namespace firn::io
