#include "table/write/table_writer.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/task_group.h"
#include "base/uuid.h"
#include "io/file_store.h"
#include "table/scan/projection.h"
#include "table/write/data_file_writer.h"
#include "table/write/row_sorter.h"
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
constexpr char kOrdinal[] = "ordinal";  // of the column that goes through sorting with the rows

/// How the budget is shared. Staged rows are held twice while they are grouped, hence the quarter.
struct Budget {
  int64_t stage_bytes;
  size_t open_files;
  int64_t open_file_bytes;
};

Budget ShareBudget(const TableWriterOptions& options, bool sorts) {
  if (options.spec.unpartitioned() && !sorts) {
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
  uint32_t number = 0;
  int64_t num_appended = 0;  // rows taken, wherever they are now
  int64_t num_written = 0;   // rows in finished files
  std::unique_ptr<DataFileWriter> file;
  std::vector<WrittenFile> written;
  std::vector<Waiting> waiting;
  bool sorted = false;          // by Finish
  std::vector<uint32_t> ranks;  // of a sorted one, if places were asked for
};

/// How one file is written.
struct FileBudget {
  int64_t memory_bytes = 0;  // of encoded pages
  int64_t sort_bytes = 0;    // of rows that wait to be sorted; three times that are held
  bool use_threads = false;
};

class FanOutTableWriter final : public TableWriter {
 public:
  FanOutTableWriter(io::FileStore& files, TableWriterOptions options, PartitionKeys keys, std::unique_ptr<Clock> clock)
      : files_(files),
        options_(std::move(options)),
        sorts_(CanSort(options_.order, *options_.schema)),
        budget_(ShareBudget(options_, sorts_)),
        own_clock_(std::move(clock)),
        pool_(options_.pool != nullptr ? options_.pool : arrow::default_memory_pool()),
        keys_(std::move(keys)),
        spill_(options_.temporary_folder) {}
  ~FanOutTableWriter() override;

  Status Append(const std::shared_ptr<arrow::RecordBatch>& batch, std::vector<RowPlace>* places) override;
  Status SetSchema(std::shared_ptr<const schema::Schema> schema) override;
  int64_t memory_bytes() const override;
  TableWriterStats stats() const override;
  int64_t average_file_bytes() const override;
  Result<std::vector<WrittenFile>> Finish() override;
  RowRanks TakeRanks() override;

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Conform(const std::shared_ptr<arrow::RecordBatch>& batch);
  void NotePlaces(const std::vector<uint32_t>& numbers, std::vector<RowPlace>* places);
  Status FlushStage(bool last);
  Status Place(uint32_t number, std::shared_ptr<arrow::RecordBatch> rows, bool last);
  Status WriteNow(uint32_t number, const std::shared_ptr<arrow::RecordBatch>& rows);
  Status WriteRows(Partition& partition, const std::shared_ptr<arrow::RecordBatch>& rows, const FileBudget& budget);
  Status OpenFile(Partition& partition, const FileBudget& budget);
  Status CloseFile(Partition& partition);
  Status CloseFiles();
  void ChooseSorted();
  Status FinishWaiting();
  Status FinishPartition(Partition& partition, const FileBudget& budget);
  Status SortWaiting(Partition& partition, const FileBudget& budget);
  Status EachWaiting(Partition& partition, const std::function<Status(std::shared_ptr<arrow::RecordBatch>)>& take);
  Status CheckAllWritten() const;
  FileBudget present_budget() const {
    return {.memory_bytes = budget_.open_file_bytes, .use_threads = options_.threads > 1};
  }
  size_t open_files() const { return open_.size(); }
  void NotePeak() { stats_.memory_bytes_peak = std::max(stats_.memory_bytes_peak, memory_bytes()); }

  io::FileStore& files_;
  TableWriterOptions options_;  // its schema is the present one
  const bool sorts_;
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
  std::atomic<int64_t> num_files_opened_ = 0;
  bool notes_places_ = false;
  bool finished_ = false;
  TableWriterStats stats_;
};

FanOutTableWriter::~FanOutTableWriter() {
  if (finished_) return;
  // Nothing refers to these files: what cannot be removed now is an orphan, found by maintenance.
  for (const Partition& partition : partitions_) {
    for (const WrittenFile& written : partition.written) static_cast<void>(files_.Remove(written.file.file_path));
  }
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
  while (partitions_.size() < keys_.size()) {
    const auto number = static_cast<uint32_t>(partitions_.size());
    partitions_.emplace_back().number = number;
  }
  notes_places_ |= places != nullptr;
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
  if (options_.spec.unpartitioned() && !sorts_) {
    ARROW_RETURN_NOT_OK(WriteNow(0, rows));
    NotePeak();
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(stage_.Add(std::move(rows), std::move(numbers)));
  NotePeak();
  return stage_.size_bytes() >= budget_.stage_bytes || stage_.full() ? FlushStage(/*last=*/false) : Status::OK();
}

Status FanOutTableWriter::SetSchema(std::shared_ptr<const schema::Schema> schema) {
  schema = std::make_shared<const schema::Schema>(schema::StoredColumns(*schema));
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
  const bool has_room = partition.file != nullptr || (!last && open_files() < budget_.open_files);
  if (!sorts_ && partition.waiting.empty() && has_room) return WriteNow(number, rows);
  if (last) {
    auto schema = rows->schema();
    partition.waiting.push_back({.schema = std::move(schema), .batch = std::move(rows)});
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const Extent extent, spill_.AppendBatch(*rows, pool_));
  partition.waiting.push_back({.extent = extent, .schema = rows->schema()});
  return Status::OK();
}

Status FanOutTableWriter::WriteNow(uint32_t number, const std::shared_ptr<arrow::RecordBatch>& rows) {
  Partition& partition = partitions_[number];
  open_.insert(number);
  ARROW_RETURN_NOT_OK(WriteRows(partition, rows, present_budget()));
  if (partition.file == nullptr) open_.erase(number);
  return Status::OK();
}

/// Writes rows of the present schema into the partition's file, in pieces small enough to roll near the target size.
Status FanOutTableWriter::WriteRows(Partition& partition, const std::shared_ptr<arrow::RecordBatch>& rows,
                                    const FileBudget& budget) {
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*rows));
  const int64_t piece_bytes = std::max(options_.target_file_bytes / 4, kPieceBytesMin);
  const int64_t num_pieces = std::max<int64_t>(1, bytes / piece_bytes);
  const int64_t piece_rows = std::max<int64_t>(1, (rows->num_rows() + num_pieces - 1) / num_pieces);
  const int64_t rows_max = options_.file_rows_max > 0 ? options_.file_rows_max : std::numeric_limits<int64_t>::max();
  int64_t begin = 0;
  while (begin < rows->num_rows()) {
    if (partition.file == nullptr) ARROW_RETURN_NOT_OK(OpenFile(partition, budget));
    const int64_t take = std::min({piece_rows, rows_max - partition.file->num_rows(), rows->num_rows() - begin});
    ARROW_RETURN_NOT_OK(partition.file->Write(rows->Slice(begin, take)));
    begin += take;
    const bool full =
        partition.file->file_bytes() >= options_.target_file_bytes || partition.file->num_rows() >= rows_max;
    if (full) ARROW_RETURN_NOT_OK(CloseFile(partition));
  }
  return Status::OK();
}

Status FanOutTableWriter::OpenFile(Partition& partition, const FileBudget& budget) {
  const Clock& clock = options_.clock != nullptr ? *options_.clock : *own_clock_;
  const std::vector<Literal>& tuple = keys_.tuple(partition.number);
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
                       .buffer_bytes = budget.memory_bytes,
                       .use_threads = budget.use_threads,
                       .bloom_filters = options_.bloom_filters,
                       .metrics = options_.metrics,
                       .pool = pool_};
  ARROW_ASSIGN_OR_RAISE(partition.file, DataFileWriter::Open(files_, std::move(file)));
  return Status::OK();
}

Status FanOutTableWriter::CloseFile(Partition& partition) {
  ARROW_ASSIGN_OR_RAISE(DataFile file, partition.file->Finish());
  partition.file.reset();
  const int64_t first_ordinal = partition.num_written;
  partition.num_written += file.record_count;
  if (partition.sorted && !options_.order.order.fields.empty()) file.sort_order_id = options_.order.order.order_id;
  partition.written.push_back({.file = std::move(file), .partition = partition.number, .first_ordinal = first_ordinal});
  return Status::OK();
}

Status FanOutTableWriter::CloseFiles() {
  NotePeak();
  while (!open_.empty()) {
    ARROW_RETURN_NOT_OK(CloseFile(partitions_[*open_.begin()]));
    open_.erase(open_.begin());
  }
  return Status::OK();
}

/// Sorted are all partitions, or, if their rows have to be found again, those whose ranks fit into memory.
void FanOutTableWriter::ChooseSorted() {
  if (!CanSort(options_.order, *options_.schema)) return;
  int64_t bytes_left = options_.memory_bytes / 4;
  for (Partition& partition : partitions_) {
    const int64_t bytes = partition.num_appended * static_cast<int64_t>(sizeof(uint32_t));
    const bool fits = bytes <= bytes_left && partition.num_appended <= std::numeric_limits<uint32_t>::max();
    partition.sorted = !notes_places_ || fits;
    if (notes_places_ && fits) bytes_left -= bytes;
  }
}

/// Writes the partitions whose rows wait: several at once, each in order.
Status FanOutTableWriter::FinishWaiting() {
  ChooseSorted();
  std::vector<Partition*> waiting;
  for (Partition& partition : partitions_) {
    if (!partition.waiting.empty()) waiting.push_back(&partition);
  }
  const auto num_threads =
      std::min(static_cast<int64_t>(waiting.size()), static_cast<int64_t>(std::max(1, options_.threads)));
  if (num_threads == 0) return Status::OK();
  const int64_t share = options_.memory_bytes / num_threads;
  const FileBudget budget{.memory_bytes = std::max(kMiB, share / 4),
                          .sort_bytes = std::max(kMiB, share / 8),
                          .use_threads = num_threads == 1 && options_.threads > 1};
  std::atomic<size_t> next = 0;
  const auto work = [&](const std::stop_token& stop) -> Status {
    while (!stop.stop_requested()) {
      const size_t i = next++;
      if (i >= waiting.size()) break;
      ARROW_RETURN_NOT_OK(FinishPartition(*waiting[i], budget));
    }
    return Status::OK();
  };
  if (num_threads == 1) return work({});
  TaskGroup group;
  for (int64_t i = 0; i < num_threads; ++i) group.Spawn(work);
  return group.Join();
}

Status FanOutTableWriter::FinishPartition(Partition& partition, const FileBudget& budget) {
  FIRN_FAILPOINT("table_writer.finish_partition");
  if (partition.sorted) {
    ARROW_RETURN_NOT_OK(SortWaiting(partition, budget));
  } else {
    ARROW_RETURN_NOT_OK(EachWaiting(
        partition, [&](std::shared_ptr<arrow::RecordBatch> rows) { return WriteRows(partition, rows, budget); }));
  }
  return partition.file != nullptr ? CloseFile(partition) : Status::OK();
}

/// Hands out the rows that wait, in the present schema.
Status FanOutTableWriter::EachWaiting(Partition& partition,
                                      const std::function<Status(std::shared_ptr<arrow::RecordBatch>)>& take) {
  std::vector<Waiting> waiting = std::exchange(partition.waiting, {});
  std::shared_ptr<arrow::Schema> schema;  // of the last piece: it may be older than the present one
  std::optional<Projection> projection;
  for (Waiting& piece : waiting) {
    std::shared_ptr<arrow::RecordBatch> rows = std::move(piece.batch);
    if (rows == nullptr) {
      ARROW_ASSIGN_OR_RAISE(rows, spill_.ReadBatch(piece.extent, piece.schema, pool_));
    }
    if (schema != piece.schema) {
      ARROW_ASSIGN_OR_RAISE(projection, Projection::Make(*piece.schema, *options_.schema, Projection::Extra::kRefuse));
      schema = piece.schema;
    }
    ARROW_ASSIGN_OR_RAISE(rows, projection->Apply(*rows, pool_));
    ARROW_RETURN_NOT_OK(take(std::move(rows)));
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::RecordBatch>> WithOrdinals(const std::shared_ptr<arrow::RecordBatch>& rows, int64_t first,
                                                         arrow::MemoryPool* pool) {
  arrow::UInt32Builder ordinals(pool);
  ARROW_RETURN_NOT_OK(ordinals.Reserve(rows->num_rows()));
  for (int64_t i = 0; i < rows->num_rows(); ++i) ordinals.UnsafeAppend(static_cast<uint32_t>(first + i));
  ARROW_ASSIGN_OR_RAISE(auto column, ordinals.Finish());
  return rows->AddColumn(rows->num_columns(), kOrdinal, column);
}

/// Sorts the rows that wait and writes them. Their ordinals travel along where the ranks are wanted.
Status FanOutTableWriter::SortWaiting(Partition& partition, const FileBudget& budget) {
  RowSorter sorter(options_.order, *options_.schema,
                   {.memory_bytes = budget.sort_bytes, .temporary_folder = options_.temporary_folder, .pool = pool_});
  int64_t num_rows = 0;
  ARROW_RETURN_NOT_OK(EachWaiting(partition, [&](std::shared_ptr<arrow::RecordBatch> rows) -> Status {
    const int64_t first = std::exchange(num_rows, num_rows + rows->num_rows());
    if (notes_places_) {
      ARROW_ASSIGN_OR_RAISE(rows, WithOrdinals(rows, first, pool_));
    }
    return sorter.Append(std::move(rows));
  }));
  if (notes_places_) partition.ranks.resize(static_cast<size_t>(num_rows));
  uint32_t rank = 0;
  return sorter.Drain([&](std::shared_ptr<arrow::RecordBatch> rows) -> Status {
    if (notes_places_) {
      const int last = rows->num_columns() - 1;
      const auto& ordinals = static_cast<const arrow::UInt32Array&>(*rows->column(last));
      for (int64_t i = 0; i < ordinals.length(); ++i) partition.ranks[ordinals.Value(i)] = rank++;
      ARROW_ASSIGN_OR_RAISE(rows, rows->RemoveColumn(last));
    }
    return WriteRows(partition, rows, budget);
  });
}

Status FanOutTableWriter::CheckAllWritten() const {
  for (const Partition& partition : partitions_) {
    if (partition.num_written == partition.num_appended) continue;
    return MakeError(Fault::kBug, "table writer: files hold " + std::to_string(partition.num_written) + " rows of " +
                                      std::to_string(partition.num_appended));
  }
  return Status::OK();
}

Result<std::vector<WrittenFile>> FanOutTableWriter::Finish() {
  FIRN_FAILPOINT("table_writer.finish");
  ARROW_RETURN_NOT_OK(FlushStage(/*last=*/true));
  ARROW_RETURN_NOT_OK(CloseFiles());
  ARROW_RETURN_NOT_OK(FinishWaiting());
  ARROW_RETURN_NOT_OK(CheckAllWritten());
  finished_ = true;
  std::vector<WrittenFile> written;
  for (Partition& partition : partitions_) {
    for (WrittenFile& file : partition.written) written.push_back(std::move(file));
    partition.written.clear();
  }
  return written;
}

RowRanks FanOutTableWriter::TakeRanks() {
  RowRanks ranks;
  for (Partition& partition : partitions_) ranks.push_back(std::move(partition.ranks));
  return ranks;
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

// Rows in memory shrink to about a quarter in Parquet, those in the temporary file, which is compressed, to a half.
int64_t FanOutTableWriter::average_file_bytes() const {
  int64_t bytes = stage_.size_bytes() / 4 + spill_.size_bytes() / 2;
  int64_t num_files = 0;
  for (const Partition& partition : partitions_) {
    for (const WrittenFile& file : partition.written) bytes += file.file.file_size_bytes;
    if (partition.file != nullptr) bytes += partition.file->file_bytes();
    const bool has_rest = partition.num_appended > partition.num_written;
    num_files += static_cast<int64_t>(partition.written.size()) + (has_rest ? 1 : 0);
  }
  return num_files == 0 ? 0 : bytes / num_files;
}

}  // namespace

Result<std::unique_ptr<TableWriter>> TableWriter::Make(io::FileStore& files, TableWriterOptions options) {
  options.schema = std::make_shared<const schema::Schema>(schema::StoredColumns(*options.schema));
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
