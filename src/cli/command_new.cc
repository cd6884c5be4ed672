#include <cctype>
#include <filesystem>
#include <string>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/generate/quoting.h"
#include "config/lowering.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;

// NAME and VARIABLE are put in.
constexpr char kConnector[] =
    R"yaml(# The connector @NAME@: one API, and the tables read from it. `firn validate --offline` checks it, `firn preview TABLE`
# shows its first rows. All keys: docs/reference/configuration.md.
pipelines:
  @NAME@:
    source:
      type: rest
      base_url: https://api.@NAME@.example
      auth: {type: bearer, token: "${env:@VARIABLE@_TOKEN}"}   # or basic, api_key, oauth2, none; secrets stand in .env
      # headers: {Accept: application/json}
      # rate_limit: {requests: 10, per: 1s}   # below the API's own; 429 and Retry-After are honoured without it
    dataset: @NAME@                             # Iceberg namespace
    tags: [@NAME@]
    tables:
      orders:
        path: /v1/orders
        records: data                         # path to the rows; left out: found
        paginate: {type: cursor, next: meta.next, param: cursor}   # or page, offset, link_header, next_url, none, auto
        primary_key: id                       # with a key rows are merged, without one the table is replaced
        incremental:                          # reads only what changed
          cursor: updated_at
          param: since
          lookback: 1h
        # delete_when: "{{ record.deleted }}"
        columns:
          email: {pii: email, mask_on_write: sha256}
      order_items:                            # one request per order that was read
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        records: data
        include: {order_id: parent.id}
        primary_key: [order_id, line]
)yaml";

std::string VariableOf(std::string name) {
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Result<int> NewConnector(App& app, const Arguments& arguments) {
  const std::string name = arguments.Text("NAME");
  if (!config::IsName(name)) {
    return MakeError(Fault::kConfig, "`" + name + "` is not a pipeline name",
                     {.code = "E0209",
                      .why = name.empty() ? "it has to be given" : std::string(config::kNameHelp),
                      .state = "nothing was written",
                      .next = "firn new connector shop"});
  }
  const fs::path path = fs::path(arguments.Text("--dir", ".")) / (name + ".yaml");
  std::error_code error;
  if (fs::exists(path, error)) {
    return MakeError(
        Fault::kConfig, path.lexically_normal().string() + " exists",
        {.code = "E0851", .state = "nothing was written", .next = "firn new connector OTHER_NAME, or --dir FOLDER"});
  }
  const std::string text = Filled(kConnector, {{"NAME", name}, {"VARIABLE", VariableOf(name)}});
  ARROW_RETURN_NOT_OK(app.files().WriteAtomic(fs::absolute(path).lexically_normal().string(), text));
  if (!app.quiet()) app.Say("wrote " + path.lexically_normal().string() + "\n");
  app.Next("edit it, then firn validate --offline");
  return 0;
}

}  // namespace

Command NewConnectorCommand() {
  return {.name = "new connector",
          .group = "Author",
          .summary = "write a commented pipeline for an API, beside firn.yaml",
          .options = {{.name = "NAME", .kind = Option::Kind::kPositional, .help = "of the pipeline and of its file"},
                      {.name = "--dir", .help = "folder of the project (the current one)"}},
          .run = NewConnector};
}

}  // namespace firn::cli
