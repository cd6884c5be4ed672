#include "pipeline/paced_http.h"

#include <arrow/buffer.h>

#include <utility>

namespace firn::pipeline {

class PacedHttp::Pending : public io::PendingResponse {
 public:
  Pending(PacedHttp& owner, io::HttpRequest request) : owner_(owner), request_(std::move(request)) {}

  Result<io::HttpResponse> Wait(std::stop_token stop) override {
    ARROW_RETURN_NOT_OK(owner_.WaitForGate(stop));
    auto response = owner_.inner_.Send(std::move(request_), stop);
    if (response.ok()) owner_.Keep(*response);
    return response;
  }

 private:
  PacedHttp& owner_;
  io::HttpRequest request_;
};

std::unique_ptr<io::PendingResponse> PacedHttp::SendAsync(io::HttpRequest request) {
  return std::make_unique<Pending>(*this, std::move(request));
}

void PacedHttp::SetOpen(bool open) {
  {
    MutexLock lock(mutex_);
    open_ = open;
  }
  opened_.notify_all();
}

Status PacedHttp::WaitForGate(std::stop_token stop) {
  MutexLock lock(mutex_);
  opened_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) { return open_; });
  return stop.stop_requested() ? MakeError(Fault::kCancelled, "stopped before a request") : Status::OK();
}

void PacedHttp::Keep(const io::HttpResponse& response) {
  MutexLock lock(mutex_);
  if (answers_.size() < kAnswersKept) answers_.push_back(response);
}

std::optional<io::HttpHeaders> PacedHttp::HeadersOf(const void* body) const {
  MutexLock lock(mutex_);
  for (const auto& answer : answers_) {
    if (answer.body->data() == body) return answer.headers;
  }
  return std::nullopt;
}

}  // namespace firn::pipeline
