#include <arrow/buffer.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/backoff.h"
#include "base/memory_budget.h"
#include "base/redactor.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/progress_view.h"
#include "cli/run_setup.h"
#include "format/csv/dialect.h"
#include "io/http_file_store.h"
#include "io/object_location.h"
#include "io/rate_budget.h"
#include "io/url.h"
#include "pipeline/copy_project.h"
#include "pipeline/copy_rows.h"
#include "pipeline/copy_target.h"
#include "pipeline/inference_text.h"
#include "pipeline/lines_source.h"
#include "pipeline/run.h"
#include "source/files/source.h"
#include "source/http_auth.h"
#include "source/process/source.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kZstdLevelDefault = 1;
constexpr size_t kNotesShown = 8;
constexpr int64_t kAheadBytesMax = int64_t{32} << 20;
constexpr size_t kJsonNotesMax = 100;
constexpr int64_t kChunkBytesMax = int64_t{8} << 20;
constexpr int64_t kFileReadBytes = int64_t{1} << 20;
constexpr int64_t kWholeShare = 4;  // of the memory, for a file that its server gives whole alone

// What all ways of copying share.
class Copy {
 public:
  Copy(App& app, const Arguments& arguments)
      : app_(app),
        arguments_(arguments),
        begin_(std::chrono::steady_clock::now()),
        budgets_(app.clock(), SleepScale()) {}

  Result<int> Run() {
    ARROW_ASSIGN_OR_RAISE(source_, pipeline::ParseCopySource(arguments_.Text("SOURCE")));
    ARROW_ASSIGN_OR_RAISE(target_, pipeline::ParseCopyTarget(arguments_.Text("TARGET")));
    ARROW_RETURN_NOT_OK(CheckOptions());
    ARROW_RETURN_NOT_OK(ReadInputOptions());
    const bool is_url = source_.kind == pipeline::CopySource::Kind::kUrl;
    if (is_url && input_format_ == pipeline::LinesFormat::kCsv) {
      ARROW_ASSIGN_OR_RAISE(source_, pipeline::FileBehind(source_.text));
    }
    ARROW_ASSIGN_OR_RAISE(memory_bytes_, app_.MemoryBytes());
    switch (target_.kind) {
      case pipeline::CopyTarget::Kind::kTable:
        return ToTable();
      case pipeline::CopyTarget::Kind::kParquet:
        return ToParquet(fs::absolute(target_.path).lexically_normal().string());
      case pipeline::CopyTarget::Kind::kStdout:
        return arguments_.Text("--format") == "parquet" ? ToParquetStdout() : ToLines();
    }
    return 1;
  }

 private:
  using Kind = pipeline::CopyTarget::Kind;

  Status CheckOptions() const {
    const auto refuse = [](const std::string& what) { return MakeError(Fault::kConfig, what, {.code = "E0841"}); };
    const bool table = target_.kind == Kind::kTable;
    if (!table && (arguments_.Flag("--append") || arguments_.Flag("--key"))) {
      return refuse("--append and --key are for tables; a file is always replaced");
    }
    if (arguments_.Flag("--append") && arguments_.Flag("--key")) {
      return refuse("--append adds rows, --key updates them; give one of the two");
    }
    if (table && arguments_.Flag("--hash")) return refuse("--hash is for Parquet files");
    if (target_.kind == Kind::kStdout && arguments_.Flag("--json")) {
      return refuse("--json and the rows would both go to stdout");
    }
    const int64_t level = arguments_.Integer("--zstd-level").value_or(kZstdLevelDefault);
    if (level < 1 || level > 22) return refuse("--zstd-level wants 1 to 22");
    return Status::OK();
  }

  // How the input is read: as its name says, unless told.
  Status ReadInputOptions() {
    const std::string input = arguments_.Text("--input");
    input_format_ = input == "csv"    ? pipeline::LinesFormat::kCsv
                    : input == "json" ? pipeline::LinesFormat::kJson
                                      : pipeline::LinesFormat::kAuto;
    const auto character = [&](const char* name, std::optional<char>* out) {
      if (!arguments_.Flag(name)) return Status::OK();
      const std::string text = arguments_.Text(name) == "\\t" ? "\t" : arguments_.Text(name);
      if (text.size() > 1)
        return MakeError(Fault::kConfig, std::string(name) + " wants one character", {.code = "E0841"});
      *out = text.empty() ? '\0' : text.front();
      return Status::OK();
    };
    std::optional<char> comment;
    ARROW_RETURN_NOT_OK(character("--delimiter", &csv_.delimiter));
    ARROW_RETURN_NOT_OK(character("--quote", &csv_.quote));
    ARROW_RETURN_NOT_OK(character("--escape", &csv_.escape));
    ARROW_RETURN_NOT_OK(character("--comment", &comment));
    csv_.comment = comment.value_or('\0');
    if (arguments_.Flag("--no-header")) csv_.header = false;
    if (arguments_.Flag("--header")) csv_.header = true;
    csv_.nulls = arguments_.All("--null");
    csv_.columns = arguments_.All("--columns");
    csv_.skip_lines = arguments_.Integer("--skip-lines").value_or(0);
    if (arguments_.Flag("--encoding")) {
      csv_.encoding = format::csv::EncodingOf(arguments_.Text("--encoding"));
      if (!csv_.encoding) {
        return MakeError(Fault::kConfig, "--encoding wants utf-8, utf-16, latin-1 or windows-1252", {.code = "E0841"});
      }
    }
    if (csv_ != format::csv::CsvOptions()) input_format_ = pipeline::LinesFormat::kCsv;
    return format::csv::CheckOptions(csv_);
  }

  // Opens the source; its one table is called `table`. `read_ahead`: by a thread of its own.
  Result<std::unique_ptr<source::Source>> OpenSource(const std::string& table, bool read_ahead) {
    if (source_.kind == pipeline::CopySource::Kind::kUrl) {
      ARROW_ASSIGN_OR_RAISE(const pipeline::UrlRequest url, pipeline::SplitUrl(source_.text));
      ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app_.Http());
      return pipeline::MakeUrlSource(url, table, app_.sources(),
                                     {.http = http, .clock = &app_.clock(), .budgets = &budgets_});
    }
    if (source_.kind == pipeline::CopySource::Kind::kFiles) return OpenFiles(table, read_ahead);
    if (source_.kind == pipeline::CopySource::Kind::kProgram) return OpenProgram(table);
    constexpr int64_t kAheadShare = 8, kDocumentShare = 4, kChunkShare = 64;
    return pipeline::MakeLinesSource(
        {.path = source_.text,
         .table = table,
         .format = input_format_,
         .csv = csv_,
         .chunk_bytes_max = std::min(kChunkBytesMax, memory_bytes_ / kChunkShare),
         .ahead_bytes = read_ahead ? std::min(kAheadBytesMax, memory_bytes_ / kAheadShare) : 0,
         .document_bytes_max = memory_bytes_ / kDocumentShare});
  }

  // Typed at a shell, so run by one, and with all that it would see there. Every copy reads everything.
  std::unique_ptr<source::Source> OpenProgram(const std::string& table) {
    config::ProcessSourceConfig program{.command = {"sh", "-c", source_.text}, .folder = fs::current_path().string()};
    for (const auto& [name, value] : config::LoadOptions::FromProcess().env)
      program.environment.emplace_back(name, value);
    return source::process::MakeProcessSource({.config = std::move(program),
                                               .pipeline = "copy",
                                               .tables = {{.name = table, .stream = table, .goes_on = false}},
                                               .clock = &app_.clock()});
  }

  // A location that no project says: keys and address of its store are those of the lake, else of the environment.
  Result<std::unique_ptr<source::Source>> OpenFiles(const std::string& table, bool read_ahead) {
    using config::FileFormat;
    config::FilesConfig files{.patterns = {source_.pattern}, .same_content_once = false, .settle_ms = 0};
    if (input_format_ == pipeline::LinesFormat::kCsv) files.format = FileFormat::kCsv;
    if (input_format_ == pipeline::LinesFormat::kJson) files.format = FileFormat::kJson;
    files.csv = {.delimiter = csv_.delimiter,
                 .quote = csv_.quote,
                 .escape = csv_.escape,
                 .header = csv_.header,
                 .columns = csv_.columns,
                 .nulls = csv_.nulls,
                 .skip_lines = csv_.skip_lines,
                 .comment = csv_.comment,
                 .encoding = arguments_.Text("--encoding")};
    std::string location = source_.location;
    const bool is_web = io::IsHttpLocation(location);
    auto store = app_.OpenFiles()({});
    if (is_web) {
      ARROW_ASSIGN_OR_RAISE(store, OpenUrls());
    }
    if (!is_web && !io::IsObjectLocation(location)) location = fs::absolute(location).lexically_normal().string();
    while (location.size() > 1 && location.ends_with('/')) location.pop_back();
    return source::files::MakeFilesSource({.location = location,
                                           .tables = {{.name = table, .files = files}},
                                           .store = std::move(store),
                                           .clock = &app_.clock(),
                                           .memory_bytes = memory_bytes_,
                                           .keeps_state = false,
                                           .read_ahead = read_ahead});
  }

  Result<std::shared_ptr<io::FileStore>> OpenUrls() {
    ARROW_ASSIGN_OR_RAISE(const pipeline::UrlRequest url, pipeline::SplitUrl(source_.text));
    for (const auto& [name, secret] : url.secrets) ProcessRedactor().AddSecret(secret);
    ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app_.Http());
    connector::AuthPlan auth{.username = url.username, .password = url.password};
    if (!url.username.empty()) auth.type = connector::AuthPlan::Type::kBasic;
    io::HttpFilesOptions options{.client = http,
                                 .clock = &app_.clock(),
                                 .stop = app_.stop(),
                                 .query = source_.query,
                                 .whole_bytes_max = memory_bytes_ / kWholeShare};
    ARROW_ASSIGN_OR_RAISE(options.authorizer, source::MakeAuthorizer(auth, source_.location, *http, app_.clock()));
    return io::MakeHttpFileStore(std::move(options));
  }

  Result<int> ToLines() {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(pipeline::kCopyTable, /*read_ahead=*/app_.threads() > 1));
    ARROW_ASSIGN_OR_RAISE(const auto result, pipeline::CopyToLines(
                                                 *source, pipeline::kCopyTable,
                                                 [&](std::string_view text) { return app_.Print(text); }, app_.stop()));
    SayDone(result.rows, "");
    return 0;
  }

  Result<pipeline::CopyResult> WriteParquet(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(pipeline::kCopyTable, /*read_ahead=*/app_.threads() > 1));
    pipeline::ParquetCopyOptions options{
        .path = path,
        .threads = app_.threads(),
        .memory_bytes = memory_bytes_,
        .zstd_level = static_cast<int>(arguments_.Integer("--zstd-level").value_or(kZstdLevelDefault)),
        .hash = arguments_.Flag("--hash")};
    options.reader.on_bad = format::json::OnBadRecord::kFail;
    return pipeline::CopyToParquet(*source, pipeline::kCopyTable, app_.files(), std::move(options), app_.stop());
  }

  Result<int> ToParquet(const std::string& path) {
    auto written = WriteParquet(path);
    if (!written.ok()) return WithContext(written.status(), {.state = "no file was written"});
    const pipeline::CopyResult& result = *written;
    if (arguments_.Flag("--json")) ARROW_RETURN_NOT_OK(app_.Print(JsonOf(result) + "\n"));
    if (!app_.quiet()) {
      for (const auto& line : pipeline::NoteLines(result.report, kNotesShown)) app_.Say("types    " + line + "\n");
      for (const auto& change : result.changes) app_.Say("schema   " + change + "\n");
    }
    SayDone(result.rows, " · " + std::to_string(result.source_bytes) + " bytes of text to " +
                             std::to_string(result.file_bytes) + " bytes of Parquet" +
                             (result.hash.empty() ? "" : " · hash " + result.hash));
    return 0;
  }

  // Parquet ends with its index: it is written to a temporary file first, which nobody sees.
  Result<int> ToParquetStdout() {
    if (::isatty(STDOUT_FILENO) != 0)
      return MakeError(Fault::kConfig, "Parquet is not for a terminal", {.next = "firn copy SOURCE rows.parquet"});
    std::string path = (fs::temp_directory_path() / "firn-copy-XXXXXX").string();
    const int fd = ::mkstemp(path.data());
    if (fd < 0) return io::FileError("create", path, errno);
    const auto result = WriteParquet(path);
    Status status = result.status();
    if (status.ok()) status = PrintFile(path);
    ::close(fd);
    ::unlink(path.c_str());
    ARROW_RETURN_NOT_OK(status);
    SayDone(result->rows, "");
    return 0;
  }

  Status PrintFile(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(const int64_t size, app_.files().Size(path));
    for (int64_t at = 0; at < size; at += kFileReadBytes) {
      ARROW_ASSIGN_OR_RAISE(const auto bytes, app_.files().ReadRange(path, at, std::min(kFileReadBytes, size - at)));
      ARROW_RETURN_NOT_OK(
          app_.Print({reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size())}));
    }
    return Status::OK();
  }

  Result<int> ToTable() {
    ARROW_ASSIGN_OR_RAISE(const config::Project* around, app_.Project());
    const auto mode = arguments_.Flag("--append") ? pipeline::CopyMode::kAppend
                      : arguments_.Flag("--key")  ? pipeline::CopyMode::kMerge
                                                  : pipeline::CopyMode::kReplace;
    ARROW_ASSIGN_OR_RAISE(const config::Project project,
                          pipeline::MakeTargetProject(*around, target_, mode, arguments_.All("--key")));
    ARROW_ASSIGN_OR_RAISE(catalog::Catalog * catalog, app_.Catalog(/*create=*/true));
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(target_.table, /*read_ahead=*/true));
    ARROW_ASSIGN_OR_RAISE(const auto setup, RunSetup::Open(app_, project, *catalog, {.command = "copy"}));
    const pipeline::RunContext& context = setup->context();
    ProgressView view(app_, context.progress, context.run_id, /*json_stream=*/false);
    auto result = pipeline::CopyToTable(context, *source, CanReread(), app_.stop());
    view.Finish();
    ARROW_RETURN_NOT_OK(result.status());
    ARROW_RETURN_NOT_OK(result->error);
    return ReportTable(*result);
  }

  // What comes through a pipe is gone once it is read.
  bool CanReread() const {
    if (source_.kind == pipeline::CopySource::Kind::kUrl || source_.kind == pipeline::CopySource::Kind::kFiles)
      return true;
    std::error_code error;
    return source_.kind == pipeline::CopySource::Kind::kFile && fs::is_regular_file(source_.text, error);
  }

  Result<int> ReportTable(const pipeline::TableResult& result) {
    if (arguments_.Flag("--json")) ARROW_RETURN_NOT_OK(app_.Print(JsonOf(result) + "\n"));
    if (!app_.quiet()) {
      for (const auto& change : result.schema_changes) app_.Say("schema   " + change + "\n");
      for (const auto& warning : result.warnings) app_.Say("!        " + warning + "\n");
    }
    std::string counts;
    const auto add = [&](int64_t count, const char* word) {
      if (count > 0) counts += " · " + std::to_string(count) + " " + word;
    };
    add(result.rows.inserted, "inserted");
    add(result.rows.updated, "updated");
    add(result.rows.duplicates, "superseded");
    add(result.rows.quarantined, "quarantined");
    if (result.snapshot_id) counts += " · snapshot " + std::to_string(*result.snapshot_id);
    SayDone(result.rows.read, counts);
    if (result.rows.read == 0) {
      if (!app_.quiet()) app_.Say("the source has no rows: nothing was written\n");
      return 0;
    }
    app_.Next("firn sql \"from " + result.identifier + " limit 5\"");
    return 0;
  }

  double Seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

  void SayDone(int64_t rows, const std::string& more) {
    if (app_.quiet()) return;
    char text[64];
    std::snprintf(text, sizeof text, "%lld rows · %.2f s", static_cast<long long>(rows), Seconds());
    app_.Say(text + more + "\n");
  }

  nlohmann::ordered_json Head(int64_t rows) const {
    return {{"version", 1},
            {"source", io::IsHttpLocation(source_.text) ? io::RedactUrl(source_.text) : source_.text},
            {"target", arguments_.Text("TARGET")},
            {"rows", rows},
            {"seconds", Seconds()}};
  }
  std::string JsonOf(const pipeline::CopyResult& result) const {
    auto json = Head(result.rows);
    json["source_bytes"] = result.source_bytes;
    json["file_bytes"] = result.file_bytes;
    json["hash"] = result.hash.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(result.hash);
    json["schema_changes"] = result.changes;
    json["warnings"] = pipeline::NoteLines(result.report, kJsonNotesMax);
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  std::string JsonOf(const pipeline::TableResult& result) const {
    auto json = Head(result.rows.read);
    json["table"] = nlohmann::ordered_json::parse(pipeline::ToJson(result), nullptr, /*allow_exceptions=*/false);
    json["file_bytes"] = result.data_bytes;
    json["rows_inserted"] = result.rows.inserted;
    json["rows_updated"] = result.rows.updated;
    json["rows_quarantined"] = result.rows.quarantined;
    json["snapshot_id"] = result.snapshot_id ? nlohmann::ordered_json(*result.snapshot_id) : nlohmann::ordered_json();
    json["schema_changes"] = result.schema_changes;
    json["warnings"] = result.warnings;
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }

  App& app_;
  const Arguments& arguments_;
  const std::chrono::steady_clock::time_point begin_;
  io::RateBudgets budgets_;
  pipeline::CopySource source_;
  pipeline::CopyTarget target_;
  pipeline::LinesFormat input_format_ = pipeline::LinesFormat::kAuto;
  format::csv::CsvOptions csv_;
  int64_t memory_bytes_ = 0;
};

}  // namespace

Command CopyCommand() {
  return {
      .name = "copy",
      .group = "Start",
      .summary = "one URL, JSON or CSV file or stdin into a table, a Parquet file or stdout, without configuration",
      .options =
          {{.name = "SOURCE",
            .kind = Option::Kind::kPositional,
            .help = "URL; JSON, NDJSON, CSV, TSV or Parquet file (.gz, .zst, .zip); 'in/*.csv'; s3://bucket/key; "
                    "'exec:COMMAND'; or -",
            .required = true},
           {.name = "TARGET",
            .kind = Option::Kind::kPositional,
            .help = "dataset.table, a Parquet path, or - for NDJSON on stdout",
            .required = true},
           {.name = "--append", .kind = Option::Kind::kFlag, .help = "add the rows; default: replace what copy wrote"},
           {.name = "--key", .kind = Option::Kind::kList, .help = "columns that identify a row: insert or update"},
           {.name = "--input", .help = "how a file or stdin is read; default: by its name", .choices = {"csv", "json"}},
           {.name = "--delimiter", .help = "of CSV; default: found out, one of , tab ; |"},
           {.name = "--quote", .help = "of CSV; '' for none (default \")"},
           {.name = "--escape", .help = "of CSV, before a quote inside quotes; default: the quote, or a backslash"},
           {.name = "--header", .kind = Option::Kind::kFlag, .help = "the first row of CSV has the names"},
           {.name = "--no-header",
            .kind = Option::Kind::kFlag,
            .help = "it is a row; columns are column_1, column_2 …"},
           {.name = "--columns", .kind = Option::Kind::kList, .help = "names of the columns of CSV, in their order"},
           {.name = "--null", .kind = Option::Kind::kList, .help = "texts of CSV that mean null, as NA"},
           {.name = "--skip-lines", .kind = Option::Kind::kInteger, .help = "lines of CSV before the header"},
           {.name = "--comment", .help = "lines of CSV that begin with it are left out"},
           {.name = "--encoding", .help = "of CSV: utf-8, utf-16, latin-1, windows-1252"},
           {.name = "--format", .help = "of stdout: rows as they came, or typed", .choices = {"ndjson", "parquet"}},
           {.name = "--zstd-level", .kind = Option::Kind::kInteger, .help = "of a Parquet file (default 1)"},
           {.name = "--hash", .kind = Option::Kind::kFlag, .help = "print an order-independent hash of the typed rows"},
           {.name = "--json", .kind = Option::Kind::kFlag, .help = "one result object on stdout"}},
      .run = [](App& app, const Arguments& arguments) { return Copy(app, arguments).Run(); }};
}

}  // namespace firn::cli
