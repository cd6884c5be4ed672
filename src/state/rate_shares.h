#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

/// What machines agree on that share the rate of a credential (docs/decisions/0013-shared-rates.md): a value, kept as
/// one document. The rate is a number of units, requests per window; who holds k of them spaces its own requests by
/// window / k.
namespace firn::state {

/// What one process holds and wants.
struct RateClaim {
  std::string id;
  int64_t units = 0;
  int64_t wanted = 1;       // units it has requests for
  int64_t pipelines = 1;    // that they come from: a process with two gets twice as much
  bool background = false;  // gives way to the others
  Timestamp since;          // of holding units, or of waiting for the first
  Timestamp expires;
};

struct RateShares {
  std::vector<RateClaim> claims;  // sorted by id
  Timestamp freed;                // when units were last given back, or taken from the dead
  Timestamp paused_until;         // nobody sends before

  RateClaim* Find(std::string_view id);
  /// Adds a claim without units if there is none of that id.
  RateClaim& Claim(const std::string& id, Timestamp now);
  /// Forgets claims that expired more than `margin_micros` before `now`.
  void DropExpired(Timestamp now, int64_t margin_micros);
  /// Units that nobody holds, of `total`; negative while processes go by different totals.
  int64_t NumFree(int64_t total) const;
};

/// How many of `total` units each claim should hold, in the order of `claims`; their sum is at most `total`. By the
/// number of their pipelines, to none more than it wants; what one leaves goes to the others. While others want units
/// the background gets one in kBackgroundEvery. More claims than units hold them in turn.
std::vector<int64_t> FairShares(const RateShares& shares, int64_t total, Timestamp now);

inline constexpr int64_t kBackgroundEvery = 20;
inline constexpr int64_t kTurnMicros = 15'000'000;  // that a claim keeps its units while others have none

std::string WriteRateShares(const RateShares& shares);
/// Errors: those of CheckDocument.
Result<RateShares> ParseRateShares(std::string_view location, std::string_view text);

}  // namespace firn::state
