#include "connector/native/lower.h"

#include <algorithm>
#include <set>

#include "expression/datetime.h"

namespace firn::connector {
namespace {

using config::Diagnostics;
using expression::Range;
using expression::Value;

constexpr std::string_view kBadExpression = "E0450";
constexpr std::string_view kUnknownName = "E0451";
constexpr std::string_view kBadIncremental = "E0407";
constexpr std::string_view kBadPagination = "E0410";

// Narrows the span of a value to a range of its text, where the text stands unescaped on the span's first line.
config::Span Narrow(config::Span span, std::string_view text, Range range) {
  if (!span.file || span.line == 0 || text.find('\n') != std::string_view::npos) return span;
  std::string_view rest = span.file->text;
  for (uint32_t line = 1; line < span.line; ++line) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return span;
    rest.remove_prefix(end + 1);
  }
  const std::string_view line = rest.substr(0, rest.find('\n'));
  const size_t found = line.find(text);
  if (found == std::string_view::npos || range.end > text.size()) return span;
  // Columns count code points.
  const auto column = [&](size_t bytes) {
    const auto head = line.substr(0, bytes);
    return static_cast<uint32_t>(std::count_if(head.begin(), head.end(),
                                               [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; })) +
           1;
  };
  span.end_line = span.line;
  span.column = column(found + range.begin);
  span.end_column = std::max(column(found + range.end), span.column + 1);
  return span;
}

class Lowering {
 public:
  Lowering(const config::Project& project, const config::PipelineConfig& pipeline, Diagnostics* diagnostics)
      : project_(project), pipeline_(pipeline), diagnostics_(*diagnostics) {}

  RestPlan Run(const config::RestSourceConfig& source) {
    const std::string path = pipeline_.config_path + ".source";
    RestPlan plan{
        .name = pipeline_.name, .where = project_.WhereIs(pipeline_.config_path), .base_url = source.base_url};
    plan.params = Named(source.params, path + ".params", {});
    plan.headers = Named(source.headers, path + ".headers", {});
    plan.auth = LowerAuth(source.auth, project_.WhereIs(path + ".auth"));
    if (plan.auth.type == AuthPlan::Type::kHmac) Parse(plan.auth.hmac.sign, path + ".auth.sign", {"request"});
    plan.http = Http(source);
    plan.jobs_max = static_cast<int32_t>(source.jobs_max);
    source_rules_ = Rules(source.on_response);
    for (const auto& table : pipeline_.tables) plan.tables.push_back(Table(table));
    LinkChildren(&plan);
    return plan;
  }

 private:
  void Error(std::string_view code, const std::string& path, std::string message, std::string help = "") {
    diagnostics_.AddError(code, project_.SpanOf(path), std::move(message)).help = std::move(help);
  }

  Template Parse(const std::string& text, const std::string& path, const std::set<std::string>& names) {
    return Checked(Template::Parse(text), text, path, names);
  }

  Template Checked(Result<Template> parsed, const std::string& text, const std::string& path,
                   const std::set<std::string>& names) {
    if (!parsed.ok()) {
      const config::Span span = Narrow(project_.SpanOf(path), text, expression::RangeOf(parsed.status()));
      diagnostics_.AddError(kBadExpression, span, parsed.status().message());
      return {};
    }
    for (const std::string& name : parsed->Names()) {
      if (names.count(name) > 0) continue;
      const size_t at = text.find(name);
      const config::Span span = Narrow(project_.SpanOf(path), text, {at, at + name.size()});
      std::string known;
      for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
      diagnostics_.AddError(kUnknownName, span, "unknown name '" + name + "' in an expression").help =
          known.empty() ? "no names are known here" : "known here: " + known;
    }
    return std::move(*parsed);
  }

  std::vector<NamedTemplate> Named(const config::NamedText& texts, const std::string& path,
                                   const std::set<std::string>& names) {
    std::vector<NamedTemplate> result;
    for (const auto& [name, text] : texts) result.push_back({name, Parse(text, path + "." + name, names)});
    return result;
  }

  static HttpPlan Http(const config::RestSourceConfig& source) {
    HttpPlan plan{.concurrency = static_cast<int32_t>(source.concurrency),
                  .connect_timeout_ms = source.timeouts.connect_ms,
                  .first_byte_timeout_ms = source.timeouts.first_byte_ms,
                  .idle_timeout_ms = source.timeouts.idle_ms,
                  .total_timeout_ms = source.timeouts.total_ms,
                  .attempts_max = source.retry.attempts_max,
                  .retry_total_ms = source.retry.total_ms,
                  .body_bytes_max = source.http.body_bytes_max,
                  .allow_private_redirects = source.http.allow_private_redirects};
    if (source.rate_limit && source.rate_limit->per_ms > 0) {
      plan.requests_per_second =
          static_cast<double>(source.rate_limit->requests) * 1000.0 / static_cast<double>(source.rate_limit->per_ms);
      plan.rate_window_ms = source.rate_limit->per_ms;
      plan.burst = 1;  // a full bucket on top of the rate would exceed what the API allows in one period
    }
    return plan;
  }

  std::set<std::string> RequestNames(const config::TableConfig& table) const {
    std::set<std::string> names;
    if (!table.parent.empty()) names.insert("parent");
    if (table.partitions) names.insert("partition");
    if (table.incremental) names.insert("incremental");
    return names;
  }

  TablePlan Table(const config::TableConfig& table) {
    const std::string& path = table.config_path;
    auto names = RequestNames(table);
    TablePlan plan{.name = table.name, .where = project_.WhereIs(path), .method = table.method};
    if (table.job) plan.job = Job(*table.job, table, names);
    if (table.job) names.insert("job");
    plan.download = table.download;
    plan.path = Parse(table.path, path + ".path", names);
    plan.params = Named(table.params, path + ".params", names);
    plan.headers = Named(table.headers, path + ".headers", names);
    if (!table.body_json.empty()) plan.body = Body(table.body_json, path, names);
    plan.is_graphql = table.is_graphql;
    plan.refuses_graphql_errors = table.refuses_graphql_errors;
    plan.records = table.records == "." ? "" : table.records;
    plan.paginate = Paginate(table.paginate, path + ".paginate");
    plan.status_rules = Rules(table);
    plan.response_rules = Rules(table.on_response);
    plan.response_rules.insert(plan.response_rules.end(), source_rules_.begin(), source_rules_.end());
    const bool merges = table.write_disposition == config::WriteDisposition::kMerge;
    if (!merges || table.job || table.download) FailInsteadOfSkip(&plan.response_rules);
    if (table.empty_body_is_no_records) plan.empty_body = EmptyBody::kNoRecords;
    plan.primary_key = table.primary_key;
    plan.boundary = Boundary(table);
    plan.archive_raw = table.raw.mode != config::RawConfig::Mode::kOff;
    if (table.partitions) Partitions(*table.partitions, &plan);
    if (!table.parent.empty()) plan.parent = Parent(table, plan);
    for (const auto& [column, source] : table.include) {
      if (!source.starts_with("parent.")) plan.copies.emplace_back(column, source);
    }
    for (const auto& column : table.columns) {
      if (const Status status = expression::CheckZone(column.timezone); !status.ok()) {
        Error("E0418", path + ".columns." + column.path + ".timezone", status.message());
      }
    }
    if (table.incremental) plan.incremental = Incremental(*table.incremental, table, plan);
    if (!table.delete_when.empty()) {
      plan.delete_when =
          Checked(Template::ParseExpression(table.delete_when), table.delete_when, path + ".delete_when", {"record"});
      plan.delete_fields = plan.delete_when->PathsBelow("record");
    }
    return plan;
  }

  std::shared_ptr<const TablePlan> JobRequest(const config::JobRequestConfig& request, const config::TableConfig& table,
                                              const std::string& part, const std::set<std::string>& names) {
    const std::string path = table.config_path + ".job." + part;
    TablePlan plan{.name = table.name, .where = project_.WhereIs(path), .method = request.method};
    plan.path = Parse(request.path, path + ".path", names);
    plan.params = Named(request.params, path + ".params", names);
    plan.headers = Named(request.headers, path + ".headers", names);
    if (!request.body_json.empty()) plan.body = Body(request.body_json, path, names);
    return std::make_shared<const TablePlan>(std::move(plan));
  }

  JobPlan Job(const config::JobConfig& job, const config::TableConfig& table, std::set<std::string> names) {
    JobPlan plan{.where = project_.WhereIs(table.config_path + ".job"),
                 .create = JobRequest(job.create, table, "create", names)};
    names.insert("job");
    plan.poll = JobRequest(job.poll, table, "poll", names);
    if (job.cancel) plan.cancel = JobRequest(*job.cancel, table, "cancel", names);
    plan.id = job.id;
    plan.status = job.status;
    plan.done = job.done;
    plan.failed = job.failed;
    plan.running = job.running;
    plan.rows = job.rows;
    plan.times = job.times;
    plan.attempts_max = static_cast<int>(job.attempts_max);
    if (!job.url.empty()) plan.url = Parse(job.url, table.config_path + ".job.download.url", names);
    return plan;
  }

  BodyTemplate Body(const std::string& text, const std::string& path, const std::set<std::string>& names) {
    const auto parsed = expression::ParseJson(text);
    // No JSON before the expressions are filled in, for example {"limit": {{ … }} }: templates stand in strings.
    if (!parsed.ok()) {
      Error("E0414", path + ".body", "the request body is not JSON: " + parsed.status().message(),
            "write expressions inside strings: \"{{ parent.id }}\" keeps its type");
      return {};
    }
    return BodyOf(*parsed, path, names);
  }

  BodyTemplate BodyOf(const Value& value, const std::string& path, const std::set<std::string>& names) {
    BodyTemplate body;
    if (value.kind() == Value::Kind::kMap) {
      body.kind = BodyTemplate::Kind::kObject;
      for (const auto& [key, field] : value.as_map()) {
        body.keys.push_back(key);
        body.items.push_back(BodyOf(field, path, names));
      }
    } else if (value.kind() == Value::Kind::kList) {
      body.kind = BodyTemplate::Kind::kList;
      for (const Value& item : value.as_list()) body.items.push_back(BodyOf(item, path, names));
    } else if (value.is_string() && value.as_string().find("{{") != std::string::npos) {
      body.kind = BodyTemplate::Kind::kTemplate;
      body.text = Parse(value.as_string(), path + ".body", names);
    } else {
      body.constant = expression::ToJson(value);
    }
    return body;
  }

  PaginatePlan Paginate(const config::PaginateConfig& paginate, const std::string& path) {
    PaginatePlan plan{.type = static_cast<PaginatePlan::Type>(paginate.type),
                      .where = project_.WhereIs(path),
                      .param = paginate.param,
                      .body_path = paginate.body_path,
                      .size_param = paginate.size_param,
                      .page_size = paginate.page_size.value_or(0),
                      .first = paginate.start,
                      .next = paginate.next,
                      .next_header = paginate.next_header,
                      .last_record = paginate.last_record,
                      .rel = paginate.rel.empty() ? "next" : paginate.rel,
                      .has_more = paginate.has_more,
                      .total_rows = paginate.total_rows,
                      .total_pages = paginate.total_pages,
                      .pages_max = paginate.pages_max};
    using Type = PaginatePlan::Type;
    if (plan.type == Type::kPage && plan.param.empty() && plan.body_path.empty()) plan.param = "page";
    if (plan.type == Type::kOffset && plan.param.empty() && plan.body_path.empty()) plan.param = "offset";
    if (plan.type == Type::kOffset && plan.size_param.empty() && plan.page_size > 0) plan.size_param = "limit";
    if (plan.type == Type::kCursor && plan.next.empty() && plan.next_header.empty() && plan.last_record.empty()) {
      Error(kBadPagination, path, "a cursor needs 'next' (a path in the body), 'header' or 'last_record'");
    }
    if (plan.type == Type::kCursor && plan.param.empty() && plan.body_path.empty()) {
      Error(kBadPagination, path, "a cursor needs 'param' or 'body_path', where it is sent");
    }
    if (plan.type == Type::kNextUrl && plan.next.empty()) {
      Error(kBadPagination, path, "next_url needs 'next', the path of the URL in the body");
    }
    if (!paginate.stop_when.empty()) {
      plan.stop_when = Checked(Template::ParseExpression(paginate.stop_when), paginate.stop_when, path + ".stop_when",
                               {"response", "count"});
    }
    return plan;
  }

  // A parent row may be gone before its children are asked for: then it has none.
  static std::vector<StatusRule> Rules(const config::TableConfig& table) {
    std::vector<StatusRule> rules;
    for (const auto& rule : table.on_status) {
      using From = config::StatusRuleConfig::Action;
      const auto action = rule.action == From::kEmpty   ? StatusRule::Action::kEmpty
                          : rule.action == From::kRetry ? StatusRule::Action::kRetry
                                                        : StatusRule::Action::kFail;
      rules.push_back({.status_min = rule.status_min, .status_max = rule.status_max, .action = action});
    }
    if (table.parent.empty()) return rules;
    for (const int32_t missing : {404, 410}) {
      rules.push_back(
          {.status_min = missing, .status_max = missing, .action = StatusRule::Action::kEmpty, .declared = false});
    }
    return rules;
  }

  // What is left out of a replace would be gone from the table, and pages before it would be appended once more; jobs
  // and files have no page that could end a split.
  static void FailInsteadOfSkip(std::vector<ResponseRule>* rules) {
    for (ResponseRule& rule : *rules) {
      if (rule.action == ResponseRule::Action::kSkip) rule.action = ResponseRule::Action::kFail;
    }
  }

  std::vector<ResponseRule> Rules(const std::vector<config::ResponseRuleConfig>& rules) {
    const std::set<std::string> names = {"response", "status", "headers"};
    std::vector<ResponseRule> plans;
    for (const auto& rule : rules) {
      ResponseRule plan{.where = project_.WhereIs(rule.config_path),
                        .status_min = rule.status_min,
                        .status_max = rule.status_max,
                        .action = static_cast<ResponseRule::Action>(rule.action),
                        .wait_ms = rule.wait_ms,
                        .wait_header = rule.wait_header};
      if (!rule.when.empty()) {
        plan.when = Checked(Template::ParseExpression(rule.when), rule.when, rule.config_path + ".when", names);
      }
      if (!rule.message.empty()) plan.message = Parse(rule.message, rule.config_path + ".message", names);
      plans.push_back(std::move(plan));
    }
    return plans;
  }

  static BoundaryRule Boundary(const config::TableConfig& table) {
    if (!table.incremental || table.write_disposition == config::WriteDisposition::kReplace) return BoundaryRule::kNone;
    if (table.primary_key.empty()) return BoundaryRule::kContent;
    return table.write_disposition == config::WriteDisposition::kMerge ? BoundaryRule::kKeyAndContent
                                                                       : BoundaryRule::kKey;
  }

  static void Partitions(const config::PartitionsConfig& partitions, TablePlan* plan) {
    plan->partition_name = partitions.name;
    plan->partition_param = partitions.param;
    plan->partition_column = partitions.column;
    for (const auto& value : partitions.values) {
      plan->partition_values.push_back(expression::ToJson(Value::String(value)));
    }
  }

  ParentPlan Parent(const config::TableConfig& table, const TablePlan& plan) {
    ParentPlan parent{.table = table.parent};
    if (pipeline_.FindTable(table.parent) == nullptr) {
      Error("E0405", table.config_path + ".parent", "'" + table.parent + "' is no table of this pipeline");
    }
    std::set<std::string> fields;
    const auto use = [&](const Template& text) {
      for (const auto& path : text.PathsBelow("parent")) fields.insert(path);
    };
    use(plan.path);
    for (const auto& param : plan.params) use(param.value);
    for (const auto& header : plan.headers) use(header.value);
    if (plan.body) UseBody(*plan.body, use);
    for (const auto& [column, source] : table.include) {
      if (!source.starts_with("parent.")) continue;
      parent.include.emplace_back(column, source.substr(7));
      fields.insert(source.substr(7));
    }
    if (fields.erase("") > 0) {
      Error(kBadExpression, table.config_path,
            "'parent' is used as a whole; name the fields that are needed: parent.id");
    }
    parent.fields.assign(fields.begin(), fields.end());
    return parent;
  }

  template <typename Use>
  static void UseBody(const BodyTemplate& body, const Use& use) {
    if (body.kind == BodyTemplate::Kind::kTemplate) use(body.text);
    for (const auto& item : body.items) UseBody(item, use);
  }

  IncrementalPlan Incremental(const config::IncrementalConfig& incremental, const config::TableConfig& table,
                              const TablePlan& table_plan) {
    const std::string path = table.config_path + ".incremental";
    IncrementalPlan plan{.where = project_.WhereIs(path),
                         .cursor = incremental.cursor,
                         .param = incremental.param,
                         .end_param = incremental.end_param,
                         .format = static_cast<CursorFormat>(incremental.format),
                         .pattern = incremental.pattern,
                         .timezone = incremental.timezone,
                         .start = incremental.start,
                         .lookback_micros = incremental.lookback_ms * 1000,
                         .lag_micros = incremental.lag_ms * 1000,
                         .step_micros = incremental.step_ms.value_or(0) * 1000,
                         .order = incremental.order == config::CursorOrder::kAscending
                                      ? IncrementalPlan::Order::kAscending
                                      : IncrementalPlan::Order::kUnordered};
    if (plan.format == CursorFormat::kPattern) {
      if (const Status status = expression::CheckPattern(plan.pattern); !status.ok()) {
        Error(kBadIncremental, path + ".format", status.message());
      }
    }
    if (const Status status = expression::CheckZone(plan.timezone); !status.ok()) {
      Error("E0418", path + ".timezone", status.message());
    }
    if (!table.parent.empty()) {
      Error(kBadIncremental, path, "a table with a parent has no cursor of its own in this build",
            "put `incremental` on the parent: the children of each changed parent row are read anew");
    }
    if (plan.step_micros > 0 && plan.start.empty()) {
      Error(kBadIncremental, path + ".step", "windows need a 'start'", "start: 2024-01-01");
    }
    const auto templates = IncrementalPaths(table_plan);
    if (plan.step_micros > 0 && plan.end_param.empty() && templates.count("end") == 0) {
      Error(kBadIncremental, path + ".step", "windows need an upper bound in the request",
            "end_param: until   # or {{ incremental.end }} in a parameter");
    }
    if (plan.step_micros < 0 || plan.lookback_micros < 0 || plan.lag_micros < 0) {
      Error(kBadIncremental, path, "step, lookback and lag are not negative");
    }
    return plan;
  }

  static void LinkChildren(RestPlan* plan) {
    for (auto& table : plan->tables) {
      std::set<std::string> fields;
      for (const auto& child : plan->tables) {
        if (child.parent && child.parent->table == table.name) {
          fields.insert(child.parent->fields.begin(), child.parent->fields.end());
        }
      }
      table.child_fields.assign(fields.begin(), fields.end());
    }
  }

  const config::Project& project_;
  const config::PipelineConfig& pipeline_;
  Diagnostics& diagnostics_;
  std::vector<ResponseRule> source_rules_;
};

static_assert(static_cast<int>(ResponseRule::Action::kRateLimited) ==
              static_cast<int>(config::ResponseRuleConfig::Action::kRateLimited));
static_assert(static_cast<int>(PaginatePlan::Type::kNextUrl) == static_cast<int>(config::PaginateType::kNextUrl));
static_assert(static_cast<int>(CursorFormat::kPattern) == static_cast<int>(config::CursorFormat::kPattern));

AuthPlan::Type TypeOf(config::OAuth2Auth::Grant grant) {
  switch (grant) {
    case config::OAuth2Auth::Grant::kClientCredentials:
      return AuthPlan::Type::kOAuth2ClientCredentials;
    case config::OAuth2Auth::Grant::kRefreshToken:
      return AuthPlan::Type::kOAuth2RefreshToken;
    case config::OAuth2Auth::Grant::kPassword:
      return AuthPlan::Type::kOAuth2Password;
  }
  return AuthPlan::Type::kNone;
}

}  // namespace

AuthPlan LowerAuth(const config::AuthConfig& auth, std::string where) {
  AuthPlan plan{.where = std::move(where)};
  if (const auto* bearer = std::get_if<config::BearerAuth>(&auth)) {
    plan.type = AuthPlan::Type::kBearer;
    plan.token = bearer->token;
  } else if (const auto* basic = std::get_if<config::BasicAuth>(&auth)) {
    plan.type = AuthPlan::Type::kBasic;
    plan.username = basic->username;
    plan.password = basic->password;
  } else if (const auto* key = std::get_if<config::ApiKeyAuth>(&auth)) {
    plan.type =
        key->in == config::ApiKeyAuth::In::kHeader ? AuthPlan::Type::kApiKeyHeader : AuthPlan::Type::kApiKeyQuery;
    plan.key_name = key->name;
    plan.key_value = key->value;
  } else if (const auto* oauth = std::get_if<config::OAuth2Auth>(&auth)) {
    plan.type = TypeOf(oauth->grant);
    plan.token_url = oauth->token_url;
    plan.client_id = oauth->client_id;
    plan.client_secret = oauth->client_secret;
    plan.refresh_token = oauth->refresh_token;
    plan.username = oauth->username;
    plan.password = oauth->password;
    for (const auto& scope : oauth->scopes) plan.scope += (plan.scope.empty() ? "" : " ") + scope;
    plan.token_params = oauth->extra_params;
    plan.client_in_body = oauth->send_client_as == config::OAuth2Auth::SendClientAs::kBody;
  } else if (const auto* several = std::get_if<config::HeadersAuth>(&auth)) {
    plan.type = AuthPlan::Type::kHeaders;
    plan.headers = several->headers;
  } else if (const auto* jwt = std::get_if<config::JwtAuth>(&auth)) {
    plan.type = AuthPlan::Type::kJwt;
    plan.jwt = *jwt;
    plan.token_url = jwt->token_url;
    plan.token_params = jwt->extra_params;
    plan.client_in_body = true;  // there is none: the assertion says who asks
  } else if (const auto* hmac = std::get_if<config::HmacAuth>(&auth)) {
    plan.type = AuthPlan::Type::kHmac;
    plan.hmac = *hmac;
  } else if (const auto* aws = std::get_if<config::AwsSigV4Auth>(&auth)) {
    plan.type = AuthPlan::Type::kAwsSigV4;
    plan.aws = *aws;
  } else if (const auto* session = std::get_if<config::SessionAuth>(&auth)) {
    plan.type = AuthPlan::Type::kSession;
    plan.session = *session;
  }
  return plan;
}

Result<RestPlan> LowerNative(const config::Project& project, const config::PipelineConfig& pipeline,
                             config::Diagnostics* diagnostics) {
  const auto* rest = std::get_if<config::RestSourceConfig>(&pipeline.source);
  FIRN_CHECK(rest != nullptr);
  const size_t errors_before = diagnostics->num_errors();
  RestPlan plan = Lowering(project, pipeline, diagnostics).Run(*rest);
  if (diagnostics->num_errors() > errors_before) return diagnostics->ToStatus();
  return plan;
}

}  // namespace firn::connector
