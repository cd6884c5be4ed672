#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>
#include "base/status.h"

namespace firn::table {

/// A piece of a temporary file.
struct Extent {
  int64_t offset = 0;
  int64_t length = 0;
};

/// An unlinked local file that only grows: its space is free again when the process ends, however it ends. Holds what
/// does not fit into the memory budget. Used by one thread.
class TemporaryFile {
 public:
  /// `folder`: empty for $TMPDIR, else /tmp. The file is made at the first write.
  explicit TemporaryFile(std::string folder);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Errors: kConfig if the folder cannot be used or is full (names $TMPDIR); kTransient for other I/O errors.
  Result<Extent> Append(std::string_view bytes);
  Result<std::shared_ptr<arrow::Buffer>> Read(const Extent& extent, arrow::MemoryPool* pool) const;

  /// Appends a record batch in Arrow IPC form, lz4-compressed, and reads it back.
  Result<Extent> AppendBatch(const arrow::RecordBatch& batch, arrow::MemoryPool* pool);
  Result<std::shared_ptr<arrow::RecordBatch>> ReadBatch(const Extent& extent,
                                                        const std::shared_ptr<arrow::Schema>& schema,
                                                        arrow::MemoryPool* pool) const;

  int64_t size_bytes() const { return size_bytes_; }

 private:
  Status Open();
  std::string folder_;
  int descriptor_ = -1;
  int64_t size_bytes_ = 0;
};

}  // namespace firn::table
