#include "table/write/row_id_carry.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/util.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/failpoint.h"
#include "schema/arrow_mapping.h"
#include "table/scan/live_rows.h"
#include "table/scan/row_lineage.h"
#include "table/write/data_file_writer.h"

namespace firn::table {

namespace {

constexpr int64_t kBufferBytesMin = int64_t{1} << 20;

}  // namespace

RowIdCarry::RowIdCarry(const std::vector<WrittenFile>& new_files, Options options)
    : options_(std::move(options)),
      pool_(options_.pool != nullptr ? options_.pool : arrow::default_memory_pool()),
      touched_(new_files.size(), false),
      moves_(std::make_unique<KeyLog>(options_.memory_bytes, options_.temporary_folder)),
      ids_(std::make_unique<KeyLog>(options_.memory_bytes, options_.temporary_folder)) {
  for (const WrittenFile& file : new_files) {
    first_ordinals_.push_back(num_rows_);
    num_rows_ += static_cast<uint64_t>(file.file.record_count);
  }
}

Status RowIdCarry::Note(NewRowPlaces::Position fresh, size_t live, int64_t row) {
  const uint64_t ordinal = first_ordinals_[fresh.file] + static_cast<uint64_t>(fresh.row);
  return moves_->Append({.hash = HashOfOrdinal(ordinal, num_rows_), .row = row, .source = static_cast<uint32_t>(live)});
}

Status RowIdCarry::Resolve(io::FileStore& files, const ScanPlan& plan, const RowsByFile& dead) {
  FIRN_FAILPOINT("merge.row_ids");
  std::map<size_t, uint64_t> first_ranks;
  uint64_t num_dead = 0;
  for (const auto& [file, rows] : dead) {
    first_ranks[file] = num_dead;
    num_dead += static_cast<uint64_t>(rows.cardinality());
  }
  // By rank among the dead rows, so that each file is read once, in order: row = its new row.
  KeyLog by_rank(options_.memory_bytes, options_.temporary_folder);
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto moves, moves_->Shard(shard, pool_));
    for (size_t i = 0; i < moves.size(); ++i) {
      if (i > 0 && moves[i - 1].hash == moves[i].hash) continue;
      const auto rows = dead.find(moves[i].source);
      if (rows == dead.end()) return MakeError(Fault::kBug, "merge: a replaced row is not among the dead ones");
      const auto rank = static_cast<uint64_t>(rows->second.CountIn(0, moves[i].row));
      Hash128 key = HashOfOrdinal(first_ranks[moves[i].source] + rank, num_dead);
      key.low = static_cast<uint64_t>(moves[i].row);
      ARROW_RETURN_NOT_OK(
          by_rank.Append({.hash = key, .row = static_cast<int64_t>(moves[i].hash.low), .source = moves[i].source}));
    }
  }
  moves_.reset();
  for (size_t shard = 0; shard < KeyLog::kShards; ++shard) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, by_rank.Shard(shard, pool_));
    for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
      while (end < rows.size() && rows[end].source == rows[begin].source) ++end;
      ARROW_RETURN_NOT_OK(ReadIds(files, plan.files[rows[begin].source], rows.data() + begin, rows.data() + end));
    }
  }
  return Status::OK();
}

/// Reads the ids of rows of one live file; they ascend.
Status RowIdCarry::ReadIds(io::FileStore& files, const ManifestEntry& entry, const KeyRecord* begin,
                           const KeyRecord* end) {
  if (!entry.file.first_row_id) return Status::OK();  // older than the table's row ids
  const auto position_of = [](const KeyRecord& record) { return static_cast<int64_t>(record.hash.low); };
  std::vector<RowGroup> groups;
  FileReadOptions read{.name_mapping = options_.name_mapping.get(), .pool = pool_};
  read.choose = [&](const RowGroup& group) {
    const auto* first = std::lower_bound(
        begin, end, group.first_row, [&](const KeyRecord& record, int64_t row) { return position_of(record) < row; });
    const bool wanted = first != end && position_of(*first) < group.first_row + group.num_rows;
    if (wanted) groups.push_back(group);
    return wanted;
  };
  ARROW_ASSIGN_OR_RAISE(const schema::Schema target, WithRowLineage({}));
  ARROW_ASSIGN_OR_RAISE(const auto reader, OpenRowsWithLineage(files, entry, nullptr, target, read));
  size_t group = 0;
  int64_t row = groups.empty() ? 0 : groups[0].first_row;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (begin < end) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) break;
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (int64_t i = 0; i < ids.length() && begin < end; ++i, ++row) {
      while (group + 1 < groups.size() && row == groups[group].first_row + groups[group].num_rows) {
        row = groups[++group].first_row;
      }
      if (position_of(*begin) != row) continue;
      if (ids.IsValid(i)) ARROW_RETURN_NOT_OK(AppendId(static_cast<uint64_t>(begin->row), ids.Value(i)));
      ++begin;
    }
  }
  return begin == end ? Status::OK()
                      : MakeError(Fault::kBug, "merge: a replaced row is not in " + entry.file.file_path);
}

Status RowIdCarry::AppendId(uint64_t ordinal, int64_t row_id) {
  const auto next = std::ranges::upper_bound(first_ordinals_, ordinal);
  touched_[static_cast<size_t>(next - first_ordinals_.begin()) - 1] = true;
  return ids_->Append({.hash = HashOfOrdinal(ordinal, num_rows_), .row = row_id});
}

Status RowIdCarry::NextShard() {
  ARROW_ASSIGN_OR_RAISE(shard_, ids_->Shard(next_shard_++, pool_));
  at_ = 0;
  return Status::OK();
}

Status RowIdCarry::Take(size_t new_file, int64_t first, int64_t count, arrow::Int64Builder* out) {
  ARROW_RETURN_NOT_OK(out->Reserve(count));
  uint64_t ordinal = first_ordinals_[new_file] + static_cast<uint64_t>(first);
  for (const uint64_t end = ordinal + static_cast<uint64_t>(count); ordinal < end; ++ordinal) {
    while (at_ < shard_.size() && shard_[at_].hash.low < ordinal) ++at_;
    while (at_ == shard_.size() && next_shard_ < KeyLog::kShards) {
      ARROW_RETURN_NOT_OK(NextShard());
      while (at_ < shard_.size() && shard_[at_].hash.low < ordinal) ++at_;
    }
    const bool has_id = at_ < shard_.size() && shard_[at_].hash.low == ordinal;
    has_id ? out->UnsafeAppend(shard_[at_].row) : out->UnsafeAppendNull();
  }
  return Status::OK();
}

Result<DataFile> WriteWithRowIds(io::FileStore& files, const DataFile& from, size_t new_file, std::string location,
                                 const TableWriterOptions& options, RowIdCarry& row_ids) {
  FIRN_FAILPOINT("merge.write_row_ids");
  arrow::MemoryPool* pool = options.pool != nullptr ? options.pool : arrow::default_memory_pool();
  const schema::Schema stored = schema::StoredColumns(*options.schema);
  ARROW_ASSIGN_OR_RAISE(auto wide, WithRowLineage(stored));
  const auto arrow_schema = schema::ToArrowSchema(wide);
  ARROW_ASSIGN_OR_RAISE(
      const auto writer,
      DataFileWriter::Open(files, {.schema = std::make_shared<const schema::Schema>(std::move(wide)),
                                   .location = std::move(location),
                                   .spec_id = from.spec_id,
                                   .partition = from.partition,
                                   .zstd_level = options.zstd_level,
                                   .row_group_bytes = options.row_group_bytes,
                                   .buffer_bytes = std::max(options.memory_bytes / 2, kBufferBytesMin),
                                   .bloom_filters = options.bloom_filters,
                                   .metrics = options.metrics,
                                   .pool = pool}));
  ARROW_ASSIGN_OR_RAISE(const auto rows, OpenLiveRows(files, from, nullptr, stored, {.pool = pool}));
  std::shared_ptr<arrow::RecordBatch> batch;
  for (int64_t first = 0;; first += batch->num_rows()) {
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) break;
    arrow::Int64Builder ids(pool);
    ARROW_RETURN_NOT_OK(row_ids.Take(new_file, first, batch->num_rows(), &ids));
    auto columns = batch->columns();
    ARROW_ASSIGN_OR_RAISE(auto id_column, ids.Finish());
    columns.push_back(std::move(id_column));
    // Null: changed by this commit, whatever number it will have.
    ARROW_ASSIGN_OR_RAISE(auto last_updated, arrow::MakeArrayOfNull(arrow::int64(), batch->num_rows(), pool));
    columns.push_back(std::move(last_updated));
    ARROW_RETURN_NOT_OK(writer->Write(arrow::RecordBatch::Make(arrow_schema, batch->num_rows(), std::move(columns))));
  }
  ARROW_ASSIGN_OR_RAISE(DataFile file, writer->Finish());
  DropLineageMetrics(file);
  file.sort_order_id = from.sort_order_id;
  return file;
}

}  // namespace firn::table
