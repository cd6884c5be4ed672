#include "pipeline/copy_rows.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bounded_queue.h"
#include "base/task_group.h"
#include "format/cell_page.h"
#include "io/file_store.h"
#include "pipeline/constant_columns.h"
#include "pipeline/parquet_segments.h"
#include "pipeline/table_rows.h"

namespace firn::pipeline {
namespace {

namespace json = format::json;
using format::CellPage;

// Shares of the memory: batches on their way to the encoder, one row group's pages, rows whose types are not decided.
constexpr int64_t kQueueShare = 8;
constexpr int64_t kBufferShare = 4;
constexpr int64_t kPrefixShare = 4;
constexpr int64_t kQueueBytesMax = int64_t{64} << 20;  // more only makes memory cold
constexpr size_t kTextBytes = size_t{256} << 10;

struct Decoded {
  bool restart = false;  // all rows before came by a guess and are void
  std::shared_ptr<arrow::RecordBatch> batch;
  std::shared_ptr<const schema::Schema> schema;
};

class ParquetCopy {
 public:
  ParquetCopy(source::Source& source, const std::string& table, io::FileStore& files, ParquetCopyOptions options)
      : rows_(source, table),
        options_(std::move(options)),
        segments_(files, {.path = options_.path,
                          .zstd_level = options_.zstd_level,
                          .row_group_bytes = std::min(int64_t{128} << 20, options_.memory_bytes / 2),
                          .buffer_bytes = std::min(int64_t{64} << 20, options_.memory_bytes / kBufferShare),
                          .use_threads = options_.threads > 2,
                          .hash = options_.hash,
                          .pool = options_.reader.pool}),
        queue_(std::clamp<int64_t>(options_.memory_bytes / kQueueShare, 1, kQueueBytesMax)) {}

  Result<CopyResult> Run(std::stop_token stop) {
    options_.reader.num_threads = std::max(1, options_.threads - 1);
    options_.reader.may_restart = true;
    options_.reader.prefix_held_bytes =
        std::min(options_.reader.prefix_held_bytes, options_.memory_bytes / kPrefixShare);
    ARROW_ASSIGN_OR_RAISE(reader_, json::TableReader::Open(options_.reader));
    if (options_.threads > 1) {
      TaskGroup stages(stop);  // decoding and encoding: the first error ends both
      stages.Spawn([this](std::stop_token token) { return Encode(token); });
      stages.Spawn([this](std::stop_token token) {
        ARROW_RETURN_NOT_OK(Decode(token));
        queue_.Finish();
        return Status::OK();
      });
      ARROW_RETURN_NOT_OK(stages.Join());
    } else {
      ARROW_RETURN_NOT_OK(Decode(stop));
    }
    ARROW_RETURN_NOT_OK(segments_.Finish());
    result_.rows = segments_.num_rows();
    result_.source_bytes = rows_.num_bytes();
    result_.file_bytes = segments_.file_bytes();
    result_.hash = segments_.hash();
    result_.changes = segments_.changes();
    result_.report = reader_->report();
    return std::move(result_);
  }

 private:
  Status Decode(std::stop_token stop) {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto rows, rows_.Next(stop));
      if (!rows) break;
      ARROW_ASSIGN_OR_RAISE(source::JsonRows complete, WithConstants(std::move(*rows), options_.reader.pool));
      ARROW_RETURN_NOT_OK(reader_->Push(std::move(complete.page), std::move(complete.rows), 0));
      ARROW_RETURN_NOT_OK(Drain(stop));
    }
    ARROW_RETURN_NOT_OK(reader_->Finish());
    return Drain(stop);
  }

  Status Drain(std::stop_token stop) {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto decoded, reader_->Pop());
      if (!decoded) return Status::OK();
      if (decoded->restart) result_.quarantined = 0;
      result_.quarantined += static_cast<int64_t>(decoded->quarantined.size());
      Decoded rows{
          .restart = decoded->restart, .batch = std::move(decoded->batch), .schema = std::move(decoded->schema)};
      if (options_.threads == 1) {
        ARROW_RETURN_NOT_OK(Write(rows));
        continue;
      }
      const int64_t size = rows.batch == nullptr ? 0 : arrow::util::TotalBufferSize(*rows.batch);
      ARROW_RETURN_NOT_OK(queue_.Push(std::move(rows), size, stop));
    }
  }

  Status Encode(std::stop_token stop) {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto decoded, queue_.Pop(stop));
      if (!decoded) return Status::OK();
      ARROW_RETURN_NOT_OK(Write(*decoded));
    }
  }

  Status Write(const Decoded& rows) {
    if (rows.restart) ARROW_RETURN_NOT_OK(segments_.StartOver());
    return rows.batch == nullptr ? Status::OK() : segments_.Write(*rows.batch, rows.schema);
  }

  TableRows rows_;
  ParquetCopyOptions options_;
  std::unique_ptr<json::TableReader> reader_;
  ParquetSegments segments_;
  BoundedQueue<Decoded> queue_;
  CopyResult result_;
};

// A record in one line. Line breaks inside strings are always escaped, so all that are found are between tokens.
void AppendLine(const json::Page& page, uint32_t record, std::string* text) {
  const size_t begin = text->size();
  page.AppendRecord(record, *text);
  std::replace_if(
      text->begin() + static_cast<std::ptrdiff_t>(begin), text->end(), [](char c) { return c == '\n' || c == '\r'; },
      ' ');
  text->push_back('\n');
}

}  // namespace

Result<CopyResult> CopyToParquet(source::Source& source, const std::string& table, io::FileStore& files,
                                 ParquetCopyOptions options, std::stop_token stop) {
  return ParquetCopy(source, table, files, std::move(options)).Run(stop);
}

Result<CopyResult> CopyToLines(source::Source& source, const std::string& table, const TextSink& sink,
                               std::stop_token stop) {
  TableRows rows(source, table);
  CopyResult result;
  std::string text;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto next, rows.Next(stop));
    if (!next) break;
    if (!next->page->bad_records().empty()) {
      const json::BadRecord& bad = next->page->bad_records().front();
      if (const CellPage* cells = next->page->cells()) {
        const uint64_t line = cells->LineOf(static_cast<uint32_t>(bad.byte_offset));
        const CellPage::Bad* row = cells->FindBad(bad.ordinal);
        return MakeError(Fault::kBadData, "line " + std::to_string(line) + ": " + bad.reason,
                         {.code = "E0608",
                          .why = bad.excerpt,
                          .state = "the records before it are written",
                          .next = row != nullptr ? row->next : ""});
      }
      return MakeError(Fault::kBadData, "a record is not valid JSON: " + bad.reason,
                       {.code = "E0604", .why = bad.excerpt, .state = "the records before it are written"});
    }
    for (const uint32_t row : next->rows) {
      const bool has_json = next->page->cells() == nullptr;
      if (const Status sound = has_json ? json::CheckRecord(*next->page, row) : Status::OK(); !sound.ok()) {
        if (!text.empty()) ARROW_RETURN_NOT_OK(sink(std::exchange(text, {})));
        return sound;
      }
      AppendLine(*next->page, row, &text);
      if (text.size() >= kTextBytes) ARROW_RETURN_NOT_OK(sink(std::exchange(text, {})));
    }
    result.rows += static_cast<int64_t>(next->rows.size());
    // What has come is shown at once: the next page may take its time.
    if (!text.empty()) ARROW_RETURN_NOT_OK(sink(std::exchange(text, {})));
  }
  result.source_bytes = rows.num_bytes();
  return result;
}

}  // namespace firn::pipeline
