#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>

#include "base/byte_size.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/text_table.h"
#include "config/value_text.h"
#include "pipeline/run_plan.h"
#include "pipeline/table_layout.h"
#include "pipeline/table_upkeep.h"
#include "query/tables.h"
#include "table/maintenance/maintenance.h"
#include "table/maintenance/table_statistics.h"

namespace firn::cli {
namespace {

using Json = nlohmann::ordered_json;

Option Flag(const char* name, const char* help) {
  return {.name = name, .kind = Option::Kind::kFlag, .help = help};
}

// Without a choice of steps: all that loses nothing.
Result<table::MaintenanceOptions> OptionsOf(App& app, const Arguments& arguments) {
  const bool compact = arguments.Flag("--compact") || arguments.Given("--sort") || arguments.Flag("--rewrite-all") ||
                       arguments.Flag("--repartition");
  const bool chosen =
      compact || arguments.Flag("--expire") || arguments.Flag("--orphans") || arguments.Flag("--rewrite-manifests");
  table::MaintenanceOptions options{
      .compact = !chosen || compact,
      .rewrite_manifests = !chosen || arguments.Flag("--rewrite-manifests"),
      .expire = !chosen || arguments.Flag("--expire"),
      .find_orphans = arguments.Flag("--orphans"),
      .remove_orphans = arguments.Flag("--orphans") && arguments.Flag("--yes"),
      .dry_run = arguments.Flag("--dry-run"),
      .threads = app.threads(),
  };
  options.compaction.repartition = arguments.Flag("--repartition");
  if (arguments.Flag("--rewrite-manifests")) options.manifests_min = 2;
  if (const auto retain = arguments.Integer("--retain")) {
    if (*retain < 1 || *retain > 1'000'000) return MakeError(Fault::kConfig, "--retain takes 1 to 1000000 snapshots");
    options.retention.snapshots_min = static_cast<int>(*retain);
    options.retention.thins = false;
  }
  ARROW_ASSIGN_OR_RAISE(options.memory_bytes, app.MemoryBytes());
  return options;
}

/// What the project says about the table; null if no pipeline of it writes there.
const config::TableConfig* ConfigOf(const config::Project& project, const catalog::TableIdentifier& identifier) {
  for (const auto& source : project.pipelines) {
    for (const auto& table : source.tables) {
      if (pipeline::IdentifierOf(source, table) == identifier) return &table;
    }
  }
  return nullptr;
}

Status BadOption(const std::string& option, const std::string& text, const char* wanted) {
  return MakeError(Fault::kConfig, option + ": `" + text + "` is no " + wanted);
}

Status ApplyOptions(const Arguments& arguments, table::MaintenanceOptions& options) {
  table::CompactionOptions& compaction = options.compaction;
  const auto size = [&](const char* name, int64_t& out) -> Status {
    const auto text = arguments.Given(name);
    if (!text) return Status::OK();
    const auto bytes = config::ParseSizeBytes(*text);
    if (!bytes || *bytes < 1) return BadOption(name, *text, "size like 128MiB");
    out = *bytes;
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(size("--target-file-size", compaction.target_file_bytes));
  ARROW_RETURN_NOT_OK(size("--budget", options.budget_bytes));
  ARROW_RETURN_NOT_OK(size("--min-bytes", compaction.bytes_min));
  if (const auto text = arguments.Given("--older-than")) {
    const auto age = config::ParseDurationMs(*text);
    if (!age || *age < 1) return BadOption("--older-than", *text, "duration like 1h");
    compaction.older_than_ms = *age;
  }
  if (const auto files = arguments.Integer("--min-files")) {
    if (*files < 2 || *files > 10'000) return MakeError(Fault::kConfig, "--min-files takes 2 to 10000");
    compaction.files_min = static_cast<int>(*files);
  }
  if (const auto percent = arguments.Integer("--delete-percent")) {
    if (*percent < 1 || *percent > 100) return MakeError(Fault::kConfig, "--delete-percent takes 1 to 100");
    compaction.deleted_share_min = static_cast<double>(*percent) / 100;
  }
  return Status::OK();
}

/// The options for one table: the project's, then those of the command.
Result<table::MaintenanceOptions> OptionsOf(App& app, const Arguments& arguments, catalog::Catalog& catalog,
                                            const catalog::TableIdentifier& identifier,
                                            table::MaintenanceOptions options) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  if (const config::TableConfig* table = ConfigOf(*project, identifier)) {
    pipeline::ApplyMaintenance(table->maintenance, options.compaction);
  }
  ARROW_RETURN_NOT_OK(ApplyOptions(arguments, options));
  options.rewrite_all = arguments.Flag("--rewrite-all");
  const auto sort = arguments.Given("--sort");
  if (!sort) return options;
  options.compaction.strategy = table::CompactionOptions::Strategy::kSort;
  if (*sort == "table") return options;
  ARROW_ASSIGN_OR_RAISE(const auto loaded, catalog.LoadTable(identifier));
  if (!loaded) return options;  // MaintainTable says so
  ARROW_ASSIGN_OR_RAISE(options.compaction.order, pipeline::ParseRowOrder(*sort, *loaded->metadata));
  return options;
}

Result<std::vector<catalog::TableIdentifier>> TablesOf(catalog::Catalog& catalog, const Arguments& arguments) {
  std::vector<catalog::TableIdentifier> tables;
  for (const std::string& name : arguments.All("TABLE")) {
    ARROW_ASSIGN_OR_RAISE(auto identifier, query::ResolveTable(catalog, name));
    tables.push_back(std::move(identifier));
  }
  if (!tables.empty()) return tables;
  ARROW_ASSIGN_OR_RAISE(const auto all, query::ListTables(catalog));
  for (const auto& table : all) tables.push_back(table.identifier);
  return tables;
}

Json HealthJson(const table::TableHealth& health) {
  return {{"data_files", health.data_files},     {"data_bytes", health.data_bytes},
          {"records", health.records},           {"delete_files", health.delete_files},
          {"delete_bytes", health.delete_bytes}, {"position_deletes", health.position_deletes},
          {"manifests", health.manifests},       {"snapshots", health.snapshots}};
}

Json AmplificationJson(const table::ReadAmplification& amplification) {
  return {{"bytes", amplification.bytes}, {"files", amplification.files}};
}

Json ReportJson(const table::MaintenanceReport& report) {
  Json orphans = Json::array();
  for (const auto& file : report.orphans.files) orphans.push_back(file.location);
  return {{"table", report.identifier.ToString()},
          {"before", HealthJson(report.before)},
          {"after", HealthJson(report.after)},
          {"read_amplification_before", AmplificationJson(report.amplification_before)},
          {"read_amplification_after", AmplificationJson(report.amplification_after)},
          {"continued", report.continued},
          {"groups_left", report.groups_left},
          {"groups_planned", report.groups_planned},
          {"groups_committed", report.groups_committed},
          {"groups_given_up", report.groups_given_up},
          {"files_read", report.files_read},
          {"bytes_read", report.bytes_read},
          {"files_written", report.files_written},
          {"bytes_written", report.bytes_written},
          {"rows_deleted", report.rows_deleted},
          {"delete_files_removed", report.delete_files_removed},
          {"snapshots_expired", report.snapshots_expired},
          {"expired_files_removed", report.expired_files_removed},
          {"orphans", std::move(orphans)},
          {"orphan_bytes", report.orphans.bytes},
          {"orphans_removed", report.orphans_removed},
          {"notes", report.notes}};
}

/// Counts distinct values where the table asks for it: as a step of its own, or after all steps.
Result<table::StatisticsReport> Count(App& app, const Arguments& arguments, const table::MaintenanceContext& context,
                                      const catalog::TableIdentifier& identifier) {
  const bool chosen =
      arguments.Flag("--expire") || arguments.Flag("--orphans") || arguments.Flag("--rewrite-manifests");
  const bool anew = arguments.Flag("--statistics") || arguments.Flag("--rewrite-all");
  if (arguments.Flag("--dry-run") || (chosen && !anew)) return table::StatisticsReport();
  return table::UpdateStatistics({.catalog = context.catalog, .files = context.files, .clock = context.clock},
                                 identifier, {.anew = anew}, app.stop());
}

std::string Change(int64_t before, int64_t after) {
  return before == after ? std::to_string(before) : std::to_string(before) + " > " + std::to_string(after);
}

std::string Change(double before, double after) {
  char text[64];
  if (std::abs(before - after) < 0.005) {
    std::snprintf(text, sizeof(text), "%.2f", before);
  } else {
    std::snprintf(text, sizeof(text), "%.2f > %.2f", before, after);
  }
  return text;
}

void AddRow(TextTable& text, const table::MaintenanceReport& report) {
  const auto& [before, after] = std::pair(report.before, report.after);
  text.Add({report.identifier.ToString(), Change(before.data_files, after.data_files),
            Change(before.delete_files, after.delete_files), Change(before.manifests, after.manifests),
            Change(before.snapshots, after.snapshots),
            Change(report.amplification_before.files, report.amplification_after.files),
            Change(report.amplification_before.bytes, report.amplification_after.bytes),
            FormatByteSize(report.bytes_read), FormatByteSize(report.bytes_written),
            std::to_string(report.orphans.files.size())});
}

void Tell(App& app, const Arguments& arguments, const table::MaintenanceReport& report) {
  for (const std::string& note : report.notes) app.Say(report.identifier.ToString() + ": " + note + "\n");
  if (arguments.Flag("--dry-run") && report.groups_planned > 0) {
    app.Say(report.identifier.ToString() + ": would rewrite " + std::to_string(report.files_read) + " files, " +
            FormatByteSize(report.bytes_read) + "\n");
  }
  if (report.orphans.files.empty()) return;
  for (const auto& file : report.orphans.files) app.Say("orphan  " + file.location + "\n");
  app.Say(report.identifier.ToString() + ": " + std::to_string(report.orphans.files.size()) + " orphans, " +
          FormatByteSize(report.orphans.bytes) + (report.orphans_removed ? ", removed\n" : "\n"));
  if (!report.orphans_removed) app.Next("firn table maintain " + report.identifier.ToString() + " --orphans --yes");
}

Result<int> Maintain(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto tables, TablesOf(*catalog, arguments));
  ARROW_ASSIGN_OR_RAISE(const auto options, OptionsOf(app, arguments));
  const auto committer = table::Committer::Make(*catalog, app.files(), app.clock(), {.engine_version = FIRN_VERSION});
  const table::MaintenanceContext context{
      .catalog = *catalog, .files = app.files(), .committer = *committer, .clock = app.clock()};
  TextTable text({"TABLE", "FILES", "DELETES", "MANIFESTS", "SNAPSHOTS", "FILES/BEST", "BYTES/LIVE", "READ", "WRITTEN",
                  "ORPHANS"});
  Json list = Json::array();
  Status first_error;
  for (const auto& identifier : tables) {
    const auto own = OptionsOf(app, arguments, *catalog, identifier, options);
    const auto report = own.ok() ? table::MaintainTable(context, identifier, *own, app.stop())
                                 : Result<table::MaintenanceReport>(own.status());
    if (!report.ok()) {
      if (FaultOf(report.status()) == Fault::kCancelled || tables.size() == 1) return report.status();
      app.Say(report.status().message() + "\n");
      if (first_error.ok()) first_error = report.status();
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto statistics, Count(app, arguments, context, identifier));
    AddRow(text, *report);
    list.push_back(ReportJson(*report));
    list.back()["columns_counted"] = statistics.columns;
    Tell(app, arguments, *report);
  }
  ARROW_RETURN_NOT_OK(app.Print(arguments.Flag("--json") ? list.dump() + "\n" : text.Render()));
  ARROW_RETURN_NOT_OK(first_error);
  return 0;
}

}  // namespace

Command TableMaintainCommand() {
  return {
      .name = "table maintain",
      .reads_source = false,
      .group = "Run",
      .summary = "make tables fast to read: compact, merge manifests, expire snapshots; find orphans",
      .options = {{.name = "TABLE", .kind = Option::Kind::kPositionals, .help = "dataset.table; none: all"},
                  Flag("--dry-run", "say what would be done"),
                  Flag("--compact", "only: put small files together, apply deletes"),
                  {.name = "--sort",
                   .help = "only: write partitions anew, sorted: `table` as the table says, \"a desc, b\", or "
                           "\"zorder(a, b)\""},
                  Flag("--rewrite-all",
                       "only: write all files anew, in the present partitioning, order and format; goes on where an "
                       "earlier call ended"),
                  {.name = "--target-file-size", .help = "of the files written (else the table's)"},
                  {.name = "--min-files", .kind = Option::Kind::kInteger, .help = "small files worth a rewrite"},
                  {.name = "--min-bytes", .help = "or small files of so many bytes together"},
                  {.name = "--older-than", .help = "or two small files of which one is that old"},
                  {.name = "--delete-percent",
                   .kind = Option::Kind::kInteger,
                   .help = "rewrite files of which so many rows are deleted"},
                  {.name = "--budget", .help = "bytes read at most; the next call goes on"},
                  Flag("--statistics", "only: count distinct values anew, of tables with `statistics: ndv`"),
                  Flag("--repartition", "only: compact, and rewrite files of older partitioning into the present one"),
                  Flag("--rewrite-manifests", "only: merge manifests, in partition order"),
                  Flag("--expire", "only: expire old snapshots; those of branches and tags stay"),
                  {.name = "--retain",
                   .kind = Option::Kind::kInteger,
                   .help = "how many snapshots of main stay (else the newest 100, one per hour of a day, one per day)"},
                  Flag("--orphans", "only: list files older than 72 h that nothing refers to"),
                  Flag("--yes", "with --orphans: remove them"),
                  Flag("--json", "one JSON array on stdout")},
      .run = Maintain};
}

}  // namespace firn::cli
