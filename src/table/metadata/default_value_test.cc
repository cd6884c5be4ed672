#include "table/metadata/default_value.h"

#include <gtest/gtest.h>

namespace firn::table {
namespace {

TEST(DefaultValue, ReadsAndWritesTheJsonOfEachType) {
  const std::pair<schema::TypePtr, const char*> cases[] = {
      {schema::Boolean(), "true"},
      {schema::Int(), "-7"},
      {schema::Long(), "9223372036854775807"},
      {schema::Float(), "0.5"},
      {schema::Double(), "1.25"},
      {schema::Decimal(38, 2), "\"14.20\""},
      {schema::Date(), "\"2017-11-16\""},
      {schema::Time(), "\"22:31:08.123456\""},
      {schema::Timestamp(), "\"2017-11-16T22:31:08.123456\""},
      {schema::TimestampTz(), "\"2017-11-16T22:31:08.123456+00:00\""},
      {schema::TimestampNs(), "\"1969-12-31T23:59:59.999999999\""},
      {schema::TimestampTzNs(), "\"2017-11-16T22:31:08.123456789+00:00\""},
      {schema::String(), "\"a\\\"b\""},
      {schema::Uuid(), "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""},
      {schema::Fixed(4), "\"000102ff\""},
      {schema::Binary(), "\"0001\""},
      {schema::String(), "null"}};
  for (const auto& [type, json] : cases) {
    const auto value = ParseDefault(type, json);
    ASSERT_TRUE(value.ok()) << json << ": " << value.status().ToString();
    EXPECT_TRUE(Validate(*value).ok()) << json;
    EXPECT_EQ(WriteDefault(*value), json);
  }
}

TEST(DefaultValue, RefusesWhatIsNotExact) {
  EXPECT_FALSE(ParseDefault(schema::Int(), "1.5").ok());
  EXPECT_FALSE(ParseDefault(schema::Int(), "3000000000").ok());
  EXPECT_FALSE(ParseDefault(schema::Decimal(4, 2), "\"123.00\"").ok());
  EXPECT_FALSE(ParseDefault(schema::Decimal(4, 2), "\"1.001\"").ok());
  EXPECT_FALSE(ParseDefault(schema::String(), "1").ok());
  EXPECT_FALSE(ParseDefault(schema::Timestamp(), "\"2017-11-16T22:31:08Z\"").ok());
  EXPECT_FALSE(ParseDefault(schema::TimestampTz(), "\"2017-11-16T22:31:08\"").ok());
  EXPECT_FALSE(ParseDefault(schema::Fixed(4), "\"0001\"").ok());
  EXPECT_FALSE(ParseDefault(schema::Boolean(), "\"true\"").ok());
  EXPECT_FALSE(ParseDefault(schema::String(), "no json").ok());
  EXPECT_FALSE(ParseDefault(schema::Struct({}), "{}").ok());
}

TEST(DefaultValue, TakesTextAsPeopleWriteIt) {
  EXPECT_EQ(*DefaultFromText(schema::String(), "EUR"), "\"EUR\"");
  EXPECT_EQ(*DefaultFromText(schema::String(), "12"), "\"12\"");
  EXPECT_EQ(*DefaultFromText(schema::String(), ""), "\"\"");
  EXPECT_EQ(*DefaultFromText(schema::Long(), "12"), "12");
  EXPECT_EQ(*DefaultFromText(schema::Decimal(9, 2), "12.5"), "\"12.50\"");
  EXPECT_EQ(*DefaultFromText(schema::Date(), "2024-01-31"), "\"2024-01-31\"");
  EXPECT_EQ(FaultOf(DefaultFromText(schema::Long(), "twelve").status()), Fault::kConfig);
}

TEST(DefaultValue, KnowsWhichSchemasItCannotApply) {
  schema::Field field{.id = 1, .name = "a", .type = schema::Long()};
  field.write_default = "1";
  EXPECT_TRUE(CheckDefaults({.fields = {field}}).ok());
  field.id = 2;
  const schema::Field outer{.id = 1, .name = "s", .type = schema::Struct({field})};
  EXPECT_EQ(FaultOf(CheckDefaults({.fields = {outer}})), Fault::kConfig);
  field.write_default = "\"x\"";
  EXPECT_FALSE(CheckDefaults({.fields = {field}}).ok());
}

}  // namespace
}  // namespace firn::table
