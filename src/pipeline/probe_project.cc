#include <algorithm>
#include <cctype>

#include "config/yaml_scalar.h"
#include "connector/paging_text.h"
#include "io/url.h"
#include "pipeline/probe.h"

namespace firn::pipeline {
namespace {

using config::YamlScalar;
using Type = connector::PaginatePlan::Type;

std::string Upper(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(std::isalnum(byte) ? static_cast<char>(std::toupper(byte)) : '_');
  }
  return out;
}

std::string HostOf(const std::string& base_url) {
  const auto parts = io::ParseUrl(base_url);
  return parts.ok() ? parts->host : "api";
}

// Writes firn.yaml line by line. A line that is only likely stands there as a comment, with its reason.
class YamlWriter {
 public:
  void Add(int indent, const std::string& text, const std::string& comment = "") {
    Put(std::string(static_cast<size_t>(indent), ' ') + text, comment);
  }
  void AddGuess(int indent, Sureness sureness, const std::string& text, const std::string& why) {
    if (sureness == Sureness::kSure) return Add(indent, text, why);
    Put(std::string(static_cast<size_t>(indent), ' ') + "# " + text, std::string(ToString(sureness)) + ": " + why);
  }
  std::string Take() { return std::move(text_); }

 private:
  void Put(std::string line, const std::string& comment) {
    constexpr size_t kCommentColumn = 60;
    if (!comment.empty()) {
      line += std::string(line.size() + 2 < kCommentColumn ? kCommentColumn - line.size() : 2, ' ') + "# " + comment;
    }
    text_ += line + "\n";
  }
  std::string text_;
};

class ProjectWriter {
 public:
  explicit ProjectWriter(const ProbeReport& report)
      : report_(report), pipeline_(PipelineNameOf(HostOf(report.url.base_url))) {}

  ProbeProject Write() {
    project_.table = report_.url.name;
    yaml_.Add(0, "# yaml-language-server: $schema=./firn.schema.json");
    yaml_.Add(0, "# Written by firn init after " + std::to_string(report_.num_requests) +
                     " requests. What is sure is active, what is likely is a comment.");
    yaml_.Add(0, "version: 1");
    yaml_.Add(0, "lake: {warehouse: ./lake}");
    yaml_.Add(0, "pipelines:");
    yaml_.Add(2, pipeline_ + ":");
    WriteSource();
    yaml_.Add(4, "tables:");
    WriteTable();
    project_.yaml = yaml_.Take();
    return std::move(project_);
  }

 private:
  // Returns "${env:NAME}" and keeps the secret for .env.
  std::string Variable(const std::string& name, const std::string& value) {
    project_.variables.emplace_back(name, value);
    return "\"${env:" + name + "}\"";
  }

  void WriteSource() {
    const auto& url = report_.url;
    yaml_.Add(4, "source:");
    yaml_.Add(6, "type: rest");
    yaml_.Add(6, "base_url: " + YamlScalar(url.base_url));
    if (!report_.token_variable.empty()) {
      yaml_.Add(6, "auth: {type: bearer, token: " + Variable(report_.token_variable, "") + "}");
    } else if (!url.username.empty() || !url.password.empty()) {
      yaml_.Add(6, "auth:");
      yaml_.Add(8, "type: basic");
      yaml_.Add(8, "username: " + Variable(Upper(pipeline_) + "_USER", url.username));
      yaml_.Add(8, "password: " + Variable(Upper(pipeline_) + "_PASSWORD", url.password));
    } else if (url.secrets.size() == 1) {
      yaml_.Add(6, "auth:");
      yaml_.Add(8, "type: api_key");
      yaml_.Add(8, "in: query");
      yaml_.Add(8, "name: " + YamlScalar(url.secrets[0].first));
      yaml_.Add(8, "value: " + Variable(SecretName(url.secrets[0].first), url.secrets[0].second));
    }
    const bool as_params = !url.secrets.empty() && (url.secrets.size() > 1 || !report_.token_variable.empty() ||
                                                    !url.username.empty() || !url.password.empty());
    if (as_params) {
      yaml_.Add(6, "params:");
      for (const auto& [name, value] : url.secrets)
        yaml_.Add(8, YamlScalar(name) + ": " + Variable(SecretName(name), value));
    }
    if (report_.limit.limit) {
      yaml_.Add(6, "# the API says its limit is " + std::to_string(*report_.limit.limit) +
                       " requests per window; firn waits when it is told to");
    }
  }

  std::string SecretName(const std::string& parameter) const { return Upper(pipeline_) + "_" + Upper(parameter); }

  void WriteTable() {
    yaml_.Add(6, YamlScalar(report_.url.name) + ":");
    yaml_.Add(8, "path: " + YamlScalar(report_.url.path));
    if (!report_.is_lines) {
      yaml_.AddGuess(8, report_.records_sureness,
                     "records: " + (report_.records.empty() ? "\".\"" : YamlScalar(report_.records)),
                     std::to_string(report_.num_records) + " in the first answer");
    }
    WritePaging();
    if (report_.sample.key) {
      yaml_.AddGuess(8, report_.sample.key->sureness, "primary_key: " + YamlScalar(report_.sample.key->path),
                     report_.sample.key->why);
    }
    WriteCursor();
    WriteColumns();
  }

  void WritePaging() {
    connector::PaginatePlan plan = report_.paging;
    if (!report_.size_param.empty()) {
      plan.size_param = report_.size_param;
      plan.page_size = report_.page_size;
    }
    // Short pages end an offset, so its size must be known.
    if (plan.type == Type::kOffset && plan.page_size == 0) plan.page_size = report_.num_records;
    yaml_.AddGuess(8, report_.paging_sureness, "paginate: " + connector::PagingYaml(plan), report_.paging_why);
  }

  void WriteCursor() {
    if (!report_.cursor) return;
    std::string text = "incremental: {cursor: " + YamlScalar(report_.cursor->path);
    if (!report_.since_param.empty()) text += ", param: " + YamlScalar(report_.since_param);
    if (report_.cursor->format != "iso") text += ", format: " + report_.cursor->format;
    // Without a filter an incremental read saves nothing; without a key it can only append.
    const bool keyed = report_.sample.key && report_.sample.key->sureness == Sureness::kSure;
    const Sureness sureness = report_.since_param.empty() ? Sureness::kAsk
                              : keyed                     ? report_.cursor_sureness
                                                          : std::max(report_.cursor_sureness, Sureness::kLikely);
    yaml_.AddGuess(8, sureness, text + ", lookback: 1h}", report_.cursor_why);
  }

  void WriteColumns() {
    const auto& pii = report_.sample.pii;
    if (pii.empty()) return;
    const bool any =
        std::any_of(pii.begin(), pii.end(), [](const auto& guess) { return guess.sureness == Sureness::kSure; });
    yaml_.Add(8, any ? "columns:" : "# columns:",
              "personal data; add mask_on_write: sha256 | redact to keep it out of the lake");
    for (const PiiGuess& guess : pii) {
      yaml_.AddGuess(10, guess.sureness, YamlScalar(guess.path) + ": {pii: " + guess.kind + "}", guess.why);
    }
  }

  const ProbeReport& report_;
  const std::string pipeline_;
  YamlWriter yaml_;
  ProbeProject project_;
};

std::string Line(const std::string& name, const std::string& what, Sureness sureness, const std::string& why) {
  std::string line = name + std::string(name.size() < 10 ? 10 - name.size() : 1, ' ') + what;
  line += std::string(line.size() < 48 ? 48 - line.size() : 2, ' ') + ToString(sureness);
  return why.empty() ? line : line + std::string(8 - std::string(ToString(sureness)).size(), ' ') + why;
}

}  // namespace

std::string PipelineNameOf(const std::string& host) {
  std::vector<std::string> labels(1);
  for (const char c : host) {
    if (c == '.')
      labels.emplace_back();
    else
      labels.back().push_back(c);
  }
  const bool number = !host.empty() && (std::isdigit(static_cast<unsigned char>(host.back())) || host.front() == '[');
  if (number || labels.size() < 2) return NameFor(labels.size() < 2 ? host : "api");
  // The label before the public suffix: example of api.example.co.uk.
  size_t at = labels.size() - 2;
  if (labels[at].size() <= 3 && labels.back().size() == 2 && at > 0) --at;
  return NameFor(labels[at]);
}

std::vector<std::string> FindingLines(const ProbeReport& report) {
  std::vector<std::string> lines;
  const std::string place = report.is_lines          ? "one per line"
                            : report.records.empty() ? "the body itself"
                                                     : report.records;
  lines.push_back(
      Line("records", place, report.records_sureness, std::to_string(report.num_records) + " in the first answer"));
  lines.push_back(Line("paging", connector::PagingText(report.paging), report.paging_sureness, report.paging_why));
  if (!report.size_param.empty()) {
    lines.push_back(Line("page size", report.size_param + "=" + std::to_string(report.page_size), Sureness::kSure,
                         "more rows came"));
  }
  if (report.sample.key)
    lines.push_back(Line("key", report.sample.key->path, report.sample.key->sureness, report.sample.key->why));
  else
    lines.push_back(Line("key", "none found", Sureness::kAsk, "without one the table is replaced at each run"));
  if (report.cursor) {
    const std::string param = report.since_param.empty() ? "" : " + ?" + report.since_param + "=";
    lines.push_back(Line("cursor", report.cursor->path + param, report.cursor_sureness, report.cursor_why));
  }
  for (const PiiGuess& guess : report.sample.pii) {
    lines.push_back(Line("PII", guess.path + " (" + guess.kind + ")", guess.sureness, guess.why));
  }
  if (report.limit.limit) {
    lines.push_back(Line("limits", std::to_string(*report.limit.limit) + " requests per window", Sureness::kSure,
                         report.limit.remaining ? std::to_string(*report.limit.remaining) + " left" : ""));
  }
  return lines;
}

ProbeProject ProjectOf(const ProbeReport& report) {
  return ProjectWriter(report).Write();
}

}  // namespace firn::pipeline
