#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/byte_size.h"
#include "catalog/registry.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/lake_move.h"
#include "io/file_store.h"
#include "io/object_location.h"
#include "pipeline/raw_keys.h"
#include "pipeline/run.h"
#include "pipeline/run_result.h"
#include "query/session.h"
#include "query/tables.h"
#include "state/lease.h"

namespace firn::cli {
namespace {

/// Collects the lines; the exit code is that of the first failure.
class Report {
 public:
  explicit Report(App& app) : app_(app) {}
  Status Good(const std::string& what, const std::string& detail) { return Line("ok  ", what, detail); }
  Status Bad(const std::string& what, const Status& error) {
    if (exit_code_ == 0) exit_code_ = pipeline::ExitCodeOf(error);
    const ErrorContext* context = ContextOf(error);
    const std::string next = context == nullptr || context->next.empty() ? "" : "\n      next  " + context->next;
    return Line("FAIL", what, error.message() + next);
  }
  Status Check(const std::string& what, const Result<std::string>& detail) {
    return detail.ok() ? Good(what, *detail) : Bad(what, detail.status());
  }
  int exit_code() const { return exit_code_; }

 private:
  Status Line(const char* mark, const std::string& what, const std::string& detail) {
    return app_.Print(std::string(mark) + "  " + what + std::string(what.size() < 9 ? 9 - what.size() : 1, ' ') +
                      detail + "\n");
  }
  App& app_;
  int exit_code_ = 0;
};

// Writes, reads, lists and removes a probe below the warehouse, and asks whether the store keeps conditions.
Result<std::string> CheckObjectLake(App& app, const std::string& warehouse) {
  const std::string probe = warehouse + "/.firn-doctor/" + pipeline::NewRunId(app.clock());
  const auto begin = app.clock().Steady();
  Status created = app.files().CreateExclusive(probe, "probe");
  const bool conditional = created.ok();
  if (!conditional) ARROW_RETURN_NOT_OK(app.files().WriteAtomic(probe, "probe"));
  const auto took = std::chrono::duration<double, std::milli>(app.clock().Steady() - begin).count();
  const bool ignored = conditional && app.files().CreateExclusive(probe, "other").ok();
  ARROW_ASSIGN_OR_RAISE(const std::string text, app.files().ReadText(probe, 64));
  ARROW_ASSIGN_OR_RAISE(const auto listed, app.files().List(warehouse + "/.firn-doctor", 10'000));
  ARROW_RETURN_NOT_OK(app.files().Remove(probe));
  const bool seen = std::ranges::any_of(listed, [&](const auto& info) { return info.location == probe; });
  if (text != (ignored ? "other" : "probe") || !seen) {
    return MakeError(Fault::kConfig, warehouse + ": the store did not give back what was written",
                     {.next = "use a store that is consistent after a write"});
  }
  char timing[64];
  std::snprintf(timing, sizeof timing, ", durable write %.1f ms", took);
  const char* conditions = ignored ? "ignored" : conditional ? "kept" : "not known";
  return warehouse + timing + ", read, list and delete allowed, conditional writes " + conditions;
}

// Whether a run could make the folder: nothing is written to find out.
Result<std::string> FirstLake(const std::string& warehouse) {
  std::string folder = warehouse;
  while (folder.size() > 1 && !std::filesystem::exists(folder)) folder = io::FolderOf(folder);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return Within("the first run cannot make " + warehouse, io::FileError("write to", folder, errno));
  }
  return warehouse + " (made by the first run)";
}

Result<std::string> CheckLake(App& app, const config::Project& project) {
  const std::string& warehouse = project.lake.warehouse;
  if (io::IsObjectLocation(warehouse)) return CheckObjectLake(app, warehouse);
  if (!std::filesystem::exists(warehouse)) return FirstLake(warehouse);
  const std::string probe = warehouse + "/.firn-doctor";
  const auto begin = app.clock().Steady();
  ARROW_RETURN_NOT_OK(app.files().WriteAtomic(probe, "probe"));
  const auto took = std::chrono::duration<double, std::milli>(app.clock().Steady() - begin).count();
  ARROW_RETURN_NOT_OK(app.files().Remove(probe));
  struct statvfs space{};
  const bool known = ::statvfs(warehouse.c_str(), &space) == 0;
  char text[64];
  std::snprintf(text, sizeof text, ", durable write %.1f ms", took);
  return warehouse + text +
         (known ? ", " + FormatByteSize(static_cast<int64_t>(space.f_bavail * space.f_frsize)) + " free" : "");
}

// A catalog without an administration cannot be told to name other files.
Status CheckNotMoved(App& app, const config::Project& project, catalog::Catalog& catalog) {
  catalog::CatalogRegistry registry;
  ARROW_RETURN_NOT_OK(catalog::RegisterBuiltinCatalogs(registry));
  const auto administration = registry.OpenAdministration(project.lake, {.files = app.files(), .clock = app.clock()});
  if (!administration.ok()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto entries, ListEntries(catalog, **administration));
  const std::string to = io::WarehouseLocation(project.lake.warehouse);
  ARROW_ASSIGN_OR_RAISE(const auto move, FindMove(app.files(), entries, to, LakePlace::Of(project.lake)));
  if (!move) return Status::OK();
  return MakeError(Fault::kConfig, "the lake was moved or copied from " + move->from + " to " + move->to,
                   {.code = "E0960",
                    .why = "the metadata of Iceberg tables holds whole paths",
                    .state = "no row is lost",
                    .next = "firn lake relocate --dry-run"});
}

Result<std::string> CheckTables(App& app, const config::Project& project) {
  const config::CatalogConfig& configured = project.lake.catalog;
  const bool embedded = configured.type == config::CatalogType::kSqlite;
  if (embedded && !std::filesystem::exists(configured.path)) return "no catalog yet";
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto tables, query::ListTables(*catalog));
  for (const auto& table : tables) {
    if (table.error.ok()) continue;
    ARROW_RETURN_NOT_OK(CheckNotMoved(app, project, *catalog));
    return Within("table " + table.identifier.ToString(), table.error);
  }
  const std::string place = embedded ? configured.path + ", name `" + configured.name + "`" : configured.rest.uri;
  return place + ", " + std::to_string(tables.size()) + " tables";
}

Result<std::string> CheckSource(App& app, const config::Project& project, const config::PipelineConfig& pipeline) {
  ARROW_ASSIGN_OR_RAISE(const source::SourceType* type, app.sources().TypeOf(pipeline));
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  return type->probe({.project = &project, .pipeline = &pipeline},
                     {.http = http, .clock = &app.clock(), .open_files = app.OpenFiles()}, app.stop());
}

Result<std::string> TryRaw(App& app, const config::Project& project, const config::PipelineConfig& pipeline,
                           const config::TableConfig& table) {
  if (table.raw.mode != config::RawConfig::Mode::kTable) {
    return pipeline::TryRawKeys(project, app.files(), pipeline, table);
  }
  const config::CatalogConfig& configured = project.lake.catalog;
  if (configured.type == config::CatalogType::kSqlite && !std::filesystem::exists(configured.path)) return "";
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  return pipeline::TryRawTableKeys(project, app.files(), *catalog, pipeline, table);
}

// That the newest archived run of each table opens.
Status CheckRaw(App& app, const config::Project& project, const config::PipelineConfig& pipeline, Report& report) {
  for (const auto& table : pipeline.tables) {
    if (table.raw.mode == config::RawConfig::Mode::kOff) continue;
    const auto opened = TryRaw(app, project, pipeline, table);
    if (!opened.ok()) {
      ARROW_RETURN_NOT_OK(report.Bad("raw", Within(pipeline.name + "." + table.name, opened.status())));
    } else if (opened->empty() && !table.raw.sealed) {
      continue;
    } else {
      const std::string found = opened->empty()      ? "nothing archived yet"
                                : *opened == "plain" ? "the newest run opens, it is not encrypted"
                                                     : "the newest run opens with key " + *opened;
      ARROW_RETURN_NOT_OK(report.Good("raw", pipeline.name + "." + table.name + ": " + found));
    }
  }
  return Status::OK();
}

Result<int> Examine(App& app, const Arguments&) {
  Report report(app);
  ARROW_RETURN_NOT_OK(report.Good("firn", FIRN_VERSION));
  const auto project = app.Project();
  if (!project.ok()) {
    ARROW_RETURN_NOT_OK(report.Bad("project", project.status()));
    return report.exit_code();
  }
  const std::string files = (*project)->files.empty() ? "none; lake ./lake" : (*project)->files.front();
  ARROW_RETURN_NOT_OK(
      report.Good("project", files + ", " + std::to_string((*project)->pipelines.size()) + " pipelines"));
  ARROW_RETURN_NOT_OK(report.Check("lake", CheckLake(app, **project)));
  ARROW_RETURN_NOT_OK(report.Check("catalog", CheckTables(app, **project)));
  const auto session = query::Session::Open(nullptr, app.files());
  ARROW_RETURN_NOT_OK(session.ok() ? report.Good("sql", "DuckDB loads") : report.Bad("sql", session.status()));
  for (const auto& pipeline : (*project)->pipelines) {
    const auto leases = app.Leases();
    const auto holder = leases.ok() ? (*leases)->Find("pipeline-" + pipeline.name) : leases.status();
    if (!holder.ok()) ARROW_RETURN_NOT_OK(report.Bad("state", holder.status()));
    if (holder.ok() && *holder) {
      ARROW_RETURN_NOT_OK(
          report.Good("lock", pipeline.name + " is running, process " + std::to_string((*holder)->process_id)));
    }
    ARROW_RETURN_NOT_OK(report.Check("source", CheckSource(app, **project, pipeline)));
    ARROW_RETURN_NOT_OK(CheckRaw(app, **project, pipeline, report));
  }
  return report.exit_code();
}

}  // namespace

Command DoctorCommand() {
  return {
      .name = "doctor", .group = "Look", .summary = "check project, lake, catalog, locks and sources", .run = Examine};
}

}  // namespace firn::cli
