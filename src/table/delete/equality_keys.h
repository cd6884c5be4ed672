#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"

namespace firn::table {

/// Returns the columns with the field ids as a schema to read delete and data files with: optional, each of its newest
/// type; columns dropped since are found in older schemas; fields of structs come inside of their struct.
/// Errors: kBadData for an id no schema of the table has, or one inside a list or map, or of a nested type.
Result<schema::Schema> EqualitySchema(const TableMetadata& metadata, std::span<const int32_t> field_ids);

/// Turns rows of an EqualitySchema into keys: equal texts are equal rows (see DeleteReader for what is equal).
class KeyEncoder {
 public:
  /// `batch`: in the shape of the schema. Errors: of the pool.
  static Result<KeyEncoder> Make(const arrow::RecordBatch& batch);
  int64_t num_rows() const { return num_rows_; }
  /// The key of a row, borrowed until the next call.
  std::string_view Key(int64_t row);

 private:
  int64_t num_rows_ = 0;
  std::vector<std::shared_ptr<arrow::Array>> leaves_;
  std::string key_;
};

/// A hash table from key to the largest sequence number of a delete with that key. Compares keys by value.
class EqualityKeys {
 public:
  EqualityKeys();
  void Insert(std::string_view key, int64_t sequence_number);
  /// The sequence number; nullopt if no delete has the key. Safe from several threads while nobody inserts.
  std::optional<int64_t> Find(std::string_view key) const;
  void Clear();
  size_t size() const { return entries_.size(); }
  int64_t memory_bytes() const;

 private:
  struct Entry {
    uint64_t hash = 0;
    int64_t sequence_number = 0;
    const char* key = nullptr;
    size_t size = 0;
  };
  size_t SlotOf(uint64_t hash, std::string_view key) const;
  const char* Store(std::string_view key);
  void Grow();

  std::vector<uint32_t> slots_;  // entry index + 1; 0: free
  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_used_ = 0;
  size_t block_size_ = 0;
  int64_t blocks_bytes_ = 0;
};

}  // namespace firn::table
