#include "config/watch_lowering.h"

#include <algorithm>

#include "base/redactor.h"
#include "config/watch_fields.h"

namespace firn::config {
namespace {

constexpr size_t kHookPathBytesMin = 12;

// A hook's path is its password; what comes before it is the same for everyone.
void HideUrl(const std::string& url) {
  ProcessRedactor().AddSecret(url);
  const size_t scheme = url.find("://");
  const size_t path = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
  if (path == std::string::npos) return;
  const std::string target = url.substr(path + 1);
  const std::string before_query = target.substr(0, target.find('?'));
  for (const std::string& part : {target, before_query}) {
    if (part.size() >= kHookPathBytesMin) ProcessRedactor().AddSecret(part);
  }
}

void HideServer(const std::string& server) {
  const size_t at = server.rfind('@');
  const size_t begin = server.find("://");
  if (at == std::string::npos || begin == std::string::npos || at < begin) return;
  const std::string user = server.substr(begin + 3, at - begin - 3);
  ProcessRedactor().AddSecret(user);
  if (const size_t colon = user.find(':'); colon != std::string::npos) {
    ProcessRedactor().AddSecret(user.substr(colon + 1));
  }
}

// One bare address: it becomes part of a protocol of lines.
bool IsAddress(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return c > ' ' && c < 0x7F && c != '<' && c != '>' && c != ',' && c != '"';
  };
  const size_t at = text.find('@');
  return at != std::string::npos && at > 0 && at + 1 < text.size() && text.size() <= 254 &&
         std::all_of(text.begin(), text.end(), plain);
}

bool IsMailServer(const std::string& url) {
  const bool known = url.starts_with("smtp://") || url.starts_with("smtps://");
  const auto plain = [](unsigned char c) { return c > ' ' && c < 0x7F; };
  return known && url.size() > url.find("://") + 3 && std::all_of(url.begin(), url.end(), plain);
}

class AlertLowering {
 public:
  AlertLowering(const ObjectView& view, std::string path, const LoweringContext& context)
      : view_(view), path_(std::move(path)), context_(context) {}

  AlertConfig Lower() {
    out_.config_path = path_;
    out_.timeout_ms = view_.OptionalInt("timeout").value_or(out_.timeout_ms);
    LowerWebhook();
    out_.command = view_.TextList("command");
    if (!out_.command.empty() && out_.command.front().empty()) {
      context_.Error("E0495", path_ + ".command", "`command` names no program").help = "write `[./program, argument]`";
    }
    if (view_.Has("email")) LowerEmail();
    if (view_.Has("timeout") && out_.silent()) {
      context_.Error("E0495", path_ + ".timeout", "there is nothing that could take this long").help =
          "add a `webhook:`, `command:` or `email:`, or write {} to do nothing";
    }
    return std::move(out_);
  }

 private:
  void LowerWebhook() {
    if (view_.IsScalar("webhook")) {
      out_.webhook_url = view_.Text("webhook");
    } else if (view_.Has("webhook")) {
      const ObjectView webhook = view_.Object("webhook");
      out_.webhook_url = webhook.Text("url");
      out_.webhook_headers = LowerNamedText(webhook, "headers", path_ + ".webhook.headers", context_);
    }
    HideUrl(out_.webhook_url);
  }

  void LowerEmail() {
    const ObjectView email = view_.Object("email");
    const std::string at = path_ + ".email";
    out_.email = {.server = email.Text("server"), .from = email.Text("from"), .to = email.TextList("to")};
    HideServer(out_.email.server);
    if (!IsMailServer(out_.email.server)) {
      context_.Error("E0495", at + ".server", "the mail server is no smtp:// or smtps:// URL").help =
          "write smtps://user:password@host:465, special characters of both as %xx";
    }
    if (!IsAddress(out_.email.from)) {
      context_.Error("E0495", at + ".from", "this is no mail address").help =
          "write the bare address: firn@shop.example";
    }
    for (const std::string& to : out_.email.to) {
      if (IsAddress(to)) continue;
      context_.Error("E0495", at + ".to", "one of these is no mail address").help =
          "write bare addresses: [a@shop.example, b@shop.example]";
    }
  }

  const ObjectView& view_;
  const std::string path_;
  const LoweringContext& context_;
  AlertConfig out_;
};

void LowerVolume(const ObjectView& view, const std::string& path, const LoweringContext& context, WatchConfig* out) {
  if (!view.Has("volume")) return;
  const ObjectView volume = view.Object("volume");
  out->volume =
      VolumeConfig{.min_percent = volume.OptionalInt("min_percent"), .max_percent = volume.OptionalInt("max_percent")};
  const VolumeConfig& band = *out->volume;
  if (!band.min_percent && !band.max_percent) {
    context.Error("E0496", path + ".volume", "`volume` has no bound").help = "write `{min_percent: 50}`";
  } else if (band.min_percent && band.max_percent && *band.min_percent >= *band.max_percent) {
    context.Error("E0496", path + ".volume", "no load is within these bounds").help =
        "write `min_percent` below `max_percent`; 100 is the usual";
  }
}

void LowerFreshness(const ObjectView& view, const LoweringContext& context, TableConfig* table) {
  if (!view.Has("freshness")) return;
  const ObjectView freshness = view.Object("freshness");
  const std::string at = table->config_path + ".freshness";
  FreshnessConfig out{.column = freshness.Text("column"),
                      .warn_after_ms = freshness.OptionalInt("warn_after"),
                      .error_after_ms = freshness.OptionalInt("error_after")};
  if (!out.warn_after_ms && !out.error_after_ms) {
    context.Error("E0496", at, "`freshness` has no limit").help = "write `{warn_after: 6h, error_after: 24h}`";
  } else if (out.warn_after_ms && out.error_after_ms && *out.warn_after_ms > *out.error_after_ms) {
    context.Error("E0496", at, "`warn_after` is longer than `error_after`").help = "write the shorter one first";
  }
  const std::string of = freshness.Text("of");
  if (of == "loads" && freshness.Has("column")) {
    context.Error("E0496", at + ".column", "the age of loads has no column").help =
        "write `of: rows`, or remove `column`";
  }
  if (out.column.empty() && table->incremental) out.column = table->incremental->cursor;
  if (of == "rows" && out.column.empty()) {
    context.Error("E0496", at, "`of: rows` needs a `column`, for the table has no `incremental` cursor").help =
        "add `column: <path of a time>`";
  }
  out.of = of == "loads" || out.column.empty() ? FreshnessConfig::Of::kLoads : FreshnessConfig::Of::kRows;
  table->watch.freshness = std::move(out);
}

}  // namespace

std::string_view ToString(WatchEvent event) {
  switch (event) {
    case WatchEvent::kFailure:
      return "failure";
    case WatchEvent::kSchemaChange:
      return "schema_change";
    case WatchEvent::kZeroRows:
      return "zero_rows";
    case WatchEvent::kVolume:
      return "volume";
    case WatchEvent::kQuarantine:
      return "quarantine";
    case WatchEvent::kLate:
      return "late";
  }
  return "";
}

const AlertConfig* AlertsConfig::Find(WatchEvent event) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [event](const auto& entry) { return entry.first == event; });
  return found == entries.end() ? nullptr : &found->second;
}

void AlertsConfig::Inherit(const AlertsConfig& outer) {
  for (const auto& [event, alert] : outer.entries) {
    if (Find(event) == nullptr) entries.emplace_back(event, alert);
  }
}

AlertsConfig LowerAlerts(const ObjectView& owner, const std::string& path, const LoweringContext& context) {
  AlertsConfig out;
  if (!owner.Has("on")) return out;
  const ObjectView alerts = owner.Object("on");
  const std::string at = path.empty() ? "on" : path + ".on";
  for (const WatchEvent event : kWatchEvents) {
    const std::string name(ToString(event));
    if (!alerts.Has(name)) continue;
    const ObjectView alert = alerts.Object(name);
    out.entries.emplace_back(event, AlertLowering(alert, at + "." + name, context).Lower());
  }
  return out;
}

void LowerWatch(const ObjectView& view, const AlertsConfig& outer, const LoweringContext& context, TableConfig* table) {
  table->watch.alerts = LowerAlerts(view, table->config_path, context);
  table->watch.alerts.Inherit(outer);
  LowerVolume(view, table->config_path, context, &table->watch);
  LowerFreshness(view, context, table);
  const auto needs = [&](WatchEvent event, bool there, const char* field) {
    const AlertConfig* alert = table->watch.alerts.Find(event);
    const std::string path = table->config_path + ".on." + std::string(ToString(event));
    if (alert == nullptr || alert->config_path != path || alert->silent() || there) return;
    context.Error("E0495", path, "the table has no `" + std::string(field) + "`, so this never happens").help =
        "add `" + std::string(field) + ":` to the table";
  };
  needs(WatchEvent::kVolume, table->watch.volume.has_value(), "volume");
  needs(WatchEvent::kLate, table->watch.freshness.has_value(), "freshness");
}

}  // namespace firn::config
