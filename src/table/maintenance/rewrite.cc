#include "table/maintenance/rewrite.h"

#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "io/file_store.h"
#include "table/delete/delete_reader.h"
#include "table/manifest/row_ids.h"
#include "table/scan/live_rows.h"
#include "table/scan/projection.h"
#include "table/scan/row_lineage.h"
#include "table/write/file_layout.h"
#include "table/write/row_sorter.h"
#include "table/write/table_writer.h"

namespace firn::table {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kBatchRows = 32 * 1024;
constexpr int64_t kSampleRows = 100'000;  // of a bin, to learn the ranks of a z-order from
constexpr char kNameMapping[] = "schema.name-mapping.default";

class GroupRewriter {
 public:
  GroupRewriter(io::FileStore& files, const Inventory& inventory, const RewriteOptions& options, std::stop_token stop)
      : files_(files),
        metadata_(inventory.metadata()),
        options_(options),
        pool_(options.pool != nullptr ? options.pool : arrow::default_memory_pool()),
        stop_(std::move(stop)) {
    layout_ = LayoutOf(options_.change != nullptr ? *options_.change->metadata() : metadata_);
    if (options_.order) layout_.order = *options_.order;
    sorts_ = CanSort(layout_.order, written_metadata().schema());
    reader_metadata_ = inventory.table().metadata;
  }

  Status Open();
  Status Rewrite(const CompactionBin& bin);
  RewrittenGroup Finish() { return std::move(out_); }
  void RemoveWritten();

 private:
  using Consume = std::function<Status(const std::shared_ptr<arrow::RecordBatch>&)>;
  const TableMetadata& written_metadata() const {
    return options_.change != nullptr ? *options_.change->metadata() : metadata_;
  }
  Result<SchemaPtr> SchemaOfFiles(const TableMetadata& metadata) const;
  bool has_lineage() const { return metadata_.format_version >= kRowLineageFromVersion; }
  TableWriterOptions WriterOptions() const;
  Result<std::unique_ptr<arrow::RecordBatchReader>> OpenRows(const ManifestEntry& data,
                                                             std::shared_ptr<const PositionSet> deleted);
  Status EachBatch(const Inventory::File& file, const Consume& take);
  Status Read(const CompactionBin& bin, const Consume& take);
  Status Learn(const CompactionBin& bin, RowSorter& sorter);
  Status Take(std::vector<DataFile> written, int64_t rows_live);

  io::FileStore& files_;
  const TableMetadata& metadata_;
  const RewriteOptions& options_;
  arrow::MemoryPool* pool_;
  const std::stop_token stop_;
  FileLayout layout_;
  bool sorts_ = false;
  std::shared_ptr<const TableMetadata> reader_metadata_;
  std::shared_ptr<const NameMapping> name_mapping_;
  std::shared_ptr<DeleteReader> deletes_;
  SchemaPtr read_schema_;  // of the rows read: the table's, from version 3 on with row lineage
  SchemaPtr schema_;       // of the files written
  RewrittenGroup out_;
};

Result<SchemaPtr> GroupRewriter::SchemaOfFiles(const TableMetadata& metadata) const {
  if (!has_lineage()) return metadata.schema_ptr();
  ARROW_ASSIGN_OR_RAISE(auto schema, WithRowLineage(metadata.schema()));
  return std::make_shared<const schema::Schema>(std::move(schema));
}

Status GroupRewriter::Open() {
  ARROW_ASSIGN_OR_RAISE(read_schema_, SchemaOfFiles(metadata_));
  ARROW_ASSIGN_OR_RAISE(schema_, SchemaOfFiles(written_metadata()));
  if (const std::string json = metadata_.Property(kNameMapping); !json.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto mapping, ParseNameMapping(json));
    name_mapping_ = std::make_shared<const NameMapping>(std::move(mapping));
  }
  deletes_ = DeleteReader::Make(
      files_, reader_metadata_,
      {.memory_bytes = std::max(kMiB, options_.memory_bytes / 4), .name_mapping = name_mapping_, .pool = pool_});
  return Status::OK();
}

// A file may become a quarter larger than the target, so that the rows of a bin do not leave a small rest.
TableWriterOptions GroupRewriter::WriterOptions() const {
  const int64_t memory_bytes = std::max(4 * kMiB, options_.memory_bytes / 2);
  return {.schema = schema_,
          .spec = metadata_.default_spec(),
          .location = metadata_.location,
          .stream = options_.run,
          .target_file_bytes = options_.target_file_bytes + options_.target_file_bytes / 4,
          .row_group_bytes = std::clamp(memory_bytes / 2, kMiB, 128 * kMiB),
          .memory_bytes = memory_bytes,
          .threads = options_.threads,
          .bloom_filters = layout_.bloom_filters,
          .temporary_folder = options_.temporary_folder,
          .pool = pool_,
          .clock = options_.clock};
}

// A few rows of every file: their order is not that of the table's files, so the first ones would not do.
Status GroupRewriter::Learn(const CompactionBin& bin, RowSorter& sorter) {
  if (layout_.order.zorder.empty()) return Status::OK();
  schema::Schema columns;
  for (const schema::Field& field : schema_->fields) {
    if (std::ranges::find(layout_.order.zorder, field.id) != layout_.order.zorder.end())
      columns.fields.push_back(field);
  }
  const auto rows_max = kSampleRows / static_cast<int64_t>(bin.files.size()) + 1;
  std::vector<std::shared_ptr<arrow::RecordBatch>> samples;
  for (const Inventory::File& file : bin.files) {
    const FileReadOptions options{.batch_rows = kBatchRows, .name_mapping = name_mapping_.get(), .pool = pool_};
    ARROW_ASSIGN_OR_RAISE(const auto rows, OpenLiveRows(files_, file.entry->file, nullptr, columns, options));
    const int64_t stride = std::max<int64_t>(1, file.entry->file.record_count / rows_max);
    arrow::Int64Builder picked(pool_);
    for (int64_t begin = 0;;) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
      if (batch == nullptr) break;
      for (int64_t row = (stride - begin % stride) % stride; row < batch->num_rows(); row += stride) {
        ARROW_RETURN_NOT_OK(picked.Append(row));
      }
      begin += batch->num_rows();
      ARROW_ASSIGN_OR_RAISE(const auto indices, picked.Finish());
      arrow::compute::ExecContext context(pool_);
      ARROW_ASSIGN_OR_RAISE(auto sample, arrow::compute::Take(arrow::Datum(batch), arrow::Datum(indices),
                                                              arrow::compute::TakeOptions::NoBoundsCheck(), &context));
      samples.push_back(sample.record_batch());
    }
  }
  if (samples.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto sample, arrow::ConcatenateRecordBatches(samples, pool_));
  return sorter.Learn(*sample, columns);
}

// From version 3 on a row keeps its id and the number of the commit that last changed it, whatever file it is in.
Result<std::unique_ptr<arrow::RecordBatchReader>> GroupRewriter::OpenRows(const ManifestEntry& data,
                                                                          std::shared_ptr<const PositionSet> deleted) {
  const FileReadOptions options{.batch_rows = kBatchRows, .name_mapping = name_mapping_.get(), .pool = pool_};
  if (has_lineage()) return OpenRowsWithLineage(files_, data, std::move(deleted), *read_schema_, options);
  return OpenLiveRows(files_, data.file, std::move(deleted), *read_schema_, options);
}

Status GroupRewriter::EachBatch(const Inventory::File& file, const Consume& take) {
  std::shared_ptr<const PositionSet> deleted;
  if (!file.deletes.empty()) {
    ARROW_ASSIGN_OR_RAISE(deleted, deletes_->DeletedRows(*file.entry, file.deletes));
  }
  const DataFile& data = file.entry->file;
  const int64_t num_deleted = deleted == nullptr ? 0 : deleted->CountIn(0, data.record_count);
  out_.rows_deleted += num_deleted;
  out_.removed.push_back(data.file_path);
  if (num_deleted == data.record_count) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto rows, OpenRows(*file.entry, deleted));
  int64_t num_rows = 0;
  while (true) {
    if (stop_.stop_requested()) return MakeError(Fault::kCancelled, "stopped while files were rewritten");
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) break;
    const int64_t first_row = num_rows;
    num_rows += batch->num_rows();
    if (options_.change != nullptr) {
      ARROW_ASSIGN_OR_RAISE(batch, options_.change->Change(batch, data.file_path, first_row));
    }
    ARROW_RETURN_NOT_OK(take(batch));
  }
  if (num_rows == data.record_count - num_deleted) return Status::OK();
  return MakeError(Fault::kBug, "rewriting " + data.file_path + " found " + std::to_string(num_rows) +
                                    " live rows of " + std::to_string(data.record_count - num_deleted));
}

Status GroupRewriter::Read(const CompactionBin& bin, const Consume& take) {
  for (const Inventory::File& file : bin.files) {
    const Status read = EachBatch(file, take);
    if (!read.ok()) return Within(file.entry->file.file_path, read);
  }
  return Status::OK();
}

Status GroupRewriter::Rewrite(const CompactionBin& bin) {
  ARROW_ASSIGN_OR_RAISE(const auto writer, TableWriter::Make(files_, WriterOptions()));
  int64_t rows_live = 0;
  const auto write = [&](const std::shared_ptr<arrow::RecordBatch>& rows) {
    rows_live += rows->num_rows();
    return writer->Append(rows);
  };
  if (sorts_) {
    RowSorter sorter(layout_.order, *schema_,
                     {.memory_bytes = std::max(kMiB, options_.memory_bytes / 8),
                      .temporary_folder = options_.temporary_folder,
                      .pool = pool_});
    ARROW_RETURN_NOT_OK(Learn(bin, sorter));
    ARROW_RETURN_NOT_OK(Read(bin, [&](const auto& rows) { return sorter.Append(rows); }));
    ARROW_RETURN_NOT_OK(sorter.Drain(write));
  } else {
    ARROW_RETURN_NOT_OK(Read(bin, write));
  }
  ARROW_ASSIGN_OR_RAISE(const auto written, writer->Finish());
  ARROW_RETURN_NOT_OK(Take(DataFilesOf(written), rows_live));
  FIRN_FAILPOINT("maintain.bin_written");
  return Status::OK();
}

Status GroupRewriter::Take(std::vector<DataFile> written, int64_t rows_live) {
  int64_t rows_written = 0;
  for (DataFile& file : written) {
    rows_written += file.record_count;
    DropLineageMetrics(file);
    if (sorts_ && layout_.order.order.order_id > 0) file.sort_order_id = layout_.order.order.order_id;
    out_.added.push_back(std::move(file));
  }
  out_.rows += rows_written;
  if (rows_written == rows_live) return Status::OK();
  return MakeError(Fault::kBug,
                   "compaction wrote " + std::to_string(rows_written) + " rows of " + std::to_string(rows_live));
}

void GroupRewriter::RemoveWritten() {
  for (const DataFile& file : out_.added) {
    const Status removed = files_.Remove(file.file_path);
    if (!removed.ok()) {
      log::Warn("file of a failed compaction kept", {{"file", file.file_path}, {"reason", removed.message()}});
    }
  }
}

}  // namespace

Result<RewrittenGroup> RewriteGroup(io::FileStore& files, const Inventory& inventory, const CompactionGroup& group,
                                    const RewriteOptions& options, std::stop_token stop) {
  GroupRewriter rewriter(files, inventory, options, std::move(stop));
  Status status = rewriter.Open();
  for (const CompactionBin& bin : group.bins) {
    if (status.ok()) status = rewriter.Rewrite(bin);
  }
  if (!status.ok()) {
    rewriter.RemoveWritten();
    return status;
  }
  return rewriter.Finish();
}

}  // namespace firn::table
