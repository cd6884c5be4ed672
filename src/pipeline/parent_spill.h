#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "source/source.h"

namespace firn::pipeline {

/// The fields that a parent's children need, one JSON object per row, in an unlinked temporary file: nothing is left
/// after a crash, and personal data in it is gone with the process. Written by one thread, then read any number of
/// times.
class ParentSpill {
 public:
  static Result<std::unique_ptr<ParentSpill>> Create(const std::string& folder);
  ~ParentSpill();
  ParentSpill(const ParentSpill&) = delete;
  ParentSpill& operator=(const ParentSpill&) = delete;

  /// Appends one row. Errors: kTransient when the disk is full.
  Status Append(std::string_view json);
  /// Returns a reader from the first row on; borrows this. No Append after that.
  Result<std::unique_ptr<source::ParentRows>> Open();
  int64_t num_rows() const { return num_rows_; }

 private:
  explicit ParentSpill(std::FILE* file) : file_(file) {}
  std::FILE* file_;
  int64_t num_rows_ = 0;
};

}  // namespace firn::pipeline
