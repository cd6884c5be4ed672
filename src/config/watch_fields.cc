#include "config/watch_fields.h"

#include "config/watch_config.h"

namespace firn::config {
namespace {

constexpr int64_t kDayMs = 86'400'000;

ObjectTypePtr WebhookType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "webhook",
                 .doc = "A request by POST with the event as JSON.",
                 .fields = {Url("url").Secret().Required().Doc("Where to.").Example("${env:ALERT_URL}"),
                            Map("headers", Text("").InterpolatedIsSecret())
                                .Doc("Headers of the request.")
                                .Example("{Authorization: 'Bearer ${env:ALERT_TOKEN}'}")},
                 .foreign = {{"method", "remove it: the event is sent by POST"},
                             {"body", "remove it: the body is the event; another form is made by a `command:`"}}});
  return type;
}

ObjectTypePtr EmailType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "email",
      .doc = "A message by SMTP.",
      .fields = {Text("server")
                     .Secret()
                     .Required()
                     .Doc("smtps://user:password@host:465, or smtp://host:587: with a password by STARTTLS alone.")
                     .Example("${env:SMTP_URL}"),
                 Text("from").Required().Doc("Address of the sender.").Example("firn@shop.example"),
                 OneOf("to", {Text(""), List("", Text("")).AtLeast(1)})
                     .Required()
                     .Doc("Addresses.")
                     .Example("a@shop.example")},
      .foreign = {{"host", "write `server: smtp://<host>:587`"},
                  {"smtp", "write `server:`"},
                  {"password", "write it into the URL of `server:`, by ${env:…}"},
                  {"recipients", "write `to:`"}}});
  return type;
}

ObjectTypePtr VolumeType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "volume",
                 .doc = "Rows read by a load, in percent of the median of the last ten ordinary loads (five at least).",
                 .fields = {Int("min_percent").Range(1, 1'000'000).Doc("Less is a warning.").Example("50"),
                            Int("max_percent").Range(1, 1'000'000).Doc("More is a warning.").Example("300")},
                 .foreign = {{"min", "write `min_percent:`"}, {"max", "write `max_percent:`"}}});
  return type;
}

ObjectTypePtr FreshnessType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "table_freshness",
      .doc = "How old the newest of the table may be.",
      .fields = {Duration("warn_after").Range(1'000, 36'500 * kDayMs).Doc("Older is a warning.").Example("6h"),
                 Duration("error_after")
                     .Range(1'000, 36'500 * kDayMs)
                     .Doc("Older is an error for `firn status --check`.")
                     .Example("24h"),
                 Enum("of", {{"rows", "the newest value of `column`"}, {"loads", "the last completed load"}})
                     .Doc("Default: rows if there is a `column`, else loads."),
                 Text("column")
                     .Doc("Path of a time in the rows; default: the cursor of `incremental`.")
                     .Example("updated_at")},
      .foreign = {{"max_age", "write `error_after:`"},
                  {"loaded_at_field", "write `column:`"},
                  {"warn", "write `warn_after: 6h`"},
                  {"error", "write `error_after: 24h`"}}});
  return type;
}

std::string_view DocOf(WatchEvent event) {
  switch (event) {
    case WatchEvent::kFailure:
      return "The load failed.";
    case WatchEvent::kSchemaChange:
      return "The load changed columns or partitions.";
    case WatchEvent::kZeroRows:
      return "The load read no rows, and the last five each read some.";
    case WatchEvent::kVolume:
      return "The load is outside of `volume`.";
    case WatchEvent::kQuarantine:
      return "Rows went to quarantine.";
    case WatchEvent::kLate:
      return "The table is older than `freshness` allows.";
  }
  return "";
}

}  // namespace

ObjectTypePtr AlertType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "alert",
      .doc = "What is done when the event happened, once per table and run. {} does nothing.",
      .fields =
          {OneOf("webhook", {Url("").Secret(), Object("", WebhookType())})
               .Doc("URL that gets the event as JSON by POST.")
               .Example("${env:ALERT_URL}"),
           OneOf("command", {Text(""), List("", Text("")).AtLeast(1)})
               .Doc("Program and arguments, run in the project's folder without a shell; the event comes on stdin.")
               .Example("[./page, oncall]"),
           Object("email", EmailType()).Doc("A message by SMTP."),
           Duration("timeout").Range(1'000, 300'000).Doc("What takes longer is ended. Default: 10s.").Example("30s")},
      .foreign = {{"slack", "write `webhook:` with the URL of the incoming webhook"},
                  {"url", "write `webhook:`"},
                  {"exec", "write `command:`, a list"},
                  {"shell", "write `command: [sh, -c, …]`"}}});
  return type;
}

ObjectTypePtr AlertsType() {
  static const auto type = [] {
    ObjectType alerts{.name = "on",
                      .doc =
                          "What is done after a run when something happened. A table's entry replaces that of its "
                          "pipeline, and this the project's.",
                      .foreign = {{"error", "write `failure:`"},
                                  {"success", "nothing is sent for a table that is well; read `firn run --json`"},
                                  {"freshness", "write `late:`"}}};
    for (const WatchEvent event : kWatchEvents) {
      alerts.fields.push_back(Object(std::string(ToString(event)), AlertType()).Doc(std::string(DocOf(event))));
    }
    return std::make_shared<const ObjectType>(std::move(alerts));
  }();
  return type;
}

Field AlertsField() {
  return Object("on", AlertsType())
      .Doc("Who is told of failures and of what is unusual.")
      .Example("{failure: {webhook: '${env:ALERT_URL}'}}");
}

std::vector<Field> WatchFields() {
  return {AlertsField(),
          Object("volume", VolumeType())
              .Doc("How far a load may be from the usual before it is a warning.")
              .Example("{min_percent: 50}"),
          Object("freshness", FreshnessType())
              .Doc("How old the newest of the table may be before it is late.")
              .Example("{warn_after: 6h, error_after: 24h}"),
          OneOf("tags", {Text(""), List("", Text(""))})
              .Doc("Words that `--select tag:<word>` selects by, beside those of the pipeline.")
              .Example("[daily, finance]")};
}

}  // namespace firn::config
