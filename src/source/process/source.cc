#include "source/process/source.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <utility>

#include "base/redactor.h"
#include "base/thread_annotations.h"
#include "io/child_stream.h"
#include "source/kept_config.h"
#include "source/process/conversation.h"
#include "source/process/messages.h"

namespace firn::source::process {
namespace {

using Protocol = config::ProcessProtocol;

constexpr char kSplit[] = "all";
constexpr size_t kDiscoveredBytesMax = size_t{64} << 20;

std::string Program(const config::ProcessSourceConfig& config) {
  return config.command.front();
}

Status InProgram(const config::ProcessSourceConfig& config, const Status& status) {
  if (status.ok()) return status;
  ErrorContext more{.code = "E0652"};
  if (const ErrorContext* context = ContextOf(status); context != nullptr && !context->why.empty()) {
    more.why = ProcessRedactor().Redact(context->why);
  }
  return WithContext(Within(Program(config), status), std::move(more));
}

// Looked for as it will be when it is started: below the folder, or in PATH.
bool IsThere(const config::ProcessSourceConfig& config) {
  const std::string& name = config.command.front();
  if (name.find('/') != std::string::npos) {
    return ::access((std::filesystem::path(config.folder) / name).c_str(), X_OK) == 0;
  }
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const size_t size = std::min(rest.find(':'), rest.size());
    if (::access((std::filesystem::path(rest.substr(0, size)) / name).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  return false;
}

Result<std::string> Discover(const config::ProcessSourceConfig& config, const std::string& config_json,
                             const Clock& clock, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const auto program, io::ChildStream::Start(DiscoverCommand(config, config_json), clock));
  std::string printed;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto lines, program->Next(stop));
    if (!lines) return printed;
    printed += *lines;
    if (printed.size() > kDiscoveredBytesMax) {
      return MakeError(Fault::kBadData, "the program's catalog is larger than 64 MiB", {.code = "E0650"});
    }
  }
}

class ProcessReader : public SplitReader {
 public:
  ProcessReader(const ProcessOptions& options, const ProcessTable& table, const KeptConfig& kept, std::string stream,
                std::unique_ptr<io::ChildStream> program)
      : options_(options),
        table_(table),
        kept_(kept),
        messages_(options.config.protocol, std::move(stream), options.pool),
        program_(std::move(program)) {}

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
    while (events_.empty()) {
      auto lines = program_->Next(stop);
      if (!lines.ok()) return InProgram(options_.config, lines.status());
      if (!*lines) {
        ARROW_RETURN_NOT_OK(CheckEnd());
        return std::nullopt;
      }
      const Status taken = Take(**lines, stop);
      if (!taken.ok()) return InProgram(options_.config, taken);
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  Status Take(const std::string& lines, std::stop_token stop) {
    ARROW_ASSIGN_OR_RAISE(auto messages, messages_.Read(lines));
    for (Message& message : messages) {
      if (message.config) ARROW_RETURN_NOT_OK(kept_.Set(*message.config, stop));
      std::optional<Position> position;
      if (message.state && table_.goes_on) position = Position{std::move(*message.state)};
      if (message.rows) {
        after_state_ += static_cast<int64_t>(message.rows->rows.size());
        events_.push_back(
            Batch{.rows = std::move(*message.rows), .position = position, .num_bytes = message.num_bytes});
      } else if (position) {
        events_.push_back(Progress{*position});
      }
      if (position) after_state_ = 0;
    }
    return Status::OK();
  }

  // Rows that no state covers are read again by the next run.
  Status CheckEnd() const {
    if (!table_.appends || after_state_ == 0) return Status::OK();
    return MakeError(Fault::kConfig,
                     Program(options_.config) + " printed " + std::to_string(after_state_) +
                         " rows after its last state, so the next run would append them again",
                     {.code = "E0653",
                      .state = "nothing that no state covers is in the table",
                      .next = "let the program print a state at its end, or write `primary_key` (merge) or "
                              "`write_disposition: replace`"});
  }

  const ProcessOptions& options_;
  const ProcessTable& table_;
  const KeptConfig& kept_;
  MessageReader messages_;
  const std::unique_ptr<io::ChildStream> program_;
  std::deque<Event> events_;
  int64_t after_state_ = 0;
};

class ProcessSource : public Source {
 public:
  explicit ProcessSource(ProcessOptions options)
      : options_(std::move(options)), kept_(options_.kept, options_.pipeline, options_.config.config_json) {}

  std::vector<std::string> tables() const override {
    std::vector<std::string> names;
    for (const ProcessTable& table : options_.tables) names.push_back(table.name);
    return names;
  }

  Result<TableTraits> Traits(const std::string& table) const override {
    const ProcessTable& found = Find(table);
    return TableTraits{.primary_key = found.primary_key,
                       .resumability = found.goes_on ? Resumability::kStable : Resumability::kUnstable,
                       .guarantee_note = ""};
  }

  Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token) override {
    const ProcessTable& table = Find(request.table);
    if (request.from || request.to) {
      return MakeError(Fault::kConfig, "a program decides itself where it goes on: --from and --to mean nothing to it",
                       {.state = "nothing was read", .next = "set it in `config:` of the source"});
    }
    Split split{.id = kSplit, .resumability = table.goes_on ? Resumability::kStable : Resumability::kUnstable};
    for (const auto& [id, position] : request.state) {
      if (id == kSplit && table.goes_on) split.from = position;
    }
    return std::vector<Split>{split};
  }

  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) override {
    auto reader = Open(Find(request.table), split);
    if (!reader.ok()) return InProgram(options_.config, reader.status());
    return reader;
  }

  Status Acknowledge(const std::string&, const Split&, const Position&) override { return Status::OK(); }
  ReadStats stats(const std::string&) const override { return {}; }

 private:
  const ProcessTable& Find(const std::string& name) const {
    const auto found = std::ranges::find(options_.tables, name, &ProcessTable::name);
    FIRN_CHECK(found != options_.tables.end());
    return *found;
  }

  Result<std::unique_ptr<SplitReader>> Open(const ProcessTable& table, const Split& split) {
    Wish wish{.stream = table.stream};
    std::string stream = table.stream;
    ARROW_ASSIGN_OR_RAISE(wish.config, kept_.Get());
    if (options_.config.protocol != Protocol::kNdjson) {
      ARROW_ASSIGN_OR_RAISE(const std::string discovered, Discovered(wish.config));
      ARROW_ASSIGN_OR_RAISE(Selection selection,
                            SelectStream(options_.config.protocol, discovered, table.stream, table.goes_on));
      wish.catalog = std::move(selection.catalog);
      stream = std::move(selection.stream);
    }
    if (!split.from.json.empty()) wish.state = split.from.json;
    ARROW_ASSIGN_OR_RAISE(auto program, io::ChildStream::Start(ReadCommand(options_.config, wish), *options_.clock));
    return std::make_unique<ProcessReader>(options_, table, kept_, std::move(stream), std::move(program));
  }

  // Asked for once.
  Result<std::string> Discovered(const std::string& config_json) {
    const MutexLock lock(mutex_);
    if (!discovered_) {
      ARROW_ASSIGN_OR_RAISE(discovered_, Discover(options_.config, config_json, *options_.clock, {}));
    }
    return *discovered_;
  }

  const ProcessOptions options_;
  const KeptConfig kept_;
  Mutex mutex_;
  std::optional<std::string> discovered_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Source> MakeProcessSource(ProcessOptions options) {
  return std::make_unique<ProcessSource>(std::move(options));
}

Result<std::string> ProbeProcess(const config::ProcessSourceConfig& config, const Clock& clock, std::stop_token stop) {
  if (config.protocol == Protocol::kNdjson) {
    if (IsThere(config)) return Program(config) + " is there";
    return MakeError(Fault::kConfig, "there is no program " + Program(config), {.code = "E0652"});
  }
  auto discovered = Discover(config, config.config_json, clock, stop);
  if (!discovered.ok()) return InProgram(config, discovered.status());
  return Program(config) + " tells its streams";
}

}  // namespace firn::source::process
