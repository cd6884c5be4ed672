#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/progress.h"

namespace firn::cli {

class App;

/// Shows a run while it goes on: on a terminal a table that redraws itself at most ten times a second, elsewhere a line
/// per table and change of phase, one per wait for another attempt (at most every 5 seconds and table), and a heartbeat
/// every 30 seconds, on stderr; with `json_stream` JSON lines on stdout.
/// Has a thread of its own, ended by Finish or the destructor.
class ProgressView {
 public:
  ProgressView(App& app, const pipeline::RunProgress& progress, const std::string& run_id, bool json_stream);
  ~ProgressView();
  /// Draws the last state and stops. The table is removed from the terminal: the summary replaces it.
  void Finish();

 private:
  void Loop(std::stop_token stop);
  void DrawTable();
  void SayChanges();
  void SayWaits();

  App& app_;
  const pipeline::RunProgress& progress_;
  const bool terminal_;
  const bool json_stream_;
  size_t lines_drawn_ = 0;
  std::vector<pipeline::TablePhase> said_;
  std::vector<int64_t> rows_before_;
  struct SaidWait {
    int64_t number = 0;
    std::chrono::steady_clock::time_point at;
  };
  std::vector<SaidWait> said_waits_;  // of each table
  std::jthread thread_;
};

}  // namespace firn::cli
