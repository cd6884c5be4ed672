#include "pipeline/copy_rows.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bounded_queue.h"
#include "base/task_group.h"
#include "io/file_store.h"
#include "pipeline/constant_columns.h"
#include "pipeline/parquet_segments.h"
#include "pipeline/table_rows.h"

namespace firn::pipeline {
namespace {

namespace json = format::json;

// Shares of the memory: batches on their way to the encoder, one row group's pages, what a row group may be in Arrow.
constexpr int64_t kQueueShare = 8;
constexpr int64_t kBufferShare = 4;
constexpr size_t kTextBytes = size_t{256} << 10;

struct Decoded {
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
        queue_(std::max<int64_t>(1, options_.memory_bytes / kQueueShare)) {}

  Result<CopyResult> Run(std::stop_token stop) {
    options_.reader.num_threads = std::max(1, options_.threads - 1);
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
      result_.quarantined += static_cast<int64_t>(decoded->quarantined.size());
      if (decoded->batch == nullptr) continue;
      if (options_.threads == 1) {
        ARROW_RETURN_NOT_OK(segments_.Write(*decoded->batch, decoded->schema));
        continue;
      }
      const int64_t size = arrow::util::TotalBufferSize(*decoded->batch);
      ARROW_RETURN_NOT_OK(
          queue_.Push({.batch = std::move(decoded->batch), .schema = std::move(decoded->schema)}, size, stop));
    }
  }

  Status Encode(std::stop_token stop) {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto decoded, queue_.Pop(stop));
      if (!decoded) return Status::OK();
      ARROW_RETURN_NOT_OK(segments_.Write(*decoded->batch, decoded->schema));
    }
  }

  TableRows rows_;
  ParquetCopyOptions options_;
  std::unique_ptr<json::TableReader> reader_;
  ParquetSegments segments_;
  BoundedQueue<Decoded> queue_;
  CopyResult result_;
};

// A record in one line. Line breaks inside strings are always escaped, so all that are found are between tokens.
void AppendLine(std::string_view record, std::string* text) {
  const size_t begin = text->size();
  text->append(record);
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
      return MakeError(Fault::kBadData, "a record is not valid JSON: " + bad.reason,
                       {.code = "E0604", .why = bad.excerpt, .state = "the records before it are written"});
    }
    for (const uint32_t row : next->rows) {
      AppendLine(next->page->RecordText(row), &text);
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
