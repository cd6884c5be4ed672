#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

enum class StreamStatus { kStarted, kRunning, kComplete, kIncomplete };

/// Takes what streams say while they are read. Thread-safe.
class Messages {
 public:
  virtual ~Messages() = default;
  /// `data_json`: the record's fields as a JSON object, in one line.
  virtual Status Record(std::string_view stream, std::string_view data_json) = 0;
  /// All records before it are covered.
  virtual Status State(std::string_view stream, const std::string& state_json) = 0;
  virtual Status Log(std::string_view level, std::string_view message) = 0;
  virtual Status TraceStatus(std::string_view stream, StreamStatus status) = 0;
  virtual Status TraceError(std::string_view stream, const firn::Status& error) = 0;
  /// The configuration changed; it is kept when this returns.
  virtual Status Control(const std::string& config_json) = 0;
  /// A stream waits for a limit of the API.
  virtual void RateLimited(std::string_view stream) = 0;
};

/// Writes the messages of the Airbyte protocol, one JSON text per line, in pieces of about 64 KiB. Secrets that are
/// registered do not pass in logs and errors. Thread-safe; a message is never torn.
class MessageWriter : public Messages {
 public:
  /// `write`: takes bytes to stdout; called under the writer's lock.
  MessageWriter(const Clock& clock, std::function<Status(std::string_view)> write);

  Status Record(std::string_view stream, std::string_view data_json) override;
  Status State(std::string_view stream, const std::string& state_json) override;
  Status Log(std::string_view level, std::string_view message) override;
  Status TraceStatus(std::string_view stream, StreamStatus status) override;
  Status TraceError(std::string_view stream, const firn::Status& error) override;
  Status Control(const std::string& config_json) override;
  Status Catalog(const std::string& streams_json);
  Status Spec(const std::string& spec_json);
  Status ConnectionStatus(bool succeeded, std::string_view message);
  void RateLimited(std::string_view stream) override;
  /// Writes what is buffered. Errors: those of any write before, too.
  Status Flush();
  int64_t num_records(std::string_view stream) const;

 private:
  // Writes the pieces of a message; large ones are not copied.
  Status Line(std::initializer_list<std::string_view> pieces);
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
