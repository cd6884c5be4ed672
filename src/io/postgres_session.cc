#include "io/postgres_session.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

namespace firn::io {
namespace {

constexpr Oid kTextOid = 25;  // pg_type: all our values are text, and "unknown || unknown" has no type

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// libpq ends its texts with a line break and says "connection to server at …" on several lines.
std::string OneLine(const char* text) {
  std::string line(text == nullptr ? "" : text);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  std::ranges::replace(line, '\n', ' ');
  return line;
}

// The server's reason for refusing a connection has no SQLSTATE in libpq; its fixed words have to do.
Fault FaultOfRefusal(std::string_view message) {
  const auto says = [&](std::string_view words) { return message.find(words) != std::string_view::npos; };
  if (says("starting up") || says("shutting down") || says("in recovery") || says("too many")) return Fault::kTransient;
  if (says("authentication failed") || says("no password supplied") || says("no pg_hba.conf entry") ||
      says("role \"") || says("not permitted") || says("permission denied")) {
    return Fault::kAuth;
  }
  if (says("database \"") || says("SSL") || says("certificate") || says("sslmode")) return Fault::kConfig;
  return Fault::kUnreachable;
}

}  // namespace

Fault FaultFromSqlState(std::string_view sqlstate) {
  const std::string_view kind = sqlstate.substr(0, 2);
  // Serialisation failure, deadlock, a key that exists: somebody else was first.
  if (sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "23505") return Fault::kConflict;
  if (sqlstate == "42501" || kind == "28") return Fault::kAuth;
  // Lock timeout, cancelled statement, server going down or coming up, resources, a standby that is being promoted.
  if (sqlstate == "55P03" || sqlstate == "25006" || kind == "57" || kind == "53" || kind == "08" || kind == "40" ||
      kind == "58") {
    return Fault::kTransient;
  }
  if (kind == "22" || kind == "42" || kind == "3D" || kind == "3F" || kind == "0A") return Fault::kConfig;
  return Fault::kBug;
}

Result<std::unique_ptr<PostgresSession>> PostgresSession::Open(const PostgresTarget& target, int64_t statement_ms) {
  auto session = std::unique_ptr<PostgresSession>(new PostgresSession(target, statement_ms));
  ARROW_RETURN_NOT_OK(session->Connect());
  return session;
}

Status PostgresSession::Connect() {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : target_.parameters) {
    if (keyword == "connect_timeout") continue;  // libpq looks at it only where it waits itself
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back("client_encoding");
  values.push_back("UTF8");
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  handle_.reset(PQconnectStartParams(keywords.data(), values.data(), /*expand_dbname=*/0));
  if (handle_ == nullptr) return MakeError(Fault::kTransient, "out of memory for a connection");
  const int64_t deadline_ms = NowMs() + target_.connect_timeout_ms;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(handle_.get()) != CONNECTION_BAD && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
    ARROW_RETURN_NOT_OK(WaitFor(state == PGRES_POLLING_WRITING, deadline_ms));
    state = PQconnectPoll(handle_.get());
  }
  if (PQstatus(handle_.get()) != CONNECTION_OK) {
    const std::string message = OneLine(PQerrorMessage(handle_.get()));
    lost_ = true;
    return MakeError(FaultOfRefusal(message), "cannot connect to " + target_.shown + ": " + message,
                     {.state = "nothing was changed", .next = "check " + target_.setting});
  }
  PQsetnonblocking(handle_.get(), 1);
  PQsetNoticeReceiver(handle_.get(), [](void*, const PGresult*) {}, nullptr);  // else they go to stderr
  return Status::OK();
}

bool PostgresSession::usable() const {
  return !lost_ && handle_ != nullptr && PQstatus(handle_.get()) == CONNECTION_OK;
}

Status PostgresSession::Lost(std::string_view what) {
  lost_ = true;
  return MakeError(Fault::kUnreachable, "connection to " + target_.shown + " " + std::string(what));
}

Status PostgresSession::WaitFor(bool writing, int64_t deadline_ms) {
  while (true) {
    const int64_t left_ms = deadline_ms - NowMs();
    if (left_ms <= 0) return Lost("did not answer in time");
    pollfd wanted{
        .fd = PQsocket(handle_.get()), .events = static_cast<short>(writing ? POLLOUT | POLLIN : POLLIN), .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::min<int64_t>(left_ms, 60'000)));
    if (ready > 0) return Status::OK();
    if (ready < 0 && errno != EINTR) return Lost("cannot be waited for");
  }
}

Status PostgresSession::ErrorOf(const PGresult* result) const {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string sqlstate = state == nullptr ? "" : state;
  // Only the primary line: the detail of a violated key would repeat values.
  return MakeError(FaultFromSqlState(sqlstate),
                   "database: " + OneLine(message == nullptr ? "no message" : message) + ", SQLSTATE " + sqlstate);
}

Result<PostgresSession::Answer> PostgresSession::Receive(int64_t deadline_ms) {
  while (true) {
    const int flushed = PQflush(handle_.get());
    if (flushed < 0) return Lost("was lost: " + OneLine(PQerrorMessage(handle_.get())));
    if (flushed == 0) break;
    ARROW_RETURN_NOT_OK(WaitFor(/*writing=*/true, deadline_ms));
    if (PQconsumeInput(handle_.get()) == 0) return Lost("was lost: " + OneLine(PQerrorMessage(handle_.get())));
  }
  Answer last;
  while (true) {
    while (PQisBusy(handle_.get()) != 0) {
      ARROW_RETURN_NOT_OK(WaitFor(/*writing=*/false, deadline_ms));
      if (PQconsumeInput(handle_.get()) == 0) return Lost("was lost: " + OneLine(PQerrorMessage(handle_.get())));
    }
    Answer next(PQgetResult(handle_.get()));
    if (next == nullptr) break;
    last = std::move(next);
  }
  if (PQstatus(handle_.get()) != CONNECTION_OK || last == nullptr) return Lost("was lost");
  return last;
}

Result<PostgresSession::Answer> PostgresSession::Execute(const std::string& sql,
                                                         std::initializer_list<std::string_view> values) {
  if (!usable()) return Lost("was lost before");
  std::vector<std::string> texts(values.begin(), values.end());
  std::vector<Oid> types(texts.size(), kTextOid);
  std::vector<const char*> pointers;
  for (const std::string& text : texts) {
    // libpq would end the value there, and mean another name.
    if (text.find('\0') != std::string::npos) return MakeError(Fault::kConfig, "a name holds a zero byte");
    pointers.push_back(text.c_str());
  }
  const int64_t deadline_ms = NowMs() + statement_ms_;
  if (PQsendQueryParams(handle_.get(), sql.c_str(), static_cast<int>(texts.size()), types.data(), pointers.data(),
                        nullptr, nullptr, 0) == 0) {
    return Lost("was lost: " + OneLine(PQerrorMessage(handle_.get())));
  }
  ARROW_ASSIGN_OR_RAISE(Answer answer, Receive(deadline_ms));
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return answer;
  // A server that goes down says so, and is gone.
  const Status error = ErrorOf(answer.get());
  const char* state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
  if (state == nullptr || std::string_view(state).starts_with("57P")) lost_ = true;
  return error;
}

std::optional<std::string> PostgresText(const PGresult& answer, int row, int column) {
  if (PQgetisnull(&answer, row, column) != 0) return std::nullopt;
  return std::string(PQgetvalue(&answer, row, column), static_cast<size_t>(PQgetlength(&answer, row, column)));
}

}  // namespace firn::io
