#pragma once

#include <memory>
#include <vector>

#include "source/airbyte/run_context.h"
#include "source/airbyte/slice.h"

namespace firn::source::airbyte {

/// One change made to every record. Immutable.
class Transformation {
 public:
  virtual ~Transformation() = default;
  /// `record`: a map. Errors: kConfig from expressions.
  virtual Result<Value> Apply(Value record, const Slice& slice) const = 0;

  static Result<std::unique_ptr<Transformation>> Make(const Component& component, const RunContext& run);
};

/// Casts a record's values to the types of its JSON schema, as the reference's default normalisation: an ambiguous type
/// list leaves a value alone, a value that cannot be cast stays.
Value NormalizeBySchema(const Value& record, const Value& schema);

}  // namespace firn::source::airbyte
