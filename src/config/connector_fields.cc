#include "config/connector_fields.h"

#include "config/fields.h"

namespace firn::config {
namespace {

ObjectTypePtr SettingType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "setting",
      .doc = "What a connector has to be told; `${setting:<name>}` in the connector file is its value.",
      .fields = {Text("doc").Required().Doc("What it is, and where it is found.").Example("Token of a private app"),
                 Enum("type", {{"text", "one value"}, {"list", "several; one value counts as a list of one"}})
                     .Default("text")
                     .Doc("What is written for it."),
                 Bool("required").Default("false").Doc("The user has to write it; else it has a `default`."),
                 Bool("secret").Default("false").Doc("It is never shown."),
                 Json("default").Doc("Its value where the user writes none.").Example("2020-01-01"),
                 Text("example").Doc("What `firn init` writes for it.").Example("my-company")}});
  return type;
}

}  // namespace

Variant ConnectorSourceVariant(std::vector<Field> rest) {
  Variant connector{.tag_value = "connector",
                    .doc =
                        "A connector file: of the library in this binary, or one of your own. It is a layer below "
                        "what the pipeline says, which wins field by field."};
  connector.fields = {Text("connector")
                          .Required()
                          .Doc("A name that `firn connectors` lists, or the path of a file, relative to the project.")
                          .Example("hubspot"),
                      Json("settings")
                          .InterpolatedIsSecret()
                          .Doc("What the connector has to be told; `firn connectors <name>` says what it wants.")
                          .Example("{token: \"${env:HUBSPOT_TOKEN}\"}")};
  for (Field& field : rest) {
    field.required = false;
    connector.fields.push_back(std::move(field));
  }
  return connector;
}

const ObjectType& ConnectorFileType() {
  static const ObjectType type{
      .name = "connector file",
      .doc = "An API described once, for all pipelines of `type: connector` that read it (docs/connectors).",
      .fields = {
          Int("connector").Required().Doc("Version of the format: 1.").Example("1"),
          Text("name").Required().Doc("Name in the library, and of the pipeline.").Example("hubspot"),
          Text("title").Required().Doc("Name for people.").Example("HubSpot CRM"),
          Url("api").Required().Doc("The vendor's documentation.").Example("https://developers.hubspot.com/docs"),
          Text("doc").Doc("Limits of the API and of the connector that users must know."),
          Map("settings", Object("", SettingType())).Doc("What it has to be told."),
          Object("source", SourceType()).Required().Doc("As in a pipeline; `type: rest`."),
          Map("tables", Object("", TableType())).Required().Doc("As in a pipeline."),
          Map("further_tables", Object("", TableType()))
              .Doc("Tables that a pipeline has only if it names them: those that cost a request per row.")}};
  return type;
}

}  // namespace firn::config
