#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/process_config.h"
#include "source/source.h"

namespace firn::state {
class RefreshTokens;
}

namespace firn::source::process {

struct ProcessTable {
  std::string name;
  std::string stream;
  std::vector<std::string> primary_key;
  bool goes_on = true;   // from the program's last state; else each run reads everything (replace)
  bool appends = false;  // rows that are read again would be there twice
};

struct ProcessOptions {
  config::ProcessSourceConfig config;
  std::string pipeline;
  std::vector<ProcessTable> tables;
  const Clock* clock = nullptr;                // required, borrowed
  const state::RefreshTokens* kept = nullptr;  // where a configuration that the program changed is kept; may be null
  arrow::MemoryPool* pool = nullptr;           // null: the default pool
};

/// A program as a source: one split per table, whose position is the program's last state. No I/O before Plan.
std::unique_ptr<Source> MakeProcessSource(ProcessOptions options);

/// Looks whether the program is there; Singer and Airbyte programs are asked for their streams. Returns a line that
/// says so. Errors: kConfig E0652; those of the program.
Result<std::string> ProbeProcess(const config::ProcessSourceConfig& config, const Clock& clock, std::stop_token stop);

}  // namespace firn::source::process
