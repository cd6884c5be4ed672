#include "source/rest/page_stream.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <array>

#include "base/backoff.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "io/url.h"
#include "source/rest/errors.h"
#include "source/rest/file_stream.h"
#include "source/rest/graphql.h"
#include "source/rest/job_run.h"

namespace firn::source::rest {
namespace {

using format::json::Page;
using format::json::PageOptions;

constexpr int kBodyAttemptsMax = 3;  // of a body that is no JSON: proxies answer so for a moment

// Bodies that another request may answer better. Truncation and HTML come from the way, not from the data.
bool WorthAnother(const Status& status) {
  const ErrorContext* context = ContextOf(status);
  if (FaultOf(status) != Fault::kBadData || context == nullptr) return false;
  constexpr std::array<std::string_view, 4> kCodes = {"E0601", "E0602", "E0603", "E0605"};
  return std::find(kCodes.begin(), kCodes.end(), context->code) != kCodes.end();
}

bool IsSkip(const FetchedPage& page) {
  return page.without_rows == connector::ResponseRule::Action::kSkip;
}

bool HasCode(const Status& status, std::string_view code) {
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  return context != nullptr && context->code == code;
}

}  // namespace

PageStream::PageStream(const TableContext& context, SliceScope scope, std::vector<Window> windows,
                       int64_t prefetch_bytes)
    : context_(context),
      table_(*context.table),
      builder_(*context.plan, *context.table),
      scope_(std::move(scope)),
      windows_(std::move(windows)),
      records_(context.table->records),
      queue_(prefetch_bytes) {
  group_.Spawn([this](std::stop_token stop) { return Run(stop); });
}

Result<std::optional<FetchedPage>> PageStream::Next(std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(std::optional<Item> item, queue_.Pop(stop));
  if (!item) return std::nullopt;
  ARROW_RETURN_NOT_OK(item->status);
  return std::move(item->page);
}

Status PageStream::Run(std::stop_token stop) {
  Status status;
  for (size_t i = 0; status.ok() && !skipped_ && i < windows_.size(); ++i) status = ReadWindow(i, stop);
  if (!status.ok()) ARROW_RETURN_NOT_OK(queue_.Push({.status = Located(status)}, 0, stop));
  queue_.Finish();
  return Status::OK();
}

Status PageStream::Located(const Status& status) const {
  if (FaultOf(status) == Fault::kCancelled) return status;
  const std::string place = "table " + table_.name + ", request " + std::to_string(num_pages_ + 1);
  const Status placed = status.message().rfind("table ", 0) == 0 ? status : Within(place, status);
  return WithContext(placed, {.where = table_.where, .next = "firn preview " + table_.name});
}

Status PageStream::ReadWindow(size_t i, std::stop_token stop) {
  scope_.lower = windows_[i].lower;
  scope_.upper = windows_[i].upper;
  if (table_.job) {
    ARROW_ASSIGN_OR_RAISE(scope_.job, RunJob(context_, scope_, stop));
  }
  if (table_.download) return ReadFilesOf(i, stop);
  const auto paginator =
      MakePaginator(table_, [this, stop](const PageRequest& request) { return Probe(request, stop); }, context_.memo);
  std::optional<PageRequest> next = paginator->First();
  std::string url;
  int64_t num_pages = 0;  // of this window
  while (next) {
    FIRN_FAILPOINT("rest.before_request");
    ARROW_ASSIGN_OR_RAISE(const io::HttpRequest request, builder_.Build(scope_, *next, url));
    url = request.url;
    auto answer = Fetch(request, stop);
    ARROW_RETURN_NOT_OK(answer.status());
    FIRN_FAILPOINT("rest.after_response");
    FetchedPage& page = *answer;
    ++num_pages_;
    ARROW_RETURN_NOT_OK(CheckEmpty(page));
    next.reset();
    if (page.page != nullptr) {
      ARROW_ASSIGN_OR_RAISE(
          next,
          paginator->Next({.headers = &headers_, .page = page.page.get(), .num_records = page.page->num_records()}));
      if (paginator->repeats_last()) page.page.reset();
    }
    if (++num_pages >= context_.excerpt.pages_max) next.reset();
    page.window = i;
    skipped_ = IsSkip(page);
    page.window_ends = !next.has_value() && !skipped_;  // else its end would be where reading goes on
    ARROW_RETURN_NOT_OK(Push(std::move(page), stop));
  }
  return Status::OK();
}

Status PageStream::ReadFilesOf(size_t i, std::stop_token stop) {
  const auto push = [&](FetchedPage page) {
    ++num_pages_;
    page.window = i;
    return Push(std::move(page), stop);
  };
  ARROW_RETURN_NOT_OK(ReadFiles(context_, scope_, &seen_public_, push, stop));
  return Push({.window = i, .window_ends = true}, stop);
}

// A refusal that means "no rows" is counted. Our own rule is about a missing parent, so about the first page alone.
Status PageStream::CheckEmpty(const FetchedPage& page) const {
  const connector::StatusRule* rule = page.status < 300 ? nullptr : table_.RuleOf(page.status);
  if (rule == nullptr && !page.without_rows) return Status::OK();
  if (!page.without_rows && !rule->declared && num_pages_ > 1) {
    return NamedError({.fault = Fault::kBadData,
                       .code = "E0445",
                       .message = "page " + std::to_string(num_pages_) + " of a child request was answered " +
                                  std::to_string(page.status) + ", and the page before said there is one",
                       .where = table_.where,
                       .next = "correct `paginate`, or declare on_status: {" + std::to_string(page.status) +
                               ": empty} if the API ends its pages so"});
  }
  std::atomic<int64_t>* counter = IsSkip(page) ? context_.num_skipped : context_.num_empty;
  if (counter != nullptr) ++*counter;
  return Status::OK();
}

Status PageStream::Push(FetchedPage page, std::stop_token stop) {
  const int64_t size = page.page == nullptr ? 0 : page.page->bytes_held();
  return queue_.Push({.page = std::move(page)}, size, stop);
}

Result<FetchedPage> PageStream::Fetch(const io::HttpRequest& request, std::stop_token stop) {
  const auto attempts = static_cast<int>(context_.plan->http.attempts_max);
  Backoff backoff({.attempts_max = attempts > 0 ? std::min(attempts, kBodyAttemptsMax) : kBodyAttemptsMax,
                   .sleep_scale = SleepScale()},
                  *context_.clock);
  while (true) {
    auto page = FetchOnce(request, stop);
    if (page.ok() || !WorthAnother(page.status())) return page;
    const int64_t before = backoff.waited_ms();
    const Status waited = backoff.Wait(stop);
    if (!waited.ok()) return FaultOf(waited) == Fault::kCancelled ? waited : page.status();
    context_.session->CountRetry(backoff.waited_ms() - before);
    log::Warn("asked again for a body that is no JSON", {{"table", table_.name}, {"why", page.status().message()}});
  }
}

Result<FetchedPage> PageStream::FetchOnce(const io::HttpRequest& request, std::stop_token stop) {
  io::HttpRequest guarded = request;  // a name that led to a public address must not lead to a private one later
  guarded.public_only = seen_public_ && !request.private_redirects;
  ARROW_ASSIGN_OR_RAISE(io::HttpResponse response, context_.session->Send(guarded, stop));
  seen_public_ = seen_public_ || response.from_public_address;
  const auto without_rows = context_.response_rules->WithoutRows(response);
  headers_ = std::move(response.headers);
  FetchedPage fetched{.method = request.method,
                      .url = request.url,
                      .status = response.status,
                      .without_rows = without_rows,
                      .time = context_.clock->Now(),
                      .body = response.body};
  const bool empty_status = response.status == 204 || response.status >= 300;  // the latter by a rule of the plan
  if (empty_status || without_rows) return fetched;
  ARROW_ASSIGN_OR_RAISE(auto body, io::DecompressIfNeeded(response.body, request.body_bytes_max));
  fetched.body = body;
  if (table_.refuses_graphql_errors) {
    const std::string_view text(reinterpret_cast<const char*>(body->data()), static_cast<size_t>(body->size()));
    ARROW_RETURN_NOT_OK(RefuseGraphQlErrors(text, table_.where));
  }
  auto page = Parse(std::move(body));
  if (HasCode(page.status(), "E0601") && table_.empty_body == connector::EmptyBody::kNoRecords) return fetched;
  ARROW_ASSIGN_OR_RAISE(fetched.page, std::move(page));
  return fetched;
}

Result<std::shared_ptr<const Page>> PageStream::ParseAt(std::shared_ptr<arrow::Buffer> body, const std::string& path) {
  return Page::Parse(std::move(body), PageOptions{.records = path, .captures = context_.layout.paths});
}

Result<std::shared_ptr<const Page>> PageStream::Parse(std::shared_ptr<arrow::Buffer> body) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<const Page> page, ParseAt(body, records_));
  if (records_ != "auto") {
    if (page->records_found()) return page;
    return NamedError({.fault = Fault::kConfig,
                       .code = "E0430",
                       .message = "the response has nothing at records: " + records_,
                       .where = table_.where,
                       .why = DescribeKeys(page->body()),
                       .next = "correct `records`, or leave it out to have it found"});
  }
  if (page->num_records() > 0) {
    records_ = page->records_path();
    const std::string shown = records_.empty() ? "." : records_;
    log::Info("records found", {{"table", table_.name}, {"records", shown}, {"by", "auto"}});
    if (context_.records_found != nullptr) context_.records_found->Set(shown);
  }
  return page;
}

Result<std::shared_ptr<const Page>> PageStream::Probe(const PageRequest& request, std::stop_token stop) {
  const std::shared_ptr<const Page> refused;
  ARROW_ASSIGN_OR_RAISE(const io::HttpRequest http, builder_.Build(scope_, request, ""));
  const io::HttpHeaders headers = headers_;
  auto answer = FetchOnce(http, stop);
  headers_ = headers;
  if (answer.ok()) return answer->page;
  const Fault fault = FaultOf(answer.status());
  if (fault == Fault::kConfig || fault == Fault::kBadData) return refused;
  return answer.status();
}

}  // namespace firn::source::rest
