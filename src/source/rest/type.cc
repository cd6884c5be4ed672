#include "source/rest/type.h"

#include <algorithm>
#include <utility>

#include "config/diagnostic.h"
#include "connector/native/lower.h"
#include "connector/paging_text.h"
#include "format/json/page.h"
#include "io/http_client.h"
#include "source/download_rows.h"
#include "source/rest/paginator.h"
#include "source/rest/raw_replay.h"
#include "source/rest/source.h"
#include "source/rest/start_position.h"

namespace firn::source::rest {
namespace {

Result<connector::RestPlan> Lower(const PipelineContext& context) {
  config::Diagnostics own;
  ARROW_ASSIGN_OR_RAISE(connector::RestPlan plan,
                        connector::LowerNative(*context.project, *context.pipeline,
                                               context.diagnostics == nullptr ? &own : context.diagnostics));
  for (const connector::TablePlan& table : plan.tables) {
    if (!table.download) continue;
    const Status sound = CheckDownload(*table.download);
    if (!sound.ok()) return WithContext(Within("table " + table.name, sound), {.where = table.where});
  }
  return plan;
}

const config::RestSourceConfig& ConfigOf(const config::PipelineConfig& pipeline) {
  return std::get<config::RestSourceConfig>(pipeline.source);
}

Result<std::unique_ptr<Source>> Build(const PipelineContext& context, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(connector::RestPlan plan, Lower(context));
  return MakeRestSource(std::move(plan), {.http = services.http,
                                          .clock = services.clock,
                                          .budgets = services.budgets,
                                          .background = services.background,
                                          .refresh_tokens = services.refresh_tokens,
                                          .on_wait = services.on_wait,
                                          .memory_bytes = services.memory_bytes,
                                          .scratch_folder = services.scratch_folder,
                                          .pool = services.pool,
                                          .excerpt = services.excerpt});
}

Result<std::unique_ptr<Source>> Replay(const PipelineContext& context, const ArchivedBodies& archived) {
  ARROW_ASSIGN_OR_RAISE(connector::RestPlan plan, Lower(context));
  RawReplayOptions options{.runs = {}, .open = archived.open};
  for (const std::string& run : archived.runs) options.runs.push_back({.run = run});
  return MakeRawReplaySource(std::move(plan), std::move(options));
}

// Scheme and port may change (a proxy, a test server) without making it another source.
std::string HostAndPath(std::string url) {
  if (const size_t scheme = url.find("://"); scheme != std::string::npos) url.erase(0, scheme + 3);
  const size_t slash = std::min(url.find('/'), url.size());
  const size_t port = url.rfind(':', slash);
  if (port != std::string::npos && url.find(']', port) == std::string::npos) url.erase(port, slash - port);
  return url;
}

std::string Identity(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  std::string text;
  for (const std::string& line : {HostAndPath(ConfigOf(pipeline).base_url), table.path, table.method,
                                  std::string(config::ToString(table.paginate.type))}) {
    text += line + "\n";
  }
  return text;
}

Result<std::string> Probe(const PipelineContext& context, const Services& services, std::stop_token stop) {
  const std::string& url = ConfigOf(*context.pipeline).base_url;
  io::HttpRequest request{.method = "GET", .url = url};
  request.timeouts.total = std::chrono::seconds(15);
  const auto response = services.http->Send(std::move(request), stop);
  if (!response.ok()) {
    return WithContext(Within(url, response.status()), {.next = "check base_url, network and proxy"});
  }
  return url + " answers (" + std::to_string(response->status) + " without path or credentials)";
}

// What the first page shows of records and paging.
Result<std::vector<ReadingNote>> Describe(const PipelineContext& context, const config::TableConfig& table,
                                          const Batch& first, const io::HttpHeaders* headers) {
  ARROW_ASSIGN_OR_RAISE(const connector::RestPlan whole, Lower(context));
  const connector::TablePlan* plan = whole.Find(table.name);
  const auto* rows = std::get_if<JsonRows>(&first.rows);
  FIRN_CHECK(plan != nullptr && rows != nullptr);
  const format::json::Page& page = *rows->page;
  const char* records_why = page.is_lines()           ? "one record per line"
                            : plan->records == "auto" ? "found in the answer"
                                                      : "declared";
  std::vector<ReadingNote> notes = {
      {"records", page.records_path().empty() ? "the body itself" : page.records_path(), records_why},
      {"paging", connector::PagingText(plan->paginate), "declared"}};
  ReadingNote& paging = notes.back();
  if (plan->paginate.type != connector::PaginatePlan::Type::kAuto) return notes;
  paging.why = "the first answer does not tell; a run tries page=2 and offset";
  if (headers == nullptr) return notes;
  const auto detected =
      DetectPagination(plan->paginate, {.headers = headers, .page = &page, .num_records = page.num_records()});
  if (detected.why.empty()) return notes;
  paging.value = connector::PagingText(detected.plan);
  paging.why = detected.why;
  return notes;
}

Result<Position> Start(const PipelineContext& context, const config::TableConfig& table, const StartPoint& start) {
  ARROW_ASSIGN_OR_RAISE(const connector::RestPlan plan, Lower(context));
  const connector::TablePlan* found = plan.Find(table.name);
  FIRN_CHECK(found != nullptr);
  return StartPosition(*found, start);
}

void AdaptHttp(const config::PipelineConfig& pipeline, io::HttpClientOptions* options) {
  const config::HttpConfig& http = ConfigOf(pipeline).http;
  if (!http.ca_file.empty()) options->ca_file = http.ca_file;
  options->client_cert_file = http.client_cert_file;
  options->client_key_file = http.client_key_file;
  options->client_key_password = http.client_key_password;
  if (!http.proxy.empty()) options->proxy = http.proxy;
  if (!http.user_agent.empty()) options->user_agent = http.user_agent;
}

}  // namespace

SourceType Type() {
  SourceType type{.name = "rest"};
  type.validate = [](const PipelineContext& context) { return Lower(context).status(); };
  type.build = Build;
  type.identity = Identity;
  type.probe = Probe;
  type.describe = Describe;
  type.adapt_http = AdaptHttp;
  type.replay = Replay;
  type.start = Start;
  return type;
}

}  // namespace firn::source::rest
