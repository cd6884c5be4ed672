#include <arrow/buffer.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "base/hash.h"
#include "base/random.h"
#include "base/task_group.h"
#include "io/local_file_store.h"
#include "io/power_cut_disk.h"
#include "io/raw_archive.h"
#include "io/raw_key.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

constexpr char kHex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

RawKeys KeysOf(const std::string& hex) {
  const RawKey key = ParseRawKey(hex).ValueOrDie();
  return {.write = key, .read = {key}, .where = "raw.key"};
}

RawEntry Entry(std::string body) {
  return {.method = "GET",
          .url = "http://api.example/a?email=canary@example.com",
          .status = 200,
          .time = {.micros = 1'700'000'000'000'000},
          .split = "canary-split",
          .context = "{\"constants\":{\"email\":\"canary@example.com\"}}",
          .body = arrow::Buffer::FromString(std::move(body))};
}

class RawSealTest : public ::testing::Test {
 protected:
  void Write(const std::vector<std::string>& bodies, RawArchiveOptions options) {
    auto writer = RawArchiveWriter::Open(*store_, place_, std::move(options)).ValueOrDie();
    for (const std::string& body : bodies) ASSERT_TRUE(writer->Append(Entry(body)).ok());
    ASSERT_TRUE(writer->Sync().ok());
  }
  Result<std::vector<std::string>> Read(RawReadOptions options) {
    ARROW_ASSIGN_OR_RAISE(auto reader, RawArchiveReader::Open(*store_, place_, std::move(options)));
    std::vector<std::string> bodies;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto entry, reader->Next());
      if (!entry) return bodies;
      bodies.push_back(entry->body->ToString());
    }
  }
  std::string Segment(int number, const std::string& run = "run-1") const {
    return place_.root + "/shop/dataset=eu/orders/" + run + "/00000" + std::to_string(number) + ".firnraw";
  }

  TemporaryFolder folder_;
  std::unique_ptr<PowerCutDisk> disk_ = PowerCutDisk::Open(folder_.path()).ValueOrDie();  // spares the real fsyncs
  std::unique_ptr<FileStore> store_ = MakeLocalFileStore({.disk = disk_.get()});
  RawArchivePlace place_{
      .root = folder_.path() + "/raw", .pipeline = "shop", .dataset = "eu", .table = "orders", .run = "run-1"};
};

TEST(RawKey, TakesHexAndBase64AndNothingElse) {
  const RawKey hex = ParseRawKey(std::string(" ") + kHex + "\n").ValueOrDie();
  EXPECT_EQ(hex.bytes[31], 31);
  // printf '…' | xxd -r -p | base64
  EXPECT_EQ(ParseRawKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").ValueOrDie().bytes, hex.bytes);
  EXPECT_EQ(ParseRawKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").ValueOrDie().id, hex.id);
  EXPECT_EQ(hex.id.size(), 16u);
  EXPECT_EQ(std::string(kHex).find(hex.id), std::string::npos);
  const std::string text = kHex;
  for (const std::string& bad : {std::string(), text + "0", text.substr(2), "g" + text.substr(1), std::string(43, '!'),
                                 std::string("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==")}) {
    const Status status = ParseRawKey(bad).status();
    EXPECT_EQ(FaultOf(status), Fault::kConfig) << bad.size();
    EXPECT_TRUE(bad.empty() || status.message().find(bad) == std::string::npos);
  }
}

TEST(RawKey, OfSeveralMakersAllGetTheSameFileForTheOwnerAlone) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/state/keys/raw.key";
  EXPECT_EQ(ReadRawKeyFile(path).ValueOrDie(), std::nullopt);
  std::array<std::string, 8> ids;
  TaskGroup group;
  for (std::string& id : ids) {
    group.Spawn([&](std::stop_token) -> Status {
      ARROW_ASSIGN_OR_RAISE(const RawKey key, MakeRawKeyFile(path));
      id = key.id;
      return Status::OK();
    });
  }
  ASSERT_TRUE(group.Join().ok());
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  int64_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder.path() + "/state/keys")) ++files;
  EXPECT_EQ(files, 1);
  EXPECT_TRUE(ReadRawKeyFile(path).ValueOrDie()->of_state);
}

TEST_F(RawSealTest, NothingOfAResponseIsInTheFile) {
  const std::string body(3'000, 'x');
  Write({"{\"email\":\"canary@example.com\"}", "", body + "canary"}, {.keys = KeysOf(kHex)});
  const std::string bytes = store_->ReadText(Segment(0)).ValueOrDie();
  for (const char* word : {"canary", "GET", "api.example", "xxxx", "offsets", "(\xb5/\xfd"}) {  // a zstd frame
    EXPECT_EQ(bytes.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(Read({.keys = KeysOf(kHex)}).ValueOrDie(),
            (std::vector<std::string>{"{\"email\":\"canary@example.com\"}", "", body + "canary"}));
}

TEST_F(RawSealTest, AnotherKeyIsNamedAndAnOldOneStillReads) {
  Write({"a"}, {.keys = KeysOf(kHex)});
  RawKeys other = KeysOf(std::string(64, 'a'));
  const Status status = Read({.keys = other}).status();
  ASSERT_NE(ContextOf(status), nullptr);
  EXPECT_EQ(ContextOf(status)->code, "E0866");
  const std::string id = KeysOf(kHex).write->id;
  EXPECT_NE(status.message().find(id), std::string::npos);
  EXPECT_NE(status.message().find(other.write->id), std::string::npos);
  EXPECT_EQ(SealOfRun(*store_, place_).ValueOrDie()->key_id, id);
  other.read.push_back(*KeysOf(kHex).write);
  Write({"b"}, {.keys = other});  // the same run goes on with another key
  EXPECT_EQ(Read({.keys = other}).ValueOrDie(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(RawSealTest, AnyFlippedBitIsNoticed) {
  Write({"some body", "more"}, {.keys = KeysOf(kHex)});
  const std::string whole = store_->ReadText(Segment(0)).ValueOrDie();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] ^= 0x10;
    ASSERT_TRUE(store_->WriteAtomic(Segment(0), flipped).ok());
    EXPECT_FALSE(Read({.keys = KeysOf(kHex), .entries_min = 2}).ok()) << "byte " << at;
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(store_->WriteAtomic(Segment(0), whole.substr(0, size)).ok());
    EXPECT_EQ(FaultOf(Read({.keys = KeysOf(kHex), .entries_min = 2}).status()), Fault::kBadData) << size;
  }
}

// Also with the checksums made right: what is moved is authentic, but not here.
TEST_F(RawSealTest, PiecesDoNotMove) {
  const RawArchiveOptions small{.segment_bytes_max = 1, .keys = KeysOf(kHex)};
  Write({"a", "b", "c"}, small);
  const RawReadOptions whole{.keys = KeysOf(kHex), .entries_min = 3};
  ASSERT_EQ(Read(whole).ValueOrDie().size(), 3u);
  const std::string first = store_->ReadText(Segment(0)).ValueOrDie();
  const std::string second = store_->ReadText(Segment(1)).ValueOrDie();
  const auto refused = [&] { return FaultOf(Read(whole).status()) == Fault::kBadData; };

  ASSERT_TRUE(store_->WriteAtomic(Segment(0), second).ok());
  ASSERT_TRUE(store_->WriteAtomic(Segment(1), first).ok());
  EXPECT_TRUE(refused()) << "segments swapped";
  ASSERT_TRUE(store_->WriteAtomic(Segment(0), first).ok());
  ASSERT_TRUE(store_->WriteAtomic(Segment(1), second).ok());
  ASSERT_TRUE(Read(whole).ok());
  ASSERT_TRUE(store_->Remove(Segment(2)).ok());
  EXPECT_TRUE(refused()) << "the end is missing";

  place_.run = "run-2";
  Write({"a", "b", "c"}, small);
  ASSERT_TRUE(store_->WriteAtomic(Segment(0, "run-2"), first).ok());
  EXPECT_TRUE(refused()) << "of another run";
}

TEST_F(RawSealTest, EntriesOfASegmentDoNotChangePlaces) {
  Write({"aaaa", "bbbb"}, {.keys = KeysOf(kHex)});
  std::string whole = store_->ReadText(Segment(0)).ValueOrDie();
  const size_t head = 12 + static_cast<uint8_t>(whole[8]) + 256 * static_cast<size_t>(static_cast<uint8_t>(whole[9]));
  const size_t index_bytes = static_cast<uint8_t>(whole[whole.size() - 28]) +
                             256 * static_cast<size_t>(static_cast<uint8_t>(whole[whole.size() - 27]));
  const size_t entries = whole.size() - 28 - index_bytes - head;
  ASSERT_EQ(entries % 2, 0u);
  const std::string one = whole.substr(head, entries / 2);
  whole = whole.substr(0, head) + whole.substr(head + entries / 2, entries / 2) + one + whole.substr(head + entries);
  ASSERT_TRUE(store_->WriteAtomic(Segment(0), whole).ok());
  EXPECT_EQ(FaultOf(Read({.keys = KeysOf(kHex)}).status()), Fault::kBadData);
}

// As older builds left them, byte for byte (test/corpus/raw_archive).
TEST_F(RawSealTest, ReadsTheArchivesOfEveryReleasedVersion) {
  const std::string corpus =
      std::filesystem::canonical(std::filesystem::path(__FILE__).parent_path() / "../../test/corpus/raw_archive")
          .string() +
      "/";
  for (const char* version : {"v1", "v2", "v3"}) {
    const RawArchivePlace any{.root = corpus + version,
                              .pipeline = "shop",
                              .dataset = std::string(version) == "v1" ? "" : "shop",
                              .table = "orders",
                              .run = ""};
    store_ = MakeLocalFileStore();  // the corpus lies outside of the disk of the test
    const auto runs = ListRawRuns(*store_, any).ValueOrDie();
    ASSERT_EQ(runs.size(), 1u) << version;
    place_ = any;
    place_.run = runs[0];
    const auto bodies = Read({.keys = KeysOf(kHex)});
    ASSERT_TRUE(bodies.ok()) << version << bodies.status();
    ASSERT_EQ(bodies->size(), 2u) << version;
    EXPECT_NE(bodies->at(0).find("\"id\":1,"), std::string::npos) << bodies->at(0);
    EXPECT_EQ(SealOfRun(*store_, place_).ValueOrDie()->key_id.empty(), std::string(version) != "v3");
  }
}

}  // namespace
}  // namespace firn::io
