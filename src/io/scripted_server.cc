#include "io/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/task_group.h"
#include "io/file_store.h"

namespace firn::io {
namespace {

class Socket {
 public:
  explicit Socket(int file) : file_(file) {}
  Socket(Socket&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  ~Socket() {
    if (file_ >= 0) ::close(file_);
  }
  int get() const { return file_; }

 private:
  int file_;
};

// One connection; every wait also watches the server's stop event.
class Connection {
 public:
  Connection(int socket, int stop_event) : socket_(socket), stop_event_(stop_event) {}

  // nullopt at the end of the connection.
  std::optional<ScriptedRequest> Read() {
    size_t head_end;
    while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadMore()) return std::nullopt;
    }
    ScriptedRequest request = ParseHead(input_.substr(0, head_end));
    if (request.headers.Has("expect") && !WriteAll("HTTP/1.1 100 Continue\r\n\r\n")) return std::nullopt;
    if (request.headers.Get("transfer-encoding") == "chunked") {
      input_.erase(0, head_end + 4);
      if (!ReadChunks(&request.body)) return std::nullopt;
      return request;
    }
    const auto length = request.headers.Get("content-length");
    const size_t body_bytes = length ? static_cast<size_t>(std::atoll(std::string(*length).c_str())) : 0;
    const size_t total = head_end + 4 + body_bytes;
    while (input_.size() < total) {
      if (!ReadMore()) return std::nullopt;
    }
    request.body = input_.substr(head_end + 4, body_bytes);
    input_.erase(0, total);
    return request;
  }

  // False when the connection shall end.
  bool Write(const ScriptedReply& reply) {
    std::string_view left = reply.bytes;
    while (!left.empty()) {
      const std::string_view piece = reply.piece_bytes == 0 ? left : left.substr(0, reply.piece_bytes);
      if (!WriteAll(piece)) return false;
      left.remove_prefix(piece.size());
      if (reply.piece_bytes != 0 && Stopped(reply.piece_pause)) return false;
    }
    switch (reply.end) {
      case ScriptedReply::End::kKeepAlive:
        return true;
      case ScriptedReply::End::kClose:
        return false;
      case ScriptedReply::End::kReset:
        Reset();
        return false;
      case ScriptedReply::End::kHang:
        while (ReadMore()) {
        }
        return false;
    }
    return false;
  }

 private:
  static ScriptedRequest ParseHead(const std::string& head) {
    ScriptedRequest request;
    const size_t line_end = std::min(head.find("\r\n"), head.size());
    const size_t space = head.find(' ');
    const size_t second = head.find(' ', space + 1);
    request.method = head.substr(0, space);
    request.target = head.substr(space + 1, second - space - 1);
    for (size_t at = line_end + 2; at < head.size();) {
      const size_t end = std::min(head.find("\r\n", at), head.size());
      const std::string line = head.substr(at, end - at);
      const size_t colon = std::min(line.find(':'), line.size());
      const size_t value = line.find_first_not_of(' ', colon + 1);
      request.headers.Add(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
      at = end + 2;
    }
    return request;
  }

  // Chunks without extensions or trailers (RFC 9112 §7.1).
  bool ReadChunks(std::string* body) {
    while (true) {
      size_t line;
      while ((line = input_.find("\r\n")) == std::string::npos) {
        if (!ReadMore()) return false;
      }
      const size_t size = std::strtoul(input_.c_str(), nullptr, 16);
      while (input_.size() < line + 2 + size + 2) {
        if (!ReadMore()) return false;
      }
      body->append(input_, line + 2, size);
      input_.erase(0, line + 2 + size + 2);
      if (size == 0) return true;
    }
  }

  // True if the server is stopping; else after `pause`.
  bool Stopped(std::chrono::milliseconds pause) const {
    pollfd event{stop_event_, POLLIN, 0};
    return ::poll(&event, 1, static_cast<int>(pause.count())) != 0;
  }

  bool ReadMore() {
    pollfd events[] = {{socket_.get(), POLLIN, 0}, {stop_event_, POLLIN, 0}};
    if (::poll(events, 2, -1) < 0 || events[1].revents != 0) return false;
    char bytes[64 << 10];
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    input_.append(bytes, static_cast<size_t>(got));
    return true;
  }

  bool WriteAll(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd events[] = {{socket_.get(), POLLOUT, 0}, {stop_event_, POLLIN, 0}};
      if (::poll(events, 2, -1) < 0 || events[1].revents != 0) return false;
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) return false;
      if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  void Reset() const {
    const linger hard{.l_onoff = 1, .l_linger = 0};  // close then sends RST
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }

  const Socket socket_;
  const int stop_event_;
  std::string input_;
};

class ScriptedServerImpl : public ScriptedServer {
 public:
  ScriptedServerImpl(Handler handler, Socket listener, Socket stop_event, int port)
      : handler_(std::move(handler)), listener_(std::move(listener)), stop_event_(std::move(stop_event)), port_(port) {
    threads_.Spawn([this](std::stop_token) { return Accept(); });
  }
  ~ScriptedServerImpl() override {
    const uint64_t one = 1;
    static_cast<void>(!::write(stop_event_.get(), &one, sizeof one));
    static_cast<void>(threads_.Join());
  }
  int port() const override { return port_; }
  int num_requests() const override { return num_requests_; }
  int num_connections() const override { return num_connections_; }

 private:
  Status Accept() {
    for (;;) {
      pollfd events[] = {{listener_.get(), POLLIN, 0}, {stop_event_.get(), POLLIN, 0}};
      if (::poll(events, 2, -1) < 0 || events[1].revents != 0) return Status::OK();
      const int socket = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      const int number = num_connections_++;
      threads_.Spawn([this, socket, number](std::stop_token) { return Serve(socket, number); });
    }
  }

  Status Serve(int socket, int number) {
    Connection connection(socket, stop_event_.get());
    while (auto request = connection.Read()) {
      request->connection = number;
      request->ordinal = num_requests_++;
      if (!connection.Write(handler_(*request))) break;
    }
    return Status::OK();
  }

  const Handler handler_;
  const Socket listener_;
  const Socket stop_event_;
  const int port_;
  std::atomic<int> num_requests_{0};
  std::atomic<int> num_connections_{0};
  TaskGroup threads_;
};

}  // namespace

std::string ScriptedServer::Url(const std::string& target, const std::string& host) const {
  return "http://" + host + ":" + std::to_string(port()) + target;
}

ScriptedReply Reply(int status, std::string body, const HttpHeaders& headers) {
  ScriptedReply reply;
  reply.bytes =
      "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  for (const auto& field : headers) reply.bytes += field.name + ": " + field.value + "\r\n";
  reply.bytes += "\r\n" + body;
  return reply;
}

Result<std::unique_ptr<ScriptedServer>> ScriptedServer::Start(Handler handler, const std::string& host) {
  Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Socket stop_event(::eventfd(0, EFD_CLOEXEC));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return MakeError(Fault::kConfig, "no IPv4 address: " + host);
  }
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), generic, size) != 0 || ::listen(listener.get(), 128) != 0 ||
      ::getsockname(listener.get(), generic, &size) != 0) {
    return FileError("listen on", host, errno);
  }
  return std::make_unique<ScriptedServerImpl>(std::move(handler), std::move(listener), std::move(stop_event),
                                              ntohs(address.sin_port));
}

}  // namespace firn::io
