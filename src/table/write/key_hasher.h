#pragma once

#include <cstdint>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/hash.h"
#include "base/status.h"
#include "schema/type.h"

namespace firn::table {

/// Returns the key columns as a schema of their own: optional, in the order of `ids`.
/// Errors: kConfig if there are none, or one is missing, not top-level, or nested.
Result<schema::Schema> KeySchema(const schema::Schema& schema, const std::vector<int32_t>& ids);

/// The keys of a batch, hashed over their canonical form (see row_delta.h for what is equal).
struct KeyHashes {
  std::vector<Hash128> hashes;  // one per row
  std::vector<bool> has_null;   // rows without a key; empty if all have one
};

/// `batch`: the columns of a KeySchema, in order, in the types of schema::ToArrow.
KeyHashes HashKeys(const arrow::RecordBatch& batch);

}  // namespace firn::table
