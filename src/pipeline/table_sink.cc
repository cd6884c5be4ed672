#include "pipeline/table_sink.h"

#include <arrow/record_batch.h>

#include <optional>
#include <utility>

#include "base/log.h"
#include "pipeline/table_key_index.h"
#include "table/scan/plan.h"
#include "table/write/partition_overwrite.h"
#include "table/write/row_delta.h"

namespace firn::pipeline {
namespace {

int64_t BytesOf(const std::vector<table::DataFile>& files) {
  int64_t bytes = 0;
  for (const auto& file : files) bytes += file.file_size_bytes;
  return bytes;
}

class AppendSink : public TableSink {
 public:
  explicit AppendSink(std::unique_ptr<table::TableWriter> writer) : writer_(std::move(writer)) {}

  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override {
    return writer_->SetSchema(std::move(schema));
  }

  Result<RejectedRows> Append(const std::shared_ptr<arrow::RecordBatch>& batch, const arrow::BooleanArray*) override {
    num_rows_ += batch->num_rows();
    ARROW_RETURN_NOT_OK(writer_->Append(batch));
    return RejectedRows();
  }

  int64_t average_file_bytes() const override { return writer_->average_file_bytes(); }

  Result<SinkResult> Finish(const catalog::LoadedTable*, std::stop_token) override {
    ARROW_ASSIGN_OR_RAISE(const auto files, writer_->Finish());
    SinkResult result{.added = table::DataFilesOf(files), .rows_appended = num_rows_};
    result.data_bytes = BytesOf(result.added);
    return result;
  }

  void Committed(const table::Snapshot&) override {}

 private:
  std::unique_ptr<table::TableWriter> writer_;
  int64_t num_rows_ = 0;
};

// The live rows of a parent; `live` holds the plan that the target borrows.
Result<table::MergeTarget> TargetOf(io::FileStore& files, const catalog::LoadedTable* parent, table::ScanPlan* live) {
  table::MergeTarget target;
  if (parent != nullptr) target.metadata = parent->metadata;
  const table::Snapshot* snapshot = parent == nullptr ? nullptr : parent->metadata->CurrentSnapshot();
  if (snapshot == nullptr) return target;
  ARROW_ASSIGN_OR_RAISE(*live, table::PlanFiles(files, *parent->metadata, *snapshot,
                                                {.keep_metrics = true, .deletes = table::ScanOptions::Deletes::kPlan}));
  target.live = live;
  return target;
}

SinkResult ResultOf(table::MergeResult merged) {
  SinkResult result{.added = std::move(merged.added)};
  result.data_bytes = BytesOf(result.added);
  for (auto& file : merged.added_deletes) result.added.push_back(std::move(file));
  for (const auto* entries : {&merged.removed, &merged.removed_deletes}) {
    for (const auto& entry : *entries) result.removed.push_back(table::FileKeyOf(entry.file));
  }
  result.rows_inserted = merged.rows_inserted;
  result.rows_updated = merged.rows_updated;
  result.rows_deleted = merged.rows_deleted;
  result.rows_superseded = merged.rows_superseded;
  result.rows_skipped = merged.rows_skipped;
  return result;
}

class MergeSink : public TableSink {
 public:
  MergeSink(io::FileStore& files, std::unique_ptr<TableKeyIndex> index, std::unique_ptr<table::MergeWriter> writer,
            bool appends)
      : files_(files), index_(std::move(index)), writer_(std::move(writer)), appends_(appends) {}

  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override {
    return writer_->SetSchema(std::move(schema));
  }

  Result<RejectedRows> Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                              const arrow::BooleanArray* deletes) override {
    ARROW_ASSIGN_OR_RAISE(auto result, writer_->Append(batch, deletes));
    return result.null_keys;
  }

  Status Name(const std::shared_ptr<arrow::RecordBatch>& batch) override { return writer_->Name(batch); }
  void SetWhole(bool whole) override { whole_ = whole; }

  Result<SinkResult> Finish(const catalog::LoadedTable* parent, std::stop_token) override {
    table::ScanPlan live;
    ARROW_ASSIGN_OR_RAISE(table::MergeTarget target, TargetOf(files_, parent, &live));
    target.retires = whole_;
    ARROW_ASSIGN_OR_RAISE(auto merged, writer_->Finish(target));
    log::Info("live rows found", {{"by_index", merged.by_index}, {"files_scanned", merged.files_scanned}});
    SinkResult result = ResultOf(std::move(merged));
    if (appends_) result.rows_appended = std::exchange(result.rows_inserted, 0);
    return result;
  }

  void Committed(const table::Snapshot& snapshot) override {
    const Status published = writer_->Committed(snapshot);
    if (!published.ok()) log::Warn("key index left behind its table", {{"reason", published.message()}});
  }

 private:
  io::FileStore& files_;
  const std::unique_ptr<TableKeyIndex> index_;  // null: none; borrowed by the writer
  std::unique_ptr<table::MergeWriter> writer_;
  const bool appends_;
  bool whole_ = false;
};

/// Appends rows, and takes others out: those of `choice`, or of their partitions.
class OverwriteSink : public TableSink {
 public:
  OverwriteSink(io::FileStore& files, table::TableWriterOptions options, int32_t format_version,
                std::optional<table::RowChoice> choice, std::unique_ptr<table::TableWriter> writer)
      : files_(files),
        options_{.writer = std::move(options), .format_version = format_version, .name_mapping = nullptr},
        choice_(std::move(choice)),
        writer_(std::move(writer)) {}

  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override {
    options_.writer.schema = schema;
    return writer_->SetSchema(std::move(schema));
  }

  Result<RejectedRows> Append(const std::shared_ptr<arrow::RecordBatch>& batch, const arrow::BooleanArray*) override {
    num_rows_ += batch->num_rows();
    ARROW_RETURN_NOT_OK(writer_->Append(batch));
    return RejectedRows();
  }

  Result<SinkResult> Finish(const catalog::LoadedTable* parent, std::stop_token) override {
    if (writer_ != nullptr) {
      const auto writer = std::move(writer_);
      ARROW_ASSIGN_OR_RAISE(const auto written, writer->Finish());
      added_ = table::DataFilesOf(written);
    }
    table::ScanPlan live;
    ARROW_ASSIGN_OR_RAISE(const table::MergeTarget target, TargetOf(files_, parent, &live));
    ARROW_ASSIGN_OR_RAISE(auto overwritten, choice_ ? table::RemoveRows(files_, options_, target, *choice_, added_)
                                                    : table::OverwritePartitions(files_, options_, target, added_));
    SinkResult result = ResultOf(std::move(overwritten));
    result.rows_appended = num_rows_;
    return result;
  }

  void Committed(const table::Snapshot&) override {}

 private:
  io::FileStore& files_;
  table::RowRemovalOptions options_;
  const std::optional<table::RowChoice> choice_;
  std::unique_ptr<table::TableWriter> writer_;  // null after the first Finish
  std::vector<table::DataFile> added_;
  int64_t num_rows_ = 0;
};

}  // namespace

Status TableSink::Name(const std::shared_ptr<arrow::RecordBatch>&) {
  return MakeError(Fault::kBug, "rows of this load name nothing");
}

Result<std::unique_ptr<TableSink>> MakeAppendSink(io::FileStore& files, table::TableWriterOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto writer, table::TableWriter::Make(files, std::move(options)));
  return std::make_unique<AppendSink>(std::move(writer));
}

Result<std::unique_ptr<TableSink>> MakeMergeSink(io::FileStore& files, MergeSinkOptions options) {
  table::MergeOptions merge{
      .mode = options.mode, .format_version = options.format_version, .key_memory_bytes = options.key_memory_bytes};
  for (const std::string& name : options.key) {
    const schema::Field* field = options.writer.schema->Find(name);
    if (field == nullptr || field->type->is_nested()) {
      return MakeError(
          Fault::kConfig,
          field == nullptr ? "no row has the key column `" + name + "`" : "key column `" + name + "` is nested",
          {.code = "E0820",
           .why = "merge finds rows by primary_key, whose columns are plain values of the row",
           .state = "nothing was committed",
           .next = "firn preview"});
    }
    merge.key_field_ids.push_back(field->id);
  }
  merge.strategy = std::move(options.strategy);
  merge.retire = std::move(options.retire);
  merge.approve = std::move(options.approve);
  merge.on_gone = std::move(options.on_gone);
  merge.writer = std::move(options.writer);
  std::unique_ptr<TableKeyIndex> opened;
  const bool looks_up = merge.mode == table::RowLevelMode::kMergeOnRead && !merge.key_field_ids.empty();
  if (options.index.table != nullptr && looks_up) {
    opened = TableKeyIndex::Open(*options.index.table, *merge.writer.schema,
                                 {.state_folder = options.index.state_folder,
                                  .key_field_ids = merge.key_field_ids,
                                  .memory_bytes = options.index.memory_bytes});
  }
  merge.index = opened == nullptr ? nullptr : opened->get();
  ARROW_ASSIGN_OR_RAISE(auto writer, table::MergeWriter::Make(files, std::move(merge)));
  return std::make_unique<MergeSink>(files, std::move(opened), std::move(writer), options.appends);
}

Result<std::unique_ptr<TableSink>> MakeOverwriteSink(io::FileStore& files, table::TableWriterOptions options,
                                                     int32_t format_version) {
  if (options.spec.fields.empty()) {
    return MakeError(
        Fault::kConfig, "the table has no partitions that could be replaced one by one",
        {.code = "E0827",
         .why = "`overwrite_partitions` goes by the partitions of the table, and it was made without any",
         .state = "nothing was committed",
         .next = "firn run --full-refresh for this table after dropping it, or remove `overwrite_partitions`"});
  }
  ARROW_ASSIGN_OR_RAISE(auto writer, table::TableWriter::Make(files, options));
  return std::make_unique<OverwriteSink>(files, std::move(options), format_version, std::nullopt, std::move(writer));
}

Result<std::unique_ptr<TableSink>> MakeRemovalSink(io::FileStore& files, table::TableWriterOptions options,
                                                   int32_t format_version, table::RowChoice choice) {
  ARROW_ASSIGN_OR_RAISE(auto writer, table::TableWriter::Make(files, options));
  return std::make_unique<OverwriteSink>(files, std::move(options), format_version, std::move(choice),
                                         std::move(writer));
}

}  // namespace firn::pipeline
