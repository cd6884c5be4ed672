#include "config/airbyte_fields.h"

namespace firn::config {

Variant AirbyteSourceVariant() {
  Variant airbyte{.tag_value = "airbyte",
                  .doc = "An Airbyte connector that is a manifest.yaml, unmodified; Airbyte itself is not needed."};
  airbyte.fields = {Text("manifest")
                        .Required()
                        .Doc("The connector's manifest.yaml, relative to the project.")
                        .Example("./source-hubspot/manifest.yaml"),
                    Json("config")
                        .InterpolatedIsSecret()
                        .Doc("What the connector is configured with; `firn airbyte spec` says what it wants.")
                        .Example("{api_key: \"${env:API_KEY}\", start_date: 2024-01-01}"),
                    Enum("types", {{"rows", "Those of the rows."},
                                   {"declared", "Those of the connector's schemas, where rows do not say otherwise."}})
                        .Default("rows")
                        .Doc("The types of the columns of new tables.")};
  return airbyte;
}

}  // namespace firn::config
