#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/airbyte/retriever.h"
#include "source/airbyte/transformations.h"

namespace firn::source::airbyte {

/// Maps merged at every depth; other values of `over` win.
Value DeepMerged(const Value& under, const Value& over);

/// A QueryProperties component: the names of properties to ask for, in pieces an API takes. Used by one thread.
class QueryProperties {
 public:
  /// Looks for it in a requester's `request_parameters`, `query_properties` and `fetch_properties_from_endpoint`; null
  /// if there is none.
  static Result<std::unique_ptr<QueryProperties>> Make(const Component& requester, const RunContext& run,
                                                       const std::string& stream);
  /// The request parameter that takes a piece; "" if expressions place it.
  const std::string& parameter() const { return parameter_; }
  /// The pieces, at least one.
  Result<std::vector<List>> Chunks();
  /// What the pieces of one record have in common; nullopt if the record has no such key.
  std::optional<std::string> MergeKeyOf(const Value& record) const;

 private:
  Result<List> Names();
  // Of the names those that the catalog selected.
  Result<List> Selected(List names) const;

  std::string parameter_;
  Component component_;
  std::unique_ptr<Retriever> endpoint_;  // where the names come from; null: they are in the manifest
  std::vector<std::string> property_path_;
  std::vector<std::string> merge_key_;
  std::vector<std::unique_ptr<Transformation>> of_selection_;
  std::optional<Value> selection_;  // properties of the catalog's schema; nullopt: everything
  std::optional<std::vector<List>> chunks_;
};

}  // namespace firn::source::airbyte
