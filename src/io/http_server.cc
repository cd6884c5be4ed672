#include "io/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include "base/log.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"

namespace firn::io {
namespace {

constexpr size_t kHeaderBytesMax = 64 << 10;  // of one connection: request line and header
constexpr int kHeaderFieldsMax = 200;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One request under way. Touched by the mover of bytes, then by one answering thread, then by the mover again.
struct Exchange {
  enum class Stage { kNew, kReading, kAnswering, kAnswered };

  std::string target;  // raw, as in the request line
  MHD_Connection* connection = nullptr;
  ServedRequest request;
  ServedResponse response;
  std::atomic<Stage> stage{Stage::kNew};
  std::chrono::steady_clock::time_point deadline;
  int refuse = 0;             // status to answer with as soon as the body has been thrown away
  int64_t counted_bytes = 0;  // of the budget of all bodies
  int64_t dropped_bytes = 0;
};

void SplitTarget(Exchange& exchange) {
  const std::string_view target = exchange.target;
  const size_t mark = target.find('?');
  exchange.request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) exchange.request.query = ParseForm(target.substr(mark + 1));
}

MHD_Result CollectHeader(void* into, MHD_ValueKind, const char* name, const char* value) {
  auto& headers = *static_cast<HttpHeaders*>(into);
  if (headers.size() >= kHeaderFieldsMax) return MHD_NO;
  headers.Add(name, value == nullptr ? "" : value);
  return MHD_YES;
}

struct AddressInfoFree {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

Result<std::unique_ptr<addrinfo, AddressInfoFree>> Resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) return MakeError(Fault::kConfig, "no address of this machine: " + host);
  return std::unique_ptr<addrinfo, AddressInfoFree>(list);
}

class MicrohttpdServer : public HttpServer {
 public:
  MicrohttpdServer(HttpServerOptions options, ServeRequest serve)
      : options_(std::move(options)), serve_(std::move(serve)) {}
  ~MicrohttpdServer() override { Stop(std::chrono::milliseconds(0)); }

  Status Listen();
  uint16_t port() const override { return port_; }
  std::string url() const override {
    const bool ipv6 = options_.host.find(':') != std::string::npos;
    return "http://" + (ipv6 ? "[" + options_.host + "]" : options_.host) + ":" + std::to_string(port_);
  }
  void Stop(std::chrono::milliseconds grace) override;

 private:
  static void* OnTarget(void*, const char* target, MHD_Connection*) {
    auto exchange = std::make_unique<Exchange>();
    exchange->target = target;
    return exchange.release();  // owned by the request; OnCompleted ends it
  }
  static void OnCompleted(void* self, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    const std::unique_ptr<Exchange> exchange(static_cast<Exchange*>(*state));
    *state = nullptr;
    if (exchange != nullptr) static_cast<MicrohttpdServer*>(self)->Forget(*exchange);
  }
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char*, const char* method, const char*,
                              const char* data, size_t* size, void** state) {
    auto* exchange = static_cast<Exchange*>(*state);
    return static_cast<MicrohttpdServer*>(self)->Step(*exchange, connection, method, data, size);
  }

  MHD_Result Step(Exchange& exchange, MHD_Connection* connection, const char* method, const char* data, size_t* size);
  MHD_Result Begin(Exchange& exchange, MHD_Connection* connection, const char* method);
  MHD_Result Take(Exchange& exchange, const char* data, size_t* size);
  MHD_Result Enqueue(Exchange& exchange) FIRN_EXCLUDES(mutex_);
  void Forget(const Exchange& exchange) FIRN_EXCLUDES(mutex_);
  static MHD_Result Send(MHD_Connection* connection, const ServedResponse& response, bool close);
  static ServedResponse Refusal(int status);
  Status Answer(std::stop_token stop) FIRN_EXCLUDES(mutex_);

  const HttpServerOptions options_;
  const ServeRequest serve_;
  uint16_t port_ = 0;
  MHD_Daemon* daemon_ = nullptr;
  std::atomic<int64_t> bodies_bytes_{0};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Exchange*> queue_ FIRN_GUARDED_BY(mutex_);
  int num_under_way_ FIRN_GUARDED_BY(mutex_) = 0;  // queued or being answered
  int num_unsent_ FIRN_GUARDED_BY(mutex_) = 0;     // answered, and not yet on its way
  bool stopped_ FIRN_GUARDED_BY(mutex_) = false;
  TaskGroup threads_;
};

Status MicrohttpdServer::Listen() {
  ARROW_ASSIGN_OR_RAISE(const auto address, Resolve(options_.host, options_.port));
  const unsigned family = address->ai_family == AF_INET6 ? static_cast<unsigned>(MHD_USE_IPv6) : 0U;
  const auto flags = static_cast<unsigned>(MHD_USE_EPOLL_INTERNAL_THREAD) |
                     static_cast<unsigned>(MHD_ALLOW_SUSPEND_RESUME) | static_cast<unsigned>(MHD_USE_ITC) | family;
  daemon_ = MHD_start_daemon(flags, options_.port, nullptr, nullptr, &OnRequest, this, MHD_OPTION_SOCK_ADDR,
                             address->ai_addr, MHD_OPTION_URI_LOG_CALLBACK, &OnTarget, nullptr,
                             MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, this, MHD_OPTION_CONNECTION_LIMIT,
                             static_cast<unsigned>(options_.connections_max), MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                             static_cast<unsigned>(options_.connections_per_address_max), MHD_OPTION_CONNECTION_TIMEOUT,
                             static_cast<unsigned>(options_.idle_max.count()), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                             kHeaderBytesMax, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (daemon_ == nullptr) {
    return MakeError(
        Fault::kConfig,
        "cannot listen on " + options_.host + ":" + std::to_string(options_.port) + ": " + std::strerror(errno),
        {.next = "choose another --port"});
  }
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
  port_ = info == nullptr ? options_.port : info->port;
  for (int i = 0; i < options_.threads; ++i) {
    threads_.Spawn([this](std::stop_token stop) { return Answer(stop); });
  }
  return Status::OK();
}

MHD_Result MicrohttpdServer::Step(Exchange& exchange, MHD_Connection* connection, const char* method, const char* data,
                                  size_t* size) {
  switch (exchange.stage.load(std::memory_order_acquire)) {
    case Exchange::Stage::kNew:
      return Begin(exchange, connection, method);
    case Exchange::Stage::kReading:
      if (*size > 0) return Take(exchange, data, size);
      if (exchange.refuse != 0) return Send(connection, Refusal(exchange.refuse), /*close=*/true);
      return Enqueue(exchange);
    case Exchange::Stage::kAnswering:
      return MHD_YES;
    case Exchange::Stage::kAnswered:
      return Send(connection, exchange.response, stopping_.load());
  }
  return MHD_NO;
}

// Called when the header is complete: the one moment at which a body can be refused before it is sent.
MHD_Result MicrohttpdServer::Begin(Exchange& exchange, MHD_Connection* connection, const char* method) {
  exchange.stage = Exchange::Stage::kReading;
  exchange.connection = connection;
  exchange.deadline = std::chrono::steady_clock::now() + options_.request_read_max;
  exchange.request.method = method;
  SplitTarget(exchange);
  const int collected =
      MHD_get_connection_values(connection, MHD_HEADER_KIND, &CollectHeader, &exchange.request.headers);
  if (collected > kHeaderFieldsMax) return Send(connection, Refusal(431), /*close=*/true);
  if (stopping_.load()) return Send(connection, Refusal(503), /*close=*/true);
  const std::string length(exchange.request.headers.Get("Content-Length").value_or(""));
  int64_t announced = 0;
  std::from_chars(length.data(), length.data() + length.size(), announced);
  if (announced > options_.body_bytes_max) return Send(connection, Refusal(413), /*close=*/true);
  return MHD_YES;
}

MHD_Result MicrohttpdServer::Take(Exchange& exchange, const char* data, size_t* size) {
  if (std::chrono::steady_clock::now() > exchange.deadline) return MHD_NO;  // closes the connection
  const auto bytes = static_cast<int64_t>(*size);
  const auto held = static_cast<int64_t>(exchange.request.body.size());
  if (exchange.refuse == 0 && held + bytes > options_.body_bytes_max) exchange.refuse = 413;
  if (exchange.refuse == 0 && bodies_bytes_.load() + bytes > options_.bodies_bytes_max) exchange.refuse = 503;
  *size = 0;
  if (exchange.refuse != 0) {  // what was refused is read a little further, so that the client can see the answer
    exchange.request.body.clear();
    exchange.dropped_bytes += bytes;
    return exchange.dropped_bytes > options_.body_bytes_max ? MHD_NO : MHD_YES;
  }
  exchange.request.body.append(data, static_cast<size_t>(bytes));
  exchange.counted_bytes += bytes;
  bodies_bytes_ += bytes;
  return MHD_YES;
}

// The connection sleeps until a thread has answered; so a slow request holds up no other.
MHD_Result MicrohttpdServer::Enqueue(Exchange& exchange) {
  MutexLock lock(mutex_);
  if (stopped_) return Send(exchange.connection, Refusal(503), /*close=*/true);  // nobody is left to wake it
  exchange.stage.store(Exchange::Stage::kAnswering, std::memory_order_release);
  MHD_suspend_connection(exchange.connection);
  queue_.push_back(&exchange);
  ++num_under_way_;
  changed_.notify_one();
  return MHD_YES;
}

Status MicrohttpdServer::Answer(std::stop_token stop) {
  while (true) {
    Exchange* exchange = nullptr;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopped_) changed_.wait(lock);
      if (queue_.empty()) return Status::OK();
      exchange = queue_.front();
      queue_.pop_front();
    }
    exchange->response = serve_(exchange->request, stop);
    MHD_Connection* connection = exchange->connection;
    exchange->stage.store(Exchange::Stage::kAnswered, std::memory_order_release);
    {
      MutexLock lock(mutex_);
      ++num_unsent_;
    }
    MHD_resume_connection(connection);  // from here on the exchange is not ours
    MutexLock lock(mutex_);
    --num_under_way_;
    changed_.notify_all();
  }
}

// Called when a request is over: its answer is sent, or its connection is closed.
void MicrohttpdServer::Forget(const Exchange& exchange) {
  bodies_bytes_ -= exchange.counted_bytes;
  if (exchange.stage.load(std::memory_order_acquire) != Exchange::Stage::kAnswered) return;
  MutexLock lock(mutex_);
  --num_unsent_;
  changed_.notify_all();
}

ServedResponse MicrohttpdServer::Refusal(int status) {
  ServedResponse response{.status = status};
  if (status == 503) response.headers.Add("Retry-After", "1");
  return response;
}

MHD_Result MicrohttpdServer::Send(MHD_Connection* connection, const ServedResponse& response, bool close) {
  MHD_Response* raw = MHD_create_response_from_buffer(response.body.size(), const_cast<char*>(response.body.data()),
                                                      MHD_RESPMEM_MUST_COPY);
  if (raw == nullptr) return MHD_NO;
  for (const auto& [name, value] : response.headers) MHD_add_response_header(raw, name.c_str(), value.c_str());
  if (close) MHD_add_response_header(raw, "Connection", "close");
  const MHD_Result sent = MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
  MHD_destroy_response(raw);
  return sent;
}

void MicrohttpdServer::Stop(std::chrono::milliseconds grace) {
  if (daemon_ == nullptr) return;
  stopping_ = true;
  const MHD_socket listener = MHD_quiesce_daemon(daemon_);
  const auto deadline = std::chrono::steady_clock::now() + grace;
  {
    MutexLock lock(mutex_);
    changed_.wait_until(lock, deadline, [this]() FIRN_NO_THREAD_SAFETY_ANALYSIS { return num_under_way_ == 0; });
    threads_.Stop();
    // Every exchange is answered and woken before the daemon ends: it must not hold sleeping connections then.
    changed_.wait(lock, [this]() FIRN_NO_THREAD_SAFETY_ANALYSIS { return num_under_way_ == 0; });
    stopped_ = true;
    changed_.notify_all();
  }
  static_cast<void>(threads_.Join());  // the threads end well
  {
    MutexLock lock(mutex_);
    changed_.wait_until(lock, deadline, [this]() FIRN_NO_THREAD_SAFETY_ANALYSIS { return num_unsent_ == 0; });
  }
  MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
  if (listener != MHD_INVALID_SOCKET) ::close(listener);
}

}  // namespace

std::optional<std::string> ServedRequest::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string> PercentDecode(std::string_view text, Decoding decoding) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && decoding == Decoding::kForm) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> ParseForm(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view field = text.substr(0, end);
    const size_t equals = field.find('=');
    const auto name = PercentDecode(field.substr(0, equals), Decoding::kForm);
    const auto value = PercentDecode(equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1),
                                     Decoding::kForm);
    if (name && value && !field.empty()) fields.emplace_back(*name, *value);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return fields;
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, ServeRequest serve) {
  auto server = std::make_unique<MicrohttpdServer>(std::move(options), std::move(serve));
  ARROW_RETURN_NOT_OK(server->Listen());
  return server;
}

}  // namespace firn::io
