#include "source/rest/source.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>

#include "base/log.h"
#include "expression/value.h"
#include "io/http_session.h"
#include "io/url.h"
#include "source/http_auth.h"
#include "source/read_stats.h"
#include "source/rest/errors.h"
#include "source/rest/graphql.h"
#include "source/rest/job_slots.h"
#include "source/rest/page_stream.h"
#include "source/rest/response_rules.h"
#include "source/rest/split_reader.h"

namespace firn::source::rest {
namespace {

using connector::IncrementalPlan;
using connector::PaginatePlan;
using connector::RestPlan;
using connector::TablePlan;

// Accepts statuses that the table's rules call empty; everything else goes by its status.
io::HttpClassifier ClassifierOf(const TablePlan& table, const ResponseRules& response_rules) {
  if (table.status_rules.empty() && table.response_rules.empty() && !table.is_graphql) return nullptr;
  return [&table, &response_rules](const io::HttpResponse& response) -> std::optional<io::HttpVerdict> {
    if (auto verdict = response_rules.Judge(response)) return verdict;
    if (table.is_graphql) {
      if (auto throttled = JudgeGraphQlThrottle(response)) return throttled;
    }
    using Action = connector::StatusRule::Action;
    const auto* rule = table.RuleOf(response.status);
    if (rule == nullptr) return std::nullopt;
    if (rule->action == Action::kEmpty) return io::HttpVerdict{};
    if (rule->action == Action::kRetry) return io::HttpVerdict{.action = io::HttpVerdict::Action::kRetry};
    return io::HttpVerdict{.action = io::HttpVerdict::Action::kFail};
  };
}

class RestSource : public Source {
 public:
  RestSource(RestPlan plan, Dependencies dependencies, std::unique_ptr<io::HttpAuthorizer> authorizer)
      : plan_(std::move(plan)),
        dependencies_(std::move(dependencies)),
        authorizer_(std::move(authorizer)),
        job_slots_(plan_.jobs_max) {}

  Status Start() {
    io::RateBudget* budget = nullptr;
    if (dependencies_.budgets != nullptr) {
      ARROW_ASSIGN_OR_RAISE(const io::UrlParts base, io::ParseUrl(plan_.base_url));
      const io::RateLimits limits{.requests_per_second = plan_.http.requests_per_second,
                                  .burst = plan_.http.burst,
                                  .concurrency_max = std::max(1, plan_.http.concurrency),
                                  .window = std::chrono::milliseconds(plan_.http.rate_window_ms)};
      budget = &dependencies_.budgets->For(base.host + ":" + std::to_string(base.port), CredentialIdentity(plan_.auth),
                                           limits);
    }
    for (const TablePlan& table : plan_.tables) {
      TableRuntime& runtime = tables_[table.name];
      runtime.response_rules = std::make_unique<ResponseRules>(table, *dependencies_.clock);
      io::HttpSessionOptions options{.rate_budget = budget,
                                     .claimant = {.pipeline = plan_.name, .background = dependencies_.background},
                                     .authorizer = authorizer_.get(),
                                     .classify = ClassifierOf(table, *runtime.response_rules)};
      if (plan_.http.attempts_max > 0) options.backoff.attempts_max = static_cast<int>(plan_.http.attempts_max);
      if (plan_.http.retry_total_ms > 0) options.backoff.total_ms = plan_.http.retry_total_ms;
      if (dependencies_.on_wait) {
        options.on_wait = [this, &table](const io::HttpWait& wait) { dependencies_.on_wait(table.name, wait); };
      }
      const auto session = [&](const io::HttpSessionOptions& of) {
        return std::make_unique<io::HttpSession>(*dependencies_.http, *dependencies_.clock, of);
      };
      runtime.session = session(options);
      runtime.stranger = session({.backoff = options.backoff, .on_wait = options.on_wait});
      runtime.once = session({.backoff = {.attempts_max = 1},
                              .server_delay_max = std::chrono::seconds(5),
                              .rate_budget = budget,
                              .claimant = options.claimant,
                              .authorizer = authorizer_.get()});
      runtime.context = std::make_shared<TableContext>(TableContext{.plan = &plan_,
                                                                    .table = &table,
                                                                    .session = runtime.session.get(),
                                                                    .clock = dependencies_.clock,
                                                                    .response_rules = runtime.response_rules.get(),
                                                                    .memo = &runtime.memo,
                                                                    .num_empty = &runtime.num_empty,
                                                                    .num_skipped = &runtime.num_skipped,
                                                                    .left_out = &runtime.left_out,
                                                                    .records_found = &runtime.records_found,
                                                                    .stranger = runtime.stranger.get(),
                                                                    .once = runtime.once.get(),
                                                                    .job_slots = &job_slots_,
                                                                    .files = FilesOf(table),
                                                                    .layout = CaptureLayout(table),
                                                                    .excerpt = dependencies_.excerpt});
    }
    return Status::OK();
  }

  std::vector<std::string> tables() const override {
    std::vector<std::string> names;
    for (const TablePlan& table : plan_.tables) names.push_back(table.name);
    return names;
  }

  Result<TableTraits> Traits(const std::string& name) const override {
    ARROW_ASSIGN_OR_RAISE(const TablePlan* table, Find(name));
    TableTraits traits{.primary_key = table->primary_key,
                       .parent_fields = table->child_fields,
                       .resumability = ResumabilityOf(*table),
                       .guarantee_note = NoteOf(*table)};
    if (table->incremental) traits.cursor = table->incremental->cursor;
    if (table->parent) traits.parent = table->parent->table;
    return traits;
  }

  Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token /*stop*/) override {
    ARROW_ASSIGN_OR_RAISE(const TablePlan* table, Find(request.table));
    std::vector<Split> splits;
    const auto add = [&](std::string id, std::string json) {
      Split split{.id = std::move(id), .json = std::move(json), .resumability = ResumabilityOf(*table)};
      for (const auto& [known, position] : request.state) {
        if (known == split.id) split.from = position;
      }
      splits.push_back(std::move(split));
    };
    if (table->partition_name.empty()) add("", "{}");
    for (const std::string& value : table->partition_values) {
      ARROW_ASSIGN_OR_RAISE(const expression::Value parsed, expression::ParseJson(value));
      add(table->partition_name + "=" + expression::ToText(parsed), "{\"partition\":" + value + "}");
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) override {
    ARROW_ASSIGN_OR_RAISE(const TablePlan* table, Find(request.table));
    const auto& context = tables_.at(table->name).context;
    return table->parent ? OpenChildReader(context, request, split) : OpenPagesReader(context, request, split);
  }

  // An API keeps no position of its own: there is nobody to tell.
  Status Acknowledge(const std::string& table, const Split& /*split*/, const Position& /*position*/) override {
    return Find(table).status();
  }

  ReadStats stats(const std::string& table) const override {
    const auto found = tables_.find(table);
    if (found == tables_.end()) return {};
    ReadStats stats{.num_empty = found->second.num_empty,
                    .num_skipped = found->second.num_skipped,
                    .num_known_rows = found->second.left_out.num_known,
                    .num_older_rows = found->second.left_out.num_older,
                    .num_later_rows = found->second.left_out.num_later,
                    .records_found = found->second.records_found.Get()};
    for (const auto* session : {&found->second.session, &found->second.stranger, &found->second.once}) {
      AddCounters((*session)->counters(), &stats);
    }
    return stats;
  }

 private:
  struct TableRuntime {
    std::unique_ptr<ResponseRules> response_rules;
    std::unique_ptr<io::HttpSession> session;
    std::unique_ptr<io::HttpSession> stranger, once;  // as in TableContext
    ProbeMemo memo;
    std::atomic<int64_t> num_empty{0};
    std::atomic<int64_t> num_skipped{0};
    RowsLeftOut left_out;
    RecordsFound records_found;
    std::shared_ptr<TableContext> context;
  };

  Result<const TablePlan*> Find(const std::string& name) const {
    if (const TablePlan* table = plan_.Find(name)) return table;
    return MakeError(Fault::kConfig, "pipeline " + plan_.name + " has no table " + name);
  }

  DownloadOptions FilesOf(const TablePlan& table) const {
    if (!table.download) return {};
    DownloadOptions files{.config = *table.download,
                          .captures = CaptureLayout(table).paths,
                          .scratch_folder = dependencies_.scratch_folder,
                          .pool = dependencies_.pool};
    if (dependencies_.memory_bytes > 0) files.memory_bytes = dependencies_.memory_bytes;
    return files;
  }

  static Resumability ResumabilityOf(const TablePlan& table) {
    if (!table.incremental || table.parent) return Resumability::kUnstable;
    if (table.incremental->step_micros > 0) return Resumability::kStable;  // at the ends of windows
    const bool ascending = table.incremental->order == IncrementalPlan::Order::kAscending;
    return ascending ? StabilityOf(table.paginate) : Resumability::kUnstable;
  }

  // What may happen to the pages of one read, whatever firn does.
  static std::string NoteOf(const TablePlan& table) {
    using Type = PaginatePlan::Type;
    const Type type = table.paginate.type;
    if (type == Type::kPage || type == Type::kOffset) {
      return "rows that come, go or change at the source while pages are read shift the pages";
    }
    if (type == Type::kAuto || type == Type::kLinkHeader || type == Type::kNextUrl) {
      return "if the API counts pages, rows that come, go or change while they are read shift the pages";
    }
    return "";
  }

  const RestPlan plan_;
  const Dependencies dependencies_;
  const std::unique_ptr<io::HttpAuthorizer> authorizer_;
  JobSlots job_slots_;
  std::map<std::string, TableRuntime> tables_;  // filled by Start, then constant
};

}  // namespace

Result<std::unique_ptr<Source>> MakeRestSource(RestPlan plan, Dependencies dependencies) {
  FIRN_CHECK(dependencies.http != nullptr && dependencies.clock != nullptr);
  ARROW_RETURN_NOT_OK(io::ParseUrl(plan.base_url).status());
  ARROW_ASSIGN_OR_RAISE(auto authorizer, MakeAuthorizer(plan.auth, plan.base_url, *dependencies.http,
                                                        *dependencies.clock, dependencies.refresh_tokens));
  auto source = std::make_unique<RestSource>(std::move(plan), dependencies, std::move(authorizer));
  ARROW_RETURN_NOT_OK(source->Start());
  return source;
}

}  // namespace firn::source::rest
