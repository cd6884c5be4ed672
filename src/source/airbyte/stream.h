#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/airbyte/cursor.h"
#include "source/airbyte/datetime_cursor.h"
#include "source/airbyte/partition_router.h"
#include "source/airbyte/retriever.h"
#include "source/airbyte/run_context.h"
#include "source/airbyte/schema_loader.h"

namespace firn::source::airbyte {

/// What making a stream needs besides its component.
struct StreamContext {
  const RunContext* run = nullptr;
  bool is_parent = false;    // answers to GET are kept for other streams
  int depth = 0;             // parents of parents
  std::string cursor_field;  // what the catalog chose; empty: the manifest's
};

using RecordSink = std::function<Status(const Value& record)>;

/// A stream that can be read: slices, records, state. Used by one thread, read once.
class DeclarativeStream {
 public:
  /// `state`: what a platform kept, an empty map if nothing. `emit`: gets the state as it moves; null: nobody.
  /// Errors: kConfig with the component that cannot be run (Custom* among them).
  static Result<std::unique_ptr<DeclarativeStream>> Make(const Component& component, const StreamContext& context,
                                                         const Value& state, StateSink emit);

  const std::string& name() const { return name_; }
  /// Gives each slice once.
  Status Slices(const SliceSink& sink) { return cursor_->Slices(sink); }
  /// Reads one slice. The caller observes and closes (Cursor).
  Status ReadSlice(const Slice& slice, const RecordSink& sink);
  Cursor& cursor() { return *cursor_; }
  /// Reads all: every record goes to `sink`, the cursor moves.
  Status Read(const RecordSink& sink);
  Result<Value> JsonSchema() { return schema_->Load(); }

 private:
  DeclarativeStream() = default;
  Status MakeCursor(const Component& component, const StreamContext& context, const Value& state, StateSink emit);

  std::string name_;
  int64_t slices_max_ = 0;
  std::unique_ptr<PartitionRouter> router_;  // null: one partition
  std::shared_ptr<const DatetimeCursorSettings> datetime_;
  std::unique_ptr<Cursor> cursor_;
  std::unique_ptr<Retriever> retriever_;
  std::unique_ptr<SchemaLoader> schema_;
};

/// The state after a stream's state_migrations.
Result<Value> MigratedState(const Component& stream, const RunContext& run, const Value& state);

/// What `discover` says of a stream. Errors: kConfig.
Result<Value> DiscoveredStream(const Component& component, const StreamContext& context);

/// The stream that a StateDelegatingStream stands for, given the state; other components are returned as they are.
Result<Component> DelegatedStream(const Component& component, const RunContext& run, const Value& state);

}  // namespace firn::source::airbyte
