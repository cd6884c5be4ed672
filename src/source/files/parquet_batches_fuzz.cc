// Feeds any bytes to the reader of Parquet files: valid Arrow data, or an error.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstdlib>
#include <memory>

#include "source/files/parquet_batches.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using firn::source::files::ParquetBatches;
  constexpr int64_t kPoolBytesMax = int64_t{256} << 20;
  arrow::CappedMemoryPool pool(arrow::default_memory_pool(), kPoolBytesMax);
  const auto bytes = std::make_shared<arrow::Buffer>(data, static_cast<int64_t>(size));
  const auto batches = ParquetBatches::Open(std::make_shared<arrow::io::BufferReader>(bytes), 0, &pool);
  if (!batches.ok()) return 0;
  constexpr int kBatchesMax = 100;
  for (int i = 0; i < kBatchesMax; ++i) {
    const auto rows = (*batches)->Next();
    if (!rows.ok() || !rows->has_value()) break;
    if ((*rows)->batch->num_rows() < 1 || !(*rows)->batch->Validate().ok()) std::abort();
  }
  return 0;
}
