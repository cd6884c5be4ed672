#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "source/airbyte/cursor.h"
#include "source/airbyte/request_parts.h"
#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

struct StreamContext;

/// Cuts a stream into partitions. Used by one thread.
class PartitionRouter {
 public:
  virtual ~PartitionRouter() = default;
  /// Gives every partition, in order; stops at the sink's first error.
  virtual Status Slices(const SliceSink& sink) = 0;
  /// Puts the partition's value into a request where the router says so.
  virtual Status AddOptions(const Slice& slice, RequestParts* parts) const = 0;
  /// The states of parent streams that the child's state carries; nullopt for routers without parents.
  virtual std::optional<Value> ParentState() const { return std::nullopt; }

  /// `component`: of a retriever. `child_state`: of the stream, which may hold its parents' states. Returns null if the
  /// stream has no partitions.
  static Result<std::unique_ptr<PartitionRouter>> MakeFor(const Component& retriever, const StreamContext& context,
                                                          const Value& child_state);
};

}  // namespace firn::source::airbyte
