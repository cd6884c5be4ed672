#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "io/buffer_recycler.h"
#include "source/source.h"

namespace firn::source {

/// Makes batches of rows that a source writes as text, of about a megabyte each. Their memory is used again once
/// nobody holds the batch. Used by one thread.
class LineBatcher {
 public:
  /// `pool`: null: the default pool.
  explicit LineBatcher(arrow::MemoryPool* pool);

  /// Adds a row: a JSON object in one line. Errors: out of memory.
  Status Add(std::string_view row);
  bool empty() const { return num_bytes_ == 0; }
  /// True when the batch should be taken.
  bool full() const;
  /// Returns the rows so far, and begins anew. `position`: as in Batch. Errors: kBadData.
  Result<Batch> Take(std::optional<Position> position);

 private:
  Status Reserve(int64_t size);

  arrow::MemoryPool* const pool_;
  const std::shared_ptr<io::BufferRecycler> buffers_;
  std::shared_ptr<arrow::ResizableBuffer> lines_;  // null: there is none yet
  int64_t num_bytes_ = 0;
};

}  // namespace firn::source
