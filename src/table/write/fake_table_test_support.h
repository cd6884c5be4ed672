#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "table/delete/delete_index.h"
#include "table/scan/row_lineage.h"
#include "table/write/merge_test_support.h"
#include "table/write/row_delta.h"

namespace firn::table::testing {

/// A table as lists of live files and deletes, changed by merges as commits would.
class FakeTable {
 public:
  explicit FakeTable(int32_t format_version = 2, PartitionSpec spec = {}, const schema::Schema& schema = RowSchema()) {
    metadata_ = std::make_shared<TableMetadata>();
    metadata_->format_version = format_version;
    metadata_->schemas.push_back(std::make_shared<const schema::Schema>(schema));
    metadata_->partition_specs = {std::move(spec)};
  }
  void Apply(const MergeResult& result) {
    for (const DataFile& file : result.added_deletes) EXPECT_EQ(file.content, FileContent::kPositionDeletes);
    AddSnapshot();
    Change(result.removed, result.added, &plan_.files);
    Change(result.removed_deletes, result.added_deletes, &deletes_);
    DeleteIndex index(*metadata_);
    for (const ManifestEntry& entry : deletes_) ASSERT_TRUE(index.Add(entry).ok());
    plan_.deletes.clear();
    for (const ManifestEntry& entry : plan_.files) plan_.deletes.push_back(Must(index.For(entry)));
  }
  std::vector<Row> Rows(io::FileStore& files) const {
    std::vector<Row> rows;
    for (auto& file : RowsOfPlan(files, metadata_, plan_)) rows.insert(rows.end(), file.begin(), file.end());
    return rows;
  }
  /// The rows of any schema as JSON-like texts, sorted; with `lineage` as far as their row ids.
  std::vector<std::string> Texts(io::FileStore& files, bool lineage = false) const {
    const auto reader = DeleteReader::Make(files, metadata_);
    schema::Schema target = metadata_->schema();
    if (lineage) target = Must(WithRowLineage(target));
    std::vector<std::string> texts;
    for (size_t i = 0; i < plan_.files.size(); ++i) {
      auto deleted = Must(reader->DeletedRows(plan_.files[i], plan_.DeletesOf(i)));
      const auto rows = lineage ? Must(OpenRowsWithLineage(files, plan_.files[i], std::move(deleted), target))
                                : Must(OpenLiveRows(files, plan_.files[i].file, std::move(deleted), target));
      for (const auto& batch : Must(rows->ToRecordBatches())) {
        for (int64_t row = 0; row < batch->num_rows(); ++row) texts.push_back(TextOf(*batch, row, lineage));
      }
    }
    std::ranges::sort(texts);
    return texts;
  }
  MergeTarget target() const { return {.metadata = metadata_, .live = &plan_}; }
  const Snapshot& current() const { return *metadata_->CurrentSnapshot(); }
  size_t num_deletes() const { return deletes_.size(); }

 private:
  static std::string TextOf(const arrow::RecordBatch& batch, int64_t row, bool lineage) {
    std::string text;
    for (int i = 0; i < batch.num_columns() - (lineage ? 1 : 0); ++i) {
      text += (i == 0 ? "" : " ") + Must(batch.column(i)->GetScalar(row))->ToString();
    }
    return text;
  }
  void AddSnapshot() {
    ++sequence_number_;
    metadata_ = std::make_shared<TableMetadata>(*metadata_);
    metadata_->snapshots.push_back({.snapshot_id = {sequence_number_},
                                    .parent_snapshot_id = metadata_->current_snapshot_id,
                                    .sequence_number = sequence_number_});
    metadata_->current_snapshot_id = SnapshotId{sequence_number_};
  }
  void Change(const std::vector<ManifestEntry>& removed, const std::vector<DataFile>& added,
              std::vector<ManifestEntry>* entries) {
    for (const ManifestEntry& gone : removed) {
      ASSERT_EQ(std::erase_if(*entries, [&](const ManifestEntry& entry) { return entry == gone; }), 1u);
    }
    for (DataFile file : added) {
      if (metadata_->format_version >= 3 && file.content == FileContent::kData) {
        file.first_row_id = next_row_id_;
        next_row_id_ += file.record_count;
      }
      entries->push_back({.status = EntryStatus::kAdded,
                          .snapshot_id = SnapshotId{sequence_number_},
                          .sequence_number = sequence_number_,
                          .file_sequence_number = sequence_number_,
                          .file = file});
    }
  }

  std::shared_ptr<TableMetadata> metadata_;
  ScanPlan plan_;
  std::vector<ManifestEntry> deletes_;
  int64_t sequence_number_ = 0;
  int64_t next_row_id_ = 0;
};

}  // namespace firn::table::testing
