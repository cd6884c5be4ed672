#include "io/raw_archive.h"

#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/redactor.h"
#include "base/task_group.h"
#include "io/faulty_file_store.h"
#include "io/local_file_store.h"
#include "io/power_cut_disk.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

RawEntry Entry(std::string body, std::string split = "") {
  return {.method = "GET",
          .url = "http://user:pw@api.example/a?page=1&api_key=hidden",
          .status = 200,
          .time = {.micros = 1'700'000'000'000'000},
          .split = std::move(split),
          .context = "{\"page\":1}",
          .body = arrow::Buffer::FromString(std::move(body))};
}

class RawArchiveTest : public ::testing::Test {
 protected:
  std::unique_ptr<RawArchiveWriter> Writer(RawArchiveOptions options = {}) {
    return RawArchiveWriter::Open(*store_, place_, options).ValueOrDie();
  }
  std::vector<std::string> ReadBodies(int64_t* num_unfinished = nullptr) {
    auto reader = RawArchiveReader::Open(*store_, place_).ValueOrDie();
    std::vector<std::string> bodies;
    while (auto entry = reader->Next().ValueOrDie()) {
      EXPECT_EQ(entry->ordinal, static_cast<int64_t>(bodies.size()));
      bodies.push_back(entry->body->ToString());
    }
    if (num_unfinished != nullptr) *num_unfinished = reader->num_unfinished();
    return bodies;
  }
  std::string Folder() const { return place_.root + "/shop/dataset=eu.shop/orders/run-1"; }

  TemporaryFolder folder_;
  std::unique_ptr<PowerCutDisk> disk_ = PowerCutDisk::Open(folder_.path()).ValueOrDie();  // spares the real fsyncs
  std::unique_ptr<FileStore> store_ = MakeLocalFileStore({.disk = disk_.get()});
  RawArchivePlace place_{
      .root = folder_.path() + "/raw", .pipeline = "shop", .dataset = "eu.shop", .table = "orders", .run = "run-1"};
};

TEST_F(RawArchiveTest, ReadsBackWhatWasWritten) {
  const uint64_t seed = ProcessSeed();
  SCOPED_TRACE("FIRN_SEED=" + std::to_string(seed));
  Random random(seed);
  std::vector<std::string> bodies = {"", "{}"};
  for (int i = 0; i < 50; ++i) {
    std::string body(random.Below(5'000), ' ');
    for (char& c : body) c = static_cast<char>(random.Below(256));
    bodies.push_back(body);
  }
  auto writer = Writer({.segment_bytes_max = 20'000});
  for (size_t i = 0; i < bodies.size(); ++i) {
    EXPECT_EQ(writer->Append(Entry(bodies[i])).ValueOrDie(), static_cast<int64_t>(i));
    if (random.Below(10) == 0) {
      ASSERT_TRUE(writer->Sync().ok());
    }
  }
  ASSERT_TRUE(writer->Sync().ok());
  ASSERT_TRUE(writer->Sync().ok());
  EXPECT_EQ(ReadBodies(), bodies);
  EXPECT_GT(store_->List(Folder()).ValueOrDie().size(), 3u);
}

TEST_F(RawArchiveTest, KeepsTheRequestWithoutItsSecrets) {
  auto writer = Writer();
  ASSERT_TRUE(writer->Append(Entry("x", "region=eu")).ok());
  ASSERT_TRUE(writer->Sync().ok());
  auto reader = RawArchiveReader::Open(*store_, place_).ValueOrDie();
  const auto entry = reader->Next().ValueOrDie();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->method, "GET");
  EXPECT_EQ(entry->url, "http://api.example/a?page=1&api_key=***");
  EXPECT_EQ(entry->status, 200);
  EXPECT_EQ(entry->time.micros, 1'700'000'000'000'000);
  EXPECT_EQ(entry->split, "region=eu");
  EXPECT_EQ(entry->context, "{\"page\":1}");
  EXPECT_GE(entry->body->capacity(), entry->body->size() + 64);
  EXPECT_EQ(reader->Next().ValueOrDie(), std::nullopt);
}

TEST_F(RawArchiveTest, UnsyncedEntriesDoNotExistAndAnotherWriterGoesOn) {
  {
    auto writer = Writer();
    ASSERT_TRUE(writer->Append(Entry("a")).ok());
    ASSERT_TRUE(writer->Sync().ok());
    ASSERT_TRUE(writer->Append(Entry("lost")).ok());
  }
  EXPECT_EQ(ReadBodies(), (std::vector<std::string>{"a"}));
  auto writer = Writer();
  EXPECT_EQ(writer->Append(Entry("b")).ValueOrDie(), 1);
  ASSERT_TRUE(writer->Sync().ok());
  EXPECT_EQ(ReadBodies(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(RawArchiveTest, ASegmentCutByACrashIsSkippedAndCounted) {
  auto writer = Writer();
  ASSERT_TRUE(writer->Append(Entry("a")).ok());
  ASSERT_TRUE(writer->Sync().ok());
  const std::string whole = store_->ReadText(Folder() + "/000000.firnraw").ValueOrDie();
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(store_->WriteAtomic(Folder() + "/000001.firnraw", whole.substr(0, size)).ok());
    int64_t num_unfinished = 0;
    EXPECT_EQ(ReadBodies(&num_unfinished), (std::vector<std::string>{"a"})) << size;
    EXPECT_EQ(num_unfinished, 1) << size;
  }
}

TEST_F(RawArchiveTest, AnyFlippedBitIsNoticed) {
  auto writer = Writer();
  ASSERT_TRUE(writer->Append(Entry("some body")).ok());
  ASSERT_TRUE(writer->Sync().ok());
  const std::string path = Folder() + "/000000.firnraw";
  const std::string whole = store_->ReadText(path).ValueOrDie();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] ^= 0x10;
    ASSERT_TRUE(store_->WriteAtomic(path, flipped).ok());
    auto reader = RawArchiveReader::Open(*store_, place_).ValueOrDie();
    const auto entry = reader->Next();
    EXPECT_TRUE(!entry.ok() || (!entry->has_value() && reader->num_unfinished() == 1)) << "byte " << at;
  }
}

TEST_F(RawArchiveTest, RefusesANewerVersionByNameAndAMissingSegment) {
  auto writer = Writer({.segment_bytes_max = 1});
  ASSERT_TRUE(writer->Append(Entry("a")).ok());
  ASSERT_TRUE(writer->Append(Entry("b")).ok());
  ASSERT_TRUE(writer->Sync().ok());  // written by now
  ASSERT_TRUE(store_->Remove(Folder() + "/000000.firnraw").ok());
  EXPECT_EQ(FaultOf(RawArchiveReader::Open(*store_, place_).status()), Fault::kBadData);
  std::string newer = store_->ReadText(Folder() + "/000001.firnraw").ValueOrDie();
  newer[7] = 4;
  ASSERT_TRUE(store_->WriteAtomic(Folder() + "/000000.firnraw", newer).ok());
  const Status status = RawArchiveReader::Open(*store_, place_).ValueOrDie()->Next().status();
  EXPECT_NE(status.message().find("version 4"), std::string::npos) << status;
}

TEST_F(RawArchiveTest, AFailedWriteIsNeverForgotten) {
  for (int step = 1; step < 40; ++step) {
    place_.run = "run-" + std::to_string(step);
    FaultyFileStore faulty(*store_, {.fail_at = step});
    auto writer = RawArchiveWriter::Open(faulty, place_, {.segment_bytes_max = 1});
    bool all_ok = writer.ok();
    for (int i = 0; all_ok && i < 5; ++i) all_ok = (*writer)->Append(Entry(std::to_string(i))).ok();
    if (writer.ok()) {
      const bool synced = (*writer)->Sync().ok();
      EXPECT_TRUE(all_ok || !synced) << step;
      if (synced) {
        EXPECT_EQ(ReadBodies().size(), 5u) << step;
      }
    }
  }
}

TEST_F(RawArchiveTest, WhatWasSyncedSurvivesAPowerCut) {
  auto writer = Writer();
  ASSERT_TRUE(writer->Append(Entry("a")).ok());
  ASSERT_TRUE(writer->Sync().ok());
  ASSERT_TRUE(writer->Append(Entry("b")).ok());
  for (const PowerCut mode : {PowerCut::kDropUnsynced, PowerCut::kEntriesWithoutData, PowerCut::kRandom}) {
    TemporaryFolder after;
    ASSERT_TRUE(disk_->Materialise(after.path(), {.mode = mode}).ok());
    const RawArchivePlace place{
        .root = after.path() + "/raw", .pipeline = "shop", .dataset = "eu.shop", .table = "orders", .run = place_.run};
    auto reader = RawArchiveReader::Open(*store_, place).ValueOrDie();
    EXPECT_EQ(reader->Next().ValueOrDie()->body->ToString(), "a");
    EXPECT_EQ(reader->Next().ValueOrDie(), std::nullopt);
  }
}

TEST_F(RawArchiveTest, ThreadsMayAppend) {
  auto writer = Writer({.segment_bytes_max = 500});
  TaskGroup group;
  for (int t = 0; t < 4; ++t) {
    group.Spawn([&, t](std::stop_token) -> Status {
      for (int i = 0; i < 25; ++i) ARROW_RETURN_NOT_OK(writer->Append(Entry(std::to_string(t * 100 + i))).status());
      return writer->Sync();
    });
  }
  ASSERT_TRUE(group.Join().ok());
  auto bodies = ReadBodies();
  std::sort(bodies.begin(), bodies.end());
  EXPECT_EQ(std::unique(bodies.begin(), bodies.end()) - bodies.begin(), 100);
}

TEST_F(RawArchiveTest, ListsRunsAndKeepsOddNamesApart) {
  for (const char* run : {"../evil", "..", "b", "a b"}) {
    place_.run = run;
    auto writer = Writer();
    ASSERT_TRUE(writer->Append(Entry(run)).ok());
    ASSERT_TRUE(writer->Sync().ok());
    EXPECT_EQ(ReadBodies(), (std::vector<std::string>{run}));
  }
  EXPECT_EQ(ListRawRuns(*store_, place_).ValueOrDie(), (std::vector<std::string>{"..", "../evil", "a b", "b"}));
  place_.table = "other";
  EXPECT_TRUE(ListRawRuns(*store_, place_).ValueOrDie().empty());
}

TEST_F(RawArchiveTest, DatasetsDoNotMeetEachOtherNorVersion1) {
  for (const char* dataset : {"shop", "dev_shop", "a=b/c", ""}) {
    place_.dataset = dataset;
    place_.run = std::string("of ") + dataset;
    auto writer = Writer();
    ASSERT_TRUE(writer->Append(Entry(dataset)).ok());
    ASSERT_TRUE(writer->Sync().ok());
    EXPECT_EQ(ListRawRuns(*store_, place_).ValueOrDie(), std::vector<std::string>{place_.run});
    EXPECT_EQ(ReadBodies(), std::vector<std::string>{dataset});
  }
  EXPECT_EQ(ListRawDatasets(*store_, place_).ValueOrDie(), (std::vector<std::string>{"a=b/c", "dev_shop", "shop"}));
  place_.table = "dataset=shop";
  EXPECT_TRUE(ListRawRuns(*store_, place_).ValueOrDie().empty());
}

}  // namespace
}  // namespace firn::io
