#include "table/commit/stream_token.h"

#include <gtest/gtest.h>

#include "base/status.h"

namespace firn::table {
namespace {

StreamToken TokenAt(int64_t sequence) {
  return {.epoch = 1,
          .from = {.sequence = sequence - 1, .hash = "h" + std::to_string(sequence - 1)},
          .to = {.sequence = sequence, .hash = "h" + std::to_string(sequence)},
          .rows = 10,
          .content_hash = "c",
          .run = "run" + std::to_string(sequence),
          .state = R"({"cursor":"2026-01-01","n":1})"};
}

// A chain of snapshots 1..n on main, each with the token of its number for stream "s".
TableMetadata Chain(int length) {
  TableMetadata metadata;
  for (int i = 1; i <= length; ++i) {
    Snapshot snapshot{.snapshot_id = {i}, .sequence_number = i};
    if (i > 1) snapshot.parent_snapshot_id = SnapshotId{i - 1};
    snapshot.summary = {{"operation", "append"}, {StreamKey("s"), WriteToken(TokenAt(i))}};
    metadata.snapshots.push_back(snapshot);
  }
  metadata.current_snapshot_id = SnapshotId{length};
  metadata.refs["main"] = {.snapshot_id = {length}};
  metadata.last_sequence_number = length;
  metadata.properties[StreamKey("s")] =
      WriteMirror({.token = TokenAt(length), .snapshot_id = {length}, .sequence_number = length});
  return metadata;
}

void AddForeign(TableMetadata& metadata, int64_t id, int64_t parent, int64_t sequence) {
  Snapshot snapshot{.snapshot_id = {id}, .parent_snapshot_id = SnapshotId{parent}, .sequence_number = sequence};
  snapshot.summary = {{"operation", "replace"}};
  metadata.snapshots.push_back(snapshot);
  metadata.current_snapshot_id = SnapshotId{id};
}

TEST(StreamToken, RoundTrips) {
  const StreamToken token = TokenAt(7);
  EXPECT_EQ(*ParseToken(WriteToken(token)), token);
  EXPECT_NE(WriteToken(token).find(R"("state":{"cursor":"2026-01-01","n":1})"), std::string::npos);
  const auto mirror = ParseMirror(WriteMirror({.token = token, .snapshot_id = {INT64_MAX}, .sequence_number = 3}));
  EXPECT_EQ(mirror->token, token);
  EXPECT_EQ(mirror->snapshot_id.value, INT64_MAX);
  EXPECT_EQ(mirror->sequence_number, 3);
}

TEST(StreamToken, KeepsTheTextOfAnyState) {
  for (const char* state : {"{}", R"({"a": 1})", R"({"b":1.0,"a":18446744073709551616})", R"("text")", "1e2", "null"}) {
    StreamToken token = TokenAt(1);
    token.state = state;
    EXPECT_EQ(ParseToken(WriteToken(token))->state, state);
  }
}

TEST(StreamToken, RefusesNewerVersionsAndNonsense) {
  std::string text = WriteToken(TokenAt(1));
  text.replace(text.find("\"version\":1"), 11, "\"version\":2");
  EXPECT_EQ(FaultOf(ParseToken(text).status()), Fault::kConfig);
  for (const char* bad : {"", "[]", "{}", R"({"version":1})", R"({"version":1,"epoch":"x"})"}) {
    EXPECT_EQ(FaultOf(ParseToken(bad).status()), Fault::kBadData) << bad;
  }
}

TEST(StreamToken, FindsTheNewestOnMainBehindForeignSnapshots) {
  TableMetadata metadata = Chain(3);
  AddForeign(metadata, 50, 3, 4);
  EXPECT_EQ((**FindToken(metadata, "s")).to.sequence, 3);
  EXPECT_FALSE(FindToken(metadata, "unknown")->has_value());
}

TEST(StreamToken, RolledBackTableNeedsADecision) {
  TableMetadata metadata = Chain(3);
  metadata.current_snapshot_id = SnapshotId{2};  // snapshot 3 still exists
  const auto found = FindToken(metadata, "s");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(FaultOf(found.status()), Fault::kConfig);
  EXPECT_NE(ContextOf(found.status())->next.find("firn state accept"), std::string::npos);
  AddForeign(metadata, 50, 2, 4);  // and went on from there
  EXPECT_FALSE(FindToken(metadata, "s").ok());
  metadata.current_snapshot_id.reset();  // or main is gone
  EXPECT_FALSE(FindToken(metadata, "s").ok());
}

TEST(StreamToken, TrustsTheMirrorWhenItsSnapshotExpired) {
  TableMetadata metadata = Chain(3);
  AddForeign(metadata, 50, 3, 4);
  AddForeign(metadata, 51, 50, 5);
  metadata.snapshots.EraseIf([](const Snapshot& snapshot) { return snapshot.snapshot_id.value <= 50; });
  EXPECT_EQ((**FindToken(metadata, "s")).to.sequence, 3);
  EXPECT_EQ(CarriedTokens(metadata, "other").count(StreamKey("s")), 1u);
}

TEST(StreamToken, DoesNotTrustTheMirrorOfAShorterHistory) {
  TableMetadata metadata = Chain(5);
  metadata.current_snapshot_id = SnapshotId{3};
  Snapshot third = metadata.snapshots[2];
  third.summary.erase(StreamKey("s"));
  metadata.snapshots = SnapshotList({third});
  EXPECT_FALSE(FindToken(metadata, "s").ok());  // rolled back to 3, then 4 and 5 expired
}

TEST(StreamToken, CarriesOtherStreams) {
  TableMetadata metadata = Chain(2);
  Snapshot first = metadata.snapshots[0];
  Snapshot second = metadata.snapshots[1];
  second.summary[StreamKey("t")] = WriteToken(TokenAt(9));
  metadata.snapshots = SnapshotList({first, second});
  EXPECT_EQ(CarriedTokens(metadata, "s").size(), 1u);
  EXPECT_EQ(CarriedTokens(metadata, "t").size(), 1u);
  EXPECT_EQ(CarriedTokens(metadata, "u").size(), 2u);
}

TEST(StreamToken, FindsACommitBehindOthers) {
  TableMetadata metadata = Chain(4);
  ASSERT_NE(FindCommitOf(metadata, "s", TokenAt(2)), nullptr);
  EXPECT_EQ(FindCommitOf(metadata, "s", TokenAt(2))->snapshot_id.value, 2);
  StreamToken other = TokenAt(2);
  other.run = "somebody";
  EXPECT_EQ(FindCommitOf(metadata, "s", other), nullptr);
  EXPECT_EQ(FindCommitOf(metadata, "s", TokenAt(5)), nullptr);
}

}  // namespace
}  // namespace firn::table
