#include "source/steps/workflow_run.h"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "expression/javascript/utf16.h"
#include "expression/value.h"
#include "format/json/page.h"
#include "source/poll_wait.h"
#include "source/steps/request.h"

namespace firn::source::steps {
namespace {

using connector::steps::EmitPlan;
using connector::steps::StatePlan;
using connector::steps::StepPlan;
using connector::steps::TextOf;
using expression::javascript::List;
using expression::javascript::Object;
using expression::javascript::ToUtf16;
using expression::javascript::Value;

// An error of the part of the workflow that is at `where`. Expressions say where in their own text they went wrong,
// which a file's line says better.
Status At(const std::string& part, const std::string& where, const Status& status) {
  if (status.ok() || FaultOf(status) == Fault::kCancelled) return status;
  const ErrorContext* known = ContextOf(status);
  ErrorContext context = known == nullptr ? ErrorContext() : *known;
  if (context.code.empty()) context.code = "E0535";
  if (!context.where.empty() && !context.where.starts_with("bytes ")) context.why += " (" + context.where + ")";
  context.where = where;
  if (context.state.empty()) context.state = "nothing of this run was committed";
  if (context.next.empty()) context.next = "correct the workflow, or try again later";
  return MakeError(FaultOf(status), part + ": " + status.message(), std::move(context));
}

Status InStep(const StepPlan& step, const Status& status) {
  return At("step " + step.id, step.where, status);
}

Status WrongValue(std::string message, std::string next) {
  return MakeError(Fault::kBadData, std::move(message), {.code = "E0535", .next = std::move(next)});
}

Value HeadersOf(const io::HttpResponse& response) {
  Object headers;
  for (const auto& field : response.headers) {
    std::string name = field.name;
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    headers.Put(ToUtf16(name), Value::Utf8(field.value));
  }
  return Value::OfObject(std::move(headers));
}

Result<Value> BodyOf(const io::HttpResponse& response) {
  if (response.text().empty()) return Value::Null();
  auto body = expression::javascript::ParseJson(response.text());
  if (body.ok()) return body;
  return WrongValue("the answer is not JSON: " + body.status().message(),
                    "look at the URL: `firn preview` shows what comes");
}

bool IsNumber(const Value& value) {
  return value.is_number() || value.kind() == Value::Kind::kExact;
}

// Whether `a` comes after `b`. Errors: E0535 for values that have no order.
Result<bool> IsAfter(const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) return a.as_string() > b.as_string();
  if (IsNumber(a) && IsNumber(b)) {
    return expression::CompareNumberText(expression::javascript::ToJson(a), expression::javascript::ToJson(b)) > 0;
  }
  return WrongValue("a kept value is a text in one row and a number in another", "make it one of them: String(row.x)");
}

// A row of a file. CSV has texts and nulls.
Result<Value> RowOf(const FileRows& rows, uint32_t record) {
  const auto& bad = rows.page->bad_records();
  const auto found = std::ranges::find(bad, record, &format::json::BadRecord::ordinal);
  std::string text;
  if (found == bad.end()) rows.page->AppendRecord(record, text);
  Result<Value> row = found == bad.end() ? expression::javascript::ParseJson(text) : Value();
  if (row.ok() && found == bad.end()) return row;
  const std::string_view before = rows.page->body().substr(0, static_cast<size_t>(rows.page->RecordOffset(record)));
  const int64_t line = rows.first_line + std::ranges::count(before, '\n');
  return MakeError(Fault::kBadData, "line " + std::to_string(line) + " of the file is no row",
                   {.code = "E0544",
                    .why = found == bad.end() ? row.status().message() : found->reason,
                    .next = "look at the file, and at `format` and `csv` of the download"});
}

}  // namespace

WorkflowRun::WorkflowRun(Options options)
    : options_(std::move(options)),
      plan_(*options_.plan),
      needed_(plan_.StepsOf(options_.table)),
      progress_(plan_.steps.size()),
      newest_(plan_.states.size()) {
  Object state;
  for (const StatePlan& kept : plan_.states) {
    const Value* before = options_.state.is_object() ? options_.state.as_object().Find(ToUtf16(kept.name)) : nullptr;
    state.Put(ToUtf16(kept.name), before == nullptr ? kept.start : *before);
  }
  state_ = Value::OfObject(std::move(state));
}

std::string WorkflowRun::State() const {
  Object state;
  for (size_t i = 0; i < plan_.states.size(); ++i) {
    const std::u16string name = ToUtf16(plan_.states[i].name);
    state.Put(name, newest_[i] ? *newest_[i] : *state_.as_object().Find(name));
  }
  return expression::javascript::ToJson(Value::OfObject(std::move(state)));
}

WorkflowRun::Value WorkflowRun::StepsValue() const {
  Object steps;
  for (const size_t step : needed_) {
    Object known;
    known.Put(u"body", progress_[step].body);
    known.Put(u"row", progress_[step].row);
    steps.Put(ToUtf16(plan_.steps[step].id), Value::OfObject(std::move(known)));
  }
  return Value::OfObject(std::move(steps));
}

WorkflowRun::Scope WorkflowRun::ScopeFor(size_t step) const {
  Scope scope;
  scope.clock = options_.clock;
  scope.names = {
      {"inputs", options_.inputs}, {"state", state_}, {"item", progress_[step].item}, {"steps", StepsValue()}};
  return scope;
}

WorkflowRun::Scope WorkflowRun::ScopeOf(size_t step, const Answer& answer) const {
  Scope scope = ScopeFor(step);
  scope.names.insert(
      scope.names.end(),
      {{"body", answer.body}, {"headers", answer.headers}, {"status", answer.status}, {"page", answer.page}});
  return scope;
}

Status WorkflowRun::RunWithin(std::optional<size_t> loop) {
  for (const size_t step : needed_) {
    if (plan_.steps[step].loop == loop) ARROW_RETURN_NOT_OK(RunStep(step));
  }
  return Status::OK();
}

Status WorkflowRun::RunStep(size_t step) {
  const StepPlan& plan = plan_.steps[step];
  if (!plan.for_each) return RunFor(step, plan.loop ? progress_[*plan.loop].row : Value());
  const auto items = plan.for_each->Evaluate(ScopeFor(step));
  if (!items.ok()) return InStep(plan, items.status());
  if (!items->is_array())
    return InStep(plan, WrongValue("`for_each` gives no list", "write the id of a step, or a list"));
  int64_t num_done = 0;
  for (const Value& item : items->items()) {
    if (num_done++ == options_.excerpt.chains_max) break;
    ARROW_RETURN_NOT_OK(RunFor(step, item));
  }
  return Status::OK();
}

Status WorkflowRun::RunFor(size_t step, Value item) {
  progress_[step] = {.item = std::move(item), .body = Value(), .row = Value()};
  return ReadPages(step);
}

Status WorkflowRun::ReadPages(size_t step) {
  const StepPlan& plan = plan_.steps[step];
  const auto failed = [&](const Status& status) { return InStep(plan, status); };
  std::unordered_set<std::string> asked;
  std::string url;
  Value next;
  for (int64_t page = 1;; ++page) {
    auto request = MakeRequest(plan.request, ScopeFor(step), next, url);
    if (!request.ok()) return failed(request.status());
    url = request->url;
    if (plan.next && !asked.insert(request->url + "\n" + request->body).second) {
      return failed(MakeError(Fault::kBadData, "page " + std::to_string(page) + " is one that was asked for before",
                              {.code = "E0536", .next = "let `next` give null after the last page"}));
    }
    if (plan.download) {
      if (const Status made = ExpectFile(FileOf(plan), &*request); !made.ok()) return failed(made);
    }
    const auto answer = plan.poll ? Poll(step) : Ask(step, page, *request);
    if (!answer.ok()) return failed(answer.status());
    progress_[step].body = answer->body;
    if (plan.rows) ARROW_RETURN_NOT_OK(TakeRows(step, *answer));
    if (plan.download) ARROW_RETURN_NOT_OK(TakeFile(step, *request, answer->response));
    if (!plan.next || page >= options_.excerpt.pages_max) return Status::OK();
    auto following = plan.next->Evaluate(ScopeOf(step, *answer));
    if (!following.ok()) return failed(following.status());
    if (!Truthy(*following)) return Status::OK();
    next = *std::move(following);
    if (page == plan.pages_max) {
      return failed(MakeError(Fault::kBadData, "there are more than " + std::to_string(plan.pages_max) + " pages",
                              {.code = "E0536", .next = "raise `pages_max`, or let `next` end"}));
    }
  }
}

Result<WorkflowRun::Answer> WorkflowRun::Ask(size_t step, int64_t page, const io::HttpRequest& request) {
  ARROW_ASSIGN_OR_RAISE(io::HttpResponse response, options_.exchange->Send(request, plan_.steps[step], options_.stop));
  ARROW_ASSIGN_OR_RAISE(Value body, BodyOf(response));
  Answer answer{.response = std::move(response), .body = std::move(body), .page = Value::Int(page)};
  answer.headers = HeadersOf(answer.response);
  answer.status = Value::Int(answer.response.status);
  return answer;
}

Result<WorkflowRun::Answer> WorkflowRun::Poll(size_t step) {
  const StepPlan& plan = plan_.steps[step];
  PollWait wait(plan.poll->times, *options_.clock);
  for (int64_t question = 1;; ++question) {
    ARROW_ASSIGN_OR_RAISE(const io::HttpRequest request, MakeRequest(plan.request, ScopeFor(step), Value(), ""));
    ARROW_ASSIGN_OR_RAISE(Answer answer, Ask(step, question, request));
    const Scope scope = ScopeOf(step, answer);
    if (plan.poll->fail) {
      ARROW_ASSIGN_OR_RAISE(const Value failed, plan.poll->fail->Evaluate(scope));
      if (Truthy(failed)) return JobFailed(answer.response);
    }
    ARROW_ASSIGN_OR_RAISE(const Value done, plan.poll->until.Evaluate(scope));
    if (Truthy(done)) return answer;
    ARROW_RETURN_NOT_OK(wait.Wait(answer.response.headers, options_.stop));
  }
}

Status WorkflowRun::TakeRows(size_t step, const Answer& answer) {
  const StepPlan& plan = plan_.steps[step];
  const auto rows = plan.rows->Evaluate(ScopeOf(step, answer));
  if (!rows.ok()) return InStep(plan, rows.status());
  if (!rows->is_array()) {
    return InStep(plan, WrongValue("`rows` gives " + std::string(TypeOf(*rows)) + ", and no list",
                                   "let it give the list of rows; `?? []` behind it, where it may be missing"));
  }
  int64_t num_rows = 0;
  for (const Value& row : rows->items()) {
    if (num_rows++ == RowsMax(step)) break;
    ARROW_RETURN_NOT_OK(TakeRow(step, row));
  }
  progress_[step].row = Value();
  return Status::OK();
}

Status WorkflowRun::TakeFile(size_t step, const io::HttpRequest& request, const io::HttpResponse& answer) {
  const StepPlan& plan = plan_.steps[step];
  const auto file = DownloadRows::Open(request, answer, FileOf(plan));
  if (!file.ok()) return InStep(plan, file.status());
  int64_t num_rows = 0;
  for (int64_t part = 1; part <= options_.excerpt.pages_max; ++part) {
    const auto rows = (*file)->Next(options_.stop);
    if (!rows.ok()) return InStep(plan, rows.status());
    if (!*rows) break;
    for (const uint32_t record : (*rows)->rows) {
      if (num_rows++ == RowsMax(step)) break;
      const auto row = RowOf(**rows, record);
      if (!row.ok()) return InStep(plan, row.status());
      ARROW_RETURN_NOT_OK(TakeRow(step, *row));
    }
  }
  progress_[step].row = Value();
  return Status::OK();
}

DownloadOptions WorkflowRun::FileOf(const StepPlan& plan) const {
  DownloadOptions file{
      .config = *plan.download, .captures = {}, .scratch_folder = options_.scratch_folder, .pool = options_.pool};
  if (options_.memory_bytes > 0) file.memory_bytes = options_.memory_bytes;
  return file;
}

// Of a step whose rows others are done for.
int64_t WorkflowRun::RowsMax(size_t step) const {
  const bool has_inner = std::ranges::any_of(needed_, [&](size_t inner) { return plan_.steps[inner].loop == step; });
  return has_inner ? options_.excerpt.chains_max : std::numeric_limits<int64_t>::max();
}

Status WorkflowRun::TakeRow(size_t step, Value row) {
  if (options_.stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
  progress_[step].row = std::move(row);
  ARROW_RETURN_NOT_OK(RunWithin(step));
  for (size_t i = 0; i < plan_.states.size(); ++i) {
    if (plan_.states[i].from == step) ARROW_RETURN_NOT_OK(Keep(i, progress_[step].row));
  }
  for (const EmitPlan& emit : plan_.emits) {
    if (emit.from != step || emit.table != options_.table) continue;
    ARROW_RETURN_NOT_OK(At("emit " + emit.table, emit.where, Emit(emit)));
  }
  return Status::OK();
}

Status WorkflowRun::Emit(const EmitPlan& emit) {
  const Value& row = progress_[emit.from].row;
  if (!emit.when && !emit.transform) return Write(row);
  Scope scope = ScopeFor(emit.from);
  scope.names.emplace_back("row", row);
  if (emit.when) {
    ARROW_ASSIGN_OR_RAISE(const Value wanted, emit.when->Evaluate(scope));
    if (!Truthy(wanted)) return Status::OK();
  }
  if (!emit.transform) return Write(row);
  ARROW_ASSIGN_OR_RAISE(const Value made, emit.transform->Evaluate(scope));
  if (!made.is_array()) return Write(made);
  for (const Value& one : made.items()) ARROW_RETURN_NOT_OK(Write(one));
  return Status::OK();
}

Status WorkflowRun::Write(const Value& row) const {
  if (!row.is_object()) {
    return WrongValue("a row is " + std::string(TypeOf(row)) + ", and no object", "make it one: {{ ({value: row}) }}");
  }
  return options_.emit(expression::javascript::ToJson(row));
}

Status WorkflowRun::Keep(size_t state, const Value& row) {
  const StatePlan& plan = plan_.states[state];
  const auto keep = [&]() -> Status {
    Scope scope;
    scope.clock = options_.clock;
    scope.names = {{"inputs", options_.inputs}, {"row", row}};
    ARROW_ASSIGN_OR_RAISE(Value value, plan.max.Evaluate(scope));
    if (value.is_nullish()) return Status::OK();
    if (value.kind() == Value::Kind::kDate) value = Value::Utf8(TextOf(value));
    if (!value.is_string() && !IsNumber(value)) {
      return WrongValue("a kept value is neither a text nor a number", "let `max` give one, or null");
    }
    const Value& before = newest_[state] ? *newest_[state] : *state_.as_object().Find(ToUtf16(plan.name));
    const bool is_first = !newest_[state] && before.is_nullish();
    ARROW_ASSIGN_OR_RAISE(const bool after, is_first ? Result<bool>(true) : IsAfter(value, before));
    if (after) newest_[state] = std::move(value);
    return Status::OK();
  };
  return At("state " + plan.name, plan.where, keep());
}

}  // namespace firn::source::steps
