#include "source/rest/file_stream.h"

#include <string>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "expression/value.h"
#include "io/url.h"
#include "source/rest/errors.h"

namespace firn::source::rest {
namespace {

using connector::TablePlan;
using expression::Value;
using format::json::Page;

Status JobError(const TablePlan& table, std::string code, std::string message, std::string why, std::string next) {
  return NamedError({.fault = Fault::kBadData,
                     .code = std::move(code),
                     .message = std::move(message),
                     .where = table.job->where,
                     .why = std::move(why),
                     .next = std::move(next)});
}

class FileStream {
 public:
  FileStream(const TableContext& context, const SliceScope& scope, bool* seen_public,
             const std::function<Status(FetchedPage)>& push, std::stop_token stop)
      : context_(context),
        table_(*context.table),
        builder_(*context.plan, *context.table),
        scope_(scope),
        seen_public_(*seen_public),
        push_(push),
        stop_(std::move(stop)) {}

  Status Read() {
    ARROW_RETURN_NOT_OK(table_.job && table_.job->url ? ReadNamed() : ReadAnswers());
    return CheckRows();
  }

 private:
  // The number of rows that the job says it made; null if it does not say.
  Value RowsSaid() const {
    if (!table_.job || table_.job->rows.empty()) return Value::Null();
    return expression::AtPath(*scope_.job->Find("result"), table_.job->rows);
  }

  Status CheckRows() const {
    if (!table_.job || table_.job->rows.empty() || pages_left_ <= 0) return Status::OK();
    const std::string said = expression::ToText(RowsSaid());
    if (said == std::to_string(num_rows_)) return Status::OK();
    return JobError(table_, "E0547", "other rows came than the job made",
                    "`rows: " + table_.job->rows + "` is " + (said.empty() ? "not there" : said) + ", and " +
                        std::to_string(num_rows_) + " came",
                    "run again; if they never agree, `rows` counts something else: remove it");
  }

  Status ReadNamed() {
    auto value = table_.job->url->Evaluate(ScopeOf(scope_));
    ARROW_RETURN_NOT_OK(value.status());
    std::vector<std::string> urls;
    if (value->kind() == Value::Kind::kList) {
      for (const Value& each : value->as_list()) urls.push_back(expression::ToText(each));
    } else if (const std::string text = expression::ToText(*value); !value->is_null() && !text.empty()) {
      urls.push_back(text);
    }
    if (urls.empty() && expression::ToText(RowsSaid()) != "0") {
      return JobError(table_, "E0546", "the job is done and names no file", "the URL of `job.download` is empty",
                      "correct it; where that means that there are no rows, declare `rows`, their number, in the poll");
    }
    for (const std::string& url : urls) ARROW_RETURN_NOT_OK(ReadUrl(url));
    return Status::OK();
  }

  Status ReadUrl(const std::string& written) {
    ARROW_ASSIGN_OR_RAISE(const std::string url, io::ResolveUrl(context_.plan->base_url, written));
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts base, io::ParseUrl(context_.plan->base_url));
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(url));
    if (target.SameOrigin(base)) {
      ARROW_ASSIGN_OR_RAISE(io::HttpRequest request, builder_.Build(scope_, {.url = url}, ""));
      return ReadAnswer(context_.session, std::move(request)).status();
    }
    if (base.scheme == "https" && target.scheme != "https") {
      return JobError(table_, "E0546", "the file of the job is not behind https, as the API is",
                      "its host is " + target.host, "ask those who run the API for a URL with https");
    }
    return ReadAnswer(context_.stranger, {.url = url, .private_redirects = false}).status();
  }

  Status ReadAnswers() {
    const auto paginator = MakePaginator(table_, nullptr, context_.memo);
    ARROW_ASSIGN_OR_RAISE(const auto no_page, Page::Parse("{}", {}));  // of a file only the headers say what comes next
    std::string url;
    for (std::optional<PageRequest> next = paginator->First(); next;) {
      ARROW_ASSIGN_OR_RAISE(io::HttpRequest request, builder_.Build(scope_, *next, url));
      url = request.url;
      ARROW_ASSIGN_OR_RAISE(const io::HttpHeaders headers, ReadAnswer(context_.session, std::move(request)));
      if (pages_left_ <= 0) break;
      ARROW_ASSIGN_OR_RAISE(next, paginator->Next({.headers = &headers, .page = no_page.get(), .num_records = 0}));
    }
    return Status::OK();
  }

  Result<io::HttpHeaders> ReadAnswer(io::HttpSession* session, io::HttpRequest request) {
    ARROW_RETURN_NOT_OK(ExpectFile(context_.files, &request));
    request.public_only = seen_public_ && !request.private_redirects;
    FIRN_FAILPOINT("rest.before_request");
    ARROW_ASSIGN_OR_RAISE(const io::HttpResponse answer, session->Send(request, stop_));
    FIRN_FAILPOINT("rest.after_response");
    seen_public_ = seen_public_ || answer.from_public_address;
    constexpr int kNoContent = 204;
    if (answer.status >= 300 && context_.num_empty != nullptr) ++*context_.num_empty;
    if (answer.status == kNoContent || answer.status >= 300) return answer.headers;  // the latter by a rule of the plan
    ARROW_ASSIGN_OR_RAISE(const bool has_rows, HasRows(request, answer));
    if (!has_rows) return answer.headers;
    ARROW_ASSIGN_OR_RAISE(const auto rows, DownloadRows::Open(request, answer, context_.files));
    std::shared_ptr<const Page> last;
    while (pages_left_ > 0) {
      ARROW_ASSIGN_OR_RAISE(const auto part, rows->Next(stop_));
      if (!part) break;
      if (part->page == last) continue;  // of a JSON document all parts are of one page
      last = part->page;
      --pages_left_;
      num_rows_ += last->num_records();
      ARROW_RETURN_NOT_OK(push_({.page = last,
                                 .method = request.method,
                                 .url = request.url,
                                 .status = answer.status,
                                 .time = context_.clock->Now()}));
    }
    return answer.headers;
  }

  // What the rules say of a body that came to a file: of a small one, for none that is large tells of an error. Errors:
  // those of the rules; nothing of the file was given to anybody, so it is asked for again by the next run.
  Result<bool> HasRows(const io::HttpRequest& request, const io::HttpResponse& answer) const {
    constexpr int64_t kJudgedBytesMax = int64_t{64} << 10;
    if (table_.response_rules.empty() || request.body_file->size() > kJudgedBytesMax) return true;
    io::HttpResponse judged = answer;
    ARROW_ASSIGN_OR_RAISE(const auto file, request.body_file->Open());
    ARROW_ASSIGN_OR_RAISE(judged.body, file->ReadAt(0, request.body_file->size()));
    if (context_.response_rules->WithoutRows(judged)) {
      if (context_.num_empty != nullptr) ++*context_.num_empty;
      return false;
    }
    const auto verdict = context_.response_rules->Judge(judged);
    if (!verdict || verdict->action == io::HttpVerdict::Action::kAccept) return true;
    const bool may_pass = verdict->action != io::HttpVerdict::Action::kFail;
    return MakeError(may_pass ? Fault::kTransient : verdict->fault,
                     "GET " + io::RedactUrl(request.url) + ": " + verdict->reason, verdict->context);
  }

  const TableContext& context_;
  const TablePlan& table_;
  const RequestBuilder builder_;
  const SliceScope& scope_;
  bool& seen_public_;
  const std::function<Status(FetchedPage)>& push_;
  const std::stop_token stop_;
  int64_t pages_left_ = context_.excerpt.pages_max;
  int64_t num_rows_ = 0;
};

}  // namespace

Status ReadFiles(const TableContext& context, const SliceScope& scope, bool* seen_public,
                 const std::function<Status(FetchedPage)>& push, std::stop_token stop) {
  return FileStream(context, scope, seen_public, push, std::move(stop)).Read();
}

}  // namespace firn::source::rest
