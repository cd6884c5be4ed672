#include "table/scan/metadata_columns.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "schema/arrow_mapping.h"
#include "table/delete/deletion_vector.h"
#include "table/metadata/default_value.h"
#include "table/scan/live_rows.h"
#include "table/scan/row_lineage.h"

namespace firn::table {
namespace {

constexpr int32_t kFileFieldId = 2147483646;
constexpr int32_t kSpecFieldId = 2147483643;
constexpr int32_t kPartitionFieldId = 2147483642;

std::string QuotedJson(const std::string& text) {
  return WriteDefault({.type = schema::String(), .value = text});
}

// {"day":"2026-01-31"}; "" if the file's spec has no fields.
std::string PartitionJson(const TableMetadata& metadata, const DataFile& file) {
  const PartitionSpec* spec = metadata.FindSpec(file.spec_id);
  if (spec == nullptr || spec->unpartitioned()) return "";
  std::string text;
  for (size_t i = 0; i < spec->fields.size() && i < file.partition.size(); ++i) {
    text += (text.empty() ? "" : ",") + QuotedJson(spec->fields[i].name) + ":" + WriteDefault(file.partition[i]);
  }
  return "{" + text + "}";
}

bool IsConstant(int32_t id) {
  return id == kFileFieldId || id == kSpecFieldId || id == kPartitionFieldId;
}

// Where a column of the target comes from.
struct Source {
  int32_t metadata_id = 0;  // 0: a column of the table
  int index = -1;           // among the columns read
};

class MetadataReader final : public arrow::RecordBatchReader {
 public:
  MetadataReader(const TableMetadata& metadata, const ManifestEntry& data, const schema::Schema& target)
      : first_row_id_(data.file.first_row_id),
        sequence_number_(data.sequence_number.value_or(0)),
        file_path_(data.file.file_path),
        spec_id_(data.file.spec_id),
        partition_(PartitionJson(metadata, data.file)),
        schema_(schema::ToArrowSchema(target)) {}

  // What has to be read of the file: the table's columns, stored ids, and the position if anything needs it.
  schema::Schema PlanRead(const schema::Schema& target) {
    schema::Schema read{.schema_id = target.schema_id};
    bool needs_position = false;
    for (const schema::Field& field : target.fields) {
      const bool is_metadata = std::ranges::any_of(MetadataColumns(), [&](const auto& m) { return m.id == field.id; });
      Source source{.metadata_id = is_metadata ? field.id : 0};
      if (is_metadata) needs_position = needs_position || !IsConstant(field.id);
      if (!IsConstant(field.id) && field.id != kRowPositionFieldId) {
        source.index = static_cast<int>(read.fields.size());
        read.fields.push_back(field);
      }
      sources_.push_back(source);
    }
    if (needs_position) {
      position_index_ = static_cast<int>(read.fields.size());
      read.fields.push_back({.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long()});
    }
    return read;
  }

  void Start(std::unique_ptr<arrow::RecordBatchReader> rows, arrow::MemoryPool* pool) {
    rows_ = std::move(rows);
    pool_ = pool;
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
    out->reset();
    if (batch == nullptr) return Status::OK();
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (const Source& source : sources_) {
      ARROW_ASSIGN_OR_RAISE(auto column, ColumnOf(source, *batch));
      columns.push_back(std::move(column));
    }
    *out = arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(columns));
    return Status::OK();
  }

 private:
  Result<std::shared_ptr<arrow::Array>> ColumnOf(const Source& source, const arrow::RecordBatch& batch) const {
    switch (source.metadata_id) {
      case 0:
        return batch.column(source.index);
      case kFileFieldId:
        return arrow::MakeArrayFromScalar(arrow::StringScalar(file_path_), batch.num_rows(), pool_);
      case kSpecFieldId:
        return arrow::MakeArrayFromScalar(arrow::Int32Scalar(spec_id_), batch.num_rows(), pool_);
      case kPartitionFieldId:
        if (partition_.empty()) return arrow::MakeArrayOfNull(arrow::utf8(), batch.num_rows(), pool_);
        return arrow::MakeArrayFromScalar(arrow::StringScalar(partition_), batch.num_rows(), pool_);
      case kRowPositionFieldId:
        return batch.column(position_index_);
      default:
        return Inherited(source, batch);
    }
  }

  // Rows that carry no id of their own have that of their place, and were last changed when their file was added.
  Result<std::shared_ptr<arrow::Array>> Inherited(const Source& source, const arrow::RecordBatch& batch) const {
    if (!first_row_id_) return arrow::MakeArrayOfNull(arrow::int64(), batch.num_rows(), pool_);
    const auto& stored = static_cast<const arrow::Int64Array&>(*batch.column(source.index));
    const auto& positions = static_cast<const arrow::Int64Array&>(*batch.column(position_index_));
    arrow::Int64Builder builder(pool_);
    ARROW_RETURN_NOT_OK(builder.Reserve(batch.num_rows()));
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const int64_t otherwise =
          source.metadata_id == kRowIdFieldId ? *first_row_id_ + positions.Value(row) : sequence_number_;
      builder.UnsafeAppend(stored.IsValid(row) ? stored.Value(row) : otherwise);
    }
    return builder.Finish();
  }

  const std::optional<int64_t> first_row_id_;
  const int64_t sequence_number_;
  const std::string file_path_;
  const int32_t spec_id_;
  const std::string partition_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<Source> sources_;
  int position_index_ = -1;
  std::unique_ptr<arrow::RecordBatchReader> rows_;
  arrow::MemoryPool* pool_ = nullptr;
};

}  // namespace

const std::vector<schema::Field>& MetadataColumns() {
  static const std::vector<schema::Field> kColumns = {
      {.id = kFileFieldId, .name = "_file", .type = schema::String()},
      {.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long()},
      {.id = kSpecFieldId, .name = "_spec_id", .type = schema::Int()},
      {.id = kPartitionFieldId, .name = "_partition", .type = schema::String()},
      {.id = kRowIdFieldId, .name = "_row_id", .type = schema::Long()},
      {.id = kLastUpdatedFieldId, .name = "_last_updated_sequence_number", .type = schema::Long()}};
  return kColumns;
}

const schema::Field* FindMetadataColumn(std::string_view name) {
  for (const schema::Field& field : MetadataColumns()) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

Result<std::unique_ptr<arrow::RecordBatchReader>> OpenRowsWithMetadata(
    io::FileStore& files, const TableMetadata& metadata, const ManifestEntry& data,
    std::shared_ptr<const PositionSet> deleted, const schema::Schema& target, const FileReadOptions& options) {
  auto reader = std::make_unique<MetadataReader>(metadata, data, target);
  const schema::Schema read = reader->PlanRead(target);
  ARROW_ASSIGN_OR_RAISE(auto rows, OpenLiveRows(files, data.file, std::move(deleted), read, options));
  reader->Start(std::move(rows), options.pool != nullptr ? options.pool : arrow::default_memory_pool());
  return reader;
}

}  // namespace firn::table
