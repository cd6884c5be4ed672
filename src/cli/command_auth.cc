#include "cli/app.h"
#include "cli/commands.h"
#include "cli/table_choice.h"
#include "connector/native/lower.h"
#include "source/oauth2_authorizer.h"
#include "source/oauth2_login.h"
#include "state/refresh_tokens.h"

namespace firn::cli {
namespace {

Status CannotLogIn(const config::Project& project, const std::string& path, std::string message, std::string next) {
  return MakeError(
      Fault::kConfig, std::move(message),
      {.code = "E0556", .where = project.WhereIs(path), .state = "nothing was changed", .next = std::move(next)});
}

const config::OAuth2Auth* AuthOf(const config::PipelineConfig& pipeline) {
  const auto* rest = std::get_if<config::RestSourceConfig>(&pipeline.source);
  const auto* auth = rest == nullptr ? nullptr : std::get_if<config::OAuth2Auth>(&rest->auth);
  const bool refreshes = auth != nullptr && auth->grant == config::OAuth2Auth::Grant::kRefreshToken;
  return refreshes ? auth : nullptr;
}

Result<int> LogIn(App& app, const Arguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
  ARROW_ASSIGN_OR_RAISE(const config::PipelineConfig* pipeline, ChoosePipeline(*project, arguments.Text("PIPELINE")));
  const std::string path = pipeline->config_path + ".source.auth";
  const config::OAuth2Auth* auth = AuthOf(*pipeline);
  if (auth == nullptr) {
    return CannotLogIn(*project, path, "the source of " + pipeline->name + " has no login of a person",
                       "auth: {type: oauth2, grant: refresh_token, authorize_url: …, token_url: …, client_id: …}");
  }
  const bool by_device = arguments.Flag("--device") || auth->authorize_url.empty();
  if ((by_device ? auth->device_url : auth->authorize_url).empty()) {
    return CannotLogIn(*project, path, "the project does not say where to log in",
                       by_device ? "add device_url:" : "add authorize_url:");
  }
  ARROW_ASSIGN_OR_RAISE(io::HttpClient * http, app.Http());
  ARROW_ASSIGN_OR_RAISE(state::SecretDocuments * elsewhere, app.Secrets());
  ARROW_ASSIGN_OR_RAISE(state::Leases * leases, app.Leases());
  const state::RefreshTokens kept(project->state_folder + "/secrets", app.clock(), elsewhere, leases);
  const connector::AuthPlan plan = connector::LowerAuth(*auth, project->WhereIs(path));
  const source::LoginOptions options{.authorize_url = auth->authorize_url,
                                     .device_url = auth->device_url,
                                     .port = static_cast<uint16_t>(arguments.Integer("--port").value_or(0)),
                                     .show = [&](const source::LoginPrompt& prompt) {
                                       app.Say("open  " + prompt.url + "\n");
                                       if (!prompt.code.empty()) app.Say("code  " + prompt.code + "\n");
                                     }};
  ARROW_ASSIGN_OR_RAISE(const std::string token,
                        by_device ? source::LogInWithDevice(plan, options, *http, app.clock(), app.stop())
                                  : source::LogInWithBrowser(plan, options, *http, app.clock(), app.stop()));
  ARROW_RETURN_NOT_OK(source::KeepLogin(plan, kept, token, app.stop()));
  app.Say("logged in; the token is kept in " + kept.PathOf(source::CredentialName(plan)) + "\n");
  app.Next("firn run " + pipeline->name);
  return 0;
}

}  // namespace

Command AuthLoginCommand() {
  return {.name = "auth login",
          .group = "Start",
          .summary = "log in to the API of a pipeline (OAuth 2.0) and keep the refresh token",
          .options = {{.name = "PIPELINE",
                       .kind = Option::Kind::kPositional,
                       .help = "pipeline whose source is logged in to",
                       .required = true},
                      {.name = "--device",
                       .kind = Option::Kind::kFlag,
                       .help = "show a code to type on another device, where this machine has no browser"},
                      {.name = "--port",
                       .kind = Option::Kind::kInteger,
                       .help = "port of 127.0.0.1 that the browser comes back to; default: any free one"}},
          .run = LogIn};
}

}  // namespace firn::cli
