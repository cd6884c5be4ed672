#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "cli/app.h"
#include "cli/commands.h"
#include "io/file_store.h"
#include "query/result_format.h"
#include "query/session.h"

namespace firn::cli {
namespace {

int TerminalWidth() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) return size.ws_col;
  return 0;
}

// Without a project or lake only iceberg('…') names tables, and nothing is created.
Result<catalog::Catalog*> CatalogIfThere(App& app) {
  const auto catalog = app.Catalog(/*create=*/false);
  if (catalog.ok() || !io::IsNotFound(catalog.status())) return catalog;
  return nullptr;
}

}  // namespace

Command SqlCommand() {
  Command command{.name = "sql",
                  .reads_source = false,
                  .reads_tables = true,
                  .group = "Look",
                  .summary = "query the lake's tables (DuckDB's SQL, read only)"};
  command.options = {
      {.name = "QUERY",
       .kind = Option::Kind::kPositional,
       .help = "one statement; tables as dataset.table",
       .required = true},
      {.name = "--format",
       .help = "output format",
       .choices = {"table", "json", "ndjson", "csv", "parquet", "md", "canonical"}},
      {.name = "--json", .kind = Option::Kind::kFlag, .help = "same as --format json"},
  };
  command.run = [](App& app, const Arguments& arguments) -> Result<int> {
    const auto begin = std::chrono::steady_clock::now();
    const std::string name = arguments.Flag("--json") ? "json" : arguments.Text("--format", "table");
    ARROW_ASSIGN_OR_RAISE(const query::OutputFormat format, query::ParseOutputFormat(name));
    ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, CatalogIfThere(app));
    ARROW_ASSIGN_OR_RAISE(const int64_t memory_bytes, app.MemoryBytes());
    ARROW_ASSIGN_OR_RAISE(auto session, query::Session::Open(catalog, app.files(),
                                                             {.memory_bytes = memory_bytes, .threads = app.threads()}));
    ARROW_ASSIGN_OR_RAISE(auto result, session->Run(arguments.Text("QUERY")));
    ARROW_ASSIGN_OR_RAISE(const query::WriteSummary summary,
                          query::WriteResult(
                              *result, {.format = format, .width = TerminalWidth()},
                              [&](std::string_view bytes) { return app.Print(bytes); }, app.stop()));
    const query::QueryStats stats = result->stats();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    char line[200];
    std::snprintf(line, sizeof line, "%lld rows · %.2f s · %lld data files, %lld skipped\n",
                  static_cast<long long>(summary.num_rows), seconds, static_cast<long long>(stats.data_files),
                  static_cast<long long>(stats.files_skipped));
    if (!app.quiet() && format == query::OutputFormat::kTable) app.Say(line);
    return 0;
  };
  return command;
}

}  // namespace firn::cli
