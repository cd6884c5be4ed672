#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/bounded_queue.h"
#include "source/airbyte/messages.h"
#include "source/kept_config.h"
#include "source/line_batcher.h"
#include "source/source.h"

namespace firn::source::airbyte {

/// What the reading thread of a stream hands over.
using EventQueue = BoundedQueue<Event>;

/// Makes batches of one stream's records and positions of its states. Used by the thread that reads the stream.
class RowMessages : public Messages {
 public:
  struct Options {
    std::string stream;
    bool keeps_states = true;  // false: the stream has no position
    const KeptConfig* kept = nullptr;
    arrow::MemoryPool* pool = nullptr;
    std::stop_token stop;
  };
  /// `events`: borrowed.
  RowMessages(Options options, EventQueue* events)
      : options_(std::move(options)), events_(*events), rows_(options_.pool) {}

  Status Record(std::string_view stream, std::string_view data_json) override;
  Status State(std::string_view stream, const std::string& state_json) override;
  Status Log(std::string_view level, std::string_view message) override;
  Status TraceStatus(std::string_view, StreamStatus) override { return Status::OK(); }
  Status TraceError(std::string_view stream, const firn::Status& error) override;
  Status Control(const std::string& config_json) override;
  void RateLimited(std::string_view) override {}

  /// Hands over the records that are left.
  Status Flush() { return Push(std::nullopt); }

 private:
  // The records so far, then where the stream goes on after them.
  Status Push(std::optional<Position> position);

  const Options options_;
  EventQueue& events_;
  LineBatcher rows_;
};

}  // namespace firn::source::airbyte
