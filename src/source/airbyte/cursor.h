#pragma once

#include <functional>
#include <memory>
#include <string>

#include "source/airbyte/request_parts.h"
#include "source/airbyte/run_context.h"
#include "source/airbyte/slice.h"

namespace firn::source::airbyte {

using SliceSink = std::function<Status(const Slice&)>;

/// Where a stream's reading stands: makes its slices, looks at its records, and knows its state. Used by one thread.
/// Order of calls: Slices once; while its sink runs, or later, Observe for each record of a slice and then Close for
/// the slice; Finish once at the end of a stream that did not fail.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual Status Slices(const SliceSink& sink) = 0;
  virtual void Observe(const Value& record, const Slice& slice) = 0;
  virtual Status Close(const Slice& slice) = 0;
  virtual Status Finish() = 0;
  /// Whether a record is new enough, and not newer than the end.
  virtual bool ShouldBeSynced(const Value& record, const Slice& slice) const = 0;
  virtual Value State() const = 0;
  /// The field whose values order the records; "" if there is none.
  virtual std::string cursor_field() const = 0;
  /// Narrows a slice to what comes after the records seen of it, for a new start of the paging; the slice itself if
  /// nothing was seen.
  virtual Slice Reduced(const Slice& slice) const { return slice; }
};

/// Called with a cursor's state each time it moves; null: nobody wants it.
using StateSink = std::function<Status(const Value& state)>;

/// The cursor of a stream that is always read whole: one state, at the end.
std::unique_ptr<Cursor> MakeFullRefreshCursor(std::function<Status(const SliceSink&)> slices, StateSink emit);

}  // namespace firn::source::airbyte
