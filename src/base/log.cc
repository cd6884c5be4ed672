#include "base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/clock.h"
#include "base/redactor.h"

namespace firn::log {
namespace {

struct Sinks {
  Format format = Format::kText;
  Level stderr_level = Level::kWarn;
  std::shared_ptr<spdlog::logger> console;
  std::shared_ptr<spdlog::logger> file;
};

std::mutex g_mutex;                    // guards g_sinks
std::shared_ptr<const Sinks> g_sinks;  // set by Session only, null outside a session

std::shared_ptr<const Sinks> CurrentSinks() {
  std::lock_guard lock(g_mutex);
  return g_sinks;
}

void SetSinks(std::shared_ptr<const Sinks> sinks) {
  std::lock_guard lock(g_mutex);
  g_sinks = std::move(sinks);
}

std::string Now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return FormatTimestamp({.micros = std::chrono::duration_cast<std::chrono::microseconds>(since).count()});
}

constexpr const char* LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
    case Level::kOff:
      return "off";
  }
  return "off";
}

std::string AsJson(Level level, std::string_view event, Fields fields) {
  nlohmann::ordered_json line;
  line["time"] = Now();
  line["level"] = LevelName(level);
  line["event"] = event;
  for (const Field& field : fields) {
    std::visit([&](const auto& value) { line[std::string(field.name)] = value; }, field.value.value);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string AsText(Level level, std::string_view event, Fields fields) {
  std::string line = std::string(LevelName(level)) + ": " + std::string(event);
  for (const Field& field : fields) {
    nlohmann::json value;
    std::visit([&](const auto& known) { value = known; }, field.value.value);
    const bool plain =
        value.is_string() && value.get_ref<const std::string&>().find_first_of(" \"\n\t") == std::string::npos;
    line += " " + std::string(field.name) + "=" +
            (plain ? value.get<std::string>() : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return line;
}

enum class To { kBoth, kFile };

void Write(Level level, std::string_view event, Fields fields, To to = To::kBoth) {
  const auto sinks = CurrentSinks();
  if (sinks == nullptr) return;
  if (to == To::kBoth && level >= sinks->stderr_level) {
    const std::string line =
        sinks->format == Format::kJson ? AsJson(level, event, fields) : AsText(level, event, fields);
    sinks->console->info(ProcessRedactor().Redact(line));
  }
  if (sinks->file != nullptr && level >= Level::kInfo) {
    sinks->file->info(ProcessRedactor().Redact(AsJson(level, event, fields)));
  }
}

class SpdlogSession : public Session {
 public:
  explicit SpdlogSession(Sinks sinks) : sinks_(std::move(sinks)) { SetSinks(std::make_shared<const Sinks>(sinks_)); }
  ~SpdlogSession() override { SetSinks(nullptr); }

  Status SetFile(const std::string& path) override {
    if (path.empty()) {
      sinks_.file.reset();
    } else {
      try {
        auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, kLogFileBytesMax, kLogFilesKept);
        sinks_.file = std::make_shared<spdlog::logger>("file", std::move(sink));
        sinks_.file->set_pattern("%v");
        sinks_.file->flush_on(spdlog::level::info);
      } catch (const spdlog::spdlog_ex& error) {
        return MakeError(Fault::kConfig, "log file cannot be opened: " + std::string(error.what()));
      }
    }
    SetSinks(std::make_shared<const Sinks>(sinks_));
    return Status::OK();
  }

 private:
  Sinks sinks_;
};

}  // namespace

std::string RotatedName(const std::string& path, int number) {
  return spdlog::sinks::rotating_file_sink_mt::calc_filename(path, static_cast<size_t>(number));
}

void Debug(std::string_view event, Fields fields) {
  Write(Level::kDebug, event, fields);
}
void Info(std::string_view event, Fields fields) {
  Write(Level::kInfo, event, fields);
}
void Warn(std::string_view event, Fields fields) {
  Write(Level::kWarn, event, fields);
}
void Error(std::string_view event, Fields fields) {
  Write(Level::kError, event, fields);
}

void Record(Level level, std::string_view event, Fields fields) {
  Write(level, event, fields, To::kFile);
}

Result<std::unique_ptr<Session>> Session::Start(const Options& options) {
  Sinks sinks{.format = options.format, .stderr_level = options.level, .console = nullptr, .file = nullptr};
  sinks.console = std::make_shared<spdlog::logger>("stderr", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  sinks.console->set_pattern("%v");
  auto session = std::make_unique<SpdlogSession>(std::move(sinks));
  if (!options.file.empty()) ARROW_RETURN_NOT_OK(session->SetFile(options.file));
  return session;
}

}  // namespace firn::log
