#include "base/task_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace firn {
namespace {

Status UntilStopped(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, stop, [] { return false; });
  return MakeError(Fault::kCancelled, "stopped");
}

TEST(TaskGroup, FirstErrorStopsTheRestAndIsReported) {
  TaskGroup group;
  group.Spawn(UntilStopped);
  group.Spawn(UntilStopped);
  group.Spawn([](std::stop_token) { return MakeError(Fault::kAuth, "denied"); });
  const Status status = group.Join();
  EXPECT_EQ(FaultOf(status), Fault::kAuth);
  EXPECT_EQ(status.message(), "denied");
}

TEST(TaskGroup, JoinIsOkOnlyIfAllAreOk) {
  TaskGroup group;
  std::atomic<int> done{0};
  for (int i = 0; i < 8; ++i) {
    group.Spawn([&, owned = std::make_unique<int>(i)](std::stop_token) {
      done += *owned >= 0 ? 1 : 0;
      return Status::OK();
    });
  }
  EXPECT_TRUE(group.Join().ok());
  EXPECT_EQ(done, 8);
}

TEST(TaskGroup, DestructorStopsThenJoins) {
  std::atomic<bool> ended{false};
  {
    TaskGroup group;
    group.Spawn([&](std::stop_token stop) {
      const Status status = UntilStopped(stop);
      ended = true;
      return status;
    });
  }
  EXPECT_TRUE(ended);
}

TEST(TaskGroup, ParentStopReachesTasks) {
  std::stop_source parent;
  TaskGroup group(parent.get_token());
  group.Spawn(UntilStopped);
  parent.request_stop();
  EXPECT_EQ(FaultOf(group.Join()), Fault::kCancelled);
}

TEST(TaskGroup, ARealErrorWinsOverCancelled) {
  TaskGroup group;
  group.Spawn([](std::stop_token stop) {
    static_cast<void>(UntilStopped(stop));
    return MakeError(Fault::kBug, "broke while stopping");
  });
  group.Spawn([](std::stop_token) { return MakeError(Fault::kCancelled, "stopped"); });
  EXPECT_EQ(FaultOf(group.Join()), Fault::kBug);
}

TEST(TaskGroup, WhatATaskThrowsIsABug) {
  TaskGroup group;
  group.Spawn([](std::stop_token) -> Status { throw std::runtime_error("boom"); });
  const Status status = group.Join();
  EXPECT_EQ(FaultOf(status), Fault::kBug);
  EXPECT_NE(status.message().find("boom"), std::string::npos);
}

TEST(TaskGroup, TasksMaySpawnTasks) {
  TaskGroup group;
  std::atomic<int> done{0};
  group.Spawn([&](std::stop_token) {
    group.Spawn([&](std::stop_token) {
      ++done;
      return Status::OK();
    });
    return Status::OK();
  });
  EXPECT_TRUE(group.Join().ok());
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace firn
