#include "io/power_cut_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <variant>

#include "base/random.h"
#include "base/thread_annotations.h"
#include "io/file_store.h"

namespace firn::io {
namespace {

namespace fs = std::filesystem;

// A file's data, kept open so that it can be read after its names are gone.
struct Inode {
  int reader = -1;
  int64_t synced_bytes = 0;
  ~Inode() {
    if (reader >= 0) ::close(reader);
  }
};
struct Folder;
using Entry = std::variant<std::shared_ptr<Inode>, std::shared_ptr<Folder>>;
using Entries = std::map<std::string, Entry>;

// The names in a folder: as seen by processes, and as a power cut would leave them.
struct Folder {
  Entries live;
  Entries durable;
};

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

class PowerCutDiskImpl : public PowerCutDisk {
 public:
  explicit PowerCutDiskImpl(std::string root) : root_(std::move(root)), tree_(std::make_shared<Folder>()) {}

  Status Adopt() {
    MutexLock lock(mutex_);
    return AdoptFolder(root_, *tree_);
  }

  int Create(const std::string& path) override {
    const int file = SystemDisk().Create(path);
    if (file < 0) return file;
    MutexLock lock(mutex_);
    auto inode = std::make_shared<Inode>();
    inode->reader = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    open_[file] = inode;
    if (Folder* folder = FolderAt(FolderOf(path))) folder->live[NameOf(path)] = inode;
    return file;
  }
  ssize_t Write(int file, const void* bytes, size_t size) override { return SystemDisk().Write(file, bytes, size); }
  int Sync(int file) override {
    MutexLock lock(mutex_);
    struct stat info;
    if (::fstat(file, &info) != 0) return -1;
    if (const auto found = open_.find(file); found != open_.end()) found->second->synced_bytes = info.st_size;
    return 0;
  }
  int Close(int file) override {
    MutexLock lock(mutex_);
    open_.erase(file);
    return SystemDisk().Close(file);
  }
  int Rename(const std::string& from, const std::string& to) override {
    MutexLock lock(mutex_);
    const int result = SystemDisk().Rename(from, to);
    if (result == 0) Move(from, to, /*keep=*/false);
    return result;
  }
  int Link(const std::string& from, const std::string& to) override {
    MutexLock lock(mutex_);
    const int result = SystemDisk().Link(from, to);
    if (result == 0) Move(from, to, /*keep=*/true);
    return result;
  }
  int Unlink(const std::string& path) override {
    MutexLock lock(mutex_);
    const int result = SystemDisk().Unlink(path);
    const int error = errno;
    if (result == 0) {
      if (Folder* folder = FolderAt(FolderOf(path))) folder->live.erase(NameOf(path));
    }
    errno = error;
    return result;
  }
  int MakeFolder(const std::string& path) override {
    MutexLock lock(mutex_);
    const int result = SystemDisk().MakeFolder(path);
    const int error = errno;
    Folder* parent = FolderAt(FolderOf(path));
    if (result == 0 && parent != nullptr) parent->live[NameOf(path)] = std::make_shared<Folder>();
    errno = error;
    return result;
  }
  int SyncFolder(const std::string& path) override {
    MutexLock lock(mutex_);
    if (Folder* folder = FolderAt(path)) folder->durable = folder->live;
    return 0;  // above the root: durable by definition
  }

  Status Materialise(const std::string& target, const PowerCutOptions& options) override {
    MutexLock lock(mutex_);
    Random random(options.seed);
    ARROW_RETURN_NOT_OK(WriteFolder(*tree_, target, options, random));
    return options.copy_unknown ? CopyUnknown(target) : Status::OK();
  }

 private:
  Status AdoptFolder(const std::string& path, Folder& folder) FIRN_REQUIRES(mutex_) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      const std::string name = entry.path().filename();
      if (entry.is_directory()) {
        auto below = std::make_shared<Folder>();
        ARROW_RETURN_NOT_OK(AdoptFolder(entry.path(), *below));
        folder.live[name] = std::move(below);
      } else if (entry.is_regular_file()) {
        auto inode = std::make_shared<Inode>();
        inode->reader = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
        inode->synced_bytes = static_cast<int64_t>(entry.file_size());
        folder.live[name] = std::move(inode);
      }
    }
    folder.durable = folder.live;
    return error ? FileError("list", path, error.value()) : Status::OK();
  }

  // Returns the folder at an absolute path, or null if it is not below the root or unknown.
  Folder* FolderAt(const std::string& path) FIRN_REQUIRES(mutex_) {
    if (path == root_) return tree_.get();
    if (!path.starts_with(root_ + "/")) return nullptr;
    Folder* folder = tree_.get();
    for (const fs::path& name : fs::path(path.substr(root_.size() + 1))) {
      const auto found = folder->live.find(name);
      if (found == folder->live.end() || !std::holds_alternative<std::shared_ptr<Folder>>(found->second)) {
        return nullptr;
      }
      folder = std::get<std::shared_ptr<Folder>>(found->second).get();
    }
    return folder;
  }

  void Move(const std::string& from, const std::string& to, bool keep) FIRN_REQUIRES(mutex_) {
    Folder* source = FolderAt(FolderOf(from));
    Folder* target = FolderAt(FolderOf(to));
    if (source == nullptr || target == nullptr || !source->live.contains(NameOf(from))) return;
    const Entry entry = source->live[NameOf(from)];
    target->live[NameOf(to)] = entry;
    if (!keep) source->live.erase(NameOf(from));
  }

  // The names that survive: what was synced, and by the mode also what was not.
  static Entries Surviving(const Folder& folder, const PowerCutOptions& options, Random& random) {
    Entries entries = folder.durable;
    if (options.mode == PowerCut::kDropUnsynced) return entries;
    if (options.mode == PowerCut::kEntriesWithoutData) return folder.live;
    for (const auto& [name, entry] : folder.live) {
      const auto old = folder.durable.find(name);
      const bool changed = old == folder.durable.end() || old->second != entry;
      if (changed && random.Below(2) == 1) entries[name] = entry;
    }
    for (const auto& [name, entry] : folder.durable) {
      if (!folder.live.contains(name) && random.Below(2) == 1) entries.erase(name);
    }
    return entries;
  }

  static Status WriteFolder(const Folder& folder, const std::string& target, const PowerCutOptions& options,
                            Random& random) {
    for (const auto& [name, entry] : Surviving(folder, options, random)) {
      const std::string path = target + "/" + name;
      if (const auto* below = std::get_if<std::shared_ptr<Folder>>(&entry)) {
        if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return FileError("create folder", path, errno);
        ARROW_RETURN_NOT_OK(WriteFolder(**below, path, options, random));
      } else {
        ARROW_RETURN_NOT_OK(WriteFile(*std::get<std::shared_ptr<Inode>>(entry), path, options, random));
      }
    }
    return Status::OK();
  }

  static Status WriteFile(const Inode& inode, const std::string& path, const PowerCutOptions& options, Random& random) {
    struct stat info;
    if (::fstat(inode.reader, &info) != 0) return FileError("stat", path, errno);
    int64_t size = inode.synced_bytes;
    if (options.mode == PowerCut::kRandom) {
      size += static_cast<int64_t>(random.Below(static_cast<uint64_t>(info.st_size - size) + 1));
    }
    std::string bytes(static_cast<size_t>(size), '\0');
    int64_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(inode.reader, bytes.data() + done, static_cast<size_t>(size - done), done);
      if (got <= 0) return FileError("read", path, errno);
      done += got;
    }
    std::ofstream out(path, std::ios::binary);
    out << bytes;
    return out.flush() ? Status::OK() : FileError("write", path, EIO);
  }

  // Everything that is on the real disk and that this object has never heard of.
  Status CopyUnknown(const std::string& target) FIRN_REQUIRES(mutex_) {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(root_, error)) {
      const std::string path = entry.path();
      const Folder* folder = FolderAt(FolderOf(path));
      if (folder != nullptr && folder->live.contains(NameOf(path))) continue;
      const std::string copy = target + path.substr(root_.size());
      if (entry.is_directory()) {
        fs::create_directories(copy, error);
      } else if (entry.is_regular_file()) {
        fs::create_directories(FolderOf(copy), error);
        fs::copy_file(path, copy, fs::copy_options::overwrite_existing, error);
      }
      if (error) return FileError("copy", path, error.value());
    }
    return error ? FileError("list", root_, error.value()) : Status::OK();
  }

  const std::string root_;
  Mutex mutex_;
  const std::shared_ptr<Folder> tree_;
  std::map<int, std::shared_ptr<Inode>> open_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<PowerCutDisk>> PowerCutDisk::Open(const std::string& root) {
  auto disk = std::make_unique<PowerCutDiskImpl>(root);
  ARROW_RETURN_NOT_OK(disk->Adopt());
  return disk;
}

}  // namespace firn::io
