#include "io/renewing_store.h"

#include <utility>

#include "base/log.h"
#include "base/thread_annotations.h"
#include "io/sts.h"

namespace firn::io {
namespace {

class RenewingStore : public FileStore {
 public:
  RenewingStore(std::function<Result<OpenedStore>()> open, const Clock& clock)
      : open_(std::move(open)), clock_(clock) {}

  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->Read(location, bytes_max);
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->ReadRange(location, offset, length);
  }
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->OpenInput(location);
  }
  Result<std::shared_ptr<OutputFile>> OpenOutput(const std::string& location, OutputOptions options) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->OpenOutput(location, options);
  }
  Status WriteAtomic(const std::string& location, std::string_view bytes) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->WriteAtomic(location, bytes);
  }
  Status CreateExclusive(const std::string& location, std::string_view bytes) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->CreateExclusive(location, bytes);
  }
  Result<bool> Exists(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->Exists(location);
  }
  Result<int64_t> Size(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->Size(location);
  }
  Result<std::vector<FileInfo>> List(const std::string& folder, int64_t entries_max) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->List(folder, entries_max);
  }
  Status Remove(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->Remove(location);
  }
  Status CreateFolder(const std::string& folder) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->CreateFolder(folder);
  }
  Status SyncFolder(const std::string& folder) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->SyncFolder(folder);
  }
  Result<LockPlace> LockOf(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const auto store, Current());
    return store->LockOf(location);
  }

 private:
  Result<std::shared_ptr<FileStore>> Current() FIRN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const int64_t now_ms = clock_.Now().micros / 1000;
    if (opened_.store != nullptr && (opened_.expires_ms == 0 || now_ms < renew_ms_)) return opened_.store;
    auto opened = open_();
    if (opened.ok()) {
      opened_ = *std::move(opened);
      renew_ms_ = RenewalOf(now_ms, opened_.expires_ms);
      return opened_.store;
    }
    if (opened_.store == nullptr || opened_.expires_ms <= now_ms) return opened.status();
    log::Warn("credentials of a store could not be renewed yet", {{"reason", opened.status().message()}});
    return opened_.store;
  }

  const std::function<Result<OpenedStore>()> open_;
  const Clock& clock_;
  Mutex mutex_;
  OpenedStore opened_ FIRN_GUARDED_BY(mutex_);
  int64_t renew_ms_ FIRN_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<FileStore> MakeRenewingStore(std::function<Result<OpenedStore>()> open, const Clock& clock) {
  return std::make_unique<RenewingStore>(std::move(open), clock);
}

}  // namespace firn::io
