#include "table/write/data_file_writer.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/extension/uuid.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "io/file_store.h"
#include "schema/arrow_mapping.h"

namespace firn::table {

namespace {

/// Batches are gathered to about this size: one call of the encoder per column costs as much as a few hundred values.
constexpr int64_t kGatherBytes = int64_t{4} << 20;
constexpr int64_t kSliceSlackBytes = 16 << 10;
constexpr int64_t kRowGroupRowsMax = int64_t{1} << 30;

Status CheckStorableType(const schema::Type& type, const std::string& place) {
  if (type.id == schema::TypeId::kStruct && type.children.empty()) {
    return MakeError(Fault::kConfig, "Parquet cannot store a struct without fields: " + place,
                     {.next = "give the struct a field, or leave the column out"});
  }
  for (const schema::Field& child : type.children) {
    ARROW_RETURN_NOT_OK(CheckStorableType(*child.type, place + "." + child.name));
  }
  return Status::OK();
}

/// The Arrow type that makes the Parquet writer annotate uuids as UUID: as schema::ToArrowType, but for them.
std::shared_ptr<arrow::DataType> FileType(const schema::Type& type);

std::shared_ptr<arrow::Field> FileField(const schema::Field& field) {
  return schema::ToArrowField(field)->WithType(FileType(*field.type));
}

std::shared_ptr<arrow::DataType> FileType(const schema::Type& type) {
  switch (type.id) {
    case schema::TypeId::kUuid:
      return arrow::extension::uuid();
    case schema::TypeId::kStruct: {
      arrow::FieldVector fields;
      for (const schema::Field& child : type.children) fields.push_back(FileField(child));
      return arrow::struct_(std::move(fields));
    }
    case schema::TypeId::kList:
      return arrow::list(FileField(type.children[0]));
    case schema::TypeId::kMap:
      return std::make_shared<arrow::MapType>(FileField(type.children[0]), FileField(type.children[1]));
    default:
      return schema::ToArrowType(type);
  }
}

std::shared_ptr<arrow::Schema> FileSchema(const schema::Schema& schema) {
  arrow::FieldVector fields;
  for (const schema::Field& field : schema.fields) fields.push_back(FileField(field));
  return arrow::schema(std::move(fields));
}

/// Gives the same buffers another type of the same layout (an extension type has the layout of its storage).
std::shared_ptr<arrow::ArrayData> Relabelled(const arrow::ArrayData& data,
                                             const std::shared_ptr<arrow::DataType>& type) {
  auto copy = data.Copy();
  copy->type = type;
  for (size_t i = 0; i < copy->child_data.size(); ++i) {
    copy->child_data[i] = Relabelled(*copy->child_data[i], type->field(static_cast<int>(i))->type());
  }
  return copy;
}

std::shared_ptr<parquet::WriterProperties> FileProperties(const DataFileOptions& options, arrow::MemoryPool* pool) {
  parquet::WriterProperties::Builder builder;
  builder.memory_pool(pool)
      ->compression(parquet::Compression::ZSTD)
      ->compression_level(options.zstd_level)
      ->max_row_group_length(kRowGroupRowsMax)
      ->enable_store_decimal_as_integer()
      ->created_by("firn version " FIRN_VERSION);
  return builder.build();
}

Result<std::shared_ptr<arrow::RecordBatch>> Compacted(const arrow::RecordBatch& batch, arrow::MemoryPool* pool) {
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (const auto& column : batch.columns()) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), arrow::Concatenate({column}, pool));
  }
  return arrow::RecordBatch::Make(batch.schema(), batch.num_rows(), std::move(columns));
}

Status CheckShape(const schema::Schema& schema, const arrow::RecordBatch& batch) {
  if (batch.num_columns() != static_cast<int>(schema.fields.size())) {
    return MakeError(Fault::kBug, "data file: batch has " + std::to_string(batch.num_columns()) + " columns, schema " +
                                      std::to_string(schema.fields.size()));
  }
  for (int i = 0; i < batch.num_columns(); ++i) {
    const schema::Field& field = schema.fields[static_cast<size_t>(i)];
    if (!batch.column(i)->type()->Equals(*schema::ToArrowType(*field.type))) {
      return MakeError(Fault::kBug,
                       "data file: column " + field.name + " arrives as " + batch.column(i)->type()->ToString());
    }
  }
  return Status::OK();
}

class ParquetDataFileWriter final : public DataFileWriter {
 public:
  ParquetDataFileWriter(io::FileStore& files, DataFileOptions options, MetricsCollector metrics)
      : files_(files),
        options_(std::move(options)),
        pool_(options_.pool != nullptr ? options_.pool : arrow::default_memory_pool()),
        metrics_(std::move(metrics)),
        file_schema_(FileSchema(*options_.schema)),
        gather_bytes_(std::min({kGatherBytes, options_.row_group_bytes, options_.buffer_bytes / 4})) {}

  Status OpenFile();
  Status Write(const std::shared_ptr<arrow::RecordBatch>& batch) override;
  int64_t num_rows() const override { return num_rows_; }
  int64_t file_bytes() const override;
  int64_t memory_bytes() const override { return pending_bytes_ + pool_.bytes_allocated(); }
  Result<DataFile> Finish() override;

 private:
  Status EncodePending();
  Status Encode(const std::shared_ptr<arrow::RecordBatch>& batch, int64_t arrow_bytes);
  Result<std::shared_ptr<parquet::FileMetaData>> ReadFooterBack(int64_t file_size);
  void AddFooterMetrics(const parquet::FileMetaData& footer, DataFile* file) const;

  io::FileStore& files_;
  const DataFileOptions options_;
  arrow::ProxyMemoryPool pool_;  // counts what the encoder holds
  MetricsCollector metrics_;
  const std::shared_ptr<arrow::Schema> file_schema_;
  const int64_t gather_bytes_;
  std::shared_ptr<io::OutputFile> sink_;  // outlives the encoder, which may write when destroyed
  std::unique_ptr<parquet::arrow::FileWriter> encoder_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> pending_;
  int64_t pending_bytes_ = 0;
  int64_t num_rows_ = 0;
  bool row_group_full_ = false;
  int64_t row_group_arrow_bytes_ = 0;  // of the open row group
  int64_t ended_arrow_bytes_ = 0;      // of the row groups before it
};

Status ParquetDataFileWriter::OpenFile() {
  FIRN_FAILPOINT("data_file.open");
  ARROW_ASSIGN_OR_RAISE(sink_, files_.OpenOutput(options_.location));
  auto arrow_properties = parquet::ArrowWriterProperties::Builder().set_use_threads(options_.use_threads)->build();
  ARROW_ASSIGN_OR_RAISE(encoder_, parquet::arrow::FileWriter::Open(*file_schema_, &pool_, sink_,
                                                                   FileProperties(options_, &pool_), arrow_properties));
  return Status::OK();
}

Status ParquetDataFileWriter::Write(const std::shared_ptr<arrow::RecordBatch>& batch) {
  if (batch->num_rows() == 0) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckShape(*options_.schema, *batch));
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*batch));
  pending_.push_back(batch);
  pending_bytes_ += bytes;
  num_rows_ += batch->num_rows();
  if (pending_bytes_ >= gather_bytes_) return EncodePending();
  // A slice would keep the whole of a larger batch in memory while it waits.
  if (arrow::util::TotalBufferSize(*batch) > 2 * bytes + kSliceSlackBytes) {
    ARROW_ASSIGN_OR_RAISE(pending_.back(), Compacted(*batch, &pool_));
  }
  return Status::OK();
}

Status ParquetDataFileWriter::EncodePending() {
  if (pending_.empty()) return Status::OK();
  std::shared_ptr<arrow::RecordBatch> batch = pending_[0];
  if (pending_.size() > 1) {
    ARROW_ASSIGN_OR_RAISE(batch, arrow::ConcatenateRecordBatches(pending_, &pool_));
  }
  const int64_t bytes = std::exchange(pending_bytes_, 0);
  pending_.clear();
  return Encode(batch, bytes);
}

Status ParquetDataFileWriter::Encode(const std::shared_ptr<arrow::RecordBatch>& batch, int64_t arrow_bytes) {
  if (std::exchange(row_group_full_, false)) {
    FIRN_FAILPOINT("data_file.row_group");
    ARROW_RETURN_NOT_OK(encoder_->NewBufferedRowGroup());
    ended_arrow_bytes_ += std::exchange(row_group_arrow_bytes_, 0);
  }
  ARROW_RETURN_NOT_OK(metrics_.Add(*batch, &pool_));
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (int i = 0; i < batch->num_columns(); ++i) {
    columns.push_back(arrow::MakeArray(Relabelled(*batch->column_data(i), file_schema_->field(i)->type())));
  }
  ARROW_RETURN_NOT_OK(
      encoder_->WriteRecordBatch(*arrow::RecordBatch::Make(file_schema_, batch->num_rows(), std::move(columns))));
  row_group_arrow_bytes_ += arrow_bytes;
  row_group_full_ =
      row_group_arrow_bytes_ >= options_.row_group_bytes || pool_.bytes_allocated() >= options_.buffer_bytes;
  return Status::OK();
}

int64_t ParquetDataFileWriter::file_bytes() const {
  const int64_t ended_bytes = sink_ == nullptr ? 0 : sink_->Tell().ValueOr(0);
  if (ended_arrow_bytes_ == 0) return ended_bytes + pending_bytes_ + pool_.bytes_allocated();
  const double ratio = static_cast<double>(ended_bytes) / static_cast<double>(ended_arrow_bytes_);
  return ended_bytes + static_cast<int64_t>(ratio * static_cast<double>(row_group_arrow_bytes_ + pending_bytes_));
}

Result<DataFile> ParquetDataFileWriter::Finish() {
  if (num_rows_ == 0) return MakeError(Fault::kBug, "data file without rows: " + options_.location);
  ARROW_RETURN_NOT_OK(EncodePending());
  ARROW_RETURN_NOT_OK(encoder_->Close());
  ARROW_ASSIGN_OR_RAISE(const int64_t file_size, sink_->Tell());
  FIRN_FAILPOINT("data_file.before_close");
  ARROW_RETURN_NOT_OK(sink_->Close());
  FIRN_FAILPOINT("data_file.after_close");
  auto footer = ReadFooterBack(file_size);
  if (!footer.ok()) {
    static_cast<void>(files_.Remove(options_.location));  // nothing refers to it yet; an orphan does no harm
    return Within("read back " + options_.location, footer.status());
  }
  DataFile file{.file_path = options_.location,
                .spec_id = options_.spec_id,
                .partition = options_.partition,
                .record_count = num_rows_,
                .file_size_bytes = file_size};
  for (ColumnMetrics& column : metrics_.Finish()) {
    file.value_counts[column.field_id] = column.value_count;
    file.null_value_counts[column.field_id] = column.null_count;
    if (column.nan_count) file.nan_value_counts[column.field_id] = *column.nan_count;
    if (column.lower) file.lower_bounds[column.field_id] = std::move(*column.lower);
    if (column.upper) file.upper_bounds[column.field_id] = std::move(*column.upper);
  }
  AddFooterMetrics(**footer, &file);
  return file;
}

/// Collects the field ids of a schema tree, the Parquet nodes in between (list, key_value) left out.
void CollectIds(const std::vector<schema::Field>& fields, std::set<int32_t>* ids) {
  for (const schema::Field& field : fields) {
    ids->insert(field.id);
    CollectIds(field.type->children, ids);
  }
}

void CollectNodeIds(const parquet::schema::Node& node, std::set<int32_t>* ids) {
  if (node.field_id() > 0) ids->insert(node.field_id());
  if (!node.is_group()) return;
  const auto& group = static_cast<const parquet::schema::GroupNode&>(node);
  for (int i = 0; i < group.field_count(); ++i) CollectNodeIds(*group.field(i), ids);
}

Result<std::shared_ptr<parquet::FileMetaData>> ParquetDataFileWriter::ReadFooterBack(int64_t file_size) {
  ARROW_ASSIGN_OR_RAISE(auto input, files_.OpenInput(options_.location));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, input->GetSize());
  if (size != file_size) {
    return MakeError(Fault::kBug,
                     "file has " + std::to_string(size) + " bytes, written were " + std::to_string(file_size));
  }
  std::shared_ptr<parquet::FileMetaData> footer;
  try {
    footer = parquet::ReadMetaData(input);
  } catch (const parquet::ParquetStatusException& error) {
    return error.status();
  } catch (const std::exception& error) {
    return MakeError(Fault::kBug, std::string("footer is not readable: ") + error.what());
  }
  if (footer->num_rows() != num_rows_) {
    return MakeError(Fault::kBug, "footer has " + std::to_string(footer->num_rows()) + " rows, written were " +
                                      std::to_string(num_rows_));
  }
  std::set<int32_t> written, wanted;
  CollectNodeIds(*footer->schema()->group_node(), &written);
  CollectIds(options_.schema->fields, &wanted);
  if (written != wanted) return MakeError(Fault::kBug, "footer lacks field ids");
  return footer;
}

void ParquetDataFileWriter::AddFooterMetrics(const parquet::FileMetaData& footer, DataFile* file) const {
  const auto& always = options_.metrics.always_field_ids;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto row_group = footer.RowGroup(group);
    for (int i = 0; i < footer.num_columns(); ++i) {
      const auto chunk = row_group->ColumnChunk(i);
      if (i == 0) {
        const bool dictionary = chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0;
        file->split_offsets.push_back(dictionary ? std::min(chunk->dictionary_page_offset(), chunk->data_page_offset())
                                                 : chunk->data_page_offset());
      }
      const int32_t id = footer.schema()->Column(i)->schema_node()->field_id();
      if (i >= options_.metrics.columns_max && std::find(always.begin(), always.end(), id) == always.end()) continue;
      file->column_sizes[id] += chunk->total_compressed_size();
      // Inside lists and maps a count is all that readers expect, and they expect Parquet's.
      if (footer.schema()->Column(i)->max_repetition_level() > 0) file->value_counts[id] += chunk->num_values();
    }
  }
}

}  // namespace

Status CheckStorable(const schema::Schema& schema) {
  if (schema.fields.empty()) return MakeError(Fault::kConfig, "a table without columns cannot be stored in Parquet");
  for (const schema::Field& field : schema.fields) ARROW_RETURN_NOT_OK(CheckStorableType(*field.type, field.name));
  return Status::OK();
}

Result<std::unique_ptr<DataFileWriter>> DataFileWriter::Open(io::FileStore& files, DataFileOptions options) {
  ARROW_RETURN_NOT_OK(CheckStorable(*options.schema));
  ARROW_ASSIGN_OR_RAISE(MetricsCollector metrics, MetricsCollector::Make(*options.schema, options.metrics));
  auto writer = std::make_unique<ParquetDataFileWriter>(files, std::move(options), std::move(metrics));
  ARROW_RETURN_NOT_OK(writer->OpenFile());
  return writer;
}

}  // namespace firn::table
