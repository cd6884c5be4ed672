#include "io/process_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "io/temporary_folder.h"

namespace firn::io {
namespace {

TEST(ProcessLock, SecondHolderIsTurnedAwayWithThePid) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/lock";
  auto first = ProcessLock::Acquire(path).ValueOrDie();
  const Status status = ProcessLock::Acquire(path).status();
  EXPECT_EQ(FaultOf(status), Fault::kBusy);
  EXPECT_NE(status.message().find("process " + std::to_string(::getpid())), std::string::npos) << status;
  first.Release();
  EXPECT_TRUE(ProcessLock::Acquire(path).ok());
}

TEST(ProcessLock, IsVoidAtOnceWhenItsHolderIsKilled) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/lock";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto lock = ProcessLock::Acquire(path);
    static_cast<void>(!::write(ready[1], lock.ok() ? "1" : "0", 1));
    for (;;) ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, '1');
  const Status busy = ProcessLock::Acquire(path).status();
  EXPECT_NE(busy.message().find("process " + std::to_string(child)), std::string::npos) << busy;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(ProcessLock::Acquire(path).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(ProcessLock, MissingFolderIsAnErrorOfTheUser) {
  EXPECT_EQ(FaultOf(ProcessLock::Acquire("/nonexistent/lock").status()), Fault::kConfig);
}

}  // namespace
}  // namespace firn::io
