#include "io/child_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/temporary_folder.h"

namespace firn::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChildStreamTest : public testing::Test {
 protected:
  ChildStreamOptions Script(const std::string& script) {
    return {.argv = {"sh", "-c", script},
            .folder = folder_.path(),
            .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "OWN=own"},
            .on_error_line = [this](std::string_view line) { errors_.emplace_back(line); }};
  }

  // All that it prints, or the error.
  Result<std::string> ReadAll(ChildStreamOptions options, std::stop_token stop = {}) {
    ARROW_ASSIGN_OR_RAISE(const auto stream, ChildStream::Start(std::move(options), *clock_));
    std::string all;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto lines, stream->Next(stop));
      if (!lines) return all;
      blocks_.push_back(lines->size());
      all += *lines;
    }
  }

  const io::TemporaryFolder folder_;
  const std::unique_ptr<Clock> clock_ = MakeSystemClock().ValueOrDie();
  std::vector<std::string> errors_;
  std::vector<size_t> blocks_;
};

TEST_F(ChildStreamTest, GivesLinesOfStdoutAndHandsOverThoseOfStderr) {
  ChildStreamOptions options = Script("pwd; cat; echo one >&2; echo two >&2; printf last");
  options.input = "in\n";
  EXPECT_EQ(ReadAll(options).ValueOrDie(), folder_.path() + "\nin\nlast");
  EXPECT_THAT(errors_, ElementsAre("one", "two"));
}

TEST_F(ChildStreamTest, SeesOnlyItsEnvironmentAndFiles) {
  setenv("FIRN_TEST_SECRET", "not-for-children", 1);
  ChildStreamOptions options = Script("env | grep -v ^PWD= | sort; cat {config} {config}; cat {state}; echo {config}");
  options.files = {{"{config}", "secret\n"}, {"{state}", std::string(200'000, 's') + "\n"}};
  const std::string printed = ReadAll(options).ValueOrDie();
  EXPECT_THAT(printed, HasSubstr("OWN=own\n"));
  EXPECT_EQ(printed.find("not-for-children"), std::string::npos);
  EXPECT_THAT(printed, HasSubstr("secret\nsecret\n" + std::string(200'000, 's') + "\n/dev/fd/3\n"));
  unsetenv("FIRN_TEST_SECRET");
}

TEST_F(ChildStreamTest, MuchOutputComesInBlocksOfWholeLines) {
  ChildStreamOptions options = Script("seq 1 400000");
  options.block_bytes = 64 << 10;
  const std::string printed = ReadAll(options).ValueOrDie();
  EXPECT_TRUE(printed.starts_with("1\n2\n") && printed.ends_with("\n400000\n"));
  EXPECT_GT(blocks_.size(), 5u);
  EXPECT_LT(*std::max_element(blocks_.begin(), blocks_.end()), size_t{256} << 10);
}

TEST_F(ChildStreamTest, AnEndThatIsNoSuccessIsAnErrorAfterTheRows) {
  auto stream = ChildStream::Start(Script("echo row; echo 'it broke' >&2; exit 3"), *clock_).ValueOrDie();
  EXPECT_EQ(**stream->Next({}), "row\n");
  const Status error = stream->Next({}).status();
  EXPECT_EQ(FaultOf(error), Fault::kTransient);
  EXPECT_THAT(error.message(), HasSubstr("exit code 3"));
  EXPECT_EQ(ContextOf(error)->why, "it broke");
  EXPECT_THAT(ReadAll(Script("kill -9 $$")).status().message(), HasSubstr("signal 9"));
}

TEST_F(ChildStreamTest, IsKilledWithAllItStarted) {
  ChildStreamOptions quiet = Script("sleep 1000 & echo $! > child; wait");
  quiet.idle = std::chrono::milliseconds(2'000);
  EXPECT_THAT(ReadAll(quiet).status().message(), HasSubstr("printed nothing for 2 s"));
  // Soon gone, or a zombie that nobody has waited for yet.
  EXPECT_EQ(ReadAll(Script("while grep -qs '^State:.[RSD]' /proc/$(cat child)/status; do :; done")).ValueOrDie(), "");

  ChildStreamOptions endless = Script("while true; do echo row; done");
  endless.total = std::chrono::milliseconds(300);
  EXPECT_THAT(ReadAll(endless).status().message(), HasSubstr("did not end within 300 ms"));
}

TEST_F(ChildStreamTest, StderrOfWhatItLeftBehindIsNotWaitedFor) {
  EXPECT_EQ(ReadAll(Script("sleep 1000 >/dev/null & echo row")).ValueOrDie(), "row\n");
}

TEST_F(ChildStreamTest, AnEndlessLineIsRefused) {
  ChildStreamOptions options = Script("head -c 5000000 /dev/zero");
  options.line_bytes_max = 1 << 20;
  EXPECT_EQ(FaultOf(ReadAll(options).status()), Fault::kBadData);
}

TEST_F(ChildStreamTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(FaultOf(ReadAll(Script("sleep 1000"), stop.get_token()).status()), Fault::kCancelled);
}

TEST_F(ChildStreamTest, AProgramThatIsNotThereIsNamed) {
  const Status error = ReadAll({.argv = {"/no/such/program"}, .folder = folder_.path()}).status();
  EXPECT_EQ(FaultOf(error), Fault::kConfig);
  EXPECT_THAT(error.message(), HasSubstr("/no/such/program"));
}

}  // namespace
}  // namespace firn::io
