#include "pipeline/column_naming.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/column_binding.h"

namespace firn::pipeline {
namespace {

using config::Naming;
using ::testing::ElementsAre;

schema::Field Of(const std::string& name, schema::TypePtr type = schema::Long(), const std::string& doc = "") {
  return {.name = name, .type = std::move(type), .doc = doc};
}

std::vector<std::string> Names(const std::vector<schema::Field>& fields) {
  std::vector<std::string> names;
  for (const auto& field : fields) names.push_back(field.name);
  return names;
}

TEST(SnakeCase, TellsWordsByCapitalsAndWhatIsNoLetter) {
  const std::pair<const char*, const char*> cases[] = {{"OrderID", "order_id"},
                                                       {"orderLineNo", "order_line_no"},
                                                       {"HTTPServer2Name", "http_server2_name"},
                                                       {"order-line.no", "order_line_no"},
                                                       {"  a  b ", "a_b"},
                                                       {"_id", "_id"},
                                                       {"__v", "_v"},
                                                       {"2nd", "_2nd"},
                                                       {"already_snake", "already_snake"},
                                                       {"ID", "id"},
                                                       {"Größe", "größe"},
                                                       {"$", ""},
                                                       {"A", "a"},
                                                       {"aB", "a_b"},
                                                       {"ABc", "a_bc"}};
  for (const auto& [name, expected] : cases) EXPECT_EQ(SnakeCase(name), expected) << name;
}

TEST(WithNaming, NamesEveryDepthAndRemembersTheKey) {
  const schema::Schema decoded{
      .fields = {Of("OrderID"), Of("total"),
                 Of("shipTo", schema::Struct({Of("ZipCode"), Of("_empty", schema::Boolean())})),
                 Of("LineItems", schema::List(Of("element", schema::Struct({Of("unitPrice")}))))}};
  const schema::Schema named = WithNaming(decoded, Naming::kSnakeCase, nullptr);
  EXPECT_THAT(Names(named.fields), ElementsAre("order_id", "total", "ship_to", "line_items"));
  EXPECT_EQ(named.fields[0].doc, "firn:key=OrderID");
  EXPECT_EQ(named.fields[1].doc, "");
  EXPECT_THAT(Names(named.fields[2].type->children), ElementsAre("zip_code", "_empty"));
  EXPECT_THAT(Names(named.fields[3].type->children[0].type->children), ElementsAre("unit_price"));
  EXPECT_THAT(Names(WithNaming(decoded, Naming::kLower, nullptr).fields),
              ElementsAre("orderid", "total", "shipto", "lineitems"));
  EXPECT_EQ(WithNaming(decoded, Naming::kSource, nullptr).fields[0].name, "OrderID");
  EXPECT_EQ(ColumnOfKey(named, "OrderID")->name, "order_id");
  EXPECT_EQ(ColumnOfKey(named, "total")->name, "total");
  EXPECT_EQ(ColumnOfKey(named, "order_id"), nullptr);
}

TEST(WithNaming, CollidingKeysAreNumberedInOrder) {
  const schema::Schema decoded{.fields = {Of("userId"), Of("user_id"), Of("User-ID"),
                                          Of("_op__2", schema::Long(), "firn:key=_op"),
                                          Of("__2", schema::Long(), "firn:key=")}};
  const schema::Schema named = WithNaming(decoded, Naming::kSnakeCase, nullptr);
  EXPECT_THAT(Names(named.fields), ElementsAre("user_id", "user_id__2", "user_id__3", "_op__2", "_"));
  for (const char* key : {"userId", "user_id", "User-ID", "_op", ""}) {
    ASSERT_NE(ColumnOfKey(named, key), nullptr) << key;
  }
  EXPECT_EQ(ColumnOfKey(named, "user_id")->name, "user_id__2");
}

TEST(WithNaming, SecondTypesKeepTheirSuffix) {
  const schema::Schema decoded{
      .fields = {Of("theTotal"), Of("theTotal__string", schema::String(), "firn:sibling key=theTotal")}};
  const schema::Schema named = WithNaming(decoded, Naming::kSnakeCase, nullptr);
  EXPECT_THAT(Names(named.fields), ElementsAre("the_total", "the_total__string"));
  EXPECT_EQ(ColumnOfKey(named, "theTotal")->name, "the_total");
  EXPECT_THAT(Names(WithNaming(decoded, Naming::kSnakeCase, &named).fields),
              ElementsAre("the_total", "the_total__string"));
}

// In later batches the decoder speaks source names still; in later runs it knows the table's.
TEST(WithNaming, ATableKeepsItsNames) {
  ColumnBinding binding(nullptr, RunColumns::kAdded, Naming::kSnakeCase);
  ASSERT_TRUE(binding.Bind({.fields = {Of("Name"), Of("o", schema::Struct({Of("aB")}))}}).ok());
  ASSERT_TRUE(binding.Bind({.fields = {Of("Name"), Of("o", schema::Struct({Of("aB"), Of("a_b")})), Of("name")}}).ok());
  const schema::Schema table = *binding.table_schema();
  EXPECT_THAT(Names(WithoutRunColumns(table).fields), ElementsAre("name", "o", "name__2"));
  EXPECT_THAT(Names(table.Find("o")->type->children), ElementsAre("a_b", "a_b__2"));
  EXPECT_EQ(ColumnOfKey(table, "name")->name, "name__2");
  const schema::Schema known = WithoutRunColumns(table);
  EXPECT_THAT(Names(WithNaming(known, Naming::kSnakeCase, &table).fields), ElementsAre("name", "o", "name__2"));
  // A table made with source names keeps them when the setting comes later.
  const schema::Schema before{.fields = {Of("OrderID")}};
  EXPECT_THAT(Names(WithNaming({.fields = {Of("OrderID"), Of("newKey")}}, Naming::kSnakeCase, &before).fields),
              ElementsAre("OrderID", "new_key"));
}

}  // namespace
}  // namespace firn::pipeline
