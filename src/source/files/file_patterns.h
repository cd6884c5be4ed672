#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/status.h"
#include "source/glob.h"

namespace firn::source::files {

/// What `path:` of a table says. A pattern is of files, or of members of archives: "in/*.zip/orders-*.csv".
class FilePatterns {
 public:
  /// Errors: kConfig E0497 as Glob::Parse.
  static Result<FilePatterns> Parse(const std::vector<std::string>& patterns);

  /// Of files and of archives.
  const std::vector<Glob>& globs() const { return globs_; }
  /// Whether a member of an archive is taken. Of one that a pattern of files matches all are, but for hidden ones.
  bool Takes(std::string_view archive, std::string_view member) const;
  /// Changes with what is taken of archives.
  Hash128 Digest() const { return digest_; }

 private:
  std::vector<Glob> globs_;
  std::vector<Glob> members_;  // one for each of globs_
  Hash128 digest_;
};

/// True for "a.zip", in any case.
bool IsArchiveName(std::string_view path);

}  // namespace firn::source::files
