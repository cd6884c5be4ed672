#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/text_table.h"
#include "config/value_text.h"
#include "query/tables.h"
#include "table/commit/ref_update.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;
using table::SnapshotRef;
using Type = SnapshotRef::Type;

Option Text(const char* name, const char* help) {
  return {.name = name, .help = help};
}

const char* WordOf(Type type) {
  return type == Type::kBranch ? "branch" : "tag";
}

Json MaybeNumber(const auto& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json RefJson(const table::TableMetadata& metadata, const std::string& name, const SnapshotRef& ref) {
  const table::Snapshot* snapshot = metadata.FindSnapshot(ref.snapshot_id);
  Json json = {{"name", name}, {"type", WordOf(ref.type)}, {"snapshot_id", ref.snapshot_id.value}};
  json["time"] = snapshot == nullptr ? Json(nullptr) : Json(FormatTimestamp({.micros = snapshot->timestamp_ms * 1000}));
  json["min_snapshots_to_keep"] = MaybeNumber(ref.min_snapshots_to_keep);
  json["max_snapshot_age_ms"] = MaybeNumber(ref.max_snapshot_age_ms);
  json["max_ref_age_ms"] = MaybeNumber(ref.max_ref_age_ms);
  return json;
}

Result<int> ListRefs(App& app, const Arguments& arguments, Type type, const table::TableMetadata& metadata) {
  TextTable text({type == Type::kBranch ? "BRANCH" : "TAG", "SNAPSHOT", "TIME", "ROWS"});
  Json list = Json::array();
  for (const auto& [name, ref] : metadata.refs) {
    if (ref.type != type) continue;
    const table::Snapshot* snapshot = metadata.FindSnapshot(ref.snapshot_id);
    const auto rows = snapshot == nullptr ? std::map<std::string, std::string>() : snapshot->summary;
    const auto total = rows.find("total-records");
    text.Add({name, std::to_string(ref.snapshot_id.value),
              snapshot == nullptr ? "" : FormatTimestamp({.micros = snapshot->timestamp_ms * 1000}),
              total == rows.end() ? "" : total->second});
    list.push_back(RefJson(metadata, name, ref));
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  return 0;
}

Result<std::optional<int64_t>> Age(const Arguments& arguments, const char* option) {
  const auto given = arguments.Given(option);
  if (!given) return std::nullopt;
  const auto ms = config::ParseDurationMs(*given);
  if (!ms || *ms <= 0) return MakeError(Fault::kConfig, std::string(option) + " takes a duration, for example 7d");
  return ms;
}

// The snapshot that --at or --at-time names; without them main's head.
Result<table::SnapshotId> ChosenSnapshot(const Arguments& arguments, const table::TableMetadata& metadata) {
  if (const auto at = arguments.Given("--at")) {
    ARROW_ASSIGN_OR_RAISE(const table::Snapshot* snapshot, query::FindSnapshotByText(metadata, *at));
    return snapshot->snapshot_id;
  }
  if (const auto time = arguments.Given("--at-time")) {
    ARROW_ASSIGN_OR_RAISE(const table::Snapshot* snapshot, query::FindSnapshotByTime(metadata, *time));
    return snapshot->snapshot_id;
  }
  if (metadata.current_snapshot_id) return *metadata.current_snapshot_id;
  return MakeError(Fault::kConfig, "the table has no snapshot yet", {.code = "E0706", .next = "firn run"});
}

Result<SnapshotRef> NewRef(const Arguments& arguments, Type type, const table::TableMetadata& metadata) {
  SnapshotRef ref{.type = type};
  ARROW_ASSIGN_OR_RAISE(ref.snapshot_id, ChosenSnapshot(arguments, metadata));
  ARROW_ASSIGN_OR_RAISE(ref.max_ref_age_ms, Age(arguments, "--retain"));
  if (type == Type::kTag) return ref;
  ARROW_ASSIGN_OR_RAISE(ref.max_snapshot_age_ms, Age(arguments, "--retain-snapshots-for"));
  if (const auto snapshots = arguments.Integer("--retain-snapshots")) {
    if (*snapshots < 1 || *snapshots > INT32_MAX)
      return MakeError(Fault::kConfig, "--retain-snapshots takes 1 or more");
    ref.min_snapshots_to_keep = static_cast<int32_t>(*snapshots);
  }
  return ref;
}

Result<table::RefChange> PlanOf(const Arguments& arguments, Type type, const table::TableMetadata& metadata) {
  const std::string action = arguments.Text("ACTION");
  const std::string name = arguments.Text("NAME");
  if (action == "create") {
    ARROW_ASSIGN_OR_RAISE(const SnapshotRef ref, NewRef(arguments, type, metadata));
    return table::PlanCreateRef(metadata, name, ref);
  }
  if (action == "drop") return table::PlanDropRef(metadata, name, type);
  const auto to = arguments.Given("--to");
  if (!to) return MakeError(Fault::kConfig, "fast-forward needs --to: a branch, tag or snapshot");
  ARROW_ASSIGN_OR_RAISE(const table::Snapshot* snapshot, query::FindSnapshotByText(metadata, *to));
  return table::PlanFastForward(metadata, name, snapshot->snapshot_id);
}

Result<int> ChangeRef(App& app, const Arguments& arguments, Type type, catalog::Catalog& catalog,
                      const catalog::TableIdentifier& identifier) {
  const std::string name = arguments.Text("NAME");
  if (name.empty()) return MakeError(Fault::kConfig, arguments.Text("ACTION") + " needs a name");
  ARROW_ASSIGN_OR_RAISE(
      const auto changed,
      table::CommitRefs(
          {.catalog = catalog, .clock = app.clock()}, {&identifier, 1},
          [&](const auto&, const catalog::LoadedTable& loaded) -> Result<std::optional<table::RefChange>> {
            ARROW_ASSIGN_OR_RAISE(auto change, PlanOf(arguments, type, *loaded.metadata));
            return std::optional(std::move(change));
          },
          app.stop()));
  const table::TableMetadata& metadata = *changed.front().metadata;
  const auto ref = metadata.refs.find(name);
  const std::string what = std::string(WordOf(type)) + " " + name;
  app.Say(ref == metadata.refs.end()
              ? what + " is gone\n"
              : what + " is at snapshot " + std::to_string(ref->second.snapshot_id.value) + "\n");
  if (!arguments.Flag("--json")) return 0;
  Json json = {{"table", identifier.ToString()}, {"action", arguments.Text("ACTION")}};
  json[WordOf(type)] = ref == metadata.refs.end() ? Json({{"name", name}}) : RefJson(metadata, name, ref->second);
  ARROW_RETURN_NOT_OK(app.Print(json.dump() + "\n"));
  return 0;
}

Result<int> RunRefs(App& app, const Arguments& arguments, Type type) {
  if (arguments.Text("ACTION", "list") == "list") app.Outside(OutsideTables::kRead);
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto identifier, query::ResolveTable(*catalog, arguments.Text("TABLE")));
  if (arguments.Text("ACTION", "list") != "list") return ChangeRef(app, arguments, type, *catalog, identifier);
  ARROW_ASSIGN_OR_RAISE(const auto loaded, query::LoadNamedTable(*catalog, arguments.Text("TABLE")));
  return ListRefs(app, arguments, type, *loaded.metadata);
}

std::vector<Option> OptionsOf(Type type) {
  std::vector<std::string> actions = {"list", "create", "drop"};
  if (type == Type::kBranch) actions.emplace_back("fast-forward");
  std::vector<Option> options = {
      {.name = "TABLE", .kind = Option::Kind::kPositional, .help = "dataset.table", .required = true},
      {.name = "ACTION", .kind = Option::Kind::kPositional, .help = "what to do", .choices = actions},
      {.name = "NAME", .kind = Option::Kind::kPositional, .help = "of the branch or tag"},
      Text("--at", "create: at this snapshot, branch or tag (else the head of main)"),
      Text("--at-time", "create: at what main was then (RFC 3339, or a date)"),
      Text("--retain", "create: expiry may remove it after so long, for example 30d")};
  if (type == Type::kBranch) {
    options.push_back({.name = "--retain-snapshots",
                       .kind = Option::Kind::kInteger,
                       .help = "create: expiry keeps so many of its snapshots"});
    options.push_back(Text("--retain-snapshots-for", "create: expiry keeps its snapshots so long"));
    options.push_back(Text("--to", "fast-forward: to this branch, tag or snapshot, a descendant"));
  }
  options.push_back({.name = "--json", .kind = Option::Kind::kFlag, .help = "the result as JSON on stdout"});
  return options;
}

}  // namespace

Command TableBranchCommand() {
  return {.name = "table branch",
          .reads_source = false,
          .group = "Run",
          .summary = "list, create, drop or fast-forward the branches of a table",
          .options = OptionsOf(Type::kBranch),
          .run = [](App& app, const Arguments& arguments) { return RunRefs(app, arguments, Type::kBranch); }};
}

Command TableTagCommand() {
  return {.name = "table tag",
          .reads_source = false,
          .group = "Run",
          .summary = "list, create or drop the tags of a table",
          .options = OptionsOf(Type::kTag),
          .run = [](App& app, const Arguments& arguments) { return RunRefs(app, arguments, Type::kTag); }};
}

}  // namespace firn::cli
