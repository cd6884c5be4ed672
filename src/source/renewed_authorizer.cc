#include "source/renewed_authorizer.h"

#include <algorithm>

namespace firn::source {
namespace {

constexpr std::chrono::milliseconds kMarginMax{60'000};

}  // namespace

std::chrono::steady_clock::time_point RenewedAuthorizer::RenewAt(std::chrono::steady_clock::time_point begin,
                                                                 std::chrono::milliseconds lifetime) {
  return begin + lifetime - std::min(kMarginMax, lifetime / 10);
}

Status RenewedAuthorizer::Authorize(io::HttpRequest& request, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
  if (!target.SameOrigin(origin_)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(std::string value, Current(/*rejected=*/"", stop));
  request.headers.Set(header_, std::move(value));
  return Status::OK();
}

Result<bool> RenewedAuthorizer::Renew(const io::HttpRequest& rejected, std::stop_token stop) {
  const auto used = rejected.headers.Get(header_);
  if (!used) return false;
  ARROW_RETURN_NOT_OK(Current(*used, stop).status());
  return true;
}

Result<std::string> RenewedAuthorizer::Current(std::string_view rejected, std::stop_token stop) {
  {
    MutexLock lock(mutex_);
    changed_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) { return !fetching_; });
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting for a token");
    const bool fresh = credential_ && credential_->value != rejected && clock_.Steady() < credential_->renew_at;
    if (fresh) return credential_->value;
    fetching_ = true;
  }
  auto fetched = Fetch(stop);
  {
    MutexLock lock(mutex_);
    fetching_ = false;
    if (fetched.ok()) credential_ = *fetched;
  }
  changed_.notify_all();
  if (!fetched.ok()) return fetched.status();
  return fetched->value;
}

}  // namespace firn::source
