#include "table/commit/schema_update.h"

#include <gtest/gtest.h>

namespace firn::table {
namespace {

using schema::Field;
using schema::Schema;

Field F(int32_t id, std::string name, schema::TypePtr type, bool required = false) {
  return {.id = id, .name = std::move(name), .type = std::move(type), .required = required};
}

TableMetadata Table(std::vector<Field> fields, int32_t last_column_id) {
  TableMetadata metadata;
  auto schema = std::make_shared<Schema>();
  schema->fields = std::move(fields);
  metadata.schemas = {schema};
  metadata.last_column_id = last_column_id;
  return metadata;
}

TEST(SchemaUpdate, AssignsFreshIdsLevelByLevel) {
  Schema schema{.fields = {F(7, "a", schema::Struct({F(9, "x", schema::Int()), F(0, "y", schema::Int())})),
                           F(0, "b", schema::List(F(0, "element", schema::Long()))),
                           F(8, "c", schema::Map(F(0, "key", schema::String()), F(0, "value", schema::Int())))},
                .identifier_field_ids = {8}};
  const Schema fresh = AssignFreshIds(schema);
  EXPECT_EQ(fresh.fields[0].id, 1);
  EXPECT_EQ(fresh.fields[2].id, 3);
  EXPECT_EQ(fresh.fields[0].type->children[0].id, 4);
  EXPECT_EQ(fresh.fields[1].type->children[0].id, 6);
  EXPECT_EQ(fresh.fields[2].type->children[1].id, 8);
  EXPECT_EQ(fresh.identifier_field_ids, std::vector<int32_t>{3});
}

TEST(SchemaUpdate, AddsPromotesAndMakesOptional) {
  const TableMetadata base =
      Table({F(1, "id", schema::Int(), true), F(2, "s", schema::Struct({F(3, "x", schema::Float())})),
             F(4, "l", schema::List(F(5, "element", schema::Struct({F(6, "q", schema::Int())}))))},
            9);  // ids 7 to 9 were dropped once
  Schema wanted{.fields = {F(0, "new", schema::String(), true), F(0, "id", schema::Long()),
                           F(0, "s", schema::Struct({F(0, "x", schema::Double()), F(0, "y", schema::Date())})),
                           F(0, "l", schema::List(F(0, "element", schema::Struct({F(0, "r", schema::Int())}))))}};
  const auto evolved = EvolveSchema(base, wanted);
  ASSERT_TRUE(evolved.ok()) << evolved.status().ToString();
  ASSERT_TRUE(evolved->changed);
  const Schema& schema = *evolved->schema;
  ASSERT_EQ(schema.fields.size(), 4u);
  EXPECT_EQ(schema.fields[0].type->id, schema::TypeId::kLong);
  EXPECT_FALSE(schema.fields[0].required);
  EXPECT_EQ(schema.fields[1].type->children[0].type->id, schema::TypeId::kDouble);
  EXPECT_EQ(schema.fields[1].type->children[1].name, "y");
  EXPECT_GT(schema.fields[1].type->children[1].id, 9);
  EXPECT_EQ(schema.fields[2].type->children[0].type->children.size(), 2u);  // q stays
  EXPECT_EQ(schema.fields[3].name, "new");
  EXPECT_FALSE(schema.fields[3].required);
  EXPECT_EQ(evolved->updates.size(), 2u);
}

TEST(SchemaUpdate, NothingToDoIsNoUpdate) {
  const TableMetadata base = Table({F(1, "id", schema::Long()), F(2, "gone", schema::String())}, 2);
  const auto same = EvolveSchema(base, {.fields = {F(0, "id", schema::Int())}});
  ASSERT_TRUE(same.ok());
  EXPECT_FALSE(same->changed);
  EXPECT_TRUE(same->updates.empty());
  EXPECT_EQ(same->schema, base.schema_ptr());
}

TEST(SchemaUpdate, RefusesWhatIcebergCannotDo) {
  TableMetadata base = Table(
      {F(1, "id", schema::Long(), true), F(2, "d", schema::Decimal(10, 2)),
       F(3, "m", schema::Map(F(4, "key", schema::Int()), F(5, "value", schema::Int()))), F(6, "s", schema::String())},
      6);
  const auto refused = [&](const Field& field) {
    const auto evolved = EvolveSchema(base, {.fields = {F(0, "id", schema::Long(), true), field}});
    EXPECT_FALSE(evolved.ok()) << field.name;
    if (evolved.ok()) return;
    EXPECT_EQ(FaultOf(evolved.status()), Fault::kContract);
    EXPECT_NE(evolved.status().message().find(field.name), std::string::npos);
  };
  refused(F(0, "d", schema::Decimal(12, 3)));
  refused(F(0, "s", schema::Long()));
  refused(F(0, "s", schema::Struct({F(0, "x", schema::Int())})));
  refused(F(0, "m", schema::Map(F(0, "key", schema::Long()), F(0, "value", schema::Int()))));
  auto keyed = std::make_shared<Schema>(base.schema());
  keyed->identifier_field_ids = {1};
  base.schemas = {keyed};
  EXPECT_FALSE(EvolveSchema(base, {.fields = {F(0, "id", schema::Long())}}).ok());
}

}  // namespace
}  // namespace firn::table
