#include "table/commit/schema_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "table/commit/name_mapping.h"
#include "table/metadata/update.h"

namespace firn::table {
namespace {

using schema::Field;
using Kind = SchemaChange::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Field F(int32_t id, std::string name, schema::TypePtr type, bool required = false, std::string doc = "") {
  return {.id = id, .name = std::move(name), .type = std::move(type), .required = required, .doc = std::move(doc)};
}

// id (identifier), day (partition), total, s {x, y}, lines [{price}].
TableMetadata Orders(int32_t version = 2) {
  schema::Schema columns{
      .fields = {F(1, "id", schema::Long(), true), F(2, "day", schema::Date()), F(3, "total", schema::Int()),
                 F(4, "s", schema::Struct({F(6, "x", schema::Int()), F(7, "y", schema::String())})),
                 F(5, "lines", schema::List(F(8, "element", schema::Struct({F(9, "price", schema::Decimal(9, 2))}))))},
      .identifier_field_ids = {1}};
  PartitionSpec spec{.fields = {{.source_id = 2, .name = "day", .transform = {}}}};
  const std::vector<TableUpdate> updates = {
      update::AssignUuid{.uuid = NewUuid()},
      update::UpgradeFormatVersion{.format_version = version},
      update::SetLocation{.location = "file:///t"},
      update::AddSchema{.schema = std::make_shared<const schema::Schema>(std::move(columns))},
      update::SetCurrentSchema{},
      update::AddSpec{.spec = spec},
      update::SetDefaultSpec{},
      update::AddSortOrder{},
      update::SetDefaultSortOrder{},
      update::SetProperties{.updates = {{"firn.stream.shop/orders", "{}"}}}};
  auto table = ApplyUpdates(nullptr, updates, {});
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  return *std::move(table);
}

Result<TableMetadata> After(const TableMetadata& base, std::vector<SchemaChange> changes) {
  ARROW_ASSIGN_OR_RAISE(const auto evolution, ChangeSchema(base, changes));
  return ApplyUpdates(&base, evolution.updates, {});
}

std::vector<std::string> Names(const TableMetadata& table) {
  std::vector<std::string> names;
  for (const Field& field : table.schema().fields) names.push_back(field.name);
  return names;
}

std::string CodeOf(const Status& status) {
  return status.ok() || ContextOf(status) == nullptr ? "" : ContextOf(status)->code;
}

TEST(SchemaChange, RenamesByIdAtEveryDepthAndRemembersTheKey) {
  const auto table = After(Orders(), {{.kind = Kind::kRenameColumn, .column = "total", .name = "amount"},
                                      {.kind = Kind::kRenameColumn, .column = "s.x", .name = "left"},
                                      {.kind = Kind::kRenameColumn, .column = "lines.element.price", .name = "cost"}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->schema().Find("amount")->id, 3);
  EXPECT_EQ(table->schema().Find("amount")->doc, "firn:key=total");
  EXPECT_EQ(table->schema().FindById(6)->name, "left");
  EXPECT_EQ(table->schema().FindById(9)->name, "cost");
  EXPECT_EQ(PathOfSource(table->schema(), "total"), "amount");
  EXPECT_EQ(PathOfSource(table->schema(), "s.x"), "s.left");
  EXPECT_EQ(PathOfSource(table->schema(), "lines.price"), "lines.element.cost");
  EXPECT_EQ(PathOfSource(table->schema(), "amount"), "");
  EXPECT_EQ(table->schemas.size(), 2U);
  const auto back = After(*table, {{.kind = Kind::kRenameColumn, .column = "amount", .name = "total"}});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->schema().Find("total")->doc, "");  // the key is the name again
}

TEST(SchemaChange, ADroppedNameComesBackUnderANewId) {
  const auto dropped = After(Orders(), {{.kind = Kind::kDropColumn, .column = "total"}});
  ASSERT_TRUE(dropped.ok()) << dropped.status().ToString();
  EXPECT_THAT(Names(*dropped), ElementsAre("id", "day", "s", "lines"));
  EXPECT_THAT(DroppedColumns(*dropped), ElementsAre("total"));
  EXPECT_EQ(dropped->last_column_id, 9);
  const auto added = After(*dropped, {{.kind = Kind::kAddColumn, .column = "total", .type = schema::String()}});
  ASSERT_TRUE(added.ok()) << added.status().ToString();
  EXPECT_EQ(added->schema().Find("total")->id, 10);
  EXPECT_THAT(DroppedColumns(*added), ElementsAre());
}

// A column for values of a second type is dropped without its key: the key's other column goes on.
TEST(SchemaChange, ASiblingIsDroppedWithoutItsKey) {
  TableMetadata table = Orders();
  schema::Schema schema = table.schema();
  schema.fields.push_back(
      {.id = 10, .name = "total__string", .type = schema::String(), .doc = "firn:sibling key=total"});
  schema.fields.push_back({.id = 11, .name = "note__string", .type = schema::String()});
  table.schemas = {std::make_shared<const schema::Schema>(std::move(schema))};
  table.last_column_id = 11;
  const auto sibling = After(table, {{.kind = Kind::kDropColumn, .column = "total__string"}});
  ASSERT_TRUE(sibling.ok()) << sibling.status().ToString();
  EXPECT_THAT(DroppedColumns(*sibling), ElementsAre());
  EXPECT_NE(sibling->schema().Find("total"), nullptr);
  const auto named_so = After(table, {{.kind = Kind::kDropColumn, .column = "note__string"}});
  ASSERT_TRUE(named_so.ok()) << named_so.status().ToString();
  EXPECT_THAT(DroppedColumns(*named_so), ElementsAre("note__string"));
}

TEST(SchemaChange, RemembersTheSourcePathOfWhatWasDropped) {
  const auto table = After(Orders(), {{.kind = Kind::kRenameColumn, .column = "s", .name = "place"},
                                      {.kind = Kind::kDropColumn, .column = "place.x"}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_THAT(DroppedColumns(*table), ElementsAre("s.x"));
}

TEST(SchemaChange, MovesWithinAStruct) {
  const auto table = After(
      Orders(), {{.kind = Kind::kMoveColumn, .column = "total"},
                 {.kind = Kind::kMoveColumn, .column = "id", .name = "s", .place = SchemaChange::Place::kAfter},
                 {.kind = Kind::kMoveColumn, .column = "s.y", .name = "x", .place = SchemaChange::Place::kBefore}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_THAT(Names(*table), ElementsAre("total", "day", "s", "id", "lines"));
  EXPECT_EQ(table->schema().Find("s")->type->children[0].name, "y");
}

TEST(SchemaChange, AddsFieldsOfStructsInLists) {
  const auto table = After(Orders(), {{.kind = Kind::kAddColumn,
                                       .column = "lines.element.note",
                                       .type = schema::String(),
                                       .doc = "what the customer wrote"}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->schema().FindById(10)->name, "note");
  EXPECT_EQ(table->schema().FindById(10)->doc, "what the customer wrote");
  EXPECT_EQ(table->last_column_id, 10);
}

TEST(SchemaChange, KeepsNotesBesideDocs) {
  const auto table = After(Orders(), {{.kind = Kind::kRenameColumn, .column = "total", .name = "amount"},
                                      {.kind = Kind::kSetDoc, .column = "amount", .doc = "in cents\nor so"}});
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->schema().Find("amount")->doc, "firn:key=total\nin cents\nor so");
  EXPECT_EQ(PathOfSource(table->schema(), "total"), "amount");
}

TEST(SchemaChange, NothingToDoIsNoCommit) {
  const TableMetadata base = Orders();
  const SchemaChange same{.kind = Kind::kSetType, .column = "total", .type = schema::Int()};
  const auto evolution = ChangeSchema(base, {&same, 1});
  ASSERT_TRUE(evolution.ok());
  EXPECT_FALSE(evolution->changed);
  EXPECT_TRUE(evolution->updates.empty());
}

TEST(SchemaChange, RefusesWhatWouldBreakTheTable) {
  struct Case {
    SchemaChange change;
    const char* why;
    const char* code = "E0931";
  };
  const Case cases[] = {
      {{.kind = Kind::kDropColumn, .column = "id"}, "identifier"},
      {{.kind = Kind::kDropColumn, .column = "day"}, "partitioned"},
      {{.kind = Kind::kDropColumn, .column = "lines.element"}, "part of a list"},
      {{.kind = Kind::kDropColumn, .column = "lines.element.price"}, "the only one"},
      {{.kind = Kind::kDropColumn, .column = "_firn_run_id"}, "belongs to firn"},
      {{.kind = Kind::kDropColumn, .column = "nothing"}, "no column", "E0930"},
      {{.kind = Kind::kRenameColumn, .column = "total", .name = "day"}, "already"},
      {{.kind = Kind::kRenameColumn, .column = "lines.element", .name = "x"}, "no name"},
      {{.kind = Kind::kMakeOptional, .column = "id"}, "stays required"},
      {{.kind = Kind::kSetType, .column = "total", .type = schema::String()}, "cannot become string"},
      {{.kind = Kind::kSetType, .column = "day", .type = schema::Timestamp()}, "cannot become timestamp"},
      {{.kind = Kind::kAddColumn, .column = "n", .type = schema::TimestampNs()}, "needs format version 3"},
      {{.kind = Kind::kAddColumn, .column = "n", .type = schema::Int(), .default_json = "1"}, "need format version 3"},
      {{.kind = Kind::kAddColumn, .column = "total.x", .type = schema::Int()}, "not a struct"},
      {{.kind = Kind::kMoveColumn, .column = "total", .name = "x", .place = SchemaChange::Place::kAfter},
       "no other column",
       "E0930"},
      {{.kind = Kind::kSetIdentifier, .columns = {"total"}}, "is optional"},
      {{.kind = Kind::kSetDoc, .column = "total", .doc = "firn:key=x"}, "cannot begin"},
  };
  const TableMetadata base = Orders();
  for (const Case& one : cases) {
    const auto refused = ChangeSchema(base, {&one.change, 1});
    ASSERT_FALSE(refused.ok()) << one.why;
    EXPECT_THAT(refused.status().message(), HasSubstr(one.why));
    EXPECT_EQ(CodeOf(refused.status()), one.code) << one.why;
    EXPECT_FALSE(ContextOf(refused.status())->next.empty()) << one.why;
  }
  const SchemaChange drop{.kind = Kind::kDropColumn, .column = "total"};
  EXPECT_FALSE(ChangeSchema(base, {&drop, 1}, {{"total", "it is part of the primary_key"}}).ok());
}

TEST(SchemaChange, PromotesByTheVersionOfTheTable) {
  const auto table = After(Orders(3), {{.kind = Kind::kSetType, .column = "total", .type = schema::Long()}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->schema().Find("total")->type->id, schema::TypeId::kLong);
  // The day's partitions would have other values.
  const SchemaChange day{.kind = Kind::kSetType, .column = "day", .type = schema::Timestamp()};
  EXPECT_FALSE(ChangeSchema(Orders(3), {&day, 1}).ok());
}

TEST(SchemaChange, DefaultsOfVersion3) {
  const auto table =
      After(Orders(3),
            {{.kind = Kind::kAddColumn, .column = "currency", .type = schema::String(), .default_json = "\"EUR\""}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->schema().Find("currency")->initial_default, "\"EUR\"");
  const auto later = After(*table, {{.kind = Kind::kSetDefault, .column = "currency", .default_json = "\"USD\""}});
  ASSERT_TRUE(later.ok()) << later.status().ToString();
  EXPECT_EQ(later->schema().Find("currency")->initial_default, "\"EUR\"");  // for ever
  EXPECT_EQ(later->schema().Find("currency")->write_default, "\"USD\"");
}

TEST(SchemaChange, ForeignTablesKeepTheirDocs) {
  TableMetadata base = Orders();
  base.properties.clear();
  const auto table = After(base, {{.kind = Kind::kRenameColumn, .column = "total", .name = "amount"},
                                  {.kind = Kind::kDropColumn, .column = "s"}});
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->schema().Find("amount")->doc, "");
  EXPECT_THAT(DroppedColumns(*table), ElementsAre());
}

TEST(NameMapping, FollowsNewNames) {
  const std::string mapping =
      R"([{"field-id":1,"names":["id"]},{"field-id":3,"names":["total"],"fields":[{"field-id":6,"names":["x"]}]}])";
  EXPECT_EQ(
      NameMappingWithName(mapping, 6, "y"),
      R"([{"field-id":1,"names":["id"]},{"field-id":3,"names":["total"],"fields":[{"field-id":6,"names":["x","y"]}]}])");
  EXPECT_EQ(NameMappingWithColumn(mapping, 0, F(9, "total", schema::String())),
            R"([{"field-id":1,"names":["id"]},{"field-id":3,"names":[],"fields":[{"field-id":6,"names":["x"]}]},)"
            R"({"field-id":9,"names":["total"]}])");
  EXPECT_EQ(NameMappingWithName("", 1, "x"), "");
  EXPECT_EQ(NameMappingWithName("no json", 1, "x"), "no json");
}

TEST(SpecEvolution, ReusesSpecsFieldsAndNames) {
  TableMetadata base = Orders();
  const auto evolve = [&](std::vector<PartitionField> fields) {
    auto evolved = EvolveSpec(base, base.schema_ptr(), {.fields = std::move(fields)});
    EXPECT_TRUE(evolved.ok()) << evolved.status().ToString();
    const std::vector<TableUpdate> updates = {update::AddSpec{.spec = evolved->spec}, update::SetDefaultSpec{}};
    base = *ApplyUpdates(&base, updates, {});
    EXPECT_EQ(base.default_spec().spec_id, evolved->spec.spec_id);
    return *evolved;
  };
  const PartitionField day{.source_id = 2, .name = "day"};
  PartitionField bucket{.source_id = 1, .name = "id_bucket", .transform = {Transform::Kind::kBucket, 4, ""}};
  EXPECT_FALSE(evolve({day}).changed);
  const auto second = evolve({day, bucket});
  EXPECT_TRUE(second.changed);
  EXPECT_EQ(second.spec.spec_id, 1);
  EXPECT_EQ(second.spec.fields[0].field_id, 1000);
  EXPECT_EQ(second.spec.fields[1].field_id, 1001);
  bucket.transform.parameter = 8;
  const auto third = evolve({bucket});
  EXPECT_EQ(third.spec.fields[0].field_id, 1002);
  EXPECT_EQ(third.spec.fields[0].name, "id_bucket_8");  // a name means one field in all specs
  EXPECT_TRUE(evolve({}).spec.unpartitioned());
  EXPECT_EQ(evolve({day}).spec.spec_id, 0);  // the first again
}

}  // namespace
}  // namespace firn::table
