#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "config/project.h"

namespace firn::catalog {
class Catalog;
}
namespace firn::io {
class FileStore;
class HttpClient;
}  // namespace firn::io
namespace firn::state {
class RunHistory;
}
namespace firn::table {
class Committer;
}

namespace firn::pipeline {

class RunProgress;

struct RunOptions {
  std::vector<std::string> select;  // tables or pipelines; empty: all
  bool full_refresh = false;        // read everything anew and publish it in one overwrite
  std::optional<std::string> from;  // replaces the incremental start of this run; the live position does not move
  std::optional<std::string> to;    // replaces the incremental end of this run; the same
  bool keep_position = false;       // the live position does not move, whatever is read (rederive)
  std::optional<int64_t> max_rows;  // per table; the live position does not move past what was read whole
  int threads = 2;                  // per run: decoding and encoding
  int groups_in_parallel = 2;
  std::string command = "run";  // for the history
};

/// What a run works with. All borrowed, all longer-lived than the run, all thread-safe.
struct RunContext {
  const config::Project& project;
  const Clock& clock;
  io::FileStore& files;
  catalog::Catalog& catalog;
  table::Committer& committer;
  io::HttpClient& http;
  state::RunHistory* history;  // null: none is kept
  MemoryBudget& budget;
  arrow::MemoryPool* pool;
  RunProgress& progress;
  RunOptions options;
  std::string run_id;
  Timestamp loaded_at;  // of `_firn_loaded_at` in this run
};

}  // namespace firn::pipeline
