#include "pipeline/alerts.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/redactor.h"
#include "io/child_process.h"
#include "io/http_client.h"
#include "io/mail.h"
#include "io/url.h"
#include "pipeline/table_watch.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr milliseconds kAllAlertsMax = std::chrono::minutes(2);
constexpr int64_t kAnswerBytesMax = 64 << 10;

// One event of one table, or of a run that could not begin.
struct Message {
  const config::AlertConfig* alert = nullptr;
  TableResult* table = nullptr;  // null: of the run
  std::string event;
  std::string subject;  // "shop.orders"
  std::string text;     // one line for people
  std::string id;
  std::string payload;  // JSON
};

const config::TableConfig* TableOf(const config::Project& project, const TableResult& result) {
  const config::PipelineConfig* pipeline = project.FindPipeline(result.pipeline);
  return pipeline == nullptr ? nullptr : pipeline->FindTable(result.table);
}

std::string TextOf(const TableResult& table, config::WatchEvent event) {
  const auto finding = [&](const char* code) {
    const auto found = std::ranges::find(table.findings, code, &state::Finding::code);
    return found == table.findings.end() ? std::string() : found->text;
  };
  switch (event) {
    case config::WatchEvent::kFailure:
      return table.error.message().substr(0, table.error.message().find('\n'));
    case config::WatchEvent::kSchemaChange:
      return table.schema_changes.front() + (table.schema_changes.size() > 1
                                                 ? " and " + std::to_string(table.schema_changes.size() - 1) + " more"
                                                 : "");
    case config::WatchEvent::kZeroRows:
      return finding(kZeroRowsCode);
    case config::WatchEvent::kVolume:
      return finding(kVolumeCode);
    case config::WatchEvent::kQuarantine:
      return std::to_string(table.rows.quarantined) + " rows in quarantine";
    case config::WatchEvent::kLate:
      return finding(kLateCode);
  }
  return "";
}

Json HeadOf(const RunResult& run, const std::string& event, const std::string& text) {
  return {{"version", 1},
          {"event", event},
          {"text", text},
          {"run_id", run.run_id},
          {"environment", run.environment},
          {"time", FormatTimestamp(run.finished)}};
}

std::vector<Message> MessagesOf(const AlertContext& context, RunResult* run) {
  std::vector<Message> messages;
  for (TableResult& table : run->tables) {
    const config::TableConfig* config = TableOf(context.project, table);
    if (config == nullptr) continue;
    for (const config::WatchEvent event : EventsOf(table)) {
      const config::AlertConfig* alert = config->watch.alerts.Find(event);
      if (alert == nullptr || alert->silent()) continue;
      Message message{.alert = alert, .table = &table, .event = std::string(ToString(event))};
      message.subject = table.identifier;
      message.text = ProcessRedactor().Redact(table.identifier + ": " + message.event + ": " + TextOf(table, event));
      message.id = run->run_id + "." + std::to_string(messages.size());
      Json payload = HeadOf(*run, message.event, message.text);
      payload["table"] = Json::parse(ToJson(table, /*for_alerts=*/true), nullptr, /*allow_exceptions=*/false);
      message.payload = payload.dump(-1, ' ', false, Json::error_handler_t::replace);
      messages.push_back(std::move(message));
    }
  }
  return messages;
}

class AlertSender {
 public:
  explicit AlertSender(const AlertContext& context) : context_(context), end_(context.clock.Steady() + kAllAlertsMax) {}

  void Send(std::vector<Message> messages) {
    std::vector<std::pair<const Message*, std::unique_ptr<io::PendingResponse>>> requests;
    for (const Message& message : messages) {
      if (!message.alert->webhook_url.empty()) requests.emplace_back(&message, Post(message));
    }
    for (const Message& message : messages) {
      if (!message.alert->command.empty()) Note(message, "command", RunCommand(message));
      if (!message.alert->email.server.empty()) Note(message, "email", Mail(message));
    }
    for (auto& [message, pending] : requests) Note(*message, "webhook", Answer(*message, *pending));
  }

 private:
  // What is left of the time for all, at most that of the alert; 0: none.
  milliseconds TimeFor(const Message& message) const {
    const auto left = std::chrono::duration_cast<milliseconds>(end_ - context_.clock.Steady());
    return std::clamp(left, milliseconds(0), milliseconds(message.alert->timeout_ms));
  }
  static Status NoTimeLeft() {
    return MakeError(Fault::kTransient, "not tried: the alerts before it took two minutes");
  }

  std::unique_ptr<io::PendingResponse> Post(const Message& message) const {
    io::HttpRequest request{.method = "POST", .url = message.alert->webhook_url, .body = message.payload};
    request.headers.Set("Content-Type", "application/json");
    for (const auto& [name, value] : message.alert->webhook_headers) request.headers.Set(name, value);
    const milliseconds limit = TimeFor(message);
    request.timeouts = {.connect = limit, .first_byte = limit, .idle = limit, .total = limit};
    request.body_bytes_max = kAnswerBytesMax;
    request.follow_redirects = false;
    request.repeatable = false;
    return context_.http.SendAsync(std::move(request));
  }

  // Messages of the client hold the URL, whose path is often the password.
  static Status Answer(const Message& message, io::PendingResponse& pending) {
    const auto response = pending.Wait({});
    const auto url = io::ParseUrl(message.alert->webhook_url);
    const std::string host = url.ok() ? url->host : "its host";
    if (response.ok()) {
      if (response->status / 100 == 2) return Status::OK();
      return MakeError(Fault::kConfig, host + " answered " + std::to_string(response->status));
    }
    const std::string said = response.status().message();
    const bool late = said.find("timed out") != std::string::npos;
    return MakeError(FaultOf(response.status()), host + (late ? " did not answer in time" : " could not be reached"));
  }

  Status RunCommand(const Message& message) const {
    const milliseconds limit = TimeFor(message);
    if (limit.count() == 0) return NoTimeLeft();
    ARROW_ASSIGN_OR_RAISE(const auto outcome, io::RunChild({.argv = message.alert->command,
                                                            .folder = context_.project.folder,
                                                            .input = message.payload + "\n",
                                                            .deadline = limit},
                                                           context_.clock));
    if (outcome.exit_code == 0) return Status::OK();
    std::string said = outcome.output.substr(0, outcome.output.find('\n'));
    if (!said.empty()) said = ": " + said;
    return MakeError(Fault::kConfig, "the program ended with " + std::to_string(outcome.exit_code) + said);
  }

  Status Mail(const Message& message) const {
    const milliseconds limit = TimeFor(message);
    if (limit.count() == 0) return NoTimeLeft();
    const config::EmailConfig& email = message.alert->email;
    const Json payload = Json::parse(message.payload, nullptr, /*allow_exceptions=*/false);
    const io::Mail mail{.from = email.from,
                        .to = email.to,
                        .subject = "firn: " + message.event + " of " + message.subject,
                        .text = message.text + "\n\n" + payload.dump(2) + "\n",
                        .id = message.id};
    return io::SendMail(email.server, mail, context_.clock.Now(), limit);
  }

  static void Note(const Message& message, const char* by, const Status& sent) {
    const std::string error = sent.ok() ? "" : ProcessRedactor().Redact(sent.message());
    if (message.table != nullptr) message.table->alerts.push_back({.event = message.event, .by = by, .error = error});
    if (sent.ok()) {
      log::Info("alert sent", {{"table", message.subject}, {"alert", message.event}, {"by", by}});
    } else {
      log::Record(log::Level::kWarn, "alert not delivered",
                  {{"table", message.subject}, {"alert", message.event}, {"by", by}, {"reason", error}});
    }
  }

  const AlertContext& context_;
  const std::chrono::steady_clock::time_point end_;
};

}  // namespace

void SendAlerts(const AlertContext& context, RunResult* result) {
  std::vector<Message> messages = MessagesOf(context, result);
  if (messages.empty()) return;
  AlertSender(context).Send(std::move(messages));
}

void SendRunFailure(const AlertContext& context, const Status& error) {
  std::vector<const config::AlertConfig*> alerts;
  const auto add = [&](const config::AlertsConfig& of) {
    const config::AlertConfig* alert = of.Find(config::WatchEvent::kFailure);
    const auto same = [&](const config::AlertConfig* other) { return other->config_path == alert->config_path; };
    if (alert != nullptr && !alert->silent() && std::ranges::none_of(alerts, same)) alerts.push_back(alert);
  };
  add(context.project.alerts);
  for (const config::PipelineConfig& pipeline : context.project.pipelines) add(pipeline.alerts);
  if (alerts.empty()) return;
  RunResult run;
  run.environment = context.project.environment;
  run.finished = context.clock.Now();
  const std::string why = error.message().substr(0, error.message().find('\n'));
  const std::string text = ProcessRedactor().Redact("the run could not begin: " + why);
  Json payload = HeadOf(run, "failure", text);
  payload["run"] = Json::parse(ToJson(error), nullptr, /*allow_exceptions=*/false);
  std::vector<Message> messages;
  for (const config::AlertConfig* alert : alerts) {
    messages.push_back({.alert = alert,
                        .event = "failure",
                        .subject = "the run",
                        .text = text,
                        .id = std::to_string(run.finished.micros) + "." + std::to_string(messages.size()),
                        .payload = payload.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }
  AlertSender(context).Send(std::move(messages));
}

}  // namespace firn::pipeline
