#pragma once

#include <cstdint>
#include <vector>

#include "schema/type.h"
#include "table/manifest/data_file.h"

namespace firn::table {

/// Of which live rows a load speaks although it does not have their keys: those keys are gone at the source.
struct RetireScope {
  enum class Kind : uint8_t {
    kNone,   // of none: what the load does not have stays
    kAll,    // of all: the load is a listing of everything
    kRange,  // of rows whose order lies in [begin, end)
    kNamed,  // of rows that have one of the keys that MergeWriter::Name was given
  };
  Kind kind = Kind::kNone;
  int32_t order_field_id = 0;  // kRange: a column of an orderable type (order_value.h)
  schema::TypePtr order_type;
  int64_t begin = INT64_MIN;
  int64_t end = INT64_MAX;
  bool nulls = false;          // kRange: also rows whose order is null
  std::vector<int32_t> named;  // kNamed: top-level columns
  /// Rows of files with a newer data sequence number came while the load was read: it does not speak of them.
  int64_t sequence_max = INT64_MAX;

  bool Contains(int64_t order) const { return order >= begin && order < end; }
  /// kRange: false only if the bounds of the file say that none of its rows lies in the range.
  bool MayHold(const DataFile& file) const;
};

}  // namespace firn::table
