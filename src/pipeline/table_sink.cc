#include "pipeline/table_sink.h"

#include <arrow/record_batch.h>

#include <optional>
#include <utility>

#include "table/scan/plan.h"
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

  Result<SinkResult> Finish(const catalog::LoadedTable*, std::stop_token) override {
    ARROW_ASSIGN_OR_RAISE(const auto files, writer_->Finish());
    SinkResult result{.added = table::DataFilesOf(files), .rows_appended = num_rows_};
    result.data_bytes = BytesOf(result.added);
    return result;
  }

 private:
  std::unique_ptr<table::TableWriter> writer_;
  int64_t num_rows_ = 0;
};

class MergeSink : public TableSink {
 public:
  MergeSink(io::FileStore& files, std::unique_ptr<table::MergeWriter> writer)
      : files_(files), writer_(std::move(writer)) {}

  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override {
    return writer_->SetSchema(std::move(schema));
  }

  Result<RejectedRows> Append(const std::shared_ptr<arrow::RecordBatch>& batch,
                              const arrow::BooleanArray* deletes) override {
    ARROW_ASSIGN_OR_RAISE(auto result, writer_->Append(batch, deletes));
    return result.null_keys;
  }

  Result<SinkResult> Finish(const catalog::LoadedTable* parent, std::stop_token) override {
    std::vector<table::DataFile> live;
    const table::Snapshot* snapshot = parent == nullptr ? nullptr : parent->metadata->CurrentSnapshot();
    if (snapshot != nullptr) {
      ARROW_ASSIGN_OR_RAISE(auto plan, table::PlanFiles(files_, *parent->metadata, *snapshot, {.keep_metrics = true}));
      for (auto& entry : plan.files) live.push_back(std::move(entry.file));
    }
    ARROW_ASSIGN_OR_RAISE(auto merged, writer_->Finish(live));
    SinkResult result{.added = std::move(merged.added)};
    for (const auto& file : merged.removed) result.removed.push_back(file.file_path);
    result.rows_inserted = merged.rows_inserted;
    result.rows_updated = merged.rows_updated;
    result.rows_deleted = merged.rows_deleted;
    result.rows_superseded = merged.rows_superseded;
    result.data_bytes = BytesOf(result.added);
    return result;
  }

 private:
  io::FileStore& files_;
  std::unique_ptr<table::MergeWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<TableSink>> MakeAppendSink(io::FileStore& files, table::TableWriterOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto writer, table::TableWriter::Make(files, std::move(options)));
  return std::make_unique<AppendSink>(std::move(writer));
}

Result<std::unique_ptr<TableSink>> MakeMergeSink(io::FileStore& files, table::TableWriterOptions options,
                                                 const std::vector<std::string>& key_names, int64_t key_memory_bytes) {
  table::MergeOptions merge{.key_memory_bytes = key_memory_bytes};
  for (const std::string& name : key_names) {
    const schema::Field* field = options.schema->Find(name);
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
  merge.writer = std::move(options);
  ARROW_ASSIGN_OR_RAISE(auto writer, table::MergeWriter::Make(files, std::move(merge)));
  return std::make_unique<MergeSink>(files, std::move(writer));
}

}  // namespace firn::pipeline
