#include "table/metadata/literal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace firn::table {
namespace {

using namespace std::string_literals;
using schema::TypePtr;

Literal Of(TypePtr type, Literal::Value value) {
  return {.type = std::move(type), .value = std::move(value)};
}

// Iceberg spec, Appendix D, "Binary single-value serialization".
TEST(Literal, EncodesAsAppendixD) {
  EXPECT_EQ(ToSingleValue(Of(schema::Boolean(), true)), "\x01"s);
  EXPECT_EQ(ToSingleValue(Of(schema::Int(), int32_t{-2})), "\xfe\xff\xff\xff"s);
  EXPECT_EQ(ToSingleValue(Of(schema::Long(), int64_t{258})), "\x02\x01\0\0\0\0\0\0"s);
  EXPECT_EQ(ToSingleValue(Of(schema::Float(), 1.0F)), "\0\0\x80\x3f"s);
  EXPECT_EQ(ToSingleValue(Of(schema::Double(), -1.0)), "\0\0\0\0\0\0\xf0\xbf"s);
  EXPECT_EQ(ToSingleValue(Of(schema::Date(), int32_t{1})), "\x01\0\0\0"s);
  EXPECT_EQ(ToSingleValue(Of(schema::String(), "é"s)), "\xc3\xa9"s);
  EXPECT_EQ(ToSingleValue(Of(schema::Binary(), "\0\1"s)), "\0\1"s);
}

TEST(Literal, EncodesDecimalsAsMinimalBigEndian) {
  const auto bytes = [](Int128 value) { return ToSingleValue(Of(schema::Decimal(38, 2), value)); };
  EXPECT_EQ(bytes(0), "\0"s);
  EXPECT_EQ(bytes(127), "\x7f"s);
  EXPECT_EQ(bytes(128), "\0\x80"s);
  EXPECT_EQ(bytes(-1), "\xff"s);
  EXPECT_EQ(bytes(-128), "\x80"s);
  EXPECT_EQ(bytes(-129), "\xff\x7f"s);
  EXPECT_EQ(bytes(1420), "\x05\x8c"s);
  Int128 largest = 1;
  for (int i = 0; i < 38; ++i) largest *= 10;
  for (const Int128 value : {largest - 1, -largest + 1, Int128{-32768}, Int128{32768}}) {
    const Literal literal = Of(schema::Decimal(38, 0), value);
    ASSERT_TRUE(Validate(literal).ok());
    EXPECT_EQ(*FromSingleValue(literal.type, ToSingleValue(literal)), literal);
  }
  EXPECT_FALSE(Validate(Of(schema::Decimal(38, 0), largest)).ok());
}

TEST(Literal, ReadsBoundsWrittenBeforePromotion) {
  EXPECT_EQ(*FromSingleValue(schema::Long(), "\xff\xff\xff\xff"s), Of(schema::Long(), int64_t{-1}));
  EXPECT_EQ(*FromSingleValue(schema::Double(), "\0\0\x80\x3f"s), Of(schema::Double(), 1.0));
}

TEST(Literal, RefusesWrongLengths) {
  for (const auto& [type, bytes] :
       {std::pair(schema::Int(), "\0\0"s), std::pair(schema::Uuid(), "0123"s), std::pair(schema::Fixed(2), "abc"s),
        std::pair(schema::Decimal(9, 2), ""s), std::pair(schema::Decimal(9, 2), std::string(17, '\1')),
        std::pair(schema::Boolean(), ""s), std::pair(schema::TimestampTz(), "\0\0\0\0"s)}) {
    const auto literal = FromSingleValue(type, bytes);
    ASSERT_FALSE(literal.ok()) << schema::ToString(*type);
    EXPECT_EQ(FaultOf(literal.status()), Fault::kBadData);
  }
}

TEST(Literal, OrdersFloatsTotally) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const double ordered[] = {-inf, -1.5, -0.0, 0.0, 1e-300, 2.0, inf, nan};
  for (size_t i = 0; i + 1 < std::size(ordered); ++i) {
    EXPECT_TRUE(Compare(Of(schema::Double(), ordered[i]), Of(schema::Double(), ordered[i + 1])) < 0) << i;
  }
  EXPECT_EQ(Of(schema::Double(), nan), Of(schema::Double(), -nan));
  EXPECT_FALSE(Of(schema::Double(), 0.0) == Of(schema::Double(), -0.0));
}

// ClickHouse#118366: uuid bounds compared as signed or byte-swapped.
TEST(Literal, OrdersTextAndUuidByUnsignedByte) {
  EXPECT_TRUE(Compare(Of(schema::String(), "a"s), Of(schema::String(), "\xc3\xa9"s)) < 0);
  EXPECT_TRUE(Compare(Of(schema::Uuid(), "\x7f"s + std::string(15, 'a')),
                      Of(schema::Uuid(), "\x80"s + std::string(15, 'a'))) < 0);
}

TEST(Literal, PrintsForPeople) {
  EXPECT_EQ(ToString(Of(schema::Date(), int32_t{17486})), "2017-11-16");
  EXPECT_EQ(ToString(Of(schema::Date(), int32_t{-1})), "1969-12-31");
  EXPECT_EQ(ToString(Of(schema::TimestampTz(), int64_t{-1})), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(ToString(Of(schema::Decimal(9, 2), Int128{-5})), "-0.05");
  EXPECT_EQ(ToString(Of(schema::Decimal(9, 0), Int128{1200})), "1200");
  EXPECT_EQ(ToString(Of(schema::Binary(), "\x0a\x1b"s)), "0a1b");
  EXPECT_EQ(ToString(Literal::Null(schema::Int())), "null");
  EXPECT_EQ(ToString(Of(schema::Uuid(), "\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7"s)),
            "f79c3e09-677c-4bbd-a479-3f349cb785e7");
}

TEST(Literal, ValidatesTheHeldAlternative) {
  EXPECT_FALSE(Validate(Of(schema::Long(), int32_t{1})).ok());
  EXPECT_FALSE(Validate(Of(schema::Uuid(), "short"s)).ok());
  EXPECT_TRUE(Validate(Literal::Null(schema::Uuid())).ok());
}

}  // namespace
}  // namespace firn::table
