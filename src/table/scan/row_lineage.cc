#include "table/scan/row_lineage.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/util.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <optional>
#include <string>
#include <utility>

#include "schema/arrow_mapping.h"
#include "table/delete/deletion_vector.h"
#include "table/scan/live_rows.h"

namespace firn::table {

namespace {

constexpr char kRowIdName[] = "_row_id";
constexpr char kLastUpdatedName[] = "_last_updated_sequence_number";

/// Fills the nulls of the lineage columns, the last but one and two, and drops the position, the last one.
class LineageReader final : public arrow::RecordBatchReader {
 public:
  LineageReader(const ManifestEntry& data, std::shared_ptr<arrow::Schema> schema,
                std::unique_ptr<arrow::RecordBatchReader> rows, arrow::MemoryPool* pool)
      : first_row_id_(data.file.first_row_id),
        sequence_number_(data.sequence_number.value_or(0)),
        schema_(std::move(schema)),
        rows_(std::move(rows)),
        pool_(pool) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch));
    out->reset();
    if (batch == nullptr) return Status::OK();
    auto columns = batch->columns();
    const auto positions = std::static_pointer_cast<arrow::Int64Array>(columns.back());
    columns.pop_back();
    auto& last_updated = columns[columns.size() - 1];
    auto& row_ids = columns[columns.size() - 2];
    ARROW_ASSIGN_OR_RAISE(row_ids,
                          Filled(row_ids, [&](int64_t row) { return *first_row_id_ + positions->Value(row); }));
    ARROW_ASSIGN_OR_RAISE(last_updated, Filled(last_updated, [&](int64_t) { return sequence_number_; }));
    *out = arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(columns));
    return Status::OK();
  }

 private:
  template <typename Inherited>
  Result<std::shared_ptr<arrow::Array>> Filled(const std::shared_ptr<arrow::Array>& stored, Inherited inherited) const {
    if (!first_row_id_) return arrow::MakeArrayOfNull(stored->type(), stored->length(), pool_);
    if (stored->null_count() == 0) return stored;
    const auto& values = static_cast<const arrow::Int64Array&>(*stored);
    arrow::Int64Builder builder(pool_);
    ARROW_RETURN_NOT_OK(builder.Reserve(values.length()));
    for (int64_t row = 0; row < values.length(); ++row) {
      builder.UnsafeAppend(values.IsValid(row) ? values.Value(row) : inherited(row));
    }
    return builder.Finish();
  }

  const std::optional<int64_t> first_row_id_;
  const int64_t sequence_number_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<arrow::RecordBatchReader> rows_;
  arrow::MemoryPool* pool_;
};

}  // namespace

Result<schema::Schema> WithRowLineage(const schema::Schema& schema) {
  schema::Schema out = schema;
  for (const auto& [id, name] :
       {std::pair(kRowIdFieldId, kRowIdName), std::pair(kLastUpdatedFieldId, kLastUpdatedName)}) {
    if (schema.Find(name) != nullptr) {
      return MakeError(Fault::kConfig, std::string("column ") + name + " has a name that Iceberg reserves for row ids",
                       {.why = "rows of a table of format version 3 cannot be moved beside such a column",
                        .next = "rename the column"});
    }
    out.fields.push_back({.id = id, .name = name, .type = schema::Long()});
  }
  return out;
}

Result<std::unique_ptr<arrow::RecordBatchReader>> OpenRowsWithLineage(io::FileStore& files, const ManifestEntry& data,
                                                                      std::shared_ptr<const PositionSet> deleted,
                                                                      const schema::Schema& target,
                                                                      const FileReadOptions& options) {
  const size_t size = target.fields.size();
  FIRN_CHECK(size >= 2 && target.fields[size - 2].id == kRowIdFieldId &&
             target.fields[size - 1].id == kLastUpdatedFieldId);
  schema::Schema stored = target;
  stored.fields.push_back({.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long()});
  ARROW_ASSIGN_OR_RAISE(auto rows, OpenLiveRows(files, data.file, std::move(deleted), stored, options));
  arrow::MemoryPool* pool = options.pool != nullptr ? options.pool : arrow::default_memory_pool();
  return std::make_unique<LineageReader>(data, schema::ToArrowSchema(target), std::move(rows), pool);
}

void DropLineageMetrics(DataFile& file) {
  for (const int32_t id : {kRowIdFieldId, kLastUpdatedFieldId}) {
    for (auto* counts : {&file.column_sizes, &file.value_counts, &file.null_value_counts, &file.nan_value_counts}) {
      counts->erase(id);
    }
    for (auto* bounds : {&file.lower_bounds, &file.upper_bounds}) bounds->erase(id);
  }
}

}  // namespace firn::table
