#include "table/scan/file_reader.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <utility>

#include "io/file_store.h"

namespace firn::table {

namespace {

using parquet::arrow::SchemaField;

constexpr int64_t kBatchBytes = int64_t{16} << 20;        // decoded, by the footer's estimate
constexpr int64_t kReadBuffersBytes = int64_t{32} << 20;  // of all column chunks that are open together
constexpr int64_t kReadBufferMin = 16 << 10, kReadBufferMax = 1 << 20;

/// Parquet's errors say "I/O error" of broken bytes too; those of the file store carry a fault.
Status Translate(const Status& status, const std::string& location) {
  if (status.ok() || status.detail() != nullptr) return status;
  if (status.IsIOError() || status.IsInvalid() || status.IsNotImplemented() || status.IsTypeError()) {
    return MakeError(Fault::kBadData, "Parquet file " + location + " cannot be read: " + status.message());
  }
  return status;
}

int FirstLeaf(const SchemaField& field) {
  return field.is_leaf() ? field.column_index : FirstLeaf(field.children[0]);
}

void SelectField(const SchemaField& field, const arrow::Field& arrow_field, const schema::Field& target,
                 std::vector<int>* leaves);

/// Adds the leaves of those fields whose ids the target has.
void SelectFields(const std::vector<SchemaField>& fields, const arrow::FieldVector& arrow_fields,
                  const std::vector<schema::Field>& target, std::vector<int>* leaves) {
  for (const schema::Field& wanted : target) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (FieldIdOf(*arrow_fields[i]) == wanted.id) SelectField(fields[i], *arrow_fields[i], wanted, leaves);
    }
  }
}

void SelectField(const SchemaField& field, const arrow::Field& arrow_field, const schema::Field& target,
                 std::vector<int>* leaves) {
  if (field.is_leaf()) return leaves->push_back(field.column_index);
  const size_t before = leaves->size();
  const auto& type = *arrow_field.type();
  if (type.id() == arrow::Type::MAP) {
    const SchemaField& entries = field.children[0];
    // Arrow reads no map without its key, nor without a leaf of its value.
    leaves->push_back(FirstLeaf(entries.children[0]));
    leaves->push_back(FirstLeaf(entries.children[1]));
    SelectFields(entries.children, type.field(0)->type()->fields(), target.type->children, leaves);
  } else {
    SelectFields(field.children, type.fields(), target.type->children, leaves);
  }
  // One leaf at least: it shows where the struct or list itself is null, and how long lists are.
  if (leaves->size() == before) leaves->push_back(FirstLeaf(field));
}

bool HasLeaf(const SchemaField& field, const std::vector<int>& leaves) {
  if (field.is_leaf()) return std::binary_search(leaves.begin(), leaves.end(), field.column_index);
  return std::any_of(field.children.begin(), field.children.end(),
                     [&](const SchemaField& child) { return HasLeaf(child, leaves); });
}

std::shared_ptr<arrow::Field> PrunedField(const SchemaField& field, const arrow::Field& arrow_field,
                                          const std::vector<int>& leaves);

/// The fields that have one of the `leaves`, which are sorted.
arrow::FieldVector PrunedFields(const std::vector<SchemaField>& fields, const arrow::FieldVector& arrow_fields,
                                const std::vector<int>& leaves) {
  arrow::FieldVector pruned;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (HasLeaf(fields[i], leaves)) pruned.push_back(PrunedField(fields[i], *arrow_fields[i], leaves));
  }
  return pruned;
}

/// What Arrow returns for the field when only `leaves` are read, but with the field ids: of a list whose element is
/// read in part, Arrow 26 drops the element's metadata.
std::shared_ptr<arrow::Field> PrunedField(const SchemaField& field, const arrow::Field& arrow_field,
                                          const std::vector<int>& leaves) {
  const auto& type = *arrow_field.type();
  if (type.id() == arrow::Type::STRUCT) {
    return arrow_field.WithType(arrow::struct_(PrunedFields(field.children, type.fields(), leaves)));
  }
  if (type.id() == arrow::Type::LIST) {
    return arrow_field.WithType(arrow::list(PrunedField(field.children[0], *type.field(0), leaves)));
  }
  if (type.id() == arrow::Type::MAP) {
    const auto& children = field.children[0].children;
    const auto& map = static_cast<const arrow::MapType&>(type);
    return arrow_field.WithType(std::make_shared<arrow::MapType>(PrunedField(children[0], *map.key_field(), leaves),
                                                                 PrunedField(children[1], *map.item_field(), leaves)));
  }
  return arrow_field.WithType(arrow_field.type());
}

bool HasIds(const arrow::FieldVector& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const auto& field) { return FieldIdOf(*field) != 0 || HasIds(field->type()->fields()); });
}

class ProjectedReader final : public arrow::RecordBatchReader {
 public:
  ProjectedReader(std::string location, std::unique_ptr<parquet::arrow::FileReader> file,
                  std::unique_ptr<arrow::RecordBatchReader> batches, Projection projection, arrow::MemoryPool* pool)
      : location_(std::move(location)),
        file_(std::move(file)),
        batches_(std::move(batches)),
        projection_(std::move(projection)),
        pool_(pool) {}
  std::shared_ptr<arrow::Schema> schema() const override { return projection_.arrow_schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(Translate(batches_->ReadNext(&batch), location_));
    out->reset();
    if (batch == nullptr) return Status::OK();
    auto projected = projection_.Apply(*batch, pool_);
    if (!projected.ok()) return Within("data file " + location_, projected.status());
    *out = std::move(projected).ValueUnsafe();
    return Status::OK();
  }

 private:
  const std::string location_;
  std::unique_ptr<parquet::arrow::FileReader> file_;  // outlives its batches
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  const Projection projection_;
  arrow::MemoryPool* pool_;
};

/// Rows per batch so that a batch decodes to about kBatchBytes.
int64_t BatchRows(const parquet::FileMetaData& footer, const std::vector<int>& leaves, int64_t rows_max) {
  int64_t bytes = 0;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto row_group = footer.RowGroup(group);
    for (const int leaf : leaves) bytes += row_group->ColumnChunk(leaf)->total_uncompressed_size();
  }
  const int64_t row_bytes = std::max<int64_t>(1, bytes / std::max<int64_t>(1, footer.num_rows()));
  return std::clamp<int64_t>(kBatchBytes / row_bytes, 1, std::max<int64_t>(1, rows_max));
}

Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(std::shared_ptr<arrow::io::RandomAccessFile> input,
                                                                const std::string& location, int64_t num_leaves,
                                                                const FileReadOptions& options) {
  arrow::MemoryPool* pool = options.pool != nullptr ? options.pool : arrow::default_memory_pool();
  parquet::ReaderProperties properties(pool);
  properties.set_page_checksum_verification(options.verify_checksums);
  properties.enable_buffered_stream();  // column chunks are read as needed, not whole
  properties.set_buffer_size(
      std::clamp(kReadBuffersBytes / std::max<int64_t>(1, num_leaves), kReadBufferMin, kReadBufferMax));
  parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
  arrow_properties.set_pre_buffer(false);
  arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(Translate(builder.Open(std::move(input), properties), location));
  std::unique_ptr<parquet::arrow::FileReader> reader;
  ARROW_RETURN_NOT_OK(Translate(builder.memory_pool(pool)->properties(arrow_properties)->Build(&reader), location));
  return reader;
}

std::vector<int> ChosenRowGroups(const parquet::FileMetaData& footer, const FileReadOptions& options) {
  std::vector<int> chosen;
  int64_t first_row = 0;
  for (int i = 0; i < footer.num_row_groups(); ++i) {
    const auto metadata = footer.RowGroup(i);
    const RowGroup group{.first_row = first_row, .num_rows = metadata->num_rows(), .metadata = metadata.get()};
    if (!options.choose || options.choose(group)) chosen.push_back(i);
    first_row += group.num_rows;
  }
  return chosen;
}

struct ReadPlan {
  int64_t batch_rows = 0;
  std::vector<int> row_groups;
};

// What of a damaged footer is found only when it is looked at is thrown.
Result<ReadPlan> PlanRead(const parquet::FileMetaData& footer, const std::vector<int>& leaves,
                          const FileReadOptions& options) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  return ReadPlan{.batch_rows = BatchRows(footer, leaves, options.batch_rows),
                  .row_groups = ChosenRowGroups(footer, options)};
  END_PARQUET_CATCH_EXCEPTIONS
}

}  // namespace

Result<std::unique_ptr<arrow::RecordBatchReader>> OpenDataFile(io::FileStore& files, const std::string& location,
                                                               const schema::Schema& target,
                                                               const FileReadOptions& options) {
  arrow::MemoryPool* pool = options.pool != nullptr ? options.pool : arrow::default_memory_pool();
  ARROW_ASSIGN_OR_RAISE(auto input, files.OpenInput(location));
  const auto num_leaves = static_cast<int64_t>(target.fields.size());
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(std::move(input), location, num_leaves, options));
  std::shared_ptr<arrow::Schema> file_schema;
  ARROW_RETURN_NOT_OK(Translate(reader->GetSchema(&file_schema), location));
  const bool mapped = options.name_mapping != nullptr && !HasIds(file_schema->fields());
  if (mapped) file_schema = WithMappedIds(*file_schema, *options.name_mapping);

  std::vector<int> leaves;
  SelectFields(reader->manifest().schema_fields, file_schema->fields(), target.fields, &leaves);
  std::sort(leaves.begin(), leaves.end());
  leaves.erase(std::unique(leaves.begin(), leaves.end()), leaves.end());
  const parquet::FileMetaData& footer = *reader->parquet_reader()->metadata();
  const auto plan = PlanRead(footer, leaves, options);
  if (!plan.ok()) return Translate(plan.status(), location);
  reader->set_batch_size(plan->batch_rows);
  auto opened = reader->GetRecordBatchReader(plan->row_groups, leaves);
  if (!opened.ok()) return Translate(opened.status(), location);
  auto batches = std::move(opened).ValueUnsafe();
  const auto source = arrow::schema(PrunedFields(reader->manifest().schema_fields, file_schema->fields(), leaves));
  auto projection = Projection::Make(*source, target, Projection::Extra::kDrop);
  if (!projection.ok()) return Within("data file " + location, projection.status());
  return std::make_unique<ProjectedReader>(location, std::move(reader), std::move(batches),
                                           std::move(projection).ValueUnsafe(), pool);
}

}  // namespace firn::table
