#include "state/rate_share.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/uuid.h"

namespace firn::state {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kTriesMax = 8;
// Requests reach a server a few milliseconds early or late: the window that they are spaced for is longer by this part.
constexpr int64_t kWindowSlack = 50;
// Units rest for a window when they change hands, and for this, the longest way of a request.
constexpr milliseconds kUnderWay{250};

}  // namespace

RateShare::RateShare(const Clock& clock, io::ConditionalStore& store, RateShareOptions options)
    : clock_(clock),
      store_(store),
      options_(std::move(options)),
      id_(MakeUuid4().ToString()),
      granted_from_(clock.Steady()),
      until_(clock.Steady()),
      next_(clock.Steady()),
      paused_until_(clock.Steady()) {
  FIRN_CHECK(options_.units >= 1 && options_.window.count() > 0);
}

Status RateShare::Renew(const RateNeed& need) {
  for (int tries = 1;; ++tries) {
    const Status renewed = TryRenew(need);
    if (renewed.ok() || FaultOf(renewed) != Fault::kConflict) return renewed;
    if (tries == kTriesMax) return MakeError(Fault::kTransient, "others always change " + options_.location + " first");
  }
}

Status RateShare::TryRenew(const RateNeed& need) {
  const Steady asked = clock_.Steady();
  ARROW_ASSIGN_OR_RAISE(const auto found, store_.Read(options_.location));
  RateShares shares;
  if (found) {
    auto read = ParseRateShares(options_.location, found->bytes);
    if (!read.ok() && FaultOf(read.status()) == Fault::kConfig) return read.status();
    if (read.ok()) shares = *std::move(read);
  }
  const Timestamp now = clock_.Now();
  shares.DropExpired(now, microseconds(options_.margin).count());
  if (shares.Find(id_) == nullptr) Shrink(0);  // what it had is others' now
  RateClaim& mine = shares.Claim(id_, now);
  mine.wanted = std::clamp<int64_t>(need.wanted, 1, options_.units);
  mine.pipelines = std::max<int64_t>(1, need.pipelines);
  mine.background = need.background;
  const auto fair = FairShares(shares, options_.units, now)[static_cast<size_t>(&mine - shares.claims.data())];
  const int64_t units = fair <= mine.units
                            ? fair
                            : mine.units + std::clamp<int64_t>(shares.NumFree(options_.units), 0, fair - mine.units);
  // By other clocks: whoever gave units back did so a window ago, for certain.
  const int64_t rest = options_.window.count() + microseconds(options_.margin + kUnderWay).count();
  const bool rested = shares.freed.micros + rest < now.micros;
  if (units < mine.units) {
    Shrink(units);
    shares.freed = std::max(shares.freed, now);
  }
  if ((units > 0) != (mine.units > 0)) mine.since = now;
  mine.units = units;
  mine.expires = {.micros = now.micros + microseconds(options_.lifetime).count()};
  {
    const MutexLock lock(mutex_);
    const auto pause = duration_cast<microseconds>(paused_until_ - clock_.Steady());
    shares.paused_until = std::max(shares.paused_until, Timestamp{.micros = now.micros + pause.count()});
    paused_until_ = std::max(paused_until_, clock_.Steady() + microseconds(shares.paused_until.micros - now.micros));
    wants_more_ = units < fair;
  }
  ARROW_RETURN_NOT_OK(
      store_.Put(options_.location, WriteRateShares(shares), found ? std::optional(found->version) : std::nullopt)
          .status());
  Confirm(units, asked + options_.lifetime, rested);
  return Status::OK();
}

// Before it is written that others may have the rest.
void RateShare::Shrink(int64_t units) {
  const MutexLock lock(mutex_);
  units_ = std::min(UnitsAt(clock_.Steady()), units);
  granted_ = units_;
  granted_from_ = clock_.Steady();
}

void RateShare::Confirm(int64_t units, Steady until, bool rested) {
  const MutexLock lock(mutex_);
  const Steady now = clock_.Steady();
  if (units > granted_) {
    units_ = UnitsAt(now);
    granted_ = units;
    granted_from_ = rested ? now : now + options_.window + kUnderWay;
  }
  until_ = until;
}

int64_t RateShare::UnitsAt(Steady now) const {
  return now >= granted_from_ ? granted_ : units_;
}

Status RateShare::GiveBack() {
  Shrink(0);
  for (int tries = 1;; ++tries) {
    ARROW_ASSIGN_OR_RAISE(const auto found, store_.Read(options_.location));
    if (!found) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(RateShares shares, ParseRateShares(options_.location, found->bytes));
    if (std::erase_if(shares.claims, [&](const RateClaim& claim) { return claim.id == id_; }) == 0) return Status::OK();
    shares.freed = std::max(shares.freed, clock_.Now());
    const Status put = store_.Put(options_.location, WriteRateShares(shares), found->version).status();
    if (put.ok() || FaultOf(put) != Fault::kConflict || tries == kTriesMax) return put;
  }
}

// Places stand one interval apart; who comes a little late to one does not move those behind it.
std::optional<RateShare::Place> RateShare::Take() {
  const MutexLock lock(mutex_);
  const Steady now = clock_.Steady();
  const int64_t units = UnitsAt(now);
  if (units == 0 || now >= until_) return std::nullopt;
  const microseconds interval((options_.window + options_.window / kWindowSlack).count() / units + 1);
  const microseconds late_max = options_.window / kWindowSlack / 4;
  const Steady place = std::max({next_, now - late_max, paused_until_});
  if (place > now) return Place{.at = place};
  next_ = place + interval;
  return Place{.at = now, .taken = true};
}

void RateShare::Pause(microseconds delay) {
  const MutexLock lock(mutex_);
  paused_until_ = std::max(paused_until_, clock_.Steady() + delay);
}

bool RateShare::wants_more() const {
  const MutexLock lock(mutex_);
  return wants_more_;
}

int64_t RateShare::units() const {
  const MutexLock lock(mutex_);
  const Steady now = clock_.Steady();
  return now < until_ ? UnitsAt(now) : 0;
}

}  // namespace firn::state
