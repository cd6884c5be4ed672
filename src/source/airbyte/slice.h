#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "source/airbyte/api_response.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

/// One piece of a stream's reading: a partition (a child's parent, a list's value) and a cursor's interval.
struct Slice {
  Value partition = EmptyMap();
  Value cursor = EmptyMap();
  Value extra = EmptyMap();                     // handed along, no part of the partition
  std::shared_ptr<ApiResponse> child_response;  // the first page, when the parent's record holds it

  Value View() const { return Value::StreamSlice(partition, cursor, extra); }
  /// A value of the partition or the interval; undefined if there is none.
  Value Get(std::string_view key) const {
    if (auto found = cursor.Find(key)) return *found;
    return partition.Find(key).value_or(Value());
  }
};

}  // namespace firn::source::airbyte
