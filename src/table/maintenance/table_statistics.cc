#include "table/maintenance/table_statistics.h"

#include <arrow/array/array_binary.h>
#include <arrow/array/array_primitive.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"
#include "format/puffin/reader.h"
#include "format/puffin/theta_sketch.h"
#include "format/puffin/writer.h"
#include "table/commit/ancestry.h"
#include "table/commit/ref_update.h"
#include "table/maintenance/inventory.h"
#include "table/scan/file_reader.h"
#include "table/scan/projection.h"
#include "table/write/file_layout.h"
#include "table/write/transform.h"

namespace firn::table {
namespace {

using format::puffin::ThetaSketch;
using Json = nlohmann::ordered_json;

constexpr char kNameMapping[] = "schema.name-mapping.default";
constexpr char kCreatedBy[] = "firn version " FIRN_VERSION;

bool HasRawBytes(schema::TypeId type) {
  switch (type) {
    case schema::TypeId::kDecimal:
    case schema::TypeId::kBoolean:
      return false;
    default:
      return true;
  }
}

// Values of fixed width in memory as in single-value serialization: little-endian, uuid and fixed as they are.
std::string_view RawAt(const arrow::Array& column, int64_t row) {
  if (column.type_id() == arrow::Type::STRING || column.type_id() == arrow::Type::BINARY) {
    return static_cast<const arrow::BinaryArray&>(column).GetView(row);
  }
  const arrow::ArrayData& data = *column.data();
  const auto width = static_cast<int64_t>(column.type()->byte_width());
  return {reinterpret_cast<const char*>(data.buffers[1]->data()) + (data.offset + row) * width,
          static_cast<size_t>(width)};
}

void AddColumn(const arrow::Array& column, const schema::TypePtr& type, ThetaSketch& sketch) {
  const bool raw = HasRawBytes(type->id);
  for (int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) continue;
    if (raw) {
      sketch.Add(RawAt(column, row));
    } else {
      sketch.Add(ToSingleValue(LiteralAt(column, type, row)));
    }
  }
}

/// One update of one table.
class StatisticsUpdate {
 public:
  StatisticsUpdate(const StatisticsContext& context, const catalog::TableIdentifier& identifier,
                   const StatisticsOptions& options, std::stop_token stop)
      : context_(context),
        identifier_(identifier),
        options_(options),
        pool_(context.pool != nullptr ? context.pool : arrow::default_memory_pool()),
        stop_(std::move(stop)) {}
  Result<StatisticsReport> Run();

 private:
  const TableMetadata& metadata() const { return inventory_.metadata(); }
  void ChooseColumns();
  void LoadOlder();
  Status LoadBlobs(const Snapshot& snapshot, const std::string& path);
  bool SameType(int32_t field_id, const Snapshot& snapshot) const;
  Status ReadFiles();
  Status ReadFile(const DataFile& file, const schema::Schema& columns);
  Result<std::string> Write(Json* blobs, int64_t* file_bytes, int64_t* footer_bytes);
  Status Commit(const std::string& path, const std::string& json);

  const StatisticsContext& context_;
  const catalog::TableIdentifier& identifier_;
  const StatisticsOptions& options_;
  arrow::MemoryPool* pool_;
  const std::stop_token stop_;
  Inventory inventory_;
  std::vector<schema::Field> columns_;
  std::map<int32_t, ThetaSketch> sketches_;
  std::set<int32_t> carried_;        // columns whose sketch has all files up to since_
  int64_t since_ = 0;                // sequence number of the older statistics
  std::optional<SnapshotId> older_;  // theirs, if they are ours
  std::string older_path_;
  StatisticsReport report_;
};

void StatisticsUpdate::ChooseColumns() {
  for (const schema::Field& field : metadata().schema().fields) {
    const bool counted = !field.type->is_nested();
    if (counted && static_cast<int64_t>(columns_.size()) < options_.columns_max) columns_.push_back(field);
  }
}

bool StatisticsUpdate::SameType(int32_t field_id, const Snapshot& snapshot) const {
  const SchemaPtr then = snapshot.schema_id ? metadata().FindSchema(*snapshot.schema_id) : nullptr;
  const schema::Field* before = then == nullptr ? nullptr : then->FindById(field_id);
  const schema::Field* now = metadata().schema().FindById(field_id);
  return before != nullptr && now != nullptr && schema::ToString(*before->type) == schema::ToString(*now->type);
}

Status StatisticsUpdate::LoadBlobs(const Snapshot& snapshot, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, context_.files.OpenInput(path));
  ARROW_ASSIGN_OR_RAISE(const auto footer, format::puffin::ReadFooter(*file));
  for (const auto& blob : footer.blobs) {
    if (blob.type != format::puffin::kThetaV1 || blob.fields.size() != 1 || !SameType(blob.fields[0], snapshot)) {
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, format::puffin::ReadBlob(*file, blob));
    ARROW_ASSIGN_OR_RAISE(sketches_[blob.fields[0]], ThetaSketch::Parse(bytes));
    carried_.insert(blob.fields[0]);
  }
  const auto by = footer.properties.find("created-by");
  if (by != footer.properties.end() && by->second.starts_with("firn ")) {
    older_ = snapshot.snapshot_id;
    older_path_ = path;
  }
  return Status::OK();
}

// What cannot be read is made anew.
void StatisticsUpdate::LoadOlder() {
  for (const Snapshot* snapshot : AncestryOfMain(metadata()).snapshots) {
    const auto found = std::ranges::find(metadata().statistics, snapshot->snapshot_id, &StatisticsFile::snapshot_id);
    if (found == metadata().statistics.end()) continue;
    const Json json = Json::parse(found->json, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("statistics-path") || !json["statistics-path"].is_string()) return;
    since_ = snapshot->sequence_number;
    const Status loaded = LoadBlobs(*snapshot, json["statistics-path"].get<std::string>());
    if (loaded.ok()) return;
    log::Warn("statistics of an older snapshot not used", {{"reason", loaded.message()}});
    sketches_.clear();
    carried_.clear();
    return;
  }
}

Status StatisticsUpdate::ReadFile(const DataFile& file, const schema::Schema& columns) {
  std::optional<NameMapping> mapping;
  if (const std::string json = metadata().Property(kNameMapping); !json.empty()) {
    ARROW_ASSIGN_OR_RAISE(mapping, ParseNameMapping(json));
  }
  const FileReadOptions read{.name_mapping = mapping ? &*mapping : nullptr, .pool = pool_};
  ARROW_ASSIGN_OR_RAISE(const auto reader, OpenDataFile(context_.files, file.file_path, columns, read));
  ++report_.files_read;
  while (true) {
    if (stop_.stop_requested()) return MakeError(Fault::kCancelled, "stopped while values were counted");
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    for (size_t i = 0; i < columns.fields.size(); ++i) {
      AddColumn(*batch->column(static_cast<int>(i)), columns.fields[i].type, sketches_[columns.fields[i].id]);
    }
  }
}

Status StatisticsUpdate::ReadFiles() {
  int64_t bytes = 0;
  std::vector<std::pair<const DataFile*, schema::Schema>> files;
  for (const Inventory::File& file : inventory_.files()) {
    schema::Schema columns;
    const bool is_new = file.entry->file_sequence_number.value_or(0) > since_;
    for (const schema::Field& column : columns_) {
      if (is_new || !carried_.contains(column.id)) columns.fields.push_back(column);
      if (!columns.fields.empty()) columns.fields.back().required = false;
    }
    if (columns.fields.empty() || file.entry->file.file_format != FileFormat::kParquet) continue;
    bytes += file.entry->file.file_size_bytes;
    files.emplace_back(&file.entry->file, std::move(columns));
  }
  report_.over_budget = options_.budget_bytes > 0 && bytes > options_.budget_bytes;
  if (report_.over_budget) return Status::OK();
  for (const auto& [file, columns] : files) ARROW_RETURN_NOT_OK(Within(file->file_path, ReadFile(*file, columns)));
  return Status::OK();
}

Result<std::string> StatisticsUpdate::Write(Json* blobs, int64_t* file_bytes, int64_t* footer_bytes) {
  const Snapshot& head = *metadata().CurrentSnapshot();
  const std::string path = metadata().location + "/metadata/" + MakeUuid7(context_.clock).ToString() + ".stats";
  ARROW_ASSIGN_OR_RAISE(const auto out, context_.files.OpenOutput(path));
  format::puffin::PuffinWriter writer(*out);
  for (const schema::Field& column : columns_) {
    ThetaSketch& sketch = sketches_[column.id];
    const std::string ndv = std::to_string(std::llround(sketch.Estimate()));
    const format::puffin::BlobInfo info{.type = format::puffin::kThetaV1,
                                        .fields = {column.id},
                                        .snapshot_id = head.snapshot_id.value,
                                        .sequence_number = head.sequence_number,
                                        .properties = {{"ndv", ndv}}};
    ARROW_RETURN_NOT_OK(writer.Add(info, sketch.Serialize()).status());
    blobs->push_back({{"type", info.type},
                      {"snapshot-id", info.snapshot_id},
                      {"sequence-number", info.sequence_number},
                      {"fields", info.fields},
                      {"properties", {{"ndv", ndv}}}});
  }
  const int64_t blobs_end = writer.size_bytes();
  ARROW_ASSIGN_OR_RAISE(*file_bytes, writer.Finish({{"created-by", kCreatedBy}}));
  *footer_bytes = *file_bytes - std::max<int64_t>(blobs_end, 4);
  ARROW_RETURN_NOT_OK(out->Close());
  report_.columns = static_cast<int64_t>(columns_.size());
  return path;
}

Status StatisticsUpdate::Commit(const std::string& path, const std::string& json) {
  FIRN_FAILPOINT("statistics.before_commit");
  const SnapshotId head = metadata().CurrentSnapshot()->snapshot_id;
  const StatisticsFile file{.snapshot_id = head, .json = json};
  const auto is_in = [&](const TableMetadata& table) { return std::ranges::count(table.statistics, file) > 0; };
  const RefPlan plan = [&](const catalog::TableIdentifier&,
                           const catalog::LoadedTable& table) -> Result<std::optional<RefChange>> {
    if (table.metadata->FindSnapshot(head) == nullptr || is_in(*table.metadata)) return std::nullopt;
    RefChange change{.updates = {update::SetStatistics{.statistics = file}}};
    if (older_ && *older_ != head) change.updates.emplace_back(update::RemoveStatistics{.snapshot_id = *older_});
    return std::optional(std::move(change));
  };
  ARROW_ASSIGN_OR_RAISE(const auto tables, CommitRefs({.catalog = context_.catalog, .clock = context_.clock},
                                                      {&identifier_, 1}, plan, stop_));
  FIRN_FAILPOINT("statistics.committed");
  // Else the snapshot was expired meanwhile, or it is in doubt what became of them: then the file is an orphan one day.
  if (is_in(*tables.front().metadata) && !older_path_.empty()) static_cast<void>(context_.files.Remove(older_path_));
  report_.path = path;
  return Status::OK();
}

Result<StatisticsReport> StatisticsUpdate::Run() {
  ARROW_ASSIGN_OR_RAISE(const auto table, context_.catalog.LoadTable(identifier_));
  if (!table) return MakeError(Fault::kConfig, "there is no table " + identifier_.ToString(), {.next = "firn tables"});
  report_.wanted = table->metadata->Property(kStatisticsKey) == kNdvStatistics;
  if (!report_.wanted || table->metadata->CurrentSnapshot() == nullptr) return report_;
  const SnapshotId head = table->metadata->CurrentSnapshot()->snapshot_id;
  const bool has = std::ranges::count(table->metadata->statistics, head, &StatisticsFile::snapshot_id) > 0;
  report_.up_to_date = has && !options_.anew;
  if (report_.up_to_date) return report_;
  ARROW_ASSIGN_OR_RAISE(inventory_, Inventory::Load(context_.files, *table));
  ChooseColumns();
  LoadOlder();
  if (options_.anew) {
    sketches_.clear();
    carried_.clear();
  }
  ARROW_RETURN_NOT_OK(ReadFiles());
  if (report_.over_budget) return report_;
  Json blobs = Json::array();
  int64_t file_bytes = 0, footer_bytes = 0;
  ARROW_ASSIGN_OR_RAISE(const std::string path, Write(&blobs, &file_bytes, &footer_bytes));
  const Json json = {{"snapshot-id", head.value},
                     {"statistics-path", path},
                     {"file-size-in-bytes", file_bytes},
                     {"file-footer-size-in-bytes", footer_bytes},
                     {"blob-metadata", std::move(blobs)}};
  ARROW_RETURN_NOT_OK(Commit(path, json.dump()));
  return report_;
}

}  // namespace

Result<StatisticsReport> UpdateStatistics(const StatisticsContext& context, const catalog::TableIdentifier& identifier,
                                          const StatisticsOptions& options, std::stop_token stop) {
  auto report = StatisticsUpdate(context, identifier, options, std::move(stop)).Run();
  if (!report.ok()) return Within("statistics of " + identifier.ToString(), report.status());
  return report;
}

}  // namespace firn::table
