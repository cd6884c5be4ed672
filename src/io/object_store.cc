#include "io/object_store.h"

#include <arrow/buffer.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/util/future.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "io/local_file_store.h"
#include "io/object_error.h"
#include "io/object_input.h"

namespace firn::io {
namespace {

using arrow::fs::FileType;

/// What the files of a store share with it.
struct Backend {
  std::shared_ptr<arrow::fs::FileSystem> files;
  std::unique_ptr<ObjectRequests> requests;
  int64_t single_put_bytes;
};

Result<std::optional<int64_t>> SizeOf(const Backend& backend, const std::string& location, const std::string& path) {
  const auto info = backend.files->GetFileInfo(path);
  if (!info.ok()) {
    const Status error = ObjectError("look up", location, info.status());
    if (IsNotFound(error)) return std::nullopt;
    return error;
  }
  if (info->type() != FileType::File) return std::nullopt;
  return info->size();
}

Status AlreadyThere(const std::string& location) {
  return MakeError(Fault::kConflict, "create " + location + ": it exists already");
}

class ObjectOutputFile : public OutputFile {
 public:
  ObjectOutputFile(std::shared_ptr<const Backend> backend, std::string location, ObjectLocation object)
      : backend_(std::move(backend)), location_(std::move(location)), object_(std::move(object)) {}
  ~ObjectOutputFile() override {
    const Status aborted = ObjectOutputFile::Abort();
    if (!aborted.ok()) log::Warn("upload not aborted", {{"reason", aborted.message()}});
  }

  using OutputFile::Write;
  Status Write(const void* data, int64_t size) override {
    if (closed_) return MakeError(Fault::kBug, "write to a closed file " + location_);
    const std::string_view bytes(static_cast<const char*>(data), static_cast<size_t>(size));
    position_ += size;
    if (stream_ == nullptr && position_ <= backend_->single_put_bytes) {
      buffered_.append(bytes);
      return Status::OK();
    }
    if (stream_ == nullptr) ARROW_RETURN_NOT_OK(BeginUpload());
    return Said("write", stream_->Write(bytes.data(), size));
  }
  Status Flush() override { return Status::OK(); }  // nothing is visible or durable before Close

  Status Close() override {
    if (closed_) return Status::OK();
    FIRN_FAILPOINT("io.object_before_close");
    Status done = stream_ == nullptr && backend_->requests != nullptr ? PutWhole() : EndUpload();
    if (!done.ok()) {
      static_cast<void>(Abort());  // the first error is the one to tell
      return done;
    }
    closed_ = true;
    stream_.reset();
    FIRN_FAILPOINT("io.object_after_close");
    return Status::OK();
  }

  Status Abort() override {
    if (std::exchange(closed_, true)) return Status::OK();
    buffered_.clear();
    if (stream_ == nullptr) return Status::OK();
    return Said("abort", std::exchange(stream_, nullptr)->Abort());
  }

  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return position_; }

 private:
  Status Said(std::string_view what, const Status& status) const {
    return status.ok() ? status : ObjectError(what, location_, status);
  }

  Status BeginUpload() {
    ARROW_ASSIGN_OR_RAISE(const auto there, SizeOf(*backend_, location_, object_.path()));
    if (there) return AlreadyThere(location_);
    auto stream = backend_->files->OpenOutputStream(object_.path());
    if (!stream.ok()) return ObjectError("create", location_, stream.status());
    stream_ = *std::move(stream);
    const Status written = stream_->Write(buffered_.data(), static_cast<int64_t>(buffered_.size()));
    std::string().swap(buffered_);
    return Said("write", written);
  }

  Status PutWhole() {
    Status put = backend_->requests->PutIfAbsent(object_.bucket, object_.key, buffered_);
    if (IsConditionUnknown(put)) {
      ARROW_ASSIGN_OR_RAISE(const auto there, SizeOf(*backend_, location_, object_.path()));
      put = there ? AlreadyThere(location_) : backend_->requests->Put(object_.bucket, object_.key, buffered_);
    }
    std::string().swap(buffered_);
    return put;
  }

  // The answer to the last request of an upload may be lost after the object was made. Then it has its full size: an
  // object appears as a whole, and nobody else writes under this name.
  Status EndUpload() {
    if (stream_ == nullptr) ARROW_RETURN_NOT_OK(BeginUpload());
    const Status closed = stream_->Close();
    if (closed.ok()) return closed;
    const auto there = SizeOf(*backend_, location_, object_.path());
    if (there.ok() && *there == position_) {
      stream_.reset();
      return Status::OK();
    }
    return ObjectError("finish", location_, closed);
  }

  const std::shared_ptr<const Backend> backend_;
  const std::string location_;
  const ObjectLocation object_;
  std::string buffered_;
  std::shared_ptr<arrow::io::OutputStream> stream_;  // from the first byte over single_put_bytes on
  int64_t position_ = 0;
  bool closed_ = false;
};

class ObjectFileStore : public FileStore {
 public:
  explicit ObjectFileStore(ObjectStoreOptions options)
      : backend_(std::make_shared<Backend>(
            Backend{std::move(options.files), std::move(options.requests), options.single_put_bytes})),
        lock_folder_(std::move(options.lock_folder)) {}

  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override {
    ARROW_ASSIGN_OR_RAISE(const auto input, OpenInput(location));
    ARROW_ASSIGN_OR_RAISE(const int64_t size, input->GetSize());
    if (size > bytes_max) {
      return MakeError(Fault::kBadData, "file is larger than allowed: " + std::to_string(size) + " > " +
                                            std::to_string(bytes_max) + " bytes, " + location);
    }
    return ReadAllOf(*input, location, 0, size);
  }

  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override {
    ARROW_ASSIGN_OR_RAISE(const auto input, OpenInput(location));
    return ReadAllOf(*input, location, offset, length);
  }

  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseObjectLocation(location));
    auto input = backend_->files->OpenInputFile(object.path());
    if (!input.ok()) return ObjectError("open", location, input.status());
    return MakeObjectInput(*std::move(input), location);
  }

  Result<std::shared_ptr<OutputFile>> OpenOutput(const std::string& location, OutputOptions) override {
    ARROW_ASSIGN_OR_RAISE(ObjectLocation object, KeyedLocation(location));
    return std::make_shared<ObjectOutputFile>(backend_, location, std::move(object));
  }

  Status WriteAtomic(const std::string& location, std::string_view bytes) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, KeyedLocation(location));
    if (backend_->requests != nullptr) return backend_->requests->Put(object.bucket, object.key, bytes);
    auto stream = backend_->files->OpenOutputStream(object.path());
    if (!stream.ok()) return ObjectError("create", location, stream.status());
    Status done = (*stream)->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
    if (done.ok()) done = (*stream)->Close();
    return done.ok() ? done : ObjectError("write", location, done);
  }

  Status CreateExclusive(const std::string& location, std::string_view bytes) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, KeyedLocation(location));
    if (backend_->requests != nullptr) return backend_->requests->PutIfAbsent(object.bucket, object.key, bytes);
    return MakeError(Fault::kConfig,
                     "conditional writes to this kind of object store are not in this build: " + location);
  }

  Result<bool> Exists(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseObjectLocation(location));
    ARROW_ASSIGN_OR_RAISE(const auto size, SizeOf(*backend_, location, object.path()));
    return size.has_value();
  }

  Result<int64_t> Size(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseObjectLocation(location));
    ARROW_ASSIGN_OR_RAISE(const auto size, SizeOf(*backend_, location, object.path()));
    if (!size) return ObjectMissing("look up", location);
    return *size;
  }

  Result<std::vector<FileInfo>> List(const std::string& folder, int64_t entries_max) override;

  Status Remove(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, KeyedLocation(location));
    if (backend_->requests != nullptr) return backend_->requests->Delete(object.bucket, object.key);
    const Status removed = backend_->files->DeleteFile(object.path());
    if (removed.ok()) return removed;
    const Status error = ObjectError("remove", location, removed);
    return IsNotFound(error) ? Status::OK() : error;
  }

  Status CreateFolder(const std::string&) override { return Status::OK(); }
  Status SyncFolder(const std::string&) override { return Status::OK(); }
  Result<LockPlace> LockOf(const std::string& location) override;

 private:
  static Result<ObjectLocation> KeyedLocation(const std::string& location) {
    ARROW_ASSIGN_OR_RAISE(ObjectLocation object, ParseObjectLocation(location));
    if (object.key.empty()) return MakeError(Fault::kConfig, "a file needs a name below its bucket: " + location);
    return object;
  }

  static Result<std::shared_ptr<arrow::Buffer>> ReadAllOf(arrow::io::RandomAccessFile& input,
                                                          const std::string& location, int64_t offset, int64_t length) {
    ARROW_ASSIGN_OR_RAISE(auto buffer, input.ReadAt(offset, length));
    if (buffer->size() == length) return buffer;
    return MakeError(Fault::kBadData, "file ends early: " + location + ", wanted " + std::to_string(length) +
                                          " bytes at " + std::to_string(offset) + ", got " +
                                          std::to_string(buffer->size()));
  }

  const std::shared_ptr<const Backend> backend_;
  const std::string lock_folder_;
};

Result<std::vector<FileInfo>> ObjectFileStore::List(const std::string& folder, int64_t entries_max) {
  std::string base = folder;
  while (base.ends_with('/')) base.pop_back();
  ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseObjectLocation(base));
  arrow::fs::FileSelector selector;
  selector.base_dir = object.path();
  selector.allow_not_found = true;
  selector.recursive = true;
  std::vector<FileInfo> found;
  const auto pages = backend_->files->GetFileInfoGenerator(selector);
  while (true) {
    const auto page = pages().result();
    if (!page.ok()) return ObjectError("list", folder, page.status());
    if (page->empty()) break;
    for (const arrow::fs::FileInfo& info : *page) {
      if (info.type() != FileType::File) continue;
      if (static_cast<int64_t>(found.size()) >= entries_max) {
        return MakeError(Fault::kBadData,
                         "folder has too many files: " + folder + ", limit " + std::to_string(entries_max));
      }
      const auto since = std::chrono::duration_cast<std::chrono::microseconds>(info.mtime().time_since_epoch());
      found.push_back({.location = base + info.path().substr(object.path().size()),
                       .size_bytes = info.size(),
                       .modified_micros = since.count()});
    }
  }
  std::ranges::sort(found, {}, &FileInfo::location);
  return found;
}

// The id of a lock folder. A copied folder on another machine is another one, hence the host name.
Result<std::string> ScopeOf(const std::string& folder) {
  const auto local = MakeLocalFileStore();
  const std::string path = folder + "/scope";
  ARROW_ASSIGN_OR_RAISE(const bool exists, local->Exists(path));
  if (!exists) {
    std::array<uint8_t, 16> id{};
    FillRandom(id);
    const Status made = local->CreateExclusive(path, HexOf(id.data(), id.size()));
    if (!made.ok() && FaultOf(made) != Fault::kConflict) return made;
  }
  ARROW_ASSIGN_OR_RAISE(const std::string id, local->ReadText(path, 1024));
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return FileError("gethostname", "", errno);
  return id + "@" + host.data();
}

Result<LockPlace> ObjectFileStore::LockOf(const std::string& location) {
  if (lock_folder_.empty()) {
    return MakeError(Fault::kConfig, "no folder for locks, so nothing can be written to " + location,
                     {.next = "run inside a project"});
  }
  std::error_code error;
  std::filesystem::create_directories(lock_folder_, error);
  if (error) return FileError("create folder", lock_folder_, error.value());
  ARROW_ASSIGN_OR_RAISE(std::string scope, ScopeOf(lock_folder_));
  return LockPlace{.path = lock_folder_ + "/" + Sha256Hex(location).substr(0, 32) + ".lock", .scope = std::move(scope)};
}

}  // namespace

std::unique_ptr<FileStore> MakeObjectStore(ObjectStoreOptions options) {
  return std::make_unique<ObjectFileStore>(std::move(options));
}

}  // namespace firn::io
