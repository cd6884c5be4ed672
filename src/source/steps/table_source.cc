#include "source/steps/table_source.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/bounded_queue.h"
#include "base/log.h"
#include "base/redactor.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"
#include "expression/javascript/utf16.h"
#include "source/line_batcher.h"
#include "source/steps/customers.h"
#include "source/steps/exchange.h"
#include "source/steps/workflow_run.h"

namespace firn::source::steps {
namespace {

using connector::steps::WorkflowPlan;
using expression::javascript::Object;
using expression::javascript::Value;

constexpr char kSplit[] = "all";
constexpr int64_t kQueueBytesMax = int64_t{4} << 20;

// The inputs as expressions see them: what the customer has, what is given, and defaults. Secret ones are kept out of
// logs.
Result<Value> InputsOf(const WorkflowPlan& plan, const std::string& json, const Customer& customer) {
  ARROW_ASSIGN_OR_RAISE(const Value given, expression::javascript::ParseJson(json));
  Object inputs;
  for (const connector::steps::InputPlan& input : plan.inputs) {
    const std::u16string name = expression::javascript::ToUtf16(input.name);
    Value value = input.otherwise;
    for (const Value* one : {&given, &customer.columns}) {
      const Value* written = one->is_object() ? one->as_object().Find(name) : nullptr;
      if (written != nullptr) value = *written;
    }
    if (value.is_undefined()) {
      return MakeError(Fault::kConfig, "there is no `" + input.name + "`, which the workflow needs",
                       {.code = "E0539", .next = "add a column of this name, or write it into `inputs`"});
    }
    if (input.secret && !value.is_nullish()) ProcessRedactor().AddSecret(connector::steps::TextOf(value));
    inputs.Put(name, value.WithSecret(input.secret));
  }
  return Value::OfObject(std::move(inputs));
}

// Position: {"state": {…}[, "failed": microseconds since 1970]}; failed: this customer's last run, which is new each
// time so that it is committed.
std::string PositionText(const std::string& state_json, const Clock* failed_at) {
  std::string text = "{\"state\":" + state_json;
  if (failed_at != nullptr) text += ",\"failed\":" + std::to_string(failed_at->Now().micros);
  return text + "}";
}

Result<Value> StateOf(const Position& position) {
  if (position.json.empty()) return Value();
  ARROW_ASSIGN_OR_RAISE(const Value value, expression::javascript::ParseJson(position.json));
  const Value* state = value.is_object() ? value.as_object().Find(u"state") : nullptr;
  return state == nullptr ? Value() : *state;
}

struct ReaderOptions {
  WorkflowRun::Options run;
  Result<Value> inputs = Value();
  bool keeps_state = false;
  std::string customer;                           // "": the workflow is run once
  std::string constant_column;                    // of the customer's name
  std::function<void(const Status&)> on_failure;  // the others go on; null: they do not
  arrow::MemoryPool* pool = nullptr;
};

// Reads by a thread of its own, so that a page is asked for while the rows before it are taken.
class WorkflowReader : public SplitReader {
 public:
  explicit WorkflowReader(ReaderOptions options)
      : options_(std::move(options)), rows_(options_.pool), events_(kQueueBytesMax) {
    reading_.Spawn([this](const std::stop_token& stop) { return Read(stop); });
  }

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    const std::stop_callback stops(stop, [this] { reading_.Stop(); });
    auto event = events_.Pop(reading_.stop_token());
    if (event.ok()) return event;
    const Status why = reading_.Join();  // the reading stopped: by an error of its own, or because it was to
    if (why.ok() || FaultOf(why) == Fault::kCancelled) return event.status();
    return options_.customer.empty() ? why : Within("customer " + options_.customer, why);
  }

 private:
  Status Read(const std::stop_token& stop) {
    WorkflowRun::Options settings = options_.run;
    settings.stop = stop;
    settings.emit = [&](const std::string& row) -> Status {
      ARROW_RETURN_NOT_OK(rows_.Add(row));
      return rows_.full() ? Push(std::nullopt, stop) : Status::OK();
    };
    Status ran = options_.inputs.status();
    if (ran.ok()) settings.inputs = *options_.inputs;
    WorkflowRun run(std::move(settings));
    if (ran.ok()) ran = run.Run();
    const bool failed = !ran.ok();
    if (failed && (options_.on_failure == nullptr || stop.stop_requested())) return ran;
    if (failed) options_.on_failure(ran);
    std::optional<Position> position;
    if (options_.keeps_state) {
      const std::string state = failed ? expression::javascript::ToJson(options_.run.state) : run.State();
      position = Position{PositionText(state, failed ? options_.run.clock : nullptr)};
    }
    ARROW_RETURN_NOT_OK(Push(std::move(position), stop));
    events_.Finish();
    return Status::OK();
  }

  Status Push(std::optional<Position> position, const std::stop_token& stop) {
    if (rows_.empty()) {
      return position ? events_.Push(Event(Progress{*std::move(position)}), 1, stop) : Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(Batch batch, rows_.Take(std::move(position)));
    const int64_t size = batch.num_bytes;
    if (!options_.customer.empty()) {
      std::get<JsonRows>(batch.rows).constants = {
          {options_.constant_column, expression::javascript::ToJson(Value::Utf8(options_.customer))}};
    }
    return events_.Push(Event(std::move(batch)), size, stop);
  }

  const ReaderOptions options_;
  LineBatcher rows_;
  BoundedQueue<Event> events_;
  TaskGroup reading_;  // last: it ends first
};

class TableSource : public Source {
 public:
  explicit TableSource(TableSourceOptions options) : options_(std::move(options)), own_budgets_(*options_.clock) {
    for (const StepsTable& table : options_.tables) {
      Exchange::Options settings{.http = options_.http,
                                 .clock = options_.clock,
                                 .budgets = options_.budgets == nullptr ? &own_budgets_ : options_.budgets,
                                 .background = options_.background,
                                 .workflow = options_.pipeline,
                                 .throttle = options_.plan.throttle,
                                 .on_wait = nullptr};
      if (options_.on_wait) {
        settings.on_wait = [this, name = table.name](const io::HttpWait& wait) { options_.on_wait(name, wait); };
      }
      exchanges_.emplace(table.name, std::make_unique<Exchange>(std::move(settings)));
    }
  }

  std::vector<std::string> tables() const override {
    std::vector<std::string> names;
    for (const StepsTable& table : options_.tables) names.push_back(table.name);
    return names;
  }

  Result<TableTraits> Traits(const std::string& name) const override {
    const StepsTable& table = Find(name);
    const bool goes_on = GoesOn(table);
    return TableTraits{.primary_key = table.primary_key,
                       .resumability = goes_on ? Resumability::kStable : Resumability::kUnstable,
                       .guarantee_note = table.appends && goes_on
                                             ? "a workflow asks again for the rows of its state's last value"
                                             : ""};
  }

  Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token) override {
    if (request.from || request.to) {
      return MakeError(Fault::kConfig, "a workflow decides itself where it goes on: --from and --to mean nothing to it",
                       {.state = "nothing was read", .next = "use --full-refresh, or give its start as an input"});
    }
    const bool goes_on = GoesOn(Find(request.table));
    ARROW_ASSIGN_OR_RAISE(const auto customers, Customers());
    Forget(request.table);
    std::vector<Split> splits;
    for (const Customer& customer : *customers) {
      const std::string& key = customer.key;
      Split split{.id = key, .json = {}, .resumability = goes_on ? Resumability::kStable : Resumability::kUnstable};
      for (const auto& [id, position] : request.state) {
        if (id == key && goes_on) split.from = position;
      }
      splits.push_back(std::move(split));
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) override {
    const StepsTable& table = Find(request.table);
    ARROW_ASSIGN_OR_RAISE(Value state, StateOf(split.from));
    ARROW_ASSIGN_OR_RAISE(const auto customers, Customers());
    const auto customer = std::ranges::find(*customers, split.id, &Customer::key);
    FIRN_CHECK(customer != customers->end());
    ReaderOptions reader{.run = {.plan = &options_.plan,
                                 .table = table.name,
                                 .inputs = {},
                                 .state = state.is_object() ? std::move(state) : Value::OfObject({}),
                                 .exchange = exchanges_.at(table.name).get(),
                                 .clock = options_.clock,
                                 .excerpt = options_.excerpt,
                                 .memory_bytes = options_.memory_bytes,
                                 .scratch_folder = options_.scratch_folder,
                                 .pool = options_.pool,
                                 .stop = {},
                                 .emit = nullptr},
                         .inputs = InputsOf(options_.plan, options_.config.inputs_json, *customer),
                         .keeps_state = GoesOn(table),
                         .customer = HasCustomers() ? split.id : "",
                         .constant_column = options_.config.customer_column,
                         .on_failure = nullptr,
                         .pool = options_.pool};
    // What a first run, or one that reads everything anew, does not give could not be told from what is gone.
    const bool known = std::ranges::any_of(request.state, [](const auto& one) { return !one.second.json.empty(); });
    if (HasCustomers() && known && GoesOn(table) && !table.appends && !table.finds_deletes) {
      reader.on_failure = [this, name = table.name, key = split.id](const Status& why) { Failed(name, key, why); };
    }
    return std::make_unique<WorkflowReader>(std::move(reader));
  }

  Status Acknowledge(const std::string& table, const Split&, const Position&) override {
    const MutexLock lock(mutex_);
    const auto found = failures_.find(table);
    if (found == failures_.end()) return Status::OK();
    std::string names;
    for (const auto& [key, why] : found->second) names += (names.empty() ? "" : ", ") + key;
    const auto& [first, why] = *found->second.begin();
    const ErrorContext* context = ContextOf(why);
    return MakeError(FaultOf(why), std::to_string(found->second.size()) + " of the customers failed: " + names,
                     {.code = "E0540",
                      .where = context == nullptr ? "" : context->where,
                      .why = "customer " + first + ": " + why.message(),
                      .state = "the rows of the others are committed; the next run reads these from where they were",
                      .next = context == nullptr ? "" : context->next});
  }

  ReadStats stats(const std::string& table) const override { return exchanges_.at(table)->stats(); }

 private:
  const StepsTable& Find(const std::string& name) const {
    const auto found = std::ranges::find(options_.tables, name, &StepsTable::name);
    FIRN_CHECK(found != options_.tables.end());
    return *found;
  }

  bool HasCustomers() const { return !options_.config.customer_key.empty(); }

  // Those whom the workflow is run for: read once, so that all tables know the same ones.
  Result<const std::vector<Customer>*> Customers() {
    const MutexLock lock(mutex_);
    if (customers_.empty() && !HasCustomers()) customers_.push_back({.key = kSplit, .columns = Value()});
    if (customers_.empty()) {
      ARROW_ASSIGN_OR_RAISE(customers_, ReadCustomers(options_.config));
    }
    return &customers_;
  }

  // A new read of a table begins.
  void Forget(const std::string& table) {
    const MutexLock lock(mutex_);
    failures_.erase(table);
  }

  void Failed(const std::string& table, const std::string& customer, const Status& why) {
    log::Warn("customer failed",
              {{"table", table}, {"customer", customer}, {"error", ProcessRedactor().Redact(why.message())}});
    const MutexLock lock(mutex_);
    failures_[table].emplace(customer, why);
  }

  bool GoesOn(const StepsTable& table) const { return table.goes_on && options_.plan.KeepsState(table.name); }

  const TableSourceOptions options_;
  io::RateBudgets own_budgets_;
  std::map<std::string, std::unique_ptr<Exchange>> exchanges_;  // by table
  Mutex mutex_;
  std::vector<Customer> customers_ FIRN_GUARDED_BY(mutex_);                                // constant once read
  std::map<std::string, std::map<std::string, Status>> failures_ FIRN_GUARDED_BY(mutex_);  // by table, customer
};

}  // namespace

std::unique_ptr<Source> MakeTableSource(TableSourceOptions options) {
  return std::make_unique<TableSource>(std::move(options));
}

}  // namespace firn::source::steps
