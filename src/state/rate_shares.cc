#include "state/rate_shares.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "state/documents.h"

namespace firn::state {
namespace {

using Json = nlohmann::ordered_json;

// Divides what `left` holds among some of the claims.
class Division {
 public:
  Division(const RateShares& shares, Timestamp now, std::vector<int64_t>* out)
      : claims_(shares.claims), now_(now), out_(*out) {}

  /// Returns what is left.
  int64_t Divide(std::vector<size_t> among, int64_t left) {
    // Who wants less than its part gets that, and the others share the rest.
    for (bool changed = true; changed && !among.empty();) {
      const int64_t weight = WeightOf(among);
      const int64_t pool = left;
      changed = std::erase_if(among, [&](size_t at) {
                  const RateClaim& claim = claims_[at];
                  if (claim.wanted * weight > pool * claim.pipelines) return false;
                  out_[at] = claim.wanted;
                  left -= claim.wanted;
                  return true;
                }) > 0;
    }
    if (among.empty()) return left;
    const int64_t weight = WeightOf(among);
    const int64_t pool = left;
    for (const size_t at : among) {
      out_[at] = pool * claims_[at].pipelines / weight;
      left -= out_[at];
    }
    std::ranges::sort(among, {}, [&](size_t at) { return TurnOf(claims_[at]); });
    for (const size_t at : among) {
      if (left == 0) break;
      ++out_[at];
      --left;
    }
    return left;
  }

 private:
  int64_t WeightOf(const std::vector<size_t>& among) const {
    return std::accumulate(among.begin(), among.end(), int64_t{0},
                           [&](int64_t sum, size_t at) { return sum + claims_[at].pipelines; });
  }

  // Who has its turn, then who waits, then who has had it.
  std::tuple<int, Timestamp, std::string_view> TurnOf(const RateClaim& claim) const {
    const bool has_had = now_.micros - claim.since.micros >= kTurnMicros;
    return {claim.units == 0 ? 1 : has_had ? 2 : 0, claim.since, claim.id};
  }

  const std::vector<RateClaim>& claims_;
  const Timestamp now_;
  std::vector<int64_t>& out_;
};

Timestamp TimeOf(const Json& json, const char* name) {
  const auto time = ParseTimestamp(TextOf(json, name));
  return time.ok() ? *time : Timestamp();
}

}  // namespace

RateClaim* RateShares::Find(std::string_view id) {
  const auto found = std::ranges::find(claims, id, &RateClaim::id);
  return found == claims.end() ? nullptr : &*found;
}

RateClaim& RateShares::Claim(const std::string& id, Timestamp now) {
  if (RateClaim* known = Find(id)) return *known;
  const auto at = std::ranges::lower_bound(claims, id, {}, &RateClaim::id);
  return *claims.insert(at, RateClaim{.id = id, .since = now, .expires = now});
}

void RateShares::DropExpired(Timestamp now, int64_t margin_micros) {
  const auto is_dead = [&](const RateClaim& claim) { return claim.expires.micros + margin_micros < now.micros; };
  const bool held = std::ranges::any_of(claims, [&](const auto& claim) { return is_dead(claim) && claim.units > 0; });
  if (held) freed = std::max(freed, now);
  std::erase_if(claims, is_dead);
}

int64_t RateShares::NumFree(int64_t total) const {
  for (const RateClaim& claim : claims) total -= claim.units;
  return total;
}

std::vector<int64_t> FairShares(const RateShares& shares, int64_t total, Timestamp now) {
  std::vector<int64_t> out(shares.claims.size());
  std::vector<size_t> live, background;
  int64_t wanted_behind = 0;
  for (size_t i = 0; i < shares.claims.size(); ++i) {
    (shares.claims[i].background ? background : live).push_back(i);
    if (shares.claims[i].background) wanted_behind += shares.claims[i].wanted;
  }
  // A single unit cannot be divided: turns are taken by all.
  if (total == 1) live.insert(live.end(), background.begin(), background.end());
  const int64_t reserve = total == 1 ? 0 : std::min(wanted_behind, std::max<int64_t>(1, total / kBackgroundEvery));
  Division division(shares, now, &out);
  const int64_t left = division.Divide(live, total - reserve) + reserve;
  if (total > 1) division.Divide(background, left);
  return out;
}

std::string WriteRateShares(const RateShares& shares) {
  Json claims = Json::array();
  for (const RateClaim& claim : shares.claims) {
    claims.push_back({{"id", claim.id},
                      {"units", claim.units},
                      {"wanted", claim.wanted},
                      {"pipelines", claim.pipelines},
                      {"background", claim.background},
                      {"since", FormatTimestamp(claim.since)},
                      {"expires", FormatTimestamp(claim.expires)}});
  }
  const Json json = {{"version", kDocumentVersion},
                     {"claims", std::move(claims)},
                     {"freed", FormatTimestamp(shares.freed)},
                     {"paused_until", FormatTimestamp(shares.paused_until)}};
  return json.dump(1) + "\n";
}

Result<RateShares> ParseRateShares(std::string_view location, std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  ARROW_RETURN_NOT_OK(CheckDocument(location, json));
  RateShares shares{.claims = {}, .freed = TimeOf(json, "freed"), .paused_until = TimeOf(json, "paused_until")};
  const Json claims = json.value("claims", Json::array());
  for (const Json& claim : claims) {
    if (!claim.is_object()) continue;
    shares.claims.push_back({.id = TextOf(claim, "id"),
                             .units = std::max<int64_t>(0, NumberOf(claim, "units")),
                             .wanted = std::max<int64_t>(1, NumberOf(claim, "wanted")),
                             .pipelines = std::max<int64_t>(1, NumberOf(claim, "pipelines")),
                             .background = claim.value("background", Json(false)) == Json(true),
                             .since = TimeOf(claim, "since"),
                             .expires = TimeOf(claim, "expires")});
  }
  std::ranges::sort(shares.claims, {}, &RateClaim::id);
  return shares;
}

}  // namespace firn::state
