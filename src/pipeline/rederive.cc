#include "pipeline/rederive.h"

#include <algorithm>
#include <set>
#include <utility>

#include "config/diagnostic.h"
#include "connector/native/lower.h"
#include "io/file_store.h"
#include "io/raw_archive.h"
#include "pipeline/group_runner.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"
#include "source/rest/raw_replay.h"
#include "state/lease.h"
#include "table/commit/committer.h"
#include "table/commit/stream_token.h"

namespace firn::pipeline {
namespace {

Status NoArchive(const config::TableConfig& table, const std::string& why) {
  return MakeError(Fault::kConfig, table.name + " cannot be rebuilt from its raw archive",
                   {.code = "E0862",
                    .why = why,
                    .state = "nothing was changed",
                    .next = "firn run --select " + table.name + " --full-refresh"});
}

// Runs that live snapshots say rows of the stream came from.
std::vector<std::string> CommittedRuns(const table::TableMetadata& metadata, const std::string& stream) {
  std::set<std::string> runs;
  for (const auto& snapshot : metadata.snapshots) {
    const auto found = snapshot.summary.find(table::StreamKey(stream));
    if (found == snapshot.summary.end()) continue;
    const auto token = table::ParseToken(found->second);
    if (token.ok()) runs.insert(token->run);
  }
  return {runs.begin(), runs.end()};
}

Result<std::vector<ArchivedRun>> ListArchived(io::FileStore& files, const config::PipelineConfig& pipeline,
                                              const config::TableConfig& table) {
  const std::string& root = table.raw.location;
  ARROW_ASSIGN_OR_RAISE(const auto names, io::ListRawRuns(files, root, pipeline.name, table.name));
  std::vector<ArchivedRun> runs;
  for (const std::string& name : names) {
    ArchivedRun run{.run = name};
    const std::string path =
        io::RawRunFolder({.root = root, .pipeline = pipeline.name, .table = table.name, .run = name}) + "/" +
        kArchiveMark;
    const auto text = files.ReadText(path);
    if (!text.ok() && !io::IsNotFound(text.status())) return text.status();
    if (text.ok()) {
      auto mark = ParseArchiveMark(*text);
      if (!mark.ok()) return Within(path, mark.status());
      run.mark = std::move(*mark);
      run.mark.run = name;
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace

Result<RederivePlan> PlanRederive(const std::vector<ArchivedRun>& archived, const std::vector<std::string>& committed,
                                  const std::string& state, bool exact, bool reads_anew) {
  RederivePlan plan;
  std::vector<const ArchivedRun*> runs;
  for (const ArchivedRun& run : archived) {
    const bool named = std::find(committed.begin(), committed.end(), run.run) != committed.end();
    if (run.mark.run.empty() && !named) {
      plan.uncommitted.push_back(run.run);
      continue;
    }
    if (run.mark.anew || reads_anew) {
      for (const ArchivedRun* before : runs) plan.superseded.push_back(before->run);
      runs.clear();
    }
    runs.push_back(&run);
  }
  if (runs.empty()) {
    return MakeError(Fault::kConfig, "no archived run was committed",
                     {.code = "E0860",
                      .why = archived.empty() ? "the archive is empty" : "the archive has runs, none of them committed",
                      .state = "nothing was changed"});
  }
  const ArchivedRun* before = nullptr;
  for (const ArchivedRun* run : runs) {
    if (exact && !run->mark.complete) {
      return MakeError(
          Fault::kConfig, "the table appends, and how much of run " + run->run + " was committed is not known",
          {.code = "E0861",
           .why = "the run was stopped between two commits; its last bodies were read again by the next run",
           .state = "nothing was changed"});
    }
    const bool first = before == nullptr;
    const bool follows = first ? run->mark.anew || reads_anew || run->mark.from.empty() || run->mark.run.empty()
                               : before->mark.run.empty() || run->mark.run.empty() || before->mark.to == run->mark.from;
    if (!follows)
      plan.gaps.push_back(first ? "runs before " + run->run : "runs between " + before->run + " and " + run->run);
    plan.runs.push_back(run->run);
    before = run;
  }
  if (!before->mark.run.empty() && before->mark.to != state) plan.gaps.push_back("runs after " + before->run);
  return plan;
}

Result<RederivePlan> PlanRederive(const RunContext& context, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table) {
  if (table.raw.mode == config::RawConfig::Mode::kOff) return NoArchive(table, "raw is off for this table");
  const std::string stream = StreamIdOf(pipeline, table);
  ARROW_ASSIGN_OR_RAISE(const auto opened, context.committer.OpenStream(IdentifierOf(pipeline, table), stream));
  if (!opened.table) return NoArchive(table, "the table does not exist yet");
  ARROW_ASSIGN_OR_RAISE(const auto archived, ListArchived(context.files, pipeline, table));
  const bool replaces = table.write_disposition == config::WriteDisposition::kReplace;
  const bool appends = table.write_disposition == config::WriteDisposition::kAppend;
  auto plan =
      PlanRederive(archived, CommittedRuns(*opened.table->metadata, stream), opened.version.hash, appends, replaces);
  if (plan.ok()) return plan;
  return WithContext(plan.status(), {.where = context.project.WhereIs(table.config_path),
                                     .next = "firn run --select " + table.name + " --full-refresh"});
}

Result<TableResult> Rederive(const RunContext& context, const config::PipelineConfig& pipeline,
                             const config::TableConfig& table, const RederivePlan& plan, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto lease, state::Lease::Acquire(context.clock, context.project.state_folder + "/locks",
                                                                "pipeline-" + pipeline.name, context.run_id));
  config::Diagnostics diagnostics;
  ARROW_ASSIGN_OR_RAISE(auto lowered, connector::LowerNative(context.project, pipeline, &diagnostics));
  source::rest::RawReplayOptions options{.store = &context.files, .root = table.raw.location};
  for (const std::string& run : plan.runs) options.runs.push_back({.run = run});
  ARROW_ASSIGN_OR_RAISE(const auto source, source::rest::MakeRawReplaySource(std::move(lowered), std::move(options)));

  config::PipelineConfig unarchived = pipeline;  // nothing is archived again
  for (auto& other : unarchived.tables) other.raw.mode = config::RawConfig::Mode::kOff;
  // The table stands alone: what was read for its relatives is archived with them.
  const CommitGroup group{.pipeline = &unarchived, .tables = {unarchived.FindTable(table.name)}};
  RunContext own = context;
  own.options.full_refresh = true;
  own.options.keep_position = true;
  own.options.command = "rederive";
  return RunGroup(own, group, *source, stop).front();
}

}  // namespace firn::pipeline
