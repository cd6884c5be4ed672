#include "source/files/file_patterns.h"

#include <utility>

#include "base/ascii.h"

namespace firn::source::files {
namespace {

constexpr std::string_view kArchiveEnd = ".zip";

}  // namespace

Result<FilePatterns> FilePatterns::Parse(const std::vector<std::string>& patterns) {
  FilePatterns out;
  std::string all;
  for (const std::string& pattern : patterns) {
    const size_t end = AsciiLower(pattern).find(std::string(kArchiveEnd) + "/");
    const bool has_members = end != std::string::npos;
    const std::string files = has_members ? pattern.substr(0, end + kArchiveEnd.size()) : pattern;
    ARROW_ASSIGN_OR_RAISE(auto glob, Glob::Parse(files));
    ARROW_ASSIGN_OR_RAISE(auto members, Glob::Parse(has_members ? pattern.substr(files.size() + 1) : "**"));
    out.globs_.push_back(std::move(glob));
    out.members_.push_back(std::move(members));
    all += pattern + "\n";
  }
  out.digest_ = Xxh3(all);
  return out;
}

bool FilePatterns::Takes(std::string_view archive, std::string_view member) const {
  for (size_t i = 0; i < globs_.size(); ++i) {
    if (globs_[i].Matches(archive) && members_[i].Matches(member)) return true;
  }
  return false;
}

bool IsArchiveName(std::string_view path) {
  return AsciiLower(path).ends_with(kArchiveEnd);
}

}  // namespace firn::source::files
