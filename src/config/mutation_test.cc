#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "config/project.h"

namespace firn::config {
namespace {

namespace fs = std::filesystem;

uint64_t Seed() {
  const char* given = std::getenv("FIRN_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

std::vector<std::string> Corpus() {
  std::vector<std::string> corpus;
  for (const auto& entry : fs::directory_iterator(fs::path(__FILE__).parent_path() / "testdata")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    if (out.str().size() < 4'000) corpus.push_back(out.str());
  }
  return corpus;
}

std::string Mutated(std::string text, const std::vector<std::string>& corpus, std::mt19937_64* random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : static_cast<size_t>((*random)() % n); };
  static const std::vector<std::string> kPieces = {"${env:X}",
                                                   "${",
                                                   "{{",
                                                   "}}",
                                                   "*a",
                                                   "&a ",
                                                   "null",
                                                   "[",
                                                   "]",
                                                   "{",
                                                   "}",
                                                   "\t",
                                                   "\n",
                                                   ": ",
                                                   "- ",
                                                   "\"",
                                                   "'",
                                                   "|\n",
                                                   "\xff",
                                                   std::string(1, '\0'),
                                                   "9999999999999999999",
                                                   "-1",
                                                   "type: oauth2",
                                                   "!!str ",
                                                   "\xE2\x80\xA8",
                                                   "#",
                                                   "?",
                                                   "<<: ",
                                                   "$$",
                                                   "merge"};
  for (size_t edits = 1 + below(6); edits > 0; --edits) {
    const size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0:
        text.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 1:
        text.erase(at, 1 + below(12));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>((*random)());
        break;
      case 3: {
        const std::string& other = corpus[below(corpus.size())];
        const size_t from = below(other.size());
        text.insert(at, other.substr(from, below(200)));
        break;
      }
      default: {
        const size_t from = below(text.size());
        text.insert(at, text.substr(from, below(60)));
      }
    }
  }
  return text;
}

void LoadMutatedInputs(uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::vector<std::string> corpus = Corpus();
  ASSERT_GT(corpus.size(), 60U);
  for (int i = 0; i < 4'000; ++i) {
    LoadOptions options{.config = "-", .working_folder = "/nonexistent"};
    options.env = {{"X", "value"}};
    options.stdin_text = Mutated(corpus[random() % corpus.size()], corpus, &random);
    Diagnostics diagnostics;
    const auto project = LoadProject(options, &diagnostics);
    ASSERT_EQ(project.ok(), !diagnostics.has_errors()) << "input " << i << ":\n" << options.stdin_text;
    Render(diagnostics, {.format = DiagnosticFormat::kSarif});
    ASSERT_EQ(Render(diagnostics).empty(), project.ok() && diagnostics.num_warnings() == 0);
    if (project.ok()) ShowConfig(*project, {.resolved = true, .why = true});
  }
}

// In a process of its own: a mutated secret, "${en", would be hidden in what later tests of this one print.
TEST(Mutation, NoInputCrashesTheLoader) {
  const uint64_t seed = Seed();
  std::printf("FIRN_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    LoadMutatedInputs(seed);
    std::fflush(stdout);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "what the loader did not bear is above";
}

}  // namespace
}  // namespace firn::config
