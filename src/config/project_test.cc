#include "config/project.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/redactor.h"
#include "config/file_text.h"

namespace firn::config {
namespace {

LoadOptions FromText(std::string text) {
  LoadOptions options{.config = "-", .working_folder = "/srv"};
  options.stdin_text = std::move(text);
  return options;
}

constexpr char kShop[] = R"yaml(version: 1
lake: {warehouse: ./lake}
pipelines:
  shop:
    source:
      type: rest
      base_url: https://api.shop.example/
      auth: {type: bearer, token: "${env:SHOP_TOKEN}"}
    schedule: every 15m
    tables:
      orders:
        path: /v1/orders
        records: data.items
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        incremental: {cursor: updated_at, param: since, format: iso, lookback: 1h, start: 2024-01-01}
        write_disposition: merge
        delete_when: "{{ record.deleted }}"
        partition_by: [day(created_at)]
        columns: {total: {type: "decimal(12,2)"
}
, email : {
pii:
  email, mask_on_write : sha256
}
}
      order_items:
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        include: {order_id: parent.id}
        primary_key: [order_id, line]
        replace_children: true
environments:
  dev: {lake: {warehouse: ./dev-lake}, dataset_prefix: "dev_${env:USER}_", limits: {max_rows: 1000}, schedule: off}
)yaml";

TEST(Project, LoadsTheDesignExample) {
  LoadOptions options = FromText(kShop);
  options.env = {{"SHOP_TOKEN", "canary-token-1"}, {"USER", "ann"}};
  Diagnostics diagnostics;
  const auto project = LoadProject(options, &diagnostics);
  ASSERT_TRUE(project.ok()) << Render(diagnostics);
  EXPECT_EQ(diagnostics.num_errors(), 0u);
  EXPECT_EQ(diagnostics.num_warnings(), 0u) << Render(diagnostics);
  const PipelineConfig& shop = *project->FindPipeline("shop");
  EXPECT_EQ(shop.dataset, "shop");
  EXPECT_EQ(shop.schedule.every_ms, 900'000);
  const auto& rest = std::get<RestSourceConfig>(shop.source);
  EXPECT_EQ(rest.base_url, "https://api.shop.example");
  EXPECT_EQ(std::get<BearerAuth>(rest.auth).token, "canary-token-1");
  const TableConfig& orders = *shop.FindTable("orders");
  EXPECT_EQ(orders.incremental->lookback_ms, 3'600'000);
  EXPECT_EQ(orders.columns[0].type, "decimal(12, 2)");
  EXPECT_EQ(ToString(orders.partition_by[0]), "day(created_at)");
  EXPECT_EQ(orders.raw.mode, RawConfig::Mode::kArchive);
  EXPECT_EQ(orders.raw.location, "/srv/lake-raw");
  EXPECT_EQ(project->WhereIs("pipelines.shop.tables.orders.records"), "<stdin>:13:18");
  const std::string shown = ShowConfig(*project, {.resolved = true, .why = true});
  EXPECT_EQ(shown.find("canary-token-1"), std::string::npos);
  EXPECT_NE(shown.find("write_disposition: merge  # <stdin>:17:28"), std::string::npos) << shown;
}

namespace fs = std::filesystem;

/// A project folder that removes itself.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "firn-config-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  LoadOptions In(const std::string& folder = "") const {
    LoadOptions options;
    options.working_folder = (path_ / folder).string();
    return options;
  }

 private:
  fs::path path_;
};

std::string FindingsOf(const LoadOptions& options) {
  Diagnostics diagnostics;
  LoadProject(options, &diagnostics).status().ok();
  return Render(diagnostics);
}

constexpr char kTwoLines[] =
    "pipelines:\n  shop: {source: {type: rest, base_url: https://a.example}, tables: {orders: {}}}\n";

TEST(Discovery, WithoutProjectTheLakeIsInTheWorkingFolder) {
  Folder folder;
  fs::create_directory(folder.path() / ".git");
  Diagnostics diagnostics;
  const auto project = LoadProject(folder.In(), &diagnostics);
  ASSERT_TRUE(project.ok()) << Render(diagnostics);
  EXPECT_TRUE(project->files.empty());
  EXPECT_EQ(project->lake.warehouse, (folder.path() / "lake").string());
  EXPECT_EQ(project->lake.catalog.path, (folder.path() / "lake/catalog.db").string());
}

TEST(Discovery, GoesUpToTheRootOfTheRepository) {
  Folder folder;
  folder.Write("firn.yaml", kTwoLines);
  fs::create_directories(folder.path() / "a/b");
  Diagnostics diagnostics;
  const auto found = LoadProject(folder.In("a/b"), &diagnostics);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->files, std::vector<std::string>{"../../firn.yaml"});
  EXPECT_EQ(found->folder, folder.path().string());
  fs::create_directory(folder.path() / "a/.git");
  EXPECT_TRUE(LoadProject(folder.In("a/b"), &diagnostics)->files.empty());
}

TEST(Discovery, FlagWinsOverVariable) {
  Folder folder;
  folder.Write("one.yaml", "lake: {warehouse: ./one}\n");
  folder.Write("two.yaml", "lake: {warehouse: ./two}\n");
  LoadOptions options = folder.In();
  options.env["FIRN_CONFIG"] = "one.yaml";
  Diagnostics diagnostics;
  EXPECT_TRUE(LoadProject(options, &diagnostics)->lake.warehouse.ends_with("/one"));
  options.config = "two.yaml";
  EXPECT_TRUE(LoadProject(options, &diagnostics)->lake.warehouse.ends_with("/two"));
  options.config = "three.yaml";
  EXPECT_NE(FindingsOf(options).find("error[E0110]: the project `three.yaml` does not exist"), std::string::npos);
}

TEST(Discovery, FolderMergesItsFilesAndRefusesConflicts) {
  Folder folder;
  folder.Write("p/a.yaml", kTwoLines);
  folder.Write(
      "p/b.yaml",
      "version: 1\npipelines:\n  other: {source: {type: rest, base_url: https://b.example}, tables: {x: {}}}\n");
  LoadOptions options = folder.In();
  options.config = "p";
  Diagnostics diagnostics;
  const auto project = LoadProject(options, &diagnostics);
  ASSERT_TRUE(project.ok()) << Render(diagnostics);
  EXPECT_EQ(project->pipelines.size(), 2U);
  EXPECT_EQ(project->WhereIs("pipelines.other"), "p/b.yaml:3:3");
  folder.Write("p/c.yaml", "pipelines: {shop: {dataset: x, source: {type: rest}}}\n");
  EXPECT_NE(FindingsOf(options).find("error[E0111]: `type` is set in two files"), std::string::npos)
      << FindingsOf(options);
  EXPECT_NE(FindingsOf(options).find("--config FILE reads one file alone"), std::string::npos);
  folder.Write("empty/readme.txt", "");
  options.config = "empty";
  EXPECT_NE(FindingsOf(options).find("E0110"), std::string::npos);
}

TEST(Discovery, ABareCommandReadsAllFilesOfTheFolderOfFirnYaml) {
  Folder folder;
  folder.Write("firn.yaml", "version: 1\nlake: {warehouse: ./ice}\n");
  folder.Write("shop.yaml", kTwoLines);
  folder.Write("docker-compose.yml", "version: \"3\"\nservices: {web: {image: x}}\n");
  folder.Write(".hidden.yaml", "pipelines: {no: {}}\n");
  folder.Write("below/other.yaml", "pipelines: {no: {}}\n");
  Diagnostics diagnostics;
  const auto project = LoadProject(folder.In("below"), &diagnostics);
  ASSERT_TRUE(project.ok()) << Render(diagnostics);
  EXPECT_EQ(project->files, (std::vector<std::string>{"../firn.yaml", "../shop.yaml"}));
  EXPECT_EQ(project->pipelines.size(), 1U);
  EXPECT_TRUE(project->lake.warehouse.ends_with("/ice"));
  LoadOptions options = folder.In();
  options.config = ".";
  EXPECT_EQ(LoadProject(options, &diagnostics)->files, (std::vector<std::string>{"firn.yaml", "shop.yaml"}));
  options.config = "firn.yaml";
  EXPECT_TRUE(LoadProject(options, &diagnostics)->pipelines.empty());
  folder.Write("typo.yaml", "pipelinez: {}\n");
  EXPECT_NE(FindingsOf(folder.In()).find("typo.yaml:1:1"), std::string::npos) << FindingsOf(folder.In());
}

TEST(FileText, ReadsToTheEndAndNotFurtherThanItMay) {
  Folder folder;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{70'000}, size_t{200'000}}) {
    folder.Write("x", std::string(size, 'a'));
    const std::string path = (folder.path() / "x").string();
    EXPECT_EQ(ReadFileText(path, 200'000)->size(), size);
    EXPECT_LE(ReadFileText(path, 200'000)->capacity(), size + 100'000);
    EXPECT_EQ(ReadFileText(path, std::max<int64_t>(0, static_cast<int64_t>(size) - 1)).ok(), size == 0);
  }
  // Its size is told as 0, as that of a file that grows while it is read would be too small.
  EXPECT_GT(ReadFileText("/proc/self/status", 1 << 20)->size(), 100U);
}

// Editors of Windows write it at the start of each file.
TEST(FileText, AByteOrderMarkIsNoPartOfTheProject) {
  Folder folder;
  const std::string mark = "\xEF\xBB\xBF";
  folder.Write("firn.yaml", mark + "version: 1\nlake: {warehouse: \"${env:PLACE}\"}\n");
  folder.Write(".env", mark + "PLACE=./from-env\n");
  EXPECT_EQ(FindingsOf(folder.In()), "");
  folder.Write("firn.yaml", mark + "versiom: 1\n");
  EXPECT_NE(FindingsOf(folder.In()).find("firn.yaml:1:1"), std::string::npos) << FindingsOf(folder.In());
  EXPECT_EQ(WithoutByteOrderMark("a" + mark), "a" + mark);
}

TEST(Interpolation, ReadsDotEnvAndFilesAndNeverOverridesTheEnvironment) {
  Folder folder;
  folder.Write(
      ".env",
      "# comment\nexport A=from-file\nB=\"quoted # \\\"x\\\"\"  # comment\nC='raw $x'\nD=bare-text # comment\n");
  folder.Write("secret.txt", "canary-file-secret\n");
  folder.Write(
      "firn.yaml",
      "pipelines:\n  shop:\n    source:\n      type: rest\n      base_url: https://a.example\n"
      "      auth: {type: bearer, token: \"${file:secret.txt}\"}\n"
      "      params: {a: \"${env:A}\", b: \"${env:B}\", c: \"${env:C}\", d: \"${env:D}\"}\n    tables: {orders: {}}\n");
  LoadOptions options = folder.In();
  options.env["A"] = "from-process";
  Diagnostics diagnostics;
  const auto project = LoadProject(options, &diagnostics);
  ASSERT_TRUE(project.ok()) << Render(diagnostics);
  const auto& rest = std::get<RestSourceConfig>(project->pipelines[0].source);
  const NamedText expected = {{"a", "from-process"}, {"b", "quoted # \"x\""}, {"c", "raw $x"}, {"d", "bare-text"}};
  EXPECT_EQ(rest.params, expected);
  EXPECT_EQ(std::get<BearerAuth>(rest.auth).token, "canary-file-secret");
  EXPECT_EQ(ProcessRedactor().Redact("x canary-file-secret y"), "x *** y");
  EXPECT_EQ(ShowConfig(*project, {.resolved = true}).find("canary-file-secret"), std::string::npos);
  EXPECT_NE(ShowConfig(*project, {}).find("${file:secret.txt}"), std::string::npos);
}

TEST(Interpolation, BadDotEnvLineIsNamedAndNotShown) {
  Folder folder;
  folder.Write(".env", "A=1\ncanary-no-assignment\nB=\"canary-open\n");
  const std::string findings = FindingsOf(folder.In());
  EXPECT_NE(findings.find("error[E0306]: this line is not NAME=value\n --> .env:2:1"), std::string::npos) << findings;
  EXPECT_NE(findings.find(".env:3:1"), std::string::npos);
  EXPECT_EQ(findings.find("canary"), std::string::npos) << findings;
}

TEST(Interpolation, OfflineLeavesUnsetReferencesAlone) {
  LoadOptions options = FromText(std::string("limits: {max_rows: \"${env:ROWS}\"}\n") + kTwoLines);
  EXPECT_NE(FindingsOf(options).find("E0301"), std::string::npos);
  options.resolve_secrets = false;
  EXPECT_EQ(FindingsOf(options), "");
}

TEST(Limits, LargeInputsAreErrorsSoon) {
  const std::string large(10'000'000, 'x');  // NOLINT(bugprone-string-constructor): the size is the point
  EXPECT_NE(FindingsOf(FromText("state: " + large)).find("error[E0104]: a single value"), std::string::npos);
  EXPECT_NE(FindingsOf(FromText(std::string((16 << 20) + 1, '#'))).find("error[E0104]: the file is larger"),
            std::string::npos);
  EXPECT_NE(FindingsOf(FromText("a:\n" +
                                [] {
                                  std::string deep;
                                  for (int i = 1; i < 1'000; ++i)
                                    deep += std::string(static_cast<size_t>(i), ' ') + "a:\n";
                                  return deep;
                                }()))
                .find("E0103"),
            std::string::npos);
}

TEST(Diagnostics, TwentyAreShownAndTheFirstIsRepeated) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "unknown" + std::to_string(i) + ": 1\n";
  const std::string findings = FindingsOf(FromText(text));
  EXPECT_NE(findings.find("10 more findings not shown"), std::string::npos);
  EXPECT_EQ(findings.find("`unknown20`"), std::string::npos);
  EXPECT_TRUE(findings.ends_with("error[E0201]: unknown key `unknown0` in project (<stdin>:1:1)\n")) << findings;
}

TEST(Diagnostics, StatusCarriesCodeAndPlace) {
  Diagnostics diagnostics;
  const auto project = LoadProject(FromText("version: 1\nlak: 1\nstat: 2\n"), &diagnostics);
  ASSERT_FALSE(project.ok());
  EXPECT_EQ(FaultOf(project.status()), Fault::kConfig);
  EXPECT_EQ(ContextOf(project.status())->code, "E0201");
  EXPECT_EQ(ContextOf(project.status())->where, "<stdin>:2:1");
  EXPECT_EQ(project.status().message(), "unknown key `lak` in project (and 1 more)");
}

TEST(Diagnostics, OtherFormatsHoldTheSameFinding) {
  Diagnostics diagnostics;
  LoadProject(FromText("lake:\n  warehous: x\n"), &diagnostics).status().ok();
  EXPECT_EQ(Render(diagnostics, {.format = DiagnosticFormat::kGithub}),
            "::error file=<stdin>,line=2,col=3,endLine=2,endColumn=11,title=E0201::unknown key `warehous` in lake\n");
  const auto json = nlohmann::json::parse(Render(diagnostics, {.format = DiagnosticFormat::kJson}));
  EXPECT_EQ(json["diagnostics"][0]["span"]["column"], 3);
  const auto sarif = nlohmann::json::parse(Render(diagnostics, {.format = DiagnosticFormat::kSarif}));
  EXPECT_EQ(sarif["runs"][0]["results"][0]["ruleId"], "E0201");
  EXPECT_NE(Render(diagnostics, {.color = true}).find("\x1b[1;31merror"), std::string::npos);
}

TEST(Secrets, NoFindingShowsALiteralOrResolvedSecret) {
  const std::string text =
      "pipelines:\n  s:\n    source: {type: rest, base_url: https://u:canary-a@a.example, auth: {type: bearer, tokn: "
      "canary-b}, "
      "headers: {Authorization: \"Bearer canary-c\", X: {token: canary-d}}}\n    tables: {a: {token: canary-e, "
      "recrods: x}}\n";
  for (const auto format :
       {DiagnosticFormat::kText, DiagnosticFormat::kJson, DiagnosticFormat::kGithub, DiagnosticFormat::kSarif}) {
    Diagnostics diagnostics;
    LoadProject(FromText(text), &diagnostics).status().ok();
    const std::string findings = Render(diagnostics, {.format = format});
    EXPECT_GE(diagnostics.num_errors(), 4U);
    EXPECT_EQ(findings.find("canary"), std::string::npos) << findings;
  }
}

TEST(Schema, IsJsonAndHasEveryPart) {
  const auto schema = nlohmann::json::parse(RenderJsonSchema());
  EXPECT_EQ(schema["$schema"], "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(schema["definitions"]["table"]["properties"]["batch_rows"]["default"], 65536);
  EXPECT_EQ(schema["definitions"]["lake"]["additionalProperties"], false);
  EXPECT_EQ(schema["definitions"]["auth"]["anyOf"][1]["properties"]["type"]["const"], "bearer");
}

TEST(Reference, TheCommittedPageIsCurrent) {
  const fs::path page = fs::path(__FILE__).parent_path() / "../../docs/reference/configuration.md";
  if (std::getenv("FIRN_UPDATE_GOLDEN") != nullptr) {
    fs::create_directories(page.parent_path());
    std::ofstream(page, std::ios::binary) << RenderReference();
  }
  std::ifstream in(page, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), RenderReference()) << "run with FIRN_UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace firn::config
