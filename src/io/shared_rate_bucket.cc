#include "io/shared_rate_bucket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <utility>

#include "io/file_store.h"

namespace firn::io {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kLockWaitMs = 2'000;
constexpr int64_t kAheadMicrosMax = int64_t{25} * 3'600'000'000;  // more: the clock was set back
// Processes of an older firn know the first two moments, and leave the others as they are.
constexpr char kRead[] = "firn-rate 1 %lld %lld %lld %lld";
// Always as long: one write, which no kill cuts in two.
constexpr char kWritten[] = "firn-rate 1 %20lld %20lld %20lld %20lld\n";

// Wall-clock microseconds.
struct Moments {
  long long next = 0;             // the next free place
  long long paused_until = 0;     // no request before
  long long last_live = 0;        // the last place that is not of the background
  long long next_background = 0;  // the background has a right to a place
  long long latest() const { return std::max({next, paused_until, last_live, next_background}); }
};

class FileCloser {
 public:
  explicit FileCloser(int file) : file_(file) {}
  FileCloser(const FileCloser&) = delete;
  FileCloser& operator=(const FileCloser&) = delete;
  ~FileCloser() { ::close(file_); }  // releases the lock
  int get() const { return file_; }

 private:
  const int file_;
};

Moments ReadMoments(int file) {
  char text[128] = {};
  Moments moments;
  if (::pread(file, text, sizeof text - 1, 0) <= 0 || std::sscanf(text, kRead, &moments.next, &moments.paused_until,
                                                                  &moments.last_live, &moments.next_background) < 2) {
    return {};
  }
  return moments;
}

Status WriteMoments(int file, const Moments& moments, const std::string& path) {
  char text[128];
  const int size = std::snprintf(text, sizeof text, kWritten, moments.next, moments.paused_until, moments.last_live,
                                 moments.next_background);
  if (::pwrite(file, text, static_cast<size_t>(size), 0) == size) return Status::OK();
  return FileError("write", path, errno);
}

// Whatever is wrong with the file: nobody has to act before requests are sent.
Status Unusable(const Status& error) {
  return MakeError(Fault::kTransient, error.message());
}

class FileBucket : public SharedRateBucket {
 public:
  FileBucket(std::string path, double requests_per_second, const Clock& clock, double sleep_scale)
      : path_(std::move(path)),
        interval_micros_(static_cast<int64_t>(1e6 / requests_per_second * sleep_scale)),
        sleep_scale_(std::max(sleep_scale, 1e-6)),
        clock_(clock) {}

  Result<RatePlace> Take(const RateClaimant& claimant, milliseconds wait_max, std::stop_token stop) override {
    RatePlace place;
    ARROW_RETURN_NOT_OK(Change(stop, [&](Moments& moments) {
      const int64_t now = clock_.Now().micros;
      const int64_t mine = std::max<int64_t>({now, moments.next, moments.paused_until});
      const int64_t yields_until = YieldsUntil(claimant, moments, mine);
      const bool goes = yields_until <= now;
      place = {.wait = MillisFrom(now, goes ? mine : yields_until), .taken = goes};
      if (!place.taken || Counted(place.wait) > static_cast<double>(wait_max.count())) return false;
      moments.next = mine + interval_micros_;
      if (claimant.background) {
        moments.next_background = mine + kBackgroundEvery * interval_micros_;
      } else {
        moments.last_live = std::max<long long>(moments.last_live, mine);
      }
      return true;
    }));
    if (!place.taken || Counted(place.wait) <= static_cast<double>(wait_max.count())) return place;
    return MakeError(Fault::kUnreachable,
                     "rate limit reached: next request allowed in " +
                         std::to_string(static_cast<int64_t>(Counted(place.wait)) / 1000) +
                         " s, longer than this run waits",
                     {.next = "run again later"});
  }

  Status Pause(milliseconds delay, std::stop_token stop) override {
    return Change(stop, [&](Moments& moments) {
      const auto scaled = static_cast<int64_t>(static_cast<double>(delay.count()) * 1000 * sleep_scale_);
      moments.paused_until = std::max<long long>(moments.paused_until, clock_.Now().micros + scaled);
      return true;
    });
  }

 private:
  static milliseconds MillisFrom(int64_t now, int64_t then) { return milliseconds((then - now + 999) / 1000); }
  double Counted(milliseconds wait) const { return static_cast<double>(wait.count()) / sleep_scale_; }

  // The background goes when no live request waits. One that has just gone is mostly followed by another: half an
  // interval shows that, and costs no place.
  int64_t YieldsUntil(const RateClaimant& claimant, const Moments& moments, int64_t mine) const {
    if (!claimant.background || mine >= moments.next_background) return 0;
    return std::min<int64_t>(moments.last_live + interval_micros_ / 2, moments.next_background);
  }

  // Changes the file under its lock if `change` says so.
  Status Change(std::stop_token stop, const std::function<bool(Moments&)>& change) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
    const int opened = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (opened < 0) return Unusable(FileError("open rate file", path_, errno));
    const FileCloser file(opened);
    for (int64_t waited = 0; ::flock(file.get(), LOCK_EX | LOCK_NB) != 0; ++waited) {
      if (errno != EWOULDBLOCK) return Unusable(FileError("lock", path_, errno));
      if (waited >= kLockWaitMs)
        return MakeError(Fault::kTransient, "locked by another process for too long: " + path_);
      ARROW_RETURN_NOT_OK(clock_.Sleep(milliseconds(1), stop));
    }
    Moments moments = ReadMoments(file.get());
    const int64_t latest = clock_.Now().micros + kAheadMicrosMax;
    if (moments.latest() > latest) moments = {};
    if (!change(moments)) return Status::OK();
    const Status written = WriteMoments(file.get(), moments, path_);
    return written.ok() ? written : Unusable(written);
  }

  const std::string path_;
  const int64_t interval_micros_;
  const double sleep_scale_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<SharedRateBucket> SharedRateBucket::Make(std::string path, double requests_per_second,
                                                         const Clock& clock, double sleep_scale) {
  FIRN_CHECK(requests_per_second > 0);
  return std::make_unique<FileBucket>(std::move(path), requests_per_second, clock, sleep_scale);
}

}  // namespace firn::io
