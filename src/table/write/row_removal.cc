#include "table/write/row_removal.h"

#include <arrow/array/array_binary.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "table/delete/delete_reader.h"
#include "table/delete/delete_writer.h"
#include "table/delete/deletion_vector.h"
#include "table/delete/position_set.h"
#include "table/scan/live_rows.h"
#include "table/write/live_deletes.h"

namespace firn::table {

namespace {

// The columns of the choice, and where in the choice each belongs.
struct ChosenColumns {
  schema::Schema target;
  std::vector<size_t> places;
};

Result<ChosenColumns> ColumnsOf(const RowChoice& choice, const schema::Schema& schema) {
  ChosenColumns out;
  for (size_t i = 0; i < choice.columns.size(); ++i) {
    const schema::Field* field = schema.Find(choice.columns[i]);
    if (field == nullptr) continue;
    if (!schema::Equals(*field->type, *schema::String())) {
      return MakeError(Fault::kConfig, "column `" + field->name + "` is a " + schema::ToString(*field->type) +
                                           ", and rows are chosen by text");
    }
    out.target.fields.push_back(*field);
    out.places.push_back(i);
  }
  out.target.fields.push_back({.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long(), .required = true});
  return out;
}

void Choose(const arrow::RecordBatch& batch, const ChosenColumns& columns, const RowChoice& choice, PositionSet* rows) {
  const auto* positions = batch.column(batch.num_columns() - 1)->data()->GetValues<int64_t>(1);
  std::vector<std::string_view> values(choice.columns.size());
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    for (size_t i = 0; i < columns.places.size(); ++i) {
      const auto& column = static_cast<const arrow::StringArray&>(*batch.column(static_cast<int>(i)));
      values[columns.places[i]] = column.IsNull(row) ? std::string_view() : column.GetView(row);
    }
    if (choice.chosen(values)) rows->Add(positions[row]);
  }
}

}  // namespace

Status WriteRemoval(io::FileStore& files, const RowRemovalOptions& options, const MergeTarget& target,
                    const RowsByFile& dead, DeleteReader& reader, MergeResult* result) {
  if (dead.empty()) return Status::OK();
  const int32_t version =
      std::max(options.format_version, target.metadata == nullptr ? 0 : target.metadata->format_version);
  ARROW_ASSIGN_OR_RAISE(const auto writer, DeleteWriter::Make(files, reader,
                                                              {.format_version = version,
                                                               .location = options.writer.location,
                                                               .stream = options.writer.stream,
                                                               .epoch = options.writer.epoch,
                                                               .pool = options.writer.pool,
                                                               .clock = options.writer.clock}));
  ARROW_RETURN_NOT_OK(DeleteLiveRows(target, dead, &reader, writer.get(), result));
  ARROW_ASSIGN_OR_RAISE(DeleteChanges changes, writer->Finish());
  result->added_deletes = std::move(changes.added);
  result->removed_deletes = std::move(changes.removed);
  return Status::OK();
}

Result<MergeResult> RemoveRows(io::FileStore& files, const RowRemovalOptions& options, const MergeTarget& target,
                               const RowChoice& choice, std::vector<DataFile> added) {
  FIRN_FAILPOINT("removal.plan");
  MergeResult result{.added = std::move(added)};
  if (target.live == nullptr) return result;
  ARROW_ASSIGN_OR_RAISE(const ChosenColumns columns, ColumnsOf(choice, *options.writer.schema));
  const auto reader =
      DeleteReader::Make(files, target.metadata, {.name_mapping = options.name_mapping, .pool = options.writer.pool});
  RowsByFile dead;
  for (size_t i = 0; i < target.live->files.size(); ++i) {
    const ManifestEntry& entry = target.live->files[i];
    ARROW_ASSIGN_OR_RAISE(auto deleted, reader->DeletedRows(entry, target.live->DeletesOf(i)));
    ARROW_ASSIGN_OR_RAISE(const auto batches,
                          OpenLiveRows(files, entry.file, std::move(deleted), columns.target,
                                       {.name_mapping = options.name_mapping.get(), .pool = options.writer.pool}));
    PositionSet rows;
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
      if (batch == nullptr) break;
      Choose(*batch, columns, choice, &rows);
    }
    result.rows_deleted += rows.cardinality();
    if (!rows.empty()) dead[i] = std::move(rows);
  }
  ARROW_RETURN_NOT_OK(WriteRemoval(files, options, target, dead, *reader, &result));
  return result;
}

}  // namespace firn::table
