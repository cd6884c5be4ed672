// The part of re-deriving that loads: all runs as one, or one by one on a branch.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "io/raw_archive.h"
#include "pipeline/audit.h"
#include "pipeline/group_runner.h"
#include "pipeline/raw_keys.h"
#include "pipeline/raw_table.h"
#include "pipeline/raw_table_reader.h"
#include "pipeline/rederive.h"
#include "pipeline/run_leases.h"
#include "pipeline/run_plan.h"
#include "source/registry.h"
#include "table/commit/ref_update.h"

namespace firn::pipeline {
namespace {

// Where runs are loaded one by one. Nothing waits for it: what is left of it is dropped by the next rederive.
constexpr char kBranch[] = "firn_rederive";

/// Opens the bodies of runs, wherever they lie. Borrows the context and the configuration.
class RawBodies {
 public:
  static Result<RawBodies> Open(const RunContext& context, const config::PipelineConfig& pipeline,
                                const config::TableConfig& table, const std::vector<ArchivedRun>& runs) {
    RawBodies out(context.files, pipeline, table);
    ARROW_ASSIGN_OR_RAISE(out.keys_, RawKeysOf(context.project, table));
    if (std::ranges::any_of(runs, &ArchivedRun::in_table)) {
      ARROW_ASSIGN_OR_RAISE(out.table_rows_,
                            RawTable::Open(context.catalog, context.files, RawTableOf(pipeline, table)));
    }
    for (const ArchivedRun& run : runs) out.runs_.emplace(run.run, &run);
    return out;
  }

  Result<std::unique_ptr<io::RawArchiveReader>> OpenRun(const std::string& id) const {
    const ArchivedRun& run = *runs_.at(id);
    const io::RawReadOptions options{.keys = keys_, .entries_min = run.mark.entries};
    if (run.in_table) return table_rows_.OpenRun(RawTablePlace(*pipeline_, *table_, id), options);
    io::RawArchivePlace place = ArchivePlaceOf(*pipeline_, *table_, id);
    place.dataset = run.dataset;
    return io::RawArchiveReader::Open(*files_, place, options);
  }

 private:
  RawBodies(io::FileStore& files, const config::PipelineConfig& pipeline, const config::TableConfig& table)
      : files_(&files), pipeline_(&pipeline), table_(&table) {}

  io::FileStore* files_;
  const config::PipelineConfig* pipeline_;
  const config::TableConfig* table_;
  io::RawKeys keys_;
  RawTable table_rows_;
  std::map<std::string, const ArchivedRun*> runs_;
};

/// One rederive of a table.
class Rederivation {
 public:
  Rederivation(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
               const RederivePlan& plan, const RawBodies& bodies, std::stop_token stop)
      : context_(context), pipeline_(pipeline), table_(table), plan_(plan), bodies_(bodies), stop_(std::move(stop)) {
    unarchived_ = pipeline;  // nothing is archived again
    for (auto& other : unarchived_.tables) other.raw.mode = config::RawConfig::Mode::kOff;
  }

  /// In one overwrite.
  Result<TableResult> AsOne() {
    RunContext own = Own();
    own.options.full_refresh = true;
    own.options.rederives = Rederived();
    std::vector<std::string> runs;
    for (const ArchivedRun& run : plan_.runs) runs.push_back(run.run);
    return Load(own, std::move(runs));
  }

  /// On the branch, from nothing; then main is what the branch is.
  Result<TableResult> OneByOne() {
    config::TableConfig& table = *std::ranges::find(unarchived_.tables, table_.name, &config::TableConfig::name);
    table.allow_empty = true;  // of one load
    table.checks.clear();      // of the end
    table.maintenance.automatic = false;
    table.layout.ndv_statistics.reset();
    ARROW_RETURN_NOT_OK(DropBranch());
    TableResult sum;
    for (const ArchivedRun& run : plan_.runs) {
      const bool first = &run == &plan_.runs.front();
      RunContext own = Own();
      own.options.branch = kBranch;
      own.options.full_refresh = first;
      own.options.may_delete_many = true;
      own.options.replays = ReplayedLoad{.listed = run.mark.listed, .pass = run.mark.pass};
      if (run.mark.window_ms >= 0) own.options.replays->window_ms = run.mark.window_ms;
      if (&run == &plan_.runs.back()) own.options.rederives = Rederived();
      if (!run.mark.loaded_at.empty()) {
        ARROW_ASSIGN_OR_RAISE(own.loaded_at, ParseTimestamp(run.mark.loaded_at));
      }
      ARROW_ASSIGN_OR_RAISE(TableResult result, Load(own, {run.run}));
      if (!result.error.ok()) return Failed(std::move(result), run);
      Add(std::move(result), first, &sum);
      FIRN_FAILPOINT("rederive.loaded");
    }
    if (sum.rows.read == 0 && !table_.allow_empty) {
      ARROW_RETURN_NOT_OK(DropBranch());
      return MakeError(Fault::kContract, "the archived runs have no row",
                       {.code = "E0830", .state = "the table is unchanged", .next = "firn raw list " + table_.name});
    }
    return Published(std::move(sum));
  }

 private:
  RunContext Own() const {
    RunContext own = context_;
    own.options.keep_position = true;
    own.options.command = "rederive";
    return own;
  }

  RederivedRuns Rederived() const {
    RederivedRuns out{.first = plan_.runs.front().run, .others = {}};
    for (const auto* runs : {&plan_.outside, &plan_.taken_back, &plan_.uncommitted}) {
      out.others.insert(runs->begin(), runs->end());
    }
    return out;
  }

  Result<TableResult> Load(const RunContext& own, std::vector<std::string> runs) {
    const source::ArchivedBodies archived{
        .runs = std::move(runs),
        .open = [this](const std::string&, const std::string& run) { return bodies_.OpenRun(run); }};
    ARROW_ASSIGN_OR_RAISE(const source::SourceType* type, context_.sources.TypeOf(pipeline_));
    ARROW_ASSIGN_OR_RAISE(const auto source,
                          type->replay({.project = &context_.project, .pipeline = &pipeline_}, archived));
    // The table stands alone: what was read for its relatives is archived with them.
    const CommitGroup group{.pipeline = &unarchived_, .tables = {unarchived_.FindTable(table_.name)}};
    return RunGroup(own, group, *source, stop_).front();
  }

  TableResult Failed(TableResult result, const ArchivedRun& run) {
    result.error = Within("run " + run.run, result.error);
    const Status dropped = DropBranch();
    if (!dropped.ok()) log::Warn("branch of a rederive kept", {{"branch", kBranch}, {"reason", dropped.message()}});
    return result;
  }

  static void Add(TableResult result, bool first, TableResult* sum) {
    if (first) {
      *sum = std::move(result);
      return;
    }
    result.rows.read += sum->rows.read;
    result.rows.quarantined += sum->rows.quarantined;
    result.data_bytes += sum->data_bytes;
    result.num_commits += sum->num_commits;
    result.schema_changes.insert(result.schema_changes.begin(), sum->schema_changes.begin(), sum->schema_changes.end());
    *sum = std::move(result);
  }

  Result<TableResult> Published(TableResult sum) {
    const catalog::TableIdentifier identifier = IdentifierOf(pipeline_, table_);
    FIRN_FAILPOINT("rederive.before_publish");
    ARROW_ASSIGN_OR_RAISE(const auto published,
                          table::CommitRefs(
                              Refs(), std::span(&identifier, 1),
                              [](const auto&, const catalog::LoadedTable& table) { return Publish(table); }, stop_));
    const table::Snapshot* head = published.front().metadata->CurrentSnapshot();
    if (head != nullptr) sum.snapshot_id = head->snapshot_id.value;
    const CommitGroup group{.pipeline = &pipeline_, .tables = {&table_}};
    const Audit audit = AuditGroup(Own(), group, {0}, stop_);
    sum.checks = audit.tables.front().checks;
    sum.error = audit.error;
    if (!sum.error.ok()) sum.state = TableState::kFailed;
    return sum;
  }

  Status DropBranch() {
    const catalog::TableIdentifier identifier = IdentifierOf(pipeline_, table_);
    return table::CommitRefs(Refs(), std::span(&identifier, 1),
                             [](const auto&, const catalog::LoadedTable& table) { return Drop(table); }, {})
        .status();
  }

  static Result<std::optional<table::RefChange>> Publish(const catalog::LoadedTable& table) {
    if (!table.metadata->refs.contains(kBranch)) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(auto change, table::PlanPublish(*table.metadata, kBranch));
    return change;
  }
  static Result<std::optional<table::RefChange>> Drop(const catalog::LoadedTable& table) {
    if (!table.metadata->refs.contains(kBranch)) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(auto change, table::PlanDropRef(*table.metadata, kBranch, table::SnapshotRef::Type::kBranch));
    return change;
  }

  table::RefContext Refs() const { return {.catalog = context_.catalog, .clock = context_.clock}; }

  const RunContext& context_;
  const config::PipelineConfig& pipeline_;
  const config::TableConfig& table_;
  const RederivePlan& plan_;
  const RawBodies& bodies_;
  const std::stop_token stop_;
  config::PipelineConfig unarchived_;
};

}  // namespace

Result<TableResult> Rederive(const RunContext& context, const config::PipelineConfig& pipeline,
                             const config::TableConfig& table, const RederivePlan& plan, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto lease, AcquireLease(context, "pipeline-" + pipeline.name));
  ARROW_ASSIGN_OR_RAISE(const RawBodies bodies, RawBodies::Open(context, pipeline, table, plan.runs));
  Rederivation rederivation(context, pipeline, table, plan, bodies, std::move(stop));
  return plan.why_one_by_one == nullptr ? rederivation.AsOne() : rederivation.OneByOne();
}

}  // namespace firn::pipeline
