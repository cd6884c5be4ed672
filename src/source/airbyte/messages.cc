#include "source/airbyte/messages.h"

#include "base/redactor.h"

namespace firn::source::airbyte {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

const char* NameOf(StreamStatus status) {
  switch (status) {
    case StreamStatus::kStarted:
      return "STARTED";
    case StreamStatus::kRunning:
      return "RUNNING";
    case StreamStatus::kComplete:
      return "COMPLETE";
    case StreamStatus::kIncomplete:
      return "INCOMPLETE";
  }
  return "";
}

const char* FailureType(const firn::Status& error) {
  switch (FaultOf(error)) {
    case Fault::kConfig:
    case Fault::kAuth:
      return "config_error";
    case Fault::kTransient:
    case Fault::kThrottled:
    case Fault::kUnreachable:
      return "transient_error";
    default:
      return "system_error";
  }
}

std::string Descriptor(std::string_view stream) {
  return "\"stream_descriptor\":{\"name\":" + JsonText(stream) + "}";
}

}  // namespace

std::string JsonText(std::string_view text) {
  return jinja::ToJson(Value::String(text));
}

MessageWriter::MessageWriter(const Clock& clock, std::function<firn::Status(std::string_view)> write)
    : clock_(clock), write_(std::move(write)) {}

std::string MessageWriter::Millis() const {
  return std::to_string(clock_.Now().micros / 1000);
}

firn::Status MessageWriter::FlushLocked() {
  if (!failed_.ok() || buffer_.empty()) return failed_;
  failed_ = write_(buffer_);
  buffer_.clear();
  return failed_;
}

firn::Status MessageWriter::Line(std::initializer_list<std::string_view> pieces) {
  const std::lock_guard lock(mutex_);
  for (const std::string_view piece : pieces) {
    if (piece.size() < kBufferBytes) {
      buffer_ += piece;
      continue;
    }
    ARROW_RETURN_NOT_OK(FlushLocked());
    failed_ = write_(piece);
  }
  buffer_ += '\n';
  return buffer_.size() < kBufferBytes ? failed_ : FlushLocked();
}

firn::Status MessageWriter::Flush() {
  const std::lock_guard lock(mutex_);
  return FlushLocked();
}

firn::Status MessageWriter::Record(std::string_view stream, std::string_view data_json) {
  const std::string name = JsonText(stream);
  const std::string now = Millis();
  const std::lock_guard lock(mutex_);
  auto count = num_records_.find(stream);
  if (count == num_records_.end()) count = num_records_.emplace(std::string(stream), 0).first;
  ++count->second;
  buffer_ += "{\"type\":\"RECORD\",\"record\":{\"stream\":";
  buffer_ += name;
  buffer_ += ",\"data\":";
  buffer_ += data_json;
  buffer_ += ",\"emitted_at\":";
  buffer_ += now;
  buffer_ += "}}\n";
  return buffer_.size() < kBufferBytes ? failed_ : FlushLocked();
}

int64_t MessageWriter::num_records(std::string_view stream) const {
  const std::lock_guard lock(mutex_);
  const auto since = num_records_.find(stream);
  const auto before = num_records_all_.find(stream);
  return (since == num_records_.end() ? 0 : since->second) + (before == num_records_all_.end() ? 0 : before->second);
}

firn::Status MessageWriter::State(std::string_view stream, const std::string& state_json) {
  int64_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    int64_t& since = num_records_[std::string(stream)];
    count = since;
    num_records_all_[std::string(stream)] += since;
    since = 0;
  }
  return Line({"{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{", Descriptor(stream),
               ",\"stream_state\":", state_json, "},\"sourceStats\":{\"recordCount\":", std::to_string(count),
               ".0}}}"});
}

firn::Status MessageWriter::Log(std::string_view level, std::string_view message) {
  return Line({"{\"type\":\"LOG\",\"log\":{\"level\":", JsonText(level),
               ",\"message\":", JsonText(ProcessRedactor().Redact(message)), "}}"});
}

firn::Status MessageWriter::TraceStatus(std::string_view stream, StreamStatus status) {
  return Line({"{\"type\":\"TRACE\",\"trace\":{\"type\":\"STREAM_STATUS\",\"emitted_at\":", Millis(),
               ".0,\"stream_status\":{", Descriptor(stream), ",\"status\":\"", NameOf(status), "\"}}}"});
}

void MessageWriter::RateLimited(std::string_view stream) {
  static_cast<void>(Line({"{\"type\":\"TRACE\",\"trace\":{\"type\":\"STREAM_STATUS\",\"emitted_at\":", Millis(),
                          ".0,\"stream_status\":{", Descriptor(stream),
                          ",\"status\":\"RUNNING\",\"reasons\":[{\"type\":\"RATE_LIMITED\"}]}}}"}));
}

firn::Status MessageWriter::TraceError(std::string_view stream, const firn::Status& error) {
  const ErrorContext* context = ContextOf(error);
  std::string internal = error.message();
  if (context != nullptr && !context->where.empty()) internal += " at " + context->where;
  if (context != nullptr && !context->why.empty()) internal += ": " + context->why;
  std::string text = "{\"type\":\"TRACE\",\"trace\":{\"type\":\"ERROR\",\"emitted_at\":" + Millis() +
                     ".0,\"error\":{\"message\":" + JsonText(ProcessRedactor().Redact(error.message())) +
                     ",\"internal_message\":" + JsonText(ProcessRedactor().Redact(internal)) + ",\"failure_type\":\"" +
                     FailureType(error) + "\"";
  if (!stream.empty()) text += "," + Descriptor(stream);
  return Line({text, "}}}"});
}

firn::Status MessageWriter::Control(const std::string& config_json) {
  ARROW_RETURN_NOT_OK(Line({"{\"type\":\"CONTROL\",\"control\":{\"type\":\"CONNECTOR_CONFIG\",\"emitted_at\":",
                            Millis(), ".0,\"connectorConfig\":{\"config\":", config_json, "}}}"}));
  return Flush();
}

firn::Status MessageWriter::Catalog(const std::string& streams_json) {
  return Line({"{\"type\":\"CATALOG\",\"catalog\":{\"streams\":", streams_json, "}}"});
}

firn::Status MessageWriter::Spec(const std::string& spec_json) {
  return Line({"{\"type\":\"SPEC\",\"spec\":", spec_json, "}"});
}

firn::Status MessageWriter::ConnectionStatus(bool succeeded, std::string_view message) {
  std::string text = "{\"type\":\"CONNECTION_STATUS\",\"connectionStatus\":{\"status\":";
  text += succeeded ? "\"SUCCEEDED\"" : "\"FAILED\"";
  if (!succeeded) text += ",\"message\":" + JsonText(ProcessRedactor().Redact(message));
  return Line({text, "}}"});
}

}  // namespace firn::source::airbyte
