#include "pipeline/parquet_segments.h"

#include <arrow/array/array_base.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <numeric>
#include <utility>

#include "base/hash.h"
#include "io/file_store.h"
#include "query/result_format.h"
#include "table/scan/file_reader.h"

namespace firn::pipeline {

ParquetSegments::ParquetSegments(io::FileStore& files, ParquetSegmentsOptions options)
    : files_(files),
      options_(std::move(options)),
      binding_(std::make_unique<ColumnBinding>(nullptr, RunColumns::kNone)) {}

ParquetSegments::~ParquetSegments() {
  writer_.reset();
  for (const std::string& path : segments_) static_cast<void>(files_.Remove(path));
}

// Hidden, so that a folder that is read as a whole does not show half a file.
std::string ParquetSegments::SegmentPath(const std::string& name) const {
  const size_t slash = options_.path.rfind('/') + 1;
  return options_.path.substr(0, slash) + "." + options_.path.substr(slash) + "." + std::to_string(::getpid()) + "." +
         name;
}

Result<std::unique_ptr<table::DataFileWriter>> ParquetSegments::OpenFile(const std::string& path) {
  table::DataFileOptions options{.schema = binding_->table_schema(),
                                 .location = path,
                                 .zstd_level = options_.zstd_level,
                                 .row_group_bytes = options_.row_group_bytes,
                                 .buffer_bytes = options_.buffer_bytes,
                                 .use_threads = options_.use_threads,
                                 .pool = options_.pool};
  options.metrics.columns_max = 0;  // bounds are of tables; Parquet's own statistics are in the file
  return table::DataFileWriter::Open(files_, std::move(options));
}

Status ParquetSegments::Write(const arrow::RecordBatch& batch, const std::shared_ptr<const schema::Schema>& schema) {
  if (schema != bound_) ARROW_RETURN_NOT_OK(Bind(schema));
  if (batch.num_rows() == 0) return Status::OK();
  if (writer_ == nullptr) ARROW_RETURN_NOT_OK(OpenSegment());
  ARROW_ASSIGN_OR_RAISE(const auto bound, binding_->Apply(batch, {}, "", options_.pool));
  if (options_.hash) ARROW_RETURN_NOT_OK(AddHash(*bound));
  num_rows_ += bound->num_rows();
  return writer_->Write(bound);
}

Status ParquetSegments::Bind(const std::shared_ptr<const schema::Schema>& schema) {
  ARROW_RETURN_NOT_OK(binding_->Bind(*schema));
  bound_ = schema;
  for (auto& change : binding_->TakeChanges()) changes_.push_back(std::move(change));
  if (writer_ != nullptr && !schema::Equals(*written_schema_, *binding_->table_schema())) return CloseSegment();
  return Status::OK();
}

Status ParquetSegments::StartOver() {
  writer_.reset();
  for (const std::string& path : segments_) ARROW_RETURN_NOT_OK(files_.Remove(path));
  segments_.clear();
  binding_ = std::make_unique<ColumnBinding>(nullptr, RunColumns::kNone);
  bound_.reset();
  changes_.clear();
  num_rows_ = 0;
  hash_high_ = hash_low_ = 0;
  return Status::OK();
}

Status ParquetSegments::OpenSegment() {
  const std::string path = SegmentPath(std::to_string(segments_.size()));
  static_cast<void>(files_.Remove(path));  // of a process of the same number that died; what hinders is said next
  auto writer = OpenFile(path);
  if (!writer.ok()) return Within(options_.path + " cannot be written", writer.status());
  segments_.push_back(path);
  writer_ = *std::move(writer);
  written_schema_ = binding_->table_schema();
  return Status::OK();
}

Status ParquetSegments::CloseSegment() {
  ARROW_ASSIGN_OR_RAISE(const table::DataFile file, writer_->Finish());
  file_bytes_ = file.file_size_bytes;
  writer_.reset();
  return Status::OK();
}

// Writes all segments as one in the last schema.
Status ParquetSegments::Join() {
  const std::string path = SegmentPath("all");
  ARROW_RETURN_NOT_OK(files_.Remove(path));
  ARROW_ASSIGN_OR_RAISE(auto writer, OpenFile(path));
  for (const std::string& segment : segments_) {
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          table::OpenDataFile(files_, segment, *binding_->table_schema(), {.pool = options_.pool}));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(writer->Write(batch));
    }
  }
  ARROW_ASSIGN_OR_RAISE(const table::DataFile file, writer->Finish());
  file_bytes_ = file.file_size_bytes;
  for (const std::string& segment : segments_) ARROW_RETURN_NOT_OK(files_.Remove(segment));
  segments_ = {path};
  return Status::OK();
}

Status ParquetSegments::Finish() {
  if (num_rows_ == 0) {
    return MakeError(Fault::kBadData, "the source has no rows, so there are no columns to write",
                     {.code = "E0840", .state = "no file was written"});
  }
  if (writer_ != nullptr) ARROW_RETURN_NOT_OK(CloseSegment());
  if (segments_.size() > 1) ARROW_RETURN_NOT_OK(Join());
  if (std::rename(segments_.front().c_str(), options_.path.c_str()) != 0) {
    return io::FileError("replace", options_.path, errno);
  }
  segments_.clear();
  return files_.SyncFolder(io::FolderOf(options_.path));
}

// A row is hashed as its values by name, nulls left out: a column that came later changes no hash of earlier rows.
Status ParquetSegments::AddHash(const arrow::RecordBatch& batch) {
  std::vector<int> order(static_cast<size_t>(batch.num_columns()));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return batch.column_name(a) < batch.column_name(b); });
  std::string text;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    text.clear();
    for (const int column : order) {
      if (batch.column(column)->IsNull(row)) continue;
      text += batch.column_name(column);
      text += ':';
      ARROW_RETURN_NOT_OK(query::AppendJsonValue(*batch.column(column), row, text));
      text += '\n';
    }
    const Hash128 hash = Xxh3(text);
    hash_low_ += hash.low;
    hash_high_ += hash.high;
  }
  return Status::OK();
}

std::string ParquetSegments::hash() const {
  return options_.hash ? Hash128{.high = hash_high_, .low = hash_low_}.Hex() : "";
}

}  // namespace firn::pipeline
