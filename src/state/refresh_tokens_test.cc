#include "state/refresh_tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/redactor.h"
#include "io/temporary_folder.h"

namespace firn::state {
namespace {

using std::chrono::milliseconds;

class RefreshTokensTest : public ::testing::Test {
 protected:
  mode_t ModeOf(const std::string& path) const {
    struct stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 0777;
  }
  io::TemporaryFolder folder_;
  FakeClock clock_;
  const std::string path_ = folder_.path() + "/state/secrets";
  const RefreshTokens tokens_{path_, clock_};
};

TEST_F(RefreshTokensTest, ReadingCreatesNothing) {
  EXPECT_EQ(tokens_.Load("a", "configured").ValueOrDie(), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(RefreshTokensTest, KeepsTheNewestForItsOwnerAlone) {
  ASSERT_TRUE(tokens_.Keep("a", "configured", "first-refresh-token").ok());
  ASSERT_TRUE(tokens_.Keep("a", "configured", "second-refresh-token").ok());
  ASSERT_TRUE(tokens_.Keep("b", "configured", "other-refresh-token").ok());
  EXPECT_EQ(RefreshTokens(path_, clock_).Load("a", "configured").ValueOrDie(), "second-refresh-token");
  EXPECT_EQ(ModeOf(tokens_.PathOf("a")), 0600U);
  EXPECT_EQ(ModeOf(path_), 0700U);
  EXPECT_FALSE(std::filesystem::exists(tokens_.PathOf("a") + ".new"));
  EXPECT_EQ(ProcessRedactor().Redact("x second-refresh-token"), "x ***");
}

TEST_F(RefreshTokensTest, OneProcessAtATimeExchanges) {
  const auto held = tokens_.Take("a", milliseconds(0), {});
  ASSERT_TRUE(held.ok()) << held.status();
  const auto busy = tokens_.Take("a", milliseconds(500), {});
  ASSERT_FALSE(busy.ok());
  EXPECT_EQ(FaultOf(busy.status()), Fault::kBusy);
  EXPECT_TRUE(tokens_.Take("b", milliseconds(0), {}).ok());
}

TEST_F(RefreshTokensTest, ElsewhereTheyAreEncryptedUnderTheConfiguredSecret) {
  const auto documents = io::MakeLocalConditionalStore();
  const SecretDocuments elsewhere(*documents, path_ + "-elsewhere");
  const RefreshTokens tokens(path_, clock_, &elsewhere, nullptr);
  EXPECT_EQ(tokens.Load("a", "configured").ValueOrDie(), std::nullopt);
  ASSERT_TRUE(tokens.Keep("a", "configured", "first-refresh-token").ok());
  ASSERT_TRUE(tokens.Keep("a", "configured", "second-refresh-token").ok());
  EXPECT_EQ(RefreshTokens(path_, clock_, &elsewhere, nullptr).Load("a", "configured").ValueOrDie(),
            "second-refresh-token");
  EXPECT_EQ(tokens.Load("a", "another").ValueOrDie(), std::nullopt);
  std::ifstream file(tokens.PathOf("a"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text.find("refresh-token"), std::string::npos);
  EXPECT_NE(text.find("AES-256-GCM"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_ + "/a.token"));
}

}  // namespace
}  // namespace firn::state
