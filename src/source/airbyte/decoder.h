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

  /// Whether a body that is no JSON has no records for it.
  virtual bool wants_json() const { return false; }

  /// A component that is not present makes a JsonDecoder. `strict`: a body (or line) that cannot be read is an error,
  /// E0927, where the reference leaves it out: a login page must not pass for the end of the rows.
  static Result<std::unique_ptr<Decoder>> Make(const Component& component, bool strict);
};

}  // namespace firn::source::airbyte
