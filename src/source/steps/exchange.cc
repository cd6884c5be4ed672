#include "source/steps/exchange.h"

#include "io/url.h"
#include "source/read_stats.h"

namespace firn::source::steps {

using connector::steps::StepPlan;

Result<io::HttpResponse> Exchange::Send(io::HttpRequest request, const StepPlan& step, std::stop_token stop) {
  request.private_redirects = false;
  // An API must not be able to send us to the neighbours of this machine.
  request.public_only = seen_public_ && !step.request.host_is_given;
  ARROW_ASSIGN_OR_RAISE(io::HttpSession * session, SessionFor(request.url, step));
  ARROW_ASSIGN_OR_RAISE(io::HttpResponse response, session->Send(request, std::move(stop)));
  seen_public_ = seen_public_ || response.from_public_address;
  return response;
}

Result<io::HttpSession*> Exchange::SessionFor(const std::string& url, const StepPlan& step) {
  ARROW_ASSIGN_OR_RAISE(const io::UrlParts parts, io::ParseUrl(url));
  const std::string host = parts.host + ":" + std::to_string(parts.port);
  const std::string owner = step.throttle ? options_.workflow + "/" + step.id : options_.workflow;
  const MutexLock lock(mutex_);
  auto& session = sessions_[{owner, host}];
  if (session != nullptr) return session.get();
  io::HttpSessionOptions settings{.claimant = {.pipeline = options_.workflow, .background = options_.background},
                                  .on_wait = options_.on_wait};
  if (const auto& throttle = step.throttle ? step.throttle : options_.throttle) {
    settings.rate_budget = &options_.budgets->For(
        host, "steps " + owner, {.requests_per_second = throttle->requests_per_second, .burst = throttle->burst});
  }
  session = std::make_unique<io::HttpSession>(*options_.http, *options_.clock, std::move(settings));
  return session.get();
}

ReadStats Exchange::stats() const {
  ReadStats stats;
  const MutexLock lock(mutex_);
  for (const auto& [key, session] : sessions_) AddCounters(session->counters(), &stats);
  return stats;
}

}  // namespace firn::source::steps
