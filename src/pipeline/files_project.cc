#include "pipeline/files_project.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "config/yaml_scalar.h"
#include "pipeline/copy_target.h"
#include "source/files/file_patterns.h"

namespace firn::pipeline {
namespace {

using config::YamlScalar;
using source::Glob;

constexpr char kWild[] = "*";
constexpr char kWildNumber[] = "[0-9]*";  // where `*` would take files of another table

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsHexDigit(char c) {
  return IsDigit(c) || (AsciiLower(c) >= 'a' && AsciiLower(c) <= 'f');
}

// The ending that says what a file holds ("csv.gz" of "a.csv.gz"), and the kind of rows. Nullopt: none that is read.
struct Ending {
  std::string text;
  std::string kind;
};
std::optional<Ending> EndingOf(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, const char*>, 8> kKinds = {{{".csv", "csv"},
                                                                               {".tsv", "csv"},
                                                                               {".tab", "csv"},
                                                                               {".ndjson", "json"},
                                                                               {".jsonl", "json"},
                                                                               {".json", "json"},
                                                                               {".parquet", "parquet"},
                                                                               {".pq", "parquet"}}};
  std::string lower = AsciiLower(name);
  for (const std::string_view packed : {".gz", ".gzip", ".zst", ".zstd"}) {
    if (lower.ends_with(packed)) lower.resize(lower.size() - packed.size());
  }
  for (const auto& [end, kind] : kKinds) {
    if (!lower.ends_with(end) || lower.size() == end.size()) continue;
    return Ending{.text = std::string(name.substr(lower.size() - end.size() + 1)), .kind = kind};
  }
  return std::nullopt;
}

// "8f14e45f-ceea-467f-a0e6-1234567890ab".
bool BeginsWithUuid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() < kShape.size()) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'x' ? !IsHexDigit(text[i]) : text[i] != '-') return false;
  }
  return true;
}

// Size of the number or id that a text begins with; 0: none. An id is a UUID, or 8 hexadecimal digits or more with a
// decimal one among them.
size_t SizeOfId(std::string_view text) {
  constexpr size_t kUuidBytes = 36, kIdDigitsMin = 8;
  if (BeginsWithUuid(text)) return kUuidBytes;
  const auto hex = static_cast<size_t>(std::ranges::find_if_not(text, IsHexDigit) - text.begin());
  if (hex >= kIdDigitsMin && std::ranges::any_of(text.substr(0, hex), IsDigit)) return hex;
  return static_cast<size_t>(std::ranges::find_if_not(text, IsDigit) - text.begin());
}

// The same of several, parted by `-`, `_`, `.`, `:` and the T of times.
size_t SizeOfIds(std::string_view text) {
  size_t end = SizeOfId(text);
  while (end > 0 && end < text.size() && std::string_view("-_.:T").find(text[end]) != std::string_view::npos) {
    const size_t next = SizeOfId(text.substr(end + 1));
    if (next == 0) break;
    end += 1 + next;
  }
  return end;
}

// A name as a pattern: numbers and ids are `wild`, and so are the values of "year=2024".
std::string PatternOf(std::string_view name, std::string_view wild) {
  std::string out;
  if (const size_t equals = name.find('='); equals != std::string_view::npos && equals > 0) {
    return std::string(name.substr(0, equals + 1)) + kWild;
  }
  for (size_t at = 0; at < name.size();) {
    const bool begins = at == 0 || !IsHexDigit(name[at - 1]) || IsDigit(name[at]);
    const size_t size = begins ? SizeOfIds(name.substr(at)) : 0;
    if (size > 0) {
      if (!out.ends_with(wild)) out += wild;
      at += size;
      continue;
    }
    if (std::string_view("*?[]{}\\").find(name[at]) != std::string_view::npos) out.push_back('\\');
    out.push_back(name[at++]);
  }
  return out;
}

std::vector<std::string> PartsOf(const std::string& path) {
  std::vector<std::string> parts(1);
  for (const char c : path) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

std::string PathPattern(const std::string& path, const std::string& end, std::string_view wild) {
  std::string out;
  std::vector<std::string> parts = PartsOf(path);
  parts.back().resize(parts.back().size() - end.size() - 1);
  for (const std::string& part : parts) out += (out.empty() ? "" : "/") + PatternOf(part, wild);
  return out;
}

// What is left of a name without numbers: "" for "part-00001", which says nothing of its rows.
std::string WordsOf(std::string_view name) {
  std::string words = PatternOf(name, "-");
  if (name.find('=') != std::string_view::npos) return "";
  for (const std::string_view packed : {".zip", ".ZIP"}) {
    if (words.ends_with(packed)) words.resize(words.size() - packed.size());
  }
  const std::string table = NameFor(words);
  constexpr std::array<std::string_view, 10> kSayNothing = {"rows", "part", "data", "page",   "chunk",
                                                            "file", "dump", "t_",   "export", "batch"};
  return std::ranges::find(kSayNothing, table) != kSayNothing.end() ? "" : table;
}

// The name nearest to the file that says something.
std::string TableOf(const std::string& path, const std::string& end) {
  std::vector<std::string> parts = PartsOf(path);
  parts.back().resize(parts.back().size() - end.size() - 1);
  for (size_t i = parts.size(); i-- > 0;) {
    std::string words = WordsOf(parts[i]);
    if (!words.empty()) return words;
  }
  return "rows";
}

struct Member {
  std::string path;
  Ending ending;
};
struct Group {
  std::vector<Member> files;
  std::set<std::string> endings;
};

std::vector<std::string> PatternsOf(const Group& group, std::string_view wild) {
  const Member& first = group.files.front();
  std::string ends;
  for (const std::string& end : group.endings) ends += (ends.empty() ? "" : ",") + end;
  if (group.endings.size() > 1) ends = "{" + ends + "}";
  return {PathPattern(first.path, first.ending.text, wild) + "." + ends};
}

std::vector<std::string> ExactPaths(const Group& group) {
  std::vector<std::string> paths;
  for (const Member& file : group.files) {
    std::string path;
    for (const char c : file.path) {
      if (std::string_view("*?[]{}\\").find(c) != std::string_view::npos) path.push_back('\\');
      path.push_back(c);
    }
    paths.push_back(std::move(path));
  }
  return paths;
}

// Whether the patterns take no file of another group.
bool TakesOnly(const std::vector<std::string>& patterns, const Group& mine, const std::vector<const Group*>& all) {
  std::vector<Glob> globs;
  for (const std::string& pattern : patterns) {
    auto glob = Glob::Parse(pattern);
    if (!glob.ok()) return false;
    globs.push_back(*std::move(glob));
  }
  const auto taken = [&](const Member& file) {
    return std::ranges::any_of(globs, [&](const Glob& glob) { return glob.Matches(file.path); });
  };
  if (!std::ranges::all_of(mine.files, taken)) return false;
  return std::ranges::all_of(
      all, [&](const Group* other) { return other == &mine || std::ranges::none_of(other->files, taken); });
}

std::vector<std::string> ChoosePatterns(const Group& group, const std::vector<const Group*>& all) {
  for (const char* const wild : {kWild, kWildNumber}) {
    std::vector<std::string> patterns = PatternsOf(group, wild);
    if (TakesOnly(patterns, group, all)) return patterns;
  }
  return ExactPaths(group);
}

bool IsHidden(const std::string& path) {
  return std::ranges::any_of(PartsOf(path), [](const std::string& part) { return part.starts_with('.'); });
}

std::string PipelineOf(const std::string& location) {
  std::string text = location;
  if (const size_t scheme = text.find("://"); scheme != std::string::npos) text.erase(0, scheme + 3);
  while (!text.empty() && (text.back() == '/' || text.back() == '.')) text.pop_back();
  return text.empty() ? "files" : NameFor(text);
}

}  // namespace

Result<FilesReport> GroupFiles(std::string location, const std::vector<std::string>& paths, Naming naming) {
  FilesReport report{.location = std::move(location), .groups = {}, .left_out = {}};
  std::map<std::pair<std::string, std::string>, Group> groups;  // by pattern and kind
  for (const std::string& path : paths) {
    if (IsHidden(path)) continue;
    auto ending = EndingOf(path);
    if (!ending) {
      report.left_out.push_back(path);
      continue;
    }
    Group& group = groups[{PathPattern(path, ending->text, kWild), ending->kind}];
    group.endings.insert(ending->text);
    group.files.push_back({path, *std::move(ending)});
  }
  if (groups.empty()) {
    return MakeError(Fault::kConfig, "no file in " + report.location + " has a name that says rows",
                     {.code = "E0987",
                      .why = std::to_string(report.left_out.size()) +
                             " others are there; rows are in .csv, .tsv, "
                             ".ndjson, .jsonl, .json and .parquet, also with .gz, .zst and in .zip",
                      .state = "nothing was written",
                      .next = "firn init   for a project to be filled in: source: {type: files, …}"});
  }
  std::vector<const Group*> all;
  for (const auto& [key, group] : groups) all.push_back(&group);
  std::set<std::string> names;
  for (const auto& [key, group] : groups) {
    const Member& first = group.files.front();
    FileGroup found{.table = TableOf(first.path, first.ending.text),
                    .patterns = naming == Naming::kExact ? ExactPaths(group) : ChoosePatterns(group, all),
                    .kind = key.second,
                    .num_files = static_cast<int64_t>(group.files.size())};
    const std::string name = found.table;
    for (int number = 2; !names.insert(found.table).second; ++number) found.table = name + "_" + std::to_string(number);
    report.groups.push_back(std::move(found));
  }
  return report;
}

std::vector<std::string> FindingLines(const FilesReport& report) {
  constexpr size_t kShownMax = 5, kNameColumn = 20, kPatternColumn = 52;
  std::vector<std::string> lines;
  const auto padded = [](std::string text, size_t column) {
    return text + std::string(text.size() + 2 < column ? column - text.size() : 2, ' ');
  };
  for (const FileGroup& group : report.groups) {
    const std::string more = group.patterns.size() > 1 ? ", …" : "";
    lines.push_back(padded(padded(group.table, kNameColumn) + group.patterns.front() + more, kPatternColumn) +
                    std::to_string(group.num_files) + (group.num_files == 1 ? " file, " : " files, ") + group.kind);
  }
  for (size_t i = 0; i < std::min(kShownMax, report.left_out.size()); ++i) {
    lines.push_back(padded("left out", kNameColumn) + report.left_out[i]);
  }
  if (report.left_out.size() > kShownMax) {
    lines.push_back(padded("left out", kNameColumn) + std::to_string(report.left_out.size() - kShownMax) + " more");
  }
  return lines;
}

ProbeProject ProjectOf(const FilesReport& report) {
  std::string yaml =
      "# yaml-language-server: $schema=./firn.schema.json\n"
      "# Written by firn init after a look at the names of files. Keys cannot be told from names.\n"
      "version: 1\n"
      "lake: {warehouse: ./lake}\n"
      "pipelines:\n";
  yaml += "  " + YamlScalar(PipelineOf(report.location)) + ":\n";
  yaml += "    source: {type: files, location: " + YamlScalar(report.location) + "}\n    tables:\n";
  for (const FileGroup& group : report.groups) {
    yaml += "      " + YamlScalar(group.table) + ":\n        path: ";
    if (group.patterns.size() == 1) {
      yaml += YamlScalar(group.patterns.front()) + "\n";
    } else {
      yaml += "\n";
      for (const std::string& pattern : group.patterns) yaml += "          - " + YamlScalar(pattern) + "\n";
    }
    yaml += "        # primary_key: id      # rows of files that come later update those with their key\n";
  }
  return {.yaml = std::move(yaml), .variables = {}, .table = report.groups.front().table};
}

}  // namespace firn::pipeline
