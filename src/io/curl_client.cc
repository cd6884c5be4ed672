// The HTTP client on libcurl's multi interface. One thread runs the event loop and is the only one that touches curl
// handles; callers hand transfers over and wait for their results.
// Longer than usual: the life of one request, and the loop that alone may touch it.
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <list>
#include <set>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "io/body_buffer.h"
#include "io/body_decoder.h"
#include "io/body_file.h"
#include "io/curl_error.h"
#include "io/http_client.h"
#include "io/private_address.h"
#include "io/redirect.h"
#include "io/url.h"

#ifndef FIRN_VERSION
#define FIRN_VERSION "0"
#endif

namespace firn::io {
namespace {

using std::chrono::duration_cast;
using SteadyClock = std::chrono::steady_clock;

struct EasyFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiFree {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using EasyHandle = std::unique_ptr<CURL, EasyFree>;
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

milliseconds Since(SteadyClock::time_point start) {
  return duration_cast<milliseconds>(SteadyClock::now() - start);
}

// One request with its redirects. Everything but the part under the mutex belongs to the loop thread once started.
class Transfer {
 public:
  Transfer(HttpRequest request, const HttpClientOptions& options)
      : options_(options),
        may_use_proxy_(MayUseProxy(options.proxy)),
        request_(std::move(request)),
        started_(SteadyClock::now()) {}

  // --- callers' side ---
  Result<HttpResponse> Wait(std::stop_token stop) {
    MutexLock lock(mutex_);
    const bool done = ended_.wait(lock, stop, [&]() FIRN_REQUIRES(mutex_) { return result_.has_value(); });
    if (!done) return MakeError(Fault::kCancelled, "stopped during a request");
    return std::move(*result_);
  }
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

  // --- loop's side ---
  Status Prepare();
  CURL* handle() const { return easy_.get(); }
  /// Takes the end of one exchange. True: the transfer goes on with a redirect (handle() is new and must be added).
  bool ExchangeEnded(CURLcode code);
  /// Returns the error of a time limit that has passed, else ok; `next` becomes the earlier of itself and the next
  /// limit.
  Status CheckTime(SteadyClock::time_point* next);
  void End(Result<HttpResponse> result) {
    {
      MutexLock lock(mutex_);
      if (result_) return;
      result_.emplace(std::move(result));
    }
    ended_.notify_all();
  }

 private:
  static size_t OnHeader(char* bytes, size_t size, size_t count, void* self) {
    return static_cast<Transfer*>(self)->TakeHeader({bytes, size * count}) ? size * count : 0;
  }
  static size_t OnBody(char* bytes, size_t size, size_t count, void* self) {
    return static_cast<Transfer*>(self)->TakeBody({bytes, size * count}) ? size * count : 0;
  }
  static curl_socket_t OnOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
    return static_cast<Transfer*>(self)->OpenSocket(*address);
  }
  static int OnDebug(CURL*, curl_infotype type, char* bytes, size_t size, void* self) {
    // libcurl says only here that a server sent more than its Content-Length, which would leave us a cut body.
    if (type == CURLINFO_TEXT && std::string_view(bytes, size).starts_with("Excess found")) {
      static_cast<Transfer*>(self)->excess_ = true;
    }
    return 0;
  }

  Status SetUp();
  Status GuardAddresses();
  Status SetHeaders();
  void SetBody();
  bool TakeHeader(std::string_view line);
  bool TakeBody(std::string_view bytes);
  Status BeginBody();
  Status EndBody();
  Status Judge(CURLcode code);
  bool Fail(Status status) {
    if (failure_.ok()) failure_ = std::move(status);
    return false;
  }
  Status At(const Status& status) const { return Within(RedactUrl(request_.url), status); }
  Result<HttpResponse> TakeResponse();
  bool IsPrivate(const std::string& address) const {
    return options_.is_private ? options_.is_private(address) : IsPrivateAddress(address);
  }
  bool PublicOnly() const { return request_.public_only || (seen_public_ && !request_.private_redirects); }
  curl_socket_t OpenSocket(const curl_sockaddr& address);
  Status CheckAddress();
  Status PrivateRefused() const;

  const HttpClientOptions& options_;
  const bool may_use_proxy_;
  HttpRequest request_;  // of the current hop
  const SteadyClock::time_point started_;
  EasyHandle easy_;
  HeaderList header_list_;
  char error_text_[CURL_ERROR_SIZE] = "";

  // Of the current hop.
  SteadyClock::time_point hop_started_;
  SteadyClock::time_point sent_;  // seen as sent by the loop; the epoch: not yet
  SteadyClock::time_point last_progress_;
  bool headers_ended_ = false;
  bool body_begun_ = false;
  bool excess_ = false;
  int64_t header_bytes_ = 0;
  int64_t wire_bytes_ = 0;
  int status_ = 0;
  HttpHeaders headers_;
  std::unique_ptr<BodyBuffer> body_;
  std::unique_ptr<BodyDecoder> decoder_;
  Status failure_;
  milliseconds first_byte_{0};

  bool refused_private_ = false, from_public_ = false;

  bool seen_public_ = false;  // by a hop before
  std::set<std::string> visited_;
  int num_redirects_ = 0;

  std::atomic<bool> cancelled_{false};
  std::condition_variable_any ended_;
  Mutex mutex_;
  std::optional<Result<HttpResponse>> result_ FIRN_GUARDED_BY(mutex_);
};

Status Transfer::Prepare() {
  ARROW_RETURN_NOT_OK(ParseUrl(request_.url).status());
  if (!visited_.insert(request_.method + " " + request_.url).second) {
    return EndlessRedirects("redirect loop: " + RedactUrl(request_.url));
  }
  headers_ended_ = body_begun_ = excess_ = refused_private_ = from_public_ = false;
  header_bytes_ = wire_bytes_ = 0;
  status_ = 0;
  headers_ = {};
  decoder_.reset();
  failure_ = Status::OK();
  body_ = std::make_unique<BodyBuffer>(request_.body_bytes_max,
                                       options_.pool != nullptr ? options_.pool : arrow::default_memory_pool());
  if (request_.body_file != nullptr) ARROW_RETURN_NOT_OK(request_.body_file->Clear());
  easy_.reset(curl_easy_init());
  if (easy_ == nullptr) return MakeError(Fault::kBug, "libcurl made no handle");
  hop_started_ = last_progress_ = SteadyClock::now();
  sent_ = {};
  return SetUp();
}

Status Transfer::SetUp() {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 128L << 10);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  // On a connection used before that dies without an answer libcurl sends again by itself, though the first request
  // may have been applied.
  if (request_.repeatable == false) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.timeouts.connect.count()));
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &Transfer::OnDebug);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, this);
  if (!options_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
  if (!options_.client_cert_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, options_.client_cert_file.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLKEY, options_.client_key_file.c_str());
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, options_.client_key_password.c_str());  // null would ask the terminal
  }
  if (!options_.proxy.empty()) curl_easy_setopt(easy, CURLOPT_PROXY, options_.proxy.c_str());
  if (!options_.verify_tls) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (PublicOnly()) ARROW_RETURN_NOT_OK(GuardAddresses());
  SetBody();
  return SetHeaders();
}

// The address is judged where the socket is opened, so that no answer of the name server in between changes it.
Status Transfer::GuardAddresses() {
  ARROW_ASSIGN_OR_RAISE(const UrlParts url, ParseUrl(request_.url));
  if (IsPrivateHost(url.host) && (!options_.is_private || IsPrivate(url.host))) return PrivateRefused();
  if (may_use_proxy_) return Status::OK();  // it is the proxy's address that we would see
  curl_easy_setopt(easy_.get(), CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnOpenSocket);
  curl_easy_setopt(easy_.get(), CURLOPT_OPENSOCKETDATA, this);
  if (num_redirects_ > 0) curl_easy_setopt(easy_.get(), CURLOPT_FRESH_CONNECT, 1L);  // an open one was not judged
  return Status::OK();
}

curl_socket_t Transfer::OpenSocket(const curl_sockaddr& address) {
  if (const std::string text = AddressText(address.addr); text.empty() || IsPrivate(text)) {
    refused_private_ = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
}

Status Transfer::PrivateRefused() const {
  return MakeError(Fault::kConfig,
                   "a public server led to a private address, which is refused: " + RedactUrl(request_.url),
                   {.code = "E0462",
                    .state = kNotSentState,
                    .next = "if it is to be trusted: source: {http: {allow_private_redirects: true}}"});
}

// Where the answer came from; of a connection that was open already this is the first time its address is seen.
Status Transfer::CheckAddress() {
  if (may_use_proxy_) return Status::OK();
  const char* address = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &address);
  from_public_ = address != nullptr && address[0] != '\0' && !IsPrivate(address);
  return PublicOnly() && !from_public_ ? PrivateRefused() : Status::OK();
}

void Transfer::SetBody() {
  CURL* easy = easy_.get();
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  const bool takes_body = request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH";
  if (takes_body || !request_.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());  // borrowed from request_
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

Status Transfer::SetHeaders() {
  std::vector<std::string> lines;
  for (const auto& field : request_.headers) {
    const std::string both = field.name + field.value;
    if (field.name.empty() || field.name.find_first_of(": \t") != std::string::npos ||
        both.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return MakeError(Fault::kConfig, "request header has a name or value that HTTP does not allow: \"" +
                                           field.name.substr(0, field.name.find_first_of("\r\n")) + "\"");
    }
    lines.push_back(field.value.empty() ? field.name + ";" : field.name + ": " + field.value);  // ";": sent, but empty
  }
  const auto add_default = [&](const char* name, const std::string& value) {
    if (!request_.headers.Has(name)) lines.push_back(std::string(name) + ":" + (value.empty() ? "" : " ") + value);
  };
  add_default("Accept-Encoding", AcceptedEncodings());
  add_default("User-Agent", options_.user_agent);
  add_default("Accept", "*/*");
  add_default("Expect", "");        // no 100-continue round trip
  add_default("Content-Type", "");  // never libcurl's guess
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(header_list_.get(), line.c_str());
    if (longer == nullptr) return Status::OutOfMemory("request headers");
    static_cast<void>(header_list_.release());
    header_list_.reset(longer);
  }
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, header_list_.get());
  return Status::OK();
}

bool Transfer::TakeHeader(std::string_view line) {
  last_progress_ = SteadyClock::now();
  header_bytes_ += static_cast<int64_t>(line.size());
  if (header_bytes_ > options_.header_bytes_max) {
    return Fail(MakeError(Fault::kBadData,
                          "response headers are larger than " + std::to_string(options_.header_bytes_max) + " bytes"));
  }
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (body_begun_) return true;     // trailers decide nothing
  if (line.starts_with("HTTP/")) {  // again after a 1xx
    headers_ = {};
    status_ = 0;
    headers_ended_ = false;
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), status_);
    first_byte_ = Since(hop_started_);
    return true;
  }
  if (line.empty()) {
    headers_ended_ = status_ >= 200;
    return true;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;  // libcurl lets obsolete folding and junk pass
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  headers_.Add(std::string(line.substr(0, colon)), std::string(value));
  return true;
}

Status Transfer::BeginBody() {
  body_begun_ = true;
  if (request_.body_file != nullptr && status_ >= 200 && status_ < 300) body_->GoTo(*request_.body_file);
  curl_off_t length = -1;
  curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  const auto encoding = headers_.Get("content-encoding");
  if (encoding && !encoding->empty() && !EqualsIgnoringCase(*encoding, "identity")) {
    ARROW_ASSIGN_OR_RAISE(decoder_, BodyDecoder::Open(*encoding));
    return Status::OK();
  }
  if (length > body_->bytes_max()) return body_->Commit(length);
  return length > 0 ? body_->Expect(length) : Status::OK();
}

bool Transfer::TakeBody(std::string_view bytes) {
  last_progress_ = SteadyClock::now();
  if (cancelled_) return false;
  if (!body_begun_) {
    if (Status status = BeginBody(); !status.ok()) return Fail(std::move(status));
  }
  wire_bytes_ += static_cast<int64_t>(bytes.size());
  Status status =
      decoder_ == nullptr ? body_->Append(bytes) : decoder_->Feed(bytes, options_.decoded_ratio_max, body_.get());
  return status.ok() || Fail(std::move(status));
}

Status Transfer::EndBody() {
  if (excess_) {
    return MakeError(Fault::kTransient, "wrong Content-Length: the server sent more than it announced");
  }
  const bool may_be_empty = request_.method == "HEAD" || status_ == 204 || status_ == 304 ||
                            headers_.Get("content-length") == std::optional<std::string_view>("0");
  if (!body_begun_ && !may_be_empty) {
    ARROW_RETURN_NOT_OK(BeginBody());  // to notice a coding whose data never came
  }
  return decoder_ != nullptr ? decoder_->Finish() : Status::OK();
}

Status Transfer::Judge(CURLcode code) {
  if (!failure_.ok()) return At(failure_);
  if (cancelled_) return MakeError(Fault::kCancelled, "stopped during a request");
  if (code != CURLE_OK) {
    if (refused_private_) return PrivateRefused();
    const Status status = CurlError(code, error_text_, request_.url);
    curl_off_t sent_at = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    const bool timed_out_connecting = code == CURLE_OPERATION_TIMEDOUT && sent_at == 0;
    return timed_out_connecting ? WithContext(status, {.state = kNotSentState}) : status;
  }
  ARROW_RETURN_NOT_OK(CheckAddress());
  const Status body = EndBody();
  return body.ok() ? body : At(body);
}

bool Transfer::ExchangeEnded(CURLcode code) {
  if (Status status = Judge(code); !status.ok()) {
    End(std::move(status));
    return false;
  }
  auto response = TakeResponse();
  if (!response.ok() || !request_.follow_redirects || !IsRedirect(response->status) ||
      !response->headers.Has("location")) {
    End(std::move(response));
    return false;
  }
  Status status;
  if (++num_redirects_ > options_.redirects_max) {
    status = EndlessRedirects("more than " + std::to_string(options_.redirects_max) +
                              " redirects: " + RedactUrl(request_.url));
  } else if (auto next = RedirectedRequest(request_, *response); next.ok()) {
    header_list_.reset();
    easy_.reset();
    seen_public_ = seen_public_ || from_public_ || (may_use_proxy_ && !IsPrivateUrl(request_.url));
    request_ = *std::move(next);
    status = Prepare();
  } else {
    status = next.status();
  }
  if (!status.ok()) End(std::move(status));
  return status.ok();
}

Result<HttpResponse> Transfer::TakeResponse() {
  HttpResponse response{.status = status_, .headers = std::move(headers_)};
  ARROW_ASSIGN_OR_RAISE(response.body, body_->Finish());
  response.effective_url = request_.url;
  response.timing = {.first_byte = first_byte_, .total = Since(started_)};
  response.wire_bytes = wire_bytes_;
  response.num_redirects = num_redirects_;
  long version = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_VERSION, &version);
  response.http2 = version == CURL_HTTP_VERSION_2_0;
  const bool has_length = response.headers.Has("content-length") || response.headers.Has("transfer-encoding");
  response.ends_by_close = !has_length && version <= CURL_HTTP_VERSION_1_1;
  response.from_public_address = from_public_;
  return response;
}

Status Transfer::CheckTime(SteadyClock::time_point* next) {
  const auto now = SteadyClock::now();
  const auto late = [&](const char* what, milliseconds limit) {
    return MakeError(Fault::kTransient,
                     std::string("timed out: ") + what + " within " + std::to_string(limit.count()) +
                         " ms: " + RedactUrl(request_.url),
                     {.code = "E0460"});
  };
  const HttpTimeouts& limits = request_.timeouts;
  const auto check = [&](SteadyClock::time_point from, milliseconds limit) {
    *next = std::min(*next, from + limit);
    return now < from + limit;
  };
  if (!check(started_, limits.total)) return late("no complete response", limits.total);
  curl_off_t sent_after_us = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &sent_after_us);
  if (sent_after_us == 0) return Status::OK();  // queued or connecting: libcurl's own limit
  if (sent_ == SteadyClock::time_point()) sent_ = now;
  if (!headers_ended_) {
    return check(sent_, limits.first_byte) ? Status::OK() : late("no response headers", limits.first_byte);
  }
  return check(last_progress_, limits.idle) ? Status::OK() : late("no more of the body", limits.idle);
}

class CurlClient : public HttpClient {
 public:
  explicit CurlClient(HttpClientOptions options) : options_(std::move(options)), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(options_.connections_per_host_max));
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.connections_max));
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    loop_ = std::thread([this] { Run(); });
  }
  ~CurlClient() override {
    stopping_ = true;
    Wake();
    loop_.join();
    multi_.reset();
    curl_global_cleanup();
  }

  std::unique_ptr<PendingResponse> SendAsync(HttpRequest request) override;
  void Wake() { curl_multi_wakeup(multi_.get()); }

 private:
  void Run();
  void Admit();
  void Start(std::shared_ptr<Transfer> transfer);
  void Finished();
  SteadyClock::time_point Watch();

  const HttpClientOptions options_;
  std::unique_ptr<CURLM, MultiFree> multi_;      // constant until the destructor
  std::list<std::shared_ptr<Transfer>> active_;  // of the loop thread
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::vector<std::shared_ptr<Transfer>> incoming_ FIRN_GUARDED_BY(mutex_);
  std::thread loop_;
};

class CurlPending : public PendingResponse {
 public:
  CurlPending(CurlClient& client, std::shared_ptr<Transfer> transfer)
      : client_(client), transfer_(std::move(transfer)) {}
  ~CurlPending() override {
    transfer_->Cancel();
    if (!ended_) client_.Wake();
  }
  Result<HttpResponse> Wait(std::stop_token stop) override {
    auto result = transfer_->Wait(std::move(stop));
    ended_ = result.ok();
    return result;
  }

 private:
  CurlClient& client_;
  const std::shared_ptr<Transfer> transfer_;
  bool ended_ = false;
};

std::unique_ptr<PendingResponse> CurlClient::SendAsync(HttpRequest request) {
  auto transfer = std::make_shared<Transfer>(std::move(request), options_);
  {
    MutexLock lock(mutex_);
    incoming_.push_back(transfer);
  }
  Wake();
  return std::make_unique<CurlPending>(*this, std::move(transfer));
}

void CurlClient::Start(std::shared_ptr<Transfer> transfer) {
  if (Status status = transfer->Prepare(); !status.ok())
    return transfer->End(WithContext(status, {.state = kNotSentState}));
  curl_multi_add_handle(multi_.get(), transfer->handle());
  active_.push_back(std::move(transfer));
}

void CurlClient::Admit() {
  std::vector<std::shared_ptr<Transfer>> incoming;
  {
    MutexLock lock(mutex_);
    incoming.swap(incoming_);
  }
  for (auto& transfer : incoming) Start(std::move(transfer));
}

void CurlClient::Finished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;  // the message is gone once the handle is removed
    const auto found =
        std::find_if(active_.begin(), active_.end(), [&](const auto& transfer) { return transfer->handle() == easy; });
    curl_multi_remove_handle(multi_.get(), easy);
    if ((*found)->ExchangeEnded(code)) {
      curl_multi_add_handle(multi_.get(), (*found)->handle());
    } else {
      active_.erase(found);
    }
  }
}

// Ends what was cancelled or is late; returns when to look again.
SteadyClock::time_point CurlClient::Watch() {
  auto next = SteadyClock::now() + std::chrono::seconds(1);
  for (auto it = active_.begin(); it != active_.end();) {
    Transfer& transfer = **it;
    Status status = transfer.CheckTime(&next);
    if (transfer.cancelled() || stopping_) status = MakeError(Fault::kCancelled, "stopped during a request");
    if (status.ok()) {
      ++it;
      continue;
    }
    curl_multi_remove_handle(multi_.get(), transfer.handle());
    transfer.End(std::move(status));
    it = active_.erase(it);
  }
  return next;
}

void CurlClient::Run() {
  for (;;) {
    Admit();
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    Finished();
    const auto next = Watch();
    if (stopping_) break;
    const auto wait = duration_cast<milliseconds>(next - SteadyClock::now()).count() + 1;
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(std::clamp<int64_t>(wait, 0, 1'000)), nullptr);
  }
  Admit();
  Watch();
}

}  // namespace

Result<std::unique_ptr<HttpClient>> MakeHttpClient(HttpClientOptions options) {
  if (const char* file = std::getenv("FIRN_CA_FILE"); options.ca_file.empty() && file != nullptr) {
    options.ca_file = file;
  }
  if (options.user_agent.empty()) options.user_agent = "firn/" FIRN_VERSION;
  ARROW_RETURN_NOT_OK(CheckFiles(options));
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return MakeError(Fault::kBug, "libcurl did not start");
  return std::make_unique<CurlClient>(std::move(options));
}

}  // namespace firn::io
