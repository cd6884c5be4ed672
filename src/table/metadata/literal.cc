#include "table/metadata/literal.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdio>
#include <cstring>
#include <utility>

namespace firn::table {
namespace {

using schema::TypeId;
using Value = Literal::Value;

// Index of the alternative of Literal::Value that holds a type; 0 for nested types, which have none.
size_t AlternativeOf(TypeId id) {
  switch (id) {
    case TypeId::kBoolean:
      return 1;
    case TypeId::kInt:
    case TypeId::kDate:
      return 2;
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return 3;
    case TypeId::kFloat:
      return 4;
    case TypeId::kDouble:
      return 5;
    case TypeId::kDecimal:
      return 6;
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary:
      return 7;
    default:
      return 0;
  }
}

constexpr size_t kUuidBytes = 16;
constexpr size_t kDecimalBytesMax = 16;

Int128 PowerOfTen(int32_t exponent) {
  Int128 power = 1;
  for (int32_t i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// All supported machines are little-endian, as the encoding is.
static_assert(std::endian::native == std::endian::little);

template <typename T>
std::string LittleEndian(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

template <typename T>
T FromLittleEndian(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// Two's complement, big-endian, no byte more than the sign needs.
std::string MinimalBigEndian(Int128 value) {
  std::string bytes;
  do {
    bytes.insert(bytes.begin(), static_cast<char>(value & 0xFF));
    value >>= 8;
  } while (!((value == 0 && (bytes[0] & 0x80) == 0) || (value == -1 && (bytes[0] & 0x80) != 0)));
  return bytes;
}

Int128 FromBigEndian(std::string_view bytes) {
  unsigned __int128 value = (bytes[0] & 0x80) != 0 ? ~static_cast<unsigned __int128>(0) : 0;
  for (const char byte : bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return static_cast<Int128>(value);
}

struct Encoder {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(bool value) const { return std::string(1, value ? '\1' : '\0'); }
  std::string operator()(Int128 value) const { return MinimalBigEndian(value); }
  std::string operator()(const std::string& value) const { return value; }
  template <typename T>
  std::string operator()(T value) const {
    return LittleEndian(value);
  }
};

Status WrongLength(const schema::Type& type, std::string_view bytes) {
  return MakeError(Fault::kBadData, "value of type " + schema::ToString(type) +
                                        " has a wrong length: " + std::to_string(bytes.size()) + " bytes");
}

// Bits of a floating point number, mapped so that integer order is total order: -NaN and NaN are made equal first.
template <std::floating_point T, std::signed_integral Bits>
Bits TotalOrder(T value) {
  if (std::isnan(value)) return std::numeric_limits<Bits>::max();
  const Bits bits = std::bit_cast<Bits>(value);
  return bits < 0 ? static_cast<Bits>(bits ^ std::numeric_limits<Bits>::max()) : bits;
}

struct Comparer {
  const Value& other;
  std::strong_ordering operator()(std::monostate) const { return std::strong_ordering::equal; }
  std::strong_ordering operator()(float value) const {
    return TotalOrder<float, int32_t>(value) <=> TotalOrder<float, int32_t>(std::get<float>(other));
  }
  std::strong_ordering operator()(double value) const {
    return TotalOrder<double, int64_t>(value) <=> TotalOrder<double, int64_t>(std::get<double>(other));
  }
  std::strong_ordering operator()(const std::string& value) const {
    return value.compare(std::get<std::string>(other)) <=> 0;  // char_traits<char> compares as unsigned bytes
  }
  std::strong_ordering operator()(Int128 value) const {
    const Int128 right = std::get<Int128>(other);
    return value < right ? std::strong_ordering::less
                         : (right < value ? std::strong_ordering::greater : std::strong_ordering::equal);
  }
  template <typename T>
  std::strong_ordering operator()(T value) const {
    return value <=> std::get<T>(other);
  }
};

std::string Hex(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kHex[static_cast<unsigned char>(byte) >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string Digits(unsigned __int128 value) {
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return text;
}

std::string DecimalText(Int128 value, int32_t scale) {
  std::string digits =
      Digits(value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value));
  const size_t fraction = static_cast<size_t>(scale);
  if (digits.size() <= fraction) digits.insert(0, fraction + 1 - digits.size(), '0');
  if (fraction > 0) digits.insert(digits.size() - fraction, ".");
  return (value < 0 ? "-" : "") + digits;
}

// Days since 1970 → proleptic Gregorian date (H. Hinnant's public-domain civil calendar method).
std::string DateText(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t of_era = days - era * 146097;
  const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * of_year + 2) / 153;
  const int64_t day = of_year - (153 * shifted + 2) / 5 + 1;
  const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  char text[64];
  std::snprintf(text, sizeof(text), "%04lld-%02lld-%02lld", static_cast<long long>(year), static_cast<long long>(month),
                static_cast<long long>(day));
  return text;
}

constexpr int64_t kMicrosPerDay = 86'400'000'000;

std::string TimeText(int64_t micros) {
  char text[64];
  std::snprintf(text, sizeof(text), "%02lld:%02lld:%02lld.%06lld", static_cast<long long>(micros / 3'600'000'000),
                static_cast<long long>(micros / 60'000'000 % 60), static_cast<long long>(micros / 1'000'000 % 60),
                static_cast<long long>(micros % 1'000'000));
  return text;
}

std::string LongText(TypeId id, int64_t value) {
  if (id == TypeId::kTime) return TimeText(value);
  if (id == TypeId::kLong) return std::to_string(value);
  const bool nanos = id == TypeId::kTimestampNs || id == TypeId::kTimestampTzNs;
  const int64_t micros = nanos ? value / 1000 - (value % 1000 < 0 ? 1 : 0) : value;
  const int64_t days = micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
  std::string text = DateText(days) + "T" + TimeText(micros - days * kMicrosPerDay);
  if (nanos) text += std::to_string(1000 + value - micros * 1000).substr(1);
  return text + (id == TypeId::kTimestampTz || id == TypeId::kTimestampTzNs ? "Z" : "");
}

std::string UuidText(const std::string& bytes) {
  std::string text = Hex(bytes);
  for (const size_t at : {20, 16, 12, 8}) {
    if (at < text.size()) text.insert(at, "-");
  }
  return text;
}

std::string NumberText(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*g", digits, value);
  return text;
}

}  // namespace

bool operator==(const Literal& a, const Literal& b) {
  if (!schema::Equals(*a.type, *b.type) || a.value.index() != b.value.index()) return false;
  return a.is_null() || Compare(a, b) == std::strong_ordering::equal;
}

Status Validate(const Literal& literal) {
  if (literal.type == nullptr) return MakeError(Fault::kBug, "literal without a type");
  if (literal.is_null()) return Status::OK();
  const schema::Type& type = *literal.type;
  const auto wrong = [&](const char* problem) {
    return MakeError(Fault::kBug, "literal of type " + schema::ToString(type) + ": " + problem);
  };
  if (literal.value.index() != AlternativeOf(type.id)) return wrong("held as another type");
  const std::string* bytes = std::get_if<std::string>(&literal.value);
  if (type.id == TypeId::kUuid && bytes->size() != kUuidBytes) return wrong("not 16 bytes");
  if (type.id == TypeId::kFixed && bytes->size() != static_cast<size_t>(type.length)) return wrong("wrong length");
  if (type.id == TypeId::kDecimal) {
    const Int128 value = std::get<Int128>(literal.value), limit = PowerOfTen(type.precision);
    if (value >= limit || value <= -limit) return wrong("too many digits");
  }
  return Status::OK();
}

std::string ToSingleValue(const Literal& literal) {
  return std::visit(Encoder{}, literal.value);
}

Result<Literal> FromSingleValue(const schema::TypePtr& type, std::string_view bytes) {
  const auto make = [&](Value value) { return Literal{.type = type, .value = std::move(value)}; };
  const size_t size = bytes.size();
  switch (AlternativeOf(type->id)) {
    case 1:
      if (size == 1) return make(bytes[0] != 0);
      break;
    case 2:
      if (size == 4) return make(FromLittleEndian<int32_t>(bytes));
      break;
    case 3:
      if (size == 8) return make(FromLittleEndian<int64_t>(bytes));
      // Written while the column was an int.
      if (size == 4 && type->id == TypeId::kLong) return make(int64_t{FromLittleEndian<int32_t>(bytes)});
      break;
    case 4:
      if (size == 4) return make(FromLittleEndian<float>(bytes));
      break;
    case 5:
      if (size == 8) return make(FromLittleEndian<double>(bytes));
      if (size == 4) return make(double{FromLittleEndian<float>(bytes)});
      break;
    case 6:
      if (size >= 1 && size <= kDecimalBytesMax) return make(FromBigEndian(bytes));
      break;
    case 7:
      if (type->id == TypeId::kUuid && size != kUuidBytes) break;
      if (type->id == TypeId::kFixed && size != static_cast<size_t>(type->length)) break;
      return make(std::string(bytes));
    default:
      break;
  }
  return WrongLength(*type, bytes);
}

std::strong_ordering Compare(const Literal& a, const Literal& b) {
  FIRN_CHECK(a.value.index() == b.value.index());
  return std::visit(Comparer{b.value}, a.value);
}

std::string ToString(const Literal& literal) {
  const TypeId id = literal.type->id;
  switch (literal.value.index()) {
    case 0:
      return "null";
    case 1:
      return std::get<bool>(literal.value) ? "true" : "false";
    case 2: {
      const int32_t value = std::get<int32_t>(literal.value);
      return id == TypeId::kDate ? DateText(value) : std::to_string(value);
    }
    case 3:
      return LongText(id, std::get<int64_t>(literal.value));
    case 4:
      return NumberText(double{std::get<float>(literal.value)}, 9);
    case 5:
      return NumberText(std::get<double>(literal.value), 17);
    case 6:
      return DecimalText(std::get<Int128>(literal.value), literal.type->scale);
    default:
      break;
  }
  const std::string& bytes = std::get<std::string>(literal.value);
  if (id == TypeId::kString) return bytes;
  return id == TypeId::kUuid ? UuidText(bytes) : Hex(bytes);
}

}  // namespace firn::table
