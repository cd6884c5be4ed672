#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// The state of a dlt pipeline: `state.json` of its working folder, or the column `state` of `_dlt_pipeline_state`
/// (base64 of zlib of the same JSON). Layout, as dlt 1.x writes it:
///   {"_state_engine_version": 4, "pipeline_name": …, "sources": {<source>: {"resources": {<resource>:
///     {"incremental": {<cursor path>: {"last_value": …, "initial_value": …, "unique_hashes": […]}}}}}}}
namespace firn::pipeline {

/// How far one incremental resource was read.
struct DltCursor {
  std::string source;
  std::string resource;
  std::string path;                 // of the cursor
  std::optional<std::string> last;  // as firn's --start-position reads it; nullopt: it cannot be mapped
  std::string why_not;
};

/// All cursors, in the state's order. Pure. Errors: kBadData E0954 for what is no state of dlt; kConfig E0954 for a
/// newer layout.
Result<std::vector<DltCursor>> ReadDltState(std::string_view text);

}  // namespace firn::pipeline
