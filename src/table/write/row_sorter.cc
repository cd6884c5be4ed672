#include "table/write/row_sorter.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/concatenate.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace firn::table {
namespace {

constexpr int64_t kPieceBytesMax = int64_t{1} << 20;  // of a run, read back at once
constexpr int64_t kPieceBytesMin = int64_t{16} << 10;
constexpr size_t kRunsMax = 64;  // merged at once: a piece of each is in memory

}  // namespace

RowSorter::RowSorter(const RowOrder& order, const schema::Schema& schema, RowSorterOptions options)
    : options_(std::move(options)),
      pool_(options_.pool != nullptr ? options_.pool : arrow::default_memory_pool()),
      keys_(order, schema),
      file_(options_.temporary_folder) {}

Result<std::shared_ptr<arrow::RecordBatch>> RowSorter::Concatenate(const Batches& batches) const {
  if (batches.size() == 1) return batches.front();
  return arrow::ConcatenateRecordBatches(batches, pool_);
}

// Most keys differ within eight bytes. Equal rows keep their order by their numbers.
Result<std::shared_ptr<arrow::Array>> RowSorter::Order(const std::shared_ptr<arrow::RecordBatch>& rows) {
  ARROW_ASSIGN_OR_RAISE(const KeyBytes keys, keys_.Make(*rows, pool_));
  struct Entry {
    uint64_t head;
    uint64_t row;
  };
  std::vector<Entry> entries(keys.size());
  for (uint64_t row = 0; row < keys.size(); ++row) {
    uint64_t head = 0;
    const std::string_view key = keys[row];
    std::memcpy(&head, key.data(), std::min(sizeof(head), key.size()));
    entries[row] = {.head = __builtin_bswap64(head), .row = row};
  }
  std::ranges::sort(entries, [&](const Entry& a, const Entry& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = keys[a.row].compare(keys[b.row]);
    return order != 0 ? order < 0 : a.row < b.row;
  });
  arrow::UInt64Builder builder(pool_);
  ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(entries.size())));
  for (const Entry& entry : entries) builder.UnsafeAppend(entry.row);
  return builder.Finish();
}

Result<std::shared_ptr<arrow::RecordBatch>> RowSorter::Pick(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                            const std::shared_ptr<arrow::Array>& order) const {
  arrow::compute::ExecContext context(pool_);
  ARROW_ASSIGN_OR_RAISE(auto picked, arrow::compute::Take(arrow::Datum(rows), arrow::Datum(order),
                                                          arrow::compute::TakeOptions::NoBoundsCheck(), &context));
  return picked.record_batch();
}

Result<std::shared_ptr<arrow::RecordBatch>> RowSorter::TakeSorted() {
  ARROW_ASSIGN_OR_RAISE(const auto rows, Concatenate(std::exchange(waiting_, {})));
  waiting_bytes_ = 0;
  ARROW_ASSIGN_OR_RAISE(const auto order, Order(rows));
  return Pick(rows, order);
}

Status RowSorter::Append(std::shared_ptr<arrow::RecordBatch> rows) {
  if (rows->num_rows() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*rows));
  waiting_bytes_ += bytes;
  waiting_.push_back(std::move(rows));
  return waiting_bytes_ < options_.memory_bytes ? Status::OK() : Spill();
}

Status RowSorter::Spill() {
  if (runs_.size() >= kRunsMax) ARROW_RETURN_NOT_OK(MergeRuns());
  const int64_t bytes = waiting_bytes_;
  ARROW_ASSIGN_OR_RAISE(const auto rows, TakeSorted());
  schema_ = rows->schema();
  return AppendTo(runs_.emplace_back(), *rows, bytes);
}

Status RowSorter::AppendTo(Run& run, const arrow::RecordBatch& rows, int64_t bytes) {
  const int64_t piece_bytes =
      std::clamp(options_.memory_bytes / static_cast<int64_t>(kRunsMax), kPieceBytesMin, kPieceBytesMax);
  const int64_t num_pieces = std::max<int64_t>(1, bytes / piece_bytes);
  const int64_t piece_rows = (rows.num_rows() + num_pieces - 1) / num_pieces;
  for (int64_t begin = 0; begin < rows.num_rows(); begin += piece_rows) {
    ARROW_ASSIGN_OR_RAISE(const Extent piece, file_.AppendBatch(*rows.Slice(begin, piece_rows), pool_));
    run.pieces.push_back(piece);
  }
  return Status::OK();
}

// All runs become one, the first.
Status RowSorter::MergeRuns() {
  Run merged;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, NextMerged());
    if (rows == nullptr) break;
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*rows));
    ARROW_RETURN_NOT_OK(AppendTo(merged, *rows, bytes));
  }
  runs_.clear();
  runs_.push_back(std::move(merged));
  return Status::OK();
}

Status RowSorter::Fill(Run& run) {
  if (run.rows != nullptr || run.at_end()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(run.rows, file_.ReadBatch(run.pieces[run.next], schema_, pool_));
  ++run.next;
  return Status::OK();
}

Result<std::string> RowSorter::KeyAt(const arrow::RecordBatch& rows, int64_t row) {
  ARROW_ASSIGN_OR_RAISE(const KeyBytes keys, keys_.Make(*rows.Slice(row, 1), pool_));
  return std::string(keys[0]);
}

// The rows of each run that nothing can come before any more: up to the smallest of the last keys of pieces that have
// a successor. Of equal rows those of earlier runs come first, also those that are still on disk.
Result<std::vector<int64_t>> RowSorter::NumFinal() {
  const Run* first = nullptr;
  std::string last_key;
  for (const Run& run : runs_) {
    if (run.rows == nullptr || run.at_end()) continue;
    ARROW_ASSIGN_OR_RAISE(std::string key, KeyAt(*run.rows, run.rows->num_rows() - 1));
    if (first != nullptr && key >= last_key) continue;
    first = &run;
    last_key = std::move(key);
  }
  std::vector<int64_t> counts;
  for (const Run& run : runs_) {
    const int64_t num_rows = run.rows == nullptr ? 0 : run.rows->num_rows();
    int64_t low = 0, high = num_rows;
    while (first != nullptr && low < high) {
      const int64_t middle = low + (high - low) / 2;
      ARROW_ASSIGN_OR_RAISE(const std::string key, KeyAt(*run.rows, middle));
      const bool is_final = &run <= first ? key <= last_key : key < last_key;
      (is_final ? low : high) = is_final ? middle + 1 : middle;
    }
    counts.push_back(first == nullptr ? num_rows : low);
  }
  return counts;
}

// Sorts what is final of one piece of each run. Runs are taken in the order they were made, so that equal rows keep
// their order.
Result<std::shared_ptr<arrow::RecordBatch>> RowSorter::NextMerged() {
  for (Run& run : runs_) ARROW_RETURN_NOT_OK(Fill(run));
  ARROW_ASSIGN_OR_RAISE(const std::vector<int64_t> counts, NumFinal());
  Batches pieces;
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (counts[i] == 0) continue;
    std::shared_ptr<arrow::RecordBatch>& rows = runs_[i].rows;
    pieces.push_back(rows->Slice(0, counts[i]));
    rows = counts[i] == rows->num_rows() ? nullptr : rows->Slice(counts[i]);
  }
  if (pieces.empty()) return std::shared_ptr<arrow::RecordBatch>();
  if (pieces.size() == 1) return pieces.front();
  ARROW_ASSIGN_OR_RAISE(const auto rows, Concatenate(pieces));
  ARROW_ASSIGN_OR_RAISE(const auto order, Order(rows));
  return Pick(rows, order);
}

Status RowSorter::Drain(const std::function<Status(const std::shared_ptr<arrow::RecordBatch>&)>& take) {
  if (runs_.empty()) {
    if (waiting_.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto rows, TakeSorted());
    return take(rows);
  }
  if (!waiting_.empty()) ARROW_RETURN_NOT_OK(Spill());
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, NextMerged());
    if (rows == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(take(rows));
  }
}

}  // namespace firn::table
