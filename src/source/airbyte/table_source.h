#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/airbyte_config.h"
#include "source/excerpt.h"
#include "source/source.h"

namespace firn::io {
class HttpClient;
}
namespace firn::state {
class RefreshTokens;
}

namespace firn::source::airbyte {

struct StreamTable {
  std::string name;
  std::string stream;
  std::vector<std::string> primary_key;
  bool goes_on = true;  // from the stream's last state, if it has one; else each run reads everything
  bool appends = false;
};

struct TableSourceOptions {
  config::AirbyteSourceConfig config;
  std::string pipeline;
  std::vector<StreamTable> tables;
  const Clock* clock = nullptr;                // required, borrowed
  io::HttpClient* http = nullptr;              // required, borrowed
  const state::RefreshTokens* kept = nullptr;  // where a configuration that changed is kept; may be null
  arrow::MemoryPool* pool = nullptr;           // null: the default pool
  Excerpt excerpt;
};

/// The streams of a manifest as tables: one split each, whose position is the stream's state as Airbyte keeps it. Rows
/// go to pages as the stream gives them, without the protocol's messages. The manifest is read when it is first needed.
std::unique_ptr<Source> MakeTableSource(TableSourceOptions options);

/// Does what the manifest's `check` says. Returns a line that says so. Errors: kConfig E0502; those of the API.
Result<std::string> CheckConnection(const TableSourceOptions& options, std::stop_token stop);

}  // namespace firn::source::airbyte
