#include "io/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/mail.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

using ::testing::HasSubstr;

class ChildProcess : public testing::Test {
 protected:
  Result<ChildOutcome> Run(std::vector<std::string> argv, std::string input = "", int64_t deadline_ms = 60'000) {
    return RunChild({.argv = std::move(argv),
                     .folder = folder_.path(),
                     .input = std::move(input),
                     .deadline = std::chrono::milliseconds(deadline_ms)},
                    *clock_);
  }

  const io::TemporaryFolder folder_;
  const std::unique_ptr<Clock> clock_ = MakeSystemClock().ValueOrDie();
};

TEST_F(ChildProcess, GetsItsInputAndRunsInTheFolder) {
  const auto outcome = Run({"sh", "-c", "pwd; cat; echo bad >&2; exit 7"}, "event\n").ValueOrDie();
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_EQ(outcome.output, folder_.path() + "\nevent\nbad\n");
}

TEST_F(ChildProcess, ArgumentsArePassedAsTheyAre) {
  EXPECT_EQ(Run({"printf", "%s|", "a b", "$HOME", "*"}).ValueOrDie().output, "a b|$HOME|*|");
}

TEST_F(ChildProcess, NeitherInputThatIsNotReadNorEndlessOutputBlocks) {
  EXPECT_EQ(Run({"true"}, std::string(4 << 20, 'x')).ValueOrDie().exit_code, 0);
  const auto loud = Run({"head", "-c", "3000000", "/dev/zero"}).ValueOrDie();
  EXPECT_EQ(loud.output.size(), kChildOutputBytesMax);
}

TEST_F(ChildProcess, IsKilledWithItsChildrenAtTheDeadline) {
  const auto outcome = Run({"sh", "-c", "sleep 1000 & echo $! > child; wait"}, "", 300);
  EXPECT_EQ(FaultOf(outcome.status()), Fault::kTransient);
  EXPECT_THAT(outcome.status().message(), HasSubstr("within 300 ms"));
  // Soon gone, or a zombie that init has yet to collect.
  const auto gone =
      Run({"sh", "-c", "while grep -qs '^State:.[RSD]' /proc/$(cat child)/status; do :; done"}).ValueOrDie();
  EXPECT_EQ(gone.exit_code, 0);
}

TEST_F(ChildProcess, SaysWhyItCannotBeStarted) {
  EXPECT_EQ(FaultOf(Run({"./nobody"}).status()), Fault::kConfig);
  EXPECT_EQ(Run({"sh", "-c", "kill -9 $$"}).ValueOrDie().exit_code, 137);
}

TEST(Mail, HeadersAreOneLineEachAndTheBodyIsBase64) {
  const std::string text =
      RenderMail({.from = "a@b", .to = {"c@d", "e@f"}, .subject = "x\r\nBcc: z@z \xC3\xA4", .text = "hi", .id = "1.2"},
                 {.micros = 0});
  EXPECT_THAT(text, HasSubstr("\r\nTo: <c@d>,\r\n <e@f>\r\nSubject: x  Bcc: z@z ?\r\n"));
  EXPECT_THAT(text, HasSubstr("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"));
  EXPECT_TRUE(text.ends_with("\r\n\r\naGk=\r\n")) << text;
}

}  // namespace
}  // namespace firn::io
