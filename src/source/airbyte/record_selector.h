#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "source/airbyte/cursor.h"
#include "source/airbyte/decoder.h"
#include "source/airbyte/transformations.h"

namespace firn::source::airbyte {

/// Finds the records of a response, filters, transforms and casts them. Immutable.
class RecordSelector {
 public:
  struct Options {
    const Cursor* filter_cursor = nullptr;  // records that it says are old are left out (client-side incremental)
    bool transform_first = false;
    std::vector<Component> transformations;
  };
  static Result<std::unique_ptr<RecordSelector>> Make(const Component& component, const RunContext& run,
                                                      const Decoder& decoder, const Options& options);

  /// `page_token`: {next_page_token: …} or null. `schema`: undefined if nothing is cast.
  Status Select(const ApiResponse& response, const Slice& slice, const Value& page_token, const Value& schema,
                const std::function<Status(Value)>& sink) const;
  /// The same for a record found elsewhere (an asynchronous job's download).
  Status SelectRecord(Value record, const Slice& slice, const Value& page_token, const Value& schema,
                      const std::function<Status(Value)>& sink) const;
  /// The number of records in a response before any filter.
  Result<int64_t> CountExtracted(const ApiResponse& response) const;
  bool casts() const { return casts_; }
  /// The records of a response as they are.
  Status Extract(const ApiResponse& response, const std::function<Status(const Value&)>& sink) const;

 private:
  RecordSelector(const RunContext& run, const Decoder& decoder) : run_(run), decoder_(decoder) {}
  Result<bool> Passes(const Value& record, const Slice& slice, const Value& page_token) const;
  Status Expand(const Value& record, const std::function<Status(const Value&)>& sink) const;

  const RunContext& run_;
  const Decoder& decoder_;
  std::vector<Interpolated> path_;
  std::vector<Interpolated> expand_path_;
  bool keep_original_ = false, emit_parent_ = false;  // of the expander
  bool filters_ = false;
  Interpolated condition_;  // an empty one of a filter holds for no record, as in the reference
  const Cursor* filter_cursor_ = nullptr;
  bool transform_first_ = false, casts_ = false;
  std::vector<std::unique_ptr<Transformation>> transformations_;
};

}  // namespace firn::source::airbyte
