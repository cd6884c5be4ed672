#pragma once

#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "connector/plan.h"
#include "source/excerpt.h"
#include "source/source.h"

namespace firn::io {
class HttpClient;
class RateBudgets;
struct HttpWait;
}  // namespace firn::io
namespace firn::state {
class RefreshTokens;
}

namespace firn::source::rest {

/// What the source works with; all borrowed and longer-lived than the source.
struct Dependencies {
  io::HttpClient* http = nullptr;                        // required
  const Clock* clock = nullptr;                          // required
  io::RateBudgets* budgets = nullptr;                    // null: no limit beside the plan's concurrency
  bool background = false;                               // as source::Services::background
  const state::RefreshTokens* refresh_tokens = nullptr;  // where exchanged ones are kept; null: for this source only
  /// Called before a request of a table waits to be sent again, from the sending threads; may be null.
  std::function<void(const std::string& table, const io::HttpWait& wait)> on_wait;
  int64_t memory_bytes = 0;           // of the run, for files; 0: not known
  std::string scratch_folder;         // for temporary files; empty: that of the machine
  arrow::MemoryPool* pool = nullptr;  // of files; null: the default pool
  Excerpt excerpt;
};

/// Makes a source that runs `plan`. No I/O. Errors: kConfig for a base_url that cannot be used.
Result<std::unique_ptr<Source>> MakeRestSource(connector::RestPlan plan, Dependencies dependencies);

}  // namespace firn::source::rest
