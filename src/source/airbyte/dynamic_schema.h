#pragma once

#include <memory>

#include "source/airbyte/schema_loader.h"

namespace firn::source::airbyte {

/// A DynamicSchemaLoader: the schema is made of what the API says about its fields.
Result<std::unique_ptr<SchemaLoader>> MakeDynamicSchemaLoader(const Component& component, const RunContext& run,
                                                              const std::string& stream);

}  // namespace firn::source::airbyte
