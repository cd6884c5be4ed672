#include "pipeline/preview.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <numeric>
#include <utility>

#include "base/backoff.h"
#include "format/json/table_reader.h"
#include "io/rate_budget.h"
#include "pipeline/constant_columns.h"
#include "pipeline/paced_http.h"
#include "pipeline/reader_options.h"
#include "pipeline/table_rows.h"
#include "state/refresh_tokens.h"

namespace firn::pipeline {
namespace {

namespace json = format::json;

// The first rows of a parent, read only as far as its children are asked for.
class FirstParents : public source::ParentRows {
 public:
  FirstParents(std::unique_ptr<TableRows> rows, int64_t rows_max) : rows_(std::move(rows)), left_(rows_max) {}

  Result<std::optional<std::string>> Next(std::stop_token stop) override {
    if (left_ == 0) return std::nullopt;
    while (next_ == page_.rows.size()) {
      ARROW_ASSIGN_OR_RAISE(auto more, rows_->Next(stop));
      if (!more) return std::nullopt;
      page_ = std::move(*more);
      next_ = 0;
    }
    --left_;
    return std::string(page_.page->RecordText(page_.rows[next_++]));
  }

 private:
  std::unique_ptr<TableRows> rows_;
  int64_t left_;
  source::JsonRows page_;
  size_t next_ = 0;
};

std::unique_ptr<TableRows> OpenRows(source::Source& source, const PreviewRequest& request,
                                    const config::TableConfig& table) {
  std::unique_ptr<source::ParentRows> parents;
  if (const auto* parent = table.parent.empty() ? nullptr : request.pipeline.FindTable(table.parent)) {
    parents = std::make_unique<FirstParents>(OpenRows(source, request, *parent), request.parents_max);
  }
  return std::make_unique<TableRows>(source, table.name, std::move(parents));
}

class Previewer {
 public:
  Previewer(const PreviewRequest& request, std::stop_token stop)
      : request_(request),
        context_{.project = &request.project, .pipeline = &request.pipeline},
        stop_(stop),
        http_(request.http),
        budgets_(request.clock, SleepScale()),
        tokens_(request.project.state_folder + "/secrets", request.clock, request.secrets, request.leases) {}

  Result<PreviewResult> Run() {
    ARROW_RETURN_NOT_OK(Open());
    const auto rows = OpenRows(*source_, request_, request_.table);
    int64_t pushed = 0;
    while (pushed < request_.rows_max) {
      http_.SetOpen(true);
      auto next = rows->NextBatch(stop_);
      http_.SetOpen(false);
      ARROW_RETURN_NOT_OK(next.status());
      result_.complete = !next->has_value();
      if (result_.complete) break;
      if (pushed == 0) ARROW_RETURN_NOT_OK(Describe(**next));
      if (const auto* typed = std::get_if<std::shared_ptr<arrow::RecordBatch>>(&(*next)->rows)) {
        if (!TakeTyped(**typed)) break;
        pushed += (*typed)->num_rows();
        continue;
      }
      auto& text = std::get<source::JsonRows>((*next)->rows);
      pushed += static_cast<int64_t>(text.rows.size());
      ARROW_RETURN_NOT_OK(Push(std::move(text)));
    }
    ARROW_RETURN_NOT_OK(reader_->Finish());
    ARROW_RETURN_NOT_OK(Collect());
    result_.requests = source_->stats(request_.table.name);
    return std::move(result_);
  }

 private:
  Status Open() {
    ARROW_ASSIGN_OR_RAISE(source_, request_.sources.Build(context_, {.http = &http_,
                                                                     .clock = &request_.clock,
                                                                     .budgets = &budgets_,
                                                                     .refresh_tokens = &tokens_,
                                                                     .open_files = request_.open_files,
                                                                     .pool = request_.pool}));
    ARROW_ASSIGN_OR_RAISE(auto options, ReaderOptionsOf(request_.project, request_.pipeline, request_.table, nullptr,
                                                        request_.num_threads, request_.pool));
    ARROW_RETURN_NOT_OK(AddExpectedTypes(*source_, request_.table, &options));
    options.prefix_bytes = options.prefix_held_bytes = INT64_MAX;  // one schema for all that is shown
    ARROW_ASSIGN_OR_RAISE(reader_, json::TableReader::Open(std::move(options)));
    return Status::OK();
  }

  // Rows that come with their types are shown as they are; false: those of another file have other columns.
  bool TakeTyped(const arrow::RecordBatch& batch) {
    if (result_.arrow_schema != nullptr && !result_.arrow_schema->Equals(*batch.schema())) return false;
    result_.arrow_schema = batch.schema();
    auto shown = batch.Slice(0, request_.rows_max - result_.rows_read);
    result_.rows_read += shown->num_rows();
    result_.batches.push_back(std::move(shown));
    return true;
  }

  Status Describe(const source::Batch& batch) {
    ARROW_ASSIGN_OR_RAISE(const source::SourceType* type, request_.sources.TypeOf(request_.pipeline));
    const auto* rows = std::get_if<source::JsonRows>(&batch.rows);
    const auto headers = rows == nullptr ? std::nullopt : http_.HeadersOf(rows->page->body().data());
    ARROW_ASSIGN_OR_RAISE(result_.reading,
                          type->describe(context_, request_.table, batch, headers.has_value() ? &*headers : nullptr));
    return Status::OK();
  }

  Status Push(source::JsonRows rows) {
    ARROW_ASSIGN_OR_RAISE(source::JsonRows complete, WithConstants(std::move(rows), request_.pool));
    return reader_->Push(std::move(complete.page), std::move(complete.rows), 0);
  }

  Status Collect() {
    int64_t left = request_.rows_max;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto decoded, reader_->Pop());
      if (!decoded) break;
      result_.rows_read += static_cast<int64_t>(decoded->rows.size());
      result_.quarantined += static_cast<int64_t>(decoded->quarantined.size());
      if (result_.quarantine_reason.empty() && !decoded->quarantined.empty()) {
        result_.quarantine_reason = decoded->quarantined.front().reason;
      }
      if (decoded->batch == nullptr) continue;
      result_.arrow_schema = decoded->batch->schema();
      auto shown = decoded->batch->Slice(0, left);
      left -= shown->num_rows();
      if (shown->num_rows() > 0) result_.batches.push_back(std::move(shown));
    }
    result_.report = reader_->report();
    return Status::OK();
  }

  const PreviewRequest& request_;
  const source::PipelineContext context_;
  const std::stop_token stop_;
  PacedHttp http_;
  io::RateBudgets budgets_;
  const state::RefreshTokens tokens_;
  std::unique_ptr<source::Source> source_;
  std::unique_ptr<json::TableReader> reader_;
  PreviewResult result_;
};

}  // namespace

Result<PreviewResult> PreviewTable(const PreviewRequest& request, std::stop_token stop) {
  return Previewer(request, stop).Run();
}

}  // namespace firn::pipeline
