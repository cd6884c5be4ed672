#include "io/mariadb_rows.h"

#include <curl/curl.h>
#include <mysql.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

#include "base/redactor.h"

namespace firn::io {
namespace {

// Client errors, which say that the server cannot be talked to (MariaDB manual, "Connector/C error codes").
constexpr unsigned kConnectionError = 2002;
constexpr unsigned kHostError = 2003;
constexpr unsigned kUnknownHost = 2005;
constexpr unsigned kServerGone = 2006;
constexpr unsigned kServerLost = 2013;
// Errors of the server.
constexpr unsigned kDatabaseDenied = 1044;
constexpr unsigned kAccessDenied = 1045;
constexpr unsigned kTableDenied = 1142;
constexpr unsigned kTooManyConnections = 1040;

Status Refused(const std::string& setting, const std::string& what) {
  return MakeError(Fault::kConfig, setting + ": " + what, {.next = "write mysql://user@host:3306/database"});
}

bool IsThisMachine(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

std::string PartOf(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, part == CURLUPART_QUERY ? 0 : CURLU_URLDECODE) != CURLUE_OK) return "";
  const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
  return text;
}

Status ReadQuery(std::string_view query, const std::string& setting, MariaDbTarget* target) {
  if (query.empty()) return Status::OK();
  constexpr std::string_view kMode = "ssl-mode=";
  if (!query.starts_with(kMode)) return Refused(setting, "only `ssl-mode` is allowed behind the `?` of it");
  query.remove_prefix(kMode.size());
  if (query == "PREFERRED") {
    target->tls = MariaDbTarget::Tls::kWhereOffered;
  } else if (query == "REQUIRED") {
    target->tls = MariaDbTarget::Tls::kRequired;
  } else if (query == "VERIFY_IDENTITY") {
    target->tls = MariaDbTarget::Tls::kChecked;
  } else {
    return Refused(setting, "`ssl-mode` is PREFERRED, REQUIRED or VERIFY_IDENTITY");
  }
  return Status::OK();
}

Fault FaultOfCode(unsigned code) {
  switch (code) {
    case kConnectionError:
    case kHostError:
    case kUnknownHost:
    case kServerGone:
    case kServerLost:
      return Fault::kUnreachable;
    case kTooManyConnections:
      return Fault::kTransient;
    case kDatabaseDenied:
    case kAccessDenied:
    case kTableDenied:
      return Fault::kAuth;
    default:
      return Fault::kConfig;
  }
}

class Session {
 public:
  explicit Session(const MariaDbTarget& target) : target_(target), handle_(mysql_init(nullptr), mysql_close) {}

  Status Connect(int64_t wait_ms) {
    if (handle_ == nullptr) return MakeError(Fault::kTransient, "out of memory for a connection");
    const auto wait_s = static_cast<unsigned>(std::max<int64_t>(1, wait_ms / 1000));
    const unsigned no_files = 0;  // else a server may ask for files of this machine
    const my_bool yes = 1;
    const my_bool checked = target_.tls == MariaDbTarget::Tls::kChecked ? 1 : 0;
    MYSQL* const handle = handle_.get();
    mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &wait_s);
    mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &wait_s);
    mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &wait_s);
    mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &no_files);
    mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (target_.tls != MariaDbTarget::Tls::kWhereOffered) mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &checked);
    const std::string host = target_.host == "localhost" ? "127.0.0.1" : target_.host;  // else it is a socket's name
    if (mysql_real_connect(handle, host.c_str(), target_.user.c_str(), target_.password.c_str(),
                           target_.database.c_str(), target_.port, nullptr, 0) == nullptr) {
      return Failed("cannot connect to " + target_.shown);
    }
    return Status::OK();
  }

  Status Run(const std::string& sql) {
    if (mysql_real_query(handle_.get(), sql.data(), sql.size()) != 0) return Failed("database " + target_.shown);
    return Status::OK();
  }

  Status TakeRows(const TakeSqlRow& take) {
    const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> rows(mysql_use_result(handle_.get()), mysql_free_result);
    if (rows == nullptr) {
      if (mysql_errno(handle_.get()) != 0) return Failed("database " + target_.shown);
      return MakeError(Fault::kConfig, "database " + target_.shown + ": the query gives no rows");
    }
    const unsigned num_columns = mysql_num_fields(rows.get());
    const MYSQL_FIELD* const columns = mysql_fetch_fields(rows.get());
    SqlCells cells(num_columns);
    for (unsigned c = 0; c < num_columns; ++c) cells[c].first.assign(columns[c].name, columns[c].name_length);
    while (const MYSQL_ROW row = mysql_fetch_row(rows.get())) {
      const unsigned long* const lengths = mysql_fetch_lengths(rows.get());
      for (unsigned c = 0; c < num_columns; ++c) {
        cells[c].second = row[c] == nullptr ? std::nullopt : std::optional(std::string(row[c], lengths[c]));
      }
      ARROW_RETURN_NOT_OK(take(cells));
    }
    // A connection that breaks ends the rows as their end does.
    return mysql_errno(handle_.get()) == 0 ? Status::OK() : Failed("database " + target_.shown);
  }

 private:
  Status Failed(const std::string& what) const {
    return MakeError(FaultOfCode(mysql_errno(handle_.get())), what + ": " + mysql_error(handle_.get()));
  }

  const MariaDbTarget& target_;
  const std::unique_ptr<MYSQL, void (*)(MYSQL*)> handle_;
};

}  // namespace

Result<MariaDbTarget> ParseMariaDbTarget(const std::string& uri, const std::string& password,
                                         const std::string& setting) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (url == nullptr) return MakeError(Fault::kTransient, "out of memory for an address");
  // Not shown when it cannot be read: it may hold a password.
  if (!uri.starts_with("mysql://") ||
      curl_url_set(url.get(), CURLUPART_URL, uri.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return Refused(setting, "not a mysql:// address that can be read");
  }
  MariaDbTarget target{.host = PartOf(url.get(), CURLUPART_HOST),
                       .user = PartOf(url.get(), CURLUPART_USER),
                       .password = PartOf(url.get(), CURLUPART_PASSWORD),
                       .database = PartOf(url.get(), CURLUPART_PATH)};
  if (target.password.empty()) target.password = password;
  if (!target.password.empty()) ProcessRedactor().AddSecret(target.password);
  if (target.database.starts_with('/')) target.database.erase(0, 1);
  if (target.host.empty() || target.user.empty() || target.database.empty()) {
    return Refused(setting, "the address lacks a host, a user or a database");
  }
  const std::string port = PartOf(url.get(), CURLUPART_PORT);
  if (!port.empty()) std::from_chars(port.data(), port.data() + port.size(), target.port);  // curl has judged it
  if (IsThisMachine(target.host)) target.tls = MariaDbTarget::Tls::kWhereOffered;
  ARROW_RETURN_NOT_OK(ReadQuery(PartOf(url.get(), CURLUPART_QUERY), setting, &target));
  target.shown = "mysql://" + target.host + ":" + std::to_string(target.port) + "/" + target.database;
  if (target.host.starts_with('[')) target.host = target.host.substr(1, target.host.size() - 2);
  return target;
}

Status ReadMariaDbRows(const MariaDbTarget& target, const std::string& query, const SqlLimits& limits,
                       const TakeSqlRow& take) {
  Session session(target);
  ARROW_RETURN_NOT_OK(session.Connect(limits.wait_ms));
  // What is not read of an answer is waited for, so that no more may come than is wanted.
  ARROW_RETURN_NOT_OK(session.Run("SET SESSION sql_select_limit = " + std::to_string(limits.rows_max)));
  ARROW_RETURN_NOT_OK(session.Run("START TRANSACTION READ ONLY"));
  ARROW_RETURN_NOT_OK(session.Run(query));
  return session.TakeRows(take);
}

}  // namespace firn::io
