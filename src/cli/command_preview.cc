#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/memory_budget.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/table_choice.h"
#include "pipeline/inference_text.h"
#include "pipeline/preview.h"
#include "query/result_format.h"

namespace firn::cli {
namespace {

constexpr int64_t kRowsDefault = 20;
constexpr size_t kNotesShown = 12;

int TerminalWidth() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void SayFindings(App& app, const config::TableConfig& table, const pipeline::PreviewResult& preview) {
  for (const auto& note : preview.reading) {
    if (preview.rows_read == 0) break;
    app.Say(note.what + std::string(note.what.size() < 9 ? 9 - note.what.size() : 1, ' ') + note.value + " (" +
            note.why + ")\n");
  }
  for (const std::string& line : pipeline::NoteLines(preview.report, kNotesShown)) app.Say("types    " + line + "\n");
  if (preview.quarantined > 0) {
    app.Say("!        " + std::to_string(preview.quarantined) +
            " of the rows do not fit; the first: " + preview.quarantine_reason + "\n");
  }
  app.Say(std::to_string(preview.rows_read) + (preview.complete ? " rows, all there are" : " rows read") + " · " +
          std::to_string(preview.requests.num_requests) + " requests · nothing was written\n");
  app.Next("firn run --select " + table.name);
}

Result<int> Preview(App& app, const Arguments& arguments) {
  const std::string format_name = arguments.Flag("--json") ? "json" : arguments.Text("--format", "table");
  ARROW_ASSIGN_OR_RAISE(const query::OutputFormat format, query::ParseOutputFormat(format_name));
  const int64_t rows_max = arguments.Integer("--limit").value_or(kRowsDefault);
  if (rows_max < 1) return MakeError(Fault::kConfig, "--limit wants a number from 1 on");
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const TableChoice choice, ChooseTable(*project, arguments.Text("TABLE")));
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  ARROW_ASSIGN_OR_RAISE(state::Leases * leases, app.Leases());
  ARROW_ASSIGN_OR_RAISE(state::SecretDocuments * secrets, app.Secrets());
  ARROW_ASSIGN_OR_RAISE(const pipeline::PreviewResult preview, pipeline::PreviewTable({.project = *project,
                                                                                       .pipeline = *choice.pipeline,
                                                                                       .table = *choice.table,
                                                                                       .sources = app.sources(),
                                                                                       .http = *http,
                                                                                       .clock = app.clock(),
                                                                                       .open_files = app.OpenFiles(),
                                                                                       .rows_max = rows_max,
                                                                                       .leases = leases,
                                                                                       .secrets = secrets},
                                                                                      app.stop()));
  if (preview.arrow_schema != nullptr) {
    ARROW_ASSIGN_OR_RAISE(auto batches, arrow::RecordBatchReader::Make(preview.batches, preview.arrow_schema));
    const query::FormatOptions options{.format = format, .width = TerminalWidth(), .rows_max = rows_max};
    ARROW_RETURN_NOT_OK(
        query::WriteBatches(*batches, options, [&](std::string_view bytes) { return app.Print(bytes); }).status());
  } else if (format == query::OutputFormat::kJson) {
    ARROW_RETURN_NOT_OK(app.Print("[]\n"));
  }
  if (!app.quiet()) SayFindings(app, *choice.table, preview);
  return 0;
}

}  // namespace

Command PreviewCommand() {
  return {.name = "preview",
          .reads_tables = true,
          .group = "Run",
          .summary = "show the first rows of a table as a run would type them; writes nothing",
          .options =
              {{.name = "TABLE", .kind = Option::Kind::kPositional, .help = "table of the project", .required = true},
               {.name = "--limit", .kind = Option::Kind::kInteger, .help = "rows to show (default 20)"},
               {.name = "--format",
                .help = "output format",
                .choices = {"table", "json", "ndjson", "csv", "parquet", "md"}},
               {.name = "--json", .kind = Option::Kind::kFlag, .help = "same as --format json"}},
          .run = Preview};
}

}  // namespace firn::cli
