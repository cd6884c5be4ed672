#include "io/append_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/file_store.h"

namespace firn::io {
namespace {

constexpr mode_t kOwnerOnly = 0600;

Status WriteAll(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FileError("write", path, written < 0 ? errno : EIO);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fdatasync(file) != 0) return FileError("sync", path, errno);
  return Status::OK();
}

Result<std::string> ReadAll(int file, int64_t size, const std::string& path) {
  std::string text(static_cast<size_t>(size), '\0');
  for (size_t at = 0; at < text.size();) {
    const ssize_t got = ::pread(file, text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return FileError("read", path, got < 0 ? errno : EIO);
    at += static_cast<size_t>(got);
  }
  return text;
}

Status SyncFolderOf(const std::string& path) {
  const std::string folder = FolderOf(path);
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  const int error = errno;
  if (file >= 0) ::close(file);
  return synced ? Status::OK() : FileError("sync", folder, error);
}

}  // namespace

Result<AppendLog> AppendLog::Open(const std::string& path, int64_t bytes_max, std::vector<std::string>* lines) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kOwnerOnly);
  if (file < 0) return FileError("open", path, errno);
  AppendLog log(path, file, 0);
  struct stat info{};
  if (::fstat(file, &info) != 0) return FileError("read", path, errno);
  if (info.st_size > bytes_max) return MakeError(Fault::kBadData, "the file is too large: " + path);
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadAll(file, info.st_size, path));
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    lines->push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (begin < text.size() && ::ftruncate(file, static_cast<off_t>(begin)) != 0) return FileError("write", path, errno);
  log.bytes_ = static_cast<int64_t>(begin);
  ARROW_RETURN_NOT_OK(SyncFolderOf(path));
  return log;
}

AppendLog::AppendLog(AppendLog&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), bytes_(other.bytes_) {}

AppendLog& AppendLog::operator=(AppendLog&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

AppendLog::~AppendLog() {
  if (file_ >= 0) ::close(file_);
}

Status AppendLog::Append(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  const Status written = WriteAll(file_, whole, path_);
  if (written.ok()) {
    bytes_ += static_cast<int64_t>(whole.size());
    return written;
  }
  // Half a line would swallow the next one.
  if (::ftruncate(file_, static_cast<off_t>(bytes_)) != 0) return FileError("write", path_, errno);
  return written;
}

Status AppendLog::Rewrite(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  const std::string aside = path_ + ".new";
  const int file = ::open(aside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, kOwnerOnly);
  if (file < 0) return FileError("open", aside, errno);
  AppendLog next(path_, file, static_cast<int64_t>(text.size()));
  ARROW_RETURN_NOT_OK(WriteAll(file, text, aside));
  if (::rename(aside.c_str(), path_.c_str()) != 0) return FileError("rename", aside, errno);
  *this = std::move(next);
  return SyncFolderOf(path_);
}

}  // namespace firn::io
