#include "table/write/bounds.h"

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_run_reader.h>
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>

#include "format/parquet/column_encoder.h"
#include "table/metadata/literal.h"

namespace firn::table {

namespace {

constexpr size_t kStringCodePointsMax = 16;
constexpr size_t kBytesMax = 16;
/// Bytes of a value that are kept while comparing. 17 code points fit into 68 bytes, so the prefix still shows whether
/// a string is longer than 16 code points; cutting by bytes keeps the order, so bounds of prefixes are bounds of
/// values.
constexpr size_t kPrefixBytes = 68;
constexpr int32_t kFixedBoundBytesMax = 64;

/// Length in bytes of the code point that starts with `lead`; 0 if it is no start of one.
size_t CodePointBytes(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

/// Starts of up to `limit` code points of `text`, and the end of the last one. Stops at invalid UTF-8.
std::vector<size_t> CodePointStarts(std::string_view text, size_t limit) {
  std::vector<size_t> starts = {0};
  size_t at = 0;
  while (at < text.size() && starts.size() <= limit) {
    const size_t bytes = CodePointBytes(static_cast<uint8_t>(text[at]));
    if (bytes == 0 || at + bytes > text.size()) break;
    at += bytes;
    starts.push_back(at);
  }
  return starts;
}

uint32_t DecodeCodePoint(std::string_view bytes) {
  const auto lead = static_cast<uint8_t>(bytes[0]);
  if (bytes.size() == 1) return lead;
  uint32_t value = lead & (0xFFU >> (bytes.size() + 1));
  for (size_t i = 1; i < bytes.size(); ++i) value = (value << 6) | (static_cast<uint8_t>(bytes[i]) & 0x3FU);
  return value;
}

void AppendCodePoint(uint32_t value, std::string* out) {
  if (value < 0x80) {
    out->push_back(static_cast<char>(value));
  } else if (value < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (value >> 6)));
    out->push_back(static_cast<char>(0x80 | (value & 0x3F)));
  } else if (value < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (value >> 12)));
    out->push_back(static_cast<char>(0x80 | ((value >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (value & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (value >> 18)));
    out->push_back(static_cast<char>(0x80 | ((value >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((value >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (value & 0x3F)));
  }
}

template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));  // all targets are little-endian
}

/// Calls `visit(position, length)` for each run of valid slots, positions relative to the array's first slot.
template <typename Visit>
void VisitValid(const arrow::Array& array, Visit&& visit) {
  const uint8_t* bitmap = array.null_count() == 0 ? nullptr : array.null_bitmap_data();
  arrow::internal::VisitSetBitRunsVoid(bitmap, array.offset(), array.length(), visit);
}

}  // namespace

/// Minimum, maximum and counts of one leaf. Subclasses look at the valid values only.
class MetricsCollector::Leaf {
 public:
  explicit Leaf(int32_t field_id) { metrics_.field_id = field_id; }
  virtual ~Leaf() = default;
  void Add(const arrow::Array& array) {
    metrics_.value_count += array.length();
    metrics_.null_count += array.null_count();
    AddValid(array);
  }
  ColumnMetrics Finish() const {
    ColumnMetrics metrics = metrics_;
    Complete(&metrics);
    return metrics;
  }

 protected:
  virtual void AddValid(const arrow::Array& array) = 0;
  virtual void Complete(ColumnMetrics* metrics) const = 0;
  bool any_ = false;

 private:
  ColumnMetrics metrics_;
};

namespace {

using Leaf = MetricsCollector::Leaf;

class CountLeaf final : public Leaf {
 public:
  using Leaf::Leaf;

 private:
  void AddValid(const arrow::Array&) override {}
  void Complete(ColumnMetrics*) const override {}
};

class BooleanLeaf final : public Leaf {
 public:
  using Leaf::Leaf;

 private:
  void AddValid(const arrow::Array& array) override {
    const auto& values = static_cast<const arrow::BooleanArray&>(array);
    const int64_t trues = values.true_count();
    any_true_ |= trues > 0;
    any_false_ |= trues < array.length() - array.null_count();
  }
  void Complete(ColumnMetrics* metrics) const override {
    if (!any_true_ && !any_false_) return;
    metrics->lower = std::string(1, any_false_ ? '\0' : '\1');
    metrics->upper = std::string(1, any_true_ ? '\1' : '\0');
  }
  bool any_true_ = false;
  bool any_false_ = false;
};

template <typename T>
class IntegerLeaf final : public Leaf {
 public:
  using Leaf::Leaf;

 private:
  void AddValid(const arrow::Array& array) override {
    const T* values = array.data()->GetValues<T>(1);
    VisitValid(array, [&](int64_t position, int64_t length) {
      T low = low_;
      T high = high_;
      for (int64_t i = position; i < position + length; ++i) {
        low = std::min(low, values[i]);
        high = std::max(high, values[i]);
      }
      low_ = low;
      high_ = high;
      any_ |= length > 0;
    });
  }
  void Complete(ColumnMetrics* metrics) const override {
    if (!any_) return;
    metrics->lower = Raw(low_);
    metrics->upper = Raw(high_);
  }
  T low_ = std::numeric_limits<T>::max();
  T high_ = std::numeric_limits<T>::min();
};

/// Compares floats as integers: the sign-magnitude bits, mapped to two's complement, order all numbers with
/// -0.0 < +0.0, and the loop has no branch.
template <typename Float, typename Bits>
class FloatLeaf final : public Leaf {
 public:
  using Leaf::Leaf;

 private:
  static Bits Key(Bits bits) {
    return bits ^ static_cast<Bits>((bits >> (sizeof(Bits) * 8 - 1)) & std::numeric_limits<Bits>::max());
  }
  void AddValid(const arrow::Array& array) override {
    const Bits* values = array.data()->GetValues<Bits>(1);
    const Bits infinity = Key(std::bit_cast<Bits>(std::numeric_limits<Float>::infinity()));
    const Bits minus_infinity = Key(std::bit_cast<Bits>(-std::numeric_limits<Float>::infinity()));
    VisitValid(array, [&](int64_t position, int64_t length) {
      int64_t nans = 0;
      for (int64_t i = position; i < position + length; ++i) {
        const Bits key = Key(values[i]);
        const bool is_nan = key > infinity || key < minus_infinity;
        nans += is_nan;
        low_ = std::min(low_, is_nan ? low_ : key);
        high_ = std::max(high_, is_nan ? high_ : key);
      }
      nans_ += nans;
      any_ |= nans < length;
    });
  }
  void Complete(ColumnMetrics* metrics) const override {
    metrics->nan_count = nans_;
    if (!any_) return;
    metrics->lower = Raw(Key(low_));
    metrics->upper = Raw(Key(high_));
  }
  Bits low_ = std::numeric_limits<Bits>::max();
  Bits high_ = std::numeric_limits<Bits>::min();
  int64_t nans_ = 0;
};

class DecimalLeaf final : public Leaf {
 public:
  using Leaf::Leaf;

 private:
  void AddValid(const arrow::Array& array) override {
    const auto& values = static_cast<const arrow::FixedSizeBinaryArray&>(array);
    VisitValid(array, [&](int64_t position, int64_t length) {
      for (int64_t i = position; i < position + length; ++i) {
        Int128 value;
        std::memcpy(&value, values.GetValue(i), sizeof(value));
        low_ = any_ ? std::min(low_, value) : value;
        high_ = any_ ? std::max(high_, value) : value;
        any_ = true;
      }
    });
  }
  void Complete(ColumnMetrics* metrics) const override {
    if (!any_) return;
    metrics->lower = DecimalToBytes(reinterpret_cast<const uint8_t*>(&low_));
    metrics->upper = DecimalToBytes(reinterpret_cast<const uint8_t*>(&high_));
  }
  Int128 low_ = 0;
  Int128 high_ = 0;
};

/// The smallest and largest prefix of byte strings, in unsigned byte order (for UTF-8 that is code point order).
class PrefixRange {
 public:
  void Add(std::string_view value) {
    const std::string_view prefix = value.substr(0, kPrefixBytes);
    const uint64_t head = Head(prefix);
    if (!any_) {
      low_.assign(prefix);
      high_.assign(prefix);
      low_head_ = high_head_ = head;
      any_ = true;
      return;
    }
    // Most values differ from both ends within eight bytes, so most need no memcmp.
    if (head < low_head_ || (head == low_head_ && prefix < low_)) {
      low_.assign(prefix);
      low_head_ = head;
    }
    if (head > high_head_ || (head == high_head_ && prefix > high_)) {
      high_.assign(prefix);
      high_head_ = head;
    }
  }
  bool any() const { return any_; }
  const std::string& low() const { return low_; }
  const std::string& high() const { return high_; }

 private:
  static uint64_t Head(std::string_view text) {
    uint64_t head = 0;
    std::memcpy(&head, text.data(), std::min<size_t>(8, text.size()));
    return __builtin_bswap64(head);
  }
  bool any_ = false;
  std::string low_, high_;
  uint64_t low_head_ = 0, high_head_ = 0;
};

enum class BytesKind { kString, kBinary, kFixed };

template <typename ArrayType>
class BytesLeaf final : public Leaf {
 public:
  BytesLeaf(int32_t field_id, BytesKind kind) : Leaf(field_id), kind_(kind) {}

 private:
  void AddValid(const arrow::Array& array) override {
    const auto& values = static_cast<const ArrayType&>(array);
    VisitValid(array, [&](int64_t position, int64_t length) {
      for (int64_t i = position; i < position + length; ++i) range_.Add(values.GetView(i));
    });
  }
  void Complete(ColumnMetrics* metrics) const override {
    if (!range_.any()) return;
    if (kind_ == BytesKind::kFixed) {
      metrics->lower = range_.low();
      metrics->upper = range_.high();
    } else if (kind_ == BytesKind::kString) {
      metrics->lower = TruncateStringDown(range_.low());
      metrics->upper = TruncateStringUp(range_.high());
    } else {
      metrics->lower = TruncateBytesDown(range_.low());
      metrics->upper = TruncateBytesUp(range_.high());
    }
  }
  BytesKind kind_;
  PrefixRange range_;
};

std::unique_ptr<Leaf> MakeLeaf(const schema::Field& field) {
  using schema::TypeId;
  switch (field.type->id) {
    case TypeId::kBoolean:
      return std::make_unique<BooleanLeaf>(field.id);
    case TypeId::kInt:
    case TypeId::kDate:
      return std::make_unique<IntegerLeaf<int32_t>>(field.id);
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return std::make_unique<IntegerLeaf<int64_t>>(field.id);
    case TypeId::kFloat:
      return std::make_unique<FloatLeaf<float, int32_t>>(field.id);
    case TypeId::kDouble:
      return std::make_unique<FloatLeaf<double, int64_t>>(field.id);
    case TypeId::kDecimal:
      return std::make_unique<DecimalLeaf>(field.id);
    case TypeId::kString:
      return std::make_unique<BytesLeaf<arrow::StringArray>>(field.id, BytesKind::kString);
    case TypeId::kBinary:
      return std::make_unique<BytesLeaf<arrow::BinaryArray>>(field.id, BytesKind::kBinary);
    case TypeId::kFixed:
      if (field.type->length > kFixedBoundBytesMax) return std::make_unique<CountLeaf>(field.id);
      return std::make_unique<BytesLeaf<arrow::FixedSizeBinaryArray>>(field.id, BytesKind::kFixed);
    default:
      return std::make_unique<CountLeaf>(field.id);  // uuid
  }
}

/// True if the leaf made for `type` can read the memory of an array of `actual`.
bool Fits(const schema::Type& type, const arrow::DataType& actual) {
  using schema::TypeId;
  switch (type.id) {
    case TypeId::kBoolean:
      return actual.id() == arrow::Type::BOOL;
    case TypeId::kInt:
      return actual.id() == arrow::Type::INT32;
    case TypeId::kDate:
      return actual.id() == arrow::Type::DATE32;
    case TypeId::kLong:
      return actual.id() == arrow::Type::INT64;
    case TypeId::kTime:
      return actual.id() == arrow::Type::TIME64;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return actual.id() == arrow::Type::TIMESTAMP;
    case TypeId::kFloat:
      return actual.id() == arrow::Type::FLOAT;
    case TypeId::kDouble:
      return actual.id() == arrow::Type::DOUBLE;
    case TypeId::kDecimal:
      return actual.id() == arrow::Type::DECIMAL128;
    case TypeId::kString:
      return actual.id() == arrow::Type::STRING;
    case TypeId::kBinary:
      return actual.id() == arrow::Type::BINARY;
    case TypeId::kUuid:
    case TypeId::kFixed:
      return actual.id() == arrow::Type::FIXED_SIZE_BINARY;
    default:
      return false;
  }
}

struct LeafField {
  std::vector<int> path;
  const schema::Field* field;
};

void FindLeaves(const std::vector<schema::Field>& fields, std::vector<int>* path, std::vector<LeafField>* out) {
  for (size_t i = 0; i < fields.size(); ++i) {
    path->push_back(static_cast<int>(i));
    if (fields[i].type->id == schema::TypeId::kStruct) {
      FindLeaves(fields[i].type->children, path, out);
    } else if (!fields[i].type->is_nested()) {
      out->push_back({*path, &fields[i]});
    }
    path->pop_back();
  }
}

/// Returns the leaf's array with the nulls of the structs above it merged in.
Result<std::shared_ptr<arrow::Array>> LeafArray(const arrow::RecordBatch& batch, const std::vector<int>& path,
                                                arrow::MemoryPool* pool) {
  if (path[0] >= batch.num_columns()) return MakeError(Fault::kBug, "metrics: batch has fewer columns than the schema");
  std::shared_ptr<arrow::Array> array = batch.column(path[0]);
  for (size_t depth = 1; depth < path.size(); ++depth) {
    if (array->type_id() != arrow::Type::STRUCT || path[depth] >= array->num_fields()) {
      return MakeError(Fault::kBug, "metrics: column is no struct: " + array->type()->ToString());
    }
    ARROW_ASSIGN_OR_RAISE(array, static_cast<const arrow::StructArray&>(*array).GetFlattenedField(path[depth], pool));
  }
  if (array->type_id() == arrow::Type::EXTENSION) array = static_cast<const arrow::ExtensionArray&>(*array).storage();
  return array;
}

}  // namespace

MetricsCollector::MetricsCollector() = default;
MetricsCollector::MetricsCollector(MetricsCollector&&) noexcept = default;
MetricsCollector& MetricsCollector::operator=(MetricsCollector&&) noexcept = default;
MetricsCollector::~MetricsCollector() = default;

Result<MetricsCollector> MetricsCollector::Make(const schema::Schema& schema, const MetricsOptions& options) {
  std::vector<LeafField> leaves;
  std::vector<int> path;
  FindLeaves(schema.fields, &path, &leaves);
  MetricsCollector collector;
  const auto& always = options.always_field_ids;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const schema::Field& field = *leaves[i].field;
    const bool wanted = std::find(always.begin(), always.end(), field.id) != always.end();
    if (!wanted && static_cast<int64_t>(i) >= options.columns_max) continue;
    if (field.id <= 0) return MakeError(Fault::kBug, "metrics: field has no id: " + field.name);
    collector.columns_.push_back({std::move(leaves[i].path), MakeLeaf(field), field.type});
  }
  return collector;
}

Status MetricsCollector::Add(const arrow::RecordBatch& batch, arrow::MemoryPool* pool) {
  for (Column& column : columns_) {
    ARROW_ASSIGN_OR_RAISE(auto array, LeafArray(batch, column.path, pool));
    if (!Fits(*column.type, *array->type())) {
      return MakeError(Fault::kBug, "metrics: column of type " + schema::ToString(*column.type) + " arrives as " +
                                        array->type()->ToString());
    }
    column.leaf->Add(*array);
  }
  return Status::OK();
}

std::vector<ColumnMetrics> MetricsCollector::Finish() const {
  std::vector<ColumnMetrics> metrics;
  metrics.reserve(columns_.size());
  for (const Column& column : columns_) metrics.push_back(column.leaf->Finish());
  return metrics;
}

namespace {

/// The bounds of a decimal in Parquet's encoding: little-endian in 4 or 8 bytes, or big-endian.
std::string DecimalBound(const schema::Type& type, std::string bytes) {
  constexpr int32_t kPrecisionOfInt64 = 18;
  if (type.precision > kPrecisionOfInt64) std::reverse(bytes.begin(), bytes.end());
  bytes.resize(sizeof(Int128), (bytes.back() & 0x80) != 0 ? '\xFF' : '\0');
  return DecimalToBytes(reinterpret_cast<const uint8_t*>(bytes.data()));
}

}  // namespace

ColumnMetrics MetricsOf(const schema::Field& leaf, const format::parquet::ColumnStatistics& statistics) {
  using schema::TypeId;
  ColumnMetrics metrics{.field_id = leaf.id, .value_count = statistics.num_entries, .null_count = statistics.num_nulls};
  const TypeId id = leaf.type->id;
  if (id == TypeId::kFloat || id == TypeId::kDouble) metrics.nan_count = statistics.num_nans;
  const bool unbounded = id == TypeId::kUuid || (id == TypeId::kFixed && leaf.type->length > kFixedBoundBytesMax);
  if (!statistics.has_range || unbounded) return metrics;
  if (id == TypeId::kString) {
    metrics.lower = TruncateStringDown(statistics.low);
    metrics.upper = TruncateStringUp(statistics.high);
  } else if (id == TypeId::kBinary) {
    metrics.lower = TruncateBytesDown(statistics.low);
    metrics.upper = TruncateBytesUp(statistics.high);
  } else if (id == TypeId::kDecimal) {
    metrics.lower = DecimalBound(*leaf.type, statistics.low);
    metrics.upper = DecimalBound(*leaf.type, statistics.high);
  } else {
    metrics.lower = statistics.low;
    metrics.upper = statistics.high;
  }
  return metrics;
}

std::string TruncateStringDown(std::string_view text) {
  const std::vector<size_t> starts = CodePointStarts(text, kStringCodePointsMax);
  return std::string(text.substr(0, starts.back()));
}

std::optional<std::string> TruncateStringUp(std::string_view text) {
  const std::vector<size_t> starts = CodePointStarts(text, kStringCodePointsMax);
  if (starts.back() == text.size()) return std::string(text);
  for (size_t last = starts.size() - 1; last > 0; --last) {
    const size_t begin = starts[last - 1];
    uint32_t next = DecodeCodePoint(text.substr(begin, starts[last] - begin)) + 1;
    if (next >= 0xD800 && next <= 0xDFFF) next = 0xE000;
    if (next > 0x10FFFF) continue;  // carry to the code point on the left
    std::string bound(text.substr(0, begin));
    AppendCodePoint(next, &bound);
    return bound;
  }
  return std::nullopt;
}

std::string TruncateBytesDown(std::string_view bytes) {
  return std::string(bytes.substr(0, kBytesMax));
}

std::optional<std::string> TruncateBytesUp(std::string_view bytes) {
  if (bytes.size() <= kBytesMax) return std::string(bytes);
  std::string bound(bytes.substr(0, kBytesMax));
  while (!bound.empty()) {
    const auto last = static_cast<uint8_t>(bound.back());
    if (last < 0xFF) {
      bound.back() = static_cast<char>(last + 1);
      return bound;
    }
    bound.pop_back();
  }
  return std::nullopt;
}

std::string DecimalToBytes(const uint8_t* little_endian_16) {
  const uint8_t sign = (little_endian_16[15] & 0x80) != 0 ? 0xFF : 0x00;
  int last = 15;
  while (last > 0 && little_endian_16[last] == sign && ((little_endian_16[last - 1] ^ sign) & 0x80) == 0) --last;
  std::string bytes;
  for (int i = last; i >= 0; --i) bytes.push_back(static_cast<char>(little_endian_16[i]));
  return bytes;
}

}  // namespace firn::table
