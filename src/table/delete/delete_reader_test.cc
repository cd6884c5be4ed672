#include "table/delete/delete_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>

#include "table/delete/delete_test_support.h"
#include "table/delete/deletion_vector.h"
#include "table/delete/equality_keys.h"
#include "table/delete/position_delete_file.h"

namespace firn::table {
namespace {

using testing::EntryOf;
using testing::MetadataOf;
using testing::MovedFileStore;
using testing::Must;
using testing::TestFolder;
using testing::WriteRows;

schema::Field Column(int32_t id, const std::string& name, schema::TypePtr type) {
  return {.id = id, .name = name, .type = std::move(type)};
}

/// A table with one data file and deletes put together by hand.
class DeleteReaderTest : public ::testing::Test {
 protected:
  std::vector<int64_t> Deleted(const TableMetadata& metadata, const ManifestEntry& data,
                               const std::vector<ManifestEntry>& deletes, int64_t memory_bytes = 64 << 20) {
    auto rows = Read(metadata, data, deletes, memory_bytes);
    std::vector<int64_t> positions;
    if (auto set = Must(std::move(rows))) set->PositionsIn(0, 1 << 30, &positions);
    return positions;
  }
  Result<std::shared_ptr<const PositionSet>> Read(const TableMetadata& metadata, const ManifestEntry& data,
                                                  const std::vector<ManifestEntry>& deletes,
                                                  int64_t memory_bytes = 64 << 20) {
    DeleteIndex index(metadata);
    for (const auto& entry : deletes) ARROW_RETURN_NOT_OK(index.Add(entry));
    auto reader = DeleteReader::Make(store_, std::make_shared<TableMetadata>(metadata), {.memory_bytes = memory_bytes});
    ARROW_ASSIGN_OR_RAISE(const auto found, index.For(data));
    return reader->DeletedRows(data, found);
  }
  ManifestEntry Equality(const schema::Schema& schema, const std::string& rows, std::vector<int32_t> ids,
                         int64_t sequence_number) {
    DataFile file = WriteRows(store_, folder_, "eq" + std::to_string(next_++), schema, rows);
    file.content = FileContent::kEqualityDeletes;
    file.equality_ids = std::move(ids);
    return EntryOf(std::move(file), sequence_number);
  }

  TestFolder folder_;
  const std::unique_ptr<io::FileStore> files_ = io::MakeLocalFileStore();
  MovedFileStore store_{*files_, "nothing", ""};
  int next_ = 0;
};

TEST_F(DeleteReaderTest, NullEqualsNullAndKeysDoNotRunIntoEachOther) {
  const schema::Schema schema{.fields = {Column(1, "a", schema::String()), Column(2, "b", schema::String())}};
  const auto metadata = MetadataOf(schema);
  const auto data = EntryOf(WriteRows(store_, folder_, "d", schema,
                                      R"([{"a":"x","b":"yz"},{"a":"xy","b":"z"},{"a":null,"b":"q"},{"a":"","b":"q"},
                                          {"a":null,"b":null}])"),
                            1);
  EXPECT_EQ(Deleted(metadata, data, {Equality(schema, R"([{"a":"xy","b":"z"},{"a":null,"b":"q"}])", {1, 2}, 2)}),
            (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(Deleted(metadata, data, {Equality(schema, R"([{"a":null,"b":"ignored"}])", {1}, 2)}),
            (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(Deleted(metadata, data, {Equality(schema, R"([{"a":"x","b":"yz"}])", {2, 1}, 1)}),
            (std::vector<int64_t>{}));
}

// NaN equals NaN, -0.0 differs from 0.0 (as Java's comparators); every type by value.
TEST_F(DeleteReaderTest, ComparesEveryTypeByValue) {
  struct Case {
    schema::TypePtr type;
    std::string rows, key;
    std::vector<int64_t> deleted;
  };
  const std::vector<Case> cases = {
      {schema::Boolean(), R"([{"k":true},{"k":false},{"k":null}])", "false", {1}},
      {schema::Int(), R"([{"k":1},{"k":-1}])", "-1", {1}},
      {schema::Long(), R"([{"k":9007199254740993},{"k":9007199254740992}])", "9007199254740993", {0}},
      {schema::Double(), R"([{"k":0.0},{"k":-0.0},{"k":NaN},{"k":1.5}])", "NaN", {2}},
      {schema::Float(), R"([{"k":0.0},{"k":-0.0}])", "-0.0", {1}},
      {schema::Decimal(38, 2), R"([{"k":"1.00"},{"k":"-1.00"}])", "\"-1.00\"", {1}},
      {schema::Date(), R"([{"k":0},{"k":1}])", "1", {1}},
      {schema::Time(), R"([{"k":5},{"k":6}])", "6", {1}},
      {schema::Timestamp(),
       R"([{"k":"2020-01-01 00:00:00"},{"k":"2020-01-01 00:00:01"}])",
       "\"2020-01-01 00:00:01\"",
       {1}},
      {schema::TimestampTz(), R"([{"k":"2020-01-01 00:00:00"},{"k":null}])", "null", {1}},
      {schema::String(), R"([{"k":"e\u0301"},{"k":"\u00e9"}])", R"("\u00e9")", {1}},  // not normalised
      {schema::Binary(), R"([{"k":"a"},{"k":"a "}])", R"("a ")", {1}},
      {schema::Fixed(2), R"([{"k":"ab"},{"k":"ba"}])", R"("ba")", {1}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(schema::ToString(*one.type));
    const schema::Schema schema{.fields = {Column(1, "k", one.type)}};
    const auto data = EntryOf(WriteRows(store_, folder_, "t" + std::to_string(next_++), schema, one.rows), 1);
    EXPECT_EQ(Deleted(MetadataOf(schema), data, {Equality(schema, "[{\"k\":" + one.key + "}]", {1}, 2)}), one.deleted);
  }
}

// Iceberg specification, "Equality Delete Files": dropped columns are still used, added ones are null in older files,
// promoted ones compare as the newest type.
TEST_F(DeleteReaderTest, FollowsSchemaEvolution) {
  const schema::Schema old{.schema_id = 0,
                           .fields = {Column(1, "id", schema::Int()), Column(2, "gone", schema::String())}};
  const schema::Schema now{.schema_id = 1,
                           .fields = {Column(1, "key", schema::Long()), Column(3, "late", schema::String())}};
  TableMetadata metadata = MetadataOf(old);
  metadata.schemas.push_back(std::make_shared<schema::Schema>(now));
  metadata.current_schema_id = 1;
  const auto before =
      EntryOf(WriteRows(store_, folder_, "before", old, R"([{"id":1,"gone":"g"},{"id":2,"gone":null}])"), 1);
  const auto after =
      EntryOf(WriteRows(store_, folder_, "after", now, R"([{"key":1,"late":"l"},{"key":8589934592,"late":null}])"), 2);
  const std::vector<ManifestEntry> deletes = {Equality(old, R"([{"id":7,"gone":null}])", {2}, 3),
                                              Equality(old, R"([{"id":1,"gone":"?"}])", {1}, 3),
                                              Equality(now, R"([{"key":8589934592,"late":null}])", {1, 3}, 3)};
  EXPECT_EQ(Deleted(metadata, before, {deletes[0]}), (std::vector<int64_t>{1}));
  EXPECT_EQ(Deleted(metadata, after, {deletes[0]}), (std::vector<int64_t>{0, 1}));  // they lack the column: null
  EXPECT_EQ(Deleted(metadata, before, {deletes[1]}), (std::vector<int64_t>{0}));
  EXPECT_EQ(Deleted(metadata, after, {deletes[1]}), (std::vector<int64_t>{0}));
  EXPECT_EQ(Deleted(metadata, after, {deletes[2]}), (std::vector<int64_t>{1}));
  EXPECT_EQ(Deleted(metadata, before, {Equality(now, R"([{"key":2,"late":null}])", {1, 3}, 3)}),
            (std::vector<int64_t>{1}));
  const auto unknown = Read(metadata, before, {Equality(old, R"([{"id":1}])", {99}, 3)});
  EXPECT_EQ(FaultOf(unknown.status()), Fault::kBadData);
  EXPECT_NE(unknown.status().message().find("99"), std::string::npos);
}

TEST_F(DeleteReaderTest, FindsKeysInsideStructs) {
  const auto inner = schema::Struct({Column(3, "x", schema::Int()), Column(4, "y", schema::String())});
  const schema::Schema schema{.fields = {Column(1, "id", schema::Int()), Column(2, "s", inner)}};
  const auto data = EntryOf(WriteRows(store_, folder_, "d", schema,
                                      R"([{"id":1,"s":{"x":1,"y":"a"}},{"id":2,"s":{"x":1,"y":"b"}},{"id":3,"s":null},
                                          {"id":4,"s":{"x":null,"y":"a"}}])"),
                            1);
  EXPECT_EQ(Deleted(MetadataOf(schema), data, {Equality(schema, R"([{"id":0,"s":{"x":1,"y":"b"}}])", {3, 4}, 2)}),
            (std::vector<int64_t>{1}));
  EXPECT_EQ(Deleted(MetadataOf(schema), data, {Equality(schema, R"([{"id":0,"s":null}])", {3}, 2)}),
            (std::vector<int64_t>{2, 3}));
  EXPECT_FALSE(Read(MetadataOf(schema), data, {Equality(schema, R"([{"id":0,"s":null}])", {2}, 2)}).ok());
}

TEST_F(DeleteReaderTest, AllKindsAddUp) {
  const schema::Schema schema{.fields = {Column(1, "id", schema::Long())}};
  const auto metadata = MetadataOf(schema);
  const auto data =
      EntryOf(WriteRows(store_, folder_, "d", schema, R"([{"id":0},{"id":1},{"id":2},{"id":3},{"id":4}])"), 1);
  const auto positions = EntryOf(Must(WritePositionDeleteFile(store_, folder_.location() + "/p", data.file,
                                                              PositionSet::Of(std::vector<int64_t>{1}))),
                                 2);
  const auto equality = Equality(schema, R"([{"id":3},{"id":1}])", {1}, 3);
  EXPECT_EQ(Deleted(metadata, data, {positions, equality}), (std::vector<int64_t>{1, 3}));
  auto writer = Must(DeletionVectorFileWriter::Open(store_, folder_.location() + "/v.puffin"));
  FIRN_ASSERT_OK(writer->Add(data.file, PositionSet::Of(std::vector<int64_t>{0})));
  const auto vector = EntryOf(Must(writer->Finish())[0], 4);
  EXPECT_EQ(Deleted(metadata, data, {positions, equality, vector}), (std::vector<int64_t>{0, 1, 3}));
  EXPECT_EQ(Deleted(metadata, data, {positions, vector}), (std::vector<int64_t>{0}));
}

TEST_F(DeleteReaderTest, RefusesPositionsBeyondTheFile) {
  const schema::Schema schema{.fields = {Column(1, "id", schema::Long())}};
  const auto data = EntryOf(WriteRows(store_, folder_, "d", schema, R"([{"id":0},{"id":1}])"), 1);
  const auto beyond = PositionSet::Of(std::vector<int64_t>{1, 2});
  const auto positions =
      EntryOf(Must(WritePositionDeleteFile(store_, folder_.location() + "/p", data.file, beyond)), 2);
  const auto read = Read(MetadataOf(schema), data, {positions});
  EXPECT_EQ(FaultOf(read.status()), Fault::kBadData);
  EXPECT_NE(read.status().message().find("row 2 of data file"), std::string::npos) << read.status().ToString();
}

TEST_F(DeleteReaderTest, RefusesFormatsItCannotReadByName) {
  const schema::Schema schema{.fields = {Column(1, "id", schema::Long())}};
  const auto data = EntryOf(WriteRows(store_, folder_, "d", schema, R"([{"id":0}])"), 1);
  DataFile avro{.content = FileContent::kPositionDeletes, .file_path = "x.avro", .file_format = FileFormat::kAvro};
  const auto read = Read(MetadataOf(schema), data, {EntryOf(avro, 2)});
  EXPECT_EQ(FaultOf(read.status()), Fault::kConfig);
  EXPECT_NE(read.status().message().find("x.avro"), std::string::npos);
}

// Shared delete files are read once, not once per data file.
TEST_F(DeleteReaderTest, KeepsWhatDataFilesShare) {
  const schema::Schema schema{.fields = {Column(1, "id", schema::Long())}};
  const auto metadata = std::make_shared<TableMetadata>(MetadataOf(schema));
  const schema::Schema delete_schema{.fields = {Column(kDeleteFilePathFieldId, "file_path", schema::String()),
                                                Column(kDeletePositionFieldId, "pos", schema::Long())}};
  std::vector<ManifestEntry> data;
  std::string rows;
  for (int i = 0; i < 5; ++i) {
    data.push_back(EntryOf(WriteRows(store_, folder_, "d" + std::to_string(i), schema, R"([{"id":0},{"id":1}])"), 1));
    rows += (i > 0 ? "," : "") + ("{\"file_path\":\"" + data.back().file.file_path) +
            "\",\"pos\":" + std::to_string(i % 2) + "}";
  }
  DataFile shared = WriteRows(store_, folder_, "p", delete_schema, "[" + rows + "]");
  shared.content = FileContent::kPositionDeletes;
  shared.lower_bounds.clear();
  shared.upper_bounds.clear();
  const auto equality = Equality(schema, R"([{"id":9}])", {1}, 2);
  DeleteIndex index(*metadata);
  FIRN_ASSERT_OK(index.Add(EntryOf(shared, 2)));
  FIRN_ASSERT_OK(index.Add(equality));
  auto reader = DeleteReader::Make(store_, metadata);
  const int before = store_.opened().at(shared.file_path);  // by its writer, which read the footer back
  for (int i = 0; i < 5; ++i) {
    const auto deleted =
        Must(reader->DeletedRows(data[static_cast<size_t>(i)], Must(index.For(data[static_cast<size_t>(i)]))));
    ASSERT_NE(deleted, nullptr);
    EXPECT_EQ(*deleted, PositionSet::Of(std::vector<int64_t>{i % 2}));
  }
  EXPECT_EQ(store_.opened().at(shared.file_path), before + 1);
  EXPECT_EQ(store_.opened().at(equality.file.file_path), 2);
}

// However little memory there is, the rows are the same.
TEST_F(DeleteReaderTest, IsExactInLittleMemory) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const schema::Schema schema{.fields = {Column(1, "a", schema::Long()), Column(2, "b", schema::String())}};
  using Key = std::tuple<std::optional<int64_t>, std::optional<std::string>>;
  const auto random_rows = [&](int count, std::vector<Key>* keys) {
    std::string rows;
    for (int i = 0; i < count; ++i) {
      Key key;
      if (random() % 20 != 0) std::get<0>(key) = static_cast<int64_t>(random() % 300);
      if (random() % 20 != 0) std::get<1>(key) = std::string(random() % 3, 'x') + std::to_string(random() % 20);
      rows += (i > 0 ? "," : "") + std::string("{\"a\":") +
              (std::get<0>(key) ? std::to_string(*std::get<0>(key)) : "null") +
              ",\"b\":" + (std::get<1>(key) ? "\"" + *std::get<1>(key) + "\"" : "null") + "}";
      keys->push_back(key);
    }
    return "[" + rows + "]";
  };
  std::vector<ManifestEntry> deletes;
  std::vector<std::vector<Key>> deleted_keys;
  for (int i = 0; i < 6; ++i) {
    deletes.push_back(Equality(schema, random_rows(3000, &deleted_keys.emplace_back()), {1, 2}, 2 + i));
  }
  for (const int64_t sequence_number : {1, 4, 7}) {
    std::vector<Key> keys;
    const auto data = EntryOf(
        WriteRows(store_, folder_, "d" + std::to_string(sequence_number), schema, random_rows(4000, &keys), 10'000),
        sequence_number);
    std::set<Key> dead;
    for (size_t i = 0; i < deletes.size(); ++i) {
      if (*deletes[i].sequence_number > sequence_number) dead.insert(deleted_keys[i].begin(), deleted_keys[i].end());
    }
    std::vector<int64_t> expected;
    for (size_t row = 0; row < keys.size(); ++row) {
      if (dead.contains(keys[row])) expected.push_back(static_cast<int64_t>(row));
    }
    EXPECT_EQ(Deleted(MetadataOf(schema), data, deletes), expected);
    EXPECT_EQ(Deleted(MetadataOf(schema), data, deletes, 600'000), expected);
  }
}

TEST(EqualityKeys, KeepTheLargestSequenceNumber) {
  EqualityKeys keys;
  for (int i = 0; i < 50'000; ++i) {
    keys.Insert("key " + std::to_string(i % 10'000), i);
  }
  keys.Insert("", 5);
  EXPECT_EQ(keys.size(), 10'001U);
  EXPECT_EQ(keys.Find("key 3"), 40'003);
  EXPECT_EQ(keys.Find(""), 5);
  EXPECT_EQ(keys.Find("key 10000"), std::nullopt);
  keys.Clear();
  EXPECT_EQ(keys.size(), 0U);
  EXPECT_EQ(keys.Find("key 3"), std::nullopt);
}

}  // namespace
}  // namespace firn::table
