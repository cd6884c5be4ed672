#include "io/recording_client.h"

#include <arrow/buffer.h>

#include <utility>

#include "io/body_file.h"

namespace firn::io {

class RecordingClient::Pending : public PendingResponse {
 public:
  Pending(RecordingClient& owner, Exchange exchange, std::shared_ptr<BodyFile> file,
          std::unique_ptr<PendingResponse> inner)
      : owner_(owner), exchange_(std::move(exchange)), file_(std::move(file)), inner_(std::move(inner)) {}

  Result<HttpResponse> Wait(std::stop_token stop) override {
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, inner_->Wait(stop));
    exchange_.status = response.status;
    exchange_.headers = response.headers;
    exchange_.body = response.text();
    if (response.effective_url != exchange_.url) exchange_.effective_url = response.effective_url;
    ARROW_RETURN_NOT_OK(owner_.Keep(std::move(exchange_)));
    if (file_ == nullptr || response.status < 200 || response.status > 299) return response;
    ARROW_RETURN_NOT_OK(file_->Clear());
    ARROW_RETURN_NOT_OK(file_->Append(response.text()));
    response.body = arrow::SliceBuffer(response.body, 0, 0);
    return response;
  }

 private:
  RecordingClient& owner_;
  Exchange exchange_;
  const std::shared_ptr<BodyFile> file_;  // where its caller wants the body; null: in memory
  std::unique_ptr<PendingResponse> inner_;
};

std::unique_ptr<PendingResponse> RecordingClient::SendAsync(HttpRequest request) {
  Exchange exchange{.method = request.method, .url = request.url, .request_body = request.body};
  std::shared_ptr<BodyFile> file = std::exchange(request.body_file, nullptr);
  auto inner = inner_.SendAsync(std::move(request));
  return std::make_unique<Pending>(*this, std::move(exchange), std::move(file), std::move(inner));
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
