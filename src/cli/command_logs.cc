#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "state/run_history.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kPoll{200};
constexpr std::chrono::milliseconds kSlowPoll{2'000};  // each asks a store for some documents
constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};
constexpr size_t kReadBytes = 64 << 10;

size_t RankOf(std::string_view level) {
  return static_cast<size_t>(std::find(kLevels.begin(), kLevels.end(), level) - kLevels.begin());
}

// "2026-01-01T00:00:00Z info  waiting to ask again  table=shop.orders delay_ms=500"
std::string TextOf(const Json& line) {
  std::string text = line.value("time", "") + " " + line.value("level", "");
  text.resize(std::max(text.size(), line.value("time", "").size() + 7), ' ');
  text += line.value("event", "");
  for (const auto& [name, value] : line.items()) {
    if (name == "time" || name == "level" || name == "event") continue;
    text += (name == "time" ? "" : "  ") + name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text + "\n";
}

/// Prints the lines of one run's log that were asked for.
class LogPrinter {
 public:
  LogPrinter(App& app, const Arguments& arguments)
      : app_(app),
        json_(arguments.Flag("--json")),
        table_(arguments.Text("--table")),
        level_(RankOf(arguments.Text("--level", "info"))) {}

  Status Take(std::string_view piece) {
    rest_ += piece;
    size_t begin = 0;
    for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
      ARROW_RETURN_NOT_OK(Print(rest_.substr(begin, end - begin)));
      begin = end + 1;
    }
    rest_.erase(0, begin);
    return Status::OK();
  }

 private:
  Status Print(const std::string& text) {
    const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object() || !Wanted(line)) return Status::OK();  // a line cut by a kill is no line
    return app_.Print(json_ ? text + "\n" : TextOf(line));
  }

  bool Wanted(const Json& line) const {
    if (RankOf(line.value("level", "")) < level_) return false;
    if (table_.empty()) return true;
    const auto found = line.find("table");
    if (found == line.end() || !found->is_string()) return false;
    const auto& name = found->get_ref<const std::string&>();
    return name == table_ || name.ends_with("." + table_);
  }

  App& app_;
  const bool json_;
  const std::string table_;
  const size_t level_;
  std::string rest_;
};

/// The log of a run: log.jsonl and, older first, what was rotated away from it (log.2.jsonl, log.1.jsonl).
class LogFiles {
 public:
  explicit LogFiles(const std::string& path) : path_(path) {}

  bool exists() const { return fs::exists(path_); }

  Status PrintOlder(LogPrinter& printer) const {
    for (int number = log::kLogFilesKept; number > 0; --number) {
      int64_t offset = 0;
      ARROW_RETURN_NOT_OK(PrintFrom(log::RotatedName(path_, number), printer, &offset));
    }
    return Status::OK();
  }

  /// Prints what has been added since the last call.
  Status PrintNew(LogPrinter& printer) {
    std::error_code error;
    const auto size = static_cast<int64_t>(fs::file_size(path_, error));
    if (error) return Status::OK();
    if (size < offset_) {  // rotated meanwhile
      ARROW_RETURN_NOT_OK(PrintFrom(log::RotatedName(path_, 1), printer, &offset_));
      offset_ = 0;
    }
    return PrintFrom(path_, printer, &offset_);
  }

 private:
  static Status PrintFrom(const std::string& path, LogPrinter& printer, int64_t* offset) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Status::OK();
    in.seekg(*offset);
    std::string block(kReadBytes, '\0');
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
      *offset += in.gcount();
      ARROW_RETURN_NOT_OK(printer.Take(std::string_view(block).substr(0, static_cast<size_t>(in.gcount()))));
    }
    return Status::OK();
  }

  const std::string path_;
  int64_t offset_ = 0;
};

// Without a log there still is the history of the run.
Status PrintRecords(LogPrinter& printer, const state::RunRecord& run) {
  for (const auto& table : run.tables) {
    const bool failed = table.state == state::TableState::kFailed;
    const Json line = {{"time", FormatTimestamp(run.started)},
                       {"level", failed ? "error" : "info"},
                       {"event", "table ended"},
                       {"table", table.identifier},
                       {"state", state::Name(table.state)},
                       {"rows", table.rows_read},
                       {"code", table.reason_code},
                       {"reason", table.reason}};
    ARROW_RETURN_NOT_OK(printer.Take(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  }
  return Status::OK();
}

// Of a run on another machine the log is kept when it ends.
Result<int> ShowKeptLog(App& app, const Arguments& arguments, state::RunHistory& history, LogPrinter& printer,
                        state::RunRecord run) {
  while (arguments.Flag("--follow") && run.state == state::RunState::kRunning) {
    ARROW_RETURN_NOT_OK(app.clock().Sleep(kSlowPoll, app.stop()));
    ARROW_ASSIGN_OR_RAISE(run, history.FindRun(run.run_id));
  }
  ARROW_ASSIGN_OR_RAISE(const auto kept, history.ReadFile(run.run_id, "log.jsonl"));
  ARROW_RETURN_NOT_OK(kept ? printer.Take(*kept) : PrintRecords(printer, run));
  return 0;
}

Result<int> ShowLogs(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(state::RunHistory * history, app.History());
  ARROW_ASSIGN_OR_RAISE(auto run, history->FindRun(arguments.Text("RUN", "last")));
  LogPrinter printer(app, arguments);
  LogFiles files(run.log_file);
  if (!files.exists()) return ShowKeptLog(app, arguments, *history, printer, run);
  ARROW_RETURN_NOT_OK(files.PrintOlder(printer));
  ARROW_RETURN_NOT_OK(files.PrintNew(printer));
  while (arguments.Flag("--follow") && run.state == state::RunState::kRunning) {
    ARROW_RETURN_NOT_OK(app.clock().Sleep(kPoll, app.stop()));
    ARROW_ASSIGN_OR_RAISE(run, history->FindRun(run.run_id));
    ARROW_RETURN_NOT_OK(files.PrintNew(printer));
  }
  return 0;
}

}  // namespace

Command LogsCommand() {
  return {
      .name = "logs",
      .reads_source = false,
      .group = "Look",
      .summary = "log lines of one run",
      .options = {{.name = "RUN", .kind = Option::Kind::kPositional, .help = "run id or its beginning (the last run)"},
                  {.name = "--table", .help = "only lines about this table"},
                  {.name = "--level", .help = "this level and above", .choices = {"info", "warn", "error"}},
                  {.name = "--follow", .kind = Option::Kind::kFlag, .help = "go on until the run ends", .alias = "-f"},
                  {.name = "--json", .kind = Option::Kind::kFlag, .help = "JSON lines as they were written"}},
      .run = ShowLogs};
}

}  // namespace firn::cli
