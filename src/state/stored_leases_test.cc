#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "io/conditional_store.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "state/documents.h"
#include "state/leases.h"

namespace firn::state {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

/// Time moves by Advance alone; whoever sleeps is woken by Tick, once per call, or by its stop token.
class TickClock : public Clock {
 public:
  Timestamp Now() const override { return {.micros = now_.load()}; }
  std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(now_.load()));
  }
  Timestamp LogicalNow() const override { return Now(); }
  Status Sleep(std::chrono::milliseconds, std::stop_token stop) const override {
    std::unique_lock lock(mutex_);
    ++sleeping_;
    changed_.notify_all();
    const bool woken = changed_.wait(lock, stop, [&] { return ticks_ > 0; });
    --sleeping_;
    if (!woken) return MakeError(Fault::kCancelled, "stopped");
    --ticks_;
    return Status::OK();
  }
  void Advance(std::chrono::microseconds duration) { now_ += duration.count(); }
  /// Wakes one sleeper and returns when it sleeps again, or has ended.
  void Tick(bool ends = false) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sleeping_ > 0; });
    ++ticks_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return ticks_ == 0; });
    if (!ends) changed_.wait(lock, [&] { return sleeping_ > 0; });
  }

 private:
  std::atomic<int64_t> now_{1'767'225'600'000'000};
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  mutable int sleeping_ = 0;
  mutable int ticks_ = 0;
};

/// Writes that fail, or whose answer is lost.
class FaultyStore : public io::ConditionalStore {
 public:
  Result<std::optional<Document>> Read(const std::string& location) override {
    if (is_down) return MakeError(Fault::kUnreachable, "down");
    return store_->Read(location);
  }
  Result<std::string> Put(const std::string& location, std::string_view bytes,
                          const std::optional<std::string>& version) override {
    if (is_down) return MakeError(Fault::kUnreachable, "down");
    if (ignores_conditions) {
      ARROW_ASSIGN_OR_RAISE(const auto found, store_->Read(location));
      return store_->Put(location, bytes, found ? std::optional(found->version) : std::nullopt);
    }
    auto put = store_->Put(location, bytes, version);
    if (loses_answer.exchange(false)) return MakeError(Fault::kUnreachable, "reset");
    return put;
  }
  std::atomic<bool> is_down = false;
  std::atomic<bool> ignores_conditions = false;
  std::atomic<bool> loses_answer = false;

 private:
  const std::unique_ptr<io::ConditionalStore> store_ = io::MakeLocalConditionalStore();
};

class StoredLeases : public ::testing::Test {
 protected:
  std::unique_ptr<Leases> Open() {
    return MakeStoredLeases(clock_, documents_, *files_,
                            {.folder = folder_.path(), .lifetime = seconds(60), .margin = seconds(15)});
  }
  std::string Path() const { return folder_.path() + "/" + DocumentName("shop") + ".json"; }

  // As a holder on another machine would have left it.
  void Disown() const {
    std::ifstream in(Path());
    auto json = nlohmann::ordered_json::parse(in);
    json["scope"] = "elsewhere";
    json["host"] = "node-7";
    std::ofstream(Path()) << json.dump();
  }

  TickClock clock_;
  const io::TemporaryFolder folder_;
  const std::unique_ptr<io::FileStore> files_ = io::MakeLocalFileStore();
  FaultyStore documents_;
};

TEST_F(StoredLeases, KeepsASecondRunOutAndSaysWhoHoldsIt) {
  const auto one = Open();
  const auto other = Open();
  auto held = one->Acquire("shop", "run-1");
  ASSERT_TRUE(held.ok()) << held.status();
  const auto second = other->Acquire("shop", "run-2");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(FaultOf(second.status()), Fault::kBusy);
  EXPECT_EQ(ContextOf(second.status())->code, "E0752");
  EXPECT_THAT(second.status().message(), HasSubstr("process " + std::to_string(getpid())));
  EXPECT_THAT(ContextOf(second.status())->why, HasSubstr("run-1"));
  EXPECT_TRUE(other->Acquire("blog", "run-2").ok());
  EXPECT_EQ(other->Find("shop").ValueOrDie()->run_id, "run-1");
  EXPECT_THAT(*other->RunsAtWork().ValueOrDie(), ::testing::ElementsAre("run-1"));
  held->reset();
  EXPECT_FALSE(other->Find("shop").ValueOrDie().has_value());
  EXPECT_TRUE(other->Acquire("shop", "run-2").ok());
}

TEST_F(StoredLeases, ADeadHolderElsewhereIsWaitedForUntilItsPromiseAndTheMargin) {
  const auto leases = Open();
  const auto held = leases->Acquire("shop", "run-1");
  ASSERT_TRUE(held.ok());
  Disown();
  clock_.Advance(seconds(74));
  EXPECT_EQ(FaultOf(Open()->Acquire("shop", "run-2").status()), Fault::kBusy);
  clock_.Advance(seconds(2));
  EXPECT_TRUE(Open()->Acquire("shop", "run-2").ok());
}

TEST_F(StoredLeases, IsRenewedAndThenHoldsLonger) {
  const auto leases = Open();
  const auto held = leases->Acquire("shop", "run-1");
  ASSERT_TRUE(held.ok());
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(seconds(20));
    clock_.Tick();
  }
  EXPECT_TRUE((*held)->Check().ok());
  EXPECT_TRUE(leases->Check().ok());
  EXPECT_EQ(FaultOf(Open()->Acquire("shop", "run-2").status()), Fault::kBusy);
}

TEST_F(StoredLeases, IsLostWhenItCannotBeRenewedInTime) {
  const auto leases = Open();
  const auto held = leases->Acquire("shop", "run-1");
  ASSERT_TRUE(held.ok());
  documents_.is_down = true;
  clock_.Advance(seconds(59));
  clock_.Tick();
  EXPECT_TRUE(leases->Check().ok());
  clock_.Advance(seconds(1));
  const Status lost = leases->Check();
  EXPECT_EQ(FaultOf(lost), Fault::kBusy);
  EXPECT_EQ(ContextOf(lost)->code, "E0755");
  documents_.is_down = false;
}

TEST_F(StoredLeases, ARenewalWhoseAnswerIsLostIsRecognised) {
  const auto leases = Open();
  const auto held = leases->Acquire("shop", "run-1");
  ASSERT_TRUE(held.ok());
  documents_.loses_answer = true;
  clock_.Advance(seconds(20));
  clock_.Tick();
  clock_.Advance(seconds(50));
  EXPECT_TRUE(leases->Check().ok());
  clock_.Tick();
  EXPECT_TRUE(leases->Check().ok());
}

TEST_F(StoredLeases, WhoWasUnlockedStopsAndDoesNotGiveBackWhatIsAnothers) {
  const auto leases = Open();
  auto held = leases->Acquire("shop", "run-1");
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(Open()->Unlock("shop").ValueOrDie()->run_id, "run-1");
  const auto other = Open();
  const auto second = other->Acquire("shop", "run-2");
  ASSERT_TRUE(second.ok()) << second.status();
  clock_.Tick(/*ends=*/false);
  clock_.Advance(seconds(30));
  held->reset();
  EXPECT_EQ(other->Find("shop").ValueOrDie()->run_id, "run-2");
  EXPECT_TRUE(other->Check().ok());
}

TEST_F(StoredLeases, AStoreThatIgnoresConditionsIsRefused) {
  documents_.ignores_conditions = true;
  const auto held = Open()->Acquire("shop", "run-1");
  ASSERT_FALSE(held.ok());
  EXPECT_EQ(ContextOf(held.status())->code, "E0756");
}

TEST_F(StoredLeases, ADocumentOfANewerFirnIsRefusedAndADamagedOneIsReplaced) {
  std::ofstream(Path()) << "{\"version\": 9}";
  EXPECT_EQ(ContextOf(Open()->Acquire("shop", "run-1").status())->code, "E0753");
  std::ofstream(Path()) << "{\"vers";
  EXPECT_TRUE(Open()->Acquire("shop", "run-1").ok());
}

}  // namespace
}  // namespace firn::state
