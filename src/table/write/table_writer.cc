#include "table/write/table_writer.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/uuid.h"
#include "io/file_store.h"
#include "table/scan/projection.h"
#include "table/write/data_file_writer.h"
#include "table/write/stage.h"
#include "table/write/temporary_file.h"
#include "table/write/transform.h"

namespace firn::table {

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
/// Encoded bytes an open file may hold. Below it row groups get too small to be read well.
constexpr int64_t kOpenFileBytesMin = 32 * kMiB;
constexpr size_t kOpenFilesMax = 16;
constexpr int64_t kPieceBytesMin = 256 * 1024;

/// How the budget is shared. Staged rows are held twice while they are grouped, hence the quarter.
struct Budget {
  int64_t stage_bytes;
  size_t open_files;
  int64_t open_file_bytes;
};

Budget ShareBudget(const TableWriterOptions& options) {
  if (options.spec.unpartitioned()) {
    return {.stage_bytes = 0, .open_files = 1, .open_file_bytes = std::max(options.memory_bytes / 2, kMiB)};
  }
  const int64_t quarter = std::max(options.memory_bytes / 4, kMiB);
  const auto open_files =
      static_cast<size_t>(std::clamp<int64_t>(quarter / kOpenFileBytesMin, 1, static_cast<int64_t>(kOpenFilesMax)));
  return {.stage_bytes = std::min(quarter, 512 * kMiB),
          .open_files = open_files,
          .open_file_bytes = quarter / static_cast<int64_t>(open_files)};
}

/// Rows of a partition that wait in the temporary file, or, at the end, in memory.
struct Waiting {
  Extent extent;
  std::shared_ptr<arrow::Schema> schema;
  std::shared_ptr<arrow::RecordBatch> batch;  // not null: in memory
};

struct Partition {
  int64_t num_appended = 0;  // rows taken, wherever they are now
  int64_t num_written = 0;   // rows in finished files
  std::unique_ptr<DataFileWriter> file;
  std::vector<Waiting> waiting;
};

class FanOutTableWriter final : public TableWriter {
 public:
  FanOutTableWriter(io::FileStore& files, TableWriterOptions options, PartitionKeys keys, std::unique_ptr<Clock> clock)
      : files_(files),
        options_(std::move(options)),
        budget_(ShareBudget(options_)),
        own_clock_(std::move(clock)),
        pool_(options_.pool != nullptr ? options_.pool : arrow::default_memory_pool()),
        keys_(std::move(keys)),
        spill_(options_.temporary_folder) {}
  ~FanOutTableWriter() override;

  Status Append(const std::shared_ptr<arrow::RecordBatch>& batch, std::vector<RowPlace>* places) override;
  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override;
  int64_t memory_bytes() const override;
  TableWriterStats stats() const override;
  Result<std::vector<WrittenFile>> Finish() override;

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Conform(const std::shared_ptr<arrow::RecordBatch>& batch);
  void NotePlaces(const std::vector<uint32_t>& numbers, std::vector<RowPlace>* places);
  Status FlushStage(bool last);
  Status Place(uint32_t number, std::shared_ptr<arrow::RecordBatch> rows, bool last);
  Status WriteRows(uint32_t number, const std::shared_ptr<arrow::RecordBatch>& rows);
  Status OpenFile(uint32_t number);
  Status CloseFile(uint32_t number);
  Status CloseFiles();
  Status WriteWaiting(uint32_t number);
  size_t open_files() const { return open_.size(); }
  void NotePeak() { stats_.memory_bytes_peak = std::max(stats_.memory_bytes_peak, memory_bytes()); }

  io::FileStore& files_;
  TableWriterOptions options_;  // its schema is the present one
  const Budget budget_;
  const std::unique_ptr<Clock> own_clock_;
  arrow::MemoryPool* pool_;
  PartitionKeys keys_;
  TemporaryFile spill_;
  std::shared_ptr<arrow::Schema> source_schema_;  // of the last batch, with the projection made for it
  std::optional<Projection> projection_;
  Stage stage_;
  std::vector<Partition> partitions_;
  std::set<uint32_t> open_;  // partitions that have an open file
  std::vector<WrittenFile> written_;
  int64_t num_files_opened_ = 0;
  bool finished_ = false;
  TableWriterStats stats_;
};

FanOutTableWriter::~FanOutTableWriter() {
  if (finished_) return;
  // Nothing refers to these files: what cannot be removed now is an orphan, found by maintenance.
  for (const WrittenFile& written : written_) static_cast<void>(files_.Remove(written.file.file_path));
}

Result<std::shared_ptr<arrow::RecordBatch>> FanOutTableWriter::Conform(
    const std::shared_ptr<arrow::RecordBatch>& batch) {
  if (source_schema_ != batch->schema() &&
      (source_schema_ == nullptr || !source_schema_->Equals(*batch->schema(), /*check_metadata=*/true))) {
    ARROW_ASSIGN_OR_RAISE(projection_,
                          Projection::Make(*batch->schema(), *options_.schema, Projection::Extra::kRefuse));
    source_schema_ = batch->schema();
  }
  return projection_->Apply(*batch, pool_);
}

void FanOutTableWriter::NotePlaces(const std::vector<uint32_t>& numbers, std::vector<RowPlace>* places) {
  partitions_.resize(std::max(partitions_.size(), keys_.size()));
  if (places != nullptr) places->reserve(places->size() + numbers.size());
  for (const uint32_t number : numbers) {
    const int64_t ordinal = partitions_[number].num_appended++;
    if (places != nullptr) places->push_back({number, ordinal});
  }
}

Status FanOutTableWriter::Append(const std::shared_ptr<arrow::RecordBatch>& batch, std::vector<RowPlace>* places) {
  FIRN_FAILPOINT("table_writer.append");
  if (batch->num_rows() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto rows, Conform(batch));
  stats_.num_rows += rows->num_rows();
  ARROW_ASSIGN_OR_RAISE(std::vector<uint32_t> numbers, keys_.Number(*rows, pool_));
  NotePlaces(numbers, places);
  if (options_.spec.unpartitioned()) {
    ARROW_RETURN_NOT_OK(WriteRows(0, rows));
    NotePeak();
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(stage_.Add(std::move(rows), std::move(numbers)));
  NotePeak();
  return stage_.size_bytes() >= budget_.stage_bytes || stage_.full() ? FlushStage(/*last=*/false) : Status::OK();
}

Status FanOutTableWriter::SetSchema(std::shared_ptr<const schema::Schema> schema) {
  ARROW_RETURN_NOT_OK(CheckStorable(*schema));
  ARROW_RETURN_NOT_OK(FlushStage(/*last=*/false));
  ARROW_RETURN_NOT_OK(CloseFiles());
  ARROW_RETURN_NOT_OK(keys_.SetSchema(*schema));
  options_.schema = std::move(schema);
  source_schema_.reset();
  return Status::OK();
}

/// Groups the staged rows by partition and hands them on. `last`: no rows will follow.
Status FanOutTableWriter::FlushStage(bool last) {
  if (stage_.empty()) return Status::OK();
  FIRN_FAILPOINT("table_writer.flush_stage");
  ARROW_ASSIGN_OR_RAISE(std::vector<StagedGroup> groups, stage_.TakeGroups(keys_.size(), pool_));
  // Largest first: they gain most from an open file.
  std::stable_sort(groups.begin(), groups.end(),
                   [](const StagedGroup& a, const StagedGroup& b) { return a.rows->num_rows() > b.rows->num_rows(); });
  for (StagedGroup& group : groups) ARROW_RETURN_NOT_OK(Place(group.partition, std::move(group.rows), last));
  NotePeak();
  return Status::OK();
}

Status FanOutTableWriter::Place(uint32_t number, std::shared_ptr<arrow::RecordBatch> rows, bool last) {
  Partition& partition = partitions_[number];
  // A partition whose rows wait keeps on waiting: its rows would otherwise change order.
  const bool direct =
      partition.waiting.empty() && (partition.file != nullptr || (!last && open_files() < budget_.open_files));
  if (direct) return WriteRows(number, rows);
  if (last) {
    auto schema = rows->schema();
    partition.waiting.push_back({.schema = std::move(schema), .batch = std::move(rows)});
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const Extent extent, spill_.AppendBatch(*rows, pool_));
  partition.waiting.push_back({.extent = extent, .schema = rows->schema()});
  return Status::OK();
}

/// Writes rows of the present schema into the partition's file, in pieces small enough to roll near the target size.
Status FanOutTableWriter::WriteRows(uint32_t number, const std::shared_ptr<arrow::RecordBatch>& rows) {
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*rows));
  const int64_t piece_bytes = std::max(options_.target_file_bytes / 4, kPieceBytesMin);
  const int64_t num_pieces = std::max<int64_t>(1, bytes / piece_bytes);
  const int64_t piece_rows = std::max<int64_t>(1, (rows->num_rows() + num_pieces - 1) / num_pieces);
  for (int64_t begin = 0; begin < rows->num_rows(); begin += piece_rows) {
    Partition& partition = partitions_[number];
    if (partition.file == nullptr) ARROW_RETURN_NOT_OK(OpenFile(number));
    ARROW_RETURN_NOT_OK(partition.file->Write(rows->Slice(begin, piece_rows)));
    if (partition.file->file_bytes() >= options_.target_file_bytes) ARROW_RETURN_NOT_OK(CloseFile(number));
  }
  return Status::OK();
}

Status FanOutTableWriter::OpenFile(uint32_t number) {
  const Clock& clock = options_.clock != nullptr ? *options_.clock : *own_clock_;
  const std::vector<Literal>& tuple = keys_.tuple(number);
  std::string folder = options_.location + "/data/";
  if (!tuple.empty()) folder += PartitionPath(options_.spec, tuple) + "/";
  const std::string name = options_.stream + "-" + std::to_string(options_.epoch) + "-" +
                           std::to_string(num_files_opened_++) + "-" + MakeUuid7(clock).ToString() + ".parquet";
  DataFileOptions file{.schema = options_.schema,
                       .location = folder + name,
                       .spec_id = options_.spec.spec_id,
                       .partition = tuple,
                       .zstd_level = options_.zstd_level,
                       .row_group_bytes = std::min(options_.row_group_bytes, options_.target_file_bytes),
                       .buffer_bytes = budget_.open_file_bytes,
                       .use_threads = options_.threads > 1,
                       .metrics = options_.metrics,
                       .pool = pool_};
  ARROW_ASSIGN_OR_RAISE(partitions_[number].file, DataFileWriter::Open(files_, std::move(file)));
  open_.insert(number);
  return Status::OK();
}

Status FanOutTableWriter::CloseFile(uint32_t number) {
  Partition& partition = partitions_[number];
  NotePeak();
  ARROW_ASSIGN_OR_RAISE(DataFile file, partition.file->Finish());
  partition.file.reset();
  open_.erase(number);
  const int64_t first_ordinal = partition.num_written;
  partition.num_written += file.record_count;
  written_.push_back({.file = std::move(file), .partition = number, .first_ordinal = first_ordinal});
  return Status::OK();
}

Status FanOutTableWriter::CloseFiles() {
  while (!open_.empty()) ARROW_RETURN_NOT_OK(CloseFile(*open_.begin()));
  return Status::OK();
}

Status FanOutTableWriter::WriteWaiting(uint32_t number) {
  std::vector<Waiting> waiting = std::exchange(partitions_[number].waiting, {});
  for (Waiting& piece : waiting) {
    std::shared_ptr<arrow::RecordBatch> rows = std::move(piece.batch);
    if (rows == nullptr) {
      ARROW_ASSIGN_OR_RAISE(rows, spill_.ReadBatch(piece.extent, piece.schema, pool_));
    }
    ARROW_ASSIGN_OR_RAISE(rows, Conform(rows));  // the schema may have evolved since
    ARROW_RETURN_NOT_OK(WriteRows(number, rows));
  }
  return partitions_[number].file != nullptr ? CloseFile(number) : Status::OK();
}

Result<std::vector<WrittenFile>> FanOutTableWriter::Finish() {
  FIRN_FAILPOINT("table_writer.finish");
  ARROW_RETURN_NOT_OK(FlushStage(/*last=*/true));
  ARROW_RETURN_NOT_OK(CloseFiles());
  for (uint32_t number = 0; number < partitions_.size(); ++number) {
    ARROW_RETURN_NOT_OK(WriteWaiting(number));
    if (partitions_[number].num_written != partitions_[number].num_appended) {
      return MakeError(Fault::kBug, "table writer: files hold " + std::to_string(partitions_[number].num_written) +
                                        " rows of " + std::to_string(partitions_[number].num_appended));
    }
  }
  finished_ = true;
  return std::move(written_);
}

int64_t FanOutTableWriter::memory_bytes() const {
  int64_t bytes = stage_.size_bytes() + keys_.memory_bytes();
  bytes += static_cast<int64_t>(partitions_.size() * sizeof(Partition));
  for (const uint32_t number : open_) bytes += partitions_[number].file->memory_bytes();
  return bytes;
}

TableWriterStats FanOutTableWriter::stats() const {
  TableWriterStats stats = stats_;
  stats.num_partitions = static_cast<int64_t>(partitions_.size());
  stats.spilled_bytes = spill_.size_bytes();
  return stats;
}

}  // namespace

Result<std::unique_ptr<TableWriter>> TableWriter::Make(io::FileStore& files, TableWriterOptions options) {
  ARROW_RETURN_NOT_OK(CheckStorable(*options.schema));
  ARROW_ASSIGN_OR_RAISE(PartitionKeys keys, PartitionKeys::Make(options.spec, *options.schema));
  std::unique_ptr<Clock> clock;
  if (options.clock == nullptr) {
    ARROW_ASSIGN_OR_RAISE(clock, MakeSystemClock());
  }
  return std::make_unique<FanOutTableWriter>(files, std::move(options), std::move(keys), std::move(clock));
}

std::vector<DataFile> DataFilesOf(const std::vector<WrittenFile>& files) {
  std::vector<DataFile> out;
  out.reserve(files.size());
  for (const WrittenFile& written : files) out.push_back(written.file);
  return out;
}

}  // namespace firn::table
