#include "state/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/temporary_folder.h"

namespace firn::state {
namespace {

using ::testing::HasSubstr;

std::string Folder(const char* name) {
  static const io::TemporaryFolder root;
  return root.path() + "/" + name;
}

TEST(Lease, KeepsASecondRunOutAndSaysWhoHoldsIt) {
  const FakeClock clock;
  const std::string folder = Folder("second");
  const auto first = Lease::Acquire(clock, folder, "shop", "run-1");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Lease::Acquire(clock, folder, "shop", "run-2");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(FaultOf(second.status()), Fault::kBusy);
  EXPECT_THAT(second.status().message(), HasSubstr("process " + std::to_string(getpid())));
  EXPECT_THAT(second.status().message(), HasSubstr("since 2026-01-01T00:00:00Z"));
  EXPECT_EQ(ContextOf(second.status())->why, "run run-1");
  EXPECT_TRUE(Lease::Acquire(clock, folder, "other", "run-3").ok());
}

TEST(Lease, NamesThatLookAlikeInAFileNameAreDistinct) {
  const FakeClock clock;
  const std::string folder = Folder("names");
  const auto first = Lease::Acquire(clock, folder, "a/b", "1");
  const auto second = Lease::Acquire(clock, folder, "a_b", "2");
  EXPECT_TRUE(first.ok() && second.ok());
}

TEST(Lease, ShowsItsHolderWithoutTakingIt) {
  const FakeClock clock;
  const std::string folder = Folder("holder");
  EXPECT_FALSE(FindHolder(folder, "shop").ValueOrDie().has_value());
  {
    const auto lease = Lease::Acquire(clock, folder, "shop", "run-1");
    const auto holder = FindHolder(folder, "shop").ValueOrDie();
    ASSERT_TRUE(holder.has_value());
    EXPECT_EQ(holder->process_id, getpid());
    EXPECT_EQ(holder->run_id, "run-1");
  }
  EXPECT_FALSE(FindHolder(folder, "shop").ValueOrDie().has_value());
}

TEST(Lease, IsVoidAtOnceWhenItsHolderIsKilled) {
  const FakeClock clock;
  const std::string folder = Folder("killed");
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lease = Lease::Acquire(clock, folder, "shop", "run-1");
    static_cast<void>(!write(ready[1], lease.ok() ? "y" : "n", 1));
    pause();
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_FALSE(Lease::Acquire(clock, folder, "shop", "run-2").ok());
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(Lease::Acquire(clock, folder, "shop", "run-2").ok());
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace firn::state
