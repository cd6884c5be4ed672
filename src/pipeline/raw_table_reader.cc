#include "pipeline/raw_table_reader.h"

#include <arrow/array/array_binary.h>
#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "format/json/bytes_parse.h"
#include "io/raw_segment.h"
#include "pipeline/raw_table.h"
#include "pipeline/run_columns.h"
#include "table/delete/delete_reader.h"
#include "table/scan/live_rows.h"

namespace firn::pipeline {
namespace {

// Opens the live rows of a file, with these columns in this order.
Result<std::unique_ptr<arrow::RecordBatchReader>> OpenColumns(
    io::FileStore& files, const std::shared_ptr<const table::TableMetadata>& metadata, const table::ScanPlan& plan,
    size_t index, const std::vector<const char*>& columns) {
  schema::Schema target;
  for (const char* name : columns) {
    const schema::Field* field = metadata->schema().Find(name);
    if (field == nullptr) return MakeError(Fault::kBadData, std::string("a raw table without the column ") + name);
    target.fields.push_back(*field);
  }
  const auto deletes = table::DeleteReader::Make(files, metadata);
  ARROW_ASSIGN_OR_RAISE(auto deleted, deletes->DeletedRows(plan.files[index], plan.DeletesOf(index)));
  return table::OpenLiveRows(files, plan.files[index].file, std::move(deleted), target);
}

std::string_view TextAt(const arrow::RecordBatch& batch, int column, int64_t row) {
  const auto& texts = static_cast<const arrow::StringArray&>(*batch.column(column));
  return texts.IsNull(row) ? std::string_view() : texts.GetView(row);
}

std::optional<int64_t> LongAt(const arrow::RecordBatch& batch, int column, int64_t row) {
  const auto& values = static_cast<const arrow::Int64Array&>(*batch.column(column));
  return values.IsNull(row) ? std::nullopt : std::optional(values.Value(row));
}

/// The pages of one run, file after file.
class RunReader : public io::RawArchiveReader {
 public:
  RunReader(io::FileStore& files, std::string name, std::shared_ptr<const table::TableMetadata> metadata,
            table::ScanPlan plan, std::vector<size_t> order, const io::RawArchivePlace& place,
            io::RawReadOptions options)
      : files_(files),
        name_(std::move(name)),
        metadata_(std::move(metadata)),
        plan_(std::move(plan)),
        order_(std::move(order)),
        run_(place.run),
        places_(SealedPlaces(*metadata_, place)),
        options_(std::move(options)) {}

  Result<std::optional<io::RawEntry>> Next() override {
    while (true) {
      while (batch_ == nullptr || row_ == batch_->num_rows()) {
        ARROW_ASSIGN_OR_RAISE(const bool more, NextBatch());
        if (!more) return AtEnd();
      }
      const int64_t row = row_++;
      if (TextAt(*batch_, kRunIndex, row) != run_) continue;
      const auto ordinal = LongAt(*batch_, kOrdinalIndex, row);
      if (!ordinal) continue;
      if (*ordinal != num_entries_) return Damaged("page " + std::to_string(num_entries_) + " is not where it was");
      ++num_entries_;
      return EntryAt(row, *ordinal);
    }
  }
  int64_t num_unfinished() const override { return 0; }

 private:
  enum Index {
    kRunIndex,
    kOrdinalIndex,
    kMethodIndex,
    kRequestIndex,
    kStatusIndex,
    kTimeIndex,
    kSplitIndex,
    kContextIndex,
    kBodyIndex,
    kSealIndex
  };

  Status Damaged(const std::string& what) const { return io::RawDamaged(name_ + ", run " + run_, what); }

  Result<bool> NextBatch() {
    row_ = 0;
    if (open_ != nullptr) {
      ARROW_RETURN_NOT_OK(open_->ReadNext(&batch_));
      if (batch_ != nullptr) return true;
    }
    if (file_ == order_.size()) return false;
    using namespace raw_column;
    ARROW_ASSIGN_OR_RAISE(open_, OpenColumns(files_, metadata_, plan_, order_[file_],
                                             {kRunIdColumn, kOrdinal, kMethod, kRequest, kStatus, kReceivedAt, kSplit,
                                              kContext, kBody, kSeal}));
    ++file_;
    batch_.reset();
    return true;
  }

  Result<std::optional<io::RawEntry>> AtEnd() const {
    if (num_entries_ >= options_.entries_min) return std::nullopt;
    return Damaged("it has " + std::to_string(num_entries_) + " pages, and " + std::to_string(options_.entries_min) +
                   " were committed");
  }

  Result<io::RawEntry> EntryAt(int64_t row, int64_t ordinal) {
    const std::string_view body = TextAt(*batch_, kBodyIndex, row);
    const std::string_view head = TextAt(*batch_, kSealIndex, row);
    if (!head.empty()) return Opened(head, body, ordinal);
    const auto& status = static_cast<const arrow::Int32Array&>(*batch_->column(kStatusIndex));
    const auto& time = static_cast<const arrow::TimestampArray&>(*batch_->column(kTimeIndex));
    return io::RawEntry{.method = std::string(TextAt(*batch_, kMethodIndex, row)),
                        .url = std::string(TextAt(*batch_, kRequestIndex, row)),
                        .status = status.Value(row),
                        .time = {time.Value(row)},
                        .split = std::string(TextAt(*batch_, kSplitIndex, row)),
                        .context = std::string(TextAt(*batch_, kContextIndex, row)),
                        .body = arrow::Buffer::FromString(std::string(body)),
                        .ordinal = ordinal};
  }

  Result<io::RawEntry> Opened(std::string_view head, std::string_view body, int64_t ordinal) {
    if (!cipher_ || cipher_->head() != head) ARROW_RETURN_NOT_OK(OpenSeal(head));
    const auto sealed = format::json::ParseBase64(body);
    if (!sealed) return Damaged("page " + std::to_string(ordinal) + " is no base64");
    const auto plain = cipher_->Open(io::RawCipher::kEntry, static_cast<uint64_t>(ordinal), *sealed);
    if (!plain.ok()) return Damaged(plain.status().message());
    return io::DecodeRawEntry(name_ + ", run " + run_, *plain);
  }

  // A run has one name: its first page says which, and a page of another does not belong to it.
  Status OpenSeal(std::string_view head) {
    Status refused;
    for (const io::RawArchivePlace& place : places_) {
      auto cipher = io::RawCipher::Open(head, options_.keys, io::RawSegmentContext(place, 0));
      if (cipher.ok()) {
        cipher_.emplace(std::move(*cipher));
        places_ = std::vector{place};
        return Status::OK();
      }
      if (FaultOf(cipher.status()) != Fault::kBadData) return cipher.status();
      refused = cipher.status();
    }
    return Damaged(refused.message());
  }

  io::FileStore& files_;
  const std::string name_;
  const std::shared_ptr<const table::TableMetadata> metadata_;
  const table::ScanPlan plan_;
  const std::vector<size_t> order_;  // of the plan's files
  const std::string run_;
  std::vector<io::RawArchivePlace> places_;  // one of them the run is sealed for
  const io::RawReadOptions options_;
  std::optional<io::RawCipher> cipher_;
  size_t file_ = 0;  // next to open
  std::unique_ptr<arrow::RecordBatchReader> open_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  int64_t row_ = 0;
  int64_t num_entries_ = 0;
};

}  // namespace

Result<RawTable> RawTable::Open(catalog::Catalog& catalog, io::FileStore& files,
                                const catalog::TableIdentifier& identifier) {
  RawTable out;
  out.files_ = &files;
  out.name_ = identifier.ToString();
  ARROW_ASSIGN_OR_RAISE(const auto loaded, catalog.LoadTable(identifier));
  if (!loaded || !CheckIsRawTable(identifier, *loaded->metadata).ok()) return out;
  out.metadata_ = loaded->metadata;
  const table::Snapshot* snapshot = out.metadata_->CurrentSnapshot();
  if (snapshot == nullptr) return out;
  ARROW_ASSIGN_OR_RAISE(
      out.plan_, table::PlanFiles(files, *out.metadata_, *snapshot, {.deletes = table::ScanOptions::Deletes::kPlan}));
  for (size_t i = 0; i < out.plan_.files.size(); ++i) ARROW_RETURN_NOT_OK(out.ReadFile(i));
  for (auto& [id, run] : out.runs_) std::ranges::sort(run.files);
  return out;
}

Status RawTable::ReadFile(size_t index) {
  using namespace raw_column;
  ARROW_ASSIGN_OR_RAISE(const auto batches, OpenColumns(*files_, metadata_, plan_, index,
                                                        {kRunIdColumn, kOrdinal, kBodyBytes, kSeal, kMark}));
  const int64_t sequence = plan_.files[index].sequence_number.value_or(0);
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      Run& run = runs_[std::string(TextAt(*batch, 0, row))];
      const auto ordinal = LongAt(*batch, 1, row);
      const bool begins = run.files.empty() || run.files.back().second != index;
      if (begins) run.files.emplace_back(ordinal.value_or(INT64_MAX), index);
      run.files.back().first = std::min(run.files.back().first, ordinal.value_or(INT64_MAX));
      run.bytes += LongAt(*batch, 2, row).value_or(0);
      if (const std::string_view head = TextAt(*batch, 3, row); !head.empty()) {
        ARROW_ASSIGN_OR_RAISE(run.seal, io::ParseRawSeal(head));
      }
      const std::string_view text = TextAt(*batch, 4, row);
      if (text.empty()) continue;
      ARROW_ASSIGN_OR_RAISE(ArchiveMark mark, ParseArchiveMark(std::string(text)));
      // The one that speaks of most pages is the last, wherever its file stands in the list.
      const auto place = std::pair(mark.entries, sequence);
      if (!run.mark.run.empty() && place < std::pair(run.mark.entries, run.mark_sequence)) continue;
      run.mark = std::move(mark);
      run.mark_sequence = sequence;
    }
  }
}

Result<std::unique_ptr<io::RawArchiveReader>> RawTable::OpenRun(const io::RawArchivePlace& place,
                                                                io::RawReadOptions options) const {
  std::vector<size_t> order;
  if (const auto run = runs_.find(place.run); run != runs_.end()) {
    for (const auto& [first, index] : run->second.files) order.push_back(index);
  }
  return std::make_unique<RunReader>(*files_, name_, metadata_, plan_, std::move(order), place, std::move(options));
}

}  // namespace firn::pipeline
