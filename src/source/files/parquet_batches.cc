#include "source/files/parquet_batches.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <utility>

namespace firn::source::files {
namespace {

constexpr int64_t kBatchRows = 32'768;

Status NoParquet(const Status& status) {
  if (ContextOf(status) != nullptr) return status;  // of the file store
  return MakeError(Fault::kBadData, "it is no Parquet file that can be read: " + status.message(),
                   {.code = "E0887", .why = "the file is damaged, was cut off, or is something else"});
}

class Batches : public ParquetBatches {
 public:
  Status Open(std::shared_ptr<arrow::io::RandomAccessFile> file, int32_t first_group, arrow::MemoryPool* pool) {
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(NoParquetUnlessOk(builder.Open(std::move(file))));
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(kBatchRows);
    properties.set_pre_buffer(false);  // memory stays that of a few pages per column
    builder.properties(properties)->memory_pool(pool == nullptr ? arrow::default_memory_pool() : pool);
    ARROW_RETURN_NOT_OK(NoParquetUnlessOk(builder.Build(&reader_)));
    group_ = first_group;
    const parquet::FileMetaData& metadata = *reader_->parquet_reader()->metadata();
    for (int32_t i = 0; i < std::min(first_group, metadata.num_row_groups()); ++i) {
      next_row_ += metadata.RowGroup(i)->num_rows();
    }
    return Status::OK();
  }

  Result<std::optional<Rows>> Next() override {
    const parquet::FileMetaData& metadata = *reader_->parquet_reader()->metadata();
    while (true) {
      if (batches_ == nullptr) {
        if (group_ >= metadata.num_row_groups()) return std::nullopt;
        auto opened = reader_->GetRecordBatchReader({group_});
        if (!opened.ok()) return NoParquet(opened.status());
        batches_ = std::move(*opened);
        left_ = metadata.RowGroup(group_)->num_rows();
      }
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(NoParquetUnlessOk(batches_->ReadNext(&batch)));
      if (batch == nullptr) {
        if (left_ != 0) return NoParquet(Status::Invalid("a row group has fewer rows than it says"));
        batches_.reset();
        ++group_;
        continue;
      }
      if (batch->num_rows() == 0) continue;
      Rows rows{.batch = std::move(batch), .first_row = next_row_};
      left_ -= rows.batch->num_rows();
      next_row_ += rows.batch->num_rows();
      const auto group = metadata.RowGroup(group_);
      rows.num_bytes = group->total_byte_size() / std::max<int64_t>(1, group->num_rows()) * rows.batch->num_rows();
      rows.ends_group = left_ == 0;
      rows.next_group = group_ + 1;
      return rows;
    }
  }

 private:
  static Status NoParquetUnlessOk(const Status& status) { return status.ok() ? status : NoParquet(status); }

  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  int32_t group_ = 0;
  int64_t left_ = 0;      // rows of the group
  int64_t next_row_ = 0;  // in the file
};

}  // namespace

Result<std::unique_ptr<ParquetBatches>> ParquetBatches::Open(std::shared_ptr<arrow::io::RandomAccessFile> file,
                                                             int32_t first_group, arrow::MemoryPool* pool) {
  auto batches = std::make_unique<Batches>();
  ARROW_RETURN_NOT_OK(batches->Open(std::move(file), first_group, pool));
  return batches;
}

}  // namespace firn::source::files
