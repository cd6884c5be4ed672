#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "query/result_format.h"

namespace firn::query {

/// Prints batches in one format. Begin once, Batch any number of times, End once; used by one thread.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  /// `names`: of the columns, as they are to be printed.
  virtual Status Begin(const arrow::Schema& schema, const std::vector<std::string>& names) = 0;
  virtual Status Batch(const arrow::RecordBatch& batch) = 0;
  virtual Status End() = 0;
};

std::unique_ptr<RowWriter> MakeTableWriter(const FormatOptions& options, ByteSink sink);
std::unique_ptr<RowWriter> MakeParquetWriter(ByteSink sink);
std::unique_ptr<RowWriter> MakeCanonicalWriter(ByteSink sink);

/// Columns a text takes on a terminal: wide East Asian characters and emoji two, combining marks none.
int DisplayWidth(std::string_view text);
/// Cuts to at most `width` columns, the last of them "…" if anything was cut.
std::string CutToWidth(std::string_view text, int width);

/// Collects what is printed and hands it on in pieces of some 64 KiB.
class OutputBuffer {
 public:
  explicit OutputBuffer(ByteSink sink) : sink_(std::move(sink)) {}
  std::string& text() { return text_; }
  Status FlushIfLarge() { return text_.size() < (size_t{64} << 10) ? Status::OK() : Flush(); }
  Status Flush() {
    if (text_.empty()) return Status::OK();
    const Status status = sink_(text_);
    text_.clear();
    return status;
  }

 private:
  ByteSink sink_;
  std::string text_;
};

}  // namespace firn::query
