#include "table/metadata/update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "table/metadata/default_value.h"
#include "table/metadata/metadata_json.h"
#include "table/metadata/requirement.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace update;
using namespace requirement;

constexpr int64_t kNow = 1'700'000'000'000;

SchemaPtr TwoColumns() {
  return std::make_shared<const schema::Schema>(
      schema::Schema{.fields = {{.id = 1, .name = "id", .type = schema::Long(), .required = true},
                                {.id = 2, .name = "at", .type = schema::TimestampTz()}},
                     .identifier_field_ids = {1}});
}

PartitionSpec ByDay() {
  return {.fields = {{.source_id = 2, .name = "at_day", .transform = {.kind = Transform::Kind::kDay}}}};
}

Snapshot MakeSnapshot(int64_t id, int64_t sequence_number, std::optional<SnapshotId> parent = {}) {
  return {.snapshot_id = {id},
          .parent_snapshot_id = parent,
          .sequence_number = sequence_number,
          .timestamp_ms = kNow + sequence_number,
          .manifest_list = "file:///t/snap-" + std::to_string(id) + ".avro",
          .summary = {{"operation", "append"}},
          .schema_id = 0};
}

SetSnapshotRef Main(int64_t id) {
  return {.name = "main", .ref = {.snapshot_id = {id}}};
}

Result<TableMetadata> Apply(const TableMetadata* base, std::vector<TableUpdate> updates, std::string location = "") {
  return ApplyUpdates(base, updates, {.now_ms = kNow, .base_metadata_location = std::move(location)});
}

TableMetadata NewTable() {
  return *Apply(nullptr, {AssignUuid{"u-1"}, SetLocation{"file:///t/"}, AddSchema{TwoColumns()}, SetCurrentSchema{},
                          AddSpec{ByDay()}, SetDefaultSpec{}, AddSortOrder{}, SetDefaultSortOrder{}});
}

TableMetadata WithSnapshots(int64_t count) {
  TableMetadata table = NewTable();
  for (int64_t i = 1; i <= count; ++i) {
    const auto parent = i > 1 ? std::optional(SnapshotId{100 + i - 1}) : std::nullopt;
    table = *Apply(&table, {AddSnapshot{MakeSnapshot(100 + i, i, parent)}, Main(100 + i)}, "v" + std::to_string(i));
  }
  return table;
}

std::vector<int64_t> LogIds(const TableMetadata& table) {
  std::vector<int64_t> ids;
  for (const auto& entry : table.snapshot_log) ids.push_back(entry.snapshot_id.value);
  return ids;
}

TEST(ApplyUpdates, MakesATable) {
  const TableMetadata table = NewTable();
  EXPECT_EQ(table.location, "file:///t");
  EXPECT_EQ(table.last_column_id, 2);
  EXPECT_EQ(table.last_partition_id, 1000);
  EXPECT_EQ(table.default_spec().fields[0].field_id, 1000);
  EXPECT_EQ(table.last_updated_ms, kNow);
  EXPECT_TRUE(table.metadata_log.empty());
  EXPECT_EQ(ParseMetadata(*WriteMetadata(table))->table_uuid, "u-1");
}

TEST(ApplyUpdates, NewTableNeedsItsParts) {
  EXPECT_FALSE(Apply(nullptr, {}).ok());
  EXPECT_FALSE(Apply(nullptr, {SetLocation{"x"}, AddSchema{TwoColumns()}, SetCurrentSchema{}}).ok());
  const auto table = Apply(nullptr, {SetLocation{"x"}, AddSchema{TwoColumns()}, SetCurrentSchema{},
                                     AddSpec{PartitionSpec{}}, SetDefaultSpec{}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->table_uuid.size(), 36U);
}

TEST(ApplyUpdates, AppendsSnapshotsAndLogs) {
  const TableMetadata table = WithSnapshots(3);
  EXPECT_EQ(table.current_snapshot_id, SnapshotId{103});
  EXPECT_EQ(table.last_sequence_number, 3);
  EXPECT_EQ(table.last_updated_ms, kNow + 3);
  EXPECT_THAT(LogIds(table), ElementsAre(101, 102, 103));
  EXPECT_THAT(table.metadata_log, ElementsAre(MetadataLogEntry{kNow, "v1"}, MetadataLogEntry{kNow + 1, "v2"},
                                              MetadataLogEntry{kNow + 2, "v3"}));
  EXPECT_TRUE(WriteMetadata(table).ok());
}

TEST(ApplyUpdates, TimeNeverGoesBack) {
  TableMetadata base = WithSnapshots(1);
  const std::vector<TableUpdate> updates = {SetProperties{{{"a", "b"}}}};
  const auto table = ApplyUpdates(&base, updates, {.now_ms = 5});
  EXPECT_EQ(table->last_updated_ms, base.last_updated_ms);
}

TEST(ApplyUpdates, CapsTheMetadataLogAndNamesRetiredFiles) {
  TableMetadata base = WithSnapshots(4);
  const auto table = Apply(&base, {SetProperties{{{"write.metadata.previous-versions-max", "2"}}}}, "v5");
  EXPECT_EQ(table->metadata_log.size(), 2U);
  EXPECT_EQ(table->metadata_log.back().metadata_file, "v5");
  EXPECT_THAT(RetiredMetadataFiles(base, *table), ElementsAre("v1", "v2", "v3"));
}

// Everything up to and including an expired snapshot leaves the log: history may not have gaps.
TEST(ApplyUpdates, ExpiryTrimsTheSnapshotLog) {
  TableMetadata base = WithSnapshots(4);
  base.statistics = {{.snapshot_id = {102}, .json = "{}"}, {.snapshot_id = {104}, .json = "{}"}};
  const auto table = Apply(&base, {RemoveSnapshots{{SnapshotId{102}}}});
  EXPECT_THAT(LogIds(*table), ElementsAre(103, 104));
  EXPECT_EQ(table->snapshots.size(), 3U);
  EXPECT_EQ(table->statistics.size(), 1U);
}

TEST(ApplyUpdates, ExpiryRemovesRefsToTheSnapshot) {
  TableMetadata base = WithSnapshots(2);
  base = *Apply(&base, {SetSnapshotRef{"t", {.snapshot_id = {101}, .type = SnapshotRef::Type::kTag}}});
  const auto table = Apply(&base, {RemoveSnapshots{{SnapshotId{101}}}});
  EXPECT_FALSE(table->refs.contains("t"));
  EXPECT_TRUE(table->refs.contains("main"));
}

TEST(ApplyUpdates, SnapshotsCurrentOnlyWithinARequestAreNotLogged) {
  TableMetadata base = WithSnapshots(1);
  const auto table = Apply(&base, {AddSnapshot{MakeSnapshot(102, 2, SnapshotId{101})}, Main(102),
                                   AddSnapshot{MakeSnapshot(103, 3, SnapshotId{102})}, Main(103)});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_THAT(LogIds(*table), ElementsAre(101, 103));
}

TEST(ApplyUpdates, RollbackIsLoggedWithTheTimeOfNow) {
  TableMetadata base = WithSnapshots(2);
  const auto table = Apply(&base, {Main(101)});
  EXPECT_THAT(LogIds(*table), ElementsAre(101, 102, 101));
  EXPECT_GE(table->snapshot_log[2].timestamp_ms, table->snapshot_log[1].timestamp_ms);
  EXPECT_EQ(table->last_sequence_number, 2);
}

// iceberg#10919, icelake#211: ids 0, +1 and doubles made readers take the wrong snapshot.
TEST(ApplyUpdates, RefusesBadSnapshotIds) {
  const TableMetadata base = WithSnapshots(1);
  for (const int64_t id : {int64_t{0}, int64_t{-1}, int64_t{101}}) {
    const auto table = Apply(&base, {AddSnapshot{MakeSnapshot(id, 2, SnapshotId{101})}});
    ASSERT_FALSE(table.ok()) << id;
    EXPECT_EQ(FaultOf(table.status()), Fault::kBadData);
  }
  EXPECT_GT(NewSnapshotId().value, 0);
  EXPECT_NE(NewSnapshotId(), NewSnapshotId());
}

// duckdb-iceberg#1058: a sequence number went back.
TEST(ApplyUpdates, OldSequenceNumberIsAConflict) {
  const TableMetadata base = WithSnapshots(2);
  const auto table = Apply(&base, {AddSnapshot{MakeSnapshot(7, 2, SnapshotId{102})}});
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(FaultOf(table.status()), Fault::kConflict);
}

TEST(ApplyUpdates, ReusesEqualSchemasSpecsAndOrders) {
  const TableMetadata base = NewTable();
  const auto same = Apply(&base, {AddSchema{TwoColumns()}, SetCurrentSchema{}, AddSpec{ByDay()}, SetDefaultSpec{}});
  EXPECT_EQ(same->schemas.size(), 1U);
  EXPECT_EQ(same->partition_specs.size(), 1U);
  schema::Schema wider = *TwoColumns();
  wider.fields.push_back({.id = 3, .name = "c", .type = schema::String()});
  PartitionSpec spec = ByDay();
  spec.fields.push_back({.source_id = 3, .name = "c", .transform = {}});
  const auto table = Apply(&base, {AddSchema{std::make_shared<const schema::Schema>(wider)}, SetCurrentSchema{},
                                   AddSpec{spec}, SetDefaultSpec{}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->current_schema_id, 1);
  EXPECT_EQ(table->default_spec_id, 1);
  EXPECT_EQ(table->default_spec().fields[0].field_id, 1000);
  EXPECT_EQ(table->default_spec().fields[1].field_id, 1001);
  EXPECT_EQ(table->last_column_id, 3);
}

TEST(ApplyUpdates, RefusesWhatDoesNotFit) {
  const TableMetadata base = WithSnapshots(1);
  schema::Schema optional_key = *TwoColumns();
  optional_key.fields[0].required = false;
  Snapshot no_operation = MakeSnapshot(9, 9, SnapshotId{101});
  no_operation.summary.clear();
  PartitionSpec unknown = ByDay();
  unknown.fields[0].transform = {.kind = Transform::Kind::kUnknown, .unknown_name = "z"};
  PartitionSpec collides = ByDay();
  collides.fields[0].name = "id";
  const std::vector<TableUpdate> bad = {
      SetCurrentSchema{},
      SetCurrentSchema{5},
      SetDefaultSpec{5},
      SetDefaultSortOrder{5},
      Main(5),
      SetSnapshotRef{"main", {.snapshot_id = {101}, .type = SnapshotRef::Type::kTag}},
      SetSnapshotRef{"t", {.snapshot_id = {101}, .type = SnapshotRef::Type::kTag, .min_snapshots_to_keep = 1}},
      AddSchema{std::make_shared<const schema::Schema>(optional_key)},
      AddSnapshot{no_operation},
      AddSpec{unknown},
      AddSpec{collides},
      UpgradeFormatVersion{1},
      UpgradeFormatVersion{9},
      AssignUuid{"other"},
      SetLocation{""},
      RemoveSchemas{{0}},
      RemovePartitionSpecs{{0}}};
  for (const TableUpdate& update : bad) EXPECT_FALSE(Apply(&base, {update}).ok()) << WriteUpdate(update);
}

TEST(ApplyUpdates, ReservedPropertiesAreNotStored) {
  const TableMetadata base = NewTable();
  const auto table = Apply(&base, {SetProperties{{{"format-version", "3"}, {"uuid", "x"}, {"a", "b"}}}});
  EXPECT_EQ(table->format_version, 3);
  EXPECT_EQ(table->next_row_id, 0);
  EXPECT_EQ(table->properties, (std::map<std::string, std::string>{{"a", "b"}}));
}

TEST(ApplyUpdates, Version3AssignsRowIds) {
  TableMetadata base = NewTable();
  base = *Apply(&base, {UpgradeFormatVersion{3}});
  Snapshot snapshot = MakeSnapshot(5, 1);
  EXPECT_FALSE(Apply(&base, {AddSnapshot{snapshot}}).ok());
  snapshot.first_row_id = 0;
  snapshot.added_rows = 10;
  base = *Apply(&base, {AddSnapshot{snapshot}});
  EXPECT_EQ(base.next_row_id, 10);
  Snapshot next = MakeSnapshot(6, 2, SnapshotId{5});
  next.first_row_id = 3;
  next.added_rows = 1;
  EXPECT_EQ(FaultOf(Apply(&base, {AddSnapshot{next}}).status()), Fault::kConflict);
}

TEST(ApplyUpdates, DoesNotTouchTheBase) {
  const TableMetadata base = WithSnapshots(2);
  const std::string before = *WriteMetadata(base);
  ASSERT_TRUE(Apply(&base, {AddSnapshot{MakeSnapshot(9, 9, SnapshotId{102})}, Main(9)}, "v").ok());
  EXPECT_EQ(*WriteMetadata(base), before);
}

// Field names as in rest-catalog-open-api.yaml.
TEST(UpdateJson, EveryUpdateRoundTrips) {
  const std::vector<TableUpdate> all = {AssignUuid{"u"},
                                        UpgradeFormatVersion{2},
                                        AddSchema{TwoColumns()},
                                        SetCurrentSchema{},
                                        AddSpec{ByDay()},
                                        SetDefaultSpec{3},
                                        AddSortOrder{{.order_id = 1, .fields = {{.source_id = 1}}}},
                                        SetDefaultSortOrder{1},
                                        AddSnapshot{MakeSnapshot(1, 2, SnapshotId{3})},
                                        Main(4),
                                        RemoveSnapshots{{SnapshotId{1}, SnapshotId{2}}},
                                        RemoveSnapshotRef{"t"},
                                        SetLocation{"l"},
                                        SetProperties{{{"a", "b"}}},
                                        RemoveProperties{{"a"}},
                                        SetStatistics{{.snapshot_id = {4}, .json = R"({"snapshot-id":4})"}},
                                        RemoveStatistics{{4}},
                                        SetPartitionStatistics{{.snapshot_id = {4}, .json = R"({"snapshot-id":4})"}},
                                        RemovePartitionStatistics{{4}},
                                        RemovePartitionSpecs{{1}},
                                        RemoveSchemas{{1, 2}}};
  ASSERT_EQ(all.size(), std::variant_size_v<TableUpdate>);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string json = WriteUpdate(all[i]);
    const auto parsed = ParseUpdate(json);
    ASSERT_TRUE(parsed.ok()) << json << parsed.status().ToString();
    EXPECT_EQ(parsed->index(), i);
    EXPECT_EQ(WriteUpdate(*parsed), json);
  }
  EXPECT_EQ(WriteUpdate(Main(4)), R"({"action":"set-snapshot-ref","ref-name":"main","snapshot-id":4,"type":"branch"})");
  EXPECT_EQ(WriteUpdate(SetCurrentSchema{}), R"({"action":"set-current-schema","schema-id":-1})");
}

TEST(UpdateJson, RefusesUnknownAndIncomplete) {
  for (const char* json : {R"({"action":"add-magic"})", R"({"action":"remove-snapshots"})", R"({"action":1})", "[]",
                           R"({"action":"set-properties"})", R"({"action":"add-schema","schema":{}})"}) {
    const auto update = ParseUpdate(json);
    ASSERT_FALSE(update.ok()) << json;
    EXPECT_EQ(FaultOf(update.status()), Fault::kBadData);
  }
}

std::string Conflict(const TableMetadata* metadata, const TableRequirement& requirement) {
  const Status status = CheckRequirements(metadata, std::span(&requirement, 1));
  if (status.ok()) return "ok";
  EXPECT_EQ(FaultOf(status), Fault::kConflict);
  return status.message();
}

// The texts that clients and the REST compatibility kit look for.
// iceberg-go#636: clients and the compatibility kit look for the exact words.
TEST(Requirement, MessagesAreThoseOfTheReference) {
  TableMetadata table = WithSnapshots(1);
  table = *Apply(&table, {SetSnapshotRef{"t", {.snapshot_id = {101}, .type = SnapshotRef::Type::kTag}}});
  const std::string failed = "Requirement failed: ";
  EXPECT_EQ(Conflict(&table, AssertCreate{}), failed + "table already exists");
  EXPECT_EQ(Conflict(&table, AssertTableUuid{"u-2"}), failed + "UUID does not match: expected u-1 != u-2");
  EXPECT_EQ(Conflict(&table, AssertRefSnapshotId{"main", SnapshotId{5}}),
            failed + "branch main has changed: expected id 5 != 101");
  EXPECT_EQ(Conflict(&table, AssertRefSnapshotId{"t", std::nullopt}), failed + "tag t was created concurrently");
  EXPECT_EQ(Conflict(&table, AssertRefSnapshotId{"x", SnapshotId{5}}),
            failed + "branch or tag x is missing, expected 5");
  EXPECT_EQ(Conflict(&table, AssertLastAssignedFieldId{9}),
            failed + "last assigned field id changed: expected id 9 != 2");
  EXPECT_EQ(Conflict(&table, AssertCurrentSchemaId{9}), failed + "current schema changed: expected id 9 != 0");
  EXPECT_EQ(Conflict(&table, AssertLastAssignedPartitionId{9}),
            failed + "last assigned partition id changed: expected id 9 != 1000");
  EXPECT_EQ(Conflict(&table, AssertDefaultSpecId{9}), failed + "default partition spec changed: expected id 9 != 0");
  EXPECT_EQ(Conflict(&table, AssertDefaultSortOrderId{9}), failed + "default sort order changed: expected id 9 != 0");
}

TEST(Requirement, HoldsWhereItShould) {
  const TableMetadata table = WithSnapshots(1);
  for (const TableRequirement& requirement : std::vector<TableRequirement>{
           AssertTableUuid{"U-1"}, AssertRefSnapshotId{"main", SnapshotId{101}}, AssertRefSnapshotId{"x", std::nullopt},
           AssertLastAssignedFieldId{2}, AssertCurrentSchemaId{0}, AssertLastAssignedPartitionId{1000},
           AssertDefaultSpecId{0}, AssertDefaultSortOrderId{0}}) {
    EXPECT_EQ(Conflict(&table, requirement), "ok");
  }
  EXPECT_EQ(Conflict(nullptr, AssertCreate{}), "ok");
  EXPECT_EQ(Conflict(nullptr, AssertTableUuid{"u"}), "Requirement failed: table does not exist");
}

TEST(Requirement, JsonRoundTrips) {
  const std::vector<TableRequirement> all = {AssertCreate{},
                                             AssertTableUuid{"u"},
                                             AssertRefSnapshotId{"main", SnapshotId{1}},
                                             AssertLastAssignedFieldId{1},
                                             AssertCurrentSchemaId{1},
                                             AssertLastAssignedPartitionId{1},
                                             AssertDefaultSpecId{1},
                                             AssertDefaultSortOrderId{1}};
  ASSERT_EQ(all.size(), std::variant_size_v<TableRequirement>);
  for (size_t i = 0; i < all.size(); ++i) {
    const auto parsed = ParseRequirement(WriteRequirement(all[i]));
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    EXPECT_EQ(parsed->index(), i);
    EXPECT_EQ(WriteRequirement(*parsed), WriteRequirement(all[i]));
  }
  EXPECT_EQ(WriteRequirement(AssertRefSnapshotId{"main", std::nullopt}),
            R"({"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null})");
  EXPECT_FALSE(ParseRequirement(R"({"type":"assert-magic"})").ok());
}

TEST(ApplyUpdates, AReplacedTableKeepsItsSnapshotLog) {
  auto table = WithSnapshots(1);
  const size_t before = table.snapshot_log.size();
  ASSERT_GT(before, 0U);
  table = *Apply(&table, {RemoveSnapshotRef{"main"}});
  EXPECT_FALSE(table.current_snapshot_id);
  EXPECT_EQ(table.snapshot_log.size(), before);
}

TEST(ApplyUpdates, ColumnDefaultsAreCarriedInVersion3Only) {
  auto schema = *ParseSchema(
      R"({"type":"struct","fields":[{"id":1,"name":"a","required":true,"type":"long","initial-default":5,"write-default":7}]})");
  EXPECT_TRUE(HasDefaults(schema));
  EXPECT_THAT(WriteSchema(schema), ::testing::HasSubstr(R"("initial-default":5,"write-default":7)"));
  const auto shared = std::make_shared<const schema::Schema>(schema);
  auto table = WithSnapshots(1);
  EXPECT_FALSE(Apply(&table, {AddSchema{shared}}).ok());
  EXPECT_TRUE(Apply(&table, {UpgradeFormatVersion{3}, AddSchema{shared}}).ok());
}

TEST(ApplyUpdates, ANewTableMayBeOfVersion1) {
  const auto schema = std::make_shared<const schema::Schema>(
      schema::Schema{.fields = {{.id = 1, .name = "a", .type = schema::Long()}}});
  const auto table = Apply(nullptr, {UpgradeFormatVersion{1}, AddSchema{schema}, SetCurrentSchema{}, AddSpec{},
                                     SetDefaultSpec{}, SetLocation{"file:///t"}});
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->format_version, 1);
  const auto text = WriteMetadata(*table);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_THAT(*text, ::testing::HasSubstr(R"("schema":{)"));
  EXPECT_THAT(*text, ::testing::Not(::testing::HasSubstr("last-sequence-number")));
  EXPECT_TRUE(ParseMetadata(*text).ok());
}

}  // namespace
}  // namespace firn::table
