#pragma once

#include <string>

#include "pipeline/run_context.h"
#include "pipeline/run_result.h"

namespace firn::pipeline {

/// The log of one run: `<state>/runs/<run id>/log.jsonl`, JSON lines of level info and above, redacted, rotated at
/// log::kLogFileBytesMax. Logs of runs older than the newest kRunLogsKept are removed. What cannot be written is said
/// on stderr and the run goes on.
class RunLog {
 public:
  static constexpr size_t kRunLogsKept = 200;

  /// Opens the file and says that the run begins. `context` is borrowed.
  explicit RunLog(const RunContext& context);
  /// Closes the file.
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// Path of the log of a run.
  static std::string PathOf(const config::Project& project, const std::string& run_id);
  /// Says what became of a table.
  static void Table(const TableResult& result);
  /// Says how the run ended.
  static void End(const RunResult& result);

 private:
  const RunContext& context_;
};

}  // namespace firn::pipeline
