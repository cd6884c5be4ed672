#include "config/job_lowering.h"

#include <utility>

#include "config/file_form.h"
#include "config/job_fields.h"
#include "config/json_text.h"
#include "config/poll_times.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

class JobLowering {
 public:
  JobLowering(const ObjectView& table, const LoweringContext& context, TableConfig* out)
      : table_(table), context_(context), out_(*out) {}

  void Lower() {
    if (table_.Has("job")) LowerJob();
    LowerFile();
    if (out_.job || out_.download) Judge();
  }

 private:
  std::string At(const std::string& field) const { return out_.config_path + "." + field; }

  void Refuse(const std::string& field, std::string what, std::string help) const {
    context_.Error("E0541", At(field), std::move(what)).help = std::move(help);
  }

  JobRequestConfig Request(const ObjectView& request, const std::string& path) const {
    JobRequestConfig out{.method = request.Text("method"),
                         .path = request.Text("path"),
                         .params = LowerNamedText(request, "params", path + ".params", context_),
                         .headers = LowerNamedText(request, "headers", path + ".headers", context_)};
    if (const Node* body = request.Find("body")) out.body_json = JsonTextOf(*body);
    return out;
  }

  void LowerJob() {
    const ObjectView job = table_.Object("job"), create = job.Object("create"), poll = job.Object("poll");
    out_.job = JobConfig{.create = Request(create, At("job.create")),
                         .id = create.Text("id"),
                         .poll = Request(poll, At("job.poll")),
                         .status = poll.Text("status"),
                         .done = poll.TextList("done"),
                         .failed = poll.TextList("failed"),
                         .running = poll.TextList("running"),
                         .rows = poll.Text("rows"),
                         .times = PollTimesOf(poll),
                         .attempts_max = job.Int("attempts")};
    if (job.Has("cancel")) out_.job->cancel = Request(job.Object("cancel"), At("job.cancel"));
    if (job.Has("download")) out_.job->url = job.Object("download").Text("url");
  }

  void LowerFile() {
    const std::string format = table_.Text("format");
    bool is_file = (format != "auto" && format != "json") || (out_.job && !out_.job->url.empty());
    for (const char* const field : {"compression", "members", "csv"}) is_file = is_file || table_.Has(field);
    if (!is_file) return;
    if (format == "auto" || format == "parquet") {
      Refuse(table_.Has("format") ? "format" : "job",
             "what the API gives is read as a file, and of which format is not said",
             "write `format: csv`, `tsv`, `ndjson` or `json`");
    }
    out_.download = DownloadConfigOf(table_, [&](const std::string& field, std::string what, std::string help) {
      context_.Error("E0497", At("csv." + field), std::move(what)).help = std::move(help);
    });
    if (out_.paginate.type != PaginateType::kAuto) return;
    out_.paginate.type = PaginateType::kNone;
    std::erase_if(out_.choices, [](const Choice& choice) { return choice.field == "paginate"; });
    out_.choices.push_back({"paginate", "none", "the answer is a file"});
  }

  void Judge() const {
    const char* const what = out_.job ? "job" : table_.Has("format") ? "format" : "compression";
    if (!out_.parent.empty()) {
      Refuse("parent", "a table with a parent has no jobs and no files in this build",
             "use a workflow: docs/guide/steps.md");
    }
    if (out_.is_graphql) {
      Refuse("graphql", "the request of a job's table is no `graphql`", "write `method: POST` and `body: {query: …}`");
    }
    if (out_.incremental && out_.incremental->order == CursorOrder::kAscending) {
      Refuse("incremental.order", "rows of jobs and files come in an order of their own", "remove `order`");
    }
    for (const char* const field : {"path", "paginate"}) {
      if (!out_.job || out_.job->url.empty() || !table_.Has(field)) continue;
      Refuse(field, "`" + std::string(field) + "` has no place beside `job.download`, which says where the file is",
             "remove one of the two");
    }
    if (table_.Has("raw") && (!table_.IsScalar("raw") || table_.Text("raw") != "off")) {
      Refuse("raw", "nothing is archived of jobs and files", "remove `raw`, or write `raw: off`");
    }
    if (out_.download) JudgePages(what);
  }

  // Of a file nothing is known but its headers.
  void JudgePages(const std::string& what) const {
    const PaginateConfig& paginate = out_.paginate;
    const bool by_header = paginate.type == PaginateType::kCursor && !paginate.next_header.empty();
    if (paginate.type == PaginateType::kNone || by_header || paginate.type == PaginateType::kLinkHeader) return;
    Refuse(table_.Has("paginate") ? "paginate" : what, "the next page of a file is not found by its content",
           "write `paginate: none`, {type: link_header} or {type: cursor, header: …, param: …}");
  }

  const ObjectView& table_;
  const LoweringContext& context_;
  TableConfig& out_;
};

}  // namespace

void LowerJob(const ObjectView& table, const LoweringContext& context, TableConfig* out) {
  JobLowering(table, context, out).Lower();
}

}  // namespace firn::config
