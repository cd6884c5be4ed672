#pragma once

#include <arrow/array.h>
#include <arrow/buffer_builder.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/bitmap_builders.h>
#include <arrow/util/decimal.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

/// Random Arrow arrays as awkward as Arrow allows: slices at every depth, bitmaps with offsets, values under nulls,
/// null lists that have elements, columns of one value, of few, of unique ones, of nulls alone.
namespace firn::format::parquet::testing {

class RandomArrays {
 public:
  explicit RandomArrays(uint64_t seed) : random_(seed) {}

  std::mt19937_64& random() { return random_; }
  bool OneIn(uint64_t n) { return random_() % n == 0; }

  std::shared_ptr<arrow::Field> RandomField(const std::string& name, int depth) {
    return arrow::field(name, RandomType(depth), /*nullable=*/!OneIn(4));
  }

  /// `rows` rows of the field, with nulls only if it is nullable.
  std::shared_ptr<arrow::Array> Make(const arrow::Field& field, int64_t rows) {
    const int64_t before = OneIn(2) ? static_cast<int64_t>(random_() % 11) : 0;
    const int64_t after = OneIn(2) ? static_cast<int64_t>(random_() % 5) : 0;
    return MakeWhole(field, before + rows + after)->Slice(before, rows);
  }

 private:
  std::shared_ptr<arrow::DataType> RandomType(int depth) {
    const uint64_t nested = depth > 0 ? random_() % 5 : 4;
    if (nested == 0 || nested == 1) {
      arrow::FieldVector fields;
      for (uint64_t i = 0; i <= random_() % 4; ++i) fields.push_back(RandomField("f" + std::to_string(i), depth - 1));
      return arrow::struct_(std::move(fields));
    }
    if (nested == 2) return arrow::list(RandomField("element", depth - 1));
    if (nested == 3) {
      return std::make_shared<arrow::MapType>(arrow::field("key", RandomType(0), false),
                                              RandomField("value", depth - 1));
    }
    switch (random_() % 16) {
      case 0:
        return arrow::boolean();
      case 1:
        return arrow::int32();
      case 2:
        return arrow::int64();
      case 3:
        return arrow::float32();
      case 4:
        return arrow::float64();
      case 5:
        return arrow::decimal128(static_cast<int32_t>(1 + random_() % 9), 0);
      case 6:
        return arrow::decimal128(static_cast<int32_t>(10 + random_() % 9), 3);
      case 7:
        return arrow::decimal128(static_cast<int32_t>(19 + random_() % 20), 7);
      case 8:
        return arrow::date32();
      case 9:
        return arrow::time64(arrow::TimeUnit::MICRO);
      case 10:
        return arrow::timestamp(arrow::TimeUnit::MICRO);
      case 11:
        return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
      case 12:
        return arrow::binary();
      case 13:
        return arrow::fixed_size_binary(static_cast<int32_t>(1 + random_() % 20));
      default:
        return arrow::utf8();
    }
  }

  /// A bitmap of `rows` bits, or none.
  std::shared_ptr<arrow::Buffer> RandomBitmap(const arrow::Field& field, int64_t rows) {
    if (!field.nullable() || OneIn(3)) return nullptr;
    const uint64_t mode = random_() % 4;
    std::vector<uint8_t> bytes(static_cast<size_t>(rows));
    uint8_t run = 1;
    for (uint8_t& valid : bytes) {
      if (mode == 0) valid = 0;
      if (mode == 1) valid = random_() % 2 == 0;
      if (mode == 2) valid = run = OneIn(20) ? !run : run;
      if (mode == 3) valid = !OneIn(50);
    }
    return arrow::internal::BytesToBits(bytes).ValueOrDie();
  }

  std::shared_ptr<arrow::Array> MakeWhole(const arrow::Field& field, int64_t rows) {
    const auto bitmap = RandomBitmap(field, rows);
    switch (field.type()->id()) {
      case arrow::Type::STRUCT: {
        arrow::ArrayVector children;
        for (const auto& child : field.type()->fields()) children.push_back(Make(*child, rows));
        return std::make_shared<arrow::StructArray>(field.type(), rows, children, bitmap);
      }
      case arrow::Type::LIST:
      case arrow::Type::MAP:
        return MakeList(field, rows, bitmap);
      default:
        return WithBitmap(MakeLeaf(*field.type(), rows), bitmap);
    }
  }

  std::shared_ptr<arrow::Array> MakeList(const arrow::Field& field, int64_t rows,
                                         const std::shared_ptr<arrow::Buffer>& bitmap) {
    arrow::TypedBufferBuilder<int32_t> offsets;
    const uint64_t longest = OneIn(4) ? 1 : 1 + random_() % 6;
    auto at = static_cast<int32_t>(random_() % 5);
    for (int64_t i = 0; i <= rows; ++i) {
      (void)offsets.Append(at);
      if (i < rows && !OneIn(3)) at += static_cast<int32_t>(random_() % longest);
    }
    const auto buffer = offsets.Finish().ValueOrDie();
    if (field.type()->id() == arrow::Type::LIST) {
      return std::make_shared<arrow::ListArray>(field.type(), rows, buffer, Make(*field.type()->field(0), at + 1),
                                                bitmap);
    }
    const auto& map = static_cast<const arrow::MapType&>(*field.type());
    return std::make_shared<arrow::MapArray>(field.type(), rows, buffer, Make(*map.key_field(), at + 1),
                                             Make(*map.item_field(), at + 1), bitmap);
  }

  static std::shared_ptr<arrow::Array> WithBitmap(const std::shared_ptr<arrow::Array>& array,
                                                  const std::shared_ptr<arrow::Buffer>& bitmap) {
    auto data = array->data()->Copy();
    data->buffers[0] = bitmap;
    data->null_count = bitmap == nullptr ? 0 : arrow::kUnknownNullCount;
    return arrow::MakeArray(data);
  }

  template <typename Builder>
  static void Add(arrow::ArrayBuilder* builder, auto value) {
    (void)static_cast<Builder*>(builder)->Append(value);
  }

  std::string RandomBytes(size_t length) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }
  std::string RandomText(uint64_t value) {
    std::string text = std::to_string(value * 0x9E3779B97F4A7C15ULL);
    text.resize(value % 24, 'x');
    return text + (value % 7 == 0 ? "\xC3\xA9\xF0\x9F\x98\x80" : "");
  }

  std::shared_ptr<arrow::Array> MakeLeaf(const arrow::DataType& type, int64_t rows) {
    auto builder = arrow::MakeBuilder(type.GetSharedPtr()).ValueOrDie();
    const uint64_t distinct = std::vector<uint64_t>{1, 2, 9, 300, 5'000, 1ULL << 40}[random_() % 6];
    for (int64_t i = 0; i < rows; ++i) AddValue(type, builder.get(), random_() % distinct);
    return builder->Finish().ValueOrDie();
  }

  void AddValue(const arrow::DataType& type, arrow::ArrayBuilder* builder, uint64_t value) {
    const auto number = static_cast<int64_t>(value) - 3;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const double specials[] = {NAN, -0.0, 0.0, kInfinity, -kInfinity};
    const double real = value < 10 && OneIn(3) ? specials[value % 5] : static_cast<double>(number) / 8;
    switch (type.id()) {
      case arrow::Type::BOOL:
        return Add<arrow::BooleanBuilder>(builder, value % 2 == 0);
      case arrow::Type::INT32:
        return Add<arrow::Int32Builder>(builder,
                                        OneIn(50) ? std::numeric_limits<int32_t>::min() : static_cast<int32_t>(number));
      case arrow::Type::INT64:
        return Add<arrow::Int64Builder>(builder, OneIn(50) ? std::numeric_limits<int64_t>::max() : number);
      case arrow::Type::FLOAT:
        return Add<arrow::FloatBuilder>(builder, static_cast<float>(real));
      case arrow::Type::DOUBLE:
        return Add<arrow::DoubleBuilder>(builder, real);
      case arrow::Type::DECIMAL128: {
        const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
        const arrow::Decimal128 most = arrow::Decimal128::GetMaxValue(decimal.precision());
        arrow::Decimal128 chosen(number % 5);
        if (value % 5 == 1) chosen = most;
        if (value % 5 == 2) chosen = -most;
        if (decimal.precision() > 15 && value % 5 == 3) chosen = arrow::Decimal128(number) * arrow::Decimal128(-97);
        return Add<arrow::Decimal128Builder>(builder, chosen);
      }
      case arrow::Type::DATE32:
        return Add<arrow::Date32Builder>(builder, static_cast<int32_t>(number % 100'000));
      case arrow::Type::TIME64:
        return Add<arrow::Time64Builder>(builder, static_cast<int64_t>(value % 86'400'000'000));
      case arrow::Type::TIMESTAMP:
        return Add<arrow::TimestampBuilder>(builder, number * 1'000'003);
      case arrow::Type::STRING:
        return Add<arrow::StringBuilder>(builder, RandomText(value));
      case arrow::Type::BINARY:
        return Add<arrow::BinaryBuilder>(builder, RandomBytes(value % 20));
      default: {
        const auto width = static_cast<size_t>(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
        std::string bytes = std::to_string(value);
        bytes.resize(width, value % 3 == 0 ? '\xFF' : '\0');
        return Add<arrow::FixedSizeBinaryBuilder>(builder, bytes);
      }
    }
  }

  std::mt19937_64 random_;
};

}  // namespace firn::format::parquet::testing
