#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "table/maintenance/maintenance_test_support.h"
#include "table/metadata/metadata_json.h"

/// A whole table of which one file is damaged: reading it ends in an error that names a file, or gives the right rows.
/// Never in a crash, and hardly ever in other rows: what has no check sum is believed, such as a sequence number, or
/// which data file a delete is about.
namespace firn::table {
namespace {

using maintenance_testing::KeyedTable;
using maintenance_testing::Must;
using maintenance_testing::Row;
using Rows = std::vector<Row>;

/// Passes calls on; one location has other bytes.
class TamperedStore : public io::FaultyFileStore {
 public:
  explicit TamperedStore(io::FileStore& store) : FaultyFileStore(store, {}) {}
  void Tamper(std::string location, std::string bytes) {
    location_ = std::move(location);
    bytes_ = arrow::Buffer::FromString(std::move(bytes));
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override {
    return location == location_ ? bytes_ : FaultyFileStore::Read(location, bytes_max);
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override {
    if (location != location_) return FaultyFileStore::ReadRange(location, offset, length);
    if (offset < 0 || length < 0 || offset > bytes_->size() - length) {
      return MakeError(Fault::kBadData, "the file ends before: " + location);
    }
    return arrow::SliceBuffer(bytes_, offset, length);
  }
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(const std::string& location) override {
    if (location != location_) return FaultyFileStore::OpenInput(location);
    return std::make_shared<arrow::io::BufferReader>(bytes_);
  }
  Result<int64_t> Size(const std::string& location) override {
    return location == location_ ? bytes_->size() : FaultyFileStore::Size(location);
  }

 private:
  std::string location_;
  std::shared_ptr<arrow::Buffer> bytes_;
};

Result<Rows> ReadRows(io::FileStore& files, std::string_view metadata_text) {
  ARROW_ASSIGN_OR_RAISE(TableMetadata parsed, ParseMetadata(metadata_text));
  const auto metadata = std::make_shared<const TableMetadata>(std::move(parsed));
  const Snapshot* snapshot = metadata->CurrentSnapshot();
  if (snapshot == nullptr) return MakeError(Fault::kBadData, "no snapshot");
  ARROW_ASSIGN_OR_RAISE(const ScanPlan plan,
                        PlanFiles(files, *metadata, *snapshot, {.deletes = ScanOptions::Deletes::kPlan}));
  const auto reader = DeleteReader::Make(files, metadata);
  Rows rows;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto deleted, reader->DeletedRows(plan.files[i], plan.DeletesOf(i)));
    ARROW_ASSIGN_OR_RAISE(
        const auto live, OpenLiveRows(files, plan.files[i].file, std::move(deleted), maintenance_testing::RowSchema()));
    ARROW_ASSIGN_OR_RAISE(const auto batches, live->ToRecordBatches());
    for (const auto& batch : batches) {
      ARROW_RETURN_NOT_OK(batch->ValidateFull());
      const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
      const auto& regions = static_cast<const arrow::StringArray&>(*batch->column(1));
      const auto& values = static_cast<const arrow::Int64Array&>(*batch->column(2));
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        rows.push_back({ids.Value(row), regions.GetString(row), values.Value(row)});
      }
    }
  }
  std::ranges::sort(rows);
  return rows;
}

struct Tally {
  int errors = 0, same = 0, others = 0, unnamed = 0;
  bool may_be() const { return others * 50 <= errors + same + others; }
};

#ifdef __clang__
constexpr bool kIsSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kIsSanitized = false;
#endif
// Places of a file that are damaged; each takes a whole read of the table, which sanitizers make ten times as long.
constexpr size_t kPlacesMax = kIsSanitized ? 60 : 500;

class HostileFiles : public ::testing::TestWithParam<int32_t> {
 protected:
  void SetUp() override {
    table_.emplace(world_, maintenance_testing::TableKind{.partitioned = true, .format_version = GetParam()});
    Must(table_->Append({{1, "a", 1}, {2, "b", 2}, {3, "a", 3}, {4, "a", 4}}));
    Must(table_->Merge({{1, "a", 10}, {5, "b", 50}}, {2}));
    Must(table_->Merge({{3, "a", 30}}, {}));
    loaded_ = table_->Load();
    text_ = Must(world_.files->ReadText(loaded_.metadata_location));
    for (const auto& [id, row] : table_->model) expected_.push_back(row);
    ASSERT_TRUE(Must(ReadRows(*world_.files, text_)) == expected_);
  }

  std::vector<std::string> FilesLike(const std::string& part) {
    std::vector<std::string> found;
    for (const io::FileInfo& info : Must(world_.files->List(loaded_.metadata->location))) {
      if (info.location.find(part) != std::string::npos) found.push_back(info.location);
    }
    return found;
  }

  void Judge(const std::string& location, const std::string& bytes, const std::string& what, Tally& tally) {
    TamperedStore store(*world_.files);
    const bool metadata = location == loaded_.metadata_location;
    if (!metadata) store.Tamper(location, bytes);
    const auto rows = ReadRows(store, metadata ? bytes : text_);
    if (!rows.ok()) {
      ++tally.errors;
      // The damaged file, or the one that it names wrongly.
      const auto names = [&](const char* part) { return rows.status().message().find(part) != std::string::npos; };
      const bool named =
          metadata || std::ranges::any_of(std::array{".avro", ".parquet", ".puffin", "file:", "/shop/"}, names);
      if (!named && ++tally.unnamed <= 5) ADD_FAILURE() << what << ": the error names no file: " << rows.status();
      EXPECT_NE(FaultOf(rows.status()), Fault::kBug) << what << ": " << rows.status();
      return;
    }
    if (*rows == expected_) {
      ++tally.same;
    } else if (++tally.others <= 12) {
      std::printf("other rows: %s\n", what.c_str());
    }
  }

  static bool Covers(const std::string& bytes, const std::string& text, size_t at) {
    const size_t begin = bytes.find(text, at < text.size() ? 0 : at - text.size() + 1);
    return begin != std::string::npos && begin <= at;
  }

  /// One flipped bit at each of up to kPlacesMax places but those of the texts of `believed`, and as many cuts.
  Tally Damage(const std::string& location, const std::vector<std::string>& believed = {}) {
    size_t most = kPlacesMax;
    if (std::getenv("FIRN_TEST_ALL_FLIPS") != nullptr) most = 1 << 20;
    const std::string bytes = location == loaded_.metadata_location ? text_ : Must(world_.files->ReadText(location));
    Tally tally;
    const size_t step = std::max<size_t>(1, bytes.size() / most);
    for (size_t at = 0; at < bytes.size(); at += step) {
      if (std::ranges::any_of(believed, [&](const std::string& text) { return Covers(bytes, text, at); })) continue;
      const int bit = static_cast<int>(random_() % 8);
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      Judge(location, flipped, "bit " + std::to_string(bit) + " of byte " + std::to_string(at) + " of " + location,
            tally);
    }
    for (size_t at = 0; at < bytes.size(); at += step * 7) {
      Judge(location, bytes.substr(0, at), location + " cut at " + std::to_string(at), tally);
    }
    std::printf("%s: %d errors, %d without effect, %d other rows\n", location.substr(location.rfind('/') + 1).c_str(),
                tally.errors, tally.same, tally.others);
    return tally;
  }

  commit_testing::Warehouse world_;
  std::optional<KeyedTable> table_;
  catalog::LoadedTable loaded_;
  std::string text_;
  Rows expected_;
  std::mt19937_64 random_{7};
};

TEST_P(HostileFiles, DamagedMetadata) {
  EXPECT_EQ(Damage(loaded_.metadata_location).others, 0);
}

TEST_P(HostileFiles, DamagedManifestList) {
  EXPECT_TRUE(Damage(loaded_.metadata->CurrentSnapshot()->manifest_list).may_be());
}

TEST_P(HostileFiles, DamagedManifests) {
  ManifestListCache lists(*world_.files, 1000);
  for (const ManifestFile& manifest : *Must(lists.Get(*loaded_.metadata->CurrentSnapshot()))) {
    const bool deletes = manifest.content == ManifestContent::kDeletes;
    EXPECT_TRUE(Damage(manifest.manifest_path, deletes ? FilesLike("/data/") : std::vector<std::string>()).may_be());
  }
}

TEST_P(HostileFiles, DamagedDeletes) {
  const auto found = FilesLike(GetParam() == 2 ? "-deletes.parquet" : ".puffin");
  ASSERT_FALSE(found.empty());
  for (const std::string& location : found) EXPECT_TRUE(Damage(location).may_be());
}

INSTANTIATE_TEST_SUITE_P(Versions, HostileFiles, ::testing::Values(2, 3),
                         [](const auto& version) { return "v" + std::to_string(version.param); });

}  // namespace
}  // namespace firn::table
