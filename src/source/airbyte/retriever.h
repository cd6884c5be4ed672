#pragma once

#include <functional>
#include <memory>
#include <string>

#include "source/airbyte/paginator.h"
#include "source/airbyte/partition_router.h"
#include "source/airbyte/record_selector.h"
#include "source/airbyte/requester.h"

namespace firn::source::airbyte {

/// Reads the records of one slice.
class Retriever {
 public:
  virtual ~Retriever() = default;
  /// `schema`: what records are cast by; undefined if nothing is.
  virtual Status Read(const Slice& slice, const Value& schema, const std::function<Status(const Value&)>& sink) = 0;
  /// Whether records are cast by the stream's schema.
  virtual bool casts() const = 0;
};

/// What a retriever is made with besides its component. All borrowed; null where there is none.
struct RetrieverParts {
  std::string stream;
  const PartitionRouter* router = nullptr;
  const Cursor* cursor = nullptr;
  std::function<Status(const Slice&, RequestParts*)> cursor_options;  // puts the cursor's bounds into requests
  std::vector<Component> transformations;
  bool is_data_feed = false, is_client_side = false, use_cache = false;
  bool lazy = false;  // the first page may come with the slice
};

/// A SimpleRetriever: pages of requests. Errors: kConfig for parts that cannot be run.
Result<std::unique_ptr<Retriever>> MakeSimpleRetriever(const Component& component, const RunContext& run,
                                                       RetrieverParts parts);

}  // namespace firn::source::airbyte
