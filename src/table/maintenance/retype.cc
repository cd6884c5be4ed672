#include "table/maintenance/retype.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "format/json/column_plan.h"
#include "schema/arrow_mapping.h"
#include "table/commit/garbage.h"
#include "table/commit/schema_change.h"
#include "table/commit/writable.h"
#include "table/maintenance/retype_values.h"
#include "table/maintenance/rewrite.h"
#include "table/metadata/update.h"
#include "table/scan/projection.h"
#include "table/write/file_layout.h"

namespace firn::table {
namespace {

using format::json::FieldNote;
using format::json::ParseNote;
using schema::Field;
using Kind = SchemaChange::Kind;

Status Refused(std::string what, std::string why, std::string next) {
  return MakeError(
      Fault::kConfig, std::move(what),
      {.code = "E0931", .why = std::move(why), .state = "the table was not changed", .next = std::move(next)});
}

// What becomes of the columns.
struct Fold {
  std::vector<Field> fields;       // the column, then its siblings
  std::vector<std::string> names;  // of the siblings
  std::shared_ptr<const TableMetadata> after;
  Field made;             // in `after`
  bool promoted = false;  // its id stays
};

std::string KeyOf(const Field& field) {
  return ParseNote(field.doc).key.value_or(field.name);
}

Result<Fold> FieldsOf(const TableMetadata& metadata, const RetypeOptions& options) {
  const schema::Schema& schema = metadata.schema();
  const Field* column = schema.Find(options.column);
  if (column == nullptr) {
    std::string names;
    for (const Field& field : schema.fields) names += (names.empty() ? "" : ", ") + field.name;
    return MakeError(Fault::kConfig, "the table has no column " + options.column,
                     {.code = "E0930",
                      .why = "its columns are " + names + "; fields of structs are not retyped",
                      .state = "the table was not changed",
                      .next = "firn sql \"DESCRIBE TABLE\" shows them"});
  }
  Fold fold{.fields = {*column}};
  if (ParseNote(column->doc).sibling) {
    return Refused("column " + options.column + " holds values of " + KeyOf(*column) + " that had another type",
                   "it is folded into that column, not the other way round", "name the column of " + KeyOf(*column));
  }
  for (const Field& field : schema.fields) {
    if (field.id == column->id || !ParseNote(field.doc).sibling || KeyOf(field) != KeyOf(*column)) continue;
    fold.fields.push_back(field);
    fold.names.push_back(field.name);
  }
  if (!column->write_default.empty()) {
    return Refused("column " + options.column + " has a default value", "new rows would lose it",
                   "firn table alter TABLE drop-default " + options.column + " first");
  }
  const auto zorder = LayoutOf(metadata).order.zorder;
  if (std::ranges::find(zorder, column->id) != zorder.end()) {
    return Refused("column " + options.column + " is not retyped: rows are sorted by it", "it is part of a z-order",
                   "take it out of sort_by first");
  }
  return fold;
}

Status ChangeColumns(const TableMetadata& metadata, const RetypeOptions& options, Fold* fold) {
  const Field& column = fold->fields.front();
  const bool same = schema::Equals(*column.type, *options.type);
  fold->promoted = same || schema::CanPromote(*column.type, *options.type, metadata.format_version);
  std::vector<SchemaChange> changes;
  for (const std::string& name : fold->names) {
    changes.push_back({.kind = Kind::kDropColumn, .column = name, .forget = true});
  }
  if (fold->promoted) {
    changes.push_back({.kind = Kind::kSetType, .column = column.name, .type = options.type});
  } else {
    FieldNote note = ParseNote(column.doc);
    note.json = note.json_elements = false;
    const auto& fields = metadata.schema().fields;
    const auto at = std::ranges::find(fields, column.id, &Field::id);
    auto before = at;
    while (before != fields.begin() && std::ranges::find(fold->names, std::prev(before)->name) != fold->names.end())
      --before;
    changes.push_back({.kind = Kind::kDropColumn, .column = column.name, .forget = true});
    changes.push_back(
        {.kind = Kind::kAddColumn, .column = column.name, .type = options.type, .doc = format::json::FormatNote(note)});
    SchemaChange move{.kind = Kind::kMoveColumn, .column = column.name};
    if (before != fields.begin()) {
      move.place = SchemaChange::Place::kAfter;
      move.name = std::prev(before)->name;
    }
    changes.push_back(std::move(move));
  }
  ARROW_ASSIGN_OR_RAISE(const SchemaEvolution evolution, ChangeSchema(metadata, changes, options.in_use));
  std::vector<TableUpdate> updates;
  if (evolution.changed) updates = {update::AddSchema{.schema = evolution.schema}, update::SetCurrentSchema{}};
  ARROW_ASSIGN_OR_RAISE(auto after, ApplyUpdates(&metadata, updates, {}));
  fold->after = std::make_shared<const TableMetadata>(std::move(after));
  fold->made = *fold->after->schema().Find(column.name);
  return Status::OK();
}

/// Folds the columns of rows on their way.
class Folding : public RowChange {
 public:
  Folding(const Fold& fold, const RetypeOptions& options) : fold_(fold), options_(options) {
    for (const Field& field : fold.fields) {
      columns_.push_back({.name = field.name, .type = field.type, .json = ParseNote(field.doc).json});
      ids_.push_back(field.id);
    }
  }

  const std::shared_ptr<const TableMetadata>& metadata() const override { return fold_.after; }

  Result<std::shared_ptr<arrow::RecordBatch>> Change(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                     const std::string& /*file*/, int64_t first_row) override {
    std::vector<std::shared_ptr<arrow::Array>> values(ids_.size());
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (int i = 0; i < rows->num_columns(); ++i) {
      const auto at = std::ranges::find(ids_, FieldIdOf(*rows->schema()->field(i)));
      if (at != ids_.end()) {
        values[static_cast<size_t>(at - ids_.begin())] = rows->column(i);
        continue;
      }
      fields.push_back(rows->schema()->field(i));
      arrays.push_back(rows->column(i));
    }
    arrow::MemoryPool* pool = options_.pool != nullptr ? options_.pool : arrow::default_memory_pool();
    RetypeMisfit misfit;
    auto made = Retype(columns_, values, options_.type, pool, &misfit);
    if (!made.ok()) return misfit.column.empty() ? made.status() : Explained(misfit, first_row);
    fields.push_back(schema::ToArrowField(fold_.made));
    arrays.push_back(*std::move(made));
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows->num_rows(), std::move(arrays));
  }

 private:
  Status Explained(const RetypeMisfit& misfit, int64_t first_row) const {
    const std::string value = options_.shows_values && !misfit.value.empty() ? " `" + misfit.value + "`" : "";
    return MakeError(Fault::kContract,
                     "column " + options_.column + " cannot become " + schema::ToString(*options_.type) + ": a value" +
                         value + " in column " + misfit.column + " does not fit",
                     {.code = "E0934",
                      .why = misfit.why + "; it is row " + std::to_string(first_row + misfit.row) +
                             " of the file, from 0, deleted rows not counted",
                      .state = "the table was not changed",
                      .next = "string takes any number, text, time and boolean"});
  }

  const Fold& fold_;
  const RetypeOptions& options_;
  std::vector<RetypedColumn> columns_;
  std::vector<int32_t> ids_;
};

// All live files, those of a partition together.
CompactionGroup AllFiles(const Inventory& inventory) {
  CompactionGroup group;
  for (const Inventory::File& file : inventory.files()) {
    CompactionBin bin{
        .spec_id = file.entry->file.spec_id, .files = {file}, .num_bytes = file.entry->file.file_size_bytes};
    group.num_bytes += bin.num_bytes;
    ++group.num_files;
    group.bins.push_back(std::move(bin));
  }
  return group;
}

std::vector<std::string> AllKeys(const Inventory& inventory) {
  std::vector<std::string> keys;
  std::set<std::string> paths;
  for (const Inventory::File& file : inventory.files()) {
    keys.push_back(FileKeyOf(file.entry->file));
    paths.insert(file.entry->file.file_path);
  }
  for (const DeleteEntry& entry : inventory.DanglingWithout(paths)) keys.push_back(FileKeyOf(entry->file));
  return keys;
}

Result<CommittedTable> CommitFold(const MaintenanceContext& context, const catalog::TableIdentifier& identifier,
                                  const Inventory& inventory, const Fold& fold, const RetypeOptions& options,
                                  std::vector<DataFile> added, std::stop_token stop) {
  StagedTable staged{.identifier = identifier, .base = inventory.table().metadata};
  staged.mode = WriteMode::kRewrite;
  staged.new_schema = fold.after->schema_ptr();
  staged.added = std::move(added);
  staged.removed = AllKeys(inventory);
  // Rows that came meanwhile are not in the new column, so this is done for these files or not at all.
  staged.replan = [](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> {
    return MakeError(Fault::kConflict, "somebody else committed while the rows were written",
                     {.code = "E0904", .state = "the table was not changed", .next = "the same command again"});
  };
  staged.run = options.run;
  staged.extra_summary = {{"firn.retype", options.column + " " + schema::ToString(*options.type)}};
  FIRN_FAILPOINT("retype.before_commit");
  ARROW_ASSIGN_OR_RAISE(auto committed, context.committer.Commit({&staged, 1}, std::move(stop)));
  FIRN_FAILPOINT("retype.committed");
  return std::move(committed.front());
}

Status RewriteRows(const MaintenanceContext& context, const catalog::TableIdentifier& identifier,
                   const Inventory& inventory, const Fold& fold, const RetypeOptions& options, std::stop_token stop,
                   RetypeReport* report) {
  ARROW_ASSIGN_OR_RAISE(auto staging,
                        StagingRecord::Begin(context.files, inventory.metadata().location, options.run, context.clock));
  Folding folding(fold, options);
  const CompactionGroup group = AllFiles(inventory);
  auto rewritten = RewriteGroup(context.files, inventory, group,
                                {.run = options.run,
                                 .order = std::nullopt,
                                 .target_file_bytes = TargetBytes(inventory.metadata(), {}),
                                 .memory_bytes = options.memory_bytes,
                                 .threads = options.threads,
                                 .temporary_folder = options.temporary_folder,
                                 .pool = options.pool,
                                 .clock = &context.clock,
                                 .change = &folding},
                                stop);
  if (!rewritten.ok()) {
    ARROW_RETURN_NOT_OK(staging.End());  // no file of it is left
    return rewritten.status();
  }
  report->rows = rewritten->rows;
  report->files_read = group.num_files;
  report->files_written = static_cast<int64_t>(rewritten->added.size());
  for (const DataFile& file : rewritten->added) report->bytes_written += file.file_size_bytes;
  if (options.dry_run) {
    for (const DataFile& file : rewritten->added) ARROW_RETURN_NOT_OK(context.files.Remove(file.file_path));
    return staging.End();
  }
  // What a commit that failed leaves is collected by the staging record.
  ARROW_ASSIGN_OR_RAISE(const CommittedTable committed, CommitFold(context, identifier, inventory, fold, options,
                                                                   std::move(rewritten->added), std::move(stop)));
  report->snapshot_id = committed.snapshot_id;
  return staging.End();
}

}  // namespace

Result<RetypeReport> RetypeColumn(const MaintenanceContext& context, const catalog::TableIdentifier& identifier,
                                  const RetypeOptions& options, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(identifier));
  if (!loaded) return MakeError(Fault::kConfig, "there is no table " + identifier.ToString(), {.next = "firn tables"});
  const TableMetadata& metadata = *loaded->metadata;
  ARROW_RETURN_NOT_OK(Within(identifier.ToString(), CheckWritable(metadata, 0)));
  ARROW_ASSIGN_OR_RAISE(Fold fold, FieldsOf(metadata, options));
  RetypeReport report{.from = schema::ToString(*fold.fields.front().type), .folded = fold.names};
  if (fold.names.empty() && schema::Equals(*fold.fields.front().type, *options.type)) return report;
  ARROW_RETURN_NOT_OK(ChangeColumns(metadata, options, &fold));
  report.changed = true;
  if (fold.promoted && fold.names.empty()) {
    return Refused("column " + options.column + " of type " + report.from + " is only widened",
                   "no row has to be written anew for that",
                   "firn table alter " + identifier.ToString() + " set-type " + options.column + " \"" +
                       schema::ToString(*options.type) + "\"");
  }
  ARROW_ASSIGN_OR_RAISE(const Inventory inventory, Inventory::Load(context.files, *loaded));
  ARROW_RETURN_NOT_OK(RewriteRows(context, identifier, inventory, fold, options, std::move(stop), &report));
  return report;
}

}  // namespace firn::table
