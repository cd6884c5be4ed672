#include "table/metadata/metadata_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "table/metadata/default_value.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

using testing::HasSubstr;
using testing::Not;

// Every optional part once; keys in the order of the reference implementation.
constexpr char kGolden[] =
    R"({"format-version":2,"table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1","location":"file:///lake/shop/orders",)"
    R"("last-sequence-number":34,"last-updated-ms":1602638573590,"last-column-id":9,"current-schema-id":1,"schemas":[)"
    R"({"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":true,"type":"long"}]},)"
    R"({"type":"struct","schema-id":1,"identifier-field-ids":[1],"fields":[)"
    R"({"id":1,"name":"x","required":true,"type":"long","doc":"a \"key\"\u000a"},)"
    R"x({"id":2,"name":"total","required":false,"type":"decimal(12, 2)"},)x"
    R"({"id":3,"name":"items","required":false,"type":{"type":"list","element-id":4,"element":{"type":"struct","fields":[)"
    R"({"id":5,"name":"tag","required":false,"type":"fixed[16]"}]},"element-required":true}},)"
    R"({"id":6,"name":"m","required":false,"type":{"type":"map","key-id":7,"key":"string","value-id":8,)"
    R"("value":"timestamptz","value-required":false}}]}],)"
    R"("default-spec-id":1,"partition-specs":[{"spec-id":0,"fields":[]},{"spec-id":1,"fields":[)"
    R"({"name":"x_bucket","transform":"bucket[16]","source-id":1,"field-id":1000}]}],"last-partition-id":1000,)"
    R"("default-sort-order-id":3,"sort-orders":[{"order-id":0,"fields":[]},{"order-id":3,"fields":[)"
    R"({"transform":"identity","source-id":1,"direction":"desc","null-order":"nulls-last"}]}],)"
    R"("properties":{"owner":"shop"},"current-snapshot-id":3055729675574597004,)"
    R"("refs":{"keep":{"snapshot-id":3051729675574597004,"type":"tag","max-ref-age-ms":10000000},)"
    R"("main":{"snapshot-id":3055729675574597004,"type":"branch","min-snapshots-to-keep":5,"max-snapshot-age-ms":7}},)"
    R"("snapshots":[{"sequence-number":33,"snapshot-id":3051729675574597004,"timestamp-ms":1515100955770,)"
    R"("summary":{"operation":"append"},"manifest-list":"file:///lake/a.avro"},)"
    R"({"sequence-number":34,"snapshot-id":3055729675574597004,"parent-snapshot-id":3051729675574597004,)"
    R"("timestamp-ms":1555100955770,"summary":{"operation":"append"},"manifest-list":"file:///lake/b.avro",)"
    R"("schema-id":1,"future-key":[1,{"a":null}]}],)"
    R"("statistics":[{"snapshot-id":3055729675574597004,"statistics-path":"s.puffin"}],"partition-statistics":[],)"
    R"("snapshot-log":[{"timestamp-ms":1515100955770,"snapshot-id":3051729675574597004},)"
    R"({"timestamp-ms":1555100955770,"snapshot-id":3055729675574597004}],)"
    R"("metadata-log":[{"timestamp-ms":1515100,"metadata-file":"file:///lake/00001.metadata.json"}],)"
    R"("something-new":{"k":true}})";

std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string ErrorOf(const std::string& json) {
  const auto metadata = ParseMetadata(json);
  if (metadata.ok()) return "no error";
  EXPECT_EQ(FaultOf(metadata.status()), Fault::kBadData) << metadata.status().message();
  return metadata.status().message();
}

TEST(MetadataJson, RoundTripIsByteExact) {
  const auto metadata = ParseMetadata(kGolden);
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  EXPECT_EQ(*WriteMetadata(*metadata), kGolden);
}

TEST(MetadataJson, ReadsAllParts) {
  const TableMetadata metadata = *ParseMetadata(kGolden);
  EXPECT_EQ(metadata.schema().fields.size(), 4U);
  EXPECT_EQ(metadata.schema().identifier_field_ids, std::vector<int32_t>{1});
  EXPECT_EQ(metadata.schema().FindById(5)->type->length, 16);
  EXPECT_EQ(metadata.default_spec().fields[0].transform, (Transform{Transform::Kind::kBucket, 16, ""}));
  EXPECT_FALSE(metadata.default_sort_order().fields[0].ascending);
  EXPECT_EQ(metadata.CurrentSnapshot()->parent_snapshot_id, SnapshotId{3051729675574597004});
  EXPECT_EQ(metadata.FindRef("keep")->sequence_number, 33);
  EXPECT_EQ(metadata.FindRef("nobody"), nullptr);
  EXPECT_EQ(metadata.Property("owner"), "shop");
  EXPECT_EQ(metadata.Property("other", "d"), "d");
  EXPECT_EQ((*PartitionFieldsOf(metadata, 1))[0].type->id, schema::TypeId::kInt);
}

TEST(MetadataJson, ReadsGzip) {
  const std::string zipped = *GzipMetadata(kGolden);
  ASSERT_NE(zipped, kGolden);
  EXPECT_EQ(*WriteMetadata(*ParseMetadata(zipped)), kGolden);
  EXPECT_THAT(ErrorOf(zipped.substr(0, zipped.size() / 2)), HasSubstr("cut short"));
}

// pyiceberg#134: null in v2 broke Trino and old readers, so -1 is written; all three forms are read.
TEST(MetadataJson, NoSnapshotIsMinusOneAndReadInThreeForms) {
  TableMetadata empty = *ParseMetadata(kGolden);
  empty.current_snapshot_id.reset();
  empty.snapshots.clear();
  empty.refs.clear();
  empty.snapshot_log.clear();
  const std::string json = *WriteMetadata(empty);
  EXPECT_THAT(json, HasSubstr(R"("current-snapshot-id":-1,)"));
  for (const std::string& form : {json, With(json, R"("current-snapshot-id":-1)", R"("current-snapshot-id":null)"),
                                  With(json, R"("current-snapshot-id":-1,)", "")}) {
    const auto metadata = ParseMetadata(form);
    ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
    EXPECT_EQ(metadata->current_snapshot_id, std::nullopt);
    EXPECT_EQ(metadata->CurrentSnapshot(), nullptr);
  }
  empty.format_version = 3;
  empty.next_row_id = 0;
  EXPECT_THAT(*WriteMetadata(empty), HasSubstr(R"("current-snapshot-id":null,"next-row-id":0)"));
}

// ClickHouse#106896: metadata without refs crashed a reader. Ours makes main, and always writes refs.
TEST(MetadataJson, MissingRefsMeanMain) {
  TableMetadata metadata = *ParseMetadata(kGolden);
  const std::string json = *WriteMetadata(metadata);
  const size_t begin = json.find(R"("refs":)"), end = json.find(R"("snapshots":)");
  const auto without = ParseMetadata(json.substr(0, begin) + json.substr(end));
  ASSERT_TRUE(without.ok()) << without.status().ToString();
  EXPECT_EQ(without->refs.at("main").snapshot_id, SnapshotId{3055729675574597004});
  EXPECT_THAT(*WriteMetadata(*without), HasSubstr(R"("refs":{"main":{)"));
}

TEST(MetadataJson, WritesNoV1Keys) {
  const std::string json = *WriteMetadata(*ParseMetadata(kGolden));
  EXPECT_THAT(json, Not(HasSubstr(R"("schema":)")));
  EXPECT_THAT(json, Not(HasSubstr(R"("partition-spec":)")));
}

TEST(MetadataJson, ReadsVersion1) {
  const auto metadata = ParseMetadata(
      R"({"format-version":1,"location":"s3://b/t/","last-updated-ms":1,"last-column-id":2,)"
      R"("schema":{"type":"struct","fields":[{"id":1,"name":"d","required":false,"type":"date"}]},)"
      R"("partition-spec":[{"name":"d_day","transform":"day","source-id":1}],"properties":{},)"
      R"("current-snapshot-id":7,"snapshots":[{"snapshot-id":7,"timestamp-ms":1,"manifests":["a.avro"]}]})");
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  EXPECT_EQ(metadata->location, "s3://b/t");
  EXPECT_EQ(metadata->default_spec().fields[0].field_id, 1000);
  EXPECT_EQ(metadata->last_partition_id, 1000);
  EXPECT_TRUE(metadata->default_sort_order().fields.empty());
  EXPECT_EQ(metadata->snapshots[0].other.at("manifests"), R"(["a.avro"])");
  const auto again = ParseMetadata(*WriteMetadata(*metadata));  // what a catalog server does
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->format_version, 1);
  EXPECT_EQ(again->snapshots[0].other.at("manifests"), R"(["a.avro"])");
}

TEST(MetadataJson, NamesWhatIsWrong) {
  EXPECT_THAT(ErrorOf("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(ErrorOf(std::string(100'000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("last-column-id":9)", R"("last-column-id":"9")")),
              HasSubstr("metadata.last-column-id: expected an integer, found string"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("last-column-id":9)", R"("last-column-id":99999999999)")),
              HasSubstr("int out of range"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1",)", "")),
              HasSubstr("metadata.table-uuid: required"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("type":"long")", R"("type":"loong")")),
              HasSubstr("metadata.schemas[0].fields[0].type: not an Iceberg type"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("current-schema-id":1)", R"("current-schema-id":5)")),
              HasSubstr("current-schema-id"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("current-snapshot-id":3055729675574597004)", R"("current-snapshot-id":1)")),
              HasSubstr("not among the snapshots"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("id":2,"name":"total")", R"("id":1,"name":"total")")), HasSubstr("used twice"));
  EXPECT_THAT(ErrorOf(With(kGolden, R"("type":"tag")", R"("type":"twig")")), HasSubstr("refs.keep.type"));
}

TEST(MetadataJson, RefusesWhatItCannotRepresentAsConfiguration) {
  for (const std::string& json : {With(kGolden, R"("format-version":2)", R"("format-version":4)"),
                                  With(kGolden, R"("value":"timestamptz")", R"("value":"geometry")")}) {
    const auto metadata = ParseMetadata(json);
    ASSERT_FALSE(metadata.ok());
    EXPECT_EQ(FaultOf(metadata.status()), Fault::kConfig) << metadata.status().message();
  }
}

TEST(MetadataJson, CarriesColumnDefaults) {
  const auto metadata =
      ParseMetadata(With(kGolden, R"("name":"total",)", R"("name":"total","initial-default":"1.00",)"));
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  EXPECT_TRUE(HasDefaults(metadata->schema()));
  EXPECT_THAT(*WriteMetadata(*metadata), HasSubstr(R"("initial-default":"1.00")"));
}

TEST(MetadataJson, RefusesTextThatIsNoUtf8) {
  TableMetadata metadata = *ParseMetadata(kGolden);
  metadata.properties["k"] = "\xff";
  EXPECT_FALSE(WriteMetadata(metadata).ok());
}

TEST(MetadataJson, EverySmallDamageIsAnErrorOrMetadata) {
  const std::string golden = kGolden;
  for (size_t i = 0; i < golden.size(); ++i) {
    std::string damaged = golden;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x11);
    ASSERT_FALSE(ParseMetadata(golden.substr(0, i)).ok()) << i;
    const auto metadata = ParseMetadata(damaged);
    if (!metadata.ok() || metadata->format_version == 1) continue;
    EXPECT_TRUE(WriteMetadata(*metadata).ok()) << i;
  }
}

// iceberg-rust#2365: the manifest key is the bare array; both shapes are read.
TEST(PartitionSpecJson, BareArrayAndObjectAreRead) {
  const PartitionSpec spec = (*ParseMetadata(kGolden)).default_spec();
  EXPECT_EQ(WritePartitionFields(spec),
            R"([{"name":"x_bucket","transform":"bucket[16]","source-id":1,"field-id":1000}])");
  EXPECT_EQ(ParsePartitionSpec(WritePartitionFields(spec), 1)->fields, spec.fields);
  EXPECT_EQ(ParsePartitionSpec(WritePartitionSpec(spec), 9)->spec_id, 1);
}

TEST(Transform, ParsesAndPrints) {
  for (const char* text :
       {"identity", "bucket[8]", "truncate[3]", "year", "month", "day", "hour", "void", "zorder(2)"}) {
    EXPECT_EQ(ToString(*ParseTransform(text)), text);
  }
  EXPECT_EQ(ParseTransform("zorder(2)")->kind, Transform::Kind::kUnknown);
  for (const char* text : {"bucket[0]", "bucket[-1]", "truncate[x]", "bucket[99999999999]"}) {
    EXPECT_FALSE(ParseTransform(text).ok()) << text;
  }
  EXPECT_EQ((*ResultType(*ParseTransform("day"), schema::Timestamp()))->id, schema::TypeId::kDate);
  EXPECT_FALSE(ResultType(*ParseTransform("hour"), schema::Date()).ok());
  EXPECT_FALSE(ResultType(*ParseTransform("bucket[2]"), schema::Double()).ok());
}

}  // namespace
}  // namespace firn::table
