#include "config/connector_page.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/connector_library.h"
#include "config/project.h"

namespace firn::config {
namespace {

namespace fs = std::filesystem;

ConnectorFile Read(const BuiltinConnector& known) {
  Diagnostics diagnostics;
  const auto file = FindConnector(std::string(known.name), "");
  EXPECT_TRUE(file.ok());
  auto connector = ReadConnector(*file, &diagnostics);
  EXPECT_TRUE(connector) << Render(diagnostics);
  return connector ? *std::move(connector) : ConnectorFile();
}

TEST(ConnectorLibrary, EachFileIsNamedAsItIsCalledAndWhatInitWritesOfItIsAProjectWithoutSecrets) {
  ASSERT_FALSE(BuiltinConnectors().empty());
  for (const BuiltinConnector& known : BuiltinConnectors()) {
    const ConnectorFile connector = Read(known);
    EXPECT_EQ(connector.name, known.name);
    EXPECT_FALSE(connector.doc.empty()) << known.name;
    const LoadOptions options{
        .config = "-", .working_folder = "/project", .stdin_text = ProjectOf(connector).yaml, .resolve_secrets = false};
    Diagnostics diagnostics;
    const auto project = LoadProject(options, &diagnostics);
    ASSERT_TRUE(project.ok()) << Render(diagnostics);
    EXPECT_EQ(Render(diagnostics), "");
    EXPECT_EQ(project->pipelines[0].tables.size(), connector.tables.entries.size());
  }
}

TEST(ConnectorLibrary, EachRequiredSettingHasAnExampleAndSecretsAreVariables) {
  for (const BuiltinConnector& known : BuiltinConnectors()) {
    for (const ConnectorSetting& setting : Read(known).settings) {
      EXPECT_EQ(setting.required, !setting.example.empty()) << known.name << "." << setting.name;
      EXPECT_TRUE(!setting.secret || setting.example.starts_with("${env:")) << known.name << "." << setting.name;
    }
  }
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(ConnectorLibrary, TheCommittedPagesAreCurrentAndListed) {
  const fs::path folder = fs::path(__FILE__).parent_path().parent_path().parent_path() / "docs" / "connectors";
  const std::string list = ReadAll(folder / "README.md");
  for (const BuiltinConnector& known : BuiltinConnectors()) {
    const ConnectorFile connector = Read(known);
    const std::string link = "[" + connector.title + "](" + connector.name + ".md)";
    EXPECT_NE(list.find(link), std::string::npos) << link;
    const fs::path page = folder / (connector.name + ".md");
    const std::string rendered = RenderConnectorPage(connector);
    if (std::getenv("FIRN_UPDATE_GOLDEN") != nullptr) std::ofstream(page, std::ios::binary) << rendered;
    EXPECT_EQ(ReadAll(page), rendered) << page << ": run with FIRN_UPDATE_GOLDEN=1";
  }
}

}  // namespace
}  // namespace firn::config
