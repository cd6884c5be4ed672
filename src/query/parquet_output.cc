#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <utility>

#include "query/row_writer.h"

namespace firn::query {
namespace {

class SinkStream : public arrow::io::OutputStream {
 public:
  explicit SinkStream(ByteSink sink) : sink_(std::move(sink)) {}
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return position_; }
  using arrow::io::OutputStream::Write;
  Status Write(const void* data, int64_t size) override {
    position_ += size;
    return sink_(std::string_view(static_cast<const char*>(data), static_cast<size_t>(size)));
  }

 private:
  ByteSink sink_;
  int64_t position_ = 0;
  bool closed_ = false;
};

// A hugeint comes as decimal(38, 0) and may have 39 digits, which Parquet would cut.
Status CheckDigits(const arrow::RecordBatch& batch) {
  for (int i = 0; i < batch.num_columns(); ++i) {
    const auto& type = *batch.column(i)->type();
    if (type.id() != arrow::Type::DECIMAL128) continue;
    const auto& decimals = static_cast<const arrow::Decimal128Array&>(*batch.column(i));
    const int32_t precision = static_cast<const arrow::DecimalType&>(type).precision();
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (decimals.IsNull(row)) continue;
      if (arrow::Decimal128(decimals.GetValue(row)).FitsInPrecision(precision)) continue;
      return MakeError(Fault::kConfig, "a number has more digits than Parquet holds, column " + batch.column_name(i),
                       {.code = "E0708", .why = "39 digits > 38", .next = "cast the column to VARCHAR"});
    }
  }
  return Status::OK();
}

class ParquetWriter : public RowWriter {
 public:
  explicit ParquetWriter(ByteSink sink) : stream_(std::make_shared<SinkStream>(std::move(sink))) {}

  Status Begin(const arrow::Schema& schema, const std::vector<std::string>& names) override {
    arrow::FieldVector fields;
    for (int i = 0; i < schema.num_fields(); ++i) {
      fields.push_back(schema.field(i)->WithName(names[static_cast<size_t>(i)]));
    }
    schema_ = arrow::schema(std::move(fields));
    const auto properties = parquet::WriterProperties::Builder().compression(arrow::Compression::ZSTD)->build();
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().build();
    ARROW_ASSIGN_OR_RAISE(writer_, parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), stream_,
                                                                    properties, arrow_properties));
    return Status::OK();
  }

  Status Batch(const arrow::RecordBatch& batch) override {
    ARROW_RETURN_NOT_OK(CheckDigits(batch));
    return writer_->WriteRecordBatch(*arrow::RecordBatch::Make(schema_, batch.num_rows(), batch.columns()));
  }

  Status End() override { return writer_->Close(); }

 private:
  std::shared_ptr<SinkStream> stream_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeParquetWriter(ByteSink sink) {
  return std::make_unique<ParquetWriter>(std::move(sink));
}

}  // namespace firn::query
