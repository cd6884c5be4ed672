#include "table/delete/delete_index.h"

#include <gtest/gtest.h>

#include <string>

#include "table/delete/delete_test_support.h"
#include "table/delete/position_delete_file.h"

namespace firn::table {
namespace {

using testing::EntryOf;
using testing::MetadataOf;
using testing::Must;

constexpr int32_t kByC = 0, kUnpartitioned = 1, kVoid = 2, kByCToo = 3;

TableMetadata Table() {
  const PartitionField by_c{.source_id = 2, .field_id = 1000, .name = "c", .transform = {}};
  PartitionField gone = by_c;
  gone.transform.kind = Transform::Kind::kVoid;
  return MetadataOf(
      {.fields = {{.id = 1, .name = "id", .type = schema::Long()}, {.id = 2, .name = "c", .type = schema::String()}}},
      {{.spec_id = kByC, .fields = {by_c}},
       {.spec_id = kUnpartitioned, .fields = {}},
       {.spec_id = kVoid, .fields = {gone}},
       {.spec_id = kByCToo, .fields = {by_c}}});
}

std::vector<Literal> C(const char* value) {
  return {value == nullptr ? Literal::Null(schema::String()) : Literal{schema::String(), std::string(value)}};
}

DataFile Data(const std::string& path, int32_t spec_id = kByC, const char* c = "a") {
  DataFile file{.file_path = path, .spec_id = spec_id, .record_count = 100};
  if (spec_id != kUnpartitioned) file.partition = C(c);
  return file;
}

DataFile Positions(const std::string& path, int32_t spec_id = kByC, const char* c = "a") {
  DataFile file = Data(path, spec_id, c);
  file.content = FileContent::kPositionDeletes;
  return file;
}

DataFile Equality(const std::string& path, std::vector<int32_t> ids, int32_t spec_id = kByC, const char* c = "a") {
  DataFile file = Data(path, spec_id, c);
  file.content = FileContent::kEqualityDeletes;
  file.equality_ids = std::move(ids);
  return file;
}

DataFile Vector(const std::string& data_file) {
  DataFile file = Positions("v.puffin");
  file.file_format = FileFormat::kPuffin;
  file.referenced_data_file = data_file;
  file.content_offset = 4;
  file.content_size_bytes = 40;
  return file;
}

DeleteIndex IndexOf(const std::vector<ManifestEntry>& entries) {
  DeleteIndex index(Table());
  for (const auto& entry : entries) EXPECT_TRUE(index.Add(entry).ok());
  return index;
}

std::string PathsOf(const std::vector<DeleteEntry>& entries) {
  std::string paths;
  for (const auto& entry : entries) paths += entry->file.file_path + " ";
  return paths;
}

std::string EqualityOf(const FileDeletes& deletes) {
  std::string text;
  for (const auto& group : deletes.equality) {
    text += "[";
    for (const int32_t id : group->field_ids) text += std::to_string(id);
    text += ": " + PathsOf(group->entries) + "]";
  }
  return text;
}

// Iceberg specification, "Scan Planning": positions apply to data files up to their own number.
TEST(DeleteIndex, PositionsReachTheirOwnCommit) {
  const auto index = IndexOf({EntryOf(Positions("p"), 5)});
  EXPECT_EQ(PathsOf(Must(index.For(EntryOf(Data("d"), 4))).positions), "p ");
  EXPECT_EQ(PathsOf(Must(index.For(EntryOf(Data("d"), 5))).positions), "p ");
  EXPECT_TRUE(Must(index.For(EntryOf(Data("d"), 6))).empty());
}

// materialize#36206, iceberg#15710: equality deletes do not reach rows of their own commit.
TEST(DeleteIndex, EqualityReachesEarlierCommitsOnly) {
  const auto index = IndexOf({EntryOf(Equality("e", {1}), 5), EntryOf(Equality("f", {1}), 7)});
  EXPECT_EQ(EqualityOf(Must(index.For(EntryOf(Data("d"), 4)))), "[1: e f ]");
  EXPECT_EQ(EqualityOf(Must(index.For(EntryOf(Data("d"), 5)))), "[1: e f ]");  // the reader takes f alone
  EXPECT_TRUE(Must(index.For(EntryOf(Data("d"), 7))).empty());
}

TEST(DeleteIndex, PositionsStayInSpecAndPartition) {
  const auto index = IndexOf({EntryOf(Positions("a", kByC, "a"), 5), EntryOf(Positions("null", kByC, nullptr), 5),
                              EntryOf(Positions("empty", kByC, ""), 5), EntryOf(Positions("other", kByCToo, "a"), 5),
                              EntryOf(Positions("all", kUnpartitioned), 5)});
  const auto of = [&](const DataFile& data) { return PathsOf(Must(index.For(EntryOf(data, 1))).positions); };
  EXPECT_EQ(of(Data("d", kByC, "a")), "a ");
  EXPECT_EQ(of(Data("d", kByC, nullptr)), "null ");
  EXPECT_EQ(of(Data("d", kByC, "")), "empty ");
  EXPECT_EQ(of(Data("d", kByC, "b")), "");
  EXPECT_EQ(of(Data("d", kByCToo, "a")), "other ");
  EXPECT_EQ(of(Data("d", kUnpartitioned)), "all ");
}

// databricks/iceberg-kafka-connect#318: an equality delete stays in its partition, whatever its key means; one of an
// unpartitioned spec is global.
TEST(DeleteIndex, EqualityOfAnUnpartitionedSpecIsGlobal) {
  const auto index = IndexOf({EntryOf(Equality("a", {1}, kByC, "a"), 5), EntryOf(Equality("g", {1}, kUnpartitioned), 5),
                              EntryOf(Equality("v", {2}, kVoid, nullptr), 5)});
  EXPECT_EQ(EqualityOf(Must(index.For(EntryOf(Data("d", kByC, "a"), 1)))), "[1: g ][2: v ][1: a ]");
  EXPECT_EQ(EqualityOf(Must(index.For(EntryOf(Data("d", kByC, "b"), 1)))), "[1: g ][2: v ]");
  EXPECT_EQ(EqualityOf(Must(index.For(EntryOf(Data("d", kUnpartitioned), 1)))), "[1: g ][2: v ]");
}

TEST(DeleteIndex, ColumnsOfEqualityAreASet) {
  const auto index =
      IndexOf({EntryOf(Equality("e", {2, 1}), 5), EntryOf(Equality("f", {1, 2}), 6), EntryOf(Equality("g", {1}), 6)});
  EXPECT_EQ(EqualityOf(Must(index.For(EntryOf(Data("d"), 1)))), "[12: e f ][1: g ]");
}

TEST(DeleteIndex, ScopedPositionsReachTheirFileAlone) {
  DataFile by_bounds = Positions("bounds");
  by_bounds.lower_bounds[kDeleteFilePathFieldId] = by_bounds.upper_bounds[kDeleteFilePathFieldId] = "d1";
  DataFile by_reference = Positions("reference", kByCToo, "z");  // another partition: the path decides
  by_reference.referenced_data_file = "d2";
  DataFile ranged = Positions("ranged");
  ranged.lower_bounds[kDeleteFilePathFieldId] = "d2";
  ranged.upper_bounds[kDeleteFilePathFieldId] = "d3";
  const auto index = IndexOf({EntryOf(by_bounds, 5), EntryOf(by_reference, 5), EntryOf(ranged, 5)});
  EXPECT_EQ(PathsOf(Must(index.For(EntryOf(Data("d1"), 1))).positions), "bounds ");
  EXPECT_EQ(PathsOf(Must(index.For(EntryOf(Data("d2"), 1))).positions), "reference ranged ");
  EXPECT_EQ(PathsOf(Must(index.For(EntryOf(Data("d4"), 1))).positions), "");
  // ClickHouse#84465: paths are compared byte for byte.
  EXPECT_EQ(PathsOf(Must(index.For(EntryOf(Data("./d1"), 1))).positions), "");
}

// Iceberg specification, "Deletion Vectors": a vector holds all positions of its file; equality deletes still apply.
TEST(DeleteIndex, AVectorSupersedesPositions) {
  DataFile scoped = Positions("scoped");
  scoped.referenced_data_file = "d";
  const auto index = IndexOf(
      {EntryOf(Positions("p"), 5), EntryOf(scoped, 5), EntryOf(Vector("d"), 6), EntryOf(Equality("e", {1}), 7)});
  const auto deletes = Must(index.For(EntryOf(Data("d"), 1)));
  ASSERT_NE(deletes.vector, nullptr);
  EXPECT_EQ(PathsOf(deletes.positions), "");
  EXPECT_EQ(PathsOf(deletes.superseded), "scoped ");
  EXPECT_EQ(EqualityOf(deletes), "[1: e ]");
  EXPECT_EQ(PathsOf(Must(index.For(EntryOf(Data("other"), 1))).positions), "p ");
}

TEST(DeleteIndex, RefusesWhatTheSpecificationForbids) {
  DeleteIndex index(Table());
  EXPECT_TRUE(index.Add(EntryOf(Vector("d"), 5)).ok());
  const Status second = index.Add(EntryOf(Vector("d"), 6));
  EXPECT_EQ(FaultOf(second), Fault::kBadData);
  EXPECT_NE(second.message().find("second deletion vector"), std::string::npos);
  EXPECT_NE(index.For(EntryOf(Data("d"), 6)).status().message().find("sequence number"), std::string::npos);
  DataFile without = Vector("x");
  without.content_offset.reset();
  EXPECT_EQ(FaultOf(index.Add(EntryOf(without, 5))), Fault::kBadData);
  without = Vector("x");
  without.referenced_data_file.reset();
  EXPECT_EQ(FaultOf(index.Add(EntryOf(without, 5))), Fault::kBadData);
  DataFile equality_vector = Vector("y");
  equality_vector.content = FileContent::kEqualityDeletes;
  EXPECT_EQ(FaultOf(index.Add(EntryOf(equality_vector, 5))), Fault::kBadData);
  EXPECT_EQ(FaultOf(index.Add(EntryOf(Equality("e", {}), 5))), Fault::kBadData);
}

}  // namespace
}  // namespace firn::table
