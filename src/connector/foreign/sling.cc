#include "connector/foreign/sling.h"

#include <algorithm>
#include <filesystem>

#include "connector/foreign/sling_text.h"

namespace firn::connector::foreign {
namespace {

using Kind = WrittenValue::Kind;

constexpr int kDepthMax = 16;

Status Unusable(const std::string& message, std::string next) {
  return MakeError(Fault::kConfig, message,
                   {.code = "E0558", .where = "", .why = "", .state = "nothing was written", .next = std::move(next)});
}

// What an endpoint has, over what the defaults have, key by key.
WrittenValue Merged(const WrittenValue& below, const WrittenValue& above, int depth) {
  if (below.kind != Kind::kMap || above.kind != Kind::kMap || depth > kDepthMax) return above;
  WrittenValue out = above;
  for (const auto& [key, value] : below.entries) {
    const auto own = std::ranges::find(out.entries, key, &WrittenEntry::key);
    if (own == out.entries.end()) {
      out.entries.emplace_back(key, value);
    } else {
      own->value = Merged(value, own->value, depth + 1);
    }
  }
  return out;
}

class SpecReader {
 public:
  SpecReader(const WrittenValue& root, const std::string& path, const Choice& choice)
      : root_(root), path_(path), choice_(choice) {}

  Result<Draft> Read() {
    const WrittenValue* name = Given(root_, "name");
    out_.title = name == nullptr ? std::filesystem::path(path_).stem().string() : name->text;
    out_.name = !choice_.name.empty() ? choice_.name : NameOf(std::filesystem::path(path_).stem().string());
    out_.origin = "an API spec of Sling (" + std::filesystem::path(path_).filename().string() + ")";
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(
        root_, "the spec",
        {"name", "description", "queues", "defaults", "authentication", "endpoints", "dynamic_endpoints"}));
    ARROW_RETURN_NOT_OK(CheckChoice());
    ARROW_RETURN_NOT_OK(ReadSource());
    for (const auto& [key, endpoint] : endpoints_->entries) ReadOne(key, endpoint);
    if (const WrittenValue* dynamic = Given(root_, "dynamic_endpoints")) {
      out_.refused.push_back(
          {.table = "dynamic_endpoints", .line = dynamic->line, .why = "only the API can name these endpoints"});
    }
    return std::move(out_);
  }

 private:
  Status CheckChoice() {
    endpoints_ = root_.Find("endpoints");
    if (endpoints_ == nullptr || endpoints_->kind != Kind::kMap)
      return Unusable(path_ + " has no `endpoints`", "name an API spec of Sling");
    for (const std::string& name : choice_.streams) {
      if (endpoints_->Find(name) != nullptr) continue;
      return MakeError(Fault::kConfig, "the spec has no endpoint `" + name + "`",
                       {.code = "E0561",
                        .where = path_,
                        .why = "",
                        .state = "nothing was written",
                        .next = "firn import sling " + path_ + " --dry-run"});
    }
    return Status::OK();
  }

  const WrittenValue* Default(const char* part, const char* key) const {
    const WrittenValue* defaults = Given(root_, "defaults");
    const WrittenValue* map = defaults == nullptr ? nullptr : Given(*defaults, part);
    return map == nullptr ? nullptr : Given(*map, key);
  }

  Status ReadSource() {
    SlingTexts texts;
    const WrittenValue* base_url = Default("state", "base_url");
    if (base_url == nullptr)
      return Unusable(path_ + " has no `defaults.state.base_url`", "write it there, and name it in the urls");
    if (const WrittenValue* defaults = Given(root_, "defaults");
        const WrittenValue* state = Given(*defaults, "state")) {
      for (const auto& [key, value] : state->entries) texts.SetState(key, value);
    }
    ARROW_ASSIGN_OR_RAISE(base_url_, texts.Native(*base_url));
    while (base_url_.ends_with('/')) base_url_.pop_back();
    out_.api = base_url_.find("${") == std::string::npos ? base_url_ : "https://docs.slingdata.io/concepts/api-specs";
    Put(&out_.source, "type", "rest");
    Put(&out_.source, "base_url", base_url_);
    ARROW_RETURN_NOT_OK(ReadAuthentication(&texts));
    const WrittenValue* rate = Default("request", "rate");
    if (rate != nullptr && Value::NumberText(rate->text).kind() == Value::Kind::kInt) {
      Map limit;
      Put(&limit, "requests", Value::NumberText(rate->text));
      Put(&limit, "per", "1s");
      Put(&out_.source, "rate_limit", Value::OfMap(std::move(limit)));
    }
    Keep(texts);
    return Status::OK();
  }

  Status ReadAuthentication(SlingTexts* texts) {
    const WrittenValue* auth = Given(root_, "authentication");
    if (auth == nullptr) return Status::OK();
    const WrittenValue* type = Given(*auth, "type");
    const std::string kind = type == nullptr ? "" : type->text;
    Map out;
    const auto field = [&](const char* key, const char* native) -> Status {
      const WrittenValue* value = Given(*auth, key);
      if (value == nullptr) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(std::string text, texts->Native(*value));
      Put(&out, native, std::move(text));
      return Status::OK();
    };
    if (kind == "static") {
      ARROW_RETURN_NOT_OK(RefuseOtherKeys(*auth, "authentication", {"type", "headers"}));
      const WrittenValue* headers = Given(*auth, "headers");
      Map texts_of;
      for (const auto& [name, value] : headers == nullptr ? auth->entries : headers->entries) {
        if (headers == nullptr) continue;
        ARROW_ASSIGN_OR_RAISE(std::string text, texts->Native(value));
        Put(&texts_of, name, std::move(text));
      }
      Put(&out, "type", "headers");
      Put(&out, "headers", Value::OfMap(std::move(texts_of)));
    } else if (kind == "basic") {
      ARROW_RETURN_NOT_OK(RefuseOtherKeys(*auth, "authentication", {"type", "username", "password"}));
      Put(&out, "type", "basic");
      ARROW_RETURN_NOT_OK(field("username", "username"));
      ARROW_RETURN_NOT_OK(field("password", "password"));
    } else if (kind == "oauth2") {
      ARROW_RETURN_NOT_OK(RefuseOtherKeys(
          *auth, "authentication", {"type", "flow", "authentication_url", "client_id", "client_secret", "scopes"}));
      const WrittenValue* flow = Given(*auth, "flow");
      if (flow == nullptr || flow->text != "client_credentials")
        return WrittenError(auth->line, "an OAuth flow other than client_credentials");
      Put(&out, "type", "oauth2");
      ARROW_RETURN_NOT_OK(field("authentication_url", "token_url"));
      ARROW_RETURN_NOT_OK(field("client_id", "client_id"));
      ARROW_RETURN_NOT_OK(field("client_secret", "client_secret"));
      List scopes;
      if (const WrittenValue* list = Given(*auth, "scopes")) {
        for (const WrittenValue& scope : list->items) scopes.push_back(Value::String(Literal(scope.text)));
        Put(&out, "scopes", Value::OfList(std::move(scopes)));
      }
    } else {
      return WrittenError(auth->line, "authentication of type `" + kind + "`");
    }
    Put(&out_.source, "auth", Value::OfMap(std::move(out)));
    return Status::OK();
  }

  void Keep(const SlingTexts& texts) {
    for (const Setting& setting : texts.settings()) {
      const auto known = std::ranges::find(out_.settings, setting.name, &Setting::name);
      if (known == out_.settings.end()) {
        out_.settings.push_back(setting);
      } else {
        known->secret = known->secret || setting.secret;
      }
    }
  }

  void ReadOne(const std::string& name, const WrittenValue& written) {
    const bool chosen = choice_.streams.empty() || std::ranges::find(choice_.streams, name) != choice_.streams.end();
    if (!chosen) return;
    const WrittenValue* defaults = Given(root_, "defaults");
    const WrittenValue endpoint = defaults == nullptr ? written : Merged(*defaults, written, 0);
    if (const WrittenValue* disabled = Given(endpoint, "disabled"); disabled != nullptr && disabled->text == "True") {
      out_.refused.push_back({.table = name, .line = disabled->line, .why = "it is disabled"});
      return;
    }
    SlingTexts texts;
    if (const WrittenValue* state = Given(endpoint, "state")) {
      for (const auto& [key, value] : state->entries) texts.SetState(key, value);
    }
    auto table = ReadSlingEndpoint(endpoint, base_url_, &texts);
    if (!table.ok()) {
      out_.refused.push_back(RefusalOf(name, written.line, table.status()));
      return;
    }
    Keep(texts);
    out_.tables.emplace_back(NameOf(name), Value::OfMap(std::move(*table)));
  }

  const WrittenValue& root_;
  const std::string& path_;
  const Choice& choice_;
  const WrittenValue* endpoints_ = nullptr;
  std::string base_url_;
  Draft out_;
};

}  // namespace

Result<Draft> DraftOfSling(const std::string& text, const std::string& path, const Choice& choice) {
  ARROW_ASSIGN_OR_RAISE(const WrittenValue root, ReadYaml(text, path));
  if (root.Find("streams") != nullptr && root.Find("source") != nullptr) {
    return Unusable(path + " is a replication of Sling, not an API spec",
                    "its `source` names a connection; import the API spec of that connection");
  }
  return SpecReader(root, path, choice).Read();
}

}  // namespace firn::connector::foreign
