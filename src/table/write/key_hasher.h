#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/hash.h"
#include "base/status.h"
#include "base/uuid.h"
#include "schema/type.h"
#include "table/index/key_hash.h"

namespace firn::table {

/// Returns the key columns as a schema of their own: optional, in the order of `ids`.
/// Errors: kConfig if there are none, or one is missing, not top-level, or nested.
Result<schema::Schema> KeySchema(const schema::Schema& schema, const std::vector<int32_t>& ids);

/// Appends the canonical form of one value that is not null: fixed in length, or with its length in front. `values`: a
/// primitive column in a type of schema::ToArrow.
void AppendCanonical(const arrow::Array& values, int64_t row, std::string* out);

/// The keys of a batch, hashed over their canonical form (see row_delta.h for what is equal).
struct KeyHashes {
  std::vector<Hash128> hashes;  // one per row
  std::vector<bool> has_null;   // rows without a key; empty if all have one
};

/// `batch`: the columns of a KeySchema, in order, in the types of schema::ToArrow. `secret`: of a key index, whose
/// hashes are SipHash128; null: XXH3.
KeyHashes HashKeys(const arrow::RecordBatch& batch, const index::HashSecret* secret = nullptr);

/// What a key index is bound to in place of the table's uuid: table, key columns and the canonical form of their
/// values. Promotions that keep the form (int to long, float to double, wider decimals) keep the identity.
Uuid IndexIdentity(std::string_view table_uuid, const schema::Schema& key_schema);

}  // namespace firn::table
