#include "table/delete/position_delete_file.h"

#include <arrow/array/array_binary.h>
#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "io/file_store.h"
#include "schema/arrow_mapping.h"
#include "table/scan/file_reader.h"
#include "table/write/data_file_writer.h"

namespace firn::table {

namespace {

constexpr int64_t kWriteBatchRows = 16 * 1024;
constexpr int64_t kReadBatchRows = 64 * 1024;
constexpr int64_t kWindowRows = 1 << 20;  // of the data file, whose deleted positions are unpacked together

schema::Schema DeleteSchema(bool required) {
  return {
      .fields = {{.id = kDeleteFilePathFieldId, .name = "file_path", .type = schema::String(), .required = required},
                 {.id = kDeletePositionFieldId, .name = "pos", .type = schema::Long(), .required = required}}};
}

Result<std::shared_ptr<arrow::RecordBatch>> MakeBatch(const std::shared_ptr<arrow::Schema>& schema,
                                                      const std::string& path, std::span<const int64_t> positions,
                                                      arrow::MemoryPool* pool) {
  const auto num_rows = static_cast<int64_t>(positions.size());
  arrow::StringBuilder paths(pool);
  ARROW_RETURN_NOT_OK(paths.Reserve(num_rows));
  ARROW_RETURN_NOT_OK(paths.ReserveData(num_rows * static_cast<int64_t>(path.size())));
  for (int64_t i = 0; i < num_rows; ++i) paths.UnsafeAppend(path);
  arrow::Int64Builder rows(pool);
  ARROW_RETURN_NOT_OK(rows.AppendValues(positions.data(), num_rows));
  ARROW_ASSIGN_OR_RAISE(auto path_column, paths.Finish());
  ARROW_ASSIGN_OR_RAISE(auto row_column, rows.Finish());
  return arrow::RecordBatch::Make(schema, num_rows, {std::move(path_column), std::move(row_column)});
}

Status WriteRows(DataFileWriter& writer, const std::string& path, const PositionSet& positions,
                 arrow::MemoryPool* pool) {
  const auto schema = schema::ToArrowSchema(DeleteSchema(true));
  const int64_t end = positions.Max().value_or(-1) + 1;
  std::vector<int64_t> window;
  for (int64_t begin = 0; begin < end; begin += kWindowRows) {
    window.clear();
    positions.PositionsIn(begin, std::min(begin + kWindowRows, end), &window);
    for (size_t at = 0; at < window.size(); at += kWriteBatchRows) {
      const auto part = std::span(window).subspan(at, std::min<size_t>(kWriteBatchRows, window.size() - at));
      ARROW_ASSIGN_OR_RAISE(const auto batch, MakeBatch(schema, path, part, pool));
      ARROW_RETURN_NOT_OK(writer.Write(batch));
    }
  }
  return Status::OK();
}

/// Of the paths in a row group; null if they have no bounds.
std::shared_ptr<parquet::ByteArrayStatistics> PathStatistics(const parquet::RowGroupMetaData& group) {
  for (int i = 0; i < group.num_columns(); ++i) {
    const auto node = group.schema()->Column(i)->schema_node();
    if (node->field_id() != kDeleteFilePathFieldId && node->name() != "file_path") continue;
    auto statistics = std::dynamic_pointer_cast<parquet::ByteArrayStatistics>(group.ColumnChunk(i)->statistics());
    return statistics != nullptr && statistics->HasMinMax() ? statistics : nullptr;
  }
  return nullptr;
}

/// False only if the statistics of a row group exclude the path.
bool MayHavePath(const parquet::RowGroupMetaData& group, const std::string& path) {
  const auto statistics = PathStatistics(group);
  return statistics == nullptr ||
         (std::string_view(statistics->min()) <= path && path <= std::string_view(statistics->max()));
}

/// True only if the statistics say that each row is about the path.
bool HasOnlyPath(const parquet::RowGroupMetaData& group, const std::string& path) {
  const auto statistics = PathStatistics(group);
  return statistics != nullptr && std::string_view(statistics->min()) == path &&
         std::string_view(statistics->max()) == path &&
         (statistics->descr()->max_definition_level() == 0 ||
          (statistics->HasNullCount() && statistics->null_count() == 0));
}

Status AddRun(std::string_view path, std::span<const int64_t> run, PositionsByFile* out) {
  const auto [low, high] = std::minmax_element(run.begin(), run.end());
  if (*low < 0 || *high > PositionSet::kPositionMax) {
    return MakeError(Fault::kBadData, "impossible position: " + std::to_string(*low < 0 ? *low : *high));
  }
  auto found = out->find(path);
  if (found == out->end()) found = out->emplace(std::string(path), PositionSet()).first;
  found->second.AddMany(run);
  return Status::OK();
}

Result<std::span<const int64_t>> PositionsOf(const arrow::Array& column) {
  const auto& positions = static_cast<const arrow::Int64Array&>(column);
  if (positions.null_count() == 0) return std::span(positions.raw_values(), static_cast<size_t>(positions.length()));
  return MakeError(Fault::kBadData, "a row without pos (or the file lacks the column)");
}

/// Adds a batch of positions alone.
Status AddPositions(const arrow::RecordBatch& batch, const std::string& path, PositionsByFile* out) {
  ARROW_ASSIGN_OR_RAISE(const auto values, PositionsOf(*batch.column(0)));
  return values.empty() ? Status::OK() : AddRun(path, values, out);
}

/// Adds the rows of a batch, runs of one path at a time. `scope`: what the manifest says that all rows are about.
Status AddRows(const arrow::RecordBatch& batch, const std::optional<std::string>& only,
               const std::optional<std::string>& scope, PositionsByFile* out) {
  const auto& paths = static_cast<const arrow::StringArray&>(*batch.column(0));
  if (paths.null_count() > 0) {
    return MakeError(Fault::kBadData, "a row without file_path (or the file lacks the column)");
  }
  ARROW_ASSIGN_OR_RAISE(const auto values, PositionsOf(*batch.column(1)));
  for (size_t begin = 0; begin < values.size();) {
    const std::string_view path = paths.GetView(static_cast<int64_t>(begin));
    size_t end = begin + 1;
    while (end < values.size() && paths.GetView(static_cast<int64_t>(end)) == path) ++end;
    if (scope && *scope != path) {
      return MakeError(Fault::kBadData,
                       "a row is about another data file than the manifest says: " + std::string(path));
    }
    if (!only || *only == path) ARROW_RETURN_NOT_OK(AddRun(path, values.subspan(begin, end - begin), out));
    begin = end;
  }
  return Status::OK();
}

}  // namespace

Result<DataFile> WritePositionDeleteFile(io::FileStore& files, const std::string& location, const DataFile& data_file,
                                         const PositionSet& positions, arrow::MemoryPool* pool) {
  if (pool == nullptr) pool = arrow::default_memory_pool();
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        DataFileWriter::Open(files, {.schema = std::make_shared<schema::Schema>(DeleteSchema(true)),
                                                     .location = location,
                                                     .spec_id = data_file.spec_id,
                                                     .partition = data_file.partition,
                                                     .page_checksums = true,
                                                     .pool = pool}));
  ARROW_RETURN_NOT_OK(WriteRows(*writer, data_file.file_path, positions, pool));
  ARROW_ASSIGN_OR_RAISE(DataFile file, writer->Finish());
  file.content = FileContent::kPositionDeletes;
  file.referenced_data_file = data_file.file_path;
  // Not cut to 16 characters: readers take equal bounds for "of this data file alone", cut ones for "of any".
  file.lower_bounds[kDeleteFilePathFieldId] = file.upper_bounds[kDeleteFilePathFieldId] = data_file.file_path;
  return file;
}

std::optional<std::string> ScopeOf(const DataFile& entry) {
  if (entry.referenced_data_file) return entry.referenced_data_file;
  const auto lower = entry.lower_bounds.find(kDeleteFilePathFieldId);
  const auto upper = entry.upper_bounds.find(kDeleteFilePathFieldId);
  if (lower == entry.lower_bounds.end() || upper == entry.upper_bounds.end()) return std::nullopt;
  // A truncated bound is shorter than the value or larger: equal ones are the value itself.
  return lower->second == upper->second ? std::optional(lower->second) : std::nullopt;
}

bool MayDeleteFrom(const DataFile& entry, std::string_view data_file) {
  if (entry.referenced_data_file) return *entry.referenced_data_file == data_file;
  const auto lower = entry.lower_bounds.find(kDeleteFilePathFieldId);
  const auto upper = entry.upper_bounds.find(kDeleteFilePathFieldId);
  if (lower != entry.lower_bounds.end() && data_file < lower->second) return false;
  return upper == entry.upper_bounds.end() || data_file <= upper->second;
}

Result<PositionsByFile> ReadPositionDeleteFile(io::FileStore& files, const DataFile& entry,
                                               const std::optional<std::string>& only, arrow::MemoryPool* pool) {
  NameMapping mapping;
  mapping.fields["file_path"].field_id = kDeleteFilePathFieldId;
  mapping.fields["pos"].field_id = kDeletePositionFieldId;
  FileReadOptions options{
      .batch_rows = kReadBatchRows, .name_mapping = &mapping, .pool = pool, .verify_checksums = true};
  const std::optional<std::string>& scope = entry.referenced_data_file;
  schema::Schema columns = DeleteSchema(false);
  bool has_one_path = scope && (!only || *only == *scope);
  Result<std::unique_ptr<arrow::RecordBatchReader>> reader;
  const std::string place = "position delete file " + entry.file_path;
  if (has_one_path) {  // then the paths, which are most of the bytes in memory, need not be read
    options.choose = [&](const RowGroup& group) {
      has_one_path = has_one_path && HasOnlyPath(*group.metadata, *scope);
      return true;
    };
    reader = OpenDataFile(files, entry.file_path, {.fields = {columns.fields[1]}}, options);
    if (!reader.ok()) return Within(place, reader.status());
  }
  if (!has_one_path) {
    options.choose = nullptr;
    if (only && !scope) options.choose = [&](const RowGroup& group) { return MayHavePath(*group.metadata, *only); };
    reader = OpenDataFile(files, entry.file_path, columns, options);
    if (!reader.ok()) return Within(place, reader.status());
  }
  PositionsByFile found;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    Status status = (*reader)->ReadNext(&batch);
    if (status.ok() && batch == nullptr) return found;
    if (status.ok())
      status = has_one_path ? AddPositions(*batch, *scope, &found) : AddRows(*batch, only, scope, &found);
    if (!status.ok()) return Within(place, status);
  }
}

}  // namespace firn::table
