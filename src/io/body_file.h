#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace firn::io {

/// Opens a new file that has no name: nothing is left of it after a crash, and what is in it is gone with the process.
/// Returns its descriptor, which the caller owns. Errors: kConfig if there can be none in `folder`.
Result<int> OpenUnlinkedFile(const std::string& folder);

/// The body of an answer on disk instead of in memory. Written by one thread, which may be the client's; then read.
class BodyFile {
 public:
  /// `folder`: empty: that of temporary files. `bytes_max`: more is kBadData. Errors: as OpenUnlinkedFile.
  static Result<std::shared_ptr<BodyFile>> Create(const std::string& folder, int64_t bytes_max);
  ~BodyFile();
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;

  /// Makes it empty again. Errors: of the disk.
  Status Clear();
  /// Errors: kConfig when the disk is full, and others of it; then it is empty.
  Status Append(std::string_view bytes);
  int64_t size() const { return size_; }
  int64_t bytes_max() const { return bytes_max_; }
  /// Opens it to be read, by any number of readers; they may outlive this.
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> Open() const;

 private:
  BodyFile(int fd, int64_t bytes_max) : fd_(fd), bytes_max_(bytes_max) {}
  const int fd_;
  const int64_t bytes_max_;
  int64_t size_ = 0;
};

}  // namespace firn::io
