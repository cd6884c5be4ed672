#include "io/recording_client.h"

#include <utility>

namespace firn::io {

class RecordingClient::Pending : public PendingResponse {
 public:
  Pending(RecordingClient& owner, Exchange exchange, std::unique_ptr<PendingResponse> inner)
      : owner_(owner), exchange_(std::move(exchange)), inner_(std::move(inner)) {}

  Result<HttpResponse> Wait(std::stop_token stop) override {
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, inner_->Wait(stop));
    exchange_.status = response.status;
    exchange_.headers = response.headers;
    exchange_.body = response.text();
    if (response.effective_url != exchange_.url) exchange_.effective_url = response.effective_url;
    ARROW_RETURN_NOT_OK(owner_.Keep(std::move(exchange_)));
    return response;
  }

 private:
  RecordingClient& owner_;
  Exchange exchange_;
  std::unique_ptr<PendingResponse> inner_;
};

std::unique_ptr<PendingResponse> RecordingClient::SendAsync(HttpRequest request) {
  Exchange exchange{.method = request.method, .url = request.url, .request_body = request.body};
  return std::make_unique<Pending>(*this, std::move(exchange), inner_.SendAsync(std::move(request)));
}

Status RecordingClient::Keep(Exchange exchange) {
  MutexLock lock(mutex_);
  kept_bytes_ += static_cast<int64_t>(exchange.body.size() + exchange.request_body.size());
  if (kept_bytes_ > kKeptBytesMax) {
    return MakeError(Fault::kConfig, "the answers are too large for a tape",
                     {.code = "E0743", .state = "nothing was recorded", .next = "firn record TABLE --max-pages 1"});
  }
  kept_.push_back(std::move(exchange));
  return Status::OK();
}

std::vector<Exchange> RecordingClient::Take() {
  MutexLock lock(mutex_);
  return std::exchange(kept_, {});
}

}  // namespace firn::io
