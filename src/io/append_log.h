#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace firn::io {

/// A local file of lines that survive a crash once they were added. Used by one thread at a time; one process at a time
/// is the caller's business.
class AppendLog {
 public:
  /// Reads the whole lines that are there into `lines`; a last one that was torn by a crash is cut off. Makes the file
  /// (readable by its owner alone) if it is missing. Errors: kConfig, kTransient; kBadData above `bytes_max`.
  static Result<AppendLog> Open(const std::string& path, int64_t bytes_max, std::vector<std::string>* lines);
  AppendLog(AppendLog&& other) noexcept;
  AppendLog& operator=(AppendLog&& other) noexcept;
  ~AppendLog();

  /// Adds a line (without a line break in it) and makes it durable.
  Status Append(std::string_view line);
  /// Replaces all lines, at once.
  Status Rewrite(const std::vector<std::string>& lines);
  int64_t bytes() const { return bytes_; }

 private:
  AppendLog(std::string path, int file, int64_t bytes) : path_(std::move(path)), file_(file), bytes_(bytes) {}
  std::string path_;
  int file_ = -1;
  int64_t bytes_ = 0;
};

}  // namespace firn::io
