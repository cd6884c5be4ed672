#include "table/delete/equality_keys.h"

#include <arrow/array.h>
#include <arrow/array/array_nested.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/hash.h"

namespace firn::table {

namespace {

constexpr size_t kBlockBytes = 256 << 10;
constexpr size_t kSlotsMin = 1024;

/// `field` with nothing but the way to the field of that id; nullopt if it is not inside.
std::optional<schema::Field> Pruned(const schema::Field& field, int32_t id) {
  schema::Field pruned = field;
  pruned.required = false;
  if (field.id == id) return pruned;
  if (field.type->id != schema::TypeId::kStruct) return std::nullopt;
  for (const schema::Field& child : field.type->children) {
    auto found = Pruned(child, id);
    if (!found) continue;
    pruned.type = schema::Struct({*std::move(found)});
    return pruned;
  }
  return std::nullopt;
}

std::optional<schema::Field> Pruned(const schema::Schema& schema, int32_t id) {
  for (const schema::Field& field : schema.fields) {
    if (auto found = Pruned(field, id)) return found;
  }
  return std::nullopt;
}

/// In the current schema, else in the newest one that has it.
std::optional<schema::Field> Pruned(const TableMetadata& metadata, int32_t id) {
  if (auto found = Pruned(metadata.schema(), id)) return found;
  std::optional<schema::Field> newest;
  int32_t newest_id = std::numeric_limits<int32_t>::min();
  for (const SchemaPtr& schema : metadata.schemas) {
    if (schema->schema_id < newest_id) continue;
    if (auto found = Pruned(*schema, id)) {
      newest = std::move(found);
      newest_id = schema->schema_id;
    }
  }
  return newest;
}

/// Adds a pruned field to its siblings, into the struct they share.
void Merge(schema::Field field, std::vector<schema::Field>* fields) {
  for (schema::Field& other : *fields) {
    if (other.id != field.id) continue;
    if (other.type->id != schema::TypeId::kStruct) return;  // the same leaf
    std::vector<schema::Field> children = other.type->children;
    for (const schema::Field& child : field.type->children) Merge(child, &children);
    other.type = schema::Struct(std::move(children));
    return;
  }
  fields->push_back(std::move(field));
}

/// Appends the leaves of an array, null where a struct above is null.
Status Flatten(const std::shared_ptr<arrow::Array>& array, std::vector<std::shared_ptr<arrow::Array>>* leaves) {
  if (array->type_id() != arrow::Type::STRUCT) {
    leaves->push_back(array);
    return Status::OK();
  }
  const auto& structs = static_cast<const arrow::StructArray&>(*array);
  for (int i = 0; i < structs.num_fields(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto child, structs.GetFlattenedField(i));
    ARROW_RETURN_NOT_OK(Flatten(child, leaves));
  }
  return Status::OK();
}

template <typename T>
void AppendRaw(T value, std::string* key) {
  key->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
void AppendFloat(T value, std::string* key) {
  AppendRaw(std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value, key);
}

/// Appends a form of fixed length, or one that begins with its length, so that columns cannot run into each other.
void AppendValue(const arrow::Array& values, int64_t row, std::string* key) {
  switch (values.type_id()) {
    case arrow::Type::BOOL:
      return AppendRaw<uint8_t>(static_cast<const arrow::BooleanArray&>(values).Value(row) ? 1 : 0, key);
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
      return AppendRaw(values.data()->GetValues<int32_t>(1)[row], key);
    case arrow::Type::FLOAT:
      return AppendFloat(static_cast<const arrow::FloatArray&>(values).Value(row), key);
    case arrow::Type::DOUBLE:
      return AppendFloat(static_cast<const arrow::DoubleArray&>(values).Value(row), key);
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const std::string_view bytes = static_cast<const arrow::BinaryArray&>(values).GetView(row);
      AppendRaw(static_cast<uint32_t>(bytes.size()), key);
      key->append(bytes);
      return;
    }
    case arrow::Type::DECIMAL128:
    case arrow::Type::FIXED_SIZE_BINARY:
      key->append(static_cast<const arrow::FixedSizeBinaryArray&>(values).GetView(row));
      return;
    default:
      FIRN_CHECK(values.data()->GetNullCount() == values.length() ||
                 static_cast<const arrow::FixedWidthType&>(*values.type()).bit_width() == 64);
      return AppendRaw(values.data()->GetValues<int64_t>(1)[row], key);
  }
}

}  // namespace

Result<schema::Schema> EqualitySchema(const TableMetadata& metadata, std::span<const int32_t> field_ids) {
  schema::Schema keys;
  for (const int32_t id : field_ids) {
    auto field = Pruned(metadata, id);
    if (!field) {
      return MakeError(Fault::kBadData, "equality deletes by a column the table never had: id " + std::to_string(id));
    }
    const schema::Field* leaf = &*field;
    while (leaf->id != id) leaf = &leaf->type->children[0];
    if (leaf->type->is_nested()) {
      return MakeError(Fault::kBadData, "equality deletes by a nested column: id " + std::to_string(id));
    }
    Merge(*std::move(field), &keys.fields);
  }
  return keys;
}

Result<KeyEncoder> KeyEncoder::Make(const arrow::RecordBatch& batch) {
  KeyEncoder encoder;
  encoder.num_rows_ = batch.num_rows();
  for (const auto& column : batch.columns()) ARROW_RETURN_NOT_OK(Flatten(column, &encoder.leaves_));
  return encoder;
}

std::string_view KeyEncoder::Key(int64_t row) {
  key_.clear();
  for (const auto& leaf : leaves_) {
    const bool is_null = leaf->IsNull(row);
    key_ += is_null ? '\0' : '\1';
    if (!is_null) AppendValue(*leaf, row, &key_);
  }
  return key_;
}

EqualityKeys::EqualityKeys() : slots_(kSlotsMin, 0) {}

void EqualityKeys::Clear() {
  *this = EqualityKeys();
}

int64_t EqualityKeys::memory_bytes() const {
  return static_cast<int64_t>(slots_.capacity() * sizeof(uint32_t) + entries_.capacity() * sizeof(Entry)) +
         blocks_bytes_;
}

size_t EqualityKeys::SlotOf(uint64_t hash, std::string_view key) const {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) return slot;
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.hash == hash && std::string_view(entry.key, entry.size) == key) return slot;
  }
}

void EqualityKeys::Insert(std::string_view key, int64_t sequence_number) {
  const uint64_t hash = Xxh3(key).low;
  size_t slot = SlotOf(hash, key);
  if (slots_[slot] != 0) {
    int64_t& known = entries_[slots_[slot] - 1].sequence_number;
    known = std::max(known, sequence_number);
    return;
  }
  if ((entries_.size() + 1) * 3 > slots_.size() * 2) {
    Grow();
    slot = SlotOf(hash, key);
  }
  entries_.push_back({.hash = hash, .sequence_number = sequence_number, .key = Store(key), .size = key.size()});
  slots_[slot] = static_cast<uint32_t>(entries_.size());
}

std::optional<int64_t> EqualityKeys::Find(std::string_view key) const {
  const uint32_t found = slots_[SlotOf(Xxh3(key).low, key)];
  return found == 0 ? std::nullopt : std::optional(entries_[found - 1].sequence_number);
}

const char* EqualityKeys::Store(std::string_view key) {
  if (blocks_.empty() || block_size_ - block_used_ < key.size()) {
    block_size_ = std::max(kBlockBytes, key.size());
    blocks_.push_back(std::make_unique<char[]>(block_size_));
    blocks_bytes_ += static_cast<int64_t>(block_size_);
    block_used_ = 0;
  }
  char* stored = blocks_.back().get() + block_used_;
  std::memcpy(stored, key.data(), key.size());
  block_used_ += key.size();
  return stored;
}

void EqualityKeys::Grow() {
  FIRN_CHECK(entries_.size() < std::numeric_limits<uint32_t>::max() / 2);
  slots_.assign(slots_.size() * 2, 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < entries_.size(); ++i) {
    size_t slot = entries_[i].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

}  // namespace firn::table
