#include <sys/statvfs.h>

#include <filesystem>

#include "base/byte_size.h"
#include "cli/app.h"
#include "cli/commands.h"
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

Result<std::string> CheckLake(App& app, const config::Project& project) {
  const std::string& warehouse = project.lake.warehouse;
  if (!std::filesystem::exists(warehouse)) return warehouse + " (made by the first run)";
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

Result<std::string> CheckTables(App& app, const config::Project& project) {
  if (!std::filesystem::exists(project.lake.catalog.path)) return "no catalog yet";
  ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app.Catalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto tables, query::ListTables(*catalog));
  for (const auto& table : tables) {
    if (!table.error.ok()) return Within("table " + table.identifier.ToString(), table.error);
  }
  return project.lake.catalog.path + ", name `" + project.lake.catalog.name + "`, " + std::to_string(tables.size()) +
         " tables";
}

Result<std::string> CheckSource(App& app, const config::PipelineConfig& pipeline) {
  const auto* rest = std::get_if<config::RestSourceConfig>(&pipeline.source);
  if (rest == nullptr) return std::string("nothing to check");
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  io::HttpRequest request{.method = "GET", .url = rest->base_url};
  request.timeouts.total = std::chrono::seconds(15);
  const auto response = http->Send(std::move(request), app.stop());
  if (!response.ok()) {
    return WithContext(Within(rest->base_url, response.status()), {.next = "check base_url, network and proxy"});
  }
  return rest->base_url + " answers (" + std::to_string(response->status) + " without path or credentials)";
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
    const auto holder = state::FindHolder((*project)->state_folder + "/locks", "pipeline-" + pipeline.name);
    if (holder.ok() && *holder) {
      ARROW_RETURN_NOT_OK(
          report.Good("lock", pipeline.name + " is running, process " + std::to_string((*holder)->process_id)));
    }
    ARROW_RETURN_NOT_OK(report.Check("source", CheckSource(app, pipeline)));
  }
  return report.exit_code();
}

}  // namespace

Command DoctorCommand() {
  return {
      .name = "doctor", .group = "Look", .summary = "check project, lake, catalog, locks and sources", .run = Examine};
}

}  // namespace firn::cli
