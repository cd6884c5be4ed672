#include "config/steps_fields.h"

#include "config/fields.h"
#include "config/file_form.h"
#include "config/poll_times.h"

namespace firn::config {
namespace {

constexpr int64_t kHourMs = 3'600'000;

ObjectTypePtr InputType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "input",
      .doc = "What a workflow has to be told; `inputs.<name>` in its expressions is the value.",
      .fields = {
          Text("doc").Doc("What it is, and where it is found.").Example("Token of a private app"),
          Bool("secret").Default("false").Doc("It is never shown."),
          Json("default").Doc("Its value where none is given; without it the input is required.").Example("EUR")}});
  return type;
}

ObjectTypePtr ThrottleType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "throttle",
                 .doc = "A ceiling of requests; 429 and Retry-After are honoured without it.",
                 .fields = {Int("requests").Range(1, 1'000'000).Required().Doc("Requests per `per`.").Example("10"),
                            Duration("per").Range(1, 24 * kHourMs).Default("1s").Doc("The period.")}});
  return type;
}

ObjectTypePtr NextPageType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "step paging",
      .doc = "How the next page is asked for.",
      .fields = {
          Text("next")
              .Required()
              .Doc("What is different in the request of the next page: `{params, url, headers, json}`; null after the "
                   "last. Knows `body`, `headers`, `status` and `page` (from 1).")
              .Example("{{ body.next ? {params: {cursor: body.next}} : null }}"),
          Int("pages_max")
              .Range(1, 1'000'000'000)
              .Default("1000000")
              .Doc("Guard against endless paging; reaching it is an error.")}});
  return type;
}

ObjectTypePtr PollType() {
  static const auto type = [] {
    ObjectType poll{.name = "step poll",
                    .doc = "When the request is made again: until a job is done. The last answer is that of the step.",
                    .fields = {Text("until")
                                   .Required()
                                   .Doc("True when it is done. Knows `body`, `headers`, `status` and `page` (of the "
                                        "question, from 1).")
                                   .Example("{{ body.status === 'done' }}"),
                               Text("fail")
                                   .Doc("True when it has failed: then the table fails, with what the answer says.")
                                   .Example("{{ body.status === 'failed' }}")}};
    for (Field& field : PollTimeFields()) poll.fields.push_back(std::move(field));
    return std::make_shared<const ObjectType>(std::move(poll));
  }();
  return type;
}

ObjectTypePtr DownloadType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "step download",
                 .doc = "The answer is a file of rows. It is kept on disk until it is whole, and read row by row.",
                 .fields = DownloadFields()});
  return type;
}

ObjectTypePtr CustomersType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "customers",
      .doc = "A list of customers: the workflow is run for each of them, with its columns as further inputs.",
      .fields = {
          Text("file").Doc("A CSV file with a header, relative to the project.").Example("./customers.csv"),
          Text("database")
              .Doc("What is asked instead: an SQLite file, relative to the project, or "
                   "postgresql://user@host/database, or "
                   "mysql://user@host/database.")
              .Example("postgresql://reader@crm.example/crm"),
          Text("password").Secret().Doc("Of the user of the database.").Example("${env:CRM_PASSWORD}"),
          Text("query").Doc("What it is asked.").Example("select id, token from customers where active"),
          Text("key").Required().Doc("The column that names a customer, for its state and its errors.").Example("id"),
          Text("column").Default("customer").Doc("The column of the tables that gets this name.")}});
  return type;
}

ObjectTypePtr KeptStateType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "kept state",
                 .doc = "A value that the next run goes on from; committed with the rows, at the end of the workflow.",
                 .fields = {Json("start").Required().Doc("Its value in the first run.").Example("2024-01-01"),
                            Text("from").Required().Doc("The step whose rows it is taken from.").Example("list"),
                            Text("max")
                                .Required()
                                .Doc("The value of a `row`; the greatest of all rows is kept (texts, or numbers).")
                                .Example("{{ row.updated_at }}")}});
  return type;
}

}  // namespace

Variant StepsSourceVariant() {
  Variant steps{.tag_value = "steps",
                .doc = "A workflow: a JSON or YAML file of ordered requests with JavaScript expressions."};
  steps.fields = {
      Text("workflow").Required().Doc("The workflow's file, relative to the project.").Example("./orders.steps.json"),
      Json("inputs").InterpolatedIsSecret().Doc("What the workflow is told.").Example("{token: \"${env:API_TOKEN}\"}"),
      Object("customers", CustomersType())
          .Doc("Whom it is run for. Default: it is run once.")
          .Example("{file: ./customers.csv, key: id}")};
  return steps;
}

ObjectTypePtr StepRequestType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "step request",
      .doc = "One request. All texts may hold `{{ JavaScript }}`.",
      .fields = {Text("url")
                     .Required()
                     .Doc("In full. Values inside are percent-encoded, but for one at its beginning.")
                     .Example("https://api.example/v1/orders/{{ item.id }}"),
                 Enum("method", {{"GET", ""}, {"POST", ""}, {"PUT", ""}}).Default("GET").Doc("HTTP method."),
                 Json("params")
                     .Doc("Query parameters; null leaves one out, a list repeats it.")
                     .Example("{since: \"{{ state.since }}\"}"),
                 Map("headers", Text(""))
                     .Doc("Headers; null leaves one out.")
                     .Example("{Authorization: \"Bearer {{ inputs.token }}\"}"),
                 Json("json").Doc("The body, sent as JSON.").Example("{status: open}"),
                 Json("form").Doc("The body, sent as a form.").Example("{grant_type: client_credentials}")}});
  return type;
}

ObjectTypePtr StepType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "step",
      .doc = "One step: a `request`, or an `emit`.",
      .fields = {Text("id").Doc("Name of a request, for other steps: `steps.<id>`.").Example("list"),
                 Object("request", StepRequestType()).Doc("What is asked."),
                 Text("for_each")
                     .Doc("An earlier step, whose rows this one is done for, as they come (`item`); or an expression "
                          "that gives a list.")
                     .Example("list"),
                 Object("poll", PollType()).Doc("The request is made again until a job is done."),
                 Object("download", DownloadType())
                     .Doc("The answer is a file, whose rows are those of the step.")
                     .Example("{format: csv}"),
                 Object("paginate", NextPageType()).Doc("The pages after the first."),
                 Text("rows")
                     .Doc("The rows of an answer: a list. Knows `body`, `headers`, `status` and `item`.")
                     .Example("{{ body.data }}"),
                 Object("throttle", ThrottleType()).Doc("Of this step, in place of the workflow's."),
                 Text("emit").Doc("The table that rows of a step go to.").Example("orders"),
                 Text("from").Doc("The step whose rows they are.").Example("list"),
                 OneOf("key", {Text(""), List("", Text("")).AtLeast(1)})
                     .Doc("Fields that are the table's primary key, unless the pipeline names others.")
                     .Example("id"),
                 Text("when").Doc("Only rows for which it is true go there.").Example("{{ row.id != null }}"),
                 Text("transform")
                     .Doc("What is written in place of a row: an object, or a list of them.")
                     .Example("{{ ({...row, total: Number(row.total)}) }}")}});
  return type;
}

const ObjectType& WorkflowFileType() {
  static const ObjectType type{
      .name = "workflow",
      .doc = "Ordered steps that read an API (docs/guide/steps.md).",
      .fields = {Int("steps").Required().Doc("Version of the format: 1.").Example("1"),
                 Text("name").Doc("For messages."), Text("doc").Doc("What users must know."),
                 Map("inputs", Object("", InputType())).Doc("What it has to be told."),
                 Object("throttle", ThrottleType()).Doc("Of all its requests to one host."),
                 List("do", Object("", StepType())).AtLeast(1).Required().Doc("The steps, in order."),
                 Map("state", Object("", KeptStateType())).Doc("What the next run goes on from: `state.<name>`.")}};
  return type;
}

}  // namespace firn::config
