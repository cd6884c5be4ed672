#include <algorithm>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/app.h"
#include "cli/commands.h"
#include "expression/expression.h"
#include "expression/javascript/expression.h"
#include "expression/javascript/utf16.h"
#include "expression/jinja/template.h"
#include "expression/value.h"

namespace firn::cli {
namespace {

namespace javascript = expression::javascript;
namespace jinja = expression::jinja;

// The excerpt with a caret under the mistake, as configuration diagnostics have it.
std::string Excerpt(const std::string& source, const Status& error) {
  const expression::Range range = expression::RangeOf(error);
  const size_t width = std::max<size_t>(1, range.end > range.begin ? range.end - range.begin : 1);
  return "  | " + source + "\n  | " + std::string(std::min(range.begin, source.size()), ' ') + std::string(width, '^') +
         "\n";
}

// "name=JSON" of --var.
Result<std::pair<std::string, std::string>> Variable(const std::string& item) {
  const size_t equals = item.find('=');
  if (equals == std::string::npos) return MakeError(Fault::kConfig, "--var wants name=JSON, not " + item);
  return std::pair(item.substr(0, equals), item.substr(equals + 1));
}

Result<int> EvalNative(App& app, const Arguments& arguments, const std::string& source) {
  expression::Scope scope{.clock = &app.clock()};
  std::deque<std::string> names;  // the scope borrows them
  for (const std::string& item : arguments.All("--var")) {
    ARROW_ASSIGN_OR_RAISE(auto variable, Variable(item));
    names.push_back(std::move(variable.first));
    ARROW_ASSIGN_OR_RAISE(auto value, expression::ParseJson(variable.second));
    scope.names.emplace_back(names.back(), std::move(value));
  }
  const bool braces = source.find("{{") != std::string::npos;
  const auto parsed = braces ? expression::Template::Parse(source) : expression::Template::ParseExpression(source);
  const auto value = parsed.ok() ? parsed->Evaluate(scope) : Result<expression::Value>(parsed.status());
  if (!value.ok()) {
    app.Say(Excerpt(source, value.status()));
    return value.status();
  }
  ARROW_RETURN_NOT_OK(app.Print(expression::ToJson(*value) + "\n"));
  return 0;
}

// What the Airbyte runtime passes under this name is no plain map: see jinja::Value::StreamSlice.
jinja::Value ScopeValue(const std::string& name, jinja::Value value) {
  const auto partition = value.Find("partition");
  const auto cursor_slice = value.Find("cursor_slice");
  if (name != "stream_slice" || !partition || !cursor_slice) return value;
  return jinja::Value::StreamSlice(*partition, *cursor_slice, value.Find("extra_fields").value_or(jinja::Value()));
}

Result<jinja::Value> Evaluated(const jinja::Template& parsed, const jinja::Scope& scope, const std::string& mode) {
  if (mode == "string") return parsed.EvaluateString(scope);
  if (mode != "boolean") return parsed.Evaluate(scope);
  ARROW_ASSIGN_OR_RAISE(const bool truth, parsed.EvaluateBoolean(scope));
  return jinja::Value::Bool(truth);
}

Result<int> EvalJinja(App& app, const Arguments& arguments, const std::string& source) {
  jinja::Scope scope(&app.clock());
  std::deque<std::string> names;  // the scope borrows them
  for (const std::string& item : arguments.All("--var")) {
    ARROW_ASSIGN_OR_RAISE(auto variable, Variable(item));
    names.push_back(std::move(variable.first));
    ARROW_ASSIGN_OR_RAISE(auto value, jinja::ParseJson(variable.second));
    scope.Set(names.back(), ScopeValue(names.back(), std::move(value)));
  }
  const auto parsed = jinja::Template::Parse(source);
  const auto value = parsed.ok() ? parsed->Evaluate(scope) : Result<jinja::Value>(parsed.status());
  if (!value.ok()) {
    app.Say(Excerpt(source, value.status()));
    return value.status();
  }
  ARROW_RETURN_NOT_OK(app.Print(jinja::ToJson(*value) + "\n"));
  return 0;
}

// One line of --batch: {"template": "…", "scope": {…}, "mode": "value" | "string" | "boolean"}.
Result<jinja::Value> BatchLine(App& app, const std::string& line) {
  ARROW_ASSIGN_OR_RAISE(const jinja::Value request, jinja::ParseJson(line));
  const auto source = request.Find("template");
  if (!source || !source->is_string()) return MakeError(Fault::kConfig, "a line needs a \"template\"");
  jinja::Scope scope(&app.clock());
  std::deque<std::string> names;
  if (const auto given = request.Find("scope"); given && given->is_map()) {
    for (const auto& [name, value] : given->as_map()) {
      names.emplace_back(name.as_string());
      scope.Set(names.back(), ScopeValue(names.back(), value));
    }
  }
  ARROW_ASSIGN_OR_RAISE(const jinja::Template parsed, jinja::Template::Parse(source->as_string()));
  const jinja::Value mode = request.Find("mode").value_or(jinja::Value::String("value"));
  return Evaluated(parsed, scope, mode.is_string() ? std::string(mode.as_string()) : "value");
}

// Each line of stdin gives one of {"value": …, "repr": "…"} (as Python prints it) or {"error": "…", "begin", "end"}.
Result<int> EvalBatch(App& app) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.empty()) continue;
    const auto value = BatchLine(app, line);
    jinja::Entries answer;
    const auto put = [&](const char* key, jinja::Value item) {
      answer.emplace_back(jinja::Value::String(key), std::move(item));
    };
    if (value.ok()) {
      put("value", *value);
      put("repr", jinja::Value::String(jinja::ToRepr(*value)));
    } else {
      const expression::Range range = expression::RangeOf(value.status());
      put("error", jinja::Value::String(value.status().message()));
      put("begin", jinja::Value::Int(static_cast<int64_t>(range.begin)));
      put("end", jinja::Value::Int(static_cast<int64_t>(range.end)));
    }
    ARROW_RETURN_NOT_OK(app.Print(jinja::ToJson(jinja::Value::OfMap(std::move(answer))) + "\n"));
  }
  return 0;
}

// The properties of a JSON object become names. `names`: keeps what the scope borrows.
Status AddNames(const javascript::Value& data, std::deque<std::string>* names, javascript::Scope* scope) {
  if (!data.is_object()) return MakeError(Fault::kConfig, "the data must be a JSON object; its keys are the names");
  for (const auto& [key, value] : data.as_object().entries()) {
    names->push_back(javascript::ToUtf8(key));
    scope->names.emplace_back(names->back(), value);
  }
  return Status::OK();
}

// --data FILE or --data '{…}'.
Result<javascript::Value> Data(const std::string& given) {
  if (given.starts_with('{')) return javascript::ParseJson(given);
  std::ifstream file(given, std::ios::binary);
  if (!file) return MakeError(Fault::kConfig, "cannot read --data " + given);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto value = javascript::ParseJson(text);
  return value.ok() ? value : Within(given, value.status());
}

Result<int> EvalJavascript(App& app, const Arguments& arguments, const std::string& source) {
  javascript::Scope scope{.clock = &app.clock()};
  std::deque<std::string> names;
  if (const auto given = arguments.Given("--data")) {
    ARROW_ASSIGN_OR_RAISE(const javascript::Value data, Data(*given));
    ARROW_RETURN_NOT_OK(AddNames(data, &names, &scope));
  }
  for (const std::string& item : arguments.All("--var")) {
    ARROW_ASSIGN_OR_RAISE(auto variable, Variable(item));
    names.push_back(std::move(variable.first));
    ARROW_ASSIGN_OR_RAISE(auto value, javascript::ParseJson(variable.second));
    scope.names.emplace_back(names.back(), std::move(value));
  }
  const auto parsed = javascript::Expression::Parse(source);
  const auto value = parsed.ok() ? parsed->Evaluate(scope) : Result<javascript::Value>(parsed.status());
  if (!value.ok()) {
    app.Say(Excerpt(source, value.status()));
    return value.status();
  }
  ARROW_RETURN_NOT_OK(app.Print(javascript::ToJson(*value) + "\n"));
  return 0;
}

// One line of --batch: {"expression": "…", "scope": {…}}.
Result<javascript::Value> JavascriptLine(App& app, const std::string& line) {
  ARROW_ASSIGN_OR_RAISE(const javascript::Value request, javascript::ParseJson(line));
  const javascript::Value* source = request.is_object() ? request.as_object().Find(u"expression") : nullptr;
  if (source == nullptr || !source->is_string()) return MakeError(Fault::kConfig, "a line needs an \"expression\"");
  javascript::Scope scope{.clock = &app.clock()};
  std::deque<std::string> names;
  if (const javascript::Value* given = request.as_object().Find(u"scope")) {
    ARROW_RETURN_NOT_OK(AddNames(*given, &names, &scope));
  }
  ARROW_ASSIGN_OR_RAISE(const auto parsed, javascript::Expression::Parse(javascript::ToUtf8(source->as_string())));
  return parsed.Evaluate(scope);
}

// Each line of stdin gives one of {"value": …} (left out for undefined) or {"error": "…", "code": "E0623"}.
Result<int> EvalJavascriptBatch(App& app) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.empty()) continue;
    const auto value = JavascriptLine(app, line);
    javascript::Object answer;
    if (value.ok()) {
      answer.Put(u"value", *value);
    } else {
      const ErrorContext* context = ContextOf(value.status());
      answer.Put(u"error", javascript::Value::Utf8(value.status().message()));
      answer.Put(u"code", javascript::Value::Utf8(context == nullptr ? "" : context->code));
    }
    ARROW_RETURN_NOT_OK(app.Print(javascript::ToJson(javascript::Value::OfObject(std::move(answer))) + "\n"));
  }
  return 0;
}

Result<int> Eval(App& app, const Arguments& arguments) {
  const std::string dialect = arguments.Flag("--js") ? "javascript" : arguments.Text("--dialect", "firn");
  if (dialect != "firn" && dialect != "jinja" && dialect != "javascript") {
    return MakeError(Fault::kConfig, "--dialect wants firn, jinja or javascript, not " + dialect);
  }
  if (arguments.Flag("--batch")) {
    if (dialect == "firn") return MakeError(Fault::kConfig, "--batch needs --dialect jinja or javascript");
    return dialect == "jinja" ? EvalBatch(app) : EvalJavascriptBatch(app);
  }
  if (arguments.Given("--data") && dialect != "javascript") return MakeError(Fault::kConfig, "--data needs --js");
  const auto source = arguments.Given("EXPRESSION");
  if (!source) return MakeError(Fault::kConfig, "an expression is wanted");
  if (dialect == "javascript") return EvalJavascript(app, arguments, *source);
  return dialect == "jinja" ? EvalJinja(app, arguments, *source) : EvalNative(app, arguments, *source);
}

}  // namespace

Command EvalCommand() {
  return {
      .name = "eval",
      .group = "Author",
      .summary = "evaluate an expression or template",
      .options =
          {{.name = "EXPRESSION",
            .kind = Option::Kind::kPositional,
            .help = "\"1 + 2\" or \"/orders/{{ parent.id }}\""},
           {.name = "--var", .kind = Option::Kind::kList, .help = "name=JSON, for example parent={\"id\":5}"},
           {.name = "--dialect", .help = "firn, jinja as Airbyte manifests use it, or javascript"},
           {.name = "--js", .kind = Option::Kind::kFlag, .help = "short for --dialect javascript"},
           {.name = "--data", .help = "a JSON object or its file: its keys are the names (javascript)"},
           {.name = "--batch",
            .kind = Option::Kind::kFlag,
            .help =
                "read {\"template\", \"scope\", \"mode\"} lines from stdin (jinja), or {\"expression\", \"scope\"}"}},
      .run = Eval};
}

}  // namespace firn::cli
