#include "pipeline/probe.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/backoff.h"
#include "base/base64.h"
#include "base/redactor.h"
#include "format/json/page.h"
#include "io/http_session.h"
#include "io/url.h"
#include "source/rest/paginator.h"

namespace firn::pipeline {
namespace {

namespace json = format::json;
using connector::PaginatePlan;
using Type = PaginatePlan::Type;

constexpr int kRequestsMax = 14;
constexpr int64_t kPageSizeWanted = 100;
constexpr int64_t kBodyBytesMax = int64_t{64} << 20;

struct Answer {
  io::HttpHeaders headers;
  std::shared_ptr<const json::Page> page;
  std::string url;  // after redirects

  std::vector<std::string> Records() const {
    std::vector<std::string> out;
    for (uint32_t i = 0; i < page->num_records(); ++i) out.emplace_back(page->RecordText(i));
    return out;
  }
  std::string First() const { return page->num_records() == 0 ? "" : std::string(page->RecordText(0)); }
};

class Prober {
 public:
  Prober(const ProbeRequest& request, io::HttpClient& http, const Clock& clock, std::stop_token stop)
      : request_(request),
        clock_(clock),
        stop_(stop),
        session_(http, clock, {.backoff = {.total_ms = 30'000, .attempts_max = 3}}) {}

  Result<ProbeReport> Run() {
    report_.url = request_.url;
    report_.token_variable = request_.token_variable;
    start_url_ = request_.url.base_url + request_.url.path;
    ARROW_ASSIGN_OR_RAISE(first_, Ask(start_url_));
    report_.num_records = first_.page->num_records();
    report_.is_lines = first_.page->is_lines();
    report_.records = first_.page->records_path();
    report_.limit = io::ParseRateLimit(first_.headers, clock_.Now());
    std::vector<std::string> records = first_.Records();
    ARROW_RETURN_NOT_OK(FindPaging(&records));
    report_.sample = GuessFromSample(records);
    ARROW_RETURN_NOT_OK(FindPageSize());
    ARROW_RETURN_NOT_OK(FindCursor());
    return std::move(report_);
  }

 private:
  Result<Answer> Ask(const std::string& url) {
    ++report_.num_requests;
    io::HttpRequest request{.url = url, .body_bytes_max = kBodyBytesMax};
    for (const auto& [name, value] : request_.url.secrets) request.url = io::WithQuery(request.url, name, value);
    request.headers.Set("Accept", "application/json");
    if (!request_.token.empty()) request.headers.Set("Authorization", "Bearer " + request_.token);
    if (!request_.url.username.empty() || !request_.url.password.empty()) {
      request.headers.Set("Authorization", "Basic " + Base64(request_.url.username + ":" + request_.url.password));
    }
    ARROW_ASSIGN_OR_RAISE(const io::HttpResponse response, session_.Send(request, stop_));
    ARROW_ASSIGN_OR_RAISE(auto body, io::DecompressIfNeeded(response.body, kBodyBytesMax));
    Answer answer{.headers = response.headers, .url = url};
    ARROW_ASSIGN_OR_RAISE(answer.page, json::Page::Parse(std::move(body), {.records = "auto"}));
    return answer;
  }

  // Asks what may be refused: nullopt if the API does not like the request or the limit of requests is reached.
  Result<std::optional<Answer>> Try(const std::string& url) {
    if (report_.num_requests >= kRequestsMax) return std::nullopt;
    auto answer = Ask(url);
    if (answer.ok()) return std::optional<Answer>(std::move(*answer));
    if (FaultOf(answer.status()) == Fault::kCancelled) return answer.status();
    return std::nullopt;
  }

  // True if `answer` is another page of the same rows.
  bool IsOther(const Answer& answer) const {
    return answer.page->num_records() > 0 && answer.First() != first_.First() &&
           answer.page->records_path() == first_.page->records_path();
  }

  Result<std::string> NextUrl(const PaginatePlan& plan) const {
    switch (plan.type) {
      case Type::kLinkHeader:
        return io::ResolveUrl(start_url_, io::LinkTarget(first_.headers, plan.rel).value_or(""));
      case Type::kNextUrl:
        return io::ResolveUrl(
            start_url_, source::rest::BodyValue(*first_.page, plan.next, source::rest::Want::kTruthy).value_or(""));
      case Type::kCursor: {
        auto token = plan.next_header.empty()
                         ? source::rest::BodyValue(*first_.page, plan.next, source::rest::Want::kTruthy)
                         : std::optional<std::string>(first_.headers.Get(plan.next_header).value_or(""));
        if (!token || token->empty()) return std::string();
        return io::WithQueryReplaced(start_url_, plan.param, *token);
      }
      case Type::kPage:
        return io::WithQueryReplaced(start_url_, plan.param, std::to_string(plan.first + 1));
      case Type::kOffset:
        return io::WithQueryReplaced(start_url_, plan.param, std::to_string(report_.num_records));
      case Type::kAuto:
      case Type::kNone:
        break;
    }
    return std::string();
  }

  Status FindPaging(std::vector<std::string>* records) {
    const auto detected = source::rest::DetectPagination(
        {}, {.headers = &first_.headers, .page = first_.page.get(), .num_records = first_.page->num_records()});
    report_.paging = detected.plan;
    report_.paging_why = detected.why;
    if (detected.plan.type == Type::kNone) return TryPaging(detected, records);
    report_.paging_sureness = Sureness::kLikely;
    ARROW_ASSIGN_OR_RAISE(const std::string url, NextUrl(detected.plan));
    if (url.empty()) {
      report_.paging_why += "; there is no second page to check it with";
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(CheckOrigin(url));
    ARROW_ASSIGN_OR_RAISE(const auto second, Try(url));
    if (second && IsOther(*second)) {
      report_.paging_sureness = Sureness::kSure;
      for (auto& record : second->Records()) records->push_back(std::move(record));
    } else {
      report_.paging_why += "; but the second page did not come";
      if (detected.plan.type == Type::kCursor) report_.paging_sureness = Sureness::kAsk;  // the parameter is a guess
    }
    return Status::OK();
  }

  // Credentials go to the host that was asked for, whatever a body says.
  Status CheckOrigin(const std::string& url) const {
    ARROW_ASSIGN_OR_RAISE(const auto asked, io::ParseUrl(start_url_));
    ARROW_ASSIGN_OR_RAISE(const auto next, io::ParseUrl(url));
    if (asked.host == next.host) return Status::OK();
    return MakeError(Fault::kBadData, "the next page lies on another host: " + next.host,
                     {.code = "E0434", .state = "nothing was written"});
  }

  Status TryPaging(const source::rest::DetectedPagination& detected, std::vector<std::string>* records) {
    const bool one = first_.page->num_records() < 2 || first_.page->is_lines();
    report_.paging_sureness = detected.why.empty() ? Sureness::kLikely : Sureness::kSure;
    if (one || !detected.why.empty()) {
      if (detected.why.empty()) report_.paging_why = "one answer has all rows";
      return Status::OK();
    }
    for (const Type type : {Type::kPage, Type::kOffset}) {
      PaginatePlan plan{
          .type = type, .param = type == Type::kPage ? "page" : "offset", .first = type == Type::kPage ? 1 : 0};
      ARROW_ASSIGN_OR_RAISE(const std::string url, NextUrl(plan));
      ARROW_ASSIGN_OR_RAISE(const auto second, Try(url));
      if (!second || !IsOther(*second)) continue;
      report_.paging = plan;
      report_.paging_sureness = Sureness::kSure;
      report_.paging_why =
          "other rows came for " + plan.param + "=" + (type == Type::kPage ? "2" : std::to_string(report_.num_records));
      for (auto& record : second->Records()) records->push_back(std::move(record));
      return Status::OK();
    }
    report_.paging_why = detected.more.empty() ? "page=2 and offset gave no other rows"
                                               : detected.more + "; how to ask for them was not found";
    if (!detected.more.empty()) report_.paging_sureness = Sureness::kAsk;
    return Status::OK();
  }

  Status FindPageSize() {
    const Type type = report_.paging.type;
    const bool paged = type != Type::kNone && report_.paging_sureness == Sureness::kSure;
    if (!paged || report_.num_records >= kPageSizeWanted || report_.num_records < 1) return Status::OK();
    std::vector<std::string> names = {"limit", "per_page", "page_size"};
    if (type == Type::kPage || type == Type::kLinkHeader) std::swap(names[0], names[1]);
    for (const std::string& name : names) {
      ARROW_ASSIGN_OR_RAISE(const auto answer,
                            Try(io::WithQueryReplaced(start_url_, name, std::to_string(kPageSizeWanted))));
      const bool more =
          answer && answer->page->num_records() > report_.num_records && answer->page->num_records() <= kPageSizeWanted;
      if (!more) continue;
      report_.size_param = name;
      report_.page_size = answer->page->num_records();
      return Status::OK();
    }
    return Status::OK();
  }

  // A parameter counts as a filter if it is asked for the far future and gives fewer rows, and for the middle of what
  // was seen and gives no earlier ones.
  Status FindCursor() {
    if (report_.sample.cursors.empty() || report_.num_records < 2) return Status::OK();
    report_.cursor = report_.sample.cursors.front();
    const CursorGuess& cursor = *report_.cursor;
    report_.cursor_why = cursor.changes ? "no query parameter was found that filters by it"
                                        : "tells when a row was made, not when it changed";
    for (const std::string& name : SinceParameters(cursor)) {
      ARROW_ASSIGN_OR_RAISE(const auto future, Try(io::WithQueryReplaced(start_url_, name, FarFuture(cursor))));
      if (!future || future->page->num_records() >= report_.num_records) continue;
      // An answer without rows may have no list at all: then the body itself was taken for a record.
      const bool none = future->page->num_records() == 0 || future->page->records_path() != first_.page->records_path();
      report_.since_param = name;
      report_.cursor_sureness = Sureness::kLikely;
      report_.cursor_why = "?" + name + "= with a far-future value gives " + (none ? "no" : "fewer") + " rows";
      ARROW_ASSIGN_OR_RAISE(const bool holds, FiltersBy(cursor, name));
      if (none && holds && cursor.changes) report_.cursor_sureness = Sureness::kSure;
      if (!holds) report_.cursor_why += ", but not only rows at or after the value";
      return Status::OK();
    }
    return Status::OK();
  }

  Result<bool> FiltersBy(const CursorGuess& cursor, const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(const auto answer, Try(io::WithQueryReplaced(start_url_, name, cursor.middle)));
    if (!answer || answer->page->num_records() == 0) return false;
    const SampleGuess guess = GuessFromSample(answer->Records());
    return std::any_of(guess.cursors.begin(), guess.cursors.end(), [&](const CursorGuess& other) {
      return other.path == cursor.path && CompareCursor(cursor, other.least, cursor.middle) >= 0;
    });
  }

  const ProbeRequest& request_;
  const Clock& clock_;
  const std::stop_token stop_;
  io::HttpSession session_;
  std::string start_url_;
  Answer first_;
  ProbeReport report_;
};

}  // namespace

Result<ProbeReport> ProbeApi(const ProbeRequest& request, io::HttpClient& http, const Clock& clock,
                             std::stop_token stop) {
  ProcessRedactor().AddSecret(request.token);
  ProcessRedactor().AddSecret(request.url.password);
  for (const auto& [name, value] : request.url.secrets) ProcessRedactor().AddSecret(value);
  return Prober(request, http, clock, stop).Run();
}

}  // namespace firn::pipeline
