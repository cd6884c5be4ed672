#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "table/write/transform.h"
#include "table/write/write_test_support.h"

/// What we say of our files, judged by other readers (check_files.py).
namespace firn::table {
namespace {

using testing::Must;
using testing::TestFolder;
using Kind = Transform::Kind;

std::string ReadersPython() {
  if (const char* python = std::getenv("FIRN_READERS_PYTHON")) return python;
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.cache/firn-build/readers/bin/python";
}

std::string Hex(const std::string& bytes) {
  return HexOf(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

nlohmann::json CountsOf(const std::map<int32_t, int64_t>& counts) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [id, count] : counts) json[std::to_string(id)] = count;
  return json;
}

nlohmann::json BoundsOf(const std::map<int32_t, std::string>& bounds) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [id, bound] : bounds) json[std::to_string(id)] = Hex(bound);
  return json;
}

/// As Python prints the value pyiceberg's transform gives.
std::string PythonText(const Literal& value) {
  if (value.is_null()) return "null";
  if (const auto* text = std::get_if<std::string>(&value.value)) {
    return value.type->id == schema::TypeId::kString ? *text : Hex(*text);
  }
  if (const auto* flag = std::get_if<bool>(&value.value)) return *flag ? "True" : "False";
  if (const auto* number = std::get_if<int32_t>(&value.value)) return std::to_string(*number);
  if (const auto* number = std::get_if<int64_t>(&value.value)) return std::to_string(*number);
  return ToString(value);
}

nlohmann::json JsonOf(const DataFile& file, const PartitionSpec& spec) {
  nlohmann::json json = {{"file_path", file.file_path},
                         {"record_count", file.record_count},
                         {"file_size_bytes", file.file_size_bytes},
                         {"split_offsets", file.split_offsets},
                         {"value_counts", CountsOf(file.value_counts)},
                         {"null_value_counts", CountsOf(file.null_value_counts)},
                         {"nan_value_counts", CountsOf(file.nan_value_counts)},
                         {"lower_bounds", BoundsOf(file.lower_bounds)},
                         {"upper_bounds", BoundsOf(file.upper_bounds)},
                         {"partition", nlohmann::json::array()}};
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    json["partition"].push_back({{"source_id", spec.fields[i].source_id},
                                 {"transform", ToString(spec.fields[i].transform)},
                                 {"value", PythonText(file.partition[i])}});
  }
  return json;
}

TEST(ForeignReaders, AgreeOnMetricsAndPartitions) {
  const std::string python = ReadersPython();
  if (!std::filesystem::exists(python)) GTEST_SKIP() << "SKIPPED: no Python with the readers at " << python;
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const auto schema = testing::EveryTypeSchema();
  std::vector<PartitionSpec> specs = {{}};
  for (const schema::Field& field : schema.fields) {
    for (const Transform& transform :
         {Transform{Kind::kBucket, 3}, Transform{Kind::kTruncate, 4}, Transform{Kind::kYear}, Transform{Kind::kMonth},
          Transform{Kind::kDay}, Transform{Kind::kHour}}) {
      const bool big = field.type->id == schema::TypeId::kDecimal || field.type->id == schema::TypeId::kInt ||
                       field.type->id == schema::TypeId::kLong;
      if (big && transform.kind == Kind::kTruncate) continue;  // extremes wrap around here and are unbounded in Python
      if (!ResultType(transform, field.type).ok()) continue;
      specs.push_back({.spec_id = 1, .fields = {{field.id, 1000, "p", transform}}});
    }
  }
  nlohmann::json json = nlohmann::json::array();
  for (const PartitionSpec& spec : specs) {
    auto options = testing::OptionsOf(schema, folder);
    options.spec = spec;
    options.metrics.columns_max = 1'000;
    if (spec.fields.empty()) options.row_group_bytes = 20'000;  // several row groups: bounds must be of all
    auto writer = Must(TableWriter::Make(*files, options));
    for (int i = 0; i < (spec.fields.empty() ? 20 : 1); ++i) {
      FIRN_ASSERT_OK(writer->Append(testing::RandomRows(schema, spec.fields.empty() ? 12 : 6, random)));
    }
    for (const WrittenFile& file : Must(writer->Finish())) json.push_back(JsonOf(file.file, spec));
  }
  const std::string description = folder.path() + "/files.json";
  std::ofstream(description) << json.dump();
  const auto script = std::filesystem::path(__FILE__).parent_path() / "check_files.py";
  const std::string output = folder.path() + "/output.txt";
  const int code =
      std::system(("'" + python + "' '" + script.string() + "' '" + description + "' > '" + output + "' 2>&1").c_str());
  std::ifstream stream(output);
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  EXPECT_EQ(code, 0) << text;
  EXPECT_NE(text.find("checked"), std::string::npos) << text;
}

}  // namespace
}  // namespace firn::table
