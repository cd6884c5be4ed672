#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

enum class StreamStatus { kStarted, kRunning, kComplete, kIncomplete };

/// Writes the messages of the Airbyte protocol, one JSON text per line, in pieces of about 64 KiB. Secrets that are
/// registered do not pass in logs and errors. Thread-safe; a message is never torn.
class MessageWriter {
 public:
  /// `write`: takes bytes to stdout; called under the writer's lock.
  MessageWriter(const Clock& clock, std::function<Status(std::string_view)> write);

  Status Record(std::string_view stream, std::string_view data_json);
  Status State(std::string_view stream, const std::string& state_json);
  Status Log(std::string_view level, std::string_view message);
  Status TraceStatus(std::string_view stream, StreamStatus status);
  Status TraceError(std::string_view stream, const firn::Status& error);
  Status Control(const std::string& config_json);
  Status Catalog(const std::string& streams_json);
  Status Spec(const std::string& spec_json);
  Status ConnectionStatus(bool succeeded, std::string_view message);
  /// A stream waits for a limit of the API.
  void RateLimited(std::string_view stream);
  /// Writes what is buffered. Errors: those of any write before, too.
  Status Flush();
  int64_t num_records(std::string_view stream) const;

 private:
  Status Line(std::string_view text);
  Status FlushLocked();
  std::string Millis() const;

  const Clock& clock_;
  const std::function<firn::Status(std::string_view)> write_;
  mutable std::mutex mutex_;
  std::string buffer_;
  std::map<std::string, int64_t, std::less<>> num_records_;  // since the last state
  std::map<std::string, int64_t, std::less<>> num_records_all_;
  firn::Status failed_;
};

/// A JSON string literal.
std::string JsonText(std::string_view text);

}  // namespace firn::source::airbyte
