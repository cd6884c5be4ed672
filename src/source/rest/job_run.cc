#include "source/rest/job_run.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "expression/value.h"
#include "source/poll_wait.h"
#include "source/rest/errors.h"
#include "source/rest/job_slots.h"

namespace firn::source::rest {

using connector::JobPlan;
using connector::TablePlan;
using expression::Value;

Result<JobSlots::Slot> JobSlots::Take(std::chrono::milliseconds wait_max, std::stop_token stop) {
  MutexLock lock(mutex_);
  const bool taken = freed_.wait_for(lock, stop, wait_max, [&]() FIRN_REQUIRES(mutex_) { return free_ > 0; });
  if (taken) {
    --free_;
    return Slot(this);
  }
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting for other jobs");
  return MakeError(Fault::kUnreachable, "other jobs of this source did not end in time",
                   {.code = "E0543",
                    .why = "at most `jobs_max` are under way at once",
                    .state = "nothing of it was read",
                    .next = "raise `jobs_max` of the source if its API allows more, or `timeout` of the poll"});
}

void JobSlots::Release() {
  {
    const MutexLock lock(mutex_);
    ++free_;
  }
  freed_.notify_one();
}

namespace {

constexpr auto kCancelTime = std::chrono::seconds(5);

bool Holds(const std::vector<std::string>& list, const std::string& text) {
  return std::ranges::find(list, text) != list.end();
}

class JobRun {
 public:
  JobRun(const TableContext& context, SliceScope scope, std::stop_token stop)
      : context_(context), plan_(*context.table->job), scope_(std::move(scope)), stop_(std::move(stop)) {}

  Result<Value> Run() {
    for (int attempt = 1;; ++attempt) {
      ARROW_ASSIGN_OR_RAISE(const JobSlots::Slot slot,
                            context_.job_slots->Take(io::milliseconds(plan_.times.timeout_ms), stop_));
      ARROW_RETURN_NOT_OK(Create());
      FIRN_FAILPOINT("rest.job_begun");
      auto result = Wait();
      if (result.ok()) return result;
      const bool failed = is_failed_;
      if (!failed) return GiveUp(result.status());
      if (attempt >= plan_.attempts_max) return Within(Name(), result.status());
      log::Warn("a job failed, another one is begun", {{"table", context_.table->name}, {"job", id_}});
    }
  }

 private:
  std::string Name() const { return "job " + id_; }

  Result<io::HttpResponse> Ask(const TablePlan& request, bool repeatable) const {
    ARROW_ASSIGN_OR_RAISE(io::HttpRequest made, RequestBuilder(*context_.plan, request).Build(scope_, {}, ""));
    made.repeatable = repeatable;
    return context_.session->Send(made, stop_);
  }

  Status Create() {
    scope_.job.reset();
    auto answer = Ask(*plan_.create, false);
    if (!answer.ok() && FaultOf(answer.status()) == Fault::kOutcomeUnknown) {
      log::Warn("asked for a job once more: it is not known whether the first request began one",
                {{"table", context_.table->name}, {"why", answer.status().message()}});
      answer = Ask(*plan_.create, false);
    }
    ARROW_RETURN_NOT_OK(answer.status());
    ARROW_ASSIGN_OR_RAISE(const Value id, Declared(*answer, "id", plan_.id));
    id_ = expression::ToText(id);
    Know(Value::Null());
    log::Info("a job was begun", {{"table", context_.table->name}, {"job", id_}});
    return Status::OK();
  }

  // Makes the job what templates see of it.
  void Know(const Value& result) { scope_.job = Value::OfMap({{"id", Value::String(id_)}, {"result", result}}); }

  // The value that an answer must have at a path.
  Result<Value> Declared(const io::HttpResponse& answer, const std::string& field, const std::string& path) const {
    const auto parsed = expression::ParseJson(answer.text());
    const Value value = parsed.ok() ? expression::AtPath(*parsed, path) : Value::Null();
    if (!value.is_null() && !expression::ToText(value).empty()) return value;
    return NamedError({.fault = Fault::kBadData,
                       .code = "E0546",
                       .message = "the answer has no `" + field + "`, which is to be at " + path,
                       .where = plan_.where,
                       .why = parsed.ok() ? DescribeKeys(answer.text()) : "it is no JSON",
                       .next = "correct the path; an API that refuses in a good answer says why in there"});
  }

  Result<Value> Wait() {
    PollWait wait(plan_.times, *context_.clock);
    std::set<std::string> seen;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const io::HttpResponse answer, Ask(*plan_.poll, true));
      ARROW_ASSIGN_OR_RAISE(const Value status, Declared(answer, "status", plan_.status));
      const std::string said = expression::ToText(status);
      if (seen.insert(said).second) {
        log::Info("state of a job", {{"table", context_.table->name}, {"job", id_}, {"status", said}});
      }
      if (Holds(plan_.done, said)) {
        ARROW_ASSIGN_OR_RAISE(const Value result, expression::ParseJson(answer.text()));
        Know(result);
        return *scope_.job;
      }
      is_failed_ = Holds(plan_.failed, said);
      if (is_failed_) return JobFailed(answer);
      if (!plan_.running.empty() && !Holds(plan_.running, said)) return Unknown(said);
      const Status waited = wait.Wait(answer.headers, stop_);
      if (!waited.ok()) return TooLong(waited, seen);
    }
  }

  Status Unknown(const std::string& said) const {
    return NamedError({.fault = Fault::kBadData,
                       .code = "E0546",
                       .message = "the job's status is none that is declared: " + said,
                       .where = plan_.where,
                       .next = "add it to `done`, `failed` or `running`"});
  }

  static Status TooLong(const Status& waited, const std::set<std::string>& seen) {
    if (FaultOf(waited) == Fault::kCancelled) return waited;
    std::string said;
    for (const std::string& each : seen) said += (said.empty() ? "" : ", ") + each;
    return Within("its status was " + said, waited);
  }

  // A job that nobody waits for any longer; what it costs to end it must not stop whoever stops us.
  Status GiveUp(const Status& why) const {
    if (plan_.cancel == nullptr) return InJob(why);
    auto request = RequestBuilder(*context_.plan, *plan_.cancel).Build(scope_, {}, "");
    Status cancelled = request.status();
    if (request.ok()) {
      request->timeouts.total = kCancelTime;
      cancelled = context_.once->Send(*request, std::stop_token()).status();
    }
    log::Info(cancelled.ok() ? "the job was cancelled" : "the job could not be cancelled",
              {{"table", context_.table->name}, {"job", id_}});
    const ErrorContext* context = ContextOf(why);
    if (!cancelled.ok() || context == nullptr || context->code != "E0543") return InJob(why);
    ErrorContext said = *context;
    said.why = "the API still said that it was under way; it was cancelled there";
    return InJob(MakeError(FaultOf(why), why.message(), std::move(said)));
  }

  Status InJob(const Status& why) const {
    return FaultOf(why) == Fault::kCancelled ? why : WithContext(Within(Name(), why), {.where = plan_.where});
  }

  const TableContext& context_;
  const JobPlan& plan_;
  SliceScope scope_;
  const std::stop_token stop_;
  std::string id_;
  bool is_failed_ = false;
};

}  // namespace

Result<Value> RunJob(const TableContext& context, SliceScope scope, std::stop_token stop) {
  return JobRun(context, std::move(scope), std::move(stop)).Run();
}

}  // namespace firn::source::rest
