#include "table/write/data_file_writer.h"

#include <arrow/extension/uuid.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "format/parquet/file_encoder.h"
#include "io/file_store.h"
#include "schema/arrow_mapping.h"

namespace firn::table {

namespace {

/// Nulls take next to no bytes, so a row group of nulls needs another end.
constexpr int64_t kRowGroupRowsMax = int64_t{1} << 24;

Status CheckStorableType(const schema::Type& type, const std::string& place) {
  if (type.id == schema::TypeId::kStruct && type.children.empty()) {
    return MakeError(Fault::kConfig, "Parquet cannot store a struct without fields: " + place,
                     {.next = "give the struct a field, or leave the column out"});
  }
  if (!type.is_stored()) {
    return MakeError(Fault::kConfig,
                     "this build does not write columns of type " + schema::ToString(type) + ": " + place,
                     {.next = "leave the column out, or load into another table"});
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

/// Checks a batch against the wanted types. `checked` remembers the types seen last: of thousands of leaves a
/// comparison costs as much as encoding a batch does.
Status CheckShape(const arrow::Schema& wanted, const arrow::RecordBatch& batch,
                  std::vector<std::shared_ptr<arrow::DataType>>* checked) {
  if (batch.num_columns() != wanted.num_fields()) {
    return MakeError(Fault::kBug, "data file: batch has " + std::to_string(batch.num_columns()) + " columns, schema " +
                                      std::to_string(wanted.num_fields()));
  }
  checked->resize(static_cast<size_t>(wanted.num_fields()));
  for (int i = 0; i < batch.num_columns(); ++i) {
    const std::shared_ptr<arrow::DataType>& type = batch.column_data(i)->type;
    std::shared_ptr<arrow::DataType>& seen = (*checked)[static_cast<size_t>(i)];
    if (seen == type) continue;
    if (!type->Equals(*wanted.field(i)->type())) {
      return MakeError(Fault::kBug, "data file: column " + wanted.field(i)->name() + " arrives as " + type->ToString());
    }
    seen = type;
  }
  return Status::OK();
}

/// A leaf of the schema, in Parquet's order of columns.
struct LeafColumn {
  const schema::Field* field;
  bool repeated;  // inside a list or map
};

void CollectLeaves(const std::vector<schema::Field>& fields, bool repeated, std::vector<LeafColumn>* leaves) {
  for (const schema::Field& field : fields) {
    if (field.type->is_nested()) {
      CollectLeaves(field.type->children, repeated || field.type->id != schema::TypeId::kStruct, leaves);
    } else {
      leaves->push_back({&field, repeated});
    }
  }
}

class ParquetDataFileWriter final : public DataFileWriter {
 public:
  ParquetDataFileWriter(io::FileStore& files, DataFileOptions options)
      : files_(files),
        options_(std::move(options)),
        pool_(options_.pool != nullptr ? options_.pool : arrow::default_memory_pool()),
        batch_schema_(schema::ToArrowSchema(*options_.schema)) {}

  Status OpenFile();
  Status Write(const std::shared_ptr<arrow::RecordBatch>& batch) override;
  int64_t num_rows() const override { return num_rows_; }
  int64_t file_bytes() const override;
  int64_t memory_bytes() const override { return pool_.bytes_allocated() + encoder_->context_bytes(); }
  Result<DataFile> Finish() override;

 private:
  Result<bool> RowGroupFull();
  Status EndRowGroup();
  Result<std::shared_ptr<parquet::FileMetaData>> ReadFooterBack(int64_t file_size);
  bool Wanted(int64_t index, int32_t field_id) const;
  void AddMetrics(DataFile* file) const;
  void AddFooterMetrics(const parquet::FileMetaData& footer, DataFile* file) const;

  io::FileStore& files_;
  const DataFileOptions options_;
  arrow::ProxyMemoryPool pool_;  // counts what the encoder holds
  const std::shared_ptr<arrow::Schema> batch_schema_;
  std::vector<std::shared_ptr<arrow::DataType>> checked_types_;  // of the last batch
  std::shared_ptr<io::OutputFile> sink_;
  std::unique_ptr<format::parquet::FileEncoder> encoder_;
  int64_t num_rows_ = 0;
  int64_t open_value_bytes_ = 0;   // of the open row group
  int64_t ended_value_bytes_ = 0;  // of the row groups before it
};

Status ParquetDataFileWriter::OpenFile() {
  FIRN_FAILPOINT("data_file.open");
  ARROW_ASSIGN_OR_RAISE(sink_, files_.OpenOutput(options_.location));
  std::map<int32_t, format::parquet::BloomFilterShape> bloom_filters;
  for (const BloomColumn& column : options_.bloom_filters) {
    bloom_filters[column.field_id] = {.fpp = column.fpp, .ndv = column.ndv, .bytes_max = column.bytes_max};
  }
  ARROW_ASSIGN_OR_RAISE(encoder_,
                        format::parquet::FileEncoder::Open(*sink_, {.schema = FileSchema(*options_.schema),
                                                                    .zstd_level = options_.zstd_level,
                                                                    .buffer_bytes = options_.buffer_bytes,
                                                                    .created_by = "firn version " FIRN_VERSION,
                                                                    .bloom_filters = std::move(bloom_filters),
                                                                    .page_checksums = options_.page_checksums,
                                                                    .use_threads = options_.use_threads,
                                                                    .pool = &pool_}));
  return Status::OK();
}

Status ParquetDataFileWriter::Write(const std::shared_ptr<arrow::RecordBatch>& batch) {
  if (batch->num_rows() == 0) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckShape(*batch_schema_, *batch, &checked_types_));
  const int64_t piece_rows = encoder_->PieceRows(*batch);
  for (int64_t begin = 0; begin < batch->num_rows(); begin += piece_rows) {
    ARROW_ASSIGN_OR_RAISE(const bool full, RowGroupFull());
    if (full) ARROW_RETURN_NOT_OK(EndRowGroup());
    const int64_t count = std::min(piece_rows, batch->num_rows() - begin);
    ARROW_RETURN_NOT_OK(encoder_->Write(*batch, begin, count));
    num_rows_ += count;
    open_value_bytes_ = encoder_->row_group_value_bytes();
  }
  return Status::OK();
}

Result<bool> ParquetDataFileWriter::RowGroupFull() {
  if (open_value_bytes_ >= options_.row_group_bytes || encoder_->row_group_rows() >= kRowGroupRowsMax) return true;
  if (pool_.bytes_allocated() < options_.buffer_bytes) return false;
  // Of many columns the open pages are most of the memory, and compressed they are little.
  ARROW_RETURN_NOT_OK(encoder_->ShrinkPages());
  return pool_.bytes_allocated() >= options_.buffer_bytes / 2;
}

Status ParquetDataFileWriter::EndRowGroup() {
  FIRN_FAILPOINT("data_file.row_group");
  ended_value_bytes_ += std::exchange(open_value_bytes_, 0);
  return encoder_->EndRowGroup();
}

int64_t ParquetDataFileWriter::file_bytes() const {
  const int64_t ended_bytes = sink_->Tell().ValueOr(0);
  if (ended_value_bytes_ == 0) return ended_bytes + pool_.bytes_allocated();
  const double ratio = static_cast<double>(ended_bytes) / static_cast<double>(ended_value_bytes_);
  return ended_bytes + static_cast<int64_t>(ratio * static_cast<double>(open_value_bytes_));
}

Result<DataFile> ParquetDataFileWriter::Finish() {
  if (num_rows_ == 0) return MakeError(Fault::kBug, "data file without rows: " + options_.location);
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
  AddMetrics(&file);
  AddFooterMetrics(**footer, &file);
  return file;
}

bool ParquetDataFileWriter::Wanted(int64_t index, int32_t field_id) const {
  const auto& always = options_.metrics.always_field_ids;
  return index < options_.metrics.columns_max || std::find(always.begin(), always.end(), field_id) != always.end();
}

void ParquetDataFileWriter::AddMetrics(DataFile* file) const {
  std::vector<LeafColumn> leaves;
  CollectLeaves(options_.schema->fields, false, &leaves);
  int64_t index = 0;  // among the leaves outside lists
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].repeated || !Wanted(index++, leaves[i].field->id)) continue;
    ColumnMetrics column = MetricsOf(*leaves[i].field, encoder_->statistics(i));
    file->value_counts[column.field_id] = column.value_count;
    file->null_value_counts[column.field_id] = column.null_count;
    if (column.nan_count) file->nan_value_counts[column.field_id] = *column.nan_count;
    if (column.lower) file->lower_bounds[column.field_id] = std::move(*column.lower);
    if (column.upper) file->upper_bounds[column.field_id] = std::move(*column.upper);
  }
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
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto row_group = footer.RowGroup(group);
    for (int i = 0; i < footer.num_columns(); ++i) {
      const int32_t id = footer.schema()->Column(i)->schema_node()->field_id();
      const bool wanted = Wanted(i, id);
      if (i > 0 && !wanted) continue;
      const auto chunk = row_group->ColumnChunk(i);
      if (i == 0) {
        const bool dictionary = chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0;
        file->split_offsets.push_back(dictionary ? std::min(chunk->dictionary_page_offset(), chunk->data_page_offset())
                                                 : chunk->data_page_offset());
      }
      if (!wanted) continue;
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
  auto writer = std::make_unique<ParquetDataFileWriter>(files, std::move(options));
  ARROW_RETURN_NOT_OK(writer->OpenFile());
  return writer;
}

}  // namespace firn::table
