#include "table/commit/contiguity.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/status.h"

namespace firn::table {

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kContiguous:
      return "contiguous";
    case Verdict::kAlreadyDone:
      return "already done";
    case Verdict::kFenced:
      return "fenced";
    case Verdict::kOverlap:
      return "overlap";
    case Verdict::kMixed:
      return "mixed";
  }
  return "unknown";
}

Verdict Judge(const std::optional<StreamToken>& parent, const StreamToken& mine) {
  if (failpoint::SeededBug("skip_token_check")) return Verdict::kContiguous;
  if (failpoint::SeededBug("dedupe_by_name"))
    return Verdict::kContiguous;  // its files have names that are not there yet
  if (!parent) return mine.from == StateVersion{} ? Verdict::kContiguous : Verdict::kOverlap;
  if (parent->run == mine.run && parent->epoch == mine.epoch && parent->to == mine.to) return Verdict::kAlreadyDone;
  if (parent->epoch > mine.epoch && !failpoint::SeededBug("no_epoch")) return Verdict::kFenced;
  return parent->to == mine.from ? Verdict::kContiguous : Verdict::kOverlap;
}

Verdict JudgeGroup(const std::vector<Verdict>& verdicts) {
  FIRN_CHECK(!verdicts.empty());
  const auto has = [&](Verdict verdict) { return std::ranges::find(verdicts, verdict) != verdicts.end(); };
  for (const Verdict verdict : {Verdict::kFenced, Verdict::kOverlap, Verdict::kMixed}) {
    if (has(verdict)) return verdict;
  }
  if (has(Verdict::kContiguous) && has(Verdict::kAlreadyDone)) return Verdict::kMixed;
  return verdicts.front();
}

}  // namespace firn::table
