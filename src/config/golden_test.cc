#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/explain.h"
#include "config/project.h"

/// testdata/NAME.yaml is loaded as a project; NAME.expected holds its findings, and if there are no errors the resolved
/// project. Lines "#: env NAME=value", "#: environment NAME" and "#: set path=value" at the top of the file set the
/// scene. FIRN_UPDATE_GOLDEN=1 rewrites the expectations.
namespace firn::config {
namespace {

namespace fs = std::filesystem;

fs::path DataFolder() {
  return fs::path(__FILE__).parent_path() / "testdata";
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// As a connector would that needs a `token`, a whole number of `page_size`, and knows `region`.
std::vector<SettingProblem> CheckShopSettings(const std::string& config_json) {
  using Kind = SettingProblem::Kind;
  std::vector<SettingProblem> problems;
  const auto has = [&](const std::string& text) { return config_json.find(text) != std::string::npos; };
  if (!has("\"token\"")) problems.push_back({.kind = Kind::kMissing, .path = {}, .what = "token", .help = ""});
  if (has("\"page_size\":\"")) {
    problems.push_back(
        {.kind = Kind::kUnfit, .path = {"page_size"}, .what = "is text, and must be an integer", .help = ""});
  }
  if (has("\"stores\":[\"a\"")) {
    problems.push_back(
        {.kind = Kind::kUnfit, .path = {"stores", "0"}, .what = "must be one of `north`, `south`", .help = ""});
  }
  if (has("\"regoin\"")) {
    problems.push_back({.kind = Kind::kDoubtful,
                        .path = {"regoin"},
                        .what = "is no setting of the connector",
                        .help = "did you mean `region`?"});
  }
  return problems;
}

LoadOptions SceneOf(const std::string& text) {
  LoadOptions options{.config = "-", .working_folder = "/project", .stdin_text = text};
  options.connector_declaration = [](const std::string& path) -> Result<ConnectorDeclaration> {
    if (path != "/project/shop/manifest.yaml") return MakeError(Fault::kConfig, "there is no manifest at " + path);
    return ConnectorDeclaration{.streams = {{.name = "orders", .primary_key = {"id"}, .why_not = ""},
                                            {.name = "All stores", .primary_key = {}, .why_not = ""},
                                            {.name = "reports", .primary_key = {}, .why_not = "it needs Python"}},
                                .names_all = true,
                                .check_settings = CheckShopSettings};
  };
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && line.starts_with("#: ");) {
    const size_t space = line.find(' ', 3);
    const std::string verb = line.substr(3, space - 3);
    const std::string rest = line.substr(space + 1);
    const size_t equals = rest.find('=');
    if (verb == "env") options.env[rest.substr(0, equals)] = rest.substr(equals + 1);
    if (verb == "environment") options.environment = rest;
    if (verb == "set") options.overrides.push_back({rest.substr(0, equals), rest.substr(equals + 1), "--set"});
  }
  return options;
}

std::string Outcome(const std::string& text) {
  Diagnostics diagnostics;
  const auto project = LoadProject(SceneOf(text), &diagnostics);
  EXPECT_EQ(project.ok(), !diagnostics.has_errors());
  std::string outcome = Render(diagnostics);
  if (project.ok()) outcome += "--- resolved\n" + ShowConfig(*project, {.resolved = true, .why = true});
  return outcome;
}

std::vector<fs::path> Cases() {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(DataFolder())) {
    if (entry.path().extension() == ".yaml") cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, HasExactlyTheExpectedOutcome) {
  fs::path expected = GetParam();
  expected.replace_extension(".expected");
  const std::string outcome = Outcome(ReadAll(GetParam()));
  if (std::getenv("FIRN_UPDATE_GOLDEN") != nullptr) std::ofstream(expected, std::ios::binary) << outcome;
  EXPECT_EQ(outcome, ReadAll(expected)) << "run with FIRN_UPDATE_GOLDEN=1 if this is meant";
}

INSTANTIATE_TEST_SUITE_P(Testdata, Golden, testing::ValuesIn(Cases()), [](const auto& param) {
  std::string name = param.param.stem().string();
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

TEST(GoldenData, CoversEveryCodeThatCanBeSeenWithoutFiles) {
  // These need files around the project; project_test.cc, connector_layer_test.cc and
  // steps_workflow_test.cc have them.
  std::set<std::string> missing = {"E0104", "E0110", "E0111", "E0306", "E0511",
                                   "E0512", "E0531", "E0532", "E0533", "E0538"};
  std::string all;
  for (const fs::path& path : Cases()) all += Outcome(ReadAll(path));
  for (const Explanation& entry : Explanations()) {
    if (missing.contains(std::string(entry.code))) continue;
    EXPECT_NE(all.find("[" + std::string(entry.code) + "]"), std::string::npos) << entry.code << " has no golden case";
  }
}

TEST(Explain, HasEveryCodeThatTheSourcesUse) {
  std::set<std::string> used;
  for (const auto& entry : fs::directory_iterator(fs::path(__FILE__).parent_path())) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".cc") || name == "explain.cc" || name.ends_with("_test.cc")) continue;
    const std::string text = ReadAll(entry.path());
    for (size_t at = text.find("\"E0"); at != std::string::npos; at = text.find("\"E0", at + 1)) {
      if (text.compare(at + 6, 1, "\"") == 0) used.insert(text.substr(at + 1, 5));
    }
  }
  EXPECT_GT(used.size(), 40U);
  for (const std::string& code : used) EXPECT_NE(FindExplanation(code), nullptr) << code;
  for (const Explanation& entry : Explanations()) {
    EXPECT_TRUE(used.contains(std::string(entry.code))) << entry.code << " is explained and never used";
  }
}

}  // namespace
}  // namespace firn::config
