#include "source/rest/paginator.h"

#include <algorithm>
#include <functional>

#include "base/log.h"
#include "connector/paging_text.h"
#include "expression/value.h"
#include "source/rest/errors.h"
#include "source/rest/incremental.h"

namespace firn::source::rest {
namespace {

using connector::PaginatePlan;
using connector::TablePlan;
using expression::Value;
using Type = PaginatePlan::Type;

std::optional<int64_t> BodyInt(const format::json::Page& page, const std::string& path) {
  if (path.empty()) return std::nullopt;
  const auto text = BodyValue(page, path, Want::kTruthy);
  if (!text) return std::nullopt;
  const Value value = Value::NumberText(*text);
  return value.kind() == Value::Kind::kInt ? std::optional(value.as_int()) : std::nullopt;
}

// What all types share: guards against endless loops, and the stop rules that hold for each of them.
class GuardedPaginator : public Paginator {
 public:
  GuardedPaginator(const TablePlan& table, PaginatePlan plan, ProbePage probe = nullptr)
      : table_(table), plan_(std::move(plan)), probe_(std::move(probe)) {}

  Result<std::optional<PageRequest>> Next(const PageAnswer& answer) override {
    ++num_pages_;
    num_rows_ += answer.num_records;
    ARROW_ASSIGN_OR_RAISE(repeats_last_, RepeatsLastPage(answer));
    if (repeats_last_) return std::nullopt;
    records_max_ = std::max(records_max_, answer.num_records);
    ARROW_ASSIGN_OR_RAISE(const bool stop, Stops(answer));
    if (stop) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(std::optional<PageRequest> next, After(answer));
    if (next && num_pages_ >= plan_.pages_max) {
      return Error("E0433", "the slice has more than " + std::to_string(plan_.pages_max) + " pages",
                   "raise paginate.pages_max, or read in smaller slices (incremental.step, partitions)");
    }
    return next;
  }
  bool repeats_last() const override { return repeats_last_; }

 protected:
  virtual Result<std::optional<PageRequest>> After(const PageAnswer& answer) = 0;

  /// True if `answer`, which is the page before once more, shows that there is nothing behind that page: many APIs
  /// answer so for each page number past the end. An API that does not know the parameter answers so too.
  virtual Result<bool> EndsByRepeating(const PageAnswer& /*answer*/) { return false; }

  // A page that is shorter than others was the last one, and the parameter works: pages differed.
  Result<bool> CountedEndsByRepeating(const PageAnswer& answer, const std::function<PageRequest(int64_t)>& second_of) {
    if (!plan_.has_more.empty() || !plan_.total_pages.empty() || !plan_.total_rows.empty()) return false;
    if (answer.num_records < records_max_) return true;
    const bool may_ask = num_pages_ == 2 && !plan_.size_param.empty() && answer.num_records >= 2 && probe_ != nullptr;
    if (!may_ask) return false;
    // The first page came twice. Asked for pages of half the size, the second one differs only if the parameter works.
    ARROW_ASSIGN_OR_RAISE(const auto half, probe_(second_of((int64_t{answer.num_records} + 1) / 2)));
    return half != nullptr && half->num_records() > 0 && half->num_records() < answer.num_records &&
           half->RecordText(0) != answer.page->RecordText(0);
  }

  Status Error(std::string code, const std::string& message, std::string next, std::string why = "") const {
    return NamedError({.fault = Fault::kBadData,
                       .code = std::move(code),
                       .message = "table " + table_.name + ", page " + std::to_string(num_pages_) + ": " + message,
                       .where = plan_.where.empty() ? table_.where : plan_.where,
                       .why = std::move(why),
                       .next = std::move(next)});
  }

  // A token that was already followed would be followed for ever.
  Status Follow(const std::string& token) {
    if (tokens_.insert(Xxh3(token)).second) return Status::OK();
    return Error("E0431", "the API answered with a next-page token it gave before",
                 "the API loops; if its last page repeats a token, declare paginate.has_more or stop_when");
  }

  // nullopt: not declared, or missing after the first page.
  Result<std::optional<bool>> HasMore(const PageAnswer& answer) const {
    if (plan_.has_more.empty()) return std::nullopt;
    const auto any = BodyValue(*answer.page, plan_.has_more, Want::kAny);
    if (any) return BodyValue(*answer.page, plan_.has_more, Want::kTruthy).has_value();
    if (num_pages_ == 1 && answer.num_records > 0) {
      return Error("E0436", "paginate.has_more: the body has nothing at '" + plan_.has_more + "'", "correct the path",
                   DescribeKeys(answer.page->body()));
    }
    return false;
  }

  // Page numbers and offsets have no token that ends: empty pages, totals and flags do.
  Result<bool> CountedEnd(const PageAnswer& answer) {
    ARROW_ASSIGN_OR_RAISE(const std::optional<bool> more, HasMore(answer));
    if (more) return !*more;
    const auto total_pages = BodyInt(*answer.page, plan_.total_pages);
    if (total_pages) return num_pages_ >= *total_pages;
    const auto total_rows = BodyInt(*answer.page, plan_.total_rows);
    if (total_rows && num_rows_ >= *total_rows) return true;
    if (answer.num_records == 0) {
      if (total_rows && num_rows_ < *total_rows) {
        return Error("E0436",
                     "an empty page, though only " + std::to_string(num_rows_) + " of " + std::to_string(*total_rows) +
                         " rows came",
                     "rows may have been deleted meanwhile: run again; else correct paginate.total_rows");
      }
      return true;
    }
    if (total_rows) return false;
    // A server may cap the size that was asked for, so a short page ends the slice only after a full one was seen.
    const bool full = plan_.page_size > 0 && answer.num_records >= plan_.page_size;
    const bool ends = plan_.page_size > 0 && full_page_seen_ && !full;
    full_page_seen_ = full_page_seen_ || full;
    return ends;
  }

  PageRequest WithSize(PageRequest request) const { return WithSize(std::move(request), plan_.page_size); }
  PageRequest WithSize(PageRequest request, int64_t size) const {
    if (!plan_.size_param.empty() && size > 0) request.query.emplace_back(plan_.size_param, std::to_string(size));
    return request;
  }

  PageRequest Carrying(Value value) const { return Carrying(std::move(value), plan_.page_size); }
  PageRequest Carrying(Value value, int64_t size) const {
    PageRequest request;
    if (!plan_.body_path.empty()) {
      request.body.emplace_back(plan_.body_path, std::move(value));
    } else {
      request.query.emplace_back(plan_.param, expression::ToText(value));
    }
    return WithSize(std::move(request), size);
  }

  const TablePlan& table_;
  const PaginatePlan plan_;
  const ProbePage probe_;  // may be null
  int64_t num_pages_ = 0;
  int64_t num_rows_ = 0;

 private:
  // False for a new page, true for the last page once more; errors for all other repeats.
  Result<bool> RepeatsLastPage(const PageAnswer& answer) {
    if (answer.num_records == 0) return false;
    const Hash128 hash = Xxh3(Compared(answer));
    const bool of_last = last_body_ == hash;
    last_body_ = hash;
    if (bodies_.insert(hash).second) return false;
    if (of_last) {
      ARROW_ASSIGN_OR_RAISE(const bool ends, EndsByRepeating(answer));
      if (ends) return true;
    }
    return Error("E0432", "the API sent the same page again",
                 "it may not know the parameter '" + (plan_.param.empty() ? plan_.body_path : plan_.param) +
                     "', or repeat its last page: then declare paginate.total_pages, total_rows or has_more, or a "
                     "rule: stop: \"{{ count < 100 }}\"");
  }

  // Pages by number or offset may differ in what stands around the records (the number, a time); those by token differ
  // in the token, and may hold the same records.
  std::string_view Compared(const PageAnswer& answer) const {
    if (plan_.type != Type::kPage && plan_.type != Type::kOffset) return answer.page->body();
    const int64_t begin = answer.page->RecordOffset(0);
    const int64_t last = answer.page->RecordOffset(answer.num_records - 1);
    const size_t size = static_cast<size_t>(last - begin) + answer.page->RecordText(answer.num_records - 1).size();
    return answer.page->body().substr(static_cast<size_t>(begin), size);
  }

  Result<bool> Stops(const PageAnswer& answer) const {
    if (!plan_.stop_when) return false;
    std::vector<std::pair<std::string, Value>> fields;
    for (const auto& path : plan_.stop_when->PathsBelow("response")) {
      if (path.empty()) {
        ARROW_ASSIGN_OR_RAISE(const Value whole, expression::ParseJson(answer.page->body()));
        return Holds(whole, answer);
      }
      const auto raw = answer.page->FindInBody(path);
      if (!raw) continue;
      ARROW_ASSIGN_OR_RAISE(Value value, expression::ParseJson(*raw));
      fields.emplace_back(path, std::move(value));
    }
    return Holds(MapOfPaths(fields), answer);
  }

  Result<bool> Holds(const Value& response, const PageAnswer& answer) const {
    const expression::Scope scope{.names = {{"response", response}, {"count", Value::Int(answer.num_records)}}};
    auto value = plan_.stop_when->Evaluate(scope);
    if (!value.ok()) {
      return NamedError({.code = "E0440",
                         .message = "table " + table_.name + ": paginate.stop_when: " + value.status().message(),
                         .where = plan_.where,
                         .next = "correct the expression; it sees response and count"});
    }
    return expression::Truthy(*value);
  }

  std::unordered_set<Hash128> tokens_;  // at most pages_max of each
  std::unordered_set<Hash128> bodies_;
  std::optional<Hash128> last_body_;  // of the last page with records
  uint32_t records_max_ = 0;
  bool full_page_seen_ = false;
  bool repeats_last_ = false;
};

class OnePage : public GuardedPaginator {
 public:
  using GuardedPaginator::GuardedPaginator;
  PageRequest First() const override { return WithSize({}); }

 protected:
  Result<std::optional<PageRequest>> After(const PageAnswer& /*answer*/) override { return std::nullopt; }
};

class PageNumbers : public GuardedPaginator {
 public:
  using GuardedPaginator::GuardedPaginator;
  PageRequest First() const override { return Carrying(Value::Int(plan_.first)); }

 protected:
  Result<std::optional<PageRequest>> After(const PageAnswer& answer) override {
    ARROW_ASSIGN_OR_RAISE(const bool end, CountedEnd(answer));
    if (end) return std::nullopt;
    return Carrying(Value::Int(plan_.first + num_pages_));
  }
  Result<bool> EndsByRepeating(const PageAnswer& answer) override {
    return CountedEndsByRepeating(answer, [this](int64_t size) { return Carrying(Value::Int(plan_.first + 1), size); });
  }
};

class Offsets : public GuardedPaginator {
 public:
  using GuardedPaginator::GuardedPaginator;
  PageRequest First() const override { return Carrying(Value::Int(plan_.first)); }

 protected:
  // By the rows that came, not by the size asked for: a server may cap it.
  Result<std::optional<PageRequest>> After(const PageAnswer& answer) override {
    ARROW_ASSIGN_OR_RAISE(const bool end, CountedEnd(answer));
    if (end) return std::nullopt;
    return Carrying(Value::Int(plan_.first + num_rows_));
  }
  Result<bool> EndsByRepeating(const PageAnswer& answer) override {
    return CountedEndsByRepeating(answer,
                                  [this](int64_t size) { return Carrying(Value::Int(plan_.first + size), size); });
  }
};

class Cursors : public GuardedPaginator {
 public:
  using GuardedPaginator::GuardedPaginator;
  PageRequest First() const override { return WithSize({}); }

 protected:
  Result<std::optional<PageRequest>> After(const PageAnswer& answer) override {
    ARROW_ASSIGN_OR_RAISE(const std::optional<bool> more, HasMore(answer));
    if (more && !*more) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(const std::optional<Value> token, TokenOf(answer));
    if (!token && more) {
      return Error("E0436", "has_more is true, but there is no token for the next page", "correct paginate.next");
    }
    if (!token) {
      // APIs leave the token out at the end, so a wrong path looks like one page; a full page gives it away.
      const bool suspicious = num_pages_ == 1 && plan_.page_size > 0 && answer.num_records >= plan_.page_size &&
                              !plan_.next.empty() && !BodyValue(*answer.page, plan_.next, Want::kAny);
      if (!suspicious) return std::nullopt;
      return Error("E0436", "a full page, but the body has nothing at '" + plan_.next + "'", "correct paginate.next",
                   DescribeKeys(answer.page->body()));
    }
    ARROW_RETURN_NOT_OK(Follow(expression::ToText(*token)));
    return Carrying(*token);
  }

 private:
  Result<std::optional<Value>> TokenOf(const PageAnswer& answer) const {
    if (!plan_.last_record.empty()) return TokenOfLastRecord(answer);
    if (!plan_.next_header.empty()) {
      const auto header = answer.headers->Get(plan_.next_header);
      if (!header || header->empty() || *header == "null") return std::nullopt;  // Salesforce writes the word
      return Value::String(std::string(*header));
    }
    const auto raw = answer.page->FindInBody(plan_.next);
    if (!raw) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(const Value value, expression::ParseJson(*raw));
    return TokenIn(value);
  }

  // Without it the rest of the slice could not be asked for, and it would look like the end.
  Result<std::optional<Value>> TokenOfLastRecord(const PageAnswer& answer) const {
    if (answer.num_records == 0) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(Value value, expression::ParseJson(answer.page->RecordText(answer.num_records - 1)));
    for (std::string_view rest = plan_.last_record; !rest.empty();) {
      const size_t dot = std::min(rest.find('.'), rest.size());
      const Value* field = value.Find(rest.substr(0, dot));
      value = field == nullptr ? Value::Null() : Value(*field);
      rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    auto token = TokenIn(value);
    if (token) return token;
    return Error("E0436", "the last record has nothing at '" + plan_.last_record + "'", "correct paginate.last_record");
  }

  static std::optional<Value> TokenIn(const Value& value) {
    // A cursor of 0 is a number like any other; null, "" and false end the slice.
    const bool ends = value.is_null() || (value.is_string() && value.as_string().empty()) ||
                      (value.kind() == Value::Kind::kBool && !value.as_bool());
    if (ends) return std::nullopt;
    return value;
  }
};

class NextUrls : public GuardedPaginator {
 public:
  using GuardedPaginator::GuardedPaginator;
  PageRequest First() const override { return WithSize({}); }

 protected:
  virtual std::optional<std::string> Url(const PageAnswer& answer) const {
    return BodyValue(*answer.page, plan_.next, Want::kTruthy);
  }
  Result<std::optional<PageRequest>> After(const PageAnswer& answer) override {
    ARROW_ASSIGN_OR_RAISE(const std::optional<bool> more, HasMore(answer));
    if (more && !*more) return std::nullopt;
    const auto url = Url(answer);
    if (!url) return std::nullopt;
    ARROW_RETURN_NOT_OK(Follow(*url));
    return PageRequest{.url = *url};
  }
};

class LinkHeaders : public NextUrls {
 public:
  using NextUrls::NextUrls;

 protected:
  std::optional<std::string> Url(const PageAnswer& answer) const override {
    return io::LinkTarget(*answer.headers, plan_.rel);
  }
};

std::unique_ptr<Paginator> MakeDeclared(const TablePlan& table, PaginatePlan plan, ProbePage probe) {
  switch (plan.type) {
    case Type::kPage:
      return std::make_unique<PageNumbers>(table, std::move(plan), std::move(probe));
    case Type::kOffset:
      return std::make_unique<Offsets>(table, std::move(plan), std::move(probe));
    case Type::kCursor:
      return std::make_unique<Cursors>(table, std::move(plan));
    case Type::kLinkHeader:
      return std::make_unique<LinkHeaders>(table, std::move(plan));
    case Type::kNextUrl:
      return std::make_unique<NextUrls>(table, std::move(plan));
    case Type::kAuto:
    case Type::kNone:
      break;
  }
  return std::make_unique<OnePage>(table, std::move(plan));
}

// Decides at the first answer, then is the paginator it decided for.
class AutoPaginator : public Paginator {
 public:
  AutoPaginator(const TablePlan& table, ProbePage probe, ProbeMemo* memo)
      : table_(table), probe_(std::move(probe)), memo_(memo) {}

  PageRequest First() const override {
    PageRequest request;
    const PaginatePlan& plan = table_.paginate;
    if (!plan.size_param.empty() && plan.page_size > 0) {
      request.query.emplace_back(plan.size_param, std::to_string(plan.page_size));
    }
    return request;
  }

  Result<std::optional<PageRequest>> Next(const PageAnswer& answer) override {
    if (chosen_ == nullptr) ARROW_RETURN_NOT_OK(Choose(answer));
    return chosen_->Next(answer);
  }
  bool repeats_last() const override { return chosen_ != nullptr && chosen_->repeats_last(); }

 private:
  Status Choose(const PageAnswer& answer) {
    DetectedPagination detected = DetectPagination(table_.paginate, answer);
    if (detected.plan.type == Type::kNone && detected.why.empty()) ARROW_RETURN_NOT_OK(AskForMore(answer, &detected));
    if (detected.plan.type == Type::kNone && !detected.more.empty()) {
      return NamedError(
          {.fault = Fault::kConfig,
           .code = "E0435",
           .message = "table " + table_.name + ": the API has more pages, but how to ask for them was not found out",
           .where = table_.where,
           .why = detected.more + "; " + DescribeKeys(answer.page->body()),
           .next = "declare paginate: {type: page | offset | cursor | link_header | next_url, …}"});
    }
    log::Info("pagination detected",
              {{"table", table_.name}, {"type", connector::PagingTypeName(detected.plan.type)}, {"why", detected.why}});
    chosen_ = MakeDeclared(table_, detected.plan, probe_);
    return Status::OK();
  }

  // Nothing in the answer speaks of pages. A list may still be the first of many: ask for a second one.
  Status AskForMore(const PageAnswer& answer, DetectedPagination* detected) {
    const bool one_record = answer.page->records_path().empty() && !TopLevelKeys(answer.page->body(), 1).empty();
    detected->why = "the response says nothing about pages";
    if (probe_ == nullptr || answer.num_records == 0 || one_record || answer.page->is_lines()) return Status::OK();
    if (memo_ != nullptr) {
      if (const auto known = memo_->Get()) {
        detected->plan = *known;
        detected->why = "as found before";
        return Status::OK();
      }
    }
    ARROW_RETURN_NOT_OK(TryParameter("page", 2, 1, Type::kPage, answer, detected));
    if (detected->plan.type == Type::kNone) {
      ARROW_RETURN_NOT_OK(TryParameter("offset", answer.num_records, 0, Type::kOffset, answer, detected));
    }
    if (detected->plan.type == Type::kNone) {
      detected->why = "the response says nothing about pages, and ?page=2 and ?offset= change nothing";
    }
    if (memo_ != nullptr) memo_->Set(detected->plan);
    return Status::OK();
  }

  // Other records, or none, show that the API knows the parameter.
  Status TryParameter(const char* param, int64_t value, int64_t first, Type type, const PageAnswer& answer,
                      DetectedPagination* detected) {
    PageRequest request = First();
    const std::string name = table_.paginate.param.empty() ? param : table_.paginate.param;
    request.query.emplace_back(name, std::to_string(value));
    ARROW_ASSIGN_OR_RAISE(const auto page, probe_(request));
    if (page == nullptr || page->body() == answer.page->body()) return Status::OK();
    if (page->num_records() > 0 && page->RecordText(0) == answer.page->RecordText(0)) return Status::OK();
    detected->plan.type = type;
    detected->plan.param = name;
    detected->plan.first = first;
    detected->why =
        "?" + name + "=" + std::to_string(value) + (page->num_records() > 0 ? " gives other records" : " gives none");
    return Status::OK();
  }

  const TablePlan& table_;
  const ProbePage probe_;
  ProbeMemo* const memo_;
  std::unique_ptr<Paginator> chosen_;
};

}  // namespace

std::optional<PaginatePlan> ProbeMemo::Get() const {
  MutexLock lock(mutex_);
  return plan_;
}

void ProbeMemo::Set(const PaginatePlan& plan) {
  MutexLock lock(mutex_);
  plan_ = plan;
}

std::unique_ptr<Paginator> MakePaginator(const TablePlan& table, ProbePage probe, ProbeMemo* memo) {
  if (table.paginate.type == Type::kAuto) return std::make_unique<AutoPaginator>(table, std::move(probe), memo);
  return MakeDeclared(table, table.paginate, std::move(probe));
}

Resumability StabilityOf(const PaginatePlan& plan) {
  return plan.type == Type::kCursor || plan.type == Type::kNone ? Resumability::kStable : Resumability::kUnstable;
}

std::optional<std::string> BodyValue(const format::json::Page& page, const std::string& path, Want want) {
  const auto raw = page.FindInBody(path);
  if (!raw) return std::nullopt;
  const auto value = expression::ParseJson(*raw);
  if (!value.ok()) return std::nullopt;
  const bool ends = value->is_null() || (value->is_string() && value->as_string().empty()) ||
                    (value->kind() == Value::Kind::kBool && !value->as_bool());
  if (want == Want::kTruthy && ends) return std::nullopt;
  return expression::ToText(*value);
}

}  // namespace firn::source::rest
