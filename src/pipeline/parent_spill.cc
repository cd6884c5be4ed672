#include "pipeline/parent_spill.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "io/body_file.h"

namespace firn::pipeline {
namespace {

// Rows are stored as an 8-byte length and the text, so that no escaping is needed.
class SpillReader : public source::ParentRows {
 public:
  SpillReader(int fd, int64_t num_rows) : fd_(fd), left_(num_rows) {}

  Result<std::optional<std::string>> Next(std::stop_token stop) override {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while reading parent rows");
    if (left_ == 0) return std::nullopt;
    uint64_t size = 0;
    ARROW_RETURN_NOT_OK(Read(&size, sizeof size));
    std::string text(size, '\0');
    ARROW_RETURN_NOT_OK(Read(text.data(), size));
    --left_;
    return text;
  }

 private:
  // Reads through a block buffer with pread, so that several readers may share the file.
  Status Read(void* out, size_t size) {
    auto* to = static_cast<char*>(out);
    while (size > 0) {
      if (at_ == buffer_.size()) ARROW_RETURN_NOT_OK(Fill());
      const size_t part = std::min(size, buffer_.size() - at_);
      std::memcpy(to, buffer_.data() + at_, part);
      to += part;
      at_ += part;
      size -= part;
    }
    return Status::OK();
  }

  Status Fill() {
    constexpr size_t kBlockBytes = size_t{1} << 18;
    buffer_.resize(kBlockBytes);
    const ssize_t got = ::pread(fd_, buffer_.data(), kBlockBytes, offset_);
    if (got <= 0)
      return MakeError(Fault::kTransient, "spill of parent rows cannot be read: " + std::string(std::strerror(errno)));
    buffer_.resize(static_cast<size_t>(got));
    offset_ += got;
    at_ = 0;
    return Status::OK();
  }

  const int fd_;
  int64_t left_;
  int64_t offset_ = 0;
  size_t at_ = 0;
  std::vector<char> buffer_;
};

}  // namespace

Result<std::unique_ptr<ParentSpill>> ParentSpill::Create(const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const int fd, io::OpenUnlinkedFile(folder));
  std::FILE* file = ::fdopen(fd, "w+b");
  if (file == nullptr) {
    ::close(fd);
    return Status::OutOfMemory("spill of parent rows");
  }
  return std::unique_ptr<ParentSpill>(new ParentSpill(file));
}

ParentSpill::~ParentSpill() {
  std::fclose(file_);
}

Status ParentSpill::Append(std::string_view json) {
  const uint64_t size = json.size();
  const bool written = std::fwrite(&size, sizeof size, 1, file_) == 1 &&
                       (json.empty() || std::fwrite(json.data(), json.size(), 1, file_) == 1);
  if (!written)
    return MakeError(Fault::kTransient, "spill of parent rows failed: " + std::string(std::strerror(errno)));
  ++num_rows_;
  return Status::OK();
}

Result<std::unique_ptr<source::ParentRows>> ParentSpill::Open() {
  if (std::fflush(file_) != 0) {
    return MakeError(Fault::kTransient, "spill of parent rows failed: " + std::string(std::strerror(errno)));
  }
  return std::make_unique<SpillReader>(::fileno(file_), num_rows_);
}

}  // namespace firn::pipeline
