#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "format/json/column_buffer.h"
#include "format/json/typing_context.h"
#include "schema/type.h"

namespace firn::format::json {

/// What a column holds and how JSON values get into it.
enum class Kind : uint8_t {
  kBool,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampTz,
  kString,
  kMasked,  // string made by a mask
  kJson,    // string of JSON text
  kUuid,
  kStruct,
  kList,
  kMap,
  kOther,  // a type of an existing table that no JSON value has: always null
};

struct Column;

/// One key of an object: its first column and the siblings for values of other types.
struct KeyField {
  explicit KeyField(std::string source_key);
  std::string key;
  std::vector<std::unique_ptr<Column>> columns;  // never empty once in use
  uint64_t head = 0;                             // the key's first eight bytes, for comparing without a call
  uint64_t head_mask = 0;
  uint64_t tail = 0;       // its last eight bytes, if it has more than eight
  bool comparable = true;  // false: the key is long or has characters that JSON must escape
  uint64_t instance = 0;   // the object that set it last: finds duplicate keys
};

/// A node of the tree that is plan and buffers in one: what to do with each key, and the values so far.
/// Rows of a column are filled lazily: `length` may lag behind, missing rows are null. The rows of a struct's children
/// are its own rows; the rows of a list's element are the elements of all lists so far.
struct Column {
  Kind kind = Kind::kOther;
  std::string name;
  int32_t id = 0;
  int32_t precision = 0;
  int32_t scale = 0;
  int32_t fixed_length = 0;
  bool required = false;
  bool sibling = false;
  std::string doc;
  int32_t position = 0;             // among the columns of its struct
  schema::TypePtr other;            // kOther: the type
  const MaskTree* masks = nullptr;  // of this path or below
  const ColumnHint* hint = nullptr;
  int32_t key_id = 0, value_id = 0;  // field ids inside lists and maps

  std::vector<std::unique_ptr<KeyField>> fields;          // kStruct: its keys; kList, kMap: one, the element or value
  std::unordered_map<std::string_view, uint32_t> by_key;  // kStruct: into `fields`
  std::unordered_set<std::string> names;                  // kStruct: lower-case names of its columns
  std::unique_ptr<Column> empty_leaf;                     // kStruct: "_empty"
  std::unique_ptr<Column> map_keys;                       // kMap
  int32_t next_position = 0;                              // kStruct
  int32_t added_keys = 0;                                 // kStruct: since the types were decided

  int64_t length = 0;
  int64_t child_length = 0;  // kList, kMap: elements so far
  int64_t data_size = 0;     // strings: bytes so far
  ColumnBuffer values;       // fixed-width values (bool one byte each) or string bytes
  ColumnBuffer offsets;      // int32, length + 1
  ColumnBuffer validity;     // one byte per row; unused while has_nulls is false
  bool has_nulls = false;

  bool is_text() const { return kind == Kind::kString || kind == Kind::kMasked || kind == Kind::kJson; }
  Column* element() const { return fields[0]->columns[0].get(); }

  /// Adds a key to a struct. The field must have its columns.
  KeyField& AddField(std::unique_ptr<KeyField> field);
  /// Returns the index of a key, or -1.
  int64_t FindKey(std::string_view key) const;

  // Appending at `row` fills the rows before it with nulls. False: out of memory or over 2 GiB, see the arena.
  template <typename T>
  bool AppendFixed(int64_t row, T value) {
    if (length != row || (row + 1) * static_cast<int64_t>(sizeof(T)) > values.capacity()) [[unlikely]] {
      if (!PrepareFixed(row, sizeof(T))) return false;
    }
    std::memcpy(values.data() + row * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
    return MarkValid(row);
  }
  /// Makes room for `size` string bytes (and 16 more) at `row`; returns where to put them, or null.
  uint8_t* PrepareText(int64_t row, size_t size) {
    if (length != row || data_size + static_cast<int64_t>(size) + 16 > values.capacity() ||
        (row + 2) * 4 > offsets.capacity()) [[unlikely]] {
      if (!GrowText(row, size)) return nullptr;
    }
    return values.data() + data_size;
  }
  /// Ends what PrepareText began: `size` bytes have been written.
  bool CommitText(int64_t row, size_t size) {
    data_size += static_cast<int64_t>(size);
    const auto end = static_cast<int32_t>(data_size);
    std::memcpy(offsets.data() + (row + 1) * 4, &end, 4);
    return MarkValid(row);
  }
  bool AppendText(int64_t row, std::string_view text);
  /// Structs: only validity.
  bool AppendPresent(int64_t row) { return (length == row || FillNulls(row)) && MarkValid(row); }
  /// Lists and maps: the elements up to child_length belong to `row`. BeginList has been called before them.
  bool BeginList(int64_t row);
  bool CommitList(int64_t row);

  /// Makes rows up to `rows` null where they are missing.
  bool FillNulls(int64_t rows);
  /// Forgets everything from row `rows` on, at every level, also of rows that were only begun.
  void Truncate(int64_t rows);
  /// Rewrites the values for a promotion: kInt to kLong, kFloat to kDouble.
  bool Widen();
  /// Gives the rows to Arrow and starts anew. `length` must not be more than `rows`.
  Result<std::shared_ptr<arrow::ArrayData>> Finish(int64_t rows, const std::shared_ptr<arrow::DataType>& type);

 private:
  bool PrepareFixed(int64_t row, size_t width);
  bool GrowText(int64_t row, size_t size);
  bool MarkValid(int64_t row) {
    if (has_nulls) [[unlikely]] {
      if (row + 1 > validity.capacity() && !validity.Reserve(row + 1)) return false;
      validity.data()[row] = 1;
    }
    length = row + 1;
    return true;
  }
  bool MakeValidity(int64_t rows);
  Result<std::shared_ptr<arrow::Buffer>> FinishValidity(int64_t rows, int64_t& null_count);
};

/// Bytes of one value of a fixed-width kind; 0 for the others.
int64_t FixedWidth(Kind kind);

/// All columns of a struct in the order of the schema. Borrowed.
std::vector<Column*> OrderedColumns(const Column& structure);

/// Compares a key by its bytes. `inside` points behind its opening quote; the padding of the body makes kKeyBytesMax
/// and eight more bytes readable there, and longer keys are looked up instead.
inline constexpr size_t kKeyBytesMax = 48;
inline bool KeyIs(const uint8_t* inside, const KeyField& field) {
  const size_t size = field.key.size();
  uint64_t head;
  std::memcpy(&head, inside, 8);
  if (!field.comparable || ((head ^ field.head) & field.head_mask) != 0 || inside[size] != '"') return false;
  if (size <= 8) return true;
  uint64_t tail;
  std::memcpy(&tail, inside + size - 8, 8);
  return tail == field.tail && (size <= 16 || std::memcmp(inside + 8, field.key.data() + 8, size - 16) == 0);
}

}  // namespace firn::format::json
