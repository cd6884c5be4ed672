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
  kTimestampNs,
  kTimestampTzNs,
  kBinary,  // base64 or hexadecimal text
  kFixed,   // the same, of one length
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
  // What decoding looks at comes first, in one cache line.
  uint64_t head = 0;  // the key's first eight bytes, for comparing without a call
  uint64_t head_mask = 0;
  uint64_t tail = 0;                             // its last eight bytes, if it has more than eight
  uint64_t instance = 0;                         // the object that set it last: finds duplicate keys
  std::vector<std::unique_ptr<Column>> columns;  // never empty once in use
  uint32_t size = 0;                             // of the key
  bool comparable = true;                        // false: the key is long or has characters that JSON must escape
  std::string key;
};

/// A node of the tree that is plan and buffers in one: what to do with each key, and the values so far.
/// Rows of a column are filled lazily: `length` may lag behind, missing rows are null. Between records a column without
/// rows has none below it either. The rows of a struct's children are its own rows; the rows of a list's element are
/// the elements of all lists so far.
struct Column {
  // What decoding touches for each value comes first, in few cache lines: of thousands of columns most are cold.
  Kind kind = Kind::kOther;
  bool has_nulls = false;
  bool required = false;
  bool sibling = false;
  int64_t length = 0;
  int64_t data_size = 0;  // strings: bytes so far
  const ColumnHint* hint = nullptr;
  ColumnBuffer values;                            // fixed-width values (bool one byte each) or string bytes
  ColumnBuffer offsets;                           // int32, length + 1
  ColumnBuffer validity;                          // one byte per row; unused while has_nulls is false
  int64_t child_length = 0;                       // kList, kMap: elements so far
  std::vector<std::unique_ptr<KeyField>> fields;  // kStruct: its keys; kList, kMap: one, the element or value
  std::unique_ptr<Column> empty_leaf;             // kStruct: "_empty"
  const MaskTree* masks = nullptr;                // of this path or below

  std::string name;
  int32_t id = 0;
  int32_t precision = 0;
  int32_t scale = 0;
  int32_t fixed_length = 0;
  std::string doc;
  int32_t position = 0;              // among the columns of its struct
  schema::TypePtr other;             // kOther: the type
  int32_t key_id = 0, value_id = 0;  // field ids inside lists and maps

  std::unordered_map<std::string_view, uint32_t> by_key;  // kStruct: into `fields`
  std::unordered_set<std::string> names;                  // kStruct: lower-case names of its columns
  std::unordered_set<std::string> nested_names;           // kStruct: those of structs, lists and maps
  std::unordered_set<std::string> dotted_names;           // kStruct: those with a dot
  std::unordered_set<std::string> deferred;               // kStruct: keys that inference saw without a type
  std::unique_ptr<Column> map_keys;                       // kMap
  int32_t next_position = 0;                              // kStruct
  int32_t added_keys = 0;                                 // kStruct: since the types were decided

  // Made for the type of the last batch, which is the same object until the plan changes.
  std::shared_ptr<arrow::DataType> finished_type;
  std::vector<Column*> ordered;             // kStruct: its columns
  std::shared_ptr<arrow::ArrayData> nulls;  // at least as many as were wanted last

  bool is_text() const { return kind == Kind::kString || kind == Kind::kMasked || kind == Kind::kJson; }
  bool has_offsets() const { return is_text() || kind == Kind::kBinary; }
  /// Bytes of one value; 0 unless they are fixed.
  int64_t width() const;
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
  /// kFixed: `bytes` of its length.
  bool AppendRaw(int64_t row, std::string_view bytes);
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
  /// Gives the rows to Arrow and starts anew. `length` must not be more than `rows`. A column without values takes a
  /// share of nulls made before, with everything below it: children may be longer than their struct.
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
  Result<std::shared_ptr<arrow::ArrayData>> Nulls(int64_t rows);
  Status FinishChildren(int64_t rows, const arrow::DataType& type, arrow::ArrayData* data);
  void Restart();
  Result<std::shared_ptr<arrow::Buffer>> FinishValidity(int64_t rows, int64_t& null_count);
};

/// Bytes of one value of a fixed-width kind; 0 for the others, and for kFixed, whose length the column knows.
int64_t FixedWidth(Kind kind);

/// All columns of a struct in the order of the schema. Borrowed.
std::vector<Column*> OrderedColumns(const Column& structure);

/// Compares a key by its bytes. `inside` points behind its opening quote; the padding of the body makes kKeyBytesMax
/// and eight more bytes readable there, and longer keys are looked up instead.
inline constexpr size_t kKeyBytesMax = 48;
inline bool KeyIs(const uint8_t* inside, const KeyField& field) {
  const size_t size = field.size;
  uint64_t head;
  std::memcpy(&head, inside, 8);
  if (!field.comparable || ((head ^ field.head) & field.head_mask) != 0 || inside[size] != '"') return false;
  if (size <= 8) return true;
  uint64_t tail;
  std::memcpy(&tail, inside + size - 8, 8);
  return tail == field.tail && (size <= 16 || std::memcmp(inside + 8, field.key.data() + 8, size - 16) == 0);
}

}  // namespace firn::format::json
