#include "pipeline/test_folder.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace firn::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr char kFile[] = "test.json";
constexpr char kTape[] = "tape";
constexpr char kRowsEnding[] = ".ndjson";
constexpr char kTypesEnding[] = ".types.json";

fs::path ExpectedOf(const RecordedTest& test) {
  return test.folder / "expected";
}

Status BadTest(const fs::path& file, const std::string& why) {
  return MakeError(Fault::kConfig, file.string() + " is no test",
                   {.code = "E0745",
                    .why = why,
                    .state = "nothing was run",
                    .next = "remove the folder of the test, then record it anew: firn test --record"});
}

Result<std::string> ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return BadTest(path, "it cannot be read");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Status WriteText(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return file ? Status::OK() : MakeError(Fault::kConfig, path.string() + " cannot be written", {.code = "E0746"});
}

Result<Json> ReadJson(const fs::path& path) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadText(path));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? Result<Json>(std::move(json)) : BadTest(path, "it is no JSON object");
}

bool AreTexts(const Json& list) {
  return list.is_array() && std::ranges::all_of(list, [](const Json& item) { return item.is_string(); });
}

bool HasTestShape(const Json& json) {
  const auto text = [&](const char* key) { return json.contains(key) && json[key].is_string(); };
  return text("pipeline") && text("recorded_at") && text("environment") && json.contains("max_pages") &&
         json["max_pages"].is_number_integer() && json["max_pages"] > 0 && json.contains("tables") &&
         AreTexts(json["tables"]) && json.contains("secrets") && AreTexts(json["secrets"]) &&
         json.contains("variables") && json["variables"].is_object() &&
         std::ranges::all_of(json["variables"], [](const Json& item) { return item.is_string(); });
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

fs::path RecordedTest::tape() const {
  return folder / kTape;
}

std::map<std::string, std::string> RecordedTest::Environment() const {
  std::map<std::string, std::string> all = variables;
  for (const std::string& secret : secrets) all[secret] = "firn-test-" + secret;
  return all;
}

Result<RecordedTest> ReadTest(const fs::path& folder) {
  const fs::path file = folder / kFile;
  ARROW_ASSIGN_OR_RAISE(const Json json, ReadJson(file));
  if (!json.contains("version") || json["version"] != kVersion) return BadTest(file, "its version is not known here");
  if (!HasTestShape(json)) return BadTest(file, "a field is missing, or of another kind");
  const auto recorded_at = ParseTimestamp(json["recorded_at"].get<std::string>());
  if (!recorded_at.ok()) return BadTest(file, "recorded_at is " + recorded_at.status().message());
  return RecordedTest{.folder = folder,
                      .pipeline = json["pipeline"],
                      .tables = json["tables"],
                      .pages_max = json["max_pages"],
                      .recorded_at = *recorded_at,
                      .environment = json["environment"],
                      .variables = json["variables"],
                      .secrets = json["secrets"]};
}

Status CheckIsTestOrNew(const fs::path& folder) {
  std::error_code error;
  const bool is_new = !fs::exists(folder, error) || fs::is_empty(folder, error);
  const bool is_test = fs::exists(folder / kFile, error) || fs::exists(folder / kTape, error);
  if (is_new || is_test) return Status::OK();
  return MakeError(Fault::kConfig, folder.string() + " has files and is no test",
                   {.code = "E0746", .state = "nothing was written", .next = "firn record … --to tests/OTHER"});
}

Status WriteTest(const RecordedTest& test) {
  std::error_code error;
  fs::create_directories(test.folder, error);
  const Json json = {{"version", kVersion},         {"recorded_at", FormatTimestamp(test.recorded_at)},
                     {"pipeline", test.pipeline},   {"tables", test.tables},
                     {"max_pages", test.pages_max}, {"environment", test.environment},
                     {"variables", test.variables}, {"secrets", test.secrets}};
  return WriteText(test.folder / kFile, json.dump(2) + "\n");
}

std::vector<fs::path> FindTests(const fs::path& tests) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(tests, error), end; !error && it != end; it.increment(error)) {
    if (fs::exists(it->path() / kFile)) found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::vector<TestedTable>> ReadExpected(const RecordedTest& test) {
  std::vector<TestedTable> tables;
  std::error_code error;
  for (fs::directory_iterator it(ExpectedOf(test), error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != kRowsEnding) continue;
    TestedTable table{.name = it->path().stem().string()};
    ARROW_ASSIGN_OR_RAISE(const std::string text, ReadText(it->path()));
    table.rows = LinesOf(text);
    for (const std::string& row : table.rows) {
      if (!Json::accept(row)) return BadTest(it->path(), "a line is no JSON");
    }
    const fs::path types = ExpectedOf(test) / (table.name + kTypesEnding);
    ARROW_ASSIGN_OR_RAISE(const Json json, ReadJson(types));
    for (const auto& [column, type] : json.items()) {
      if (!type.is_string()) return BadTest(types, "a type is no text");
      table.types.emplace_back(column, type);
    }
    tables.push_back(std::move(table));
  }
  std::ranges::sort(tables, {}, &TestedTable::name);
  return tables;
}

Status WriteExpected(const RecordedTest& test, const std::vector<TestedTable>& tables) {
  std::error_code error;
  fs::remove_all(ExpectedOf(test), error);
  fs::create_directories(ExpectedOf(test), error);
  for (const TestedTable& table : tables) {
    std::string rows;
    for (const std::string& row : table.rows) rows += row + "\n";
    Json types = Json::object();
    for (const auto& [column, type] : table.types) types[column] = type;
    ARROW_RETURN_NOT_OK(WriteText(ExpectedOf(test) / (table.name + kRowsEnding), rows));
    ARROW_RETURN_NOT_OK(WriteText(ExpectedOf(test) / (table.name + kTypesEnding), types.dump(2) + "\n"));
  }
  return Status::OK();
}

}  // namespace firn::pipeline
