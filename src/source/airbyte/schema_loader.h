#pragma once

#include <memory>
#include <string>

#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

/// Where a stream's JSON schema comes from. Used by one thread.
class SchemaLoader {
 public:
  virtual ~SchemaLoader() = default;
  /// May ask the API, once.
  virtual Result<Value> Load() = 0;

  /// `stream`: the stream's component; several loaders are put together, without one a file beside the manifest is
  /// looked for.
  static Result<std::unique_ptr<SchemaLoader>> MakeFor(const Component& stream, const RunContext& run);
};

}  // namespace firn::source::airbyte
