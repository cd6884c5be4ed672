#include "table/commit/ref_update.h"

#include <gtest/gtest.h>

#include "table/commit/branch_view.h"
#include "table/commit/cherry_pick.h"
#include "table/commit/commit_test_support.h"
#include "table/commit/faulty_catalog_test_support.h"
#include "table/commit/stream_token.h"
#include "table/metadata/update.h"

namespace firn::table {
namespace {

using namespace commit_testing;

std::string CodeOf(const Status& status) {
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  return context == nullptr ? "" : context->code;
}

struct Made {
  int64_t time_ms;
  const char* run;
};
TableMetadata TableOf(const std::vector<Made>& snapshots) {
  TableMetadata metadata;
  for (const Made& made : snapshots) {
    Snapshot snapshot{.snapshot_id = NewSnapshotId(), .parent_snapshot_id = metadata.current_snapshot_id};
    snapshot.timestamp_ms = made.time_ms;
    snapshot.summary["firn.run"] = made.run;
    metadata.current_snapshot_id = snapshot.snapshot_id;
    metadata.snapshots.push_back(std::move(snapshot));
  }
  return metadata;
}

TEST(EndOfCommit, IsThatOfTheCommitThatATimeFallsInto) {
  const TableMetadata orders = TableOf({{10, "a"}, {20, "b"}, {30, "b"}, {40, "c"}});
  const TableMetadata bodies = TableOf({{10, "a"}, {21, "b"}, {31, "b"}, {45, "d"}});
  const TableMetadata items = TableOf({{10, "a"}, {23, "b"}});
  const std::vector<const TableMetadata*> all = {&orders, &bodies, &items};
  const auto end = [](std::span<const TableMetadata* const> tables, int64_t ms) {
    return EndOfCommit(tables, {.micros = ms * 1000}).micros / 1000;
  };
  for (const int64_t whole : {5, 10, 15, 19, 23, 25, 29, 31, 35, 40, 44, 45, 50}) EXPECT_EQ(end(all, whole), whole);
  for (const int64_t cut : {20, 21, 22}) EXPECT_EQ(end(all, cut), 23);
  EXPECT_EQ(end(all, 30), 31);
  EXPECT_EQ(end({all.data(), 1}, 20), 20) << "one table has no commit in parts";
}

// A table that one stream appends to, and its refs.
class Refs : public testing::Test {
 protected:
  Status Append(const std::vector<int64_t>& ids, const std::string& state, const std::string& branch = kMainBranch) {
    const std::string run = MakeUuid4().ToString();
    ARROW_ASSIGN_OR_RAISE(const OpenedStream opened, committer_->OpenStreamOn(branch, kOrders, "s"));
    StagedTable staged = Stage(opened, kOrders, "s", run, state, {world_.Write(kOrders, ids, run)});
    staged.branch = branch;
    ARROW_ASSIGN_OR_RAISE(const auto committed, committer_->Commit({&staged, 1}, {}));
    last_ = committed.front().snapshot_id;
    return Status::OK();
  }
  std::shared_ptr<const TableMetadata> Metadata() { return Must(world_.catalog->LoadTable(kOrders))->metadata; }
  Result<std::vector<catalog::LoadedTable>> Change(const std::function<Result<RefChange>(const TableMetadata&)>& plan) {
    return CommitRefs(
        context_, {&kOrders, 1},
        [&](const TableIdentifier&, const catalog::LoadedTable& table) -> Result<std::optional<RefChange>> {
          ARROW_ASSIGN_OR_RAISE(auto change, plan(*table.metadata));
          return std::optional(std::move(change));
        },
        {});
  }
  Status RollBack(SnapshotId to, bool any = false) {
    const auto seen = Metadata()->current_snapshot_id;
    return Change([&](const TableMetadata& metadata) {
             return PlanRollback(metadata, {.to = to, .seen = seen, .any = any});
           })
        .status();
  }
  Status Publish() {
    return Change([](const TableMetadata& metadata) { return PlanPublish(metadata, kAuditBranch); }).status();
  }
  Status Discard() {
    return Change([](const TableMetadata& metadata) {
             return PlanDropRef(metadata, kAuditBranch, SnapshotRef::Type::kBranch);
           })
        .status();
  }
  std::string StateOf(const std::string& branch = kMainBranch) {
    const auto opened = committer_->OpenStreamOn(branch, kOrders, "s");
    return opened.ok() ? opened->state : opened.status().ToString();
  }
  // Another engine adds a snapshot to main that holds the same files.
  void Foreign(std::map<std::string, std::string> summary, std::optional<SnapshotId> parent) {
    const auto metadata = Metadata();
    Snapshot snapshot = *metadata->FindSnapshot(parent.value_or(*metadata->current_snapshot_id));
    snapshot.parent_snapshot_id = snapshot.snapshot_id;
    snapshot.snapshot_id = NewSnapshotId();
    snapshot.sequence_number = metadata->last_sequence_number + 1;
    snapshot.summary = std::move(summary);
    snapshot.summary["operation"] = "append";
    last_ = snapshot.snapshot_id;
    Must(Change([&](const TableMetadata&) {
           return Result<RefChange>(
               RefChange{.updates = {update::AddSnapshot{.snapshot = snapshot},
                                     update::SetSnapshotRef{.name = "main", .ref = {.snapshot_id = last_}}}});
         }).status());
  }

  Warehouse world_;
  std::unique_ptr<Committer> committer_ = world_.MakeCommitter();
  RefContext context_{.catalog = *world_.catalog, .clock = world_.clock};
  SnapshotId last_;
};

TEST_F(Refs, BranchesAndTagsAreMadeMovedAndDropped) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  const auto make = [&](const std::string& name, SnapshotRef ref) {
    return Change([&](const TableMetadata& metadata) { return PlanCreateRef(metadata, name, ref); }).status();
  };
  Must(make("dev", {.snapshot_id = first, .min_snapshots_to_keep = 5}));
  Must(make("v1", {.snapshot_id = first, .type = SnapshotRef::Type::kTag, .max_ref_age_ms = 1000}));
  EXPECT_EQ(CodeOf(make("dev", {.snapshot_id = last_})), "E0908");
  EXPECT_EQ(CodeOf(make("two words", {.snapshot_id = last_})), "E0908");
  EXPECT_EQ(CodeOf(make("gone", {.snapshot_id = {7}})), "E0706");
  const auto forward = [&](SnapshotId to) {
    return Change([&](const TableMetadata& metadata) { return PlanFastForward(metadata, "dev", to); }).status();
  };
  Must(forward(last_));
  EXPECT_EQ(Metadata()->refs.at("dev").snapshot_id, last_);
  EXPECT_EQ(Metadata()->refs.at("dev").min_snapshots_to_keep, 5);
  EXPECT_EQ(CodeOf(forward(first)), "E0909");
  const auto drop = [&](const std::string& name, SnapshotRef::Type type) {
    return Change([&](const TableMetadata& metadata) { return PlanDropRef(metadata, name, type); }).status();
  };
  EXPECT_EQ(CodeOf(drop("v1", SnapshotRef::Type::kBranch)), "E0907");
  EXPECT_EQ(CodeOf(drop("main", SnapshotRef::Type::kBranch)), "E0908");
  Must(drop("v1", SnapshotRef::Type::kTag));
  Must(drop("dev", SnapshotRef::Type::kBranch));
  EXPECT_EQ(Metadata()->refs.size(), 1u);
}

TEST_F(Refs, RollbackTakesTheStreamsAlong) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  const SnapshotId second = last_;
  Must(Append({3}, "3"));
  Must(RollBack(first));
  EXPECT_EQ(world_.Read(kOrders), (Ids{1}));
  EXPECT_EQ(StateOf(), "1");
  Must(Append({2}, "2"));  // read again
  Must(Append({3}, "3"));
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2, 3}));
  EXPECT_EQ(CodeOf(RollBack(second)), "E0914");
  Must(RollBack(second, /*any=*/true));
  EXPECT_EQ(StateOf(), "2");
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2}));
}

TEST_F(Refs, RollbackBehindTheFirstCommitOfAStreamForgetsIt) {
  Must(Load(world_, *committer_, kOrders, "other", {9}, "9").status());
  const SnapshotId first = *Metadata()->current_snapshot_id;
  Must(Append({1}, "1"));
  Must(RollBack(first));
  EXPECT_EQ(StateOf(), "");
  EXPECT_EQ(Must(committer_->OpenStream(kOrders, "other")).state, "9");
  Must(Append({1}, "1"));
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 9}));
}

TEST_F(Refs, RollbackIsRefusedWhenSomebodyWroteSince) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  const auto seen = Metadata()->current_snapshot_id;
  Must(Append({3}, "3"));
  const Status refused = Change([&](const TableMetadata& metadata) {
                           return PlanRollback(metadata, {.to = first, .seen = seen});
                         }).status();
  EXPECT_EQ(FaultOf(refused), Fault::kConflict);
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2, 3}));
}

TEST_F(Refs, ARunningLoadDoesNotSurviveARollback) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  const auto opened = Must(committer_->OpenStream(kOrders, "s"));
  const StagedTable late = Stage(opened, kOrders, "s", "late", "3", {world_.Write(kOrders, {3}, "late")});
  Must(RollBack(first));
  EXPECT_EQ(FaultOf(committer_->Commit({&late, 1}, {}).status()), Fault::kConflict);
  EXPECT_EQ(world_.Read(kOrders), (Ids{1}));
}

// It finds the parent it was read from as the head again: only its epoch tells that it is older than the rollback.
TEST_F(Refs, ALoadFromBeforeTheCommitsThatWereRolledBackIsFenced) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  const auto opened = Must(committer_->OpenStream(kOrders, "s"));
  const StagedTable late = Stage(opened, kOrders, "s", "late", "2", {world_.Write(kOrders, {3}, "late")});
  Must(Append({2}, "2"));
  Must(RollBack(first));
  EXPECT_EQ(CodeOf(committer_->Commit({&late, 1}, {}).status()), "E0905");
  EXPECT_EQ(world_.Read(kOrders), (Ids{1}));
  EXPECT_EQ(StateOf(), "1");
  Must(Append({4}, "4"));
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 4}));
}

TEST_F(Refs, RollbackCanKeepThePositions) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  const auto seen = Metadata()->current_snapshot_id;
  Must(RollbackKeepingPositions(context_, *world_.files, kOrders, {.to = first, .seen = seen}, "run-k", {}).status());
  EXPECT_EQ(world_.Read(kOrders), (Ids{1}));
  EXPECT_EQ(StateOf(), "2");
  Must(Append({3}, "3"));
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 3}));
}

TEST_F(Refs, ALostAnswerIsLookedAfter) {
  using Mode = FaultyCatalog::Mode;
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  for (const Mode mode :
       {Mode::kAppliedThenUnknown, Mode::kUnknownNotApplied, Mode::kUnknownAppliedLate, Mode::kConflict}) {
    Must(Append({2}, "2"));
    const auto seen = Metadata()->current_snapshot_id;
    FaultyCatalog faulty(*world_.catalog, mode, 1);
    const auto plan = [&](const TableIdentifier&,
                          const catalog::LoadedTable& table) -> Result<std::optional<RefChange>> {
      ARROW_ASSIGN_OR_RAISE(auto change, PlanRollback(*table.metadata, {.to = first, .seen = seen}));
      return std::optional(std::move(change));
    };
    Must(CommitRefs({.catalog = faulty, .clock = world_.clock}, {&kOrders, 1}, plan, {}).status());
    EXPECT_EQ(world_.Read(kOrders), (Ids{1}));
    EXPECT_EQ(StateOf(), "1");
  }
}

TEST_F(Refs, ARolledBackCommitCanBePickedAgainWithItsPosition) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  const SnapshotId second = last_;
  Must(Append({3}, "3"));
  const SnapshotId third = last_;
  Must(RollBack(first));
  const auto early = CherryPick(context_, *world_.files, kOrders, third, "run-p", {});
  EXPECT_EQ(CodeOf(early.status()), "E0913") << "its rows begin where main does not stand";
  const auto picked = Must(CherryPick(context_, *world_.files, kOrders, second, "run-p", {}));
  EXPECT_TRUE(picked.fast_forward);
  EXPECT_EQ(StateOf(), "2");
  // Another writer moves main, so that the next one is no fast-forward.
  Foreign({}, std::nullopt);
  const auto appended = Must(CherryPick(context_, *world_.files, kOrders, third, "run-q", {}));
  EXPECT_FALSE(appended.fast_forward);
  EXPECT_EQ(appended.rows, 1);
  EXPECT_EQ(StateOf(), "3");
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2, 3}));
  Must(Append({4}, "4"));
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(CodeOf(CherryPick(context_, *world_.files, kOrders, third, "run-r", {}).status()), "E0913") << "twice";
}

TEST_F(Refs, OnlyAppendsAreReplayed) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Load(world_, *committer_, kOrders, "s", {2}, "2", WriteMode::kOverwriteAll).status());
  const SnapshotId replaced = *Metadata()->current_snapshot_id;
  Must(RollBack(first));
  Foreign({}, std::nullopt);
  EXPECT_EQ(CodeOf(CherryPick(context_, *world_.files, kOrders, replaced, "run-p", {}).status()), "E0913");
}

// Iceberg's own cherry-pick leaves the tokens out: the snapshot only says where its rows came from.
TEST_F(Refs, AForeignCherryPickMovesTheStream) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  const SnapshotId second = last_;
  Must(RollBack(first));
  Foreign({{kSourceSnapshotKey, std::to_string(second.value)}}, std::nullopt);
  EXPECT_EQ(StateOf(), "2");
  Must(Append({3}, "3"));
  EXPECT_EQ(StateOf(), "3");
}

TEST_F(Refs, AForeignCherryPickThatDoesNotFitNeedsADecision) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Must(Append({2}, "2"));
  Must(Append({3}, "3"));
  const SnapshotId third = last_;
  Must(RollBack(first));
  Foreign({{kSourceSnapshotKey, std::to_string(third.value)}}, std::nullopt);
  EXPECT_EQ(CodeOf(committer_->OpenStream(kOrders, "s").status()), "E0901");
}

TEST_F(Refs, StagedByAnotherWriterIsPublishedByPicking) {
  Must(Append({1}, "1"));
  const SnapshotId first = last_;
  Foreign({{"wap.id", "w1"}}, std::nullopt);
  const SnapshotId staged = last_;
  Must(RollBack(first));
  Must(Append({2}, "2"));
  const auto picked = Must(CherryPick(context_, *world_.files, kOrders, staged, "run-p", {}));
  EXPECT_FALSE(picked.fast_forward);
  const Snapshot& head = *picked.table.metadata->CurrentSnapshot();
  EXPECT_EQ(head.summary.at("published-wap-id"), "w1");
  EXPECT_EQ(StateOf(), "2") << "streams stay where they are";
  EXPECT_EQ(CodeOf(CherryPick(context_, *world_.files, kOrders, staged, "run-q", {}).status()), "E0913");
}

TEST_F(Refs, LoadsOnTheAuditBranchChangeNothingOnMain) {
  Must(Append({1}, "1"));
  Must(Append({2}, "2", kAuditBranch));
  Must(Append({3}, "3", kAuditBranch));
  EXPECT_EQ(world_.Read(kOrders), (Ids{1}));
  EXPECT_EQ(StateOf(kAuditBranch), "3");
  EXPECT_EQ(CodeOf(committer_->OpenStream(kOrders, "s").status()), "E0916") << "main does not move under the branch";
  Must(Publish());
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2, 3}));
  EXPECT_EQ(StateOf(), "3");
  EXPECT_FALSE(Metadata()->refs.contains(kAuditBranch));
  Must(Append({4}, "4", kAuditBranch));
  Must(Publish());
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2, 3, 4}));
}

TEST_F(Refs, ADiscardedBranchIsReadAgain) {
  Must(Append({1}, "1"));
  Must(Append({2}, "2", kAuditBranch));
  Must(Discard());
  EXPECT_EQ(StateOf(kAuditBranch), "1");
  EXPECT_EQ(StateOf(), "1");
  Must(Append({2}, "2", kAuditBranch));
  Must(Publish());
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2}));
}

TEST_F(Refs, ANewTableCanBeginOnTheBranch) {
  Must(Append({1}, "1", kAuditBranch));
  EXPECT_EQ(Metadata()->current_snapshot_id, std::nullopt);
  Must(Append({2}, "2", kAuditBranch));
  Must(Publish());
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2}));
  EXPECT_EQ(StateOf(), "2");
}

TEST_F(Refs, ABranchThatMainLeftIsNeitherContinuedNorPublished) {
  Must(Append({1}, "1"));
  Must(Append({2}, "2", kAuditBranch));
  Foreign({}, Metadata()->current_snapshot_id);
  EXPECT_EQ(CodeOf(Publish()), "E0910");
  EXPECT_EQ(CodeOf(committer_->OpenStreamOn(kAuditBranch, kOrders, "s").status()), "E0910");
  Must(Discard());
  Must(Append({2}, "2", kAuditBranch));
  Must(Publish());
}

TEST_F(Refs, WhoLoadsTwiceOntoTheBranchIsRefused) {
  Must(Append({1}, "1"));
  Must(Append({2}, "2", kAuditBranch));
  const auto opened = Must(committer_->OpenStreamOn(kAuditBranch, kOrders, "s"));
  StagedTable late = Stage(opened, kOrders, "s", "late", "3", {world_.Write(kOrders, {3}, "late")});
  late.branch = kAuditBranch;
  Must(Append({3}, "3", kAuditBranch));
  EXPECT_EQ(FaultOf(committer_->Commit({&late, 1}, {}).status()), Fault::kConflict);
  Must(Publish());
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2, 3}));
}

TEST_F(Refs, TheSameCommitIsFoundOnTheBranchAndAfterPublishing) {
  Must(Append({1}, "1"));
  const auto opened = Must(committer_->OpenStreamOn(kAuditBranch, kOrders, "s"));
  StagedTable staged = Stage(opened, kOrders, "s", "run-1", "2", {world_.Write(kOrders, {2}, "run-1")});
  staged.branch = kAuditBranch;
  const auto first = Must(committer_->Commit({&staged, 1}, {}));
  EXPECT_EQ(Must(world_.MakeCommitter()->Commit({&staged, 1}, {}))[0].snapshot_id, first[0].snapshot_id);
  Must(Publish());
  EXPECT_EQ(Must(world_.MakeCommitter()->Commit({&staged, 1}, {}))[0].snapshot_id, first[0].snapshot_id);
  EXPECT_EQ(world_.Read(kOrders), (Ids{1, 2}));
}

}  // namespace
}  // namespace firn::table
