#include <algorithm>
#include <deque>

#include "cli/app.h"
#include "cli/commands.h"
#include "expression/expression.h"
#include "expression/value.h"

namespace firn::cli {
namespace {

// The excerpt with a caret under the mistake, as configuration diagnostics have it.
std::string Excerpt(const std::string& source, const Status& error) {
  const expression::Range range = expression::RangeOf(error);
  const size_t width = std::max<size_t>(1, range.end > range.begin ? range.end - range.begin : 1);
  return "  | " + source + "\n  | " + std::string(std::min(range.begin, source.size()), ' ') + std::string(width, '^') +
         "\n";
}

Result<int> Eval(App& app, const Arguments& arguments) {
  const std::string source = arguments.Text("EXPRESSION");
  expression::Scope scope{.clock = &app.clock()};
  std::deque<std::string> names;  // the scope borrows them
  for (const std::string& item : arguments.All("--var")) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos) return MakeError(Fault::kConfig, "--var wants name=JSON, not " + item);
    names.push_back(item.substr(0, equals));
    ARROW_ASSIGN_OR_RAISE(auto value, expression::ParseJson(item.substr(equals + 1)));
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

}  // namespace

Command EvalCommand() {
  return {
      .name = "eval",
      .group = "Author",
      .summary = "evaluate an expression or template",
      .options = {{.name = "EXPRESSION",
                   .kind = Option::Kind::kPositional,
                   .help = "\"1 + 2\" or \"/orders/{{ parent.id }}\"",
                   .required = true},
                  {.name = "--var", .kind = Option::Kind::kList, .help = "name=JSON, for example parent={\"id\":5}"}},
      .run = Eval};
}

}  // namespace firn::cli
