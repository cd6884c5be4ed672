#include "pipeline/preview.h"

#include <arrow/record_batch.h>

#include <numeric>
#include <utility>

#include "base/backoff.h"
#include "config/diagnostic.h"
#include "connector/native/lower.h"
#include "format/json/table_reader.h"
#include "io/rate_budget.h"
#include "pipeline/constant_columns.h"
#include "pipeline/paced_http.h"
#include "pipeline/paging_text.h"
#include "pipeline/reader_options.h"
#include "pipeline/table_rows.h"
#include "source/rest/paginator.h"
#include "source/rest/source.h"

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

// Says what the first page showed of records and paging.
void Describe(const PacedHttp& http, const connector::TablePlan& plan, const source::JsonRows& rows,
              PreviewResult* result) {
  const json::Page& page = *rows.page;
  result->records = page.records_path();
  result->records_why = page.is_lines()          ? "one record per line"
                        : plan.records == "auto" ? "found in the answer"
                                                 : "declared";
  result->paging = PagingText(plan.paginate);
  result->paging_why = "declared";
  if (plan.paginate.type != connector::PaginatePlan::Type::kAuto) return;
  result->paging_why = "the first answer does not tell; a run tries page=2 and offset";
  const auto headers = http.HeadersOf(page.body().data());
  if (!headers) return;
  const auto detected = source::rest::DetectPagination(
      plan.paginate, {.headers = &*headers, .page = &page, .num_records = page.num_records()});
  if (detected.why.empty()) return;
  result->paging = PagingText(detected.plan);
  result->paging_why = detected.why;
}

class Previewer {
 public:
  Previewer(const PreviewRequest& request, std::stop_token stop)
      : request_(request), stop_(stop), http_(request.http), budgets_(request.clock, SleepScale()) {}

  Result<PreviewResult> Run() {
    ARROW_RETURN_NOT_OK(Open());
    const auto rows = OpenRows(*source_, request_, request_.table);
    int64_t pushed = 0;
    while (pushed < request_.rows_max) {
      http_.SetOpen(true);
      auto next = rows->Next(stop_);
      http_.SetOpen(false);
      ARROW_RETURN_NOT_OK(next.status());
      result_.complete = !next->has_value();
      if (result_.complete) break;
      if (pushed == 0) Describe(http_, *plan_, **next, &result_);
      pushed += static_cast<int64_t>((*next)->rows.size());
      ARROW_RETURN_NOT_OK(Push(std::move(**next)));
    }
    ARROW_RETURN_NOT_OK(reader_->Finish());
    ARROW_RETURN_NOT_OK(Collect());
    result_.requests = source_->stats(request_.table.name);
    return std::move(result_);
  }

 private:
  Status Open() {
    config::Diagnostics diagnostics;
    ARROW_ASSIGN_OR_RAISE(auto plan, connector::LowerNative(request_.project, request_.pipeline, &diagnostics));
    owned_plan_ = plan;
    plan_ = owned_plan_.Find(request_.table.name);
    FIRN_CHECK(plan_ != nullptr);
    ARROW_ASSIGN_OR_RAISE(
        source_, source::rest::MakeRestSource(std::move(plan),
                                              {.http = &http_, .clock = &request_.clock, .budgets = &budgets_}));
    ARROW_ASSIGN_OR_RAISE(auto options, ReaderOptionsOf(request_.project, request_.pipeline, request_.table, nullptr,
                                                        request_.num_threads, request_.pool));
    options.prefix_bytes = INT64_MAX;  // one schema for all that is shown
    ARROW_ASSIGN_OR_RAISE(reader_, json::TableReader::Open(std::move(options)));
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
  const std::stop_token stop_;
  PacedHttp http_;
  io::RateBudgets budgets_;
  connector::RestPlan owned_plan_;
  const connector::TablePlan* plan_ = nullptr;
  std::unique_ptr<source::Source> source_;
  std::unique_ptr<json::TableReader> reader_;
  PreviewResult result_;
};

}  // namespace

Result<PreviewResult> PreviewTable(const PreviewRequest& request, std::stop_token stop) {
  return Previewer(request, stop).Run();
}

}  // namespace firn::pipeline
