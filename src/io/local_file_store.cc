#include "io/local_file_store.h"

#include <arrow/buffer.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/thread_annotations.h"

namespace firn::io {
namespace {

// The deliberate mistake that a power-cut test must notice.
bool SkipsSync() {
  return failpoint::SeededBug("no_fsync");
}

Status WriteAll(Disk& disk, int file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = disk.Write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return Status::OK();
}

Status SyncFile(Disk& disk, int file, const std::string& path) {
  if (SkipsSync()) return Status::OK();
  // Not repeated on failure: the kernel may have dropped the pages, and a second fsync would say ok.
  return disk.Sync(file) == 0 ? Status::OK() : FileError("fsync", path, errno);
}

Status SyncFolderAt(Disk& disk, const std::string& path) {
  if (SkipsSync()) return Status::OK();
  return disk.SyncFolder(path) == 0 ? Status::OK() : FileError("fsync folder", path, errno);
}

class LocalOutputFile : public OutputFile {
 public:
  LocalOutputFile(Disk& disk, int file, std::string path, Durability durability)
      : disk_(disk), file_(file), path_(std::move(path)), durability_(durability) {}
  ~LocalOutputFile() override {
    if (file_ >= 0) static_cast<void>(LocalOutputFile::Abort());
  }

  using OutputFile::Write;
  Status Write(const void* data, int64_t size) override {
    if (file_ < 0) return MakeError(Fault::kBug, "write to a closed file " + path_);
    const std::string_view bytes(static_cast<const char*>(data), static_cast<size_t>(size));
    position_ += size;
    if (buffered_.size() + bytes.size() <= kBufferBytes) {
      buffered_.append(bytes);
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(Flush());
    if (bytes.size() > kBufferBytes) return WriteAll(disk_, file_, path_, bytes);
    buffered_.append(bytes);
    return Status::OK();
  }

  Status Flush() override {
    ARROW_RETURN_NOT_OK(WriteAll(disk_, file_, path_, buffered_));
    buffered_.clear();
    return Status::OK();
  }

  Status Close() override {
    if (file_ < 0) return Status::OK();
    Status status = Flush();
    if (status.ok()) status = BeforeSync();
    if (status.ok() && durability_ != Durability::kNone) status = SyncFile(disk_, file_, path_);
    if (!status.ok()) {
      static_cast<void>(Abort());  // the first error is the one to tell
      return status;
    }
    const int closed = disk_.Close(std::exchange(file_, -1));
    if (closed != 0) return FileError("close", path_, errno);
    if (durability_ == Durability::kSynced) ARROW_RETURN_NOT_OK(SyncFolderAt(disk_, FolderOf(path_)));
    return AfterSync();
  }

  Status Abort() override {
    if (file_ < 0) return Status::OK();
    disk_.Close(std::exchange(file_, -1));
    if (disk_.Unlink(path_) != 0 && errno != ENOENT) return FileError("remove", path_, errno);
    return Status::OK();
  }

  bool closed() const override { return file_ < 0; }
  Result<int64_t> Tell() const override { return position_; }

 private:
  static constexpr size_t kBufferBytes = 64 << 10;

  Status BeforeSync() {
    FIRN_FAILPOINT("io.file_before_sync");
    return Status::OK();
  }
  Status AfterSync() {
    FIRN_FAILPOINT("io.file_after_sync");
    return Status::OK();
  }

  Disk& disk_;
  int file_;
  const std::string path_;
  const Durability durability_;
  std::string buffered_;
  int64_t position_ = 0;
};

class OpenFile {
 public:
  static Result<OpenFile> Open(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return FileError("open", path, errno);
    OpenFile open(file);
    struct stat info;
    if (::fstat(file, &info) != 0) return FileError("stat", path, errno);
    if (S_ISDIR(info.st_mode)) return FileError("open", path, EISDIR);
    open.size_bytes_ = info.st_size;
    return open;
  }
  OpenFile(OpenFile&& other) noexcept : file_(std::exchange(other.file_, -1)), size_bytes_(other.size_bytes_) {}
  ~OpenFile() {
    if (file_ >= 0) ::close(file_);
  }
  int64_t size_bytes() const { return size_bytes_; }
  int Release() { return std::exchange(file_, -1); }

  Result<std::shared_ptr<arrow::Buffer>> ReadAt(const std::string& path, int64_t offset, int64_t length,
                                                arrow::MemoryPool* pool) {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(length, pool));
    int64_t done = 0;
    while (done < length) {
      const ssize_t got =
          ::pread(file_, buffer->mutable_data() + done, static_cast<size_t>(length - done), offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FileError("read", path, errno);
      if (got == 0) {
        return MakeError(Fault::kBadData, "file ends early: " + path + ", wanted " + std::to_string(length) +
                                              " bytes at " + std::to_string(offset) + ", got " + std::to_string(done));
      }
      done += got;
    }
    buffer->ZeroPadding();
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

 private:
  explicit OpenFile(int file) : file_(file) {}
  int file_;
  int64_t size_bytes_ = 0;
};

std::string TemporaryName(const std::string& path) {
  uint8_t bytes[8];
  FillRandom(bytes);
  const size_t slash = path.rfind('/');
  return path.substr(0, slash + 1) + "." + path.substr(slash + 1) + "." + HexOf(bytes, sizeof bytes) + ".tmp";
}

class LocalFileStore : public FileStore {
 public:
  explicit LocalFileStore(const LocalFileStoreOptions& options)
      : disk_(options.disk != nullptr ? *options.disk : SystemDisk()),
        pool_(options.pool != nullptr ? options.pool : arrow::default_memory_pool()) {}

  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    ARROW_ASSIGN_OR_RAISE(OpenFile file, OpenFile::Open(path));
    if (file.size_bytes() > bytes_max) {
      return MakeError(Fault::kBadData, "file is larger than allowed: " + path + ", " +
                                            std::to_string(file.size_bytes()) + " > " + std::to_string(bytes_max));
    }
    return file.ReadAt(path, 0, file.size_bytes(), pool_);
  }

  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override {
    FIRN_CHECK(offset >= 0 && length >= 0);
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    ARROW_ASSIGN_OR_RAISE(OpenFile file, OpenFile::Open(path));
    if (length > file.size_bytes() - offset) {  // before allocating: lengths come from file contents
      return MakeError(Fault::kBadData, "file ends early: " + path + ", wanted " + std::to_string(length) +
                                            " bytes at " + std::to_string(offset) + " of " +
                                            std::to_string(file.size_bytes()));
    }
    return file.ReadAt(path, offset, length, pool_);
  }

  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    ARROW_ASSIGN_OR_RAISE(OpenFile file, OpenFile::Open(path));
    ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(file.Release(), pool_));
    return input;
  }

  Result<std::shared_ptr<OutputFile>> OpenOutput(const std::string& location, OutputOptions options) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    if (options.create_folders) ARROW_RETURN_NOT_OK(MakeFolders(FolderOf(path), options.durability));
    const int file = disk_.Create(path);
    if (file < 0) return FileError("create", path, errno);
    return std::make_shared<LocalOutputFile>(disk_, file, path, options.durability);
  }

  Status WriteAtomic(const std::string& location, std::string_view bytes) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    ARROW_ASSIGN_OR_RAISE(const std::string temporary, WriteTemporary(path, bytes));
    FIRN_FAILPOINT("io.write_atomic_before_rename");
    if (disk_.Rename(temporary, path) != 0) {
      const Status status = FileError("rename to", path, errno);
      disk_.Unlink(temporary);
      return status;
    }
    FIRN_FAILPOINT("io.write_atomic_before_folder_sync");
    return SyncFolderAt(disk_, FolderOf(path));
  }

  Status CreateExclusive(const std::string& location, std::string_view bytes) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    ARROW_ASSIGN_OR_RAISE(const std::string temporary, WriteTemporary(path, bytes));
    FIRN_FAILPOINT("io.create_exclusive_before_link");
    const int linked = disk_.Link(temporary, path);
    const int error = errno;
    disk_.Unlink(temporary);
    if (linked != 0) return FileError("create", path, error);
    return SyncFolderAt(disk_, FolderOf(path));
  }

  Result<bool> Exists(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return FileError("stat", path, errno);
  }

  Result<int64_t> Size(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return FileError("stat", path, errno);
    return info.st_size;
  }

  Result<std::vector<FileInfo>> List(const std::string& folder, int64_t entries_max) override;

  Status Remove(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(location));
    if (disk_.Unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) return Status::OK();
    return FileError("remove", path, errno);
  }

  Status CreateFolder(const std::string& folder) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(folder));
    return MakeFolders(path, Durability::kSynced);
  }

  Status SyncFolder(const std::string& folder) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(folder));
    return SyncFolderAt(disk_, path);
  }

 private:
  // Writes and syncs `bytes` beside `path` under a name of its own.
  Result<std::string> WriteTemporary(const std::string& path, std::string_view bytes) {
    ARROW_RETURN_NOT_OK(MakeFolders(FolderOf(path), Durability::kSynced));
    const std::string temporary = TemporaryName(path);
    const int file = disk_.Create(temporary);
    if (file < 0) return FileError("create", temporary, errno);
    LocalOutputFile output(disk_, file, temporary, Durability::kFileOnly);
    ARROW_RETURN_NOT_OK(output.Write(bytes.data(), static_cast<int64_t>(bytes.size())));
    ARROW_RETURN_NOT_OK(output.Close());
    return temporary;
  }

  // Folders are made under one lock, so that nobody uses a folder whose own name is not yet durable. What an earlier
  // process left unsynced is covered by syncing a few levels above on the first use in this process.
  Status MakeFolders(std::string path, Durability durability) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    MutexLock lock(folders_mutex_);
    return MakeFoldersLocked(path, durability, kLevelsSynced);
  }

  Status MakeFoldersLocked(const std::string& path, Durability durability, int levels) FIRN_REQUIRES(folders_mutex_) {
    if (path.empty() || path == "/" || levels == 0) return Status::OK();
    struct stat info;
    const bool exists = ::stat(path.c_str(), &info) == 0;
    if (exists && folders_.contains(path)) return Status::OK();
    if (exists && !S_ISDIR(info.st_mode)) return FileError("create folder", path, ENOTDIR);
    const std::string parent = FolderOf(path);
    ARROW_RETURN_NOT_OK(MakeFoldersLocked(parent, durability, exists ? levels - 1 : levels));
    if (!exists && disk_.MakeFolder(path) != 0 && errno != EEXIST) return FileError("create folder", path, errno);
    if (durability == Durability::kNone) return Status::OK();
    const Status synced = SyncFolderAt(disk_, parent);
    if (!synced.ok() && !exists) return synced;  // a foreign parent of an old folder may be unreadable to us
    folders_.insert(path);
    return Status::OK();
  }

  static constexpr int kLevelsSynced = 4;

  Disk& disk_;
  arrow::MemoryPool* const pool_;
  Mutex folders_mutex_;
  std::set<std::string> folders_ FIRN_GUARDED_BY(folders_mutex_);  // durable by our hand; one entry per folder used
};

Result<std::vector<FileInfo>> LocalFileStore::List(const std::string& folder, int64_t entries_max) {
  namespace fs = std::filesystem;
  std::string base = folder;
  while (base.size() > 1 && base.back() == '/') base.pop_back();
  ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfLocation(base));
  std::vector<FileInfo> files;
  std::error_code error;
  fs::recursive_directory_iterator entries(path, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    struct stat info;
    if (::lstat(entries->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;  // gone meanwhile, or no file
    if (static_cast<int64_t>(files.size()) >= entries_max) {
      return MakeError(Fault::kBadData,
                       "folder has too many files: " + path + ", limit " + std::to_string(entries_max));
    }
    files.push_back({.location = base + entries->path().native().substr(path.size()),
                     .size_bytes = info.st_size,
                     .modified_micros = info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1'000});
  }
  if (error && error.value() != ENOENT) return FileError("list", path, error.value());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.location < b.location; });
  return files;
}

}  // namespace

std::unique_ptr<FileStore> MakeLocalFileStore(LocalFileStoreOptions options) {
  return std::make_unique<LocalFileStore>(options);
}

}  // namespace firn::io
