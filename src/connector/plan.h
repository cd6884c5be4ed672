#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/auth_config.h"
#include "config/files_config.h"
#include "config/job_config.h"
#include "expression/expression.h"

/// The one intermediate form of "how to talk to this API" that every front end is lowered to (native YAML today) and
/// that the REST engine runs. Everything here is checked already: templates parse, names exist, ranges hold.
namespace firn::connector {

using expression::Template;

struct NamedTemplate {
  std::string name;
  Template value;
};

/// A JSON body whose string leaves are templates. Which members are used is decided by kind.
struct BodyTemplate {
  enum class Kind { kConstant, kTemplate, kObject, kList };
  Kind kind = Kind::kConstant;
  std::string constant;             // kConstant: JSON text
  Template text;                    // kTemplate: one expression keeps its type; text becomes a string
  std::vector<std::string> keys;    // kObject: of `items`, in order
  std::vector<BodyTemplate> items;  // kObject, kList
};

struct AuthPlan {
  enum class Type {
    kNone,
    kBearer,
    kBasic,
    kApiKeyHeader,
    kApiKeyQuery,
    kHeaders,
    kOAuth2ClientCredentials,
    kOAuth2RefreshToken,
    kOAuth2Password,
    kJwt,
    kHmac,
    kAwsSigV4,
    kSession
  };
  Type type = Type::kNone;
  std::string where;
  std::string token;                // bearer
  std::string username, password;   // basic, OAuth2 password
  std::string key_name, key_value;  // api key: header or parameter name, and the secret
  std::string token_url, client_id, client_secret, refresh_token, scope;  // OAuth2
  std::vector<std::pair<std::string, std::string>> token_params;          // OAuth2: more form fields (audience)
  bool client_in_body = false;  // OAuth2: client id and secret as form fields instead of basic auth
  config::NamedText headers;
  config::JwtAuth jwt;
  config::HmacAuth hmac;
  config::AwsSigV4Auth aws;
  config::SessionAuth session;
};

struct PaginatePlan {
  enum class Type { kAuto, kNone, kPage, kOffset, kCursor, kLinkHeader, kNextUrl };
  Type type = Type::kAuto;
  std::string where;
  std::string param;                  // query parameter of the page number, offset or cursor
  std::string body_path;              // the same in the request body, instead of `param`
  std::string size_param;             // empty: the size is not sent
  int64_t page_size = 0;              // 0: not known; then a short page cannot end the reading
  int64_t first = 0;                  // page: number of the first page; offset: first offset
  std::string next;                   // path in the body of the cursor or of the next URL
  std::string next_header;            // response header that holds the cursor
  std::string last_record;            // path of the cursor in the last record of the page
  std::string rel = "next";           // relation in the Link header
  std::string has_more;               // path in the body of a flag: false ends the slice
  std::string total_rows;             // path in the body of the number of records
  std::string total_pages;            // path in the body of the number of pages
  std::optional<Template> stop_when;  // over {{ response.* }} and {{ count }}; a true value ends the slice
  int64_t pages_max = 1'000'000;      // of one slice; reaching it is an error, never a short table
};

/// How a lower or upper bound is written into a request. kIso: as the source wrote it, if it did.
enum class CursorFormat { kIso, kEpochSeconds, kEpochMillis, kPattern };

struct IncrementalPlan {
  enum class Order { kUnordered, kAscending };
  std::string where;
  std::string cursor;            // source path in the record
  std::string param, end_param;  // query parameters; empty: a template places {{ incremental.start }} or .end
  CursorFormat format = CursorFormat::kIso;
  std::string pattern;           // kPattern: strftime text
  std::string timezone = "UTC";  // of values without an offset, and of kPattern
  std::string start;             // first lower bound as written; empty: none, the first request has no lower bound
  int64_t lookback_micros = 0;   // subtracted from the last cursor value
  int64_t lag_micros = 0;        // the upper bound is now − lag
  int64_t step_micros = 0;       // length of a window; 0: one window
  Order order = Order::kUnordered;
};

/// Removal of rows that an earlier, overlapping read already gave.
enum class BoundaryRule {
  kNone,           // replace: everything is read anew
  kKey,            // append with a key: a key read at the boundary is not read again
  kKeyAndContent,  // merge: only rows whose content is the same too; a second change within one tick passes
  kContent,        // no key: by keyed hash of the record, counting equal rows
};

struct ParentPlan {
  std::string table;
  std::vector<std::string> fields;                           // source paths of the parent's rows that are used
  std::vector<std::pair<std::string, std::string>> include;  // column → source path in the parent's row
};

/// Limits of the wire; io's own where 0.
struct HttpPlan {
  double requests_per_second = 0;  // 0: no limit
  int64_t rate_window_ms = 1'000;  // that it is declared for
  int32_t burst = 1;
  int32_t concurrency = 4;
  int64_t connect_timeout_ms = 0, first_byte_timeout_ms = 0, idle_timeout_ms = 0, total_timeout_ms = 0;
  int64_t attempts_max = 0, retry_total_ms = 0;
  int64_t body_bytes_max = 0;
  bool allow_private_redirects = false;  // from a public address to a private one
};

/// The answer to a response status; the first rule that matches wins. Without one: 2xx ok, 401/403 kAuth, 404 kConfig,
/// others per io's retry policy and then an error.
struct StatusRule {
  enum class Action { kFail, kEmpty, kRetry };  // kEmpty: the request has no records (404 of a child)
  int32_t status_min = 0, status_max = 0;
  Action action = Action::kFail;
  bool declared = true;  // by the project; a rule that is ours holds for the first page of a child request alone
};

/// What an answer means, if not what its status says; judged before the status rules. The first that matches wins.
struct ResponseRule {
  // kEmpty: the request has no records. kSkip: they cannot be had now, the split ends here and keeps its position.
  enum class Action { kFail, kAuthFailed, kEmpty, kSkip, kRetry, kRateLimited };
  std::string where;
  int32_t status_min = 0, status_max = 0;  // both 0: any
  std::optional<Template> when;            // over {{ response.* }}, {{ status }} and {{ headers['x-…'] }}
  Action action = Action::kFail;
  std::optional<int64_t> wait_ms;   // of kRetry, kRateLimited: if the answer does not say
  std::string wait_header;          // response header of the wait; empty: Retry-After
  std::optional<Template> message;  // over the same names
};

struct TablePlan;

/// A job that is begun before the table's own request, whose templates see it as {{ job.id }} and {{ job.result.… }}
/// (the last answer about it).
struct JobPlan {
  std::string where;
  std::shared_ptr<const TablePlan> create, poll, cancel;  // requests, and nothing else of tables; cancel may be null
  std::string id;                                         // path in the answer to create
  std::string status;                                     // path in the answer to poll
  std::vector<std::string> done, failed, running;         // its values; running empty: any other
  std::string rows;                                       // path of the number of rows; empty: not said
  config::PollTimes times;
  int attempts_max = 1;
  std::optional<Template> url;  // of its file, or of several; nullopt: the table's own request asks for it
};

enum class EmptyBody { kError, kNoRecords };

struct TablePlan {
  std::string name;
  std::string where;  // "firn.yaml:28:7"
  std::string method = "GET";
  Template path;  // below base_url, or an absolute URL
  std::vector<NamedTemplate> params;
  std::vector<NamedTemplate> headers;
  std::optional<BodyTemplate> body;
  bool is_graphql = false;
  bool refuses_graphql_errors = false;
  std::optional<JobPlan> job;
  std::optional<config::DownloadConfig> download;  // answers are files of rows; records is not used then
  std::string records = "auto";                    // path of the records; "" = the body itself; "auto" = found
  PaginatePlan paginate;
  std::optional<IncrementalPlan> incremental;
  BoundaryRule boundary = BoundaryRule::kNone;
  std::vector<std::string> primary_key;       // source paths (or included columns)
  std::string partition_name;                 // empty: not partitioned; {{ partition.<name> }}
  std::string partition_param;                // empty: only used in templates
  std::string partition_column;               // of every row that a partition gives; empty: none
  std::vector<std::string> partition_values;  // JSON texts
  std::optional<ParentPlan> parent;
  std::vector<std::pair<std::string, std::string>> copies;  // column → source path in the row itself
  std::vector<std::string> child_fields;                    // source paths that this table's children use
  std::optional<Template> delete_when;                      // over {{ record.* }}
  std::vector<std::string> delete_fields;                   // source paths the expression uses
  std::vector<StatusRule> status_rules;
  std::vector<ResponseRule> response_rules;  // its own, then the source's
  EmptyBody empty_body = EmptyBody::kError;
  bool archive_raw = false;

  /// Returns the rule of a response status, or null.
  const StatusRule* RuleOf(int status) const {
    for (const auto& rule : status_rules) {
      if (status >= rule.status_min && status <= rule.status_max) return &rule;
    }
    return nullptr;
  }
};

/// What the request of a table, and that of its job, uses of {{ incremental }}: "start", "end".
std::set<std::string> IncrementalPaths(const TablePlan& table);

struct RestPlan {
  std::string name;  // of the pipeline
  std::string where;
  std::string base_url;
  std::vector<NamedTemplate> params;  // of every request
  std::vector<NamedTemplate> headers;
  AuthPlan auth;
  HttpPlan http;
  int32_t jobs_max = 2;  // under way at once
  std::vector<TablePlan> tables;

  const TablePlan* Find(const std::string& table) const {
    for (const auto& plan : tables) {
      if (plan.name == table) return &plan;
    }
    return nullptr;
  }
};

}  // namespace firn::connector
