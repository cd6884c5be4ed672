#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "config/process_config.h"
#include "io/child_stream.h"

namespace firn::source::process {

/// What a program is asked for. Texts are JSON.
struct Wish {
  std::string stream;
  std::string config;
  std::optional<std::string> catalog;  // Singer, Airbyte
  std::optional<std::string> state;    // nullopt: read everything
};

/// Returns how the program is started to read one stream.
/// NDJSON: one JSON object on stdin, {"stream", "config", "state"}.
/// Singer: `--config PATH --catalog PATH [--state PATH]` is added to the command.
/// Airbyte: `read --config PATH --catalog PATH [--state PATH]` is added.
/// A command that holds {config}, {catalog} or {state} is taken as it is: they become such paths.
io::ChildStreamOptions ReadCommand(const config::ProcessSourceConfig& config, const Wish& wish);

/// The same to be told the streams there are (Singer `--discover`, Airbyte `discover`).
io::ChildStreamOptions DiscoverCommand(const config::ProcessSourceConfig& config, const std::string& config_json);

/// One stream of a program.
struct Selection {
  std::string catalog;  // JSON: the stream is chosen, and no other
  std::string stream;   // the name that its rows carry
};

/// Returns the catalog that selects one stream out of what discovery printed. `incremental`: the program should go on
/// from its state, if the stream can.
/// Errors: kBadData E0650 for output that holds no catalog; kConfig E0654 for a stream that is not there, with those
/// that are.
Result<Selection> SelectStream(config::ProcessProtocol protocol, const std::string& discovered,
                               const std::string& stream, bool incremental);

}  // namespace firn::source::process
