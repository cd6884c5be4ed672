#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "table/commit/stream_token.h"

/// Judges whether a commit of a stream continues what a table holds. Pure.
namespace firn::table {

enum class Verdict {
  kContiguous,   // the table stands where this commit begins
  kAlreadyDone,  // the table holds exactly this commit
  kFenced,       // a newer owner of the stream has committed
  kOverlap,      // somebody else moved the stream
  kMixed,        // of a group: some members hold this commit, others do not
};
std::string_view VerdictName(Verdict verdict);

/// `parent`: the stream's token on the parent snapshot, nullopt if it has none. `mine`: the token about to be
/// committed.
Verdict Judge(const std::optional<StreamToken>& parent, const StreamToken& mine);

/// The verdict of a group that commits as one: fenced and overlap win, then mixed. `verdicts` is not empty.
Verdict JudgeGroup(const std::vector<Verdict>& verdicts);

}  // namespace firn::table
