#include "pipeline/copy_project.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/backoff.h"
#include "base/hash.h"
#include "base/redactor.h"
#include "config/diagnostic.h"
#include "io/http_client.h"
#include "pipeline/group_runner.h"
#include "pipeline/run.h"
#include "pipeline/run_plan.h"
#include "table/commit/stream_token.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// Begins the name of every stream that a copy writes.

Result<config::Project> LoadText(const Json& project) {
  config::LoadOptions options;
  options.config = "-";
  options.stdin_text = project.dump();
  options.working_folder = "/";
  config::Diagnostics diagnostics;
  auto loaded = config::LoadProject(options, &diagnostics);
  return loaded;
}

Json AuthOf(const UrlRequest& url) {
  if (!url.username.empty() || !url.password.empty()) {
    return {{"type", "basic"}, {"username", url.username}, {"password", url.password}};
  }
  return {{"type", "none"}};
}

// Copies into one table at the same time: each waits for a place between the commits of the others.
constexpr int kRaceAttemptsMax = 50;
constexpr int64_t kRaceMsMax = 60'000;

Status CheckTarget(const RunContext& context, const catalog::TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, context.catalog.ListNamespaces());
  if (std::ranges::find(namespaces, identifier.ns) == namespaces.end()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(identifier));
  return CheckCopyMayWrite(loaded, identifier.ToString());
}

Status AlwaysSlower(const Status& error) {
  return MakeError(Fault::kBusy, error.message() + "; others write to this table at the same time",
                   {.code = "E0904", .state = "nothing of this copy is in the table", .next = "the same copy again"});
}

}  // namespace

Result<std::unique_ptr<source::Source>> MakeUrlSource(const UrlRequest& url, const std::string& table,
                                                      const source::SourceRegistry& sources,
                                                      const source::Services& services) {
  Json params = Json::object();
  for (const auto& [name, value] : url.secrets) {
    ProcessRedactor().AddSecret(value);
    params[name] = value;
  }
  const Json text = {
      {"version", 1},
      {"pipelines",
       {{"copy",
         {{"source", {{"type", "rest"}, {"base_url", url.base_url}, {"auth", AuthOf(url)}}},
          {"tables",
           {{table, {{"path", url.path}, {"params", params}, {"write_disposition", "replace"}, {"raw", "off"}}}}}}}}}};
  ARROW_ASSIGN_OR_RAISE(config::Project project, LoadText(text));
  project.spans.clear();  // no file to point at
  return sources.Build({.project = &project, .pipeline = &project.pipelines.front()}, services);
}

Result<config::Project> MakeTargetProject(const config::Project& around, const CopyTarget& target, CopyMode mode,
                                          const std::vector<std::string>& keys) {
  std::string dataset, key_text;
  for (const auto& level : target.dataset) dataset += (dataset.empty() ? "" : ".") + level;
  for (const auto& key : keys) key_text += key + "\n";
  Json table = {{"write_disposition", mode == CopyMode::kReplace  ? "replace"
                                      : mode == CopyMode::kAppend ? "append"
                                                                  : "merge"},
                {"raw", "off"}};
  if (mode == CopyMode::kMerge) table["primary_key"] = keys;
  const Json text = {{"version", 1},
                     {"pipelines",
                      {{"copy",
                        {{"source", {{"type", "rest"}, {"base_url", "http://copy.invalid"}}},
                         {"dataset", dataset},
                         {"tables", {{target.table, table}}}}}}}};
  ARROW_ASSIGN_OR_RAISE(config::Project project, LoadText(text));
  project.folder = around.folder;
  project.lake = around.lake;
  project.state_folder = around.state_folder;
  project.limits = around.limits;
  project.mask_key = around.mask_key;
  project.spans.clear();  // no file to point at
  // A stream of its own for each way of writing: what one way keeps in the state means nothing to another.
  std::string name = kCopyPipeline;
  if (mode == CopyMode::kAppend) name += "-append";
  if (mode == CopyMode::kMerge) name += "-merge-" + Sha256Hex(key_text).substr(0, 8);
  project.pipelines.front().name = name;
  return project;
}

Status CheckCopyMayWrite(const std::optional<catalog::LoadedTable>& loaded, const std::string& name) {
  if (!loaded) return Status::OK();
  const auto refuse = [&](const std::string& why) {
    return MakeError(Fault::kConfig, "copy does not write to " + name + ", which is not its own",
                     {.code = "E0842", .why = why, .state = "nothing was changed", .next = "choose another table"});
  };
  bool copied = false;
  for (const auto& [key, token] : table::CarriedTokens(*loaded->metadata, "")) {
    const std::string stream = key.substr(std::string(table::kStreamKeyPrefix).size());
    if (!stream.starts_with(kCopyPipeline)) return refuse("its rows come from " + stream);
    copied = true;
  }
  if (!copied && loaded->metadata->CurrentSnapshot() != nullptr) return refuse("another program wrote its rows");
  return Status::OK();
}

Result<TableResult> CopyToTable(const RunContext& context, source::Source& source, bool can_reread,
                                std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto groups, PlanGroups(context.project, TableSelection()));
  FIRN_CHECK(groups.size() == 1 && groups.front().tables.size() == 1);
  const CommitGroup& group = groups.front();
  const auto identifier = IdentifierOf(*group.pipeline, *group.tables.front());
  Backoff backoff({.base_ms = 200,
                   .delay_ms_max = 2'000,
                   .total_ms = kRaceMsMax,
                   .attempts_max = can_reread ? kRaceAttemptsMax : 1,
                   .sleep_scale = SleepScale()},
                  context.clock);
  RunContext own = context;
  while (true) {
    ARROW_RETURN_NOT_OK(CheckTarget(context, identifier));
    std::vector<TableResult> results = RunGroup(own, group, source, stop);
    if (!LostRace(results, /*fenced_too=*/true)) return std::move(results.front());
    const Status waited = backoff.Wait(stop);
    own.run_id = NewRunId(context.clock);  // others may be collecting the files of the attempt that lost
    if (waited.ok()) continue;
    if (FaultOf(waited) != Fault::kCancelled) results.front().error = AlwaysSlower(results.front().error);
    return std::move(results.front());
  }
}

}  // namespace firn::pipeline
