#include "config/explain_source.h"

#include <array>

namespace firn::config {
namespace {

constexpr std::array kExplanations = {
    Explanation{"E0504", "a connector could not read a stream",
                "The reason is what the connector's error rules say, with the place in its manifest or the request.",
                ""},
    Explanation{
        "E0514", "a rule of `on_response` says that the answer is an error",
        "The rule stands in the project or in the connector, at the place that is named; `why` has its message. "
        "Nothing of the answer was loaded.",
        "on_response: [{when: \"{{ response.ok == false }}\", action: fail, message: \"{{ response.error }}\"}]"},
    Explanation{"E0534", "an expression of a workflow that cannot be used",
                "It is no JavaScript, or uses a name that is not known at this place (docs/guide/steps.md).", ""},
    Explanation{"E0535", "an answer is not what a step of a workflow needs",
                "`rows` gives a list, an emitted row is an object, a kept value is a text or a number, and null is "
                "never meant inside text.",
                ""},
    Explanation{"E0536", "a workflow's pages do not end",
                "`next` asked for a page again, or for more than `pages_max`. It gives null after the last page.", ""},
    Explanation{"E0537", "a workflow's next page is on another host",
                "The credentials of the request would go there. Ask that host in a step of its own.", ""},
    Explanation{"E0539", "the customers of a workflow cannot be read",
                "The list has a header, a column that names each customer, and no name twice.", ""},
    Explanation{"E0540", "a workflow failed for some of its customers",
                "The rows of the others are committed, with what their next run goes on from. The next run reads the "
                "failed ones from where they were.",
                ""},
    Explanation{"E0542", "a job that the API calls failed",
                "Its answer says why, in `why`. Nothing of the job was read; the next run begins a new one.", ""},
    Explanation{"E0543", "a job that does not end",
                "It was asked about until the `timeout` of its poll. At the API it goes on.",
                "poll: {every: 10s, every_max: 2m, timeout: 6h, …}"},
    Explanation{"E0544", "a file that was downloaded is not what was declared",
                "No file of the archive is among `members`, or a record is no row of its `format`.",
                "download: {format: ndjson, members: \"**/*.json.gz\"}"},
    Explanation{
        "E0545", "a file that may be cut off",
        "Its server announced no length and closed the connection at the end, which looks like a breakdown. Text "
        "and gzip do not say where they end; a zip archive and a JSON document do.",
        ""},
    Explanation{"E0546", "an answer about a job that is not as declared",
                "`id`, `status`, `rows` and the URL of the file are paths in what the API answers; a status is one of "
                "`done`, `failed` and `running`.",
                "poll: {path: \"/jobs/{{ job.id }}\", status: data.status, done: [COMPLETED], failed: [FAILED]}"},
    Explanation{"E0547", "a file with other rows than its job made",
                "`rows` of the poll says how many there are, and more or fewer came.", ""},
    Explanation{"E0550", "a login that gave no token",
                "The login of `auth: {type: session}` was refused, or its answer has no text at `token_path`.",
                "auth: {type: session, url: https://api.shop.example/login, token_path: data.token, body: {user: …}}"},
    Explanation{"E0551", "a JSON web token that cannot be signed",
                "RS and ES take a private key in PEM form that fits them, with its line breaks; HS a shared secret.",
                "auth: {type: jwt, algorithm: RS256, key: \"${file:./key.pem}\", claims: {iss: me}}"},
    Explanation{"E0552", "a request that cannot be signed",
                "`sign` names a part of the request that is not there, or `key` is not base64 as it is said to be.",
                "auth: {type: hmac, key: \"${env:API_SECRET}\", sign: \"{{ request.method }}{{ request.target }}\"}"},
    Explanation{"E0553", "a GraphQL answer with errors", "Data that came beside the errors is not all there is.",
                "graphql: {on_response: ignore}"},
    Explanation{"E0555", "a login that gave no refresh token",
                "It was refused or not made in time, or the server gives refresh tokens only to who asks for one.",
                "firn auth login shop"},
    Explanation{"E0556", "a source without a login of a person",
                "`firn auth login` needs `authorize_url` for the browser of this machine, or `device_url` for another.",
                "auth: {type: oauth2, grant: refresh_token, authorize_url: …, token_url: …, client_id: …}"},
    Explanation{"E0557", "nothing of a file can be imported",
                "None of its tables can be said exactly as a native connector. What an import leaves out, and why, it "
                "says per table (docs/guide/importing.md).",
                "firn init --from airbyte:manifest.yaml"},
    Explanation{"E0558", "a file that cannot be imported",
                "It cannot be read, or is not what the command reads: a manifest, a rest_api dictionary, an API spec.",
                "firn import airbyte source-shop/manifest.yaml"},
    Explanation{"E0559", "the file of an import is there already",
                "An import writes over no file unless it is told to: it may have been edited since.",
                "firn import airbyte manifest.yaml --force"},
    Explanation{
        "E0560", "Python that cannot be read without running it",
        "`firn import dlt` reads dictionaries, lists, texts, numbers, names that stand for such, dlt.secrets and "
        "os.environ, and dlt's own paginators, auths and cursors. Whatever is computed has to be written out.",
        "firn import dlt config.json"},
    Explanation{"E0561", "a table that the imported file does not have", "`--select` names tables as the file does.",
                "firn import airbyte manifest.yaml --dry-run"},
    Explanation{
        "E0626", "as many pipelines are in a pool as it has slots",
        "The pipeline waited for its turn as long as `wait` says. Nothing of it was read; the others of the run went "
        "on. The slot of a dead process on this machine is free at once; with `state` on an object store the slot of "
        "a dead machine ends by itself in about a minute.",
        "source: {pool: {name: acme-exports, slots: 2, wait: 3h}}"},
    Explanation{
        "E0628", "the smallest page gets no answer either",
        "The page size was halved from run to run because requests got no answer in time, down to a 64th of what "
        "is written. The page is not what is too large: look at the server, the timeouts, or one huge record.",
        "timeouts: {first_byte: 5m}"},
    Explanation{
        "E0629", "a page size is smaller than written",
        "Requests for pages of the written size got no answer, so half of it is asked for; after ten clean runs "
        "more is tried again. `tuning: off` keeps to what is written.",
        "paginate: {page_size: 100}"},
};

constexpr bool IsSorted() {
  for (size_t i = 1; i < kExplanations.size(); ++i) {
    if (!(kExplanations[i - 1].code < kExplanations[i].code)) return false;
  }
  return true;
}
static_assert(IsSorted());

}  // namespace

std::span<const Explanation> SourceExplanations() {
  return kExplanations;
}

}  // namespace firn::config
