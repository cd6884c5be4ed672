#include "io/faulty_file_store.h"

#include <utility>

namespace firn::io {
namespace {

using When = FaultyFileStoreOptions::When;

// Runs `call` unless its number says that it fails; kAfter runs it and then says that it failed.
template <typename Call>
auto Guarded(FaultyFileStore& store, std::string_view name, Call call) -> decltype(call()) {
  if (!store.Fails()) return call();
  if (store.when() == When::kAfter) static_cast<void>(call());
  return store.Error(name);
}

class FaultyOutputFile : public OutputFile {
 public:
  FaultyOutputFile(FaultyFileStore& store, std::shared_ptr<OutputFile> file) : store_(store), file_(std::move(file)) {}
  using OutputFile::Write;
  Status Write(const void* data, int64_t size) override {
    return Guarded(store_, "write", [&] { return file_->Write(data, size); });
  }
  Status Flush() override { return file_->Flush(); }
  Status Close() override {
    return Guarded(store_, "close", [&] { return file_->Close(); });
  }
  Status Abort() override { return file_->Abort(); }
  bool closed() const override { return file_->closed(); }
  Result<int64_t> Tell() const override { return file_->Tell(); }

 private:
  FaultyFileStore& store_;
  const std::shared_ptr<OutputFile> file_;
};

}  // namespace

FaultyFileStore::FaultyFileStore(FileStore& store, FaultyFileStoreOptions options) : store_(store), options_(options) {}

bool FaultyFileStore::Fails() {
  const int call = ++num_calls_;
  if (options_.fail_at == 0) return false;
  return options_.fail_from_then_on ? call >= options_.fail_at : call == options_.fail_at;
}

Status FaultyFileStore::Error(std::string_view call) const {
  return MakeError(options_.fault, "injected fault in " + std::string(call));
}

Result<std::shared_ptr<arrow::Buffer>> FaultyFileStore::Read(const std::string& location, int64_t bytes_max) {
  return Guarded(*this, "read", [&] { return store_.Read(location, bytes_max); });
}
Result<std::shared_ptr<arrow::Buffer>> FaultyFileStore::ReadRange(const std::string& location, int64_t offset,
                                                                  int64_t length) {
  return Guarded(*this, "read range", [&] { return store_.ReadRange(location, offset, length); });
}
Result<std::shared_ptr<arrow::io::RandomAccessFile>> FaultyFileStore::OpenInput(const std::string& location) {
  return Guarded(*this, "open", [&] { return store_.OpenInput(location); });
}
Result<std::shared_ptr<OutputFile>> FaultyFileStore::OpenOutput(const std::string& location, OutputOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto file, Guarded(*this, "create", [&] { return store_.OpenOutput(location, options); }));
  return std::make_shared<FaultyOutputFile>(*this, std::move(file));
}
Status FaultyFileStore::WriteAtomic(const std::string& location, std::string_view bytes) {
  return Guarded(*this, "write atomic", [&] { return store_.WriteAtomic(location, bytes); });
}
Status FaultyFileStore::CreateExclusive(const std::string& location, std::string_view bytes) {
  return Guarded(*this, "create exclusive", [&] { return store_.CreateExclusive(location, bytes); });
}
Result<bool> FaultyFileStore::Exists(const std::string& location) {
  return Guarded(*this, "exists", [&] { return store_.Exists(location); });
}
Result<int64_t> FaultyFileStore::Size(const std::string& location) {
  return Guarded(*this, "size", [&] { return store_.Size(location); });
}
Result<std::vector<FileInfo>> FaultyFileStore::List(const std::string& folder, int64_t entries_max) {
  return Guarded(*this, "list", [&] { return store_.List(folder, entries_max); });
}
Status FaultyFileStore::Remove(const std::string& location) {
  return Guarded(*this, "remove", [&] { return store_.Remove(location); });
}
Status FaultyFileStore::CreateFolder(const std::string& folder) {
  return Guarded(*this, "create folder", [&] { return store_.CreateFolder(folder); });
}
Status FaultyFileStore::SyncFolder(const std::string& folder) {
  return Guarded(*this, "sync folder", [&] { return store_.SyncFolder(folder); });
}

}  // namespace firn::io
