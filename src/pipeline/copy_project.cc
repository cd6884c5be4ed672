#include "pipeline/copy_project.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/redactor.h"
#include "config/diagnostic.h"
#include "connector/native/lower.h"
#include "io/http_client.h"
#include "pipeline/group_runner.h"
#include "pipeline/run_plan.h"
#include "source/rest/source.h"
#include "table/commit/stream_token.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// Begins the name of every stream that a copy writes.
constexpr char kCopyPipeline[] = "firn-copy";

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

}  // namespace

Result<std::unique_ptr<source::Source>> MakeUrlSource(const UrlRequest& url, const std::string& table,
                                                      io::HttpClient& http, const Clock& clock,
                                                      io::RateBudgets& budgets) {
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
  ARROW_ASSIGN_OR_RAISE(const config::Project project, LoadText(text));
  config::Diagnostics diagnostics;
  ARROW_ASSIGN_OR_RAISE(auto plan, connector::LowerNative(project, project.pipelines.front(), &diagnostics));
  for (auto& found : plan.tables) found.where.clear();  // no file to point at
  plan.where.clear();
  return source::rest::MakeRestSource(std::move(plan), {.http = &http, .clock = &clock, .budgets = &budgets});
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

Result<TableResult> CopyToTable(const RunContext& context, source::Source& source, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto groups, PlanGroups(context.project, {}));
  FIRN_CHECK(groups.size() == 1 && groups.front().tables.size() == 1);
  const CommitGroup& group = groups.front();
  const auto identifier = IdentifierOf(*group.pipeline, *group.tables.front());
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, context.catalog.ListNamespaces());
  for (const auto& ns : namespaces) {
    if (ns != identifier.ns) continue;
    ARROW_ASSIGN_OR_RAISE(const auto loaded, context.catalog.LoadTable(identifier));
    ARROW_RETURN_NOT_OK(CheckCopyMayWrite(loaded, identifier.ToString()));
  }
  return RunGroup(context, group, source, stop).front();
}

}  // namespace firn::pipeline
