#include "cli/demo_shop.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/demo_shop_data.h"

namespace firn::cli {
namespace {

constexpr int64_t kPageRowsMax = 500;

struct Answer {
  unsigned status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// All rows of one generation, made once.
struct Data {
  explicit Data(int generation)
      : orders(demo::Orders(generation)),
        customers(demo::Customers(generation)),
        refunds(demo::Refunds(generation)),
        stores(demo::Stores()) {}
  std::vector<demo::Row> orders, customers, refunds, stores;
};

std::string Joined(const std::vector<demo::Row>& rows, size_t begin, size_t end) {
  std::string out = "[";
  for (size_t i = begin; i < end; ++i) {
    if (i > begin) out += ",";
    out += rows[i].json;
  }
  return out + "]";
}

std::string Argument(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
  return value == nullptr ? "" : value;
}

int64_t Number(const std::string& text, int64_t fallback) {
  int64_t value = fallback;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : fallback;
}

Answer Orders(const Data& data, const std::string& since, const std::string& cursor, int64_t limit) {
  auto begin = std::lower_bound(data.orders.begin(), data.orders.end(), since,
                                [](const demo::Row& row, const std::string& key) { return row.changed < key; });
  if (!cursor.empty()) {
    begin = std::upper_bound(data.orders.begin(), data.orders.end(), cursor,
                             [](const std::string& key, const demo::Row& row) { return key < row.sort_key; });
  }
  const auto left = data.orders.end() - begin;
  const auto first = static_cast<size_t>(begin - data.orders.begin());
  const auto last = first + static_cast<size_t>(std::min<int64_t>(left, limit));
  const std::string next =
      last < data.orders.size() && last > first ? "\"" + data.orders[last - 1].sort_key + "\"" : "null";
  return {.body = "{\"data\":" + Joined(data.orders, first, last) + ",\"meta\":{\"next\":" + next + "}}"};
}

Answer Customers(const Data& data, int64_t page, int64_t per_page) {
  const auto total = static_cast<int64_t>(data.customers.size());
  const int64_t begin = std::min(total, (page - 1) * per_page), end = std::min(total, begin + per_page);
  return {.body = "{\"items\":" + Joined(data.customers, static_cast<size_t>(begin), static_cast<size_t>(end)) +
                  ",\"page\":" + std::to_string(page) +
                  ",\"pages\":" + std::to_string((total + per_page - 1) / per_page) + "}"};
}

Answer Refunds(const Data& data, const std::string& since, int64_t offset, int64_t limit) {
  const auto from = std::lower_bound(data.refunds.begin(), data.refunds.end(), since,
                                     [](const demo::Row& row, const std::string& key) { return row.changed < key; });
  const auto skipped = static_cast<int64_t>(from - data.refunds.begin());
  const int64_t total = static_cast<int64_t>(data.refunds.size()) - skipped;
  const int64_t begin = std::min(total, offset), end = std::min(total, begin + limit);
  return {.body = "{\"refunds\":" +
                  Joined(data.refunds, static_cast<size_t>(skipped + begin), static_cast<size_t>(skipped + end)) +
                  ",\"total\":" + std::to_string(total) + "}"};
}

Answer Staff(std::string_view path) {
  const std::string id(path.substr(0, path.find('/')));
  const int64_t store = Number(id, 0);
  if (store < 1 || store > DemoShop::kStores || path.substr(id.size()) != "/staff") {
    return {.status = 404, .body = "{\"error\":\"no such store\"}"};
  }
  const auto rows = demo::Staff(store);
  return {.body = "{\"staff\":" + Joined(rows, 0, rows.size()) + "}"};
}

class MicrohttpdShop : public DemoShop {
 public:
  explicit MicrohttpdShop(Options options) : flaky_(options.flaky) { SetGeneration(options.generation); }
  ~MicrohttpdShop() override {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  Status Listen(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, port, nullptr, nullptr, &Handle, this,
                               MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, 64U,
                               MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_END);
    if (daemon_ == nullptr)
      return MakeError(Fault::kConfig, "the demo shop cannot listen on port " + std::to_string(port));
    const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
    port_ = info == nullptr ? port : info->port;
    return CheckReachable(address);
  }

  // In a network namespace of its own even 127.0.0.1 may be down; better said at once than after all retries.
  Status CheckReachable(sockaddr_in address) const {
    address.sin_port = htons(port_);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool reached =
        socket >= 0 && ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    if (socket >= 0) ::close(socket);
    if (reached) return Status::OK();
    return MakeError(Fault::kConfig, "the demo shop cannot be reached on 127.0.0.1: the loopback interface is down",
                     {.next = "ip link set lo up"});
  }

  std::string url() const override { return "http://127.0.0.1:" + std::to_string(port_); }
  void SetGeneration(int generation) override {
    auto data = std::make_shared<const Data>(generation);
    std::lock_guard lock(mutex_);
    data_ = std::move(data);
  }
  int64_t num_requests() const override { return num_requests_.load(); }
  int64_t num_orders() const override { return static_cast<int64_t>(Current()->orders.size()); }

 private:
  static MHD_Result Handle(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                           const char*, size_t*, void** state) {
    static int seen;
    if (*state == nullptr) {  // called once for the headers, then for the request
      *state = &seen;
      return MHD_YES;
    }
    return static_cast<MicrohttpdShop*>(self)->Reply(connection, url, method);
  }

  MHD_Result Reply(MHD_Connection* connection, std::string_view url, std::string_view method) {
    const int64_t number = ++num_requests_;
    if (flaky_ && number % 83 == 0) return MHD_NO;  // cut off without an answer
    const Answer answer = Decide(connection, url, method, number);
    MHD_Response* response = MHD_create_response_from_buffer(answer.body.size(), const_cast<char*>(answer.body.data()),
                                                             MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    for (const auto& [name, value] : answer.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
    const MHD_Result result = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return result;
  }

  Answer Decide(MHD_Connection* connection, std::string_view url, std::string_view method, int64_t number) const {
    if (method != "GET") return {.status = 405, .body = "{\"error\":\"only GET\"}"};
    const char* token = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (token == nullptr || std::string_view(token) != "Bearer demo-token") {
      return {.status = 401, .body = "{\"error\":\"token wanted\"}"};
    }
    if (flaky_ && number % 41 == 0) return {.status = 429, .body = "{}", .headers = {{"Retry-After", "0"}}};
    if (flaky_ && number % 59 == 0) return {.status = 500, .body = "oops"};
    return Route(connection, url);
  }

  Answer Route(MHD_Connection* connection, std::string_view url) const {
    const auto data = Current();
    const std::string since = Argument(connection, "since");
    const auto size = [&](const char* name) {
      return std::clamp<int64_t>(Number(Argument(connection, name), 100), 1, kPageRowsMax);
    };
    if (url == "/v1/orders") return Orders(*data, since, Argument(connection, "cursor"), size("limit"));
    if (url == "/v1/customers") {
      return Customers(*data, std::max<int64_t>(1, Number(Argument(connection, "page"), 1)), size("per_page"));
    }
    if (url == "/v1/refunds") {
      return Refunds(*data, since, std::max<int64_t>(0, Number(Argument(connection, "offset"), 0)), size("limit"));
    }
    if (url == "/v1/stores") return {.body = Joined(data->stores, 0, data->stores.size())};
    constexpr std::string_view kPrefix = "/v1/stores/";
    if (url.starts_with(kPrefix)) return Staff(url.substr(kPrefix.size()));
    return {.status = 404, .body = "{\"error\":\"no such path\"}"};
  }

  std::shared_ptr<const Data> Current() const {
    std::lock_guard lock(mutex_);
    return data_;
  }

  const bool flaky_;
  uint16_t port_ = 0;
  std::atomic<int64_t> num_requests_{0};
  MHD_Daemon* daemon_ = nullptr;
  mutable std::mutex mutex_;
  std::shared_ptr<const Data> data_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<DemoShop>> DemoShop::Start(Options options) {
  auto shop = std::make_unique<MicrohttpdShop>(options);
  ARROW_RETURN_NOT_OK(shop->Listen(options.port));
  return shop;
}

}  // namespace firn::cli
