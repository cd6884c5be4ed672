#include "cli/kept_result.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "base/log.h"
#include "pipeline/run_log.h"

namespace firn::cli {
namespace {

// What was rotated away from a log goes before it.
std::string WholeLog(const std::string& path) {
  std::string text;
  for (int number = log::kLogFilesKept; number >= 0; --number) {
    std::ifstream file(number == 0 ? path : log::RotatedName(path, number), std::ios::binary);
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  return text;
}

}  // namespace

void KeepResult(const config::Project& project, state::RunHistory& history, const pipeline::RunResult& result) {
  const std::filesystem::path folder = std::filesystem::path(project.state_folder) / "runs" / result.run_id;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string json = pipeline::ToJson(result) + "\n";
  std::ofstream file(folder / "result.json");
  file << json;
  if (!file.flush()) log::Warn("result not kept", {{"folder", folder.string()}});
  if (project.state_location.empty()) return;
  Status kept = history.KeepFile(result.run_id, "result.json", json);
  if (kept.ok()) {
    kept = history.KeepFile(result.run_id, "log.jsonl", WholeLog(pipeline::RunLog::PathOf(project, result.run_id)));
  }
  if (!kept.ok()) log::Warn("result and log not kept in the state", {{"reason", kept.message()}});
}

}  // namespace firn::cli
