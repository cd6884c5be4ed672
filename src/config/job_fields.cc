#include "config/job_fields.h"

#include <string>
#include <utility>

#include "config/fields.h"
#include "config/poll_times.h"

namespace firn::config {
namespace {

std::vector<Field> RequestFields(std::vector<EnumValue> methods, const std::string& method) {
  return {Expression("path").Required().Doc("Joined to base_url.").Example("\"/jobs/{{ job.id }}\""),
          Enum("method", std::move(methods)).Default(method).Doc("HTTP method."),
          Map("params", Expression("").InterpolatedIsSecret()).Doc("Query parameters, added to the source's."),
          Map("headers", Expression("").InterpolatedIsSecret()).Doc("Headers, added to the source's."),
          Json("body").InterpolatedIsSecret().Doc("JSON body; its texts may hold {{ }}.")};
}

ObjectTypePtr Made(std::string name, std::string doc, std::vector<Field> request, std::vector<Field> more) {
  ObjectType type{.name = std::move(name), .doc = std::move(doc), .fields = std::move(request)};
  for (Field& field : more) type.fields.push_back(std::move(field));
  type.foreign = {{"json", "write `body:`"}, {"url", "write `path:`, below base_url"}};
  return std::make_shared<const ObjectType>(std::move(type));
}

}  // namespace

ObjectTypePtr JobCreateType() {
  static const auto type = Made(
      "job create", "The request that begins a job.", RequestFields({{"POST", ""}, {"PUT", ""}, {"GET", ""}}, "POST"),
      {Text("id").Required().Doc("Path of the job's name in the answer: `{{ job.id }}`.").Example("data.id")});
  return type;
}

ObjectTypePtr JobPollType() {
  static const auto type = [] {
    std::vector<Field> more = {
        Text("status").Required().Doc("Path of what the answer says of the job.").Example("data.status"),
        List("done", Text("")).Required().AtLeast(1).Doc("What it says when the job is done.").Example("[COMPLETED]"),
        List("failed", Text("")).Doc("What it says when it has failed.").Example("[FAILED, EXPIRED]"),
        List("running", Text(""))
            .Doc("What else it may say; any other is an error then. Default: anything, and the job is waited for."),
        Text("rows")
            .Doc("Path of the number of rows that the job made: it must be that of the rows that come.")
            .Example("objectCount")};
    for (Field& field : PollTimeFields()) more.push_back(std::move(field));
    return Made("job poll", "The request that asks how far a job is, again and again.",
                RequestFields({{"GET", ""}, {"POST", ""}}, "GET"), std::move(more));
  }();
  return type;
}

ObjectTypePtr JobCancelType() {
  static const auto type =
      Made("job cancel", "The request that ends a job that is not waited for any longer.",
           RequestFields({{"DELETE", ""}, {"POST", ""}, {"PATCH", ""}, {"PUT", ""}}, "DELETE"), {});
  return type;
}

ObjectTypePtr JobDownloadType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "job download",
      .doc = "Where the file of a job is, if its API says so. It may be on another host, which gets no credentials.",
      .fields = {Expression("url")
                     .Required()
                     .Doc("A URL, or a list of them; null only where `rows` of the poll is 0.")
                     .Example("\"{{ job.result.data.url }}\"")}});
  return type;
}

ObjectTypePtr JobType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "job",
      .doc =
          "A job that the API does in the background, before the table's request. Its templates, and those of `poll` "
          "and `cancel`, know `{{ job.id }}` and `{{ job.result.<path> }}`, the last answer to `poll`.",
      .fields = {Object("create", JobCreateType()).Required().Doc("Begins it."),
                 Object("poll", JobPollType()).Required().Doc("Asks how far it is."),
                 Object("cancel", JobCancelType()).Doc("Ends one that is given up: by a stop, or by `timeout`."),
                 Object("download", JobDownloadType()).Doc("Where its file is, in place of the table's own request."),
                 Int("attempts")
                     .Range(1, 10)
                     .Default("1")
                     .Doc("How many jobs are begun, one after the other, before a failed one fails the table.")}});
  return type;
}

std::vector<Field> JobFields() {
  return {Object("job", JobType())
              .OnlyFor("rest")
              .Doc("A job that makes what the request asks for (docs/guide/jobs.md).")
              .Example(
                  "{create: {path: /jobs, id: id}, poll: {path: \"/jobs/{{ job.id }}\", status: state, done: [done]}}"),
          Text("members")
              .OnlyFor("rest")
              .Doc("Which files of a zip archive are read. Default: all.")
              .Example("\"**/*.json.gz\"")};
}

}  // namespace firn::config
