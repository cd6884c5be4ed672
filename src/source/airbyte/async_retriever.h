#pragma once

#include <memory>

#include "source/airbyte/retriever.h"

namespace firn::source::airbyte {

/// An AsyncRetriever: creates a job per slice, asks for its state until it is done, downloads what it made.
Result<std::unique_ptr<Retriever>> MakeAsyncRetriever(const Component& component, const RunContext& run,
                                                      RetrieverParts parts);

}  // namespace firn::source::airbyte
