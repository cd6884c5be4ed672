// Preloaded into firn by power_cut_test.py: remembers what a disk that loses everything not synced would still hold.
//
// FIRN_POWER_CUT_ROOT: the folder that counts. FIRN_POWER_CUT_SHADOW: a folder on the same file system that gets
//   files/<inode>    the bytes of a file at its last fsync or fdatasync
//   folders/<inode>  the entries of a folder at its last fsync: "<f|d> <inode> <name>\0" each
//   kept/<inode>     a link to every file that was removed, so that no inode number is used again
// A name counts only if its folder was synced after it came; a removal likewise. Nothing else survives.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

namespace {

std::mutex mutex;

template <typename Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::string Shadow(const char* kind, ino_t inode) {
  return std::string(std::getenv("FIRN_POWER_CUT_SHADOW")) + "/" + kind + "/" + std::to_string(inode);
}

bool Counts(const std::string& path) {
  const char* root = std::getenv("FIRN_POWER_CUT_ROOT");
  if (root == nullptr || std::getenv("FIRN_POWER_CUT_SHADOW") == nullptr) return false;
  const std::string folder = root;
  return path == folder || path.starts_with(folder + "/");
}

std::string PathOf(int file) {
  char path[4096];
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
  return size < 0 ? "" : std::string(path, static_cast<size_t>(size));
}

void Write(const std::string& target, const std::string& bytes) {
  const std::string temporary = target + ".new";
  std::FILE* out = std::fopen(temporary.c_str(), "wb");
  if (out == nullptr) std::abort();
  if (std::fwrite(bytes.data(), 1, bytes.size(), out) != bytes.size() || std::fclose(out) != 0) std::abort();
  Next<int (*)(const char*, const char*)>("rename")(temporary.c_str(), target.c_str());
}

std::string BytesOf(const std::string& path) {
  std::string bytes;
  std::FILE* in = std::fopen(path.c_str(), "rb");
  if (in == nullptr) return bytes;
  char block[1 << 16];
  for (size_t got = std::fread(block, 1, sizeof block, in); got > 0; got = std::fread(block, 1, sizeof block, in)) {
    bytes.append(block, got);
  }
  std::fclose(in);
  return bytes;
}

std::string EntriesOf(const std::string& path) {
  std::string entries;
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return entries;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    struct stat status{};
    if (name == "." || name == ".." || lstat((path + "/" + name).c_str(), &status) != 0) continue;
    entries += std::string(S_ISDIR(status.st_mode) ? "d " : "f ") + std::to_string(status.st_ino) + " " + name;
    entries += '\0';
  }
  closedir(folder);
  return entries;
}

int Sync(int file) {
  const std::string path = PathOf(file);
  struct stat status{};
  if (!Counts(path) || fstat(file, &status) != 0) return 0;
  const std::lock_guard lock(mutex);
  if (S_ISDIR(status.st_mode)) {
    Write(Shadow("folders", status.st_ino), EntriesOf(path));
  } else {
    Write(Shadow("files", status.st_ino), BytesOf("/proc/self/fd/" + std::to_string(file)));
  }
  return 0;
}

void Keep(const char* path) {
  struct stat status{};
  char* full = realpath(path, nullptr);
  if (full != nullptr && Counts(full) && lstat(full, &status) == 0 && S_ISREG(status.st_mode)) {
    [[maybe_unused]] const int linked = link(full, Shadow("kept", status.st_ino).c_str());
  }
  std::free(full);
}

}  // namespace

extern "C" {

int fsync(int file) {
  return Sync(file);
}

int fdatasync(int file) {
  return Sync(file);
}

int unlink(const char* path) noexcept {
  Keep(path);
  return Next<int (*)(const char*)>("unlink")(path);
}

int remove(const char* path) noexcept {
  Keep(path);
  return Next<int (*)(const char*)>("remove")(path);
}

int rename(const char* from, const char* to) noexcept {
  Keep(to);
  return Next<int (*)(const char*, const char*)>("rename")(from, to);
}

}  // extern "C"
