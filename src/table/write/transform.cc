#include "table/write/transform.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "base/hash.h"
#include "schema/arrow_mapping.h"
#include "table/write/bounds.h"

namespace firn::table {

namespace {

using schema::TypeId;
using Kind = Transform::Kind;

constexpr int64_t kMicrosPerHour = int64_t{3'600} * 1'000'000;
constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;
constexpr size_t kPathPartBytesMax = 64;

int64_t FloorDivide(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor != 0 && (value < 0) != (divisor < 0) ? 1 : 0);
}

struct YearMonth {
  int64_t year;
  int64_t month;  // 1..12
};

/// Gregorian calendar from days since 1970-01-01, by eras of 400 years that begin on 1 March.
YearMonth CivilOf(int64_t days) {
  const int64_t shifted = days + 719'468;
  const int64_t era = FloorDivide(shifted, 146'097);
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * day_of_year + 2) / 153;
  const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0), .month = month};
}

/// year, month, day or hour since 1970 of a date (days) or timestamp (microseconds).
int32_t TimeTransform(Kind kind, bool is_date, int64_t value) {
  if (kind == Kind::kHour) return static_cast<int32_t>(FloorDivide(value, kMicrosPerHour));
  const int64_t days = is_date ? value : FloorDivide(value, kMicrosPerDay);
  if (kind == Kind::kDay) return static_cast<int32_t>(days);
  const YearMonth civil = CivilOf(days);
  if (kind == Kind::kYear) return static_cast<int32_t>(civil.year - 1970);
  return static_cast<int32_t>((civil.year - 1970) * 12 + civil.month - 1);
}

int32_t Bucket(uint32_t hash, int32_t buckets) {
  return static_cast<int32_t>(hash & 0x7FFFFFFFU) % buckets;
}

uint32_t HashLong(int64_t value) {
  return Murmur3({reinterpret_cast<const char*>(&value), sizeof(value)});
}

uint32_t HashDecimal(const uint8_t* little_endian_16) {
  return Murmur3(DecimalToBytes(little_endian_16));
}

/// v - (((v % W) + W) % W), wrapping at the type's minimum as the reference does.
template <typename T>
T TruncateNumber(T value, int32_t width) {
  const T rest = static_cast<T>(((value % static_cast<T>(width)) + static_cast<T>(width)) % static_cast<T>(width));
  if constexpr (sizeof(T) == 16) {
    return static_cast<T>(static_cast<unsigned __int128>(value) - static_cast<unsigned __int128>(rest));
  } else {
    return static_cast<T>(static_cast<uint64_t>(value) - static_cast<uint64_t>(rest));
  }
}

std::string_view TruncateCodePoints(std::string_view text, int32_t width) {
  int32_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts_code_point = (static_cast<uint8_t>(text[i]) & 0xC0) != 0x80;
    if (starts_code_point && seen++ == width) return text.substr(0, i);
  }
  return text;
}

bool IsInteger64(TypeId id) {
  return id == TypeId::kLong || id == TypeId::kTime || id == TypeId::kTimestamp || id == TypeId::kTimestampTz;
}

bool IsNanos(TypeId id) {
  return id == TypeId::kTimestampNs || id == TypeId::kTimestampTzNs;
}

// Nanoseconds are partitioned by their microseconds, so that a column of either unit gives the same partitions.
int64_t MicrosOf(int64_t nanos) {
  return FloorDivide(nanos, 1000);
}

Status CheckDefined(const Transform& transform, const schema::TypePtr& type) {
  if (transform.kind == Kind::kUnknown) {
    return MakeError(Fault::kConfig, "this build cannot write partitions by transform: " + transform.unknown_name);
  }
  return ResultType(transform, type).status();
}

// ---- one value
// -------------------------------------------------------------------------------------------------------

int64_t AsLong(const Literal& value) {
  if (IsNanos(value.type->id)) return MicrosOf(std::get<int64_t>(value.value));
  return value.type->id == TypeId::kInt || value.type->id == TypeId::kDate ? std::get<int32_t>(value.value)
                                                                           : std::get<int64_t>(value.value);
}

uint32_t HashOf(const Literal& value) {
  if (value.type->id == TypeId::kDecimal) {
    const Int128 unscaled = std::get<Int128>(value.value);
    return HashDecimal(reinterpret_cast<const uint8_t*>(&unscaled));
  }
  if (const auto* bytes = std::get_if<std::string>(&value.value)) return Murmur3(*bytes);
  return HashLong(AsLong(value));
}

/// The floor of a value near the type's lowest one has a digit too many, which a manifest cannot hold.
Status OutOfPrecision(const std::string& type) {
  return MakeError(Fault::kBadData, "truncate of a value leaves the range of the partition's type " + type);
}

Literal::Value TruncateValue(const Literal& value, int32_t width) {
  switch (value.type->id) {
    case TypeId::kInt:
      return TruncateNumber(std::get<int32_t>(value.value), width);
    case TypeId::kLong:
      return TruncateNumber(std::get<int64_t>(value.value), width);
    case TypeId::kDecimal:
      return TruncateNumber(std::get<Int128>(value.value), width);
    case TypeId::kString:
      return std::string(TruncateCodePoints(std::get<std::string>(value.value), width));
    default:
      return std::get<std::string>(value.value).substr(0, static_cast<size_t>(width));
  }
}

// ---- one column
// ------------------------------------------------------------------------------------------------------

/// Builds an array of fixed width by calling `compute(row)` for each valid slot.
template <typename T, typename Compute>
Result<std::shared_ptr<arrow::Array>> MapRows(const arrow::Array& values, const std::shared_ptr<arrow::DataType>& type,
                                              arrow::MemoryPool* pool, Compute&& compute) {
  const int64_t length = values.length();
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> data,
                        arrow::AllocateBuffer(length * static_cast<int64_t>(sizeof(T)), pool));
  T* out = reinterpret_cast<T*>(data->mutable_data());
  for (int64_t row = 0; row < length; ++row) out[row] = values.IsValid(row) ? compute(row) : T{};
  std::shared_ptr<arrow::Buffer> validity;
  if (values.null_count() > 0) {
    ARROW_ASSIGN_OR_RAISE(validity, arrow::AllocateEmptyBitmap(length, pool));
    for (int64_t row = 0; row < length; ++row) {
      if (values.IsValid(row)) validity->mutable_data()[row / 8] |= static_cast<uint8_t>(1 << (row % 8));
    }
  }
  return arrow::MakeArray(arrow::ArrayData::Make(type, length, {validity, data}, values.null_count()));
}

Result<std::shared_ptr<arrow::Array>> BucketColumn(int32_t buckets, TypeId id, const arrow::Array& values,
                                                   arrow::MemoryPool* pool) {
  const auto map = [&](auto&& hash) {
    return MapRows<int32_t>(values, arrow::int32(), pool, [&](int64_t row) { return Bucket(hash(row), buckets); });
  };
  if (id == TypeId::kInt || id == TypeId::kDate) {
    const int32_t* raw = values.data()->GetValues<int32_t>(1);
    return map([raw](int64_t row) { return HashLong(raw[row]); });
  }
  if (IsInteger64(id)) {
    const int64_t* raw = values.data()->GetValues<int64_t>(1);
    return map([raw](int64_t row) { return HashLong(raw[row]); });
  }
  if (IsNanos(id)) {
    const int64_t* raw = values.data()->GetValues<int64_t>(1);
    return map([raw](int64_t row) { return HashLong(MicrosOf(raw[row])); });
  }
  if (id == TypeId::kDecimal) {
    const auto& decimals = static_cast<const arrow::FixedSizeBinaryArray&>(values);
    return map([&](int64_t row) { return HashDecimal(decimals.GetValue(row)); });
  }
  if (id == TypeId::kUuid || id == TypeId::kFixed) {
    const auto& fixed = static_cast<const arrow::FixedSizeBinaryArray&>(values);
    return map([&](int64_t row) { return Murmur3(fixed.GetView(row)); });
  }
  const auto& binary = static_cast<const arrow::BinaryArray&>(values);
  return map([&](int64_t row) { return Murmur3(binary.GetView(row)); });
}

template <typename Builder>
Result<std::shared_ptr<arrow::Array>> TruncateBytesColumn(
    const arrow::Array& values, arrow::MemoryPool* pool,
    const std::function<std::string_view(std::string_view)>& truncate) {
  const auto& binary = static_cast<const arrow::BinaryArray&>(values);
  Builder builder(pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(values.length()));
  for (int64_t row = 0; row < values.length(); ++row) {
    ARROW_RETURN_NOT_OK(values.IsNull(row) ? builder.AppendNull() : builder.Append(truncate(binary.GetView(row))));
  }
  return builder.Finish();
}

Result<std::shared_ptr<arrow::Array>> TruncateColumn(int32_t width, TypeId id, const arrow::Array& values,
                                                     arrow::MemoryPool* pool) {
  if (id == TypeId::kInt) {
    const int32_t* raw = values.data()->GetValues<int32_t>(1);
    return MapRows<int32_t>(values, values.type(), pool, [&](int64_t row) { return TruncateNumber(raw[row], width); });
  }
  if (id == TypeId::kLong) {
    const int64_t* raw = values.data()->GetValues<int64_t>(1);
    return MapRows<int64_t>(values, values.type(), pool, [&](int64_t row) { return TruncateNumber(raw[row], width); });
  }
  if (id == TypeId::kDecimal) {
    const auto& decimals = static_cast<const arrow::FixedSizeBinaryArray&>(values);
    ARROW_ASSIGN_OR_RAISE(auto truncated, MapRows<Int128>(values, values.type(), pool, [&](int64_t row) {
                            Int128 value;
                            std::memcpy(&value, decimals.GetValue(row), sizeof(value));
                            return TruncateNumber(value, width);
                          }));
    if (!truncated->ValidateFull().ok()) return OutOfPrecision(values.type()->ToString());
    return truncated;
  }
  if (id == TypeId::kString) {
    return TruncateBytesColumn<arrow::StringBuilder>(
        values, pool, [width](std::string_view text) { return TruncateCodePoints(text, width); });
  }
  return TruncateBytesColumn<arrow::BinaryBuilder>(
      values, pool, [width](std::string_view bytes) { return bytes.substr(0, static_cast<size_t>(width)); });
}

Result<std::shared_ptr<arrow::Array>> TimeColumn(Kind kind, TypeId id, const arrow::Array& values,
                                                 arrow::MemoryPool* pool) {
  const auto type = kind == Kind::kDay ? arrow::date32() : arrow::int32();
  if (id == TypeId::kDate) {
    const int32_t* raw = values.data()->GetValues<int32_t>(1);
    return MapRows<int32_t>(values, type, pool, [&](int64_t row) { return TimeTransform(kind, true, raw[row]); });
  }
  const int64_t* raw = values.data()->GetValues<int64_t>(1);
  const bool nanos = IsNanos(id);
  return MapRows<int32_t>(values, type, pool, [&](int64_t row) {
    return TimeTransform(kind, false, nanos ? MicrosOf(raw[row]) : raw[row]);
  });
}

// ---- paths
// -----------------------------------------------------------------------------------------------------------

std::string PathSafe(std::string_view text) {
  std::string safe;
  for (const char c : text.substr(0, kPathPartBytesMax)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    safe.push_back(plain ? c : '_');
  }
  return safe;
}

std::string Padded(int64_t number, size_t digits) {
  const std::string text = std::to_string(number < 0 ? -number : number);
  return (number < 0 ? "-" : "") + std::string(text.size() < digits ? digits - text.size() : 0, '0') + text;
}

std::string HumanValue(const Transform& transform, const Literal& value) {
  if (value.is_null()) return "null";
  if (transform.kind == Kind::kYear) return Padded(1970 + int64_t{std::get<int32_t>(value.value)}, 4);
  if (transform.kind == Kind::kMonth) {
    const int64_t months = std::get<int32_t>(value.value);
    const int64_t year = FloorDivide(months, 12);
    return Padded(1970 + year, 4) + "-" + Padded(months - year * 12 + 1, 2);
  }
  if (transform.kind == Kind::kHour) {
    const int64_t hours = std::get<int32_t>(value.value);
    const int64_t days = FloorDivide(hours, 24);
    return ToString(Literal{schema::Date(), static_cast<int32_t>(days)}) + "-" + Padded(hours - days * 24, 2);
  }
  return ToString(value);
}

// ---- keys
// ------------------------------------------------------------------------------------------------------------

template <typename T>
void AppendRaw(T value, std::string* key) {
  key->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// Appends a self-delimiting form of one slot: equal forms are the same partition value.
void AppendSlot(const arrow::Array& values, int64_t row, std::string* key) {
  if (values.IsNull(row)) return key->push_back('\0');
  key->push_back('\1');
  switch (values.type_id()) {
    case arrow::Type::BOOL:
      return key->push_back(static_cast<const arrow::BooleanArray&>(values).Value(row) ? '\1' : '\0');
    case arrow::Type::FLOAT: {
      const float value = static_cast<const arrow::FloatArray&>(values).Value(row);
      return AppendRaw(std::isnan(value) ? std::numeric_limits<float>::quiet_NaN() : value, key);
    }
    case arrow::Type::DOUBLE: {
      const double value = static_cast<const arrow::DoubleArray&>(values).Value(row);
      return AppendRaw(std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value, key);
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const std::string_view bytes = static_cast<const arrow::BinaryArray&>(values).GetView(row);
      AppendRaw(static_cast<uint32_t>(bytes.size()), key);
      key->append(bytes);
      return;
    }
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::DECIMAL128:
      key->append(static_cast<const arrow::FixedSizeBinaryArray&>(values).GetView(row));
      return;
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
      return AppendRaw(values.data()->GetValues<int32_t>(1)[row], key);
    default:
      return AppendRaw(values.data()->GetValues<int64_t>(1)[row], key);
  }
}

bool FindPath(const std::vector<schema::Field>& fields, int32_t id, std::vector<int>* path, schema::TypePtr* type) {
  for (size_t i = 0; i < fields.size(); ++i) {
    path->push_back(static_cast<int>(i));
    if (fields[i].id == id) {
      *type = fields[i].type;
      return true;
    }
    if (fields[i].type->id == TypeId::kStruct && FindPath(fields[i].type->children, id, path, type)) return true;
    path->pop_back();
  }
  return false;
}

}  // namespace

uint32_t Murmur3(std::string_view bytes) {
  constexpr uint32_t kC1 = 0xcc9e2d51, kC2 = 0x1b873593;
  const auto mix = [](uint32_t k) { return std::rotl(k * kC1, 15) * kC2; };
  uint32_t hash = 0;
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    uint32_t block;
    std::memcpy(&block, bytes.data() + i, 4);
    hash = std::rotl(hash ^ mix(block), 13) * 5 + 0xe6546b64;
  }
  uint32_t tail = 0;
  for (size_t j = bytes.size(); j > i; --j) tail = (tail << 8) | static_cast<uint8_t>(bytes[j - 1]);
  hash ^= mix(tail);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

Result<Literal> ApplyTransform(const Transform& transform, const Literal& value) {
  ARROW_RETURN_NOT_OK(CheckDefined(transform, value.type));
  ARROW_ASSIGN_OR_RAISE(schema::TypePtr type, ResultType(transform, value.type));
  if (value.is_null() || transform.kind == Kind::kVoid) return Literal::Null(type);
  switch (transform.kind) {
    case Kind::kIdentity:
      return value;
    case Kind::kBucket:
      return Literal{type, Bucket(HashOf(value), transform.parameter)};
    case Kind::kTruncate: {
      Literal truncated{type, TruncateValue(value, transform.parameter)};
      return Validate(truncated).ok() ? Result<Literal>(std::move(truncated)) : OutOfPrecision(ToString(*type));
    }
    default:
      return Literal{type, TimeTransform(transform.kind, value.type->id == TypeId::kDate, AsLong(value))};
  }
}

Result<std::shared_ptr<arrow::Array>> ApplyTransform(const Transform& transform, const schema::TypePtr& type,
                                                     const std::shared_ptr<arrow::Array>& values,
                                                     arrow::MemoryPool* pool) {
  ARROW_RETURN_NOT_OK(CheckDefined(transform, type));
  if (!values->type()->Equals(*schema::ToArrowType(*type))) {
    return MakeError(Fault::kBug, "transform: column is " + values->type()->ToString() + ", not " + ToString(*type));
  }
  switch (transform.kind) {
    case Kind::kIdentity:
      return values;
    case Kind::kVoid:
      return arrow::MakeArrayOfNull(values->type(), values->length(), pool);
    case Kind::kBucket:
      return BucketColumn(transform.parameter, type->id, *values, pool);
    case Kind::kTruncate:
      return TruncateColumn(transform.parameter, type->id, *values, pool);
    default:
      return TimeColumn(transform.kind, type->id, *values, pool);
  }
}

Literal LiteralAt(const arrow::Array& values, const schema::TypePtr& type, int64_t row) {
  if (values.IsNull(row)) return Literal::Null(type);
  switch (type->id) {
    case TypeId::kBoolean:
      return {type, static_cast<const arrow::BooleanArray&>(values).Value(row)};
    case TypeId::kInt:
    case TypeId::kDate:
      return {type, values.data()->GetValues<int32_t>(1)[row]};
    case TypeId::kFloat:
      return {type, static_cast<const arrow::FloatArray&>(values).Value(row)};
    case TypeId::kDouble:
      return {type, static_cast<const arrow::DoubleArray&>(values).Value(row)};
    case TypeId::kDecimal: {
      Int128 value;
      std::memcpy(&value, static_cast<const arrow::FixedSizeBinaryArray&>(values).GetValue(row), sizeof(value));
      return {type, value};
    }
    case TypeId::kString:
    case TypeId::kBinary:
      return {type, std::string(static_cast<const arrow::BinaryArray&>(values).GetView(row))};
    case TypeId::kUuid:
    case TypeId::kFixed:
      return {type, std::string(static_cast<const arrow::FixedSizeBinaryArray&>(values).GetView(row))};
    default:
      FIRN_CHECK(IsInteger64(type->id) || IsNanos(type->id));
      return {type, values.data()->GetValues<int64_t>(1)[row]};
  }
}

std::string PartitionPath(const PartitionSpec& spec, std::span<const Literal> tuple) {
  std::string path;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    if (i > 0) path += '/';
    path += PathSafe(spec.fields[i].name) + "=" + PathSafe(HumanValue(spec.fields[i].transform, tuple[i]));
  }
  return path;
}

size_t PartitionKeys::KeyHash::operator()(std::string_view key) const {
  return static_cast<size_t>(Xxh3(key).low);
}

Result<PartitionKeys> PartitionKeys::Make(const PartitionSpec& spec, const schema::Schema& schema) {
  PartitionKeys keys;
  keys.spec_ = spec;
  ARROW_RETURN_NOT_OK(keys.SetSchema(schema));
  return keys;
}

Status PartitionKeys::SetSchema(const schema::Schema& schema) {
  std::vector<Source> sources;
  for (const PartitionField& field : spec_.fields) {
    Source source{.transform = field.transform};
    if (!FindPath(schema.fields, field.source_id, &source.path, &source.type)) {
      return MakeError(Fault::kBadData, "partition field has no source column: " + field.name + ", id " +
                                            std::to_string(field.source_id));
    }
    ARROW_RETURN_NOT_OK(CheckDefined(field.transform, source.type));
    ARROW_ASSIGN_OR_RAISE(source.result_type, ResultType(field.transform, source.type));
    sources.push_back(std::move(source));
  }
  sources_ = std::move(sources);
  return Status::OK();
}

Result<std::vector<uint32_t>> PartitionKeys::Number(const arrow::RecordBatch& batch, arrow::MemoryPool* pool) {
  std::vector<std::shared_ptr<arrow::Array>> values;
  for (const Source& source : sources_) {
    std::shared_ptr<arrow::Array> array = batch.column(source.path[0]);
    for (size_t depth = 1; depth < source.path.size(); ++depth) {
      const auto& parent = static_cast<const arrow::StructArray&>(*array);
      ARROW_ASSIGN_OR_RAISE(array, parent.GetFlattenedField(source.path[depth], pool));
    }
    ARROW_ASSIGN_OR_RAISE(array, ApplyTransform(source.transform, source.type, array, pool));
    values.push_back(std::move(array));
  }
  std::vector<uint32_t> numbers(static_cast<size_t>(batch.num_rows()));
  std::string key, last_key;
  uint32_t last_number = 0;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    key.clear();
    for (const auto& array : values) AppendSlot(*array, row, &key);
    if (row == 0 || key != last_key) {  // neighbours often share the partition
      ARROW_ASSIGN_OR_RAISE(last_number, Find(key, values, row));
      last_key = key;
    }
    numbers[static_cast<size_t>(row)] = last_number;
  }
  return numbers;
}

Result<uint32_t> PartitionKeys::Find(std::string_view key, const std::vector<std::shared_ptr<arrow::Array>>& values,
                                     int64_t row) {
  const auto found = numbers_.find(key);
  if (found != numbers_.end()) return found->second;
  if (tuples_.size() >= kPartitionsMax) {
    return MakeError(Fault::kConfig,
                     "rows fall into more than " + std::to_string(kPartitionsMax) + " partitions in one commit",
                     {.next = "use a coarser transform: bucket, truncate, month instead of hour"});
  }
  std::vector<Literal> tuple;
  for (size_t i = 0; i < values.size(); ++i) tuple.push_back(LiteralAt(*values[i], sources_[i].result_type, row));
  const auto number = static_cast<uint32_t>(tuples_.size());
  numbers_.emplace(std::string(key), number);
  tuples_.push_back(std::move(tuple));
  key_bytes_ += static_cast<int64_t>(2 * key.size() + 64 + values.size() * sizeof(Literal));
  return number;
}

}  // namespace firn::table
