#include "format/json/column.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace firn::format::json {
namespace {

constexpr int64_t kTextBytesMax = std::numeric_limits<int32_t>::max();

// Packs one byte per value (0 or 1) to one bit; returns the number of ones.
int64_t PackBits(const uint8_t* bytes, int64_t count, uint8_t* bits) {
  int64_t ones = 0;
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, bytes + i, 8);
    // The multiplication moves the lowest bit of byte k to bit 56 + k; no two terms meet in the upper byte.
    const auto packed = static_cast<uint8_t>((eight * 0x0102040810204080ULL) >> 56);
    bits[i / 8] = packed;
    ones += static_cast<int64_t>((eight * 0x0101010101010101ULL) >> 56);
  }
  if (i < count) bits[i / 8] = 0;
  for (; i < count; ++i) {
    bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | (bytes[i] << (i % 8)));
    ones += bytes[i];
  }
  return ones;
}

constexpr int64_t kNullsMin = 64;
constexpr int64_t kOffsetsAhead = 10;  // offsets behind those of the rows: the last one, and what FillWide writes over

// Most gaps are a row or two.
void Clear(ColumnBuffer& buffer, int64_t begin, int64_t size) {
  constexpr int64_t kFew = 16;
  uint8_t* from = buffer.data() + begin;
  const bool few = size <= kFew && begin + kFew <= buffer.capacity();
  if (few) {
    std::memset(from, 0, kFew);
  } else {
    std::memset(from, 0, static_cast<size_t>(size));
  }
}

// As std::fill, but by 32 bytes: `to` has room for seven more, which hold anything afterwards.
void FillWide(int32_t* to, int64_t count, int32_t value) {
  constexpr int64_t kWide = 8;
  int32_t wide[kWide];
  std::fill(wide, wide + kWide, value);
  for (int64_t i = 0; i < count; i += kWide) std::memcpy(to + i, wide, sizeof wide);
}

// The widest value in the tree, in bytes; an offset has four.
int64_t ZeroWidth(const arrow::DataType& type) {
  int64_t width = std::max(4, type.byte_width());
  for (const auto& field : type.fields()) width = std::max(width, ZeroWidth(*field->type()));
  return width;
}

// `rows` nulls whose bitmaps, offsets and values are all `zeros`.
std::shared_ptr<arrow::ArrayData> NullData(const std::shared_ptr<arrow::DataType>& type, int64_t rows,
                                           const std::shared_ptr<arrow::Buffer>& zeros) {
  if (type->id() == arrow::Type::NA) return arrow::ArrayData::Make(type, rows, {nullptr}, rows);
  std::vector<std::shared_ptr<arrow::Buffer>> buffers(type->layout().buffers.size(), zeros);
  auto data = arrow::ArrayData::Make(type, rows, std::move(buffers), rows);
  const int64_t child_rows = type->id() == arrow::Type::STRUCT ? rows : 0;  // lists and maps are empty
  data->child_data.reserve(static_cast<size_t>(type->num_fields()));
  for (const auto& field : type->fields()) data->child_data.push_back(NullData(field->type(), child_rows, zeros));
  return data;
}

}  // namespace

KeyField::KeyField(std::string source_key)
    : size(static_cast<uint32_t>(source_key.size())), key(std::move(source_key)) {
  std::memcpy(&head, key.data(), std::min<size_t>(key.size(), 8));
  head_mask = key.size() >= 8 ? ~0ULL : (1ULL << (8 * key.size())) - 1;
  if (key.size() > 8) std::memcpy(&tail, key.data() + key.size() - 8, 8);
  comparable = key.size() <= kKeyBytesMax && std::all_of(key.begin(), key.end(), [](char c) {
                 return c != '"' && c != '\\' && static_cast<uint8_t>(c) >= 0x20;
               });
}

int64_t FixedWidth(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return 1;
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kDate:
      return 4;
    case Kind::kLong:
    case Kind::kDouble:
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
    case Kind::kTimestampNs:
    case Kind::kTimestampTzNs:
      return 8;
    case Kind::kDecimal:
    case Kind::kUuid:
      return 16;
    default:
      return 0;
  }
}

std::vector<Column*> OrderedColumns(const Column& structure) {
  std::vector<Column*> columns;
  for (const auto& field : structure.fields) {
    for (const auto& column : field->columns) columns.push_back(column.get());
  }
  if (structure.empty_leaf) columns.push_back(structure.empty_leaf.get());
  std::sort(columns.begin(), columns.end(), [](const Column* a, const Column* b) { return a->position < b->position; });
  return columns;
}

KeyField& Column::AddField(std::unique_ptr<KeyField> field) {
  by_key.emplace(field->key, static_cast<uint32_t>(fields.size()));
  return *fields.emplace_back(std::move(field));
}

int64_t Column::FindKey(std::string_view key) const {
  const auto found = by_key.find(key);
  return found == by_key.end() ? -1 : static_cast<int64_t>(found->second);
}

bool Column::PrepareFixed(int64_t row, size_t width) {
  if (length < row && !FillNulls(row)) return false;
  return values.Reserve((row + 1) * static_cast<int64_t>(width));
}

bool Column::GrowText(int64_t row, size_t size) {
  if (length < row && !FillNulls(row)) return false;
  const int64_t bytes = data_size + static_cast<int64_t>(size);
  if (bytes > kTextBytesMax) {
    values.arena()->failure = MakeError(Fault::kBadData, "more than 2 GiB of text in one batch: column " + name);
    return false;
  }
  const bool first = offsets.capacity() == 0;
  if (!values.Reserve(bytes + 16) || !offsets.Reserve((row + 2) * 4)) return false;
  if (first) std::memset(offsets.data(), 0, 4);
  return true;
}

bool Column::AppendText(int64_t row, std::string_view text) {
  uint8_t* to = PrepareText(row, text.size());
  if (!to) return false;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return CommitText(row, text.size());
}

int64_t Column::width() const {
  return kind == Kind::kFixed ? fixed_length : FixedWidth(kind);
}

bool Column::AppendRaw(int64_t row, std::string_view bytes) {
  const auto width = static_cast<int64_t>(bytes.size());
  if ((length != row || (row + 1) * width > values.capacity()) && !PrepareFixed(row, bytes.size())) return false;
  std::memcpy(values.data() + row * width, bytes.data(), bytes.size());
  return MarkValid(row);
}

bool Column::BeginList(int64_t row) {
  if (length < row && !FillNulls(row)) return false;
  const bool first = offsets.capacity() == 0;
  if (!offsets.Reserve((row + 2) * 4)) return false;
  if (first) std::memset(offsets.data(), 0, 4);
  return true;
}

bool Column::CommitList(int64_t row) {
  if (child_length > kTextBytesMax) {
    offsets.arena()->failure = MakeError(Fault::kBadData, "more than 2^31 list elements in one batch: column " + name);
    return false;
  }
  const auto end = static_cast<int32_t>(child_length);
  std::memcpy(offsets.data() + (row + 1) * 4, &end, 4);
  return MarkValid(row);
}

bool Column::MakeValidity(int64_t rows) {
  if (!validity.Reserve(std::max(rows, length))) return false;
  if (!has_nulls && length > 0) std::memset(validity.data(), 1, static_cast<size_t>(length));
  has_nulls = true;
  return true;
}

bool Column::FillNulls(int64_t rows) {
  if (length >= rows) return true;
  if ((!has_nulls || rows > validity.capacity()) && !MakeValidity(rows)) return false;
  const int64_t missing = rows - length;
  Clear(validity, length, missing);
  if (const int64_t width = this->width(); width > 0) {
    if (!values.Reserve(rows * width)) return false;
    Clear(values, length * width, missing * width);
  } else if (has_offsets() || kind == Kind::kList || kind == Kind::kMap) {
    if (!offsets.Reserve((rows + kOffsetsAhead) * 4)) return false;
    auto* ends = reinterpret_cast<int32_t*>(offsets.data());
    if (length == 0) ends[0] = 0;
    FillWide(ends + length + 1, missing, ends[length]);
  }
  length = rows;
  return true;
}

void Column::Truncate(int64_t rows) {
  length = std::min(length, rows);
  switch (kind) {
    case Kind::kString:
    case Kind::kMasked:
    case Kind::kJson:
    case Kind::kBinary:
      data_size = offsets.data() ? reinterpret_cast<const int32_t*>(offsets.data())[length] : 0;
      break;
    case Kind::kList:
    case Kind::kMap:
      child_length = offsets.data() ? reinterpret_cast<const int32_t*>(offsets.data())[length] : 0;
      for (auto& column : fields[0]->columns) column->Truncate(child_length);
      if (map_keys) map_keys->Truncate(child_length);
      break;
    case Kind::kStruct:
      for (auto& field : fields) {
        for (auto& column : field->columns) column->Truncate(length);  // no row after it has been present
      }
      if (empty_leaf) empty_leaf->Truncate(length);
      break;
    default:
      break;
  }
}

bool Column::Widen() {
  const Kind wide = kind == Kind::kInt ? Kind::kLong : Kind::kDouble;
  if (length > 0) {
    if (!values.Reserve(length * 8)) return false;
    for (int64_t i = length - 1; i >= 0; --i) {  // from the back: the wide value never overwrites an unread one
      int32_t integer;
      float single;
      int64_t wide_integer;
      std::memcpy(&integer, values.data() + i * 4, 4);
      std::memcpy(&single, values.data() + i * 4, 4);
      const auto wide_double = static_cast<double>(single);
      wide_integer = integer;
      std::memcpy(values.data() + i * 8, wide == Kind::kLong ? static_cast<const void*>(&wide_integer) : &wide_double,
                  8);
    }
  }
  kind = wide;
  return true;
}

Result<std::shared_ptr<arrow::Buffer>> Column::FinishValidity(int64_t rows, int64_t& null_count) {
  null_count = 0;
  if (!std::exchange(has_nulls, false)) return std::shared_ptr<arrow::Buffer>();
  ColumnArena& arena = *validity.arena();
  uint8_t* bits = arena.Room((rows + 7) / 8 + 1);
  if (bits == nullptr) return arena.failure;
  null_count = rows - PackBits(validity.data(), rows, bits);
  if (null_count == 0) return std::shared_ptr<arrow::Buffer>();
  return arena.Take((rows + 7) / 8);
}

Result<std::shared_ptr<arrow::ArrayData>> Column::Nulls(int64_t rows) {
  if (nulls == nullptr || nulls->length < rows) {
    const auto count = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max(rows, kNullsMin))));
    const std::shared_ptr<arrow::Buffer> zeros = values.arena()->Zeros((count + 1) * ZeroWidth(*finished_type));
    if (zeros == nullptr) return values.arena()->failure;
    nulls = NullData(finished_type, count, zeros);
  }
  if (nulls->length == rows) return nulls;
  auto data = std::make_shared<arrow::ArrayData>(*nulls);
  data->length = rows;
  data->null_count = rows;
  return data;
}

void Column::Restart() {
  length = 0;
  child_length = 0;
  data_size = 0;
  has_nulls = false;
}

Result<std::shared_ptr<arrow::ArrayData>> Column::Finish(int64_t rows, const std::shared_ptr<arrow::DataType>& type) {
  FIRN_CHECK(length <= rows);
  if (finished_type != type) {
    finished_type = type;
    nulls.reset();
    ordered = OrderedColumns(*this);
  }
  if (length == 0 && (rows > 0 || kind == Kind::kOther)) {
    Restart();
    return Nulls(rows);
  }
  if (!FillNulls(rows)) return values.arena()->failure;
  auto data = std::make_shared<arrow::ArrayData>(type, rows);
  data->buffers.reserve(3);
  int64_t null_count = 0;
  ARROW_ASSIGN_OR_RAISE(auto bits, FinishValidity(rows, null_count));
  data->buffers.push_back(std::move(bits));
  data->null_count = null_count;
  if (has_offsets() || kind == Kind::kList || kind == Kind::kMap) {
    if (rows == 0) {
      if (!offsets.Reserve(4)) return offsets.arena()->failure;
      std::memset(offsets.data(), 0, 4);
    }
    ARROW_ASSIGN_OR_RAISE(auto ends, offsets.Finish((rows + 1) * 4));
    data->buffers.push_back(std::move(ends));
  }
  if (has_offsets()) {
    ARROW_ASSIGN_OR_RAISE(auto text, values.Finish(data_size));
    data->buffers.push_back(std::move(text));
  } else if (kind == Kind::kBool) {
    uint8_t* packed = values.arena()->Room((rows + 7) / 8 + 1);
    if (packed == nullptr) return values.arena()->failure;
    if (rows > 0) PackBits(values.data(), rows, packed);
    data->buffers.push_back(values.arena()->Take((rows + 7) / 8));
  } else if (const int64_t width = this->width(); width > 0) {
    ARROW_ASSIGN_OR_RAISE(auto fixed, values.Finish(rows * width));
    data->buffers.push_back(std::move(fixed));
  } else {
    ARROW_RETURN_NOT_OK(FinishChildren(rows, *type, data.get()));
  }
  Restart();
  return data;
}

// Lists, maps and structs.
Status Column::FinishChildren(int64_t rows, const arrow::DataType& type, arrow::ArrayData* data) {
  if (kind == Kind::kList) {
    ARROW_ASSIGN_OR_RAISE(auto child, element()->Finish(child_length, type.field(0)->type()));
    data->child_data.push_back(std::move(child));
  } else if (kind == Kind::kMap) {
    const auto& entries = static_cast<const arrow::MapType&>(type).value_type();
    auto pairs = std::make_shared<arrow::ArrayData>(entries, child_length, 0);
    pairs->buffers.push_back(nullptr);
    ARROW_ASSIGN_OR_RAISE(auto keys, map_keys->Finish(child_length, entries->field(0)->type()));
    ARROW_ASSIGN_OR_RAISE(auto items, element()->Finish(child_length, entries->field(1)->type()));
    pairs->child_data = {std::move(keys), std::move(items)};
    data->child_data.push_back(std::move(pairs));
  } else if (kind == Kind::kStruct) {
    data->child_data.reserve(ordered.size());
    for (size_t i = 0; i < ordered.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto child, ordered[i]->Finish(rows, type.field(static_cast<int>(i))->type()));
      data->child_data.push_back(std::move(child));
    }
  }
  return Status::OK();
}

}  // namespace firn::format::json
