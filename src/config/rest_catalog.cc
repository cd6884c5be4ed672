#include "config/rest_catalog.h"

namespace firn::config {

Variant RestCatalogVariant() {
  return {
      .tag_value = "rest",
      .doc = "An Iceberg REST catalog. Tried with `firn catalog serve` and the Java reference server.",
      .fields = {
          Url("uri").Required().Doc("Base address, without /v1.").Example("http://127.0.0.1:8181"),
          Text("warehouse").Doc("The warehouse to ask the server for, by its name or location.").Example("lake"),
          Text("prefix").Doc("Path prefix, unless the server names one."),
          Text("token").Secret().Doc("Bearer token.").Example("${env:CATALOG_TOKEN}"),
          Text("credential")
              .Secret()
              .Doc("OAuth2 client credentials, `id:secret`.")
              .Example("${env:CATALOG_CREDENTIAL}"),
          Url("oauth2_server_uri").Doc("Token endpoint. Default: /v1/oauth/tokens of the catalog."),
          Text("scope").Default("catalog").Doc("OAuth2 scope."),
          Text("sigv4_region").Doc("Sign requests for AWS in this region; keys come from the provider's chain."),
          Text("sigv4_service").Default("execute-api").Doc("AWS service to sign for.").Example("glue"),
          Bool("vended_credentials")
              .Default("true")
              .Doc(
                  "Reach the tables' files with the credentials that the server hands out, if it does and lake.storage "
                  "has none.")}};
}

RestCatalogConfig LowerRestCatalog(const ObjectView& catalog) {
  return {.uri = catalog.Text("uri"),
          .warehouse = catalog.Text("warehouse"),
          .prefix = catalog.Text("prefix"),
          .token = catalog.Text("token"),
          .credential = catalog.Text("credential"),
          .oauth2_server_uri = catalog.Text("oauth2_server_uri"),
          .scope = catalog.Text("scope"),
          .sigv4_region = catalog.Text("sigv4_region"),
          .sigv4_service = catalog.Text("sigv4_service"),
          .vended_credentials = catalog.Bool("vended_credentials")};
}

}  // namespace firn::config
