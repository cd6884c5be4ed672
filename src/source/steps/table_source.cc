#include "source/steps/table_source.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/bounded_queue.h"
#include "base/redactor.h"
#include "base/task_group.h"
#include "expression/javascript/utf16.h"
#include "source/line_batch.h"
#include "source/steps/exchange.h"
#include "source/steps/workflow_run.h"

namespace firn::source::steps {
namespace {

using connector::steps::WorkflowPlan;
using expression::javascript::Object;
using expression::javascript::Value;

constexpr char kSplit[] = "all";
constexpr int64_t kQueueBytesMax = int64_t{4} << 20;

// The inputs as expressions see them: what is given, and defaults. Secret ones are kept out of logs.
Result<Value> InputsOf(const WorkflowPlan& plan, const std::string& json) {
  ARROW_ASSIGN_OR_RAISE(const Value given, expression::javascript::ParseJson(json));
  Object inputs;
  for (const connector::steps::InputPlan& input : plan.inputs) {
    const std::u16string name = expression::javascript::ToUtf16(input.name);
    const Value* written = given.is_object() ? given.as_object().Find(name) : nullptr;
    const Value& value = written == nullptr ? input.otherwise : *written;
    if (input.secret && !value.is_nullish()) ProcessRedactor().AddSecret(connector::steps::TextOf(value));
    inputs.Put(name, value.WithSecret(input.secret));
  }
  return Value::OfObject(std::move(inputs));
}

// Reads by a thread of its own, so that a page is asked for while the rows before it are taken.
class WorkflowReader : public SplitReader {
 public:
  WorkflowReader(WorkflowRun::Options options, bool keeps_state, arrow::MemoryPool* pool) : events_(kQueueBytesMax) {
    reading_.Spawn([this, keeps_state, pool, options = std::move(options)](std::stop_token stop) mutable -> Status {
      std::string lines;
      const auto push = [&](std::optional<Position> position) -> Status {
        const auto size = static_cast<int64_t>(lines.size());
        if (lines.empty()) {
          return position ? events_.Push(Event(source::Progress{*std::move(position)}), 1, stop) : Status::OK();
        }
        ARROW_ASSIGN_OR_RAISE(Batch batch, BatchOfLines(lines, std::move(position), pool));
        lines.clear();
        return events_.Push(Event(std::move(batch)), size, stop);
      };
      options.stop = stop;
      options.emit = [&](const std::string& row) -> Status {
        lines += row;
        lines += '\n';
        return lines.size() < kLineBatchBytes ? Status::OK() : push(std::nullopt);
      };
      WorkflowRun run(std::move(options));
      ARROW_RETURN_NOT_OK(run.Run());
      ARROW_RETURN_NOT_OK(push(keeps_state ? std::optional(Position{run.State()}) : std::nullopt));
      events_.Finish();
      return Status::OK();
    });
  }

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    const std::stop_callback stops(stop, [this] { reading_.Stop(); });
    auto event = events_.Pop(reading_.stop_token());
    if (event.ok()) return event;
    const Status why = reading_.Join();  // the reading stopped: by an error of its own, or because it was to
    return why.ok() ? event.status() : why;
  }

 private:
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
    Split split{.id = kSplit, .resumability = goes_on ? Resumability::kStable : Resumability::kUnstable};
    for (const auto& [id, position] : request.state) {
      if (id == kSplit && goes_on) split.from = position;
    }
    return std::vector<Split>{split};
  }

  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) override {
    const StepsTable& table = Find(request.table);
    Value state;
    if (!split.from.json.empty()) {
      ARROW_ASSIGN_OR_RAISE(state, expression::javascript::ParseJson(split.from.json));
    }
    ARROW_ASSIGN_OR_RAISE(Value inputs, InputsOf(options_.plan, options_.inputs_json));
    WorkflowRun::Options run{.plan = &options_.plan,
                             .table = table.name,
                             .inputs = std::move(inputs),
                             .state = std::move(state),
                             .exchange = exchanges_.at(table.name).get(),
                             .clock = options_.clock,
                             .excerpt = options_.excerpt,
                             .stop = {},
                             .emit = nullptr};
    return std::make_unique<WorkflowReader>(std::move(run), GoesOn(table), options_.pool);
  }

  Status Acknowledge(const std::string&, const Split&, const Position&) override { return Status::OK(); }
  ReadStats stats(const std::string& table) const override { return exchanges_.at(table)->stats(); }

 private:
  const StepsTable& Find(const std::string& name) const {
    const auto found = std::ranges::find(options_.tables, name, &StepsTable::name);
    FIRN_CHECK(found != options_.tables.end());
    return *found;
  }

  bool GoesOn(const StepsTable& table) const { return table.goes_on && options_.plan.KeepsState(table.name); }

  const TableSourceOptions options_;
  io::RateBudgets own_budgets_;
  std::map<std::string, std::unique_ptr<Exchange>> exchanges_;  // by table
};

}  // namespace

std::unique_ptr<Source> MakeTableSource(TableSourceOptions options) {
  return std::make_unique<TableSource>(std::move(options));
}

}  // namespace firn::source::steps
