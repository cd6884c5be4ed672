#pragma once

#include <arrow/api.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "table/commit/commit_test_support.h"
#include "table/delete/delete_reader.h"
#include "table/maintenance/maintenance.h"
#include "table/scan/live_rows.h"
#include "table/scan/plan.h"
#include "table/write/row_delta.h"
#include "table/write/table_writer.h"

/// A keyed table (id, region, value) with a stream, and a map that says what must be in it.
namespace firn::table::maintenance_testing {

using commit_testing::Must;

struct Row {
  int64_t id = 0;
  std::string region;
  int64_t value = 0;
  friend auto operator<=>(const Row&, const Row&) = default;
};

inline schema::Schema RowSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                     {.id = 2, .name = "region", .type = schema::String()},
                     {.id = 3, .name = "value", .type = schema::Long()}}};
}

inline std::shared_ptr<arrow::RecordBatch> BatchOfRows(const std::vector<Row>& rows) {
  arrow::Int64Builder ids, values;
  arrow::StringBuilder regions;
  for (const Row& row : rows) {
    EXPECT_TRUE(ids.Append(row.id).ok() && regions.Append(row.region).ok() && values.Append(row.value).ok());
  }
  return arrow::RecordBatch::Make(schema::ToArrowSchema(RowSchema()), static_cast<int64_t>(rows.size()),
                                  {Must(ids.Finish()), Must(regions.Finish()), Must(values.Finish())});
}

struct TableKind {
  bool partitioned = false;
  bool sorted = false;
  int32_t format_version = 2;
};

class KeyedTable {
 public:
  explicit KeyedTable(commit_testing::Warehouse& world, TableKind kind = {}) : world_(world), kind_(kind) {
    committer_ = world.MakeCommitter();
  }

  /// Rows are added, keys are not looked at.
  Status Append(const std::vector<Row>& rows) {
    ARROW_ASSIGN_OR_RAISE(const auto opened, committer_->OpenStream(identifier, "s"));
    ARROW_ASSIGN_OR_RAISE(const auto writer, TableWriter::Make(*world_.files, WriterOptions(opened)));
    ARROW_RETURN_NOT_OK(writer->Append(BatchOfRows(rows)));
    ARROW_ASSIGN_OR_RAISE(const auto written, writer->Finish());
    for (const Row& row : rows) model[row.id] = row;
    return Commit(opened, WriteMode::kAppend, DataFilesOf(written), {});
  }

  /// Rows replace those of the same id; `deletes` go.
  Status Merge(const std::vector<Row>& rows, const std::vector<int64_t>& deletes,
               RowLevelMode mode = RowLevelMode::kMergeOnRead) {
    ARROW_ASSIGN_OR_RAISE(const auto opened, committer_->OpenStream(identifier, "s"));
    ARROW_ASSIGN_OR_RAISE(const auto merge, MergeWriter::Make(*world_.files, {.writer = WriterOptions(opened),
                                                                              .mode = mode,
                                                                              .format_version = kind_.format_version,
                                                                              .key_field_ids = {1}}));
    std::vector<Row> all = rows;
    arrow::BooleanBuilder mask;
    ARROW_RETURN_NOT_OK(mask.AppendValues(static_cast<int64_t>(rows.size()), false));
    for (const int64_t id : deletes) {
      all.push_back({.id = id, .region = "x"});
      ARROW_RETURN_NOT_OK(mask.Append(true));
    }
    ARROW_ASSIGN_OR_RAISE(const auto array, mask.Finish());
    ARROW_RETURN_NOT_OK(merge->Append(BatchOfRows(all), static_cast<const arrow::BooleanArray*>(array.get())).status());
    const ScanOptions with_deletes{.keep_metrics = true, .deletes = ScanOptions::Deletes::kPlan};
    ARROW_ASSIGN_OR_RAISE(const ScanPlan live, PlanFiles(*world_.files, *opened.table->metadata,
                                                         *opened.table->metadata->CurrentSnapshot(), with_deletes));
    ARROW_ASSIGN_OR_RAISE(auto merged, merge->Finish({.metadata = opened.table->metadata, .live = &live}));
    std::vector<DataFile> added = std::move(merged.added);
    for (DataFile& file : merged.added_deletes) added.push_back(std::move(file));
    std::vector<std::string> removed;
    for (const auto* entries : {&merged.removed, &merged.removed_deletes}) {
      for (const ManifestEntry& entry : *entries) removed.push_back(FileKeyOf(entry.file));
    }
    for (const Row& row : rows) model[row.id] = row;
    for (const int64_t id : deletes) model.erase(id);
    return Commit(opened, WriteMode::kRowDelta, std::move(added), std::move(removed));
  }

  /// Adds an equality delete of ids, as Flink does.
  Status DeleteByEquality(const std::vector<int64_t>& ids) {
    ARROW_ASSIGN_OR_RAISE(const auto opened, committer_->OpenStream(identifier, "s"));
    DataFile file = world_.Write(identifier, ids, "equality-" + std::to_string(++num_commits_));
    file.content = FileContent::kEqualityDeletes;
    file.equality_ids = {1};
    for (const int64_t id : ids) model.erase(id);
    return Commit(opened, WriteMode::kRowDelta, {std::move(file)}, {});
  }

  /// Rows of main's head, in the order of files by sequence number, then of rows.
  std::vector<Row> Rows() const {
    const auto table = *Must(world_.catalog->LoadTable(identifier));
    if (table.metadata->CurrentSnapshot() == nullptr) return {};
    ScanPlan plan = Must(PlanFiles(*world_.files, *table.metadata, *table.metadata->CurrentSnapshot(),
                                   {.deletes = ScanOptions::Deletes::kPlan}));
    std::vector<size_t> order(plan.files.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, {}, [&](size_t i) { return *plan.files[i].sequence_number; });
    const auto reader = DeleteReader::Make(*world_.files, table.metadata);
    std::vector<Row> rows;
    for (const size_t i : order) {
      auto deleted = Must(reader->DeletedRows(plan.files[i], plan.DeletesOf(i)));
      const auto live = Must(OpenLiveRows(*world_.files, plan.files[i].file, std::move(deleted), RowSchema()));
      for (const auto& batch : Must(live->ToRecordBatches())) {
        const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
        const auto& regions = static_cast<const arrow::StringArray&>(*batch->column(1));
        const auto& values = static_cast<const arrow::Int64Array&>(*batch->column(2));
        for (int64_t row = 0; row < batch->num_rows(); ++row)
          rows.push_back({ids.Value(row), regions.GetString(row), values.Value(row)});
      }
    }
    return rows;
  }

  /// The version of commits from now on.
  void UpgradeTo(int32_t format_version) { kind_.format_version = format_version; }

  void ExpectModel() const {
    std::vector<Row> actual = Rows();
    std::ranges::sort(actual);
    std::vector<Row> expected;
    for (const auto& [id, row] : model) expected.push_back(row);
    EXPECT_EQ(actual.size(), expected.size());
    EXPECT_TRUE(actual == expected);
    const auto opened = committer_->OpenStream(identifier, "s");
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_EQ(opened->state, state_);
  }

  Result<MaintenanceReport> Maintain(const MaintenanceOptions& options, Committer* committer = nullptr) {
    return MaintainTable({.catalog = *world_.catalog,
                          .files = *world_.files,
                          .committer = committer != nullptr ? *committer : *committer_,
                          .clock = world_.clock},
                         identifier, options, {});
  }
  catalog::LoadedTable Load() const { return *Must(world_.catalog->LoadTable(identifier)); }
  Inventory Live() const { return Must(Inventory::Load(*world_.files, Load())); }
  Committer& committer() { return *committer_; }
  const std::string& state() const { return state_; }

  std::map<int64_t, Row> model;
  catalog::TableIdentifier identifier{.ns = {"shop"}, .name = "keyed"};

 private:
  PartitionSpec Spec() const {
    if (!kind_.partitioned) return {};
    return {.fields = {{.source_id = 2, .field_id = 1000, .name = "region"}}};
  }
  TableWriterOptions WriterOptions(const OpenedStream& opened) {
    return {.schema = std::make_shared<const schema::Schema>(RowSchema()),
            .spec = opened.table ? opened.table->metadata->default_spec() : Spec(),
            .location = world_.catalog->DefaultLocation(identifier),
            .stream = "run" + std::to_string(++num_commits_),
            .memory_bytes = int64_t{8} << 20,
            .zstd_level = 1};
  }
  Status Commit(const OpenedStream& opened, WriteMode mode, std::vector<DataFile> added,
                std::vector<std::string> removed) {
    state_ = "\"" + std::to_string(++num_commits_) + "\"";
    StagedTable staged{.identifier = identifier,
                       .mode = mode,
                       .added = std::move(added),
                       .removed = std::move(removed),
                       .stream_id = "s",
                       .epoch = opened.epoch,
                       .from = opened.version,
                       .state = state_,
                       .run = "run" + std::to_string(num_commits_)};
    if (opened.table) {
      staged.base = opened.table->metadata;
      staged.format_version = kind_.format_version;
    } else {
      staged.create = CreateTable{.schema = RowSchema(), .spec = Spec(), .format_version = kind_.format_version};
      if (kind_.sorted) staged.create->sort_order = {.order_id = 1, .fields = {{.source_id = 3}, {.source_id = 1}}};
    }
    if (mode == WriteMode::kRowDelta) {
      staged.replan = [](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> {
        return MakeError(Fault::kBug, "one writer, no other parent");
      };
    }
    world_.clock.Advance(std::chrono::seconds(1));
    return committer_->Commit({&staged, 1}, {}).status();
  }

  commit_testing::Warehouse& world_;
  TableKind kind_;
  std::unique_ptr<Committer> committer_;
  std::string state_;
  int num_commits_ = 0;
};

/// Lets another writer do something just before each of the first commits.
class InterruptedCommitter final : public Committer {
 public:
  InterruptedCommitter(Committer& inner, int times, std::function<Status()> meanwhile)
      : inner_(inner), times_(times), meanwhile_(std::move(meanwhile)) {}
  Result<OpenedStream> OpenStreamOn(const std::string& branch, const catalog::TableIdentifier& identifier,
                                    const std::string& stream_id) override {
    return inner_.OpenStreamOn(branch, identifier, stream_id);
  }
  Result<std::vector<CommittedTable>> Commit(std::span<const StagedTable> tables, std::stop_token stop) override {
    if (times_-- > 0) ARROW_RETURN_NOT_OK(meanwhile_());
    return inner_.Commit(tables, stop);
  }
  Result<CommittedTable> ForceState(const catalog::TableIdentifier& identifier, const std::string& stream_id,
                                    const std::string& state, const std::string& run, std::stop_token stop) override {
    return inner_.ForceState(identifier, stream_id, state, run, stop);
  }
  Result<Expiry> Expire(const catalog::TableIdentifier& identifier, const RetentionOptions& retention,
                        std::stop_token stop) override {
    return inner_.Expire(identifier, retention, stop);
  }

 private:
  Committer& inner_;
  int times_;
  std::function<Status()> meanwhile_;
};

}  // namespace firn::table::maintenance_testing
