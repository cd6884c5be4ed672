#include "io/routing_file_store.h"

#include <utility>

namespace firn::io {

RoutingFileStore::RoutingFileStore(std::unique_ptr<FileStore> local) : local_(std::move(local)) {}

RoutingFileStore::~RoutingFileStore() = default;

void RoutingFileStore::UseOpener(Opener opener) {
  MutexLock lock(mutex_);
  opener_ = std::move(opener);
}

void RoutingFileStore::UseOpenerBelow(std::string prefix, Opener opener) {
  while (prefix.ends_with('/')) prefix.pop_back();
  MutexLock lock(mutex_);
  below_.emplace(std::move(prefix), std::move(opener));
}

// The longest prefix of `location` that ends where a name ends.
const std::pair<const std::string, RoutingFileStore::Opener>* RoutingFileStore::Below(
    const std::string& location) const {
  for (std::string_view prefix = location; !prefix.empty() && !below_.empty();) {
    const auto found = below_.find(std::string(prefix));
    if (found != below_.end()) return &*found;
    const size_t slash = prefix.rfind('/');
    prefix = slash == std::string_view::npos ? std::string_view() : prefix.substr(0, slash);
  }
  return nullptr;
}

Result<FileStore*> RoutingFileStore::StoreOf(const std::string& location) {
  if (!IsObjectLocation(location)) return local_.get();
  ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseObjectLocation(location));
  MutexLock lock(mutex_);
  const auto* below = Below(location);
  auto& store = stores_[below != nullptr ? below->first : object.Sibling("")];
  if (store != nullptr) return store.get();
  if (below != nullptr) {
    ARROW_ASSIGN_OR_RAISE(store, below->second(object));
    return store.get();
  }
  if (!opener_) return MakeError(Fault::kConfig, "object stores cannot be reached here: " + location);
  // Under the lock: others would only open the same store again, and opening is one request at most.
  ARROW_ASSIGN_OR_RAISE(store, opener_(object));
  return store.get();
}

Result<std::shared_ptr<arrow::Buffer>> RoutingFileStore::Read(const std::string& location, int64_t bytes_max) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->Read(location, bytes_max);
}
Result<std::shared_ptr<arrow::Buffer>> RoutingFileStore::ReadRange(const std::string& location, int64_t offset,
                                                                   int64_t length) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->ReadRange(location, offset, length);
}
Result<std::shared_ptr<arrow::io::RandomAccessFile>> RoutingFileStore::OpenInput(const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->OpenInput(location);
}
Result<std::shared_ptr<OutputFile>> RoutingFileStore::OpenOutput(const std::string& location, OutputOptions options) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->OpenOutput(location, options);
}
Status RoutingFileStore::WriteAtomic(const std::string& location, std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->WriteAtomic(location, bytes);
}
Status RoutingFileStore::CreateExclusive(const std::string& location, std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->CreateExclusive(location, bytes);
}
Result<bool> RoutingFileStore::Exists(const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->Exists(location);
}
Result<int64_t> RoutingFileStore::Size(const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->Size(location);
}
Result<std::vector<FileInfo>> RoutingFileStore::List(const std::string& folder, int64_t entries_max) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(folder));
  return store->List(folder, entries_max);
}
Status RoutingFileStore::Remove(const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->Remove(location);
}
Status RoutingFileStore::CreateFolder(const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(folder));
  return store->CreateFolder(folder);
}
Status RoutingFileStore::SyncFolder(const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(folder));
  return store->SyncFolder(folder);
}
Result<LockPlace> RoutingFileStore::LockOf(const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(FileStore * store, StoreOf(location));
  return store->LockOf(location);
}

}  // namespace firn::io
