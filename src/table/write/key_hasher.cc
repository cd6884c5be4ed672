#include "table/write/key_hasher.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace firn::table {

namespace {

void AppendLong(int64_t value, std::string* key) {
  key->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendDouble(double value, std::string* key) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0) value = 0;  // -0.0 too
  key->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// Names the canonical form of a type: types of one form have the same bytes for the same value.
std::string FormOf(const schema::Type& type) {
  switch (type.id) {
    case schema::TypeId::kInt:
    case schema::TypeId::kLong:
      return "integer";
    case schema::TypeId::kFloat:
    case schema::TypeId::kDouble:
      return "floating point";
    case schema::TypeId::kDecimal:
      return "decimal of scale " + std::to_string(type.scale);
    default:
      return schema::ToString(type);
  }
}

}  // namespace

void AppendCanonical(const arrow::Array& values, int64_t row, std::string* out) {
  switch (values.type_id()) {
    case arrow::Type::BOOL:
      return AppendLong(static_cast<const arrow::BooleanArray&>(values).Value(row) ? 1 : 0, out);
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
      return AppendLong(values.data()->GetValues<int32_t>(1)[row], out);
    case arrow::Type::FLOAT:
      return AppendDouble(static_cast<const arrow::FloatArray&>(values).Value(row), out);
    case arrow::Type::DOUBLE:
      return AppendDouble(static_cast<const arrow::DoubleArray&>(values).Value(row), out);
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const std::string_view bytes = static_cast<const arrow::BinaryArray&>(values).GetView(row);
      AppendLong(static_cast<int64_t>(bytes.size()), out);
      out->append(bytes);
      return;
    }
    case arrow::Type::DECIMAL128:
    case arrow::Type::FIXED_SIZE_BINARY:
      out->append(static_cast<const arrow::FixedSizeBinaryArray&>(values).GetView(row));
      return;
    default:
      return AppendLong(values.data()->GetValues<int64_t>(1)[row], out);
  }
}

Result<schema::Schema> KeySchema(const schema::Schema& schema, const std::vector<int32_t>& ids) {
  if (ids.empty()) return MakeError(Fault::kConfig, "merge needs a primary key");
  schema::Schema keys{.schema_id = schema.schema_id};
  for (const int32_t id : ids) {
    const schema::Field* found = nullptr;
    for (const schema::Field& field : schema.fields) {
      if (field.id == id) found = &field;
    }
    if (found == nullptr) {
      return MakeError(Fault::kConfig,
                       "primary key column is not a top-level column of the table: id " + std::to_string(id));
    }
    if (found->type->is_nested()) {
      return MakeError(Fault::kConfig, "primary key column " + found->name + " is a " + schema::ToString(*found->type));
    }
    keys.fields.push_back(*found);
    keys.fields.back().required = false;  // a missing key is a row for quarantine, not an error
  }
  return keys;
}

KeyHashes HashKeys(const arrow::RecordBatch& batch, const index::HashSecret* secret) {
  const auto num_rows = static_cast<size_t>(batch.num_rows());
  KeyHashes keys;
  for (const auto& column : batch.columns()) {
    if (column->null_count() > 0) keys.has_null.resize(num_rows, false);
  }
  keys.hashes.resize(num_rows);
  std::string key;
  for (size_t row = 0; row < num_rows; ++row) {
    key.clear();
    for (const auto& column : batch.columns()) {
      if (column->IsNull(static_cast<int64_t>(row))) {
        keys.has_null[row] = true;
      } else {
        AppendCanonical(*column, static_cast<int64_t>(row), &key);
      }
    }
    keys.hashes[row] = secret == nullptr ? Xxh3(key) : index::SipHash128(*secret, key);
  }
  return keys;
}

Uuid IndexIdentity(std::string_view table_uuid, const schema::Schema& key_schema) {
  std::string text = "key form 1;" + std::string(table_uuid);  // the number goes up when AppendCanonical changes
  for (const schema::Field& field : key_schema.fields) {
    text += ";" + std::to_string(field.id) + " " + FormOf(*field.type);
  }
  const Hash128 hash = Xxh3(text);
  Uuid identity;
  std::memcpy(identity.bytes.data(), &hash.high, sizeof hash.high);
  std::memcpy(identity.bytes.data() + sizeof hash.high, &hash.low, sizeof hash.low);
  return identity;
}

}  // namespace firn::table
