#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/source.h"

namespace firn::pipeline {

/// Reads all rows of one table from the beginning, split after split, for those who keep no position: preview, copy.
/// Used by one thread; borrows the source.
class TableRows {
 public:
  TableRows(source::Source& source, std::string table, std::unique_ptr<source::ParentRows> parents = nullptr);

  /// Returns the next rows, or nullopt at the end. Errors: of the source; kConfig E0841 for rows that come typed.
  Result<std::optional<source::JsonRows>> Next(std::stop_token stop);
  /// The same, whether they come as text or typed.
  Result<std::optional<source::Batch>> NextBatch(std::stop_token stop);
  /// Bytes of the source that the rows so far came from.
  int64_t num_bytes() const { return num_bytes_; }

 private:
  source::Source& source_;
  source::ReadRequest request_;
  bool planned_ = false;
  std::vector<source::Split> splits_;
  size_t next_split_ = 0;
  std::unique_ptr<source::SplitReader> reader_;
  int64_t num_bytes_ = 0;
};

}  // namespace firn::pipeline
