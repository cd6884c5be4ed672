#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "format/parquet/column_encoder.h"
#include "format/parquet/shredder.h"

namespace parquet {
class BlockSplitBloomFilter;
}

namespace firn::format::parquet {

/// How the Bloom filters of a leaf are made.
struct BloomFilterShape {
  double fpp = 0.01;                     // share of absent values that pass
  int64_t ndv = 0;                       // distinct values of a row group; 0: found out
  int64_t bytes_max = int64_t{1} << 20;  // of one filter; more distinct values let more absent ones pass
};

/// The Bloom filter of one leaf in the open row group (parquet-format, "Parquet Bloom Filter": split block, xxHash of
/// the PLAIN value). It begins as large as it may become and is folded to what its values need. Used by one thread.
class LeafBloomFilter {
 public:
  LeafBloomFilter(const LeafShape& leaf, const BloomFilterShape& shape, arrow::MemoryPool* pool);
  ~LeafBloomFilter();

  /// Adds the values of a batch, as ColumnEncoder::Append takes them. Errors: OutOfMemory.
  Status Append(const LeafEntries& entries);
  /// Returns header and bits, and begins the next row group. Null without a value.
  Result<std::shared_ptr<arrow::Buffer>> End();

 private:
  Status Open();
  uint64_t HashOf(const arrow::ArrayData& values, int64_t slot) const;

  const LeafShape leaf_;
  const BloomFilterShape shape_;
  arrow::MemoryPool* const pool_;
  std::unique_ptr<::parquet::BlockSplitBloomFilter> filter_;  // null: no value yet
};

/// True if a leaf of that kind can have a filter: all but booleans.
bool HasBloomFilter(const LeafShape& leaf);

}  // namespace firn::format::parquet
