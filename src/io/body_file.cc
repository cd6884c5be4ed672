#include "io/body_file.h"

#include <arrow/io/file.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace firn::io {
namespace {

// Never transient: asked again, the answer would be as large.
Status DiskError(const std::string& what, int error) {
  return MakeError(Fault::kConfig, "an answer cannot be " + what + " in a temporary file: " + std::strerror(error),
                   {.state = "nothing of it was read",
                    .next = "make room where the state folder is, then run again; smaller windows make smaller files"});
}

}  // namespace

Result<int> OpenUnlinkedFile(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
  std::string path = folder + "/firn-XXXXXX";  // for file systems without O_TMPFILE
  const int named = ::mkostemp(path.data(), O_CLOEXEC);
  if (named < 0) {
    return MakeError(Fault::kConfig, "no temporary file can be made in " + folder + ": " + std::strerror(errno));
  }
  ::unlink(path.c_str());
  return named;
}

Result<std::shared_ptr<BodyFile>> BodyFile::Create(const std::string& folder, int64_t bytes_max) {
  const char* base = std::getenv("TMPDIR");
  const std::string temporary = base != nullptr && *base == '/' ? base : "/tmp";
  ARROW_ASSIGN_OR_RAISE(const int fd, OpenUnlinkedFile(folder.empty() ? temporary : folder));
  return std::shared_ptr<BodyFile>(new BodyFile(fd, bytes_max));
}

BodyFile::~BodyFile() {
  ::close(fd_);
}

Status BodyFile::Clear() {
  if (::ftruncate(fd_, 0) != 0) return DiskError("kept", errno);
  size_ = 0;
  return Status::OK();
}

Status BodyFile::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), size_);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      ARROW_RETURN_NOT_OK(Clear());
      return DiskError("kept", error);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    size_ += written;
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::io::RandomAccessFile>> BodyFile::Open() const {
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return DiskError("read", errno);
  return arrow::io::ReadableFile::Open(fd);
}

}  // namespace firn::io
