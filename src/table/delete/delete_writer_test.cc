#include "table/delete/delete_writer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "base/failpoint.h"
#include "table/delete/delete_test_support.h"
#include "table/delete/position_delete_file.h"

namespace firn::table {
namespace {

using testing::EntryOf;
using testing::MetadataOf;
using testing::Must;
using testing::TestFolder;

PositionSet Set(std::vector<int64_t> positions) {
  return PositionSet::Of(positions);
}

/// A table of `version` whose delete entries are kept here as a commit would.
class DeleteWriterTest : public ::testing::TestWithParam<int32_t> {
 protected:
  DeleteWriterTest() {
    for (const char* name : {"a", "b", "c"}) {
      data_[name] = EntryOf({.file_path = folder_.location() + "/" + name, .record_count = 1000}, 1);
    }
  }
  FileDeletes Of(const std::string& name) {
    DeleteIndex index(*metadata_);
    for (const auto& entry : live_) EXPECT_TRUE(index.Add(entry).ok());
    return Must(index.For(data_[name]));
  }
  PositionSet Deleted(const std::string& name) {
    auto reader = DeleteReader::Make(*files_, metadata_);
    const auto rows = Must(reader->DeletedRows(data_[name], Of(name)));
    return rows == nullptr ? PositionSet() : *rows;
  }
  DeleteChanges Commit(const std::map<std::string, PositionSet>& rows, int32_t version = 0) {
    auto reader = DeleteReader::Make(*files_, metadata_);
    auto writer = Must(DeleteWriter::Make(*files_, *reader, Options(version)));
    for (const auto& [name, positions] : rows) EXPECT_TRUE(writer->Delete(data_[name], Of(name), positions).ok());
    auto changes = Must(writer->Finish());
    Apply(changes);
    return changes;
  }
  void Apply(const DeleteChanges& changes) {
    for (const auto& removed : changes.removed) {
      ASSERT_EQ(std::erase_if(live_, [&](const ManifestEntry& entry) { return entry == removed; }), 1);
    }
    ++sequence_number_;
    for (const auto& added : changes.added) live_.push_back(EntryOf(added, sequence_number_));
  }
  DeleteWriterOptions Options(int32_t version = 0) {
    return {.format_version = version != 0 ? version : GetParam(), .location = folder_.location() + "/t"};
  }

  TestFolder folder_;
  const std::unique_ptr<io::FileStore> files_ = io::MakeLocalFileStore();
  const std::shared_ptr<TableMetadata> metadata_ =
      std::make_shared<TableMetadata>(MetadataOf({.fields = {{.id = 1, .name = "id", .type = schema::Long()}}}));
  std::map<std::string, ManifestEntry> data_;
  std::vector<ManifestEntry> live_;
  int64_t sequence_number_ = 1;
};

TEST_P(DeleteWriterTest, MergesWithWhatWasDeletedBefore) {
  auto changes = Commit({{"a", Set({5, 7})}, {"b", Set({1})}, {"c", Set({})}});
  EXPECT_EQ(changes.added.size(), 2U);
  EXPECT_TRUE(changes.removed.empty());
  EXPECT_EQ(changes.rows_deleted, 3);
  std::set<std::string> paths;
  for (const auto& added : changes.added) paths.insert(added.file_path);
  EXPECT_EQ(paths.size(), GetParam() == 2 ? 2U : 1U);  // vectors share a Puffin file

  changes = Commit({{"a", Set({7, 8})}});
  EXPECT_EQ(changes.rows_deleted, 1);
  ASSERT_EQ(changes.added.size(), 1U);
  EXPECT_EQ(changes.added[0].record_count, 3);
  EXPECT_EQ(changes.added[0].referenced_data_file, data_["a"].file.file_path);
  ASSERT_EQ(changes.removed.size(), 1U);
  EXPECT_EQ(changes.removed[0].file.referenced_data_file, data_["a"].file.file_path);
  EXPECT_EQ(Deleted("a"), Set({5, 7, 8}));
  EXPECT_EQ(Deleted("b"), Set({1}));
  EXPECT_EQ(live_.size(), 2U);

  changes = Commit({{"a", Set({5})}, {"b", Set({1})}});  // nothing new
  EXPECT_TRUE(changes.added.empty());
  EXPECT_TRUE(changes.removed.empty());
  EXPECT_EQ(changes.rows_deleted, 0);
}

TEST_P(DeleteWriterTest, DropsTheDeletesOfADataFileThatLeaves) {
  Commit({{"a", Set({5})}, {"b", Set({1})}});
  auto reader = DeleteReader::Make(*files_, metadata_);
  auto writer = Must(DeleteWriter::Make(*files_, *reader, Options()));
  FIRN_ASSERT_OK(writer->Drop(data_["a"], Of("a")));
  EXPECT_EQ(FaultOf(writer->Delete(data_["a"], Of("a"), Set({1}))), Fault::kBug);
  const auto changes = Must(writer->Finish());
  EXPECT_TRUE(changes.added.empty());
  ASSERT_EQ(changes.removed.size(), 1U);
  Apply(changes);
  EXPECT_TRUE(Of("a").empty());
  EXPECT_EQ(Deleted("b"), Set({1}));
}

TEST_P(DeleteWriterTest, RefusesRowsBeyondTheDataFile) {
  auto reader = DeleteReader::Make(*files_, metadata_);
  auto writer = Must(DeleteWriter::Make(*files_, *reader, Options()));
  EXPECT_EQ(FaultOf(writer->Delete(data_["a"], {}, Set({1000}))), Fault::kBug);
}

TEST_P(DeleteWriterTest, LeavesNoFileIfNotFinished) {
  auto reader = DeleteReader::Make(*files_, metadata_);
  {
    auto writer = Must(DeleteWriter::Make(*files_, *reader, Options()));
    FIRN_ASSERT_OK(writer->Delete(data_["a"], {}, Set({1})));
    FIRN_ASSERT_OK(writer->Delete(data_["b"], {}, Set({1})));
    EXPECT_GT(folder_.CountFiles(), 0);
  }
  EXPECT_EQ(folder_.CountFiles(), 0);
}

TEST_P(DeleteWriterTest, EndsAPuffinFileAtItsTargetSize) {
  auto reader = DeleteReader::Make(*files_, metadata_);
  auto options = Options();
  options.puffin_bytes_target = 1;
  auto writer = Must(DeleteWriter::Make(*files_, *reader, options));
  FIRN_ASSERT_OK(writer->Delete(data_["a"], {}, Set({1})));
  FIRN_ASSERT_OK(writer->Delete(data_["b"], {}, Set({2})));
  const auto changes = Must(writer->Finish());
  ASSERT_EQ(changes.added.size(), 2U);
  EXPECT_NE(changes.added[0].file_path, changes.added[1].file_path);
  Apply(changes);
  EXPECT_EQ(Deleted("a"), Set({1}));
  EXPECT_EQ(Deleted("b"), Set({2}));
}

// Iceberg specification, "Deletion Vectors": the first vector takes over all position deletes of its data file; files
// that are about it alone go, those with rows of other data files stay and are ignored for it.
TEST_P(DeleteWriterTest, TheFirstVectorTakesOverPositionDeletes) {
  Commit({{"a", Set({5})}}, 2);
  const schema::Schema schema{.fields = {{.id = kDeleteFilePathFieldId, .name = "file_path", .type = schema::String()},
                                         {.id = kDeletePositionFieldId, .name = "pos", .type = schema::Long()}}};
  DataFile shared =
      testing::WriteRows(*files_, folder_, "shared", schema,
                         "[{\"file_path\":\"" + data_["a"].file.file_path + "\",\"pos\":6},{\"file_path\":\"" +
                             data_["b"].file.file_path + "\",\"pos\":2}]");
  shared.content = FileContent::kPositionDeletes;
  shared.lower_bounds.clear();
  shared.upper_bounds.clear();
  Apply({.added = {shared}});
  EXPECT_EQ(Deleted("a"), Set({5, 6}));

  const auto changes = Commit({{"a", Set({6, 7})}}, 3);
  EXPECT_EQ(changes.rows_deleted, 1);
  ASSERT_EQ(changes.removed.size(), 1U);
  EXPECT_EQ(ScopeOf(changes.removed[0].file), data_["a"].file.file_path);
  EXPECT_EQ(Deleted("a"), Set({5, 6, 7}));
  EXPECT_EQ(Deleted("b"), Set({2}));
  EXPECT_EQ(Of("a").positions.size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Versions, DeleteWriterTest, ::testing::Values(2, 3));

}  // namespace
}  // namespace firn::table
