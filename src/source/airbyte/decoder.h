#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/airbyte/api_response.h"

namespace firn::source::airbyte {

/// Turns a response's body into values: one for an object, one per item of a JSON list, one per line or row.
/// Immutable.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Errors: kBadData for a body that cannot be read (a JsonDecoder gives one empty map instead, as the reference
  /// does).
  virtual Result<std::vector<Value>> Decode(const ApiResponse& response) const = 0;
  /// Whether the paginator sees the decoded body; else it sees an empty map.
  virtual bool seen_by_paginator() const { return true; }
  /// What expressions of a paginator see as `response`.
  Result<Value> FirstOf(const ApiResponse& response) const;

  /// A component that is not present makes a JsonDecoder.
  static Result<std::unique_ptr<Decoder>> Make(const Component& component);
};

}  // namespace firn::source::airbyte
