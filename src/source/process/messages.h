#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/process_config.h"
#include "source/source.h"

namespace firn::source::process {

/// What a program said in some lines, in its order: rows, then what came after them.
struct Message {
  std::optional<JsonRows> rows;
  int64_t num_bytes = 0;              // of the lines
  std::optional<std::string> state;   // JSON text: all rows before it are covered
  std::optional<std::string> config;  // Airbyte's CONTROL: JSON text of the configuration to use from now on
};

/// Reads the lines of one program. Lines of other streams, schemas and logs give nothing. Protocols:
/// NDJSON: each line is a row; {"@state": …} alone in a line is a state.
/// Singer (hub.meltano.com/singer/spec): RECORD, STATE; SCHEMA is passed over, BATCH is refused.
/// Airbyte (docs.airbyte.com, Airbyte protocol v0): RECORD, STATE of all three types, CONTROL, TRACE of errors, LOG.
/// Used by one thread.
class MessageReader {
 public:
  /// `stream`: whose rows are wanted; of NDJSON all are.
  MessageReader(config::ProcessProtocol protocol, std::string stream, arrow::MemoryPool* pool)
      : protocol_(protocol), stream_(std::move(stream)), pool_(pool) {}

  /// `block`: whole lines. Errors: kBadData E0650 for a line that looks like a message and is none (a broken row of
  /// NDJSON is left to the table's on_error); what a program says in a TRACE of an error.
  Result<std::vector<Message>> Read(std::string_view block);

 private:
  Result<std::vector<Message>> ReadRows(std::string_view block);
  Result<std::vector<Message>> ReadEnvelopes(std::string_view block);
  Status Failure(std::string_view trace) const;
  Status Broken(uint32_t line, std::string_view why) const;

  const config::ProcessProtocol protocol_;
  const std::string stream_;
  arrow::MemoryPool* const pool_;
  int64_t num_lines_ = 0;  // before the block
};

}  // namespace firn::source::process
